#include "inspector/meter.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

using adit::inspector::Durations;
using adit::inspector::Meter;
using namespace std::chrono_literals;

TEST_CASE("a steady stream of events has its rate in every window, and fades when it ends") {
    const Meter::Clock::time_point start{};
    Meter meter(start);
    for (int second = 0; second < 1'200; ++second)
        for (int n = 0; n < 4; ++n) meter.mark(start + second * 1s + n * 250ms);
    CHECK(meter.count() == 4'800);
    for (const double rate : meter.rates(start + 1'200s)) CHECK(rate == doctest::Approx(4).epsilon(0.01));
    const auto later = meter.rates(start + 1'260s);
    CHECK(later[0] == doctest::Approx(4 / 2.71828).epsilon(0.02)); // one window on
    CHECK(later[0] < later[1]);
    CHECK(later[1] < later[2]);
    for (const double rate : meter.rates(start + 24h)) CHECK(rate == doctest::Approx(0).epsilon(1e-9));
}

TEST_CASE("a rate is that of whole ticks") {
    Meter meter(Meter::Clock::time_point{});
    meter.mark(Meter::Clock::time_point(1s));
    CHECK(meter.rates(Meter::Clock::time_point(4s))[0] == 0);
    CHECK(meter.rates(Meter::Clock::time_point(5s))[0] == doctest::Approx(0.2));
}

TEST_CASE("percentiles are of the last times") {
    Durations durations;
    CHECK(durations.percentiles()[0] == 0);
    durations.add(7ns);
    for (const double each : durations.percentiles()) CHECK(each == 7);
    Durations many;
    for (std::size_t i = 0; i < adit::limits::inspector_durations; ++i) many.add(1h);
    for (std::size_t i = 1; i <= adit::limits::inspector_durations; ++i) many.add(std::chrono::nanoseconds(i)); // all of them replaced
    const auto found = many.percentiles();
    CHECK(found[0] == 128);
    CHECK(found[1] == 231);
    CHECK(found[2] == 244);
    CHECK(found[3] == 254);
}
