// Methods of lists.
#include "policy/cel/deep.hpp"
#include "policy/cel/library.hpp"
#include "policy/cel/text.hpp"

#include <algorithm>

namespace adit::inline v0::cel {

namespace {

Value join(Call& call, Arguments a) {
    const List& list = a[0].as_list();
    const std::string_view separator = a.size() > 1 ? a[1].as_text() : std::string_view();
    std::string out;
    for (std::size_t i = 0; i < list.size(); ++i) {
        const Value element = list.at(i);
        if (!element.is(Kind::string))
            return Value::error("join() takes strings only, not " + with_article(type_name(element.kind())));
        if (!call.charge_bytes(element.as_text().size() + separator.size())) return Call::exhausted();
        if (i > 0) out.append(separator);
        out.append(element.as_text());
    }
    return Value::string(std::move(out));
}

Value slice(Call& call, Arguments a) {
    const List& list = a[0].as_list();
    const std::int64_t size = static_cast<std::int64_t>(list.size());
    const std::int64_t first = a[1].as_integer();
    const std::int64_t last = a.size() > 2 ? a[2].as_integer() : size;
    if (first < 0 || last > size || first > last) {
        return Value::error("slice(" + std::to_string(first) + ", " + std::to_string(last) +
                            ") is outside of a list of " + std::to_string(size));
    }
    if (!call.charge(static_cast<std::uint64_t>(last - first))) return Call::exhausted();
    std::vector<Value> out;
    for (std::int64_t i = first; i < last; ++i) out.push_back(list.at(static_cast<std::size_t>(i)));
    return Value::list(std::move(out));
}

bool flatten_into(Call& call, const List& list, std::int64_t depth, std::vector<Value>& out) {
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (!call.charge(1)) return false;
        Value element = list.at(i);
        if (depth > 0 && element.is(Kind::list)) {
            if (!flatten_into(call, element.as_list(), depth - 1, out)) return false;
        } else {
            out.push_back(std::move(element));
        }
    }
    return true;
}

Value flatten(Call& call, Arguments a) {
    const std::int64_t depth = a.size() > 1 ? a[1].as_integer() : 1;
    if (depth < 0) return Value::error("flatten() needs a depth of 0 or more");
    std::vector<Value> out;
    if (!flatten_into(call, a[0].as_list(), std::min<std::int64_t>(depth, 64), out)) return Call::exhausted();
    return Value::list(std::move(out));
}

Value sort(Call& call, Arguments a) {
    const List& list = a[0].as_list();
    std::vector<std::pair<Value, Value>> keyed;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (!call.charge(1)) return Call::exhausted();
        Value element = list.at(i);
        keyed.emplace_back(element, element);
    }
    return sorted(std::move(keyed), call.budget());
}

Value distinct(Call& call, Arguments a) {
    const List& list = a[0].as_list();
    std::vector<Value> out;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (!call.charge(1)) return Call::exhausted();
        Value element = list.at(i);
        const auto same = [&](const Value& known) { return equal(known, element, call.budget()); };
        if (std::none_of(out.begin(), out.end(), same)) out.push_back(std::move(element));
    }
    return Value::list(std::move(out));
}

Value reverse(Call& call, Arguments a) {
    const List& list = a[0].as_list();
    if (!call.charge(list.size())) return Call::exhausted();
    std::vector<Value> out;
    for (std::size_t i = list.size(); i-- > 0;) out.push_back(list.at(i));
    return Value::list(std::move(out));
}

Value range(Call& call, Arguments a) {
    const std::int64_t count = a[0].as_integer();
    if (count < 0) return Value::error("lists.range() needs 0 or more");
    if (!call.charge(static_cast<std::uint64_t>(count))) return Call::exhausted();
    std::vector<Value> out;
    for (std::int64_t i = 0; i < count; ++i) out.push_back(Value::integer(i));
    return Value::list(std::move(out));
}

} // namespace

void add_lists(Library& library) {
    const Type string = Type::string(), integer = Type::integer();
    const Type some = Type::list(Type::parameter('A'));
    library.method("join", {Type::list(string)}, string, join);
    library.method("join", {Type::list(string), string}, string, join);
    library.method("slice", {some, integer}, some, slice);
    library.method("slice", {some, integer, integer}, some, slice);
    library.method("flatten", {Type::list()}, Type::list(), flatten);
    library.method("flatten", {Type::list(), integer}, Type::list(), flatten);
    library.method("sort", {some}, some, sort);
    library.method("distinct", {some}, some, distinct);
    library.method("reverse", {some}, some, reverse);
    library.global("lists.range", {integer}, Type::list(integer), range);
}

} // namespace adit::inline v0::cel
