#include "edge/balancer.hpp"

#include <adit/limits.hpp>

#include <array>
#include <sys/socket.h>

#include <cerrno>

namespace adit::inline v0::edge {
namespace {

/// Looks at what came, and takes of it what belongs to the header. False: nothing came yet.
Result<bool> take_some(int fd, ProxyProtocolReader& reader) {
    std::array<std::uint8_t, 256> bytes;
    const auto seen = ::recv(fd, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
    if (seen < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (seen <= 0) return ErrorInfo(errc::protocol_error, "PROXY protocol: the connection ended inside of the header");
    const auto used = reader.feed(Bytes(bytes).first(static_cast<std::size_t>(seen)));
    if (!used) return used.error();
    (void)::recv(fd, bytes.data(), *used, MSG_DONTWAIT); // it is there
    return true;
}

} // namespace

asio::awaitable<Result<std::optional<ProxiedEnds>>> read_proxy_protocol(std::shared_ptr<net::TcpStream> stream) {
    ProxyProtocolReader reader(limits::proxy_protocol_max);
    net::IoResult ready;
    while (!reader.done()) {
        ready = co_await stream->wait_readable();
        if (!ready.ok()) co_return ErrorInfo(errc::protocol_error, "PROXY protocol: no complete header came");
        const Result<bool> taken = take_some(stream->socket().native_handle(), reader);
        if (!taken) co_return taken.error();
    }
    co_return reader.ends();
}

} // namespace adit
