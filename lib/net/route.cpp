#include "net/route.hpp"

#include "base/ip_address.hpp"
#include "base/url.hpp"
#include "net/custom_dial.hpp"
#include "net/deadline.hpp"
#include "net/proxy_handshake.hpp"
#include "net/tls_stream.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace adit::inline v0::net {
namespace {

using Clock = std::chrono::steady_clock;
using SocketResult = Result<Tcp::socket>;

/// What a tunnel attempt ends with.
class Attempt {
public:
    SocketResult socket = ErrorInfo(errc::unavailable);
    bool other_address_may_work = false;
};

Clock::duration left_until(Clock::time_point end) { return std::max(end - Clock::now(), Clock::duration::zero()); }

asio::awaitable<SocketResult> dial_first(asio::any_io_executor executor, const Route& route, std::string host,
                                         std::uint16_t port, Clock::duration time) {
    if (route.dialer) {
        SocketResult custom = co_await custom_dial(executor, route.dialer, host, port, time);
        co_return custom;
    }
    const std::string service = std::to_string(port);
    SocketResult socket = co_await dial(executor, host, service, time, route.local);
    co_return socket;
}

ErrorInfo broken(const ProxyUrl& proxy, const IoResult& result) {
    const std::string name = "the proxy " + proxy.text();
    if (result.eof()) return {errc::unavailable, name + " closed the connection without an answer"};
    return {result.code(), "the connection to " + name + " broke"};
}

/// Says what `handshake` wants to say.
asio::awaitable<Result<void>> negotiate(const ProxyUrl& proxy, std::shared_ptr<Stream> stream,
                                        ProxyHandshake& handshake) {
    std::array<std::uint8_t, 512> buffer;
    while (!handshake.done()) {
        if (handshake.error()) co_return handshake.error();
        if (!handshake.output().empty()) {
            const IoResult sent = co_await stream->write(handshake.output());
            if (!sent.ok()) co_return broken(proxy, sent);
            handshake.clear_output();
        }
        const MutableBytes space(buffer.data(), std::min(buffer.size(), handshake.wanted()));
        const IoResult got = co_await stream->read_some(space);
        if (!got.ok()) co_return broken(proxy, got);
        handshake.received(Bytes(buffer.data(), got.size()));
    }
    co_return Result<void>();
}

/// Between the socket that the caller gets and the stream to the proxy.
asio::awaitable<void> move_bytes(std::shared_ptr<Stream> proxy, std::shared_ptr<Stream> local) {
    std::uint64_t up = 0, down = 0;
    (void)co_await pump_both(proxy, local, up, down, limits::fin_wait_time);
}

SocketResult local_end_of(const asio::any_io_executor& executor, std::shared_ptr<Stream> stream) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return std::error_code(errno, std::system_category());
    Tcp::socket ours(executor), theirs(executor);
    std::error_code ec;
    ours.assign(Tcp::v4(), ends[0], ec); // the family is a name here: only stream calls follow
    if (ec) ::close(ends[0]);
    std::error_code second;
    theirs.assign(Tcp::v4(), ends[1], second);
    if (second) ::close(ends[1]);
    if (ec || second) return ec ? ec : second;
    tune(theirs);
    asio::co_spawn(executor, move_bytes(std::move(stream), std::make_shared<TcpStream>(std::move(ours))),
                   asio::detached);
    return SocketResult(std::move(theirs));
}

/// The TLS to a proxy of kind https.
asio::awaitable<Result<std::shared_ptr<TlsStream>>> tls_to_proxy(Tcp::socket socket, const Route& route,
                                                                 Deadline& deadline, std::weak_ptr<Stream>& guarded) {
    Result<tls::Engine> engine = tls::Engine::client(route.proxy_tls, route.proxy->host());
    if (!engine) co_return engine.error();
    auto stream = std::make_shared<TlsStream>(std::move(socket), std::move(*engine));
    guarded = stream;
    Result<void> shaken = co_await stream->handshake();
    if (shaken && !deadline.expired()) co_return Result<std::shared_ptr<TlsStream>>(std::move(stream));
    const ErrorInfo& error = shaken.error();
    co_return ErrorInfo(error.code(), "TLS with the proxy " + route.proxy->text() + ": " + error.message(),
                        error.detail());
}

/// One connection to the proxy, for one address or name of the target.
asio::awaitable<Attempt> tunnel(asio::any_io_executor executor, const Route& route, std::string host,
                                std::uint16_t port, Clock::duration time) {
    const ProxyUrl& proxy = *route.proxy;
    const Clock::time_point end = Clock::now() + time;
    Attempt attempt;
    SocketResult socket = co_await dial_first(executor, route, proxy.host(), proxy.port(), time);
    if (!socket) {
        const ErrorInfo& error = socket.error();
        attempt.socket = ErrorInfo(error.code(), "the way to the proxy: " + error.message(), error.detail());
        co_return attempt;
    }
    std::weak_ptr<Stream> guarded;
    Deadline deadline(executor, left_until(end), [&guarded] {
        if (const auto late = guarded.lock()) late->abort();
    });
    std::shared_ptr<TcpStream> plain;
    std::shared_ptr<Stream> stream;
    ErrorInfo error;
    if (proxy.kind() == ProxyKind::https) {
        Result<std::shared_ptr<TlsStream>> secured =
            co_await tls_to_proxy(std::move(*socket), route, deadline, guarded);
        if (secured) stream = std::move(*secured);
        error = secured.error();
    } else {
        plain = std::make_shared<TcpStream>(std::move(*socket));
        guarded = plain;
        stream = plain;
    }
    const auto handshake = ProxyHandshake::create(proxy, host, port);
    if (stream) {
        const Result<void> agreed = co_await negotiate(proxy, stream, *handshake);
        error = agreed.error();
    }
    if (deadline.expired()) error = ErrorInfo(errc::timed_out, "the proxy " + proxy.text() + " did not answer in time");
    attempt.other_address_may_work = handshake->other_address_may_work();
    if (error) {
        attempt.socket = error;
    } else if (plain) {
        ByteQueue none;
        attempt.socket = SocketResult(plain->release(none));
    } else {
        attempt.socket = local_end_of(executor, std::move(stream));
    }
    co_return attempt;
}

/// socks5: the name is ours to look up, and each address is tried in turn.
asio::awaitable<SocketResult> tunnel_by_address(asio::any_io_executor executor, const Route& route, std::string host,
                                                std::uint16_t port, Clock::time_point end) {
    const std::string service = std::to_string(port);
    Result<std::vector<Tcp::endpoint>> addresses = co_await resolve(executor, host, service, left_until(end));
    if (!addresses) co_return addresses.error();
    SocketResult last = ErrorInfo(errc::unavailable);
    for (const Tcp::endpoint& address : *addresses) {
        std::string literal = address.address().to_string();
        Attempt attempt = co_await tunnel(executor, route, std::move(literal), port, left_until(end));
        last = std::move(attempt.socket);
        if (last || !attempt.other_address_may_work) break;
    }
    co_return last;
}

} // namespace

asio::awaitable<Result<Tcp::socket>> connect(asio::any_io_executor executor, Route route, std::string host,
                                             std::uint16_t port, std::chrono::steady_clock::duration time) {
    if (!route.proxy) {
        SocketResult straight = co_await dial_first(executor, route, std::move(host), port, time);
        co_return straight;
    }
    const bool by_address = route.proxy->kind() == ProxyKind::socks5 && !IpAddress::parse(host);
    if (by_address) {
        SocketResult socket = co_await tunnel_by_address(executor, route, std::move(host), port, Clock::now() + time);
        co_return socket;
    }
    Attempt attempt = co_await tunnel(executor, route, std::move(host), port, time);
    co_return std::move(attempt.socket);
}

} // namespace adit::inline v0::net
