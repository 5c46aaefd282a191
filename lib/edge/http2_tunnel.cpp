#include "edge/http2_tunnel.hpp"

namespace adit::inline v0::edge {

asio::awaitable<net::IoResult> Http2Tunnel::wait_readable() {
    const std::shared_ptr<Http2TunnelEnd> end = end_;
    bool broken = false;
    co_await end->wait_incoming(broken);
    net::IoResult result;
    if (broken) result = net::IoResult(make_error_code(asio::error::connection_reset));
    co_return result;
}

asio::awaitable<net::IoResult> Http2Tunnel::read_some(MutableBytes buffer) {
    const std::shared_ptr<Http2TunnelEnd> end = end_;
    const net::IoResult ready = co_await wait_readable();
    if (!ready.ok()) co_return ready;
    const std::size_t n = end->incoming().read(buffer);
    if (n == 0) co_return net::IoResult(make_error_code(asio::error::eof));
    end->incoming().release_if_empty();
    end->consumed(n);
    co_return net::IoResult(n);
}

asio::awaitable<net::IoResult> Http2Tunnel::write(Bytes first, Bytes second) {
    const std::shared_ptr<Http2TunnelEnd> end = end_;
    bool ok = co_await end->put(first);
    if (ok && !second.empty()) ok = co_await end->put(second);
    net::IoResult result(first.size() + second.size());
    if (!ok) result = net::IoResult(make_error_code(asio::error::connection_reset));
    co_return result;
}

asio::awaitable<net::IoResult> Http2Tunnel::shutdown_write() {
    const std::shared_ptr<Http2TunnelEnd> end = end_;
    end->put_last();
    co_await end->all_put();
    co_return net::IoResult();
}

} // namespace adit
