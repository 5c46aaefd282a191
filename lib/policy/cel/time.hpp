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

} // namespace adit::inline v0::cel
