// What one leg of a session does next: dial, put its endpoints online again, wait, give up. No I/O, no clock.
#pragma once

#include <adit/error.hpp>
#include <adit/limits.hpp>

#include <chrono>
#include <cstdint>
#include <random>

namespace adit::inline v0 {

/// idle -> dialing -> binding -> online, and from each of these through a failure to waiting (then dialing again) or to
/// ended. An event that does not fit the state is ignored: it belongs to a try that is over.
class LegMachine {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;

    enum class State : std::uint8_t { idle, dialing, binding, online, waiting, ended };

    class Config {
    public:
        Config() = default;
        Duration delay = limits::reconnect_delay;         ///< the first wait is at most that long; each further one doubles it
        Duration delay_max = limits::reconnect_delay_max; ///< up to here
        Duration steady = limits::reconnect_steady;       ///< online that long: the next failure counts as the first
        bool again = true;                                ///< false: the first loss is the end
        bool persistent = false;                          ///< also a leg that was never online is tried again
        std::uint64_t seed = 0;                           ///< of the jitter
    };

    explicit LegMachine(const Config& config);

    State state() const noexcept { return state_; }
    /// May carry binds: its authentication was answered and the link stands.
    bool is_linked() const noexcept { return state_ == State::binding || state_ == State::online; }
    bool is_over() const noexcept { return state_ == State::ended; }
    /// When the wait ends; in State::waiting.
    Time retry_at() const noexcept { return retry_at_; }
    /// Why it waits or has ended.
    const ErrorInfo& reason() const noexcept { return reason_; }
    /// Failures in a row.
    unsigned failures() const noexcept { return failures_; }

    /// The first try, or the next after the wait.
    void dial();
    /// The edge has authenticated us.
    void linked();
    /// All endpoints are online.
    void bound(Time now);
    /// The try failed, or the link broke.
    void failed(const ErrorInfo& why, Time now);
    void stop(const ErrorInfo& why);

private:
    Duration next_delay(const ErrorInfo& why);

    Config config_;
    std::minstd_rand random_;
    State state_ = State::idle;
    bool was_online_ = false;
    unsigned failures_ = 0;
    Time online_at_{};
    Time retry_at_{};
    ErrorInfo reason_;
};

/// The edge refused for good (behaviour.md D.5, "retry? no"). Everything else, a wrong certificate included, may be mended
/// at the edge while this program runs.
bool is_final(const ErrorInfo& error);

} // namespace adit
