// A range of IP addresses, and lists of them.
#pragma once

#include <adit/config.hpp>

#include "base/ip_address.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace adit::inline v0 {

/// "10.0.0.0/8", "2001:db8::/32", or one address (behaviour A.2). Bits behind the prefix are cleared.
class ADIT_INTERNAL Cidr {
public:
    /// nullopt for anything else.
    static std::optional<Cidr> parse(std::string_view text);

    /// An IPv4 range holds IPv4 addresses only, an IPv6 range IPv6 addresses only (IPv4-mapped ones count as
    /// IPv4).
    bool contains(const IpAddress& address) const noexcept;
    const IpAddress& network() const noexcept { return network_; }
    /// 0 to 32 for IPv4, 0 to 128 for IPv6.
    int prefix() const noexcept;
    std::string to_string() const;
    bool operator==(const Cidr&) const = default;

private:
    Cidr(IpAddress network, int mapped_prefix) : network_(network), mapped_prefix_(mapped_prefix) {}

    IpAddress network_;
    int mapped_prefix_; // of the 128-bit form
};

} // namespace adit::inline v0
