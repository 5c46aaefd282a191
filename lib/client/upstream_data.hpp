// What the setters of Upstream fill in, and where an upstream is for one kind of endpoint.
#pragma once

#include <adit/limits.hpp>
#include <adit/upstream.hpp>

#include "base/result.hpp"
#include "base/url.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace adit::inline v0 {

struct Upstream::Data {
    enum class Roots : std::uint8_t { system, file, pem };

    Data() = default;

    std::string address;
    Roots roots = Roots::system;
    std::string roots_value; // path or PEM text
    std::string certificate_pem, key_pem;
    std::string server_name;
    bool verify = true;
    bool rewrite_host = false;
    std::string host_header;
    std::string app_protocol;
    std::size_t max_idle_connections = limits::upstream_idle_connections;
    std::chrono::milliseconds idle_time{limits::upstream_idle_time};
    std::chrono::milliseconds response_timeout{0};
    std::chrono::milliseconds dial_timeout{limits::upstream_dial_time};
};

enum class UpstreamScheme : std::uint8_t { http, https, tcp, tls, unix_socket };

/// An address, read.
class UpstreamTarget {
public:
    UpstreamTarget() = default;

    /// `shorthand`: what an address without a scheme means; https for port 443 if it is http. errc::unsupported_url says
    /// what is wrong with the text.
    static Result<UpstreamTarget> parse(std::string_view address, UpstreamScheme shorthand);

    bool uses_tls() const noexcept { return scheme == UpstreamScheme::https || scheme == UpstreamScheme::tls; }
    bool speaks_http() const noexcept { return scheme != UpstreamScheme::tcp && scheme != UpstreamScheme::tls; }
    /// "http://localhost:8080", "unix:/run/app.sock"; the scheme's own port is left out.
    std::string url() const;
    /// What the edge is told, as the official agents: "http://localhost:8080/".
    std::string forwards_to() const;
    /// Its own Host: "localhost:8080", without the scheme's own port; "localhost" for a local socket.
    std::string authority() const;

    UpstreamScheme scheme = UpstreamScheme::http;
    std::string host; ///< no brackets
    std::uint16_t port = 0;
    std::string path; ///< of a local socket
};

/// The target for an endpoint of that protocol, and a check of all options: errc::unsupported_url,
/// errc::invalid_option with a message that names the option. Labelled endpoints count as http.
Result<UpstreamTarget> check(const Upstream::Data& upstream, std::optional<UrlScheme> endpoint);

} // namespace adit
