#include "policy/actions/rate_limit.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace adit;
using namespace adit::policy;
using namespace std::chrono_literals;

namespace {

const Time start = Time() + 1000h;

RateLimiter limiter(std::uint64_t capacity, std::chrono::seconds rate) {
    auto made = RateLimiter::create(capacity, rate);
    REQUIRE(made.has_value());
    return std::move(*made);
}

bool take(RateLimiter& limiter, std::string_view key, Time now) {
    const std::string_view keys[] = {key};
    return limiter.take(keys, now).allowed;
}

} // namespace

TEST_CASE("capacity and rate have their ranges") {
    struct Row {
        std::uint64_t capacity;
        std::chrono::seconds rate;
        bool good;
    };
    const Row rows[] = {
        {1, 60s, true},      {2'000'000'000, 24h, true},
        {0, 60s, false},     {2'000'000'001, 60s, false},
        {1, 59s, false},     {1, 50s, false},
        {1, 65s, false},     {1, 70s, true},
        {1, 86'410s, false}, {1, 90s, true},
        {1, 600s, true},     {1, -60s, false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.capacity);
        CAPTURE(row.rate.count());
        const auto made = RateLimiter::create(row.capacity, row.rate);
        CHECK(made.has_value() == row.good);
        if (!row.good) CHECK(made.error().code() == ngrok_error(2215));
    }
}

TEST_CASE("a burst passes up to the capacity, and again when it left the window") {
    RateLimiter limit = limiter(3, 60s);
    for (int i = 0; i < 3; ++i) CHECK(take(limit, "a", start));
    const std::string_view key[] = {"a"};
    const RateDecision refused = limit.take(key, start + 500ms);
    CHECK_FALSE(refused.allowed);
    CHECK(refused.retry_after == 60s); // 59.5 rounded up
    CHECK(limit.take(key, start + 59s + 999ms).retry_after == 1s);
    for (int i = 0; i < 3; ++i) CHECK(take(limit, "a", start + 60s));
    CHECK_FALSE(take(limit, "a", start + 60s));
}

TEST_CASE("what was refused does not count, and retry-after is kept") {
    RateLimiter limit = limiter(1, 60s);
    const std::string_view key[] = {"a"};
    CHECK(limit.take(key, start).allowed);
    for (auto t = 1s; t < 60s; t += 1s) {
        const RateDecision decision = limit.take(key, start + t);
        CHECK_FALSE(decision.allowed);
        CHECK(decision.retry_after == 60s - t);
    }
    CHECK(limit.take(key, start + 60s).allowed);
}

TEST_CASE("keys are told apart, and a key is the combination of its values") {
    RateLimiter limit = limiter(1, 60s);
    const std::vector<std::vector<std::string_view>> keys = {
        {},         {""},   {"", ""},   {"a"},      {"a", ""},      {"", "a"},
        {"a", "b"}, {"ab"}, {"ab", ""}, {"b", "a"}, {"a", "b", ""}, {std::string_view("a\0b", 3)}};
    for (const auto& key : keys) CHECK(limit.take(key, start).allowed);
    for (const auto& key : keys) CHECK_FALSE(limit.take(key, start).allowed);
    CHECK(limit.size() == keys.size());
}

TEST_CASE("property: no window has more than the capacity, and what is refused has a reason within a slot") {
    for (unsigned seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        const std::uint64_t capacity = 1 + random() % 50;
        RateLimiter limit = limiter(capacity, 60s);
        const auto slot = 60'000ms / limits::rate_limit_slots;
        std::deque<Time> passed;
        Time now = start;
        for (int i = 0; i < 2'000; ++i) {
            now += std::chrono::milliseconds(random() % (random() % 5 == 0 ? 9'000 : 300));
            const bool allowed = take(limit, "k", now);
            const auto within = [&](Time::duration window) {
                return static_cast<std::uint64_t>(
                    std::count_if(passed.begin(), passed.end(), [&](Time t) { return t + window > now; }));
            };
            if (allowed) {
                REQUIRE(within(60s) < capacity);
                passed.push_back(now);
            } else {
                REQUIRE(within(60s + slot) >= capacity);
            }
            while (!passed.empty() && passed.front() + 120s < now) passed.pop_front();
        }
    }
}

TEST_CASE("the number of keys is bounded, and the quiet ones go first") {
    RateLimiter limit = limiter(1, 60s);
    CHECK(take(limit, "busy", start));
    std::size_t most = 0;
    for (std::size_t i = 0; i < 2 * limits::rate_limit_keys_max; ++i) {
        take(limit, std::to_string(i), start + 1s);
        if (i % 1'000 == 0) {
            REQUIRE_FALSE(take(limit, "busy", start + 1s));
            most = std::max(most, limit.size());
        }
    }
    CHECK(most <= limits::rate_limit_keys_max);
    CHECK(limit.size() > limits::rate_limit_keys_max / 2);
    // When the window is over they go, two for one that comes.
    for (std::size_t i = 0; i < 2 * limits::rate_limit_keys_max; ++i)
        take(limit, "new" + std::to_string(i % 2'000), start + 10min);
    CHECK(limit.size() < limits::rate_limit_keys_max);
}

TEST_CASE("threads together get the capacity and no more") {
    RateLimiter limit = limiter(10'000, 60s);
    std::atomic<int> passed = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 5'000; ++i)
                passed += take(limit, "k", start + std::chrono::milliseconds(i)) ? 1 : 0;
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(passed == 10'000);
}
