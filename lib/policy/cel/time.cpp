#include "policy/cel/time.hpp"

#include "policy/cel/calendar.hpp"

#include <array>
#include <cstdlib>
#include <limits>

namespace adit::inline v0::cel {

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t first_second = -62'135'596'800; // 0001-01-01T00:00:00Z
constexpr std::int64_t last_second = 253'402'300'799;  // 9999-12-31T23:59:59Z
constexpr std::int64_t day = 86'400;

class Reader {
public:
    explicit Reader(std::string_view text) noexcept : rest(text) {}

    bool mark(char c) noexcept {
        if (rest.empty() || rest[0] != c) return false;
        rest.remove_prefix(1);
        return true;
    }
    bool digits(std::size_t count, unsigned& out) noexcept {
        out = 0;
        if (rest.size() < count) return false;
        for (std::size_t i = 0; i < count; ++i) {
            if (rest[i] < '0' || rest[i] > '9') return false;
            out = out * 10 + static_cast<unsigned>(rest[i] - '0');
        }
        rest.remove_prefix(count);
        return true;
    }

    std::string_view rest;
};

bool fraction(Reader& in, std::int64_t& nanos) noexcept {
    nanos = 0;
    if (!in.mark('.')) return true;
    std::int64_t unit = second / 10;
    std::size_t count = 0;
    for (unsigned digit = 0; in.digits(1, digit); ++count) {
        nanos += digit * unit;
        unit /= 10;
    }
    return count > 0;
}

std::string padded(std::int64_t value, std::size_t width) {
    std::string digits = std::to_string(value);
    return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

std::string fraction_text(std::int64_t nanos) {
    if (nanos == 0) return {};
    std::string digits = "." + padded(nanos, 9);
    while (digits.back() == '0') digits.pop_back();
    return digits;
}

Value out_of_range() { return Value::error("the time is out of range"); }

Value timestamp_value(std::int64_t seconds, std::int64_t nanos) {
    const std::optional<Timestamp> made = checked_timestamp(seconds, nanos);
    return made ? Value::timestamp(*made) : out_of_range();
}

} // namespace

std::optional<Timestamp> checked_timestamp(std::int64_t seconds, std::int64_t nanos) {
    seconds += nanos / second;
    nanos %= second;
    if (nanos < 0) {
        nanos += second;
        --seconds;
    }
    if (seconds < first_second || seconds > last_second) return std::nullopt;
    return Timestamp(seconds, static_cast<std::int32_t>(nanos));
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
    Reader in(text);
    unsigned year = 0, month = 0, day_of_month = 0, hour = 0, minute = 0, sec = 0;
    std::int64_t nanos = 0;
    const bool date = in.digits(4, year) && in.mark('-') && in.digits(2, month) && in.mark('-') &&
                      in.digits(2, day_of_month);
    if (!date || !(in.mark('T') || in.mark('t'))) return std::nullopt;
    const bool time =
        in.digits(2, hour) && in.mark(':') && in.digits(2, minute) && in.mark(':') && in.digits(2, sec);
    if (!time || !fraction(in, nanos)) return std::nullopt;
    std::int64_t offset = 0;
    if (!in.mark('Z') && !in.mark('z')) {
        const bool west = in.mark('-');
        unsigned hours = 0, minutes = 0;
        if ((!west && !in.mark('+')) || !in.digits(2, hours) || !in.mark(':') || !in.digits(2, minutes))
            return std::nullopt;
        if (hours > 23 || minutes > 59) return std::nullopt;
        offset = std::int64_t{hours * 60 + minutes} * (west ? -60 : 60);
    }
    if (!in.rest.empty() || month < 1 || month > 12 || day_of_month < 1 ||
        day_of_month > days_in(year, month))
        return std::nullopt;
    if (hour > 23 || minute > 59 || sec > 59) return std::nullopt;
    const std::int64_t seconds = days_of(year, month, day_of_month) * day + hour * 3'600 + minute * 60 + sec;
    return checked_timestamp(seconds - offset, nanos);
}

std::string format_timestamp(Timestamp timestamp) {
    const Calendar at(timestamp, 0);
    return padded(at.year, 4) + "-" + padded(at.month + 1, 2) + "-" + padded(at.day_of_month + 1, 2) + "T" +
           padded(at.hours, 2) + ":" + padded(at.minutes, 2) + ":" + padded(at.seconds, 2) +
           fraction_text(timestamp.nanos) + "Z";
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    if (text == "0") return 0;
    if (text.empty()) return std::nullopt;
    class Unit {
    public:
        std::string_view name;
        std::int64_t nanos;
    };
    static constexpr std::array<Unit, 8> units{{{"ns", 1},
                                                {"us", 1'000},
                                                {"\xC2\xB5s", 1'000},
                                                {"\xCE\xBCs", 1'000},
                                                {"ms", 1'000'000},
                                                {"s", second},
                                                {"m", 60 * second},
                                                {"h", 3'600 * second}}};
    __extension__ using Wide = __int128;
    Wide total = 0;
    constexpr Wide most = Wide{1} << 63;
    while (!text.empty()) {
        Wide whole = 0, part = 0, scale = 1;
        std::size_t digits = 0;
        Reader in(text);
        for (unsigned digit = 0; in.digits(1, digit); ++digits) {
            whole = whole * 10 + digit;
            if (whole > most) return std::nullopt;
        }
        if (in.mark('.')) {
            for (unsigned digit = 0; in.digits(1, digit); ++digits) {
                if (scale >= 1'000'000'000'000'000) continue; // far below a nanosecond
                part = part * 10 + digit;
                scale *= 10;
            }
        }
        if (digits == 0) return std::nullopt;
        const Unit* unit = nullptr;
        for (const Unit& candidate : units) {
            if (in.rest.starts_with(candidate.name) && (!unit || candidate.name.size() > unit->name.size()))
                unit = &candidate;
        }
        if (!unit) return std::nullopt;
        in.rest.remove_prefix(unit->name.size());
        text = in.rest;
        total += whole * unit->nanos + part * unit->nanos / scale;
        if (total > most) return std::nullopt;
    }
    if (negative) total = -total;
    if (total >= most) return std::nullopt;
    return static_cast<std::int64_t>(total);
}

std::string format_duration(std::int64_t nanoseconds) {
    const std::int64_t part = nanoseconds % second;
    const std::int64_t whole = nanoseconds / second;
    return (nanoseconds < 0 && whole == 0 ? "-" : "") + std::to_string(whole) +
           fraction_text(std::abs(part)) + "s";
}

Value add(const Value& left, const Value& duration) {
    const std::int64_t more = duration.as_duration();
    if (left.is(Kind::timestamp)) {
        const Timestamp at = left.as_timestamp();
        return timestamp_value(at.seconds + more / second, at.nanos + more % second);
    }
    std::int64_t out = 0;
    if (__builtin_add_overflow(left.as_duration(), more, &out)) return out_of_range();
    return Value::duration(out);
}

Value subtract(const Value& left, const Value& right) {
    std::int64_t out = 0;
    if (right.is(Kind::timestamp)) {
        const Timestamp a = left.as_timestamp();
        const Timestamp b = right.as_timestamp();
        if (__builtin_mul_overflow(a.seconds - b.seconds, second, &out)) return out_of_range();
        if (__builtin_add_overflow(out, std::int64_t{a.nanos} - b.nanos, &out)) return out_of_range();
        return Value::duration(out);
    }
    const std::int64_t less = right.as_duration();
    if (left.is(Kind::timestamp)) {
        const Timestamp at = left.as_timestamp();
        return timestamp_value(at.seconds - less / second, at.nanos - less % second);
    }
    if (__builtin_sub_overflow(left.as_duration(), less, &out)) return out_of_range();
    return Value::duration(out);
}

} // namespace adit::inline v0::cel
