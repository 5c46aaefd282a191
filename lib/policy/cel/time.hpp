// Timestamps and durations: text, arithmetic, calendar.
#pragma once

#include "policy/cel/value.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace adit::inline v0::cel {

/// RFC 3339, "2024-02-29T12:00:00.5+01:00"; nullopt for anything else and what is out of range.
std::optional<Timestamp> parse_timestamp(std::string_view text);
/// RFC 3339 in UTC, fractions of a second only if there are.
std::string format_timestamp(Timestamp timestamp);
/// "1h30m", "-1.5s", "250ms", "us", "µs", "ns", "0"; nullopt for anything else and beyond 292 years.
std::optional<std::int64_t> parse_duration(std::string_view text);
/// Seconds with a fraction if there is one: "5400s", "0.25s".
std::string format_duration(std::int64_t nanoseconds);
/// Of a count of seconds; nullopt out of range.
std::optional<Timestamp> checked_timestamp(std::int64_t seconds, std::int64_t nanos);

/// A timestamp or duration, and a duration.
Value add(const Value& left, const Value& duration);
/// Timestamps, durations, or a timestamp less a duration.
Value subtract(const Value& left, const Value& right);

/// The fields of a calendar, of UTC moved by an offset.
class Calendar {
public:
    Calendar(Timestamp timestamp, std::int64_t offset_seconds) noexcept;

    int year = 0;
    int month = 0;        ///< 0 to 11
    int day_of_month = 0; ///< 0 to 30
    int day_of_week = 0;  ///< 0 is Sunday
    int day_of_year = 0;  ///< 0 to 365
    int hours = 0;
    int minutes = 0;
    int seconds = 0;
    int milliseconds = 0;
};

/// Seconds east of UTC: "UTC", "Z", "+11:00", "-02:30", "02:00"; nullopt for the names of regions, whose rules are
/// files of the system.
std::optional<std::int64_t> parse_offset(std::string_view zone) noexcept;

} // namespace adit::inline v0::cel
