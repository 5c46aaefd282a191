// What is counted of an endpoint: how many in the last minutes, and how long they took.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace adit::inline v0::inspector {

/// Events a second, as moving averages over 1, 5 and 15 minutes, of the kind that a machine's load is: a tick of 5 s counts
/// for less the longer ago it is. The clock is the caller's.
class Meter {
public:
    using Clock = std::chrono::steady_clock;
    explicit Meter(Clock::time_point now) : tick_(now) {}

    void mark(Clock::time_point now) noexcept;
    std::uint64_t count() const noexcept { return count_; }
    /// Over 1, 5 and 15 minutes.
    std::array<double, 3> rates(Clock::time_point now) noexcept;

private:
    void advance(Clock::time_point now) noexcept;

    Clock::time_point tick_; // where the tick that is counted began
    std::uint64_t count_ = 0;
    std::uint64_t in_tick_ = 0;
    std::array<double, 3> rates_{};
    bool begun_ = false;
};

/// The last limits::inspector_durations times.
class Durations {
public:
    void add(std::chrono::nanoseconds time);
    /// At 50, 90, 95 and 99 of 100, in ns; 0 without any.
    std::array<double, 4> percentiles() const;

private:
    std::vector<std::int64_t> last_;
    std::size_t next_ = 0;
};

} // namespace adit
