#include "http/target.hpp"

#include "http/fields.hpp"

#include <algorithm>
#include <array>

namespace adit::inline v0 {
namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_alnum(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_name_char(char c) noexcept { return is_alnum(c) || c == '-' || c == '.' || c == '_'; }
constexpr bool is_v6_char(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

constexpr auto not_in_target = [] {
    std::array<std::uint8_t, 256> table{};
    for (unsigned c = 0; c < table.size(); ++c) table[c] = c <= ' ' || c >= 0x7f || c == '#' ? 1 : 0;
    return table;
}();

struct Authority {
    std::string_view host; // with brackets
    std::string_view port; // without colon
    bool has_port = false;
};

Authority split(std::string_view text) noexcept {
    const std::size_t host_end = text.starts_with('[') ? std::min(text.find(']'), text.size() - 1) + 1
                                                       : std::min(text.find(':'), text.size());
    const std::string_view rest = text.substr(host_end);
    if (rest.empty()) return {text, {}, false};
    return {text.substr(0, host_end), rest.substr(1), rest.front() == ':'};
}

bool is_port(std::string_view text) noexcept {
    if (text.empty() || text.size() > 5 || !std::ranges::all_of(text, is_digit)) return false;
    unsigned value = 0;
    for (const char c : text) value = value * 10 + static_cast<unsigned>(c - '0');
    return value <= 65'535;
}

bool is_host(std::string_view text) noexcept {
    if (text.empty() || text.size() > 255) return false;
    if (text.front() != '[') return std::ranges::all_of(text, is_name_char);
    if (text.size() < 4 || text.back() != ']') return false;
    return std::ranges::all_of(text.substr(1, text.size() - 2), is_v6_char);
}

std::string_view effective_port(const Authority& authority, std::string_view scheme) noexcept {
    if (authority.has_port) return authority.port;
    return iequals(scheme, "https") ? "443" : "80";
}

} // namespace

bool is_target(std::string_view text) noexcept {
    unsigned bad = text.empty() ? 1 : 0;
    for (const char c : text) bad |= not_in_target[static_cast<unsigned char>(c)];
    return bad == 0;
}

std::optional<Target> parse_target(std::string_view method, std::string_view target) noexcept {
    if (!is_target(target)) return std::nullopt;
    if (method == "CONNECT") {
        if (!is_authority(target, true)) return std::nullopt;
        return Target{TargetForm::authority, {}, target, {}};
    }
    if (target.front() == '/') return Target{TargetForm::origin, {}, {}, target};
    if (target == "*") {
        if (method != "OPTIONS") return std::nullopt;
        return Target{TargetForm::asterisk, {}, {}, target};
    }
    const std::size_t colon = target.find("://");
    const std::string_view scheme = target.substr(0, colon);
    if (colon == std::string_view::npos || !(iequals(scheme, "http") || iequals(scheme, "https"))) {
        return std::nullopt;
    }
    const std::string_view rest = target.substr(colon + 3);
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    if (!is_authority(rest.substr(0, end))) return std::nullopt;
    return Target{TargetForm::absolute, scheme, rest.substr(0, end), rest.substr(end)};
}

bool is_authority(std::string_view text, bool port_required) noexcept {
    if (text.empty()) return false;
    const Authority parts = split(text);
    if (!is_host(parts.host)) return false;
    if (parts.host.size() == text.size()) return !port_required;
    return parts.has_port && is_port(parts.port);
}

bool same_authority(std::string_view a, std::string_view b, std::string_view scheme) noexcept {
    if (a.empty() || b.empty()) return a.empty() && b.empty();
    const Authority left = split(a);
    const Authority right = split(b);
    return iequals(left.host, right.host) && effective_port(left, scheme) == effective_port(right, scheme);
}

} // namespace adit
