// The Gregorian calendar, also before it was invented.
#pragma once

#include "policy/cel/value.hpp"

#include <cstdint>

namespace adit::inline v0::cel {

/// Days since 1970-01-01 of a date; months and days count from 1.
std::int64_t days_of(std::int64_t year, unsigned month, unsigned day_of_month) noexcept;
unsigned days_in(std::int64_t year, unsigned month) noexcept;

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

} // namespace adit::inline v0::cel
