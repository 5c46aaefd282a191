#include "policy/actions/circuit_breaker.hpp"
#include "support/doctest.hpp"

#include <atomic>
#include <cmath>
#include <thread>
#include <vector>

using namespace adit;
using namespace adit::policy;
using namespace std::chrono_literals;
using Outcome = CircuitBreaker::Outcome;
using State = CircuitBreaker::State;

namespace {

const Time start = Time() + 1000h;

CircuitBreakerSettings settings(double error, std::uint32_t volume, std::chrono::milliseconds window = 10s,
                                std::chrono::milliseconds tripped = 20s) {
    CircuitBreakerSettings s;
    s.error_threshold = error;
    s.volume_threshold = volume;
    s.window_duration = window;
    s.tripped_duration = tripped;
    return s;
}

std::unique_ptr<CircuitBreaker> breaker(const CircuitBreakerSettings& s) {
    auto made = CircuitBreaker::create(s);
    REQUIRE(made.has_value());
    return std::move(*made);
}

void answer(CircuitBreaker& b, Outcome outcome, Time now, int times = 1) {
    for (int i = 0; i < times; ++i) {
        const CircuitBreaker::Pass pass = b.admit(now);
        REQUIRE(pass.allowed);
        b.report(pass, outcome, now);
    }
}

} // namespace

TEST_CASE("settings have their ranges") {
    struct Row {
        CircuitBreakerSettings settings;
        bool good;
    };
    const Row rows[] = {
        {CircuitBreakerSettings(), true},
        {settings(0, 1, 60s, 2min), true},
        {settings(1, 0, 1s, 1s), true},
        {settings(-0.1, 10), false},
        {settings(1.01, 10), false},
        {settings(std::nan(""), 10), false},
        {settings(0.5, 10, 999ms), false},
        {settings(0.5, 10, 121s), false},
        {settings(0.5, 10, 10s, 500ms), false},
        {settings(0.5, 10, 10s, 3min), false},
    };
    for (const Row& row : rows) {
        const auto made = CircuitBreaker::create(row.settings);
        CHECK(made.has_value() == row.good);
        if (!row.good) CHECK(made.error().code() == ngrok_error(2215));
    }
}

TEST_CASE("it trips when the volume is there and the ratio is met") {
    struct Row {
        double error;
        std::uint32_t volume;
        int good, bad;
        bool trips;
    };
    const Row rows[] = {
        {0.5, 10, 0, 9, false},    {0.5, 10, 0, 10, true},    {0.5, 10, 5, 5, true}, {0.5, 10, 6, 5, false},
        {0.5, 10, 100, 99, false}, {0.5, 10, 100, 100, true}, {1, 4, 0, 4, true},    {1, 4, 1, 100, false},
        {0, 1, 0, 1, true},        {0, 1, 50, 0, false},      {0, 0, 50, 1, true},   {0.01, 100, 99, 1, true},
    };
    for (const Row& row : rows) {
        CAPTURE(row.error);
        CAPTURE(row.good);
        CAPTURE(row.bad);
        const auto b = breaker(settings(row.error, row.volume));
        answer(*b, Outcome::success, start, row.good);
        int failures = 0;
        while (failures < row.bad && b->state(start) == State::closed) {
            answer(*b, Outcome::failure, start);
            ++failures;
        }
        CHECK((b->state(start) == State::open) == row.trips);
        if (row.trips) CHECK(failures == row.bad);
    }
}

TEST_CASE("answers leave the window in ten steps") {
    const auto b = breaker(settings(0.5, 10));
    for (int second = 0; second < 9; ++second)
        answer(*b, Outcome::failure, start + std::chrono::seconds(second));
    SUBCASE("the tenth within the window trips it") {
        answer(*b, Outcome::failure, start + 9s + 999ms);
        CHECK(b->state(start + 9s + 999ms) == State::open);
    }
    SUBCASE("when the first left, it is one too few") {
        answer(*b, Outcome::failure, start + 10s);
        CHECK(b->state(start + 10s) == State::closed);
        answer(*b, Outcome::failure, start + 10s);
        CHECK(b->state(start + 10s) == State::open);
    }
    SUBCASE("after a long silence nothing is left") {
        answer(*b, Outcome::failure, start + 1h, 9);
        CHECK(b->state(start + 1h) == State::closed);
    }
}

TEST_CASE("open, half-open, closed") {
    const auto b = breaker(settings(0.5, 2));
    answer(*b, Outcome::failure, start, 2);
    const CircuitBreaker::Pass refused = b->admit(start + 100ms);
    CHECK_FALSE(refused.allowed);
    CHECK(refused.retry_after == 20s);
    CHECK_FALSE(b->admit(start + 19'999ms).allowed);
    CHECK(b->state(start + 20s) == State::half_open);
    const CircuitBreaker::Pass probe = b->admit(start + 20s);
    CHECK(probe.allowed);
    CHECK_FALSE(b->admit(start + 20s).allowed); // one probe at a time
    SUBCASE("a good probe closes it, with an empty window") {
        b->report(probe, Outcome::success, start + 21s);
        CHECK(b->state(start + 21s) == State::closed);
        answer(*b, Outcome::failure, start + 21s);
        CHECK(b->state(start + 21s) == State::closed);
    }
    SUBCASE("a bad probe opens it for the whole time again") {
        b->report(probe, Outcome::failure, start + 25s);
        CHECK(b->state(start + 44s) == State::open);
        CHECK(b->admit(start + 45s).allowed);
    }
    SUBCASE("an abandoned probe makes room for another") {
        b->report(probe, Outcome::abandoned, start + 21s);
        CHECK(b->state(start + 21s) == State::half_open);
        CHECK(b->admit(start + 21s).allowed);
    }
    SUBCASE("a lost probe makes room after a while, and says nothing when it comes back") {
        CHECK_FALSE(b->admit(start + 39s).allowed);
        const CircuitBreaker::Pass second = b->admit(start + 40s);
        CHECK(second.allowed);
        b->report(probe, Outcome::success, start + 41s);
        CHECK(b->state(start + 41s) == State::half_open);
        b->report(second, Outcome::success, start + 42s);
        CHECK(b->state(start + 42s) == State::closed);
    }
}

TEST_CASE("late answers of an earlier phase change nothing") {
    const auto b = breaker(settings(0.5, 2));
    const CircuitBreaker::Pass slow = b->admit(start);
    const CircuitBreaker::Pass slower = b->admit(start);
    answer(*b, Outcome::failure, start, 2);
    b->report(slow, Outcome::success, start + 1s); // open: no reason to close
    CHECK(b->state(start + 1s) == State::open);
    const CircuitBreaker::Pass probe = b->admit(start + 20s);
    b->report(probe, Outcome::success, start + 20s);
    b->report(slower, Outcome::failure, start + 21s);
    answer(*b, Outcome::failure, start + 21s);
    CHECK(b->state(start + 21s) == State::closed); // one failure of the new phase
}

TEST_CASE("abandoned requests are not counted") {
    const auto b = breaker(settings(0.5, 2));
    answer(*b, Outcome::abandoned, start, 100);
    answer(*b, Outcome::failure, start);
    CHECK(b->state(start) == State::closed);
    answer(*b, Outcome::failure, start);
    CHECK(b->state(start) == State::open);
}

TEST_CASE("of many threads one gets the probe") {
    const auto b = breaker(settings(0.5, 2));
    answer(*b, Outcome::failure, start, 2);
    std::atomic<int> probes = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 1'000; ++i) probes += b->admit(start + 25s).allowed ? 1 : 0;
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(probes == 1);
}
