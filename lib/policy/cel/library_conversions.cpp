// int(), uint(), double(), string(), bytes(), bool(), timestamp(), duration(), dyn(), type().
#include "policy/cel/library.hpp"
#include "policy/cel/text.hpp"
#include "policy/cel/time.hpp"

#include <charconv>
#include <cmath>
#include <limits>

namespace adit::inline v0::cel {

namespace {

Value range_error(std::string_view type) {
    return Value::error("the number is out of the range of " + std::string(type));
}

Value cannot(std::string_view type, std::string_view text) {
    return Value::error("'" + std::string(text.substr(0, 64)) + "' cannot be converted to " +
                        std::string(type));
}

Value identity(Call&, Arguments a) { return a[0]; }

template <class Integer>
std::optional<Integer> whole(std::string_view text) {
    if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
    Integer out = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return out;
}

Value int_of_uint(Call&, Arguments a) {
    if (a[0].as_uint() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return range_error("int");
    return Value::integer(static_cast<std::int64_t>(a[0].as_uint()));
}

Value int_of_number(Call&, Arguments a) {
    const double number = a[0].as_number();
    if (!(number > -0x1p63 && number < 0x1p63)) return range_error("int");
    return Value::integer(static_cast<std::int64_t>(number));
}

Value int_of_string(Call&, Arguments a) {
    const auto value = whole<std::int64_t>(a[0].as_text());
    return value ? Value::integer(*value) : cannot("int", a[0].as_text());
}

Value uint_of_int(Call&, Arguments a) {
    if (a[0].as_integer() < 0) return range_error("uint");
    return Value::uint(static_cast<std::uint64_t>(a[0].as_integer()));
}

Value uint_of_number(Call&, Arguments a) {
    const double number = a[0].as_number();
    if (!(number > -1 && number < 0x1p64)) return range_error("uint");
    return Value::uint(static_cast<std::uint64_t>(number));
}

Value uint_of_string(Call&, Arguments a) {
    const auto value = whole<std::uint64_t>(a[0].as_text());
    return value ? Value::uint(*value) : cannot("uint", a[0].as_text());
}

Value number_of_string(Call&, Arguments a) {
    const auto value = parse_number(a[0].as_text());
    return value ? Value::number(*value) : cannot("double", a[0].as_text());
}

Value string_of(Call& call, Arguments a) {
    if (a[0].is(Kind::bytes) && !call.charge_bytes(a[0].as_text().size())) return Call::exhausted();
    std::optional<std::string> text = scalar_text(a[0]);
    return text ? Value::string(std::move(*text)) : Value::error("these bytes are not UTF-8");
}

Value bytes_of_string(Call& call, Arguments a) {
    if (!call.charge_bytes(a[0].as_text().size())) return Call::exhausted();
    return Value::bytes(std::string(a[0].as_text()));
}

Value bool_of_string(Call&, Arguments a) {
    const std::string_view text = a[0].as_text();
    for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
        if (text == yes) return Value::boolean(true);
    }
    for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
        if (text == no) return Value::boolean(false);
    }
    return cannot("bool", text);
}

Value timestamp_of_string(Call&, Arguments a) {
    const auto value = parse_timestamp(a[0].as_text());
    return value ? Value::timestamp(*value)
                 : cannot("timestamp (RFC 3339, as 2024-12-31T23:59:59Z)", a[0].as_text());
}

Value timestamp_of_int(Call&, Arguments a) {
    const auto value = checked_timestamp(a[0].as_integer(), 0);
    return value ? Value::timestamp(*value) : range_error("timestamp");
}

Value duration_of_string(Call&, Arguments a) {
    const auto value = parse_duration(a[0].as_text());
    return value ? Value::duration(*value) : cannot("duration (as 1h30m or 2.5s)", a[0].as_text());
}

} // namespace

void add_conversions(Library& library) {
    const Type integer = Type::integer(), uint = Type::uint(), number = Type::number(),
               string = Type::string();
    const auto add = [&](const char* name, const Type& from, const Type& to, Callback call) {
        library.global(name, {from}, to, call);
    };
    add("int", integer, integer, identity);
    add("int", uint, integer, int_of_uint);
    add("int", number, integer, int_of_number);
    add("int", string, integer, int_of_string);
    add("int", Type::timestamp(), integer,
        [](Call&, Arguments a) { return Value::integer(a[0].as_timestamp().seconds); });
    add("uint", uint, uint, identity);
    add("uint", integer, uint, uint_of_int);
    add("uint", number, uint, uint_of_number);
    add("uint", string, uint, uint_of_string);
    add("double", number, number, identity);
    add("double", integer, number,
        [](Call&, Arguments a) { return Value::number(static_cast<double>(a[0].as_integer())); });
    add("double", uint, number,
        [](Call&, Arguments a) { return Value::number(static_cast<double>(a[0].as_uint())); });
    add("double", string, number, number_of_string);
    add("string", string, string, identity);
    for (const Type& from :
         {integer, uint, number, Type::boolean(), Type::bytes(), Type::timestamp(), Type::duration()}) {
        add("string", from, string, string_of);
    }
    add("bytes", Type::bytes(), Type::bytes(), identity);
    add("bytes", string, Type::bytes(), bytes_of_string);
    add("bool", Type::boolean(), Type::boolean(), identity);
    add("bool", string, Type::boolean(), bool_of_string);
    add("timestamp", Type::timestamp(), Type::timestamp(), identity);
    add("timestamp", string, Type::timestamp(), timestamp_of_string);
    add("timestamp", integer, Type::timestamp(), timestamp_of_int);
    add("duration", Type::duration(), Type::duration(), identity);
    add("duration", string, Type::duration(), duration_of_string);
    add("dyn", Type::parameter('A'), Type::dyn(), identity);
    add("type", Type::parameter('A'), Type::type(),
        [](Call&, Arguments a) { return Value::type(type_name(a[0].kind())); });
}

} // namespace adit::inline v0::cel
