#include "base/base64.hpp"
#include "base/hex.hpp"
#include "base/random.hpp"
#include "policy/actions/webhook_scheme.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <charconv>

namespace adit::inline v0::policy::webhook {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::int64_t milliseconds_from = 100'000'000'000; // as seconds that is the year 5138

std::optional<std::int64_t> number(std::string_view digits) noexcept {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool good =
        error == std::errc() && end == digits.data() + digits.size() && !digits.empty() && digits[0] != '-';
    return good ? std::optional(value) : std::nullopt;
}

std::optional<sys_seconds> read_unix_time(std::string_view text) noexcept {
    const auto value = number(text);
    if (!value) return std::nullopt;
    return sys_seconds(seconds(*value >= milliseconds_from ? *value / 1'000 : *value));
}

// "2020-01-01T00:00:00", a fraction, "Z" or "+01:00"; without a zone it is UTC.
std::optional<sys_seconds> read_date(std::string_view text) noexcept {
    if (text.size() < 19 || text.size() > 40 || text[4] != '-' || text[7] != '-' ||
        (text[10] != 'T' && text[10] != ' ') || text[13] != ':' || text[16] != ':') {
        return std::nullopt;
    }
    const auto part = [&](std::size_t at, std::size_t size) {
        return number(text.substr(at, size)).value_or(-1);
    };
    const std::int64_t hour = part(11, 2), minute = part(14, 2), second = part(17, 2);
    const std::chrono::year_month_day day(std::chrono::year(static_cast<int>(part(0, 4))),
                                          std::chrono::month(static_cast<unsigned>(part(5, 2))),
                                          std::chrono::day(static_cast<unsigned>(part(8, 2))));
    if (!day.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return std::nullopt;
    text.remove_prefix(19);
    if (text.starts_with('.'))
        text.remove_prefix(std::min(text.find_first_not_of("0123456789", 1), text.size()));
    std::int64_t zone = 0; // minutes
    if (!text.empty() && text != "Z") {
        if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
        const std::int64_t hours = number(text.substr(1, 2)).value_or(99),
                           minutes = number(text.substr(4, 2)).value_or(99);
        if (hours > 23 || minutes > 59) return std::nullopt;
        zone = (hours * 60 + minutes) * (text[0] == '-' ? -1 : 1);
    }
    return sys_seconds(std::chrono::sys_days(day)) + seconds(hour * 3'600 + (minute - zone) * 60 + second);
}

// What the header of the signature says.
struct Sent {
    std::vector<std::string_view> signatures;
    std::string_view time;
};

void read_fields(const Scheme& scheme, std::string_view value, Sent& sent) {
    std::string_view element;
    while (next_element(value, element)) {
        const std::size_t equals = element.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view key = element.substr(0, equals);
        if (key == scheme.signature_key) sent.signatures.push_back(element.substr(equals + 1));
        if (!scheme.time_key.empty() && key == scheme.time_key && sent.time.empty())
            sent.time = element.substr(equals + 1);
    }
}

void read_spaced(const Scheme& scheme, std::string_view value, Sent& sent) {
    while (!value.empty()) {
        const std::size_t space = std::min(value.find(' '), value.size());
        const std::string_view item = value.substr(0, space);
        value.remove_prefix(std::min(space + 1, value.size()));
        const std::size_t comma = item.find(',');
        if (comma != std::string_view::npos && item.substr(0, comma) == scheme.signature_key)
            sent.signatures.push_back(item.substr(comma + 1));
    }
}

Verdict read_value(const Scheme& scheme, std::string_view value, Sent& sent) {
    switch (scheme.format) {
    case Scheme::Format::fields: read_fields(scheme, value, sent); break;
    case Scheme::Format::spaced: read_spaced(scheme, value, sent); break;
    case Scheme::Format::plain:
    case Scheme::Format::numbered:
        if (!value.starts_with(scheme.prefix))
            return "the signature does not begin with " + std::string(scheme.prefix);
        sent.signatures.push_back(value.substr(scheme.prefix.size()));
        break;
    }
    return {};
}

// One signature in each of "HEADER1", "HEADER2", ...
void read_numbered(const Check& check, Sent& sent) {
    for (const Field& field : check.request.fields) {
        const std::size_t size = check.scheme.header.size();
        if (field.name.size() > size && iequals(field.name.substr(0, size), check.scheme.header) &&
            number(field.name.substr(size)))
            sent.signatures.push_back(field.value);
    }
}

bool uses_other_names(const Check& check) {
    return check.scheme.format == Scheme::Format::spaced && !check.request.fields.has(check.scheme.header);
}

Verdict read_signatures(const Check& check, Sent& sent) {
    const Scheme& scheme = check.scheme;
    if (scheme.format == Scheme::Format::numbered) {
        read_numbered(check, sent);
        if (sent.signatures.empty()) return "there is no header " + std::string(scheme.header) + "1";
        return {};
    }
    std::string error;
    const auto value =
        only_field(check.request, uses_other_names(check) ? scheme.other_header : scheme.header, error);
    if (value) {
        error = read_value(scheme, *value, sent);
        if (!error.empty()) return error;
    }
    // Box signs with both of its keys.
    if (!scheme.other_header.empty() && scheme.format == Scheme::Format::plain) {
        if (const auto other = check.request.fields.find(scheme.other_header))
            sent.signatures.push_back(*other);
    }
    if (!sent.signatures.empty()) return {};
    return error.empty() ? "the header " + std::string(scheme.header) + " has no signature" : error;
}

} // namespace

std::optional<std::string_view> only_field(const WebhookRequest& request, std::string_view name,
                                           std::string& error) {
    const std::size_t count = request.fields.count(name);
    if (count == 1) return request.fields.find(name);
    error = (count == 0 ? "there is no header " : "there are several headers ") + std::string(name);
    return std::nullopt;
}

Verdict check_time(const Scheme& scheme, std::string_view sent, sys_seconds now) {
    const auto time = scheme.clock == Scheme::Clock::date ? read_date(sent) : read_unix_time(sent);
    if (!time) return "its time cannot be read";
    const seconds off = *time > now ? *time - now : now - *time;
    if (off <= scheme.tolerance) return {};
    return "it was signed " + std::to_string(off.count()) + " s " + (*time > now ? "in the future" : "ago") +
           ", at most " + std::to_string(scheme.tolerance.count()) + " s are allowed";
}

std::string encoded_mac(const Scheme& scheme, std::string_view key, std::span<const Bytes> pieces) {
    const std::vector<std::uint8_t> mac = tls::hmac(scheme.hash, as_bytes(key), pieces);
    return scheme.encoding == Scheme::Encoding::hex ? hex_encode(mac) : base64_encode(as_text(mac));
}

bool same_signature(const Scheme& scheme, std::string_view sent, std::string_view expected) {
    std::string text(sent);
    if (scheme.encoding == Scheme::Encoding::hex) {
        for (char& c : text) c = c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c;
    }
    return constant_time_equal(as_bytes(text), as_bytes(expected));
}

Verdict check_mac(const Check& check) {
    const Scheme& scheme = check.scheme;
    Sent sent;
    if (std::string error = read_signatures(check, sent); !error.empty()) return error;
    if (sent.signatures.size() > limits::webhook_signatures_max) return "there are too many signatures";
    std::string error;
    std::string_view id;
    if (scheme.format == Scheme::Format::spaced) {
        const std::string family = uses_other_names(check) ? "svix" : "webhook";
        const auto time = only_field(check.request, family + "-timestamp", error);
        const auto message = only_field(check.request, family + "-id", error);
        if (!time || !message) return error;
        sent.time = *time;
        id = *message;
    } else if (!scheme.time_header.empty()) {
        const auto time = only_field(check.request, scheme.time_header, error);
        if (!time) return error;
        sent.time = *time;
    }
    if (scheme.clock != Scheme::Clock::none) {
        if (error = check_time(scheme, sent.time, check.request.now); !error.empty()) return error;
    }
    std::vector<Bytes> pieces;
    std::string_view rest = scheme.message;
    while (!rest.empty()) {
        const std::size_t percent = std::min(rest.find('%'), rest.size());
        pieces.push_back(as_bytes(rest.substr(0, percent)));
        if (percent == rest.size()) break;
        switch (rest[percent + 1]) {
        case 'b': pieces.push_back(check.request.body); break;
        case 't': pieces.push_back(as_bytes(sent.time)); break;
        case 'i': pieces.push_back(as_bytes(id)); break;
        case 'm': pieces.push_back(as_bytes(check.request.method)); break;
        case 'u': pieces.push_back(as_bytes(check.request.url)); break;
        }
        rest.remove_prefix(percent + 2);
    }
    const std::string expected = encoded_mac(scheme, check.key, pieces);
    bool found = false;
    for (const std::string_view signature : sent.signatures)
        found |= same_signature(scheme, signature, expected);
    return found ? std::string() : "the signature does not match";
}

} // namespace adit::inline v0::policy::webhook
