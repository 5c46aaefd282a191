#include "base/ip_address.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

namespace adit::inline v0 {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return port;
}

} // namespace

IpAddress::IpAddress(std::array<std::uint8_t, 4> v4) noexcept : IpAddress() {
    std::ranges::copy(v4, bytes_.begin() + 12);
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    char buffer[INET6_ADDRSTRLEN] = {};
    if (text.size() >= sizeof(buffer) || text.find('\0') != std::string_view::npos) return std::nullopt;
    std::ranges::copy(text, buffer);
    std::array<std::uint8_t, 4> four{};
    if (::inet_pton(AF_INET, buffer, four.data()) == 1) return IpAddress(four);
    std::array<std::uint8_t, 16> sixteen{};
    if (::inet_pton(AF_INET6, buffer, sixteen.data()) == 1) return IpAddress(sixteen);
    return std::nullopt;
}

bool IpAddress::is_v4() const noexcept {
    return std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes_.begin());
}

std::string IpAddress::to_string() const {
    char buffer[INET6_ADDRSTRLEN] = {};
    const bool four = is_v4();
    ::inet_ntop(four ? AF_INET : AF_INET6, bytes_.data() + (four ? 12 : 0), buffer, sizeof(buffer));
    return buffer;
}

std::optional<IpEndpoint> IpEndpoint::parse(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (bracketed != (host.find(':') != std::string_view::npos)) return std::nullopt;
    const auto address = IpAddress::parse(host);
    const auto port = parse_port(text.substr(colon + 1));
    if (!address || !port) return std::nullopt;
    return IpEndpoint(*address, *port);
}

std::string IpEndpoint::to_string() const {
    const std::string host = address.to_string();
    return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

} // namespace adit::inline v0
