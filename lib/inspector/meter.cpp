#include "inspector/meter.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <cmath>

namespace adit::inline v0::inspector {
namespace {

constexpr std::chrono::seconds tick_time(5);
constexpr std::array<double, 3> windows = {60, 300, 900};         // seconds
constexpr std::array<double, 4> quantiles = {0.5, 0.9, 0.95, 0.99};
constexpr std::int64_t ticks_to_nothing = 12 * 15 * 30; // 30 times the longest window: nothing is left of a rate

} // namespace

void Meter::advance(Clock::time_point now) noexcept {
    const auto ticks = (now - tick_) / tick_time;
    if (ticks <= 0) return;
    tick_ += ticks * tick_time;
    const double seconds = std::chrono::duration<double>(tick_time).count();
    const double last = static_cast<double>(in_tick_) / seconds;
    in_tick_ = 0;
    for (std::size_t i = 0; i < windows.size(); ++i) {
        const double kept = std::exp(-seconds / windows[i]);
        rates_[i] = begun_ ? last + (rates_[i] - last) * kept : last;
        const auto empty = static_cast<double>(std::min<std::int64_t>(ticks - 1, ticks_to_nothing));
        rates_[i] *= std::pow(kept, empty);
    }
    begun_ = true;
}

void Meter::mark(Clock::time_point now) noexcept {
    advance(now);
    ++in_tick_;
    ++count_;
}

std::array<double, 3> Meter::rates(Clock::time_point now) noexcept {
    advance(now);
    return rates_;
}

void Durations::add(std::chrono::nanoseconds time) {
    if (last_.size() < limits::inspector_durations) {
        last_.push_back(time.count());
        return;
    }
    last_[next_] = time.count();
    next_ = (next_ + 1) % last_.size();
}

std::array<double, 4> Durations::percentiles() const {
    std::array<double, 4> out{};
    if (last_.empty()) return out;
    std::vector<std::int64_t> sorted = last_;
    std::ranges::sort(sorted);
    for (std::size_t i = 0; i < quantiles.size(); ++i) {
        const auto rank = static_cast<std::size_t>(std::ceil(quantiles[i] * static_cast<double>(sorted.size())));
        out[i] = static_cast<double>(sorted[std::max<std::size_t>(rank, 1) - 1]);
    }
    return out;
}

} // namespace adit
