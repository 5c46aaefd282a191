#include "base/url.hpp"

#include "base/ip_address.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace adit::inline v0 {
namespace {

constexpr std::size_t url_max = 2'048; // longer is no endpoint
constexpr std::size_t host_max = 253;
constexpr std::size_t label_max = 63;
constexpr std::size_t internal_labels_max = 5;

// For an error message: short, and without what could confuse a terminal or a log.
std::string quoted(std::string_view text) {
    constexpr std::size_t shown = 100;
    std::string out = "\"";
    for (const char c : text.substr(0, shown)) out += c >= 0x20 && c < 0x7f ? c : '?';
    return out + (text.size() > shown ? "...\"" : "\"");
}

ErrorInfo refuse(int number, std::string_view text, std::string_view why) {
    return {ngrok_error(number), quoted(text) + ": " + std::string(why)};
}

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
    return out;
}

enum class PortError { none, not_a_number, out_of_range };

PortError parse_port(std::string_view text, std::uint16_t& port) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
        return PortError::not_a_number;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() ? PortError::none : PortError::out_of_range;
}

struct Authority {
    std::string_view host;
    std::optional<std::string_view> port;
};

// nullopt: brackets that do not fit, or colons that could mean anything.
std::optional<Authority> split_authority(std::string_view text) {
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view host = text.substr(1, end - 1);
        const std::string_view rest = text.substr(end + 1);
        const auto address = IpAddress::parse(host);
        if (!address || host.find(':') == std::string_view::npos) return std::nullopt;
        if (rest.empty()) return Authority{host, std::nullopt};
        if (rest.front() != ':') return std::nullopt;
        return Authority{host, rest.substr(1)};
    }
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return Authority{text, std::nullopt};
    if (text.find(':', colon + 1) != std::string_view::npos) {
        if (!IpAddress::parse(text)) return std::nullopt;
        return Authority{text, std::nullopt};
    }
    return Authority{text.substr(0, colon), text.substr(colon + 1)};
}

std::optional<ErrorInfo> check_label(std::string_view label, std::string_view host) {
    if (label.empty()) return refuse(328, host, "a label of the host name is empty");
    if (label.size() > label_max)
        return refuse(329, host, "a label of the host name is longer than 63 characters");
    for (const char c : label) {
        const bool allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
        if (!allowed) return refuse(326, host, "a host name has only letters, digits, hyphens and dots");
    }
    if (label.front() == '-' || label.back() == '-')
        return refuse(330, host, "a label of the host name starts or ends with a hyphen");
    return std::nullopt;
}

std::size_t count_labels(std::string_view host) {
    return host.empty() ? 0 : static_cast<std::size_t>(std::ranges::count(host, '.')) + 1;
}

std::optional<UrlScheme> find_scheme(std::string_view name) {
    for (const UrlScheme scheme : {UrlScheme::http, UrlScheme::https, UrlScheme::tls, UrlScheme::tcp})
        if (to_string(scheme) == name) return scheme;
    return std::nullopt;
}

// What may not follow the host and port.
std::optional<ErrorInfo> check_tail(std::string_view tail, std::string_view url) {
    if (tail.empty()) return std::nullopt;
    if (tail == "/") return refuse(9038, url, "leave out the slash at the end");
    return refuse(9037, url, "leave out what follows the host: an endpoint has no path, query or fragment");
}

} // namespace

Result<HostPort> split_host_port(std::string_view text) {
    const auto parts = split_authority(text);
    const auto error = [&] {
        return ErrorInfo(errc::invalid_option, quoted(text) + " is not host:port (IPv6 as [v6]:port)");
    };
    if (!parts) return error();
    HostPort result(std::string(parts->host), std::nullopt);
    if (!parts->port) return result;
    std::uint16_t port = 0;
    if (parse_port(*parts->port, port) != PortError::none) return error();
    result.port = port;
    return result;
}

std::string join_host_port(std::string_view host, std::uint16_t port) {
    const bool v6 = host.find(':') != std::string_view::npos;
    return (v6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + std::to_string(port);
}

Result<std::string> normalize_host(std::string_view host, bool wildcard) {
    if (const auto address = IpAddress::parse(host)) return address->to_string();
    std::string name = lower(host);
    if (name.ends_with('.')) name.pop_back();
    if (name.size() > host_max) return refuse(327, host, "the host name is longer than 253 characters");
    std::string_view rest = name;
    if (wildcard && rest.starts_with("*.")) rest.remove_prefix(2);
    for (;;) {
        const std::size_t dot = rest.find('.');
        if (auto error = check_label(rest.substr(0, dot), host)) return *std::move(error);
        if (dot == std::string_view::npos) return name;
        rest.remove_prefix(dot + 1);
    }
}

bool host_matches(std::string_view pattern, std::string_view host) noexcept {
    if (!pattern.starts_with("*.")) return pattern == host;
    const std::string_view suffix = pattern.substr(1);
    return host.size() > suffix.size() && host.ends_with(suffix);
}

std::string_view to_string(UrlScheme scheme) noexcept {
    switch (scheme) {
    case UrlScheme::http: return "http";
    case UrlScheme::https: return "https";
    case UrlScheme::tls: return "tls";
    case UrlScheme::tcp: return "tcp";
    }
    return "";
}

std::uint16_t default_port(UrlScheme scheme) noexcept {
    switch (scheme) {
    case UrlScheme::http: return 80;
    case UrlScheme::https:
    case UrlScheme::tls: return 443;
    case UrlScheme::tcp: return 0;
    }
    return 0;
}

EndpointUrl::EndpointUrl(UrlScheme scheme, std::string host, std::optional<std::uint16_t> port)
    : scheme_(scheme), host_(std::move(host)), port_(port) {
    if (port_ == default_port(scheme_)) port_.reset();
}

Result<EndpointUrl> EndpointUrl::parse(std::string_view text) {
    const bool printable =
        std::ranges::none_of(text, [](char c) { return (c >= 0 && c <= 0x20) || c == 0x7f; });
    if (text.size() > url_max || !printable)
        return refuse(9034, text, "write an endpoint as scheme://host:port, without spaces");
    UrlScheme scheme = UrlScheme::https;
    std::string_view rest = text;
    if (const std::size_t end = text.find("://"); end != std::string_view::npos) {
        const auto found = find_scheme(lower(text.substr(0, end)));
        if (end == 0) return refuse(9034, text, "the scheme is missing: use http, https, tls or tcp");
        if (!found) return refuse(9036, text, "the scheme must be http, https, tls or tcp");
        scheme = *found;
        rest = text.substr(end + 3);
    }
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    if (auto error = check_tail(rest.substr(authority.size()), text)) return *std::move(error);
    if (authority.find('@') != std::string_view::npos) return refuse(9037, text, "leave out the user name");
    if (authority.empty()) return EndpointUrl(scheme, "");

    const auto parts = split_authority(authority);
    if (!parts || parts->host.empty())
        return refuse(9034, text, "write the host as name, name:port or [v6]:port");
    std::uint16_t port = 0;
    if (parts->port) {
        const PortError error = parse_port(*parts->port, port);
        if (error == PortError::not_a_number) return refuse(9034, text, "the port is not a number");
        const bool internal = lower(parts->host).ends_with(".internal");
        if (error == PortError::out_of_range || port == 0) return refuse(internal ? 9030 : 9035, text, "a port is 1 to 65535");
    }
    Result<std::string> host = normalize_host(parts->host, true);
    if (!host) return host.error();
    return EndpointUrl(scheme, *std::move(host), parts->port ? std::optional(port) : std::nullopt);
}

std::string EndpointUrl::to_string() const {
    std::string text(v0::to_string(scheme_));
    text += "://";
    const bool v6 = host_.find(':') != std::string::npos;
    text += v6 ? "[" + host_ + "]" : host_;
    if (port_) text += ":" + std::to_string(*port_);
    return text;
}

Result<void> check_public(const EndpointUrl& url) {
    if (url.scheme() != UrlScheme::tcp && url.port())
        return refuse(9035, url.to_string(), "this scheme has no port but its own; leave it out");
    if (url.host().empty()) return {};
    if (url.scheme() == UrlScheme::tcp && !url.port())
        return refuse(9035, url.to_string(), "add the port, or write tcp:// for any");
    const std::string_view name = std::string_view(url.host()).substr(url.is_wildcard() ? 2 : 0);
    if (IpAddress::parse(name) || count_labels(name) < 2)
        return refuse(331, url.to_string(), "the host name must be below a domain, as in app.example.com");
    return {};
}

Result<void> check_internal(const EndpointUrl& url) {
    if (url.host().empty()) return refuse(9028, url.to_string(), "an internal endpoint needs a host name");
    if (!url.is_internal()) return refuse(9029, url.to_string(), "an internal host name ends in .internal");
    if (count_labels(url.host()) > internal_labels_max)
        return refuse(9031, url.to_string(), "an internal host name has at most 5 labels");
    if (url.scheme() == UrlScheme::tcp && !url.port())
        return refuse(9030, url.to_string(), "add the port, 1 to 65535: an internal tcp endpoint has no other name");
    return {};
}

} // namespace adit::inline v0
