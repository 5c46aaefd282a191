// How the text of an Upstream is read, and which of its options cannot work.
#include "client/upstream_data.hpp"

#include <algorithm>
#include <utility>

#include <sys/un.h>

namespace adit::inline v0 {
namespace {

struct SchemeName {
    std::string_view name;
    UpstreamScheme scheme;
};
constexpr SchemeName scheme_names[] = {{"http", UpstreamScheme::http},
                                       {"https", UpstreamScheme::https},
                                       {"tcp", UpstreamScheme::tcp},
                                       {"tls", UpstreamScheme::tls},
                                       {"unix", UpstreamScheme::unix_socket}};

std::string_view name_of(UpstreamScheme scheme) noexcept {
    return std::ranges::find(scheme_names, scheme, &SchemeName::scheme)->name;
}

/// 0: it must be given.
std::uint16_t own_port(UpstreamScheme scheme) noexcept {
    switch (scheme) {
    case UpstreamScheme::http: return 80;
    case UpstreamScheme::https:
    case UpstreamScheme::tls: return 443;
    case UpstreamScheme::tcp:
    case UpstreamScheme::unix_socket: break;
    }
    return 0;
}

ErrorInfo bad(std::string_view address, std::string_view why) {
    return {errc::unsupported_url, "upstream \"" + std::string(address) + "\": " + std::string(why)};
}

ErrorInfo invalid(std::string_view option, std::string_view why) {
    return {errc::invalid_option, "upstream " + std::string(option) + ": " + std::string(why)};
}

bool has_control_or_space(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

bool all_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Result<UpstreamTarget> parse_unix(std::string_view address, std::string_view path) {
    if (path.starts_with("//")) path.remove_prefix(2);
    if (!path.starts_with('/')) return bad(address, "a local socket needs an absolute path: unix:/run/app.sock");
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        return bad(address, "the path is longer than the system allows for a local socket");
    if (path.find('\0') != std::string_view::npos) return bad(address, "the path has a NUL");
    UpstreamTarget target;
    target.scheme = UpstreamScheme::unix_socket;
    target.path = path;
    return target;
}

Result<UpstreamTarget> parse_host(std::string_view address, std::string_view rest, UpstreamScheme scheme,
                                  bool shorthand) {
    if (has_control_or_space(rest)) return bad(address, "has a space or a control character");
    if (rest.ends_with('/')) rest.remove_suffix(1);
    if (rest.find('@') != std::string_view::npos) return bad(address, "a user or password cannot be given");
    if (rest.find_first_of("/?#") != std::string_view::npos)
        return bad(address, "a path or query cannot be given: requests keep their own");
    UpstreamTarget target;
    target.scheme = scheme;
    target.host = "localhost";
    const std::string text = shorthand && all_digits(rest) ? ":" + std::string(rest) : std::string(rest);
    const Result<HostPort> parts = split_host_port(text);
    if (!parts) return bad(address, "it is no host with a port from 1 to 65535");
    if (!parts->host.empty()) {
        // Names that DNS would not have, as my_service, exist among containers: only what cannot be a name is refused.
        if (parts->host.find_first_of("[]\"<>\\^`{|}%") != std::string::npos) return bad(address, "it has no valid host");
        target.host = parts->host;
    } else if (!parts->port) {
        return bad(address, "it names neither a host nor a port");
    }
    if (parts->port == 0) return bad(address, "port 0 cannot be connected to");
    if (shorthand && scheme == UpstreamScheme::http && parts->port == 443) target.scheme = UpstreamScheme::https; // X2
    target.port = parts->port.value_or(own_port(target.scheme));
    if (target.port == 0) return bad(address, "it needs a port: tcp://host:port");
    return target;
}

ErrorInfo check_options(const Upstream::Data& upstream, const UpstreamTarget& target) {
    using std::chrono::milliseconds;
    const milliseconds most = limits::option_time_max;
    if (upstream.dial_timeout <= milliseconds(0) || upstream.dial_timeout > most)
        return invalid("dial_timeout", "must be more than 0 and at most 24 h");
    if (upstream.idle_time <= milliseconds(0) || upstream.idle_time > most)
        return invalid("idle_time", "must be more than 0 and at most 24 h");
    if (upstream.response_timeout < milliseconds(0) || upstream.response_timeout > most)
        return invalid("response_timeout", "must be 0 (as long as the edge waits) or at most 24 h");
    if (upstream.max_idle_connections > limits::upstream_idle_max)
        return invalid("max_idle_connections", "must be at most " + std::to_string(limits::upstream_idle_max));
    if (!upstream.app_protocol.empty() && upstream.app_protocol != "http1" && upstream.app_protocol != "http2")
        return invalid("app_protocol", "must be \"http1\" or \"http2\"");
    if (has_control_or_space(upstream.host_header)) return invalid("host_header", "has a space or a control character");
    if (upstream.certificate_pem.empty() != upstream.key_pem.empty())
        return invalid("client_certificate", "needs both the certificate and its key");
    if (target.uses_tls()) return {};
    const bool roots = upstream.roots != Upstream::Data::Roots::system;
    // Someone who asks for TLS must not get plain text because of a wrong scheme.
    if (roots) return invalid("roots", "are for https and tls upstreams; this one is " + target.url());
    if (!upstream.certificate_pem.empty())
        return invalid("client_certificate", "is for https and tls upstreams; this one is " + target.url());
    return {};
}

} // namespace

Result<UpstreamTarget> UpstreamTarget::parse(std::string_view address, UpstreamScheme shorthand) {
    if (address.empty()) return bad(address, "no address was given: write http://localhost:8080 or 8080");
    if (address.starts_with("unix:")) return parse_unix(address, address.substr(5));
    const std::size_t mark = address.find("://");
    if (mark == std::string_view::npos) return parse_host(address, address, shorthand, true);
    const auto* named = std::ranges::find(scheme_names, address.substr(0, mark), &SchemeName::name);
    if (named == std::end(scheme_names)) return bad(address, "the scheme must be http, https, tcp, tls or unix");
    return parse_host(address, address.substr(mark + 3), named->scheme, false);
}

std::string UpstreamTarget::url() const {
    if (scheme == UpstreamScheme::unix_socket) return "unix:" + path;
    const std::string start = std::string(name_of(scheme)) + "://";
    return start + (scheme == UpstreamScheme::tcp ? join_host_port(host, port) : authority());
}

std::string UpstreamTarget::forwards_to() const {
    const bool web = scheme == UpstreamScheme::http || scheme == UpstreamScheme::https;
    return web ? url() + "/" : url();
}

std::string UpstreamTarget::authority() const {
    if (scheme == UpstreamScheme::unix_socket) return "localhost";
    if (port != own_port(scheme)) return join_host_port(host, port);
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

Result<UpstreamTarget> check(const Upstream::Data& upstream, std::optional<UrlScheme> endpoint) {
    const bool bytes = endpoint == UrlScheme::tcp || endpoint == UrlScheme::tls;
    Result<UpstreamTarget> target =
        UpstreamTarget::parse(upstream.address, bytes ? UpstreamScheme::tcp : UpstreamScheme::http);
    if (!target) return target;
    ErrorInfo wrong = check_options(upstream, *target);
    if (wrong) return wrong;
    return target;
}

} // namespace adit
