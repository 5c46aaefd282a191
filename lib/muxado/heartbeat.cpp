#include "muxado/heartbeat.hpp"

#include <algorithm>

namespace adit::inline v0::muxado {

void HeartbeatTimer::start(Duration interval, Duration tolerance, Time now) noexcept {
    started_ = true;
    outstanding_ = false;
    interval_ = std::max<Duration>(interval, std::chrono::milliseconds(1)); // zero would beat without a pause
    patience_ = interval_ + std::max(tolerance, Duration::zero());
    next_beat_ = now;
    deadline_ = now + patience_;
}

void HeartbeatTimer::hurry(Time now) noexcept {
    if (!outstanding_) next_beat_ = std::min(next_beat_, now);
}

void HeartbeatTimer::sent(std::uint32_t value, Time now) noexcept {
    outstanding_ = true;
    value_ = value;
    sent_ = now;
    next_beat_ = now + interval_;
}

std::optional<Duration> HeartbeatTimer::answered(std::uint32_t value, Time now) noexcept {
    if (!outstanding_ || value != value_) return std::nullopt;
    outstanding_ = false;
    deadline_ = now + patience_;
    return now - sent_;
}

std::optional<Time> HeartbeatTimer::next_timeout() const noexcept {
    if (!started_) return std::nullopt;
    return outstanding_ ? deadline_ : std::min(next_beat_, deadline_);
}

} // namespace adit::inline v0::muxado
