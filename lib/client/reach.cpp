#include "client/reach.hpp"

#include "client/roots.hpp"

#include <utility>

namespace adit::inline v0 {
namespace {

Result<net::Route> route_to(const SessionOptions::Data& options, const std::string& host) {
    net::Route route;
    if (!options.interface_or_address.empty()) route.local = net::LocalEnd::from_text(options.interface_or_address);
    route.dialer = options.dialer;
    Result<std::optional<net::ProxyUrl>> proxy = proxy_for(options, host);
    if (!proxy) return proxy.error();
    route.proxy = std::move(*proxy);
    if (route.proxy && route.proxy->kind() == net::ProxyKind::https) {
        Result<tls::TrustRoots> roots = load_proxy_roots(options);
        if (!roots) return roots.error();
        tls::ClientOptions client;
        client.roots = std::move(*roots);
        Result<std::shared_ptr<const tls::ClientContext>> context = tls::ClientContext::create(std::move(client));
        if (!context) return context.error();
        route.proxy_tls = std::move(*context);
    }
    return route;
}

} // namespace

Result<std::optional<net::ProxyUrl>> proxy_for(const SessionOptions::Data& options, std::string_view host) {
    std::optional<net::ProxyUrl> none;
    if (options.proxy.empty() || net::exempt_from_proxy(options.no_proxy, host)) return none;
    if (options.proxy_from_environment && net::is_this_machine(host)) return none;
    Result<net::ProxyUrl> proxy = net::ProxyUrl::parse(options.proxy);
    if (!proxy) return ErrorInfo(proxy.error().code(), options.proxy_source + ": " + proxy.error().message());
    return std::optional<net::ProxyUrl>(std::move(*proxy));
}

Result<std::shared_ptr<const tls::Identity>> client_identity(const SessionOptions::Data& options) {
    using Shared = std::shared_ptr<const tls::Identity>;
    if (!options.client_certificate) return Shared();
    Result<Shared> identity = tls::Identity::from_pem(options.client_certificate_pem, options.client_key_pem);
    if (identity) return identity;
    const ErrorInfo& error = identity.error();
    return ErrorInfo(errc::invalid_option, "client_certificate: " + error.message(), error.detail());
}

Result<std::shared_ptr<const tls::ClientContext>> client_tls_context(const SessionOptions::Data& options) {
    Result<tls::TrustRoots> roots = load_roots(options);
    if (!roots) return roots.error();
    tls::ClientOptions client;
    client.roots = std::move(*roots);
    Result<std::shared_ptr<const tls::Identity>> identity = client_identity(options);
    if (!identity) return identity.error();
    client.identity = std::move(*identity);
    return tls::ClientContext::create(std::move(client));
}

asio::awaitable<Result<net::Tcp::socket>> reach(asio::any_io_executor executor, const SessionOptions::Data& options,
                                                ServerTarget target) {
    Result<net::Route> route = route_to(options, target.host);
    if (!route) co_return route.error();
    const auto time = options.connect_timeout;
    Result<net::Tcp::socket> socket =
        co_await net::connect(executor, std::move(*route), target.host, target.port, time);
    co_return socket;
}

std::string describe_reach(const SessionOptions::Data& options, const ServerTarget& target) {
    const auto proxy = proxy_for(options, target.host);
    if (proxy && *proxy) return "the way through the proxy " + (*proxy)->text() + " to " + target.text();
    if (options.dialer) return "the dialer's connect of " + target.text();
    return "name lookup or TCP connect of " + target.text();
}

} // namespace adit::inline v0
