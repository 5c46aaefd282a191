// The parts of timestamps and durations.
#include "policy/cel/calendar.hpp"
#include "policy/cel/library.hpp"
#include "policy/cel/time_zone.hpp"

namespace adit::inline v0::cel {

namespace {

template <int Calendar::* part, int more = 0>
Value part_of(Call& call, Arguments a) {
    std::int64_t offset = 0;
    if (a.size() > 1) {
        if (!call.charge(100)) return Call::exhausted(); // the name is looked for among 600
        const auto known = zone_offset(a[1].as_text(), a[0].as_timestamp());
        if (!known) {
            return Value::error(
                "the time zone '" + std::string(a[1].as_text().substr(0, 64)) +
                "' is not known: give a name of IANA as Europe/Berlin, UTC, or an offset as +02:00");
        }
        offset = *known;
    }
    return Value::integer(Calendar(a[0].as_timestamp(), offset).*part + more);
}

template <std::int64_t unit, std::int64_t modulus = 0>
Value count_of(Call&, Arguments a) {
    const std::int64_t units = a[0].as_duration() / unit;
    return Value::integer(modulus == 0 ? units : units % modulus);
}

} // namespace

void add_times(Library& library) {
    const auto add = [&](const char* name, Callback call) {
        library.method(name, {Type::timestamp()}, Type::integer(), call);
        library.method(name, {Type::timestamp(), Type::string()}, Type::integer(), call);
    };
    add("getFullYear", part_of<&Calendar::year>);
    add("getMonth", part_of<&Calendar::month>);
    add("getDate", part_of<&Calendar::day_of_month, 1>);
    add("getDayOfMonth", part_of<&Calendar::day_of_month>);
    add("getDayOfWeek", part_of<&Calendar::day_of_week>);
    add("getDayOfYear", part_of<&Calendar::day_of_year>);
    add("getHours", part_of<&Calendar::hours>);
    add("getMinutes", part_of<&Calendar::minutes>);
    add("getSeconds", part_of<&Calendar::seconds>);
    add("getMilliseconds", part_of<&Calendar::milliseconds>);
    const auto duration = [&](const char* name, Callback call) {
        library.method(name, {Type::duration()}, Type::integer(), call);
    };
    duration("getHours", count_of<3'600'000'000'000>);
    duration("getMinutes", count_of<60'000'000'000>);
    duration("getSeconds", count_of<1'000'000'000>);
    duration("getMilliseconds", count_of<1'000'000, 1'000>);
}

} // namespace adit::inline v0::cel
