#include "policy/cel/text.hpp"

#include "policy/cel/json.hpp"
#include "policy/cel/time.hpp"
#include "policy/cel/utf8.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace adit::inline v0::cel {

std::string with_article(std::string_view noun) {
    const bool vowel = !noun.empty() && std::string_view("aeio").find(noun[0]) != std::string_view::npos;
    return (vowel ? "an " : "a ") + std::string(noun);
}

std::string format_number(double number) {
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
    std::array<char, 64> buffer{};
    const double size = std::fabs(number);
    const bool plain = number == 0 || (size >= 1e-4 && size < 1e21);
    const auto form = plain ? std::chars_format::fixed : std::chars_format::scientific;
    const auto [end, code] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, form);
    return std::string(buffer.data(), end);
}

std::optional<double> parse_number(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    double number = 0;
    const char* last = text.data() + text.size();
    const auto [end, code] = std::from_chars(text.data(), last, number);
    if (code == std::errc::result_out_of_range && end == last) {
        long double wide = 0; // tells whether it is too large or too small
        const bool tiny = std::from_chars(text.data(), last, wide).ec == std::errc()
                              ? std::fabs(wide) < 1
                              : text.find("e-") != std::string_view::npos;
        const double magnitude = tiny ? 0.0 : std::numeric_limits<double>::infinity();
        return text.starts_with('-') ? -magnitude : magnitude;
    }
    if (code != std::errc() || end != last || text.empty()) return std::nullopt;
    return number;
}

std::optional<std::string> scalar_text(const Value& value) {
    switch (value.kind()) {
    case Kind::boolean: return value.as_boolean() ? "true" : "false";
    case Kind::integer: return std::to_string(value.as_integer());
    case Kind::uint: return std::to_string(value.as_uint());
    case Kind::number: return format_number(value.as_number());
    case Kind::bytes:
        if (!utf8_valid(value.as_text())) return std::nullopt;
        return std::string(value.as_text());
    case Kind::string:
    case Kind::type: return std::string(value.as_text());
    case Kind::timestamp: return format_timestamp(value.as_timestamp());
    case Kind::duration: return format_duration(value.as_duration());
    default: return std::nullopt;
    }
}

std::string to_text(const Value& value) {
    switch (value.kind()) {
    case Kind::null:
    case Kind::error: return {};
    case Kind::string:
    case Kind::bytes: return std::string(value.as_text());
    case Kind::list:
    case Kind::map: {
        Budget budget(std::numeric_limits<std::uint64_t>::max());
        Value json = encode_json(value, budget);
        return json.is_error() ? std::string() : std::string(json.as_text());
    }
    default: return scalar_text(value).value_or(std::string());
    }
}

} // namespace adit::inline v0::cel
