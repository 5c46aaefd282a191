// "%d of %s".format([...])
#include "policy/cel/library.hpp"
#include "base/hex.hpp"
#include "policy/cel/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace adit::inline v0::cel {

namespace {

constexpr int precision_max = 1'000;

class Formatter {
public:
    explicit Formatter(Call& call) noexcept : call_(call) {}

    Value run(std::string_view text, const List& values) {
        std::size_t used = 0;
        for (std::size_t at = 0; at < text.size();) {
            if (text[at] != '%') {
                const std::size_t end = std::min(text.find('%', at), text.size());
                out_.append(text.substr(at, end - at));
                at = end;
                continue;
            }
            if (++at >= text.size())
                return Value::error("the format ends in the middle of a '%': write %% for one");
            if (text[at] == '%') {
                out_.push_back('%');
                ++at;
                continue;
            }
            int precision = -1;
            if (text[at] == '.') {
                const char* last = text.data() + text.size();
                const auto [end, code] = std::from_chars(text.data() + at + 1, last, precision);
                if (code != std::errc() || precision < 0 || precision > precision_max)
                    return Value::error("the format has a wrong precision");
                at = static_cast<std::size_t>(end - text.data());
                if (at >= text.size()) return Value::error("the format ends in the middle of a '%'");
            }
            if (used >= values.size()) return Value::error("the format has more '%' than there are values");
            if (Value problem = put(text[at++], precision, values.at(used++)); problem.is_error())
                return problem;
            if (!call_.charge_bytes(64)) return Call::exhausted();
        }
        return Value::string(std::move(out_));
    }

private:
    static Value wrong(char verb, const Value& value) {
        return Value::error("%" + std::string(1, verb) + " of the format does not take " +
                            with_article(type_name(value.kind())));
    }

    Value put(char verb, int precision, const Value& value) {
        switch (verb) {
        case 's': return put_text(value, 0);
        case 'd': return decimal(value);
        case 'f': return floating(verb, std::chars_format::fixed, precision, value);
        case 'e': return floating(verb, std::chars_format::scientific, precision, value);
        case 'b':
            if (value.is(Kind::boolean)) {
                out_.push_back(value.as_boolean() ? '1' : '0');
                return {};
            }
            return integer(verb, 2, value);
        case 'o': return integer(verb, 8, value);
        case 'x':
        case 'X': return hexadecimal(verb, value);
        default:
            return Value::error("the format has no '%" + std::string(1, verb) +
                                "': there are %s %d %f %e %b %o %x %X");
        }
    }

    Value put_text(const Value& value, std::size_t depth) {
        if (!call_.charge(1)) return Call::exhausted();
        if (depth > 32) return Value::error("the value is nested too deep for a format");
        switch (value.kind()) {
        case Kind::null: out_.append("null"); return {};
        case Kind::list: {
            out_.push_back('[');
            const List& list = value.as_list();
            for (std::size_t i = 0; i < list.size(); ++i) {
                if (i > 0) out_.append(", ");
                if (Value problem = put_text(list.at(i), depth + 1); problem.is_error()) return problem;
            }
            out_.push_back(']');
            return {};
        }
        case Kind::map: return put_map(value.as_map(), depth);
        case Kind::string:
        case Kind::bytes:
            if (!call_.charge_bytes(value.as_text().size())) return Call::exhausted();
            out_.append(value.as_text());
            return {};
        default: out_.append(scalar_text(value).value_or(std::string())); return {};
        }
    }

    // In the order of the keys' texts, so that the result does not depend on how the map came about.
    Value put_map(const Map& map, std::size_t depth) {
        std::vector<std::pair<std::string, Value>> keys;
        for (const Value& key : map.keys()) keys.emplace_back(scalar_text(key).value_or(std::string()), key);
        if (!call_.charge(keys.size() * 4)) return Call::exhausted();
        std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) {
            return a.first != b.first ? a.first < b.first : a.second.kind() < b.second.kind(); // 1 and "1"
        });
        out_.push_back('{');
        bool first = true;
        for (const auto& [text, key] : keys) {
            const std::optional<Value> value = map.find(key);
            if (!value) continue;
            if (!first) out_.append(", ");
            first = false;
            out_.append(text).append(": ");
            if (Value problem = put_text(*value, depth + 1); problem.is_error()) return problem;
        }
        out_.push_back('}');
        return {};
    }

    Value decimal(const Value& value) {
        const bool fits = value.is(Kind::integer) || value.is(Kind::uint) ||
                          (value.is(Kind::number) && !std::isfinite(value.as_number()));
        if (!fits) return wrong('d', value);
        out_.append(*scalar_text(value));
        return {};
    }

    Value floating(char verb, std::chars_format form, int precision, const Value& value) {
        double number = 0;
        switch (value.kind()) {
        case Kind::integer: number = static_cast<double>(value.as_integer()); break;
        case Kind::uint: number = static_cast<double>(value.as_uint()); break;
        case Kind::number: number = value.as_number(); break;
        default: return wrong(verb, value);
        }
        if (!std::isfinite(number)) {
            out_.append(format_number(number));
            return {};
        }
        if (!call_.charge_bytes(400 + precision_max)) return Call::exhausted();
        std::array<char, 320 + precision_max + 16> buffer{};
        const int digits = precision < 0 ? 6 : precision;
        const auto [end, code] =
            std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, form, digits);
        out_.append(buffer.data(), end);
        return {};
    }

    Value integer(char verb, int base, const Value& value) {
        std::array<char, 72> buffer{};
        char* const last = buffer.data() + buffer.size();
        if (value.is(Kind::integer)) {
            out_.append(buffer.data(), std::to_chars(buffer.data(), last, value.as_integer(), base).ptr);
        } else if (value.is(Kind::uint)) {
            out_.append(buffer.data(), std::to_chars(buffer.data(), last, value.as_uint(), base).ptr);
        } else {
            return wrong(verb, value);
        }
        return {};
    }

    Value hexadecimal(char verb, const Value& value) {
        const std::size_t start = out_.size();
        if (value.is(Kind::string) || value.is(Kind::bytes)) {
            if (!call_.charge_bytes(2 * value.as_text().size())) return Call::exhausted();
            for (const char c : value.as_text()) append_hex(out_, static_cast<std::uint8_t>(c));
        } else if (Value problem = integer(verb, 16, value); problem.is_error()) {
            return problem;
        }
        if (verb == 'X') {
            std::transform(out_.begin() + static_cast<std::ptrdiff_t>(start), out_.end(),
                           out_.begin() + static_cast<std::ptrdiff_t>(start), [](char c) {
                               return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
                           });
        }
        return {};
    }

    Call& call_;
    std::string out_;
};

Value format(Call& call, Arguments a) {
    if (!call.charge_bytes(a[0].as_text().size())) return Call::exhausted();
    return Formatter(call).run(a[0].as_text(), a[1].as_list());
}

} // namespace

void add_formatting(Library& library) {
    library.method("format", {Type::string(), Type::list()}, Type::string(), format);
}

} // namespace adit::inline v0::cel
