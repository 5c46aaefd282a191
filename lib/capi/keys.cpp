#include "capi/keys.hpp"

#include "proto/codec.hpp"

#include <charconv>
#include <cmath>
#include <cstring>

namespace adit::inline v0::capi {
namespace {

constexpr std::size_t key_max = 64;                     // what is longer is no key
constexpr std::size_t value_max = limits::pem_file_max; // the longest value is such a file's text

template <class Number>
std::optional<Number> parse(std::string_view text) {
    Number number{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

} // namespace

Result<Value> Value::of(const char* key, const char* text) {
    if (key == nullptr) return missing("key");
    const std::string_view name(key, ::strnlen(key, key_max + 1));
    if (name.empty() || name.size() > key_max || has_control_or_space(name) || !is_utf8(name))
        return invalid("key", "there is no such option; <adit/adit.h> has the list");
    if (text == nullptr) return missing(name);
    const std::size_t size = ::strnlen(text, value_max + 1);
    if (size > value_max) return too_long(name, value_max);
    return Value(name, std::string_view(text, size));
}

Result<std::string_view> Value::text() const {
    if (!is_utf8(text_)) return invalid(key_, "is not UTF-8");
    return text_;
}

Result<bool> Value::flag() const {
    if (text_ == "true") return true;
    if (text_ == "false") return false;
    return invalid(key_, "must be \"true\" or \"false\"");
}

Result<std::int64_t> Value::number() const {
    const auto number = parse<std::int64_t>(text_);
    if (!number) return invalid(key_, "must be a whole number");
    return *number;
}

Result<double> Value::ratio() const {
    const auto number = parse<double>(text_);
    if (!number || !std::isfinite(*number)) return invalid(key_, "must be a number");
    return *number;
}

Result<std::pair<std::string_view, std::string_view>> Value::parts(char separator, std::string_view shape) const {
    if (!is_utf8(text_)) return invalid(key_, "is not UTF-8");
    const std::size_t at = text_.find(separator);
    if (at == std::string_view::npos) return invalid(key_, "must be \"" + std::string(shape) + "\"");
    return std::pair(text_.substr(0, at), text_.substr(at + 1));
}

} // namespace adit
