#include "net/proxy_url.hpp"

#include <adit/limits.hpp>

#include "base/cidr.hpp"
#include "base/url.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace adit::inline v0::net {
namespace {

struct Scheme {
    std::string_view name;
    ProxyKind kind;
    std::uint16_t port;
};
constexpr std::array<Scheme, 4> schemes{{{"http", ProxyKind::http, 80},
                                         {"https", ProxyKind::https, 443},
                                         {"socks5", ProxyKind::socks5, 1080},
                                         {"socks5h", ProxyKind::socks5h, 1080}}};
constexpr std::size_t socks_text_max = 255; // RFC 1929 2: a length in one byte

ErrorInfo invalid(std::string_view why) { return {errc::invalid_option, std::string(why)}; }

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
bool same(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, [](char c) { return lower(c); }, [](char c) { return lower(c); });
}

bool is_control_or_space(char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char l = lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
        out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
        i += 2;
    }
    return out;
}

std::string_view without_dots(std::string_view name) {
    while (name.ends_with('.')) name.remove_suffix(1);
    return name;
}

bool entry_exempts(std::string_view entry, std::string_view host, const std::optional<IpAddress>& address) {
    if (address) {
        if (entry.starts_with('[') && entry.ends_with(']')) entry = entry.substr(1, entry.size() - 2);
        const auto range = Cidr::parse(entry);
        return range && range->contains(*address);
    }
    if (entry.starts_with('.')) entry.remove_prefix(1);
    entry = without_dots(entry);
    if (entry.empty() || host.size() < entry.size()) return false;
    const std::size_t start = host.size() - entry.size();
    return same(host.substr(start), entry) && (start == 0 || host[start - 1] == '.');
}

} // namespace

Result<void> ProxyUrl::set_credentials(std::string_view userinfo) {
    const std::size_t colon = std::min(userinfo.find(':'), userinfo.size());
    const auto user = percent_decode(userinfo.substr(0, colon));
    const auto password = percent_decode(userinfo.substr(std::min(colon + 1, userinfo.size())));
    if (!user || !password) return invalid("a % in user or password must be followed by two hex digits (%25 is a %)");
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::ranges::any_of(*user, control) || std::ranges::any_of(*password, control))
        return invalid("user or password has a control character");
    if (is_socks() && (user->empty() || user->size() > socks_text_max || password->size() > socks_text_max))
        return invalid("user and password of a SOCKS proxy have at most 255 bytes, the user at least one");
    if (!is_socks() && user->find(':') != std::string::npos) // RFC 7617 2
        return invalid("the user of an HTTP proxy cannot have a colon");
    has_credentials_ = true;
    user_ = *user;
    password_ = *password;
    return {};
}

Result<ProxyUrl> ProxyUrl::parse(std::string_view text) {
    if (text.size() > limits::proxy_url_max)
        return invalid("longer than " + std::to_string(limits::proxy_url_max) + " bytes");
    if (std::ranges::any_of(text, is_control_or_space)) return invalid("has a space or a control character");
    ProxyUrl url;
    const Scheme* scheme = schemes.data();
    if (const std::size_t end = text.find("://"); end != std::string_view::npos) {
        const auto known = std::ranges::find_if(schemes, [&](const Scheme& s) { return same(s.name, text.substr(0, end)); });
        if (known == schemes.end()) return invalid("the scheme must be http, https, socks5 or socks5h");
        scheme = &*known;
        text.remove_prefix(end + 3);
    }
    url.kind_ = scheme->kind;
    if (text.ends_with('/')) text.remove_suffix(1);
    if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
        if (Result<void> set = url.set_credentials(text.substr(0, at)); !set) return set.error();
        text.remove_prefix(at + 1);
    }
    // Its own message would quote what may be a part of a password.
    const Result<HostPort> parts = split_host_port(text);
    if (!parts || text.find_first_of("/?#\\\"<>") != std::string_view::npos)
        return invalid("what follows the scheme must be [user:password@]host[:port] (IPv6 as [v6]:port)");
    if (parts->host.empty()) return invalid("has no host");
    url.host_ = parts->host;
    url.port_ = parts->port.value_or(scheme->port);
    if (url.port_ == 0) return invalid("port 0 cannot be connected to");
    return url;
}

std::string ProxyUrl::text() const {
    const auto scheme = std::ranges::find(schemes, kind_, &Scheme::kind);
    return std::string(scheme->name) + "://" + join_host_port(host_, port_);
}

bool exempt_from_proxy(std::string_view no_proxy, std::string_view host) {
    constexpr std::string_view separators = ", \t";
    host = without_dots(host);
    const auto address = IpAddress::parse(host);
    bool first = true;
    std::string_view only;
    for (std::size_t at = 0; at < no_proxy.size();) {
        const std::size_t begin = std::min(no_proxy.find_first_not_of(separators, at), no_proxy.size());
        const std::size_t end = std::min(no_proxy.find_first_of(separators, begin), no_proxy.size());
        at = end;
        if (begin == end) break;
        const std::string_view entry = no_proxy.substr(begin, end - begin);
        only = first ? entry : std::string_view();
        first = false;
        if (entry_exempts(entry, host, address)) return true;
    }
    return only == "*";
}

bool is_this_machine(std::string_view host) { return exempt_from_proxy("localhost,127.0.0.0/8,::1", host); }

} // namespace adit
