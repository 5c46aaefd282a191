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

asio::awaitable<void> stop_tunnel(std::shared_ptr<SessionImpl> session, std::shared_ptr<net::MuxStream> stream) {
    const Result<std::string> text = co_await read_command(stream);
    stream->close(); // nobody answers a StopTunnel
    if (!text) co_return;
    const Result<StopTunnelRequest> request = decode_stop_tunnel_request(*text);
    if (!request) co_return;
    const ErrorInfo told = parse_rpc_error(request->message + "\n\n" + request->error_code);
    std::error_code code = told.code();
    if (code == errc::refused) code = errc::listener_closed; // it named no number
    session->stop_listener(request->id, ErrorInfo(code, "the edge stopped this listener", told.detail()));
}

/// Not a byte more than the head: what follows is the visitor's.
MutableBytes space_for(const ProxyHeaderReader& reader, MutableBytes buffer) {
    return buffer.first(std::min(buffer.size(), reader.wanted()));
}

asio::awaitable<void> read_head(std::shared_ptr<SessionImpl> session, std::shared_ptr<net::MuxStream> stream,
                                ProxyHeaderReader reader) {
    std::array<std::uint8_t, 512> buffer;
    const std::weak_ptr<net::MuxStream> weak(stream);
    const auto give_up = [weak] {
        if (const auto late = weak.lock()) late->abort();
    };
    net::Deadline deadline(session->strand(), limits::proxy_header_time, give_up);
    while (!reader.done()) {
        const MutableBytes space = space_for(reader, buffer);
        const net::IoResult got = co_await stream->read_some(space);
        if (!got.ok()) co_return;
        const Result<std::size_t> used = reader.feed(space.first(got.size()));
        if (!used) co_return; // FIN, as the official agents
    }
    session->deliver(std::move(stream), reader.header());
}

} // namespace

void SessionImpl::on_stream(std::shared_ptr<net::MuxStream> stream, std::uint32_t type) {
    switch (static_cast<RequestType>(type)) {
    case RequestType::proxy: return on_visitor(std::move(stream));
    case RequestType::stop:
    case RequestType::restart:
    case RequestType::update:
    case RequestType::stop_tunnel: break;
    default: return stream->close();
    }
    if (commands_pending_ >= limits::commands_pending) return stream->reset(muxado::ErrorCode::enhance_your_calm);
    const bool stops = type == static_cast<std::uint32_t>(RequestType::stop_tunnel);
    auto self = shared_from_this();
    auto work = stops ? stop_tunnel(self, std::move(stream))
                      : command(self, std::move(stream), static_cast<RequestType>(type));
    // A coroutine for each: one that dawdles holds up nobody.
    ++commands_pending_;
    asio::co_spawn(strand_, std::move(work), [self](const std::exception_ptr&) { --self->commands_pending_; });
}

void SessionImpl::on_visitor(std::shared_ptr<net::MuxStream> stream) {
    // The head comes with the stream's first frame, as a rule.
    ProxyHeaderReader reader;
    std::array<std::uint8_t, 512> buffer;
    while (!reader.done()) {
        const MutableBytes space = space_for(reader, buffer);
        const net::IoResult got = stream->read_now(space);
        if (got.code() == asio::error::would_block) break;
        if (!got.ok()) return;
        const Result<std::size_t> used = reader.feed(space.first(got.size()));
        if (!used) return; // FIN, as the official agents
    }
    if (reader.done()) return deliver(std::move(stream), reader.header());
    if (heads_pending_ >= limits::proxy_headers_pending) return stream->reset(muxado::ErrorCode::enhance_your_calm);
    ++heads_pending_;
    auto self = shared_from_this();
    asio::co_spawn(strand_, read_head(self, std::move(stream), std::move(reader)),
                   [self](const std::exception_ptr&) { --self->heads_pending_; });
}

} // namespace adit
