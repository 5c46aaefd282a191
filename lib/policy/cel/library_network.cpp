// inCidrRange(), inCidrRanges(), isPrivateIp().
#include "policy/cel/cidr_set.hpp"
#include "policy/cel/library.hpp"

#include "base/cidr.hpp"
#include "base/ip_address.hpp"

#include <algorithm>

namespace adit::inline v0::cel {

namespace {

// The bits behind the prefix cleared; an IPv4 address is the end of its 128-bit form.
IpAddress network_of(const IpAddress& address, int mapped_prefix) noexcept {
    std::array<std::uint8_t, 16> bytes = address.v6();
    for (int i = 0; i < 16; ++i) {
        const int bits = std::clamp(mapped_prefix - 8 * i, 0, 8);
        bytes[static_cast<std::size_t>(i)] &= static_cast<std::uint8_t>(0xFF00 >> bits);
    }
    return IpAddress(bytes);
}

} // namespace

void CidrSet::add(const Cidr& range) {
    const bool v4 = range.network().is_v4();
    const int prefix = range.prefix() + (v4 ? 96 : 0);
    const auto found = std::find_if(levels_.begin(), levels_.end(), [&](const Level& level) {
        return level.v4 == v4 && level.prefix == prefix;
    });
    Level& level = found == levels_.end() ? levels_.emplace_back() : *found;
    level.v4 = v4;
    level.prefix = prefix;
    level.networks.push_back(range.network());
}

void CidrSet::finish() {
    for (Level& level : levels_) std::sort(level.networks.begin(), level.networks.end());
}

bool CidrSet::contains(const IpAddress& address) const noexcept {
    const bool v4 = address.is_v4();
    return std::any_of(levels_.begin(), levels_.end(), [&](const Level& level) {
        return level.v4 == v4 && std::binary_search(level.networks.begin(), level.networks.end(),
                                                    network_of(address, level.prefix));
    });
}

namespace {

// A range or a list of them; what is none is left out.
Result<std::shared_ptr<const Shared>> prepare_ranges(const Value& ranges) {
    auto set = std::make_shared<CidrSet>();
    const auto add = [&](const Value& text) {
        if (!text.is(Kind::string)) return;
        if (const auto range = Cidr::parse(text.as_text())) set->add(*range);
    };
    add(ranges);
    if (ranges.is(Kind::list)) {
        for (std::size_t i = 0; i < ranges.as_list().size(); ++i) add(ranges.as_list().at(i));
    }
    set->finish();
    return std::shared_ptr<const Shared>(std::move(set));
}

Value in_range(Call& call, Arguments a) {
    if (!call.charge(4)) return Call::exhausted();
    const auto address = IpAddress::parse(a[0].as_text());
    if (!address) return Value::boolean(false);
    if (const auto* set = static_cast<const CidrSet*>(call.prepared()))
        return Value::boolean(set->contains(*address));
    if (a[1].is(Kind::string)) {
        const auto range = Cidr::parse(a[1].as_text());
        return Value::boolean(range && range->contains(*address));
    }
    const List& list = a[1].as_list();
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (!call.charge(4)) return Call::exhausted();
        const Value text = list.at(i);
        const auto range = text.is(Kind::string) ? Cidr::parse(text.as_text()) : std::nullopt;
        if (range && range->contains(*address)) return Value::boolean(true);
    }
    return Value::boolean(false);
}

// RFC 1918 and RFC 4193.
Value is_private(Call& call, Arguments a) {
    if (!call.charge(4)) return Call::exhausted();
    static const std::unique_ptr<const CidrSet> ranges = [] {
        auto set = std::make_unique<CidrSet>();
        for (const std::string_view text : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}) {
            if (const auto range = Cidr::parse(text)) set->add(*range);
        }
        set->finish();
        return set;
    }();
    const auto address = IpAddress::parse(a[0].as_text());
    return Value::boolean(address && ranges->contains(*address));
}

} // namespace

void add_network(Library& library) {
    const Type string = Type::string();
    library.global("inCidrRange", {string, string}, Type::boolean(), in_range, prepare_ranges);
    library.global("inCidrRanges", {string, Type::list(string)}, Type::boolean(), in_range, prepare_ranges);
    library.method("isPrivateIp", {string}, Type::boolean(), is_private);
}

} // namespace adit::inline v0::cel
