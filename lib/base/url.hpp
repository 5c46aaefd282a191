// Endpoint URLs and host names: how they are read, checked and written (behaviour D.1, D.2, D.5).
#pragma once

#include <adit/config.hpp>

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace adit::inline v0 {

/// A host and perhaps a port, as in "example.com:443". The host has no brackets.
class HostPort {
public:
    HostPort() = default;
    HostPort(std::string name, std::optional<std::uint16_t> number) : host(std::move(name)), port(number) {}

    std::string host;
    std::optional<std::uint16_t> port;
};

/// "host", "host:port", "[v6]", "[v6]:port", "v6"; a port is 0 to 65535 in digits. The host is not checked
/// further and may be empty (":80"). Error: errc::invalid_option with a message that quotes the text.
ADIT_INTERNAL Result<HostPort> split_host_port(std::string_view text);
/// The inverse: brackets around IPv6.
ADIT_INTERNAL std::string join_host_port(std::string_view host, std::uint16_t port);

/// The one spelling of a host name or IP address: lower case, without a dot at the end, IPv6 in its shortest
/// form without brackets. Errors: 326 (character), 327 (longer than 253), 328 (empty label), 329 (label
/// longer than 63), 330 (hyphen at an end). `wildcard`: a first label "*" is fine.
ADIT_INTERNAL Result<std::string> normalize_host(std::string_view host, bool wildcard = false);
/// Whether a normalised name is `pattern`, or below it if the pattern's first label is "*" (at any depth).
ADIT_INTERNAL bool host_matches(std::string_view pattern, std::string_view host) noexcept;

enum class UrlScheme : std::uint8_t { http, https, tls, tcp };
ADIT_INTERNAL std::string_view to_string(UrlScheme scheme) noexcept;
/// 80 for http, 443 for https and tls, 0 for tcp.
ADIT_INTERNAL std::uint16_t default_port(UrlScheme scheme) noexcept;

/// scheme://host:port, all parts optional ("https" is the default scheme): no host asks for a random one.
class ADIT_INTERNAL EndpointUrl {
public:
    EndpointUrl() = default;
    EndpointUrl(UrlScheme scheme, std::string host, std::optional<std::uint16_t> port = {});

    /// Errors of category ngrok: 9034 (malformed), 9035 (port; 9030 of an internal name), 9036 (scheme), 9037 (user, path, query or
    /// fragment), 9038 (slash at the end), and those of normalize_host(), which the host has passed.
    static Result<EndpointUrl> parse(std::string_view text);

    UrlScheme scheme() const noexcept { return scheme_; }
    /// "" if the edge shall choose one. May start with "*.".
    const std::string& host() const noexcept { return host_; }
    /// Unset if the text had none, or the scheme's own.
    std::optional<std::uint16_t> port() const noexcept { return port_; }
    /// The port, or the scheme's own (0 for tcp).
    std::uint16_t effective_port() const noexcept { return port_.value_or(default_port(scheme_)); }
    bool is_wildcard() const noexcept { return host_.starts_with("*."); }
    bool is_internal() const noexcept { return host_.ends_with(".internal"); }
    /// "https://app.example.com", "tcp://h:22000", "tcp://"; the scheme's own port is left out, IPv6 in
    /// brackets.
    std::string to_string() const;
    bool operator==(const EndpointUrl&) const = default;

private:
    UrlScheme scheme_ = UrlScheme::https;
    std::string host_;
    std::optional<std::uint16_t> port_;
};

/// The rules of a public endpoint (behaviour D.1): a host has at least two labels and is no address (331),
/// http, https and tls have no port but their own (9035), tcp has a port if it has a host (9035).
ADIT_INTERNAL Result<void> check_public(const EndpointUrl& url);
/// The rules of an internal endpoint: a host (9028) below ".internal" (9029) with at most 5 labels (9031); any port, and tcp
/// has one (9030).
ADIT_INTERNAL Result<void> check_internal(const EndpointUrl& url);

} // namespace adit::inline v0
