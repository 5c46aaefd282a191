// The whole way to a connected socket: straight or through a proxy, from a chosen local end or by the program's dialer.
#pragma once

#include <adit/dialer.hpp>

#include "base/result.hpp"
#include "net/dial.hpp"
#include "net/proxy_url.hpp"
#include "tls/context.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace adit::inline v0::net {

/// By default: straight.
class Route {
public:
    LocalEnd local;
    Dialer dialer;                 ///< instead of our own lookup and connect; `local` is not used then
    std::optional<ProxyUrl> proxy; ///< is reached by `local` or `dialer`
    std::shared_ptr<const tls::ClientContext> proxy_tls; ///< for a proxy of kind https
};

/// Connects to `host`:`port` within `time`; the socket is tuned, and nothing but the talk with a proxy was sent on it.
/// Through an https proxy it is one end of a local socket pair, between which and the TLS to the proxy this executor
/// moves bytes until either side ends. Errors: those of dial(), custom_dial() and ProxyHandshake, TLS to the proxy,
/// errc::timed_out; the message names the target or the proxy, never a credential. `executor` must run one handler at a
/// time.
ADIT_INTERNAL asio::awaitable<Result<Tcp::socket>> connect(asio::any_io_executor executor, Route route,
                                                           std::string host, std::uint16_t port,
                                                           std::chrono::steady_clock::duration time);

} // namespace adit::inline v0::net
