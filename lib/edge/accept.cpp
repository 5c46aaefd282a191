#include "edge/accept.hpp"

#include "edge/context.hpp"

#include <adit/limits.hpp>

namespace adit::inline v0::edge {
namespace {

/// Errors of the connection that was to be accepted (accept(2)): the next one may be fine.
bool concerns_one_visitor(const std::error_code& ec) noexcept {
    return ec == asio::error::connection_aborted || ec == asio::error::connection_reset ||
           ec == asio::error::interrupted || ec == asio::error::try_again || ec == asio::error::network_down ||
           ec == asio::error::host_unreachable || ec == asio::error::network_unreachable ||
           ec == std::errc::protocol_error || ec == std::errc::no_protocol_option;
}

} // namespace

bool take_place(EdgeContext& context) noexcept {
    const bool entered = context.visitors.enter();
    auto& counter = entered ? context.counters.visitors_accepted : context.counters.visitors_refused;
    counter.fetch_add(1, std::memory_order_relaxed);
    return entered;
}

asio::awaitable<bool> accept_visitor(net::Tcp::acceptor& acceptor, EdgeContext& context, net::Tcp::socket& socket,
                                     net::Tcp::endpoint& remote) {
    std::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    while (acceptor.is_open()) {
        co_await acceptor.async_accept(socket, remote, token);
        if (!ec && take_place(context)) co_return true; // also if the port was closed in the same moment
        if (!ec) {
            socket.close(ec);
            continue;
        }
        if (!acceptor.is_open()) break;
        if (concerns_one_visitor(ec)) continue;
        // No descriptors or memory: what is connected goes on, and may give some back.
        context.counters.accept_failed.fetch_add(1, std::memory_order_relaxed);
        asio::steady_timer timer(acceptor.get_executor(), limits::accept_backoff);
        co_await timer.async_wait(token);
    }
    co_return false;
}

} // namespace adit
