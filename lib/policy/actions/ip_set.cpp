#include "policy/actions/ip_set.hpp"

#include "base/bytes.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0::policy {
namespace {

constexpr std::uint32_t no_range = 0xffff'ffff;
using V6 = std::array<std::uint64_t, 2>;

std::uint64_t get_u64(const std::uint8_t* in) noexcept {
    return (std::uint64_t{get_u32_be(in)} << 32) | get_u32_be(in + 4);
}
V6 number_of(const IpAddress& address) noexcept {
    return {get_u64(address.v6().data()), get_u64(address.v6().data() + 8)};
}
std::uint32_t v4_number(const IpAddress& address) noexcept { return get_u32_be(address.v6().data() + 12); }

void number_of(const IpAddress& address, V6& out) noexcept { out = number_of(address); }
void number_of(const IpAddress& address, std::uint32_t& out) noexcept { out = v4_number(address); }

// The last number of a range that begins at `first`.
std::uint32_t last_of(std::uint32_t first, int prefix) noexcept {
    return prefix == 0 ? 0xffff'ffffu
                       : first | static_cast<std::uint32_t>((std::uint64_t{1} << (32 - prefix)) - 1);
}
V6 last_of(V6 first, int prefix) noexcept {
    const auto ones = [](int count) {
        return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
    };
    const int host = 128 - prefix;
    first[1] |= ones(std::min(host, 64));
    if (host > 64) first[0] |= ones(host - 64);
    return first;
}

// False if there is no next number.
bool next(std::uint32_t& number) noexcept { return ++number != 0; }
bool next(V6& number) noexcept { return ++number[1] != 0 || ++number[0] != 0; }

// Ranges are nested or apart, so a stack of the open ones cuts the numbers where the innermost one changes.
template <class Number, class Parts>
void cut(const std::vector<Cidr>& ranges, bool v4, Parts& parts) {
    struct Open {
        Number last;
        std::uint32_t range;
    };
    std::vector<Open> open;
    const auto begin_part = [&](Number first, std::uint32_t range) {
        if (!parts.empty() && parts.back().first == first) {
            parts.back().range = range;
        } else {
            parts.push_back({first, range});
        }
    };
    const auto close_one = [&] {
        Number after = open.back().last;
        open.pop_back();
        if (next(after)) begin_part(after, open.empty() ? no_range : open.back().range);
    };
    for (std::uint32_t i = 0; i < ranges.size(); ++i) {
        if (ranges[i].network().is_v4() != v4) continue;
        Number first;
        number_of(ranges[i].network(), first);
        while (!open.empty() && open.back().last < first) close_one();
        begin_part(first, i);
        open.push_back({last_of(first, ranges[i].prefix()), i});
    }
    while (!open.empty()) close_one();
    parts.shrink_to_fit();
}

template <class Number, class Parts>
std::uint32_t range_at(const Parts& parts, const Number& number) noexcept {
    const auto after = std::upper_bound(parts.begin(), parts.end(), number,
                                        [](const Number& n, const auto& part) { return n < part.first; });
    return after == parts.begin() ? no_range : std::prev(after)->range;
}

Result<std::vector<Cidr>> read(std::span<const std::string> texts, std::string_view list) {
    if (texts.size() > limits::ip_set_ranges_max) {
        return ErrorInfo(ngrok_error(2218), std::string(list) + " has " + std::to_string(texts.size()) +
                                                " ranges, at most " +
                                                std::to_string(limits::ip_set_ranges_max) + " are allowed");
    }
    std::vector<Cidr> ranges;
    ranges.reserve(texts.size());
    for (const std::string& text : texts) {
        const auto range = Cidr::parse(text);
        if (!range) {
            return ErrorInfo(ngrok_error(2217),
                             std::string(list) +
                                 ": this is no IP address and no CIDR such as 10.0.0.0/8 or 2001:db8::/32",
                             text);
        }
        ranges.push_back(*range);
    }
    return ranges;
}

} // namespace

CidrTable::CidrTable(std::vector<Cidr> ranges) : ranges_(std::move(ranges)) {
    std::sort(ranges_.begin(), ranges_.end(), [](const Cidr& a, const Cidr& b) {
        return a.network() != b.network() ? a.network() < b.network() : a.prefix() < b.prefix();
    });
    ranges_.erase(std::unique(ranges_.begin(), ranges_.end()), ranges_.end());
    cut<std::uint32_t>(ranges_, true, v4_);
    cut<V6>(ranges_, false, v6_);
}

std::optional<Cidr> CidrTable::find(const IpAddress& address) const noexcept {
    const std::uint32_t range =
        address.is_v4() ? range_at(v4_, v4_number(address)) : range_at(v6_, number_of(address));
    return range == no_range ? std::nullopt : std::optional(ranges_[range]);
}

Result<IpSet> IpSet::create(std::span<const std::string> allow, std::span<const std::string> deny) {
    Result<std::vector<Cidr>> allowed = read(allow, "allow");
    if (!allowed) return allowed.error();
    Result<std::vector<Cidr>> denied = read(deny, "deny");
    if (!denied) return denied.error();
    IpSet set;
    set.allow_ = CidrTable(std::move(*allowed));
    set.deny_ = CidrTable(std::move(*denied));
    return set;
}

IpDecision IpSet::decide(const IpAddress& source) const noexcept {
    if (const auto denied = deny_.find(source)) return {false, denied};
    const auto allowed = allow_.find(source);
    return {allowed.has_value(), allowed};
}

} // namespace adit::inline v0::policy
