#include "client/leg_machine.hpp"

#include "base/ngrok_errors.hpp"

#include <algorithm>

namespace adit::inline v0 {
namespace {

bool is_slow(const ErrorInfo& error) {
    if (error.code().category() != ngrok_category()) return false;
    const NgrokErrorEntry* entry = find_ngrok_error(error.code().value());
    return entry != nullptr && entry->retry == Retry::slow;
}

} // namespace

bool is_final(const ErrorInfo& error) {
    return error.code().category() == ngrok_category() && error.code() == condition::permanent;
}

LegMachine::LegMachine(const Config& config)
    : config_(config), random_(static_cast<std::minstd_rand::result_type>(config.seed ^ (config.seed >> 32))) {}

void LegMachine::dial() {
    if (state_ == State::idle || state_ == State::waiting) state_ = State::dialing;
}

void LegMachine::linked() {
    if (state_ != State::dialing) return;
    state_ = State::binding;
    reason_ = {};
}

void LegMachine::bound(Time now) {
    if (state_ != State::binding) return;
    state_ = State::online;
    was_online_ = true;
    online_at_ = now;
}

void LegMachine::failed(const ErrorInfo& why, Time now) {
    if (state_ != State::dialing && !is_linked()) return;
    const bool first = !was_online_ && !config_.persistent;
    const bool steady = state_ == State::online && now - online_at_ >= config_.steady;
    if (steady) failures_ = 0;
    ++failures_;
    reason_ = why;
    if (first || !config_.again || is_final(why)) {
        state_ = State::ended;
        return;
    }
    state_ = State::waiting;
    retry_at_ = now + next_delay(why);
}

void LegMachine::stop(const ErrorInfo& why) {
    if (is_over()) return;
    state_ = State::ended;
    reason_ = why;
}

/// Full jitter: agents that were lost together do not come back together.
LegMachine::Duration LegMachine::next_delay(const ErrorInfo& why) {
    Duration most = config_.delay;
    for (unsigned i = 1; i < failures_ && most < config_.delay_max; ++i) most *= 2;
    most = std::min(most, config_.delay_max);
    Duration least{0};
    if (is_slow(why)) {
        most = config_.delay_max;
        least = most / 2;
    }
    std::uniform_int_distribution<Duration::rep> jitter(least.count(), most.count());
    return Duration(jitter(random_));
}

} // namespace adit
