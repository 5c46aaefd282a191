// From the options of a session to a connected socket towards its edge.
#pragma once

#include "base/result.hpp"
#include "client/options_data.hpp"
#include "net/route.hpp"

#include <string>

namespace adit::inline v0 {

/// The proxy that `options` name for `host`; none if it is exempt by NO_PROXY. errc::invalid_option names the option or
/// the variable it came from.
Result<std::optional<net::ProxyUrl>> proxy_for(const SessionOptions::Data& options, std::string_view host);

/// What client_certificate was set to; null if it was not. errc::invalid_option names the option.
Result<std::shared_ptr<const tls::Identity>> client_identity(const SessionOptions::Data& options);

/// How TLS to the edge is checked, and who we are in it. Errors: those of load_roots() and client_identity().
Result<std::shared_ptr<const tls::ClientContext>> client_tls_context(const SessionOptions::Data& options);

/// Errors of load_proxy_roots() and net::connect(). `options` must stay until it is done; the time is
/// options.connect_timeout.
asio::awaitable<Result<net::Tcp::socket>> reach(asio::any_io_executor executor, const SessionOptions::Data& options,
                                                ServerTarget target);

/// What reach() does, for a message about its time: "name lookup or TCP connect of edge.example.com:443", or with a
/// proxy.
std::string describe_reach(const SessionOptions::Data& options, const ServerTarget& target);

} // namespace adit::inline v0
