#include "policy/cel/value.hpp"

#include "policy/cel/deep.hpp"
#include "policy/cel/numbers.hpp"
#include "policy/cel/plain.hpp"
#include "policy/cel/type.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace adit::inline v0::cel {

namespace {

class Text : public Shared {
public:
    explicit Text(std::string v) : text(std::move(v)) {}
    std::string text;
};

int sign(auto a, auto b) noexcept { return a < b ? -1 : (b < a ? 1 : 0); }

std::optional<int> compare_to_number(auto integer, double d) noexcept {
    using Integer = decltype(integer);
    if (std::isnan(d)) return std::nullopt;
    // Both bounds are powers of two, so they are exact; in between a double can be cut to an integer.
    const double high = std::is_signed_v<Integer> ? 0x1p63 : 0x1p64;
    const double low = std::is_signed_v<Integer> ? -0x1p63 : 0.0;
    if (d >= high) return -1;
    if (d < low) return 1;
    const double whole = std::trunc(d);
    const int first = sign(integer, static_cast<Integer>(whole));
    return first != 0 ? first : sign(whole, d);
}

// Keys: booleans, then numbers by value, then strings; of other kinds no key exists.
int key_class(const Value& key) noexcept {
    switch (key.kind()) {
    case Kind::boolean: return 0;
    case Kind::integer:
    case Kind::uint:
    case Kind::number: return 1;
    case Kind::string: return 2;
    default: return 3;
    }
}

int compare_keys(const Value& a, const Value& b) noexcept {
    const int a_class = key_class(a);
    if (const int order = sign(a_class, key_class(b)); order != 0) return order;
    switch (a_class) {
    case 0: return sign(a.as_boolean(), b.as_boolean());
    case 1: return compare_numbers(a, b).value_or(-1);
    case 2: return a.as_text().compare(b.as_text());
    default: return 0; // no keys, but an order all the same
    }
}

} // namespace

std::string_view type_name(Kind kind) noexcept {
    switch (kind) {
    case Kind::null: return "null_type";
    case Kind::boolean: return "bool";
    case Kind::integer: return "int";
    case Kind::uint: return "uint";
    case Kind::number: return "double";
    case Kind::string: return "string";
    case Kind::bytes: return "bytes";
    case Kind::list: return "list";
    case Kind::map: return "map";
    case Kind::timestamp: return "google.protobuf.Timestamp";
    case Kind::duration: return "google.protobuf.Duration";
    case Kind::type: return "type";
    case Kind::error: return "error";
    }
    return {};
}

std::optional<int> compare_numbers(const Value& a, const Value& b) noexcept {
    const auto reverse = [](std::optional<int> order) { return order ? std::optional<int>(-*order) : order; };
    switch (a.kind()) {
    case Kind::integer:
        switch (b.kind()) {
        case Kind::integer: return sign(a.as_integer(), b.as_integer());
        case Kind::uint:
            return a.as_integer() < 0 ? -1 : sign(static_cast<std::uint64_t>(a.as_integer()), b.as_uint());
        default: return compare_to_number(a.as_integer(), b.as_number());
        }
    case Kind::uint:
        switch (b.kind()) {
        case Kind::integer:
            return b.as_integer() < 0 ? 1 : sign(a.as_uint(), static_cast<std::uint64_t>(b.as_integer()));
        case Kind::uint: return sign(a.as_uint(), b.as_uint());
        default: return compare_to_number(a.as_uint(), b.as_number());
        }
    default:
        switch (b.kind()) {
        case Kind::integer: return reverse(compare_to_number(b.as_integer(), a.as_number()));
        case Kind::uint: return reverse(compare_to_number(b.as_uint(), a.as_number()));
        default:
            if (std::isnan(a.as_number()) || std::isnan(b.as_number())) return std::nullopt;
            return sign(a.as_number(), b.as_number());
        }
    }
}

std::optional<int> order_numbers(const Value& a, const Value& b) noexcept {
    if (a.is(Kind::number) == b.is(Kind::number)) return compare_numbers(a, b);
    const auto number = [](const Value& value) {
        if (value.is(Kind::integer)) return static_cast<double>(value.as_integer());
        return value.is(Kind::uint) ? static_cast<double>(value.as_uint()) : value.as_number();
    };
    return compare_numbers(Value::number(number(a)), Value::number(number(b)));
}

Value Value::owning_text(Kind kind, std::string v) {
    auto* text = new Text(std::move(v));
    Value out(kind);
    out.u_.text = text->text.data();
    out.size_ = text->text.size();
    out.own(text);
    return out;
}

void Value::own(const Shared* shared) noexcept {
    shared_ = shared;
    owns_ = true;
    retain();
}

Value Value::string(std::string v) { return owning_text(Kind::string, std::move(v)); }
Value Value::bytes(std::string v) { return owning_text(Kind::bytes, std::move(v)); }
Value Value::error(std::string message) { return owning_text(Kind::error, std::move(message)); }

Value Value::list(std::unique_ptr<const List> view) {
    Value out(Kind::list);
    out.own(view.release());
    return out;
}

Value Value::list(std::vector<Value> elements) {
    return list(std::make_unique<const PlainList>(std::move(elements)));
}

Value Value::borrowed(const List& view) noexcept {
    Value out(Kind::list);
    out.shared_ = &view;
    return out;
}

Value Value::map(std::unique_ptr<const Map> view) {
    Value out(Kind::map);
    out.own(view.release());
    return out;
}

Value Value::map(std::vector<std::pair<Value, Value>> entries) {
    return map(std::make_unique<const PlainMap>(std::move(entries)));
}

Value Value::borrowed(const Map& view) noexcept {
    Value out(Kind::map);
    out.shared_ = &view;
    return out;
}

Value Value::borrowed_string(std::string_view text, const Object& fields) noexcept {
    Value out = borrowed_string(text);
    out.extra_ = Extra::fields;
    out.shared_ = &fields;
    return out;
}

Value Value::string(std::string_view text, std::unique_ptr<const Object> fields) {
    Value out = borrowed_string(text);
    out.extra_ = Extra::fields;
    out.own(fields.release());
    return out;
}

Value Value::owned() const {
    switch (kind_) {
    case Kind::string:
    case Kind::bytes:
        return owns_ && extra_ == Extra::none ? *this : owning_text(kind_, std::string(as_text()));
    case Kind::list: {
        std::vector<Value> out;
        const std::size_t size = as_list().size();
        out.reserve(size);
        for (std::size_t i = 0; i < size; ++i) out.push_back(as_list().at(i).owned());
        return list(std::move(out));
    }
    case Kind::map: {
        std::vector<std::pair<Value, Value>> out;
        for (const Value& key : as_map().keys()) {
            if (std::optional<Value> value = as_map().find(key))
                out.emplace_back(key.owned(), value->owned());
        }
        return map(std::move(out));
    }
    default: return *this;
    }
}

PlainMap::PlainMap(std::vector<std::pair<Value, Value>> entries) : entries_(std::move(entries)) {
    if (entries_.size() > 1) remove_doubles();
}

// Sorted by key, so that nobody can choose keys that make it slow.
void PlainMap::remove_doubles() {
    const std::size_t count = entries_.size();
    order_.resize(count);
    for (std::size_t i = 0; i < count; ++i) order_[i] = static_cast<std::uint32_t>(i);
    std::sort(order_.begin(), order_.end(), [this](std::uint32_t a, std::uint32_t b) {
        const int sign = compare_keys(entries_[a].first, entries_[b].first);
        return sign != 0 ? sign < 0 : a < b;
    });
    std::vector<bool> dropped(count, false);
    bool any = false;
    for (std::size_t i = 0; i + 1 < count; ++i) {
        if (compare_keys(entries_[order_[i]].first, entries_[order_[i + 1]].first) == 0) {
            dropped[order_[i]] = any = true;
        }
    }
    if (!any) return;
    std::vector<std::pair<Value, Value>> kept;
    for (std::size_t i = 0; i < count; ++i) {
        if (!dropped[i]) kept.push_back(std::move(entries_[i]));
    }
    entries_ = std::move(kept);
    doubles_ = true;
    remove_doubles();
}

std::optional<Value> PlainMap::find(const Value& key) const {
    if (key_class(key) == 3) return std::nullopt;
    if (entries_.size() <= 1) {
        if (entries_.empty() || compare_keys(entries_[0].first, key) != 0) return std::nullopt;
        return entries_[0].second;
    }
    const auto at =
        std::lower_bound(order_.begin(), order_.end(), key, [this](std::uint32_t i, const Value& k) {
            return compare_keys(entries_[i].first, k) < 0;
        });
    if (at == order_.end() || compare_keys(entries_[*at].first, key) != 0) return std::nullopt;
    return entries_[*at].second;
}

std::vector<Value> PlainMap::keys() const {
    std::vector<Value> out;
    out.reserve(entries_.size());
    for (const auto& entry : entries_) out.push_back(entry.first);
    return out;
}

std::size_t Object::size() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < type_->size(); ++i) count += has_field(i) ? 1u : 0u;
    return count;
}

std::optional<Value> Object::find(const Value& key) const {
    if (!key.is(Kind::string)) return std::nullopt;
    const std::optional<std::size_t> index = type_->find(key.as_text());
    if (!index || !has_field(*index)) return std::nullopt;
    return field(*index);
}

std::vector<Value> Object::keys() const {
    std::vector<Value> out;
    for (std::size_t i = 0; i < type_->size(); ++i) {
        if (has_field(i)) out.push_back(Value::borrowed_string(type_->field_name(i)));
    }
    return out;
}

std::optional<Value> member(const Value& value, std::string_view name) {
    if (const Object* object = value.as_object()) return object->find(Value::borrowed_string(name));
    if (value.is(Kind::map)) return value.as_map().find(Value::borrowed_string(name));
    return std::nullopt;
}

} // namespace adit::inline v0::cel
