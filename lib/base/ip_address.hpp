// IP addresses as values, without sockets.
#pragma once

#include <adit/config.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace adit::inline v0 {

/// An IPv4 or IPv6 address (no zone); the default is 0.0.0.0. IPv4 is held in its IPv6-mapped form, and a
/// mapped address parsed from text is the IPv4 address, so that a dual-stack socket changes no comparison.
class ADIT_INTERNAL IpAddress {
public:
    IpAddress() noexcept : bytes_{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0} {}
    explicit IpAddress(std::array<std::uint8_t, 4> v4) noexcept;
    explicit IpAddress(const std::array<std::uint8_t, 16>& v6) noexcept : bytes_(v6) {}

    /// Dotted IPv4 (no leading zeros) or IPv6 without brackets and zone; nullopt for anything else.
    static std::optional<IpAddress> parse(std::string_view text);

    bool is_v4() const noexcept;
    /// The last four bytes: the address if is_v4().
    std::array<std::uint8_t, 4> v4() const noexcept {
        return {bytes_[12], bytes_[13], bytes_[14], bytes_[15]};
    }
    /// The mapped form if is_v4().
    const std::array<std::uint8_t, 16>& v6() const noexcept { return bytes_; }
    std::string to_string() const;
    auto operator<=>(const IpAddress&) const = default;

private:
    std::array<std::uint8_t, 16> bytes_;
};

/// An address and a port.
class ADIT_INTERNAL IpEndpoint {
public:
    IpEndpoint() = default;
    IpEndpoint(IpAddress ip, std::uint16_t port_number) : address(ip), port(port_number) {}

    /// "1.2.3.4:80" or "[2001:db8::1]:80"; nullopt for anything else.
    static std::optional<IpEndpoint> parse(std::string_view text);
    std::string to_string() const;
    auto operator<=>(const IpEndpoint&) const = default;

    IpAddress address;
    std::uint16_t port = 0;
};

} // namespace adit::inline v0
