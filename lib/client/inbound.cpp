// What the edge opens towards us: visitors' connections and commands (agent-protocol 3.10, 3.11, 4).
#include "client/listener_impl.hpp"
#include "client/session_impl.hpp"
#include "net/deadline.hpp"
#include "net/rpc.hpp"
#include "proto/codec.hpp"
#include "proto/rpc_error.hpp"

#include <array>

namespace adit::inline v0::detail {
namespace {

asio::awaitable<Result<std::string>> read_command(std::shared_ptr<net::MuxStream> stream) {
    return net::read_request(std::move(stream), limits::proxy_header_time, limits::command_message_max);
}

/// What the program's handler says to it; it is asked on the strand, so one at a time.
std::string ask(const CommandHandler& handler, const Command& command) {
    if (!handler) return std::string(command_unsupported);
    try {
        return handler(command);
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "the handler of this command failed";
    }
}

std::string answer_command(const SessionOptions::Data& options, RequestType type, std::string_view request) {
    switch (type) {
    case RequestType::stop: return ask(options.on_stop, Command(Command::Kind::stop));
    case RequestType::restart: return ask(options.on_restart, Command(Command::Kind::restart));
    default: break;
    }
    const Result<UpdateRequest> update = decode_update_request(request);
    if (!update) return update.error().message();
    return ask(options.on_update, Command(Command::Kind::update, update->version, update->permit_major_version));
}

asio::awaitable<void> command(std::shared_ptr<SessionImpl> session, std::shared_ptr<net::MuxStream> stream,
                              RequestType type) {
    const Result<std::string> request = co_await read_command(stream);
    if (!request) co_return;
    const std::string error = answer_command(session->options(), type, *request);
    std::string answer = error.empty() ? encode(EmptyResponse()) : encode_error(0, error);
    (void)co_await net::reply(stream, std::move(answer));
}

asio::awaitable<void> stop(std::shared_ptr<SessionImpl> session, std::shared_ptr<net::MuxStream> stream) {
    return command(std::move(session), std::move(stream), RequestType::stop);
}

asio::awaitable<void> restart(std::shared_ptr<SessionImpl> session, std::shared_ptr<net::MuxStream> stream) {
    return command(std::move(session), std::move(stream), RequestType::restart);
}

asio::awaitable<void> update(std::shared_ptr<SessionImpl> session, std::shared_ptr<net::MuxStream> stream) {
    return command(std::move(session), std::move(stream), RequestType::update);
}

asio::awaitable<void> stop_tunnel(std::shared_ptr<SessionImpl> session, std::shared_ptr<net::MuxStream> stream) {
    const Result<std::string> text = co_await read_command(stream);
    stream->close(); // nobody answers a StopTunnel
    if (!text) co_return;
    const Result<StopTunnelRequest> request = decode_stop_tunnel_request(*text);
    if (!request) co_return;
    const std::shared_ptr<ListenerImpl> listener = session->take_listener(request->id);
    if (!listener) co_return;
    const ErrorInfo told = parse_rpc_error(request->message + "\n\n" + request->error_code);
    std::error_code code = told.code();
    if (code == errc::refused) code = errc::listener_closed; // it named no number
    listener->end(ErrorInfo(code, "the edge stopped this listener", told.detail()));
}

asio::awaitable<void> read_head(std::shared_ptr<SessionImpl> session, std::shared_ptr<net::MuxStream> stream) {
    ProxyHeaderReader reader;
    std::array<std::uint8_t, 512> buffer;
    const std::weak_ptr<net::MuxStream> weak(stream);
    const auto give_up = [weak] {
        if (const auto late = weak.lock()) late->abort();
    };
    net::Deadline deadline(session->strand(), limits::proxy_header_time, give_up);
    while (!reader.done()) {
        // Not a byte more than the head: what follows is the visitor's.
        const MutableBytes space = MutableBytes(buffer).first(std::min(buffer.size(), reader.wanted()));
        const net::IoResult got = co_await stream->read_some(space);
        if (!got.ok()) co_return;
        const Result<std::size_t> used = reader.feed(space.first(got.size()));
        if (!used) co_return; // FIN, as the official agents
    }
    session->deliver(std::move(stream), reader.header());
}

} // namespace

void SessionImpl::on_stream(std::shared_ptr<net::MuxStream> stream, std::uint32_t type) {
    using Handle = asio::awaitable<void> (*)(std::shared_ptr<SessionImpl>, std::shared_ptr<net::MuxStream>);
    Handle handle = nullptr;
    switch (static_cast<RequestType>(type)) {
    case RequestType::proxy: handle = read_head; break;
    case RequestType::stop: handle = stop; break;
    case RequestType::restart: handle = restart; break;
    case RequestType::update: handle = update; break;
    case RequestType::stop_tunnel: handle = stop_tunnel; break;
    default: stream->close(); return;
    }
    const bool head = handle == read_head;
    std::size_t& pending = head ? heads_pending_ : commands_pending_;
    if (pending >= (head ? limits::proxy_headers_pending : limits::commands_pending)) {
        stream->reset(muxado::ErrorCode::enhance_your_calm);
        return;
    }
    ++pending;
    auto self = shared_from_this();
    // A coroutine for each: one that dawdles holds up nobody.
    const auto ended = [self, &pending](const std::exception_ptr&) { --pending; };
    asio::co_spawn(strand_, handle(self, std::move(stream)), ended);
}

} // namespace adit
