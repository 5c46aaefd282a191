#include "net/rpc.hpp"

#include "net/deadline.hpp"
#include "proto/json_end.hpp"

#include <adit/limits.hpp>

#include <array>

namespace adit::inline v0::net {
namespace {

constexpr std::size_t opening_max = 8 * 1024; // what leaves together with the type; the rest follows as it fits

asio::awaitable<Result<std::string>> read_object(std::shared_ptr<MuxStream> stream,
                                                 std::chrono::steady_clock::duration timeout, std::size_t size_max) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    Deadline deadline(executor, timeout, [weak = std::weak_ptr<MuxStream>(stream)] {
        if (const auto alive = weak.lock()) alive->cancel_read(make_error_code(errc::timed_out));
    });
    JsonReader reader(size_max);
    std::array<std::uint8_t, 2048> buffer;
    const MutableBytes space(buffer);
    while (!reader.done()) {
        const IoResult got = co_await stream->read_some(space);
        if (got.eof()) co_return ErrorInfo(errc::protocol_error, "the stream ended before its message");
        if (!got.ok()) co_return ErrorInfo(got.code(), "the message did not arrive");
        const Result<std::size_t> used = reader.feed(space.first(got.size()));
        if (!used) co_return used.error();
    }
    co_return reader.text();
}

} // namespace

asio::awaitable<Result<std::string>> call(std::shared_ptr<MuxSession> session, std::uint32_t type, std::string request,
                                          std::chrono::steady_clock::duration timeout) {
    const Bytes bytes = as_bytes(request);
    const Bytes opening = bytes.first(std::min(bytes.size(), opening_max));
    auto stream = session->open(type, opening);
    if (!stream) co_return stream.error();
    if (opening.size() < bytes.size()) {
        const IoResult sent = co_await (*stream)->write(bytes.subspan(opening.size()));
        if (!sent.ok()) co_return ErrorInfo(sent.code(), "the request could not be sent");
    }
    co_return co_await read_object(*stream, timeout, limits::rpc_message_max);
}

asio::awaitable<Result<std::string>> read_request(std::shared_ptr<MuxStream> stream,
                                                  std::chrono::steady_clock::duration timeout, std::size_t size_max) {
    co_return co_await read_object(std::move(stream), timeout, size_max);
}

asio::awaitable<IoResult> reply(std::shared_ptr<MuxStream> stream, std::string response) {
    const IoResult sent = co_await stream->write(as_bytes(response));
    if (sent.ok()) stream->finish_write();
    co_return sent;
}

} // namespace adit
