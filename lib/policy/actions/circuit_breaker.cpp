#include "policy/actions/circuit_breaker.hpp"

#include <algorithm>
#include <cmath>

namespace adit::inline v0::policy {
namespace {

constexpr std::chrono::milliseconds duration_min{1'000};
constexpr std::chrono::milliseconds duration_max{120'000};

std::chrono::seconds rounded_up(Time::duration wait) {
    return std::max(std::chrono::ceil<std::chrono::seconds>(wait), std::chrono::seconds(1));
}

} // namespace

Result<std::unique_ptr<CircuitBreaker>> CircuitBreaker::create(const CircuitBreakerSettings& settings) {
    const auto refuse = [](const char* why) { return ErrorInfo(ngrok_error(2215), why); };
    if (!(settings.error_threshold >= 0 && settings.error_threshold <= 1)) // a NaN too
        return refuse("error_threshold must be from 0 to 1");
    if (settings.window_duration < duration_min || settings.window_duration > duration_max)
        return refuse("window_duration must be from 1s to 2m");
    if (settings.tripped_duration < duration_min || settings.tripped_duration > duration_max)
        return refuse("tripped_duration must be from 1s to 2m");
    return std::unique_ptr<CircuitBreaker>(new CircuitBreaker(settings));
}

CircuitBreaker::CircuitBreaker(const CircuitBreakerSettings& settings) : settings_(settings) {}

CircuitBreaker::Pass CircuitBreaker::admit(Time now) {
    const std::lock_guard lock(mutex_);
    if (!open_) return {true, 0, generation_, {}};
    if (now < open_until_) return {false, 0, generation_, rounded_up(open_until_ - now)};
    if (probe_ != 0 && now < probe_until_) return {false, 0, generation_, std::chrono::seconds(1)};
    probe_ = ++probes_;
    probe_until_ = now + settings_.tripped_duration;
    return {true, probe_, generation_, {}};
}

void CircuitBreaker::report(const Pass& pass, Outcome outcome, Time now) {
    if (!pass.allowed) return;
    const std::lock_guard lock(mutex_);
    if (pass.generation != generation_) return;
    if (pass.number != 0) {
        if (pass.number != probe_) return; // too late: another one probes
        probe_ = 0;
        if (outcome == Outcome::success) close();
        if (outcome == Outcome::failure) trip(now);
        return;
    }
    if (outcome == Outcome::abandoned) return;
    turn(now);
    Bucket& bucket = window_[current_];
    ++bucket.all;
    ++sum_.all;
    if (outcome == Outcome::failure) {
        ++bucket.failed;
        ++sum_.failed;
    }
    if (sum_.failed > 0 && sum_.all >= settings_.volume_threshold &&
        static_cast<double>(sum_.failed) >= settings_.error_threshold * static_cast<double>(sum_.all)) {
        trip(now);
    }
}

CircuitBreaker::State CircuitBreaker::state(Time now) const {
    const std::lock_guard lock(mutex_);
    if (!open_) return State::closed;
    return now < open_until_ ? State::open : State::half_open;
}

// Makes the bucket of `now` the current one; those that left the window are emptied.
void CircuitBreaker::turn(Time now) {
    const Time::duration width = Time::duration(settings_.window_duration) / buckets;
    if (sum_.all == 0 || now - bucket_start_ >= settings_.window_duration + width) {
        window_.fill({});
        sum_ = {};
        bucket_start_ = now;
        return;
    }
    while (now - bucket_start_ >= width) {
        current_ = (current_ + 1) % buckets;
        sum_.all -= window_[current_].all;
        sum_.failed -= window_[current_].failed;
        window_[current_] = {};
        bucket_start_ += width;
    }
}

void CircuitBreaker::trip(Time now) {
    open_ = true;
    open_until_ = now + settings_.tripped_duration;
    probe_ = 0;
    ++generation_; // answers to requests that passed before say nothing about what comes
}

void CircuitBreaker::close() {
    open_ = false;
    window_.fill({});
    sum_ = {};
    ++generation_;
}

} // namespace adit::inline v0::policy
