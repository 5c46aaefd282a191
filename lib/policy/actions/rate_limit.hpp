// How often: at most `capacity` requests of a key in any stretch of time as long as `rate` (behaviour C.2
// rate-limit).
#pragma once

#include "base/result.hpp"
#include "policy/actions/time.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace adit::inline v0::policy {

struct RateDecision {
    bool allowed = true;
    std::chrono::seconds retry_after{0}; ///< rounded up, at least 1, if not allowed
};

/// The sliding window of one action, for all its keys. Never lets more through than it says; where more than
/// limits::rate_limit_slots different moments lie in one window it may free a request late, by rate / slots
/// at most. At most limits::rate_limit_keys_max keys are remembered; beyond, the key that was quiet longest
/// is forgotten. Thread-safe.
class RateLimiter {
public:
    /// `capacity` 1 to 2,000,000,000; `rate` 60 s to 24 h, a multiple of 10 s. 2215 otherwise.
    static Result<RateLimiter> create(std::uint64_t capacity, std::chrono::seconds rate);
    RateLimiter(RateLimiter&&) noexcept;
    RateLimiter& operator=(RateLimiter&&) noexcept;
    ~RateLimiter();

    /// The values of the action's bucket_key; together they are one key, none at all is a key too. Counts the
    /// request if it is allowed. `now` may jump back a little between threads.
    RateDecision take(std::span<const std::string_view> key, Time now);

    /// Keys remembered now.
    std::size_t size() const;

private:
    struct State;
    explicit RateLimiter(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace adit::inline v0::policy
