// Who may connect, by address (behaviour A.2; restrict-ips, ip restrictions of a bind): ranges to allow and
// to deny.
#pragma once

#include "base/cidr.hpp"
#include "base/result.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace adit::inline v0::policy {

/// Ranges, looked up by address with one binary search over the places where the innermost range changes.
/// Thread-safe after construction.
class CidrTable {
public:
    CidrTable() = default;
    explicit CidrTable(std::vector<Cidr> ranges);

    /// The most specific range that holds the address; nullopt if none does.
    std::optional<Cidr> find(const IpAddress& address) const noexcept;
    bool empty() const noexcept { return ranges_.empty(); }
    /// Different ranges.
    std::size_t size() const noexcept { return ranges_.size(); }

private:
    // Addresses from `first` on, until the next part, belong to ranges_[range].
    template <class Number>
    struct Part {
        Number first;
        std::uint32_t range;
    };
    using V6 = std::array<std::uint64_t, 2>; // high half first

    std::vector<Cidr> ranges_; // sorted
    std::vector<Part<std::uint32_t>> v4_;
    std::vector<Part<V6>> v6_;
};

struct IpDecision {
    bool allowed = false;
    /// The most specific range that decided: one of `deny` if there is one, else one of `allow`; unset if the
    /// address is in no range.
    std::optional<Cidr> matched;
};

/// Allowed is who is in at least one allowed range and in no denied one; so nobody, if there is no allowed
/// range (as restrict-ips says, and 393). Thread-safe after construction.
class IpSet {
public:
    IpSet() = default; ///< allows nobody
    /// Each text is a CIDR or an address. 2217 names the text that is neither, 2218 is for more than
    /// limits::ip_set_ranges_max in a list.
    static Result<IpSet> create(std::span<const std::string> allow, std::span<const std::string> deny);

    IpDecision decide(const IpAddress& source) const noexcept;
    std::size_t size() const noexcept { return allow_.size() + deny_.size(); }

private:
    CidrTable allow_;
    CidrTable deny_;
};

} // namespace adit::inline v0::policy
