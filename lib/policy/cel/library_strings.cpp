// Methods of strings. Places and lengths are counted in characters.
#include "policy/cel/library.hpp"
#include "policy/cel/utf8.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace adit::inline v0::cel {

namespace {

constexpr std::size_t npos = std::string_view::npos;

Value out_of_range(std::int64_t index) {
    return Value::error("the place " + std::to_string(index) + " is outside of the string");
}

// The byte of a place given as int; npos if it is outside.
std::size_t byte_of(std::string_view text, const Value& place) {
    if (place.as_integer() < 0) return npos;
    return utf8_offset(text, static_cast<std::size_t>(place.as_integer()));
}

Value place_of(std::string_view text, std::size_t byte) {
    if (byte == npos) return Value::integer(-1);
    return Value::integer(static_cast<std::int64_t>(utf8_count(text.substr(0, byte))));
}

// For every text that is read, and for the search of one in another at its worst.
bool charge_texts(Call& call, Arguments a) {
    std::uint64_t bytes = 0;
    for (const Value& value : a) bytes += value.is(Kind::string) ? value.as_text().size() : 0;
    return call.charge_bytes(bytes);
}
bool charge_search(Call& call, Arguments a) {
    const std::size_t part = a[1].as_text().size();
    return charge_texts(call, a) && (part <= 16 || call.charge(a[0].as_text().size() / 256 * (part / 16)));
}

Value char_at(Call& call, Arguments a) {
    if (!charge_texts(call, a)) return Call::exhausted();
    const std::string_view text = a[0].as_text();
    const std::size_t byte = byte_of(text, a[1]);
    if (byte == npos) return out_of_range(a[1].as_integer());
    if (byte == text.size()) return Value::borrowed_string("");
    return Value::string(std::string(text.substr(byte, utf8_length(text, byte))));
}

Value index_of(Call& call, Arguments a) {
    if (!charge_search(call, a)) return Call::exhausted();
    const std::string_view text = a[0].as_text();
    const std::size_t from = a.size() > 2 ? byte_of(text, a[2]) : 0;
    if (from == npos) return out_of_range(a[2].as_integer());
    return place_of(text, text.find(a[1].as_text(), from));
}

Value last_index_of(Call& call, Arguments a) {
    if (!charge_search(call, a)) return Call::exhausted();
    const std::string_view text = a[0].as_text();
    const std::size_t from = a.size() > 2 ? byte_of(text, a[2]) : npos;
    if (a.size() > 2 && from == npos) return out_of_range(a[2].as_integer());
    return place_of(text, text.rfind(a[1].as_text(), from));
}

Value substring(Call& call, Arguments a) {
    if (!charge_texts(call, a)) return Call::exhausted();
    const std::string_view text = a[0].as_text();
    const std::size_t first = byte_of(text, a[1]);
    if (first == npos) return out_of_range(a[1].as_integer());
    const std::size_t last = a.size() > 2 ? byte_of(text, a[2]) : text.size();
    if (last == npos) return out_of_range(a[2].as_integer());
    if (last < first) return Value::error("a substring cannot end before it starts");
    return Value::string(std::string(text.substr(first, last - first)));
}

std::int64_t limit_of(Arguments a, std::size_t index) {
    const bool given = a.size() > index && a[index].as_integer() >= 0;
    return given ? a[index].as_integer() : std::numeric_limits<std::int64_t>::max();
}

// The next piece of `text` in front of `separator`, which goes too; an empty one splits off a character.
std::string_view cut(std::string_view& text, std::string_view separator) {
    const std::size_t at = separator.empty() ? utf8_length(text, 0) : text.find(separator);
    const std::string_view piece = text.substr(0, at);
    text.remove_prefix(std::min(text.size(), at == npos ? npos : at + separator.size()));
    return piece;
}

Value split(Call& call, Arguments a) {
    if (!charge_search(call, a)) return Call::exhausted();
    std::string_view text = a[0].as_text();
    const std::string_view separator = a[1].as_text();
    std::vector<Value> out;
    std::int64_t left = limit_of(a, 2);
    if (left == 0) return Value::list(std::move(out));
    const auto more = [&] {
        return separator.empty() ? text.size() > utf8_length(text, 0) : text.find(separator) != npos;
    };
    for (; left > 1 && !text.empty() && more(); --left) {
        if (!call.charge(2)) return Call::exhausted();
        out.push_back(Value::string(std::string(cut(text, separator))));
    }
    if (!text.empty() || !separator.empty()) out.push_back(Value::string(std::string(text)));
    return Value::list(std::move(out));
}

Value replace(Call& call, Arguments a) {
    if (!charge_search(call, a)) return Call::exhausted();
    const std::string_view text = a[0].as_text();
    const std::string_view old = a[1].as_text();
    const std::string_view by = a[2].as_text();
    std::int64_t left = limit_of(a, 3);
    std::string out;
    std::size_t at = 0;
    for (bool first = true; left > 0; --left, first = false) {
        // An empty text is found in front of every character and at the end.
        std::size_t found = text.find(old, at);
        if (old.empty() && !first) found = at < text.size() ? at + utf8_length(text, at) : npos;
        if (found == npos) break;
        if (!call.charge_bytes(found - at + by.size())) return Call::exhausted();
        out.append(text.substr(at, found - at)).append(by);
        at = found + old.size();
    }
    out.append(text.substr(at));
    return Value::string(std::move(out));
}

bool is_space(std::uint32_t code) noexcept {
    return code == ' ' || (code >= '\t' && code <= '\r') || code == 0x85 || code == 0xA0 || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F ||
           code == 0x205F || code == 0x3000;
}

Value trim(Call& call, Arguments a) {
    if (!charge_texts(call, a)) return Call::exhausted();
    const std::string_view text = a[0].as_text();
    std::size_t first = text.size();
    std::size_t last = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_length(text, at);
        if (!is_space(utf8_code(text, at))) {
            first = std::min(first, at);
            last = at + length;
        }
        at += length;
    }
    return Value::string(std::string(first < last ? text.substr(first, last - first) : std::string_view()));
}

Value reverse(Call& call, Arguments a) {
    if (!charge_texts(call, a)) return Call::exhausted();
    const std::string_view text = a[0].as_text();
    std::string out(text.size(), '\0');
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_length(text, at);
        text.copy(out.data() + (text.size() - at - length), length, at);
        at += length;
    }
    return Value::string(std::move(out));
}

// A range of letters in two cases: from `first` to `last`, the other case `apart` further on; with `pairs`
// they stand in turns, the large one at even places from `first`.
class Letters {
public:
    std::uint32_t first;
    std::uint32_t last;
    std::uint32_t apart;
    bool pairs;
};
constexpr std::array<Letters, 15> alphabets{{{'A', 'Z', 32, false},
                                             {0xC0, 0xD6, 32, false},
                                             {0xD8, 0xDE, 32, false},
                                             {0x100, 0x12F, 1, true},
                                             {0x132, 0x137, 1, true},
                                             {0x139, 0x148, 1, true},
                                             {0x14A, 0x177, 1, true},
                                             {0x179, 0x17E, 1, true},
                                             {0x391, 0x3A1, 32, false},
                                             {0x3A3, 0x3AB, 32, false},
                                             {0x400, 0x40F, 80, false},
                                             {0x410, 0x42F, 32, false},
                                             {0x460, 0x481, 1, true},
                                             {0x531, 0x556, 48, false},
                                             {0x1E00, 0x1E95, 1, true}}};

std::uint32_t to_lower(std::uint32_t code) noexcept {
    for (const Letters& letters : alphabets) {
        if (code < letters.first || code > letters.last) continue;
        if (!letters.pairs) return code + letters.apart;
        return (code - letters.first) % 2 == 0 ? code + 1 : code;
    }
    return code;
}

std::uint32_t to_upper(std::uint32_t code) noexcept {
    for (const Letters& letters : alphabets) {
        if (letters.pairs) {
            if (code >= letters.first && code <= letters.last)
                return (code - letters.first) % 2 == 1 ? code - 1 : code;
        } else if (code >= letters.first + letters.apart && code <= letters.last + letters.apart) {
            return code - letters.apart;
        }
    }
    return code;
}

template <std::uint32_t (*convert)(std::uint32_t) noexcept, bool ascii>
Value cased(Call& call, Arguments a) {
    if (!charge_texts(call, a) || !call.charge(a[0].as_text().size() / 4)) return Call::exhausted();
    const std::string_view text = a[0].as_text();
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_length(text, at);
        const std::uint32_t code = utf8_code(text, at);
        const std::uint32_t other = code < 0x80 || !ascii ? convert(code) : code;
        if (other == code) {
            out.append(text.substr(at, length)); // also what is not UTF-8
        } else {
            utf8_append(out, other);
        }
        at += length;
    }
    return Value::string(std::move(out));
}

Value quote(Call& call, Arguments a) {
    if (!charge_texts(call, a)) return Call::exhausted();
    const std::string_view text = a[0].as_text();
    static constexpr std::string_view special = "\a\b\f\n\r\t\v\\\"";
    static constexpr std::string_view names = "abfnrtv\\\"";
    std::string out = "\"";
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_length(text, at);
        const std::size_t found = special.find(text[at]);
        if (found != npos) {
            out.push_back('\\');
            out.push_back(names[found]);
        } else {
            utf8_append(out, utf8_code(text, at)); // what is not UTF-8 becomes U+FFFD
        }
        at += length;
    }
    out.push_back('"');
    return Value::string(std::move(out));
}

} // namespace

void add_strings(Library& library) {
    const Type string = Type::string(), integer = Type::integer();
    library.method("charAt", {string, integer}, string, char_at);
    library.method("indexOf", {string, string}, integer, index_of);
    library.method("indexOf", {string, string, integer}, integer, index_of);
    library.method("lastIndexOf", {string, string}, integer, last_index_of);
    library.method("lastIndexOf", {string, string, integer}, integer, last_index_of);
    library.method("substring", {string, integer}, string, substring);
    library.method("substring", {string, integer, integer}, string, substring);
    library.method("split", {string, string}, Type::list(string), split);
    library.method("split", {string, string, integer}, Type::list(string), split);
    library.method("replace", {string, string, string}, string, replace);
    library.method("replace", {string, string, string, integer}, string, replace);
    library.method("trim", {string}, string, trim);
    library.method("reverse", {string}, string, reverse);
    library.method("lower", {string}, string, cased<to_lower, false>);
    library.method("upper", {string}, string, cased<to_upper, false>);
    library.method("lowerAscii", {string}, string, cased<to_lower, true>);
    library.method("upperAscii", {string}, string, cased<to_upper, true>);
    library.global("strings.quote", {string}, string, quote);
}

} // namespace adit::inline v0::cel
