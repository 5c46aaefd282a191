#include "policy/cel/deep.hpp"

#include "policy/cel/numbers.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

namespace adit::inline v0::cel {

namespace {

bool equal_lists(const List& a, const List& b, Budget& budget) {
    const std::size_t size = a.size();
    if (size != b.size()) return false;
    for (std::size_t i = 0; i < size; ++i) {
        if (!equal(a.at(i), b.at(i), budget)) return false;
    }
    return true;
}

bool equal_maps(const Map& a, const Map& b, Budget& budget) {
    const std::size_t size = a.size();
    if (size != b.size() || !budget.charge(size)) return false;
    for (const Value& key : a.keys()) {
        const std::optional<Value> ours = a.find(key);
        const std::optional<Value> theirs = b.find(key);
        if (!ours || !theirs || !equal(*ours, *theirs, budget)) return false;
    }
    return true;
}

} // namespace

bool equal(const Value& a, const Value& b, Budget& budget) {
    if (!budget.charge(1)) return false;
    const Kind kind = a.kind();
    if (kind != b.kind()) {
        if (!is_numeric(kind) || !is_numeric(b.kind())) return false;
        return compare_numbers(a, b) == 0;
    }
    switch (kind) {
    case Kind::null: return true;
    case Kind::boolean: return a.as_boolean() == b.as_boolean();
    case Kind::integer: return a.as_integer() == b.as_integer();
    case Kind::uint: return a.as_uint() == b.as_uint();
    case Kind::number: return a.as_number() == b.as_number();
    case Kind::duration: return a.as_duration() == b.as_duration();
    case Kind::timestamp: return a.as_timestamp() == b.as_timestamp();
    case Kind::string:
    case Kind::bytes:
        return a.as_text().size() == b.as_text().size() && budget.charge(a.as_text().size() / 16) &&
               a.as_text() == b.as_text();
    case Kind::type: return a.as_text() == b.as_text();
    case Kind::list: return equal_lists(a.as_list(), b.as_list(), budget);
    case Kind::map: return equal_maps(a.as_map(), b.as_map(), budget);
    case Kind::error: return false;
    }
    return false;
}

bool equal(const Value& a, const Value& b) {
    Budget unbounded(std::numeric_limits<std::uint64_t>::max());
    return equal(a, b, unbounded);
}

std::optional<int> compare(const Value& a, const Value& b) {
    if (is_numeric(a.kind()) && is_numeric(b.kind())) return compare_numbers(a, b);
    if (a.kind() != b.kind()) return std::nullopt;
    const auto sign = [](auto x, auto y) { return x < y ? -1 : (y < x ? 1 : 0); };
    switch (a.kind()) {
    case Kind::boolean: return sign(a.as_boolean(), b.as_boolean());
    case Kind::duration: return sign(a.as_duration(), b.as_duration());
    case Kind::timestamp: return sign(a.as_timestamp(), b.as_timestamp());
    case Kind::string:
    case Kind::bytes: return sign(a.as_text(), b.as_text());
    default: return std::nullopt;
    }
}

Value sorted(std::vector<std::pair<Value, Value>> keyed, Budget& budget) {
    // Checked first: an order that some pairs lack (NaN, other kinds) would be none for the sort.
    for (const auto& [key, element] : keyed) {
        if (!compare(key, key) || (!is_numeric(key.kind()) && key.kind() != keyed[0].first.kind()) ||
            is_numeric(key.kind()) != is_numeric(keyed[0].first.kind())) {
            return Value::error(
                "these elements have no order: they must be numbers, strings or times, all of one kind");
        }
        const bool text = key.is(Kind::string) || key.is(Kind::bytes);
        const std::uint64_t steps = static_cast<std::uint64_t>(std::bit_width(keyed.size()));
        if (!budget.charge(steps * (1 + (text ? key.as_text().size() / 16 : 0)))) return Call::exhausted();
    }
    std::vector<std::size_t> order(keyed.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const int sign = compare(keyed[a].first, keyed[b].first).value_or(0);
        return sign != 0 ? sign < 0 : a < b;
    });
    std::vector<Value> out;
    out.reserve(keyed.size());
    for (const std::size_t i : order) out.push_back(std::move(keyed[i].second));
    return Value::list(std::move(out));
}

} // namespace adit::inline v0::cel
