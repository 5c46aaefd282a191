// Outgoing proxies: how they are named, and for which hosts they are not used.
#pragma once

#include <adit/config.hpp>

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace adit::inline v0::net {

enum class ProxyKind : std::uint8_t {
    http,    ///< CONNECT (RFC 9110 9.3.6)
    https,   ///< the same inside of TLS to the proxy
    socks5,  ///< RFC 1928; we look the name up
    socks5h, ///< RFC 1928; the proxy looks the name up
};

class ADIT_INTERNAL ProxyUrl {
public:
    /// "scheme://[user[:password]@]host[:port][/]", user and password percent-encoded; without a scheme it is http.
    /// Ports: 80 for http, 443 for https, 1080 for socks5 and socks5h. errc::invalid_option; the message never quotes the
    /// text, which may hold a password.
    static Result<ProxyUrl> parse(std::string_view text);

    ProxyKind kind() const noexcept { return kind_; }
    const std::string& host() const noexcept { return host_; } ///< no brackets
    std::uint16_t port() const noexcept { return port_; }
    bool has_credentials() const noexcept { return has_credentials_; }
    const std::string& user() const noexcept { return user_; }
    const std::string& password() const noexcept { return password_; }
    bool is_socks() const noexcept { return kind_ == ProxyKind::socks5 || kind_ == ProxyKind::socks5h; }
    /// "http://proxy.example.com:3128", without credentials: for humans.
    std::string text() const;

private:
    Result<void> set_credentials(std::string_view userinfo);

    ProxyKind kind_ = ProxyKind::http;
    std::string host_;
    std::uint16_t port_ = 0;
    bool has_credentials_ = false;
    std::string user_;
    std::string password_;
};

/// Whether a list in the form of curl's NO_PROXY exempts `host` (a name or an IP literal without brackets): entries
/// between commas or spaces. "*" alone exempts all; a name exempts itself and what is below it, with or without a dot in
/// front; an IP address or CIDR exempts addresses.
ADIT_INTERNAL bool exempt_from_proxy(std::string_view no_proxy, std::string_view host);

/// Loopback addresses, localhost and names below it: a proxy's loopback is not ours.
ADIT_INTERNAL bool is_this_machine(std::string_view host);

} // namespace adit
