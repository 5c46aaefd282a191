#include "policy/cel/calendar.hpp"

#include <array>

namespace adit::inline v0::cel {

namespace {

constexpr std::int64_t day = 86'400;

bool leap(std::int64_t year) noexcept { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

} // namespace

// Years are counted from March, so that the leap
// day is last; 400 of them (an era) have 146,097 days.
std::int64_t days_of(std::int64_t year, unsigned month, unsigned day_of_month) noexcept {
    year -= month <= 2 ? 1 : 0;
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const std::int64_t year_of_era = year - era * 400;
    const std::int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day_of_month - 1;
    return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719'468;
}

unsigned days_in(std::int64_t year, unsigned month) noexcept {
    constexpr std::array<unsigned, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && leap(year) ? 29 : days[month - 1];
}

Calendar::Calendar(Timestamp timestamp, std::int64_t offset_seconds) noexcept {
    const std::int64_t all = timestamp.seconds + offset_seconds;
    std::int64_t days = all / day;
    std::int64_t rest = all % day;
    if (rest < 0) {
        rest += day;
        --days;
    }
    hours = static_cast<int>(rest / 3'600);
    minutes = static_cast<int>(rest / 60 % 60);
    seconds = static_cast<int>(rest % 60);
    milliseconds = timestamp.nanos / 1'000'000;
    day_of_week = static_cast<int>(((days + 4) % 7 + 7) % 7); // 1970-01-01 was a Thursday
    // The inverse of days_of(): years from March, in eras of 400.
    const std::int64_t shifted = days + 719'468;
    const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
    const std::int64_t day_of_era = shifted - era * 146'097;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const std::int64_t from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t month_from_march = (5 * from_march + 2) / 153;
    day_of_month = static_cast<int>(from_march - (153 * month_from_march + 2) / 5);
    month = static_cast<int>(month_from_march < 10 ? month_from_march + 2 : month_from_march - 10);
    year = static_cast<int>(year_of_era + era * 400 + (month <= 1 ? 1 : 0));
    day_of_year = static_cast<int>(days - days_of(year, 1, 1));
}

} // namespace adit::inline v0::cel
