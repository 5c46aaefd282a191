// What a peer may do so many times at once, and so many times a second.
#pragma once

#include "http2/session.hpp"

#include <algorithm>

namespace adit::inline v0::http2 {

class TokenBucket {
public:
    TokenBucket(const Budget& budget, Time now) noexcept
        : full_(std::uint64_t{budget.burst} * token), rate_(budget.per_second), left_(full_), then_(now) {}

    /// False: there was none left.
    bool take(Time now) noexcept {
        if (left_ < token) refill(now);
        if (left_ < token) return false;
        left_ -= token;
        return true;
    }
    /// What was worth something pays for a part of a token.
    void give(std::uint64_t thousandths) noexcept { left_ = std::min(full_, left_ + thousandths); }

private:
    static constexpr std::uint64_t token = 1'000;

    void refill(Time now) noexcept {
        const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - then_).count();
        if (passed <= 0) return;
        const auto most = std::chrono::milliseconds(std::chrono::hours(24)).count(); // no overflow
        left_ = std::min(full_, left_ + static_cast<std::uint64_t>(std::min(passed, most)) * rate_);
        then_ += std::chrono::milliseconds(passed);
    }

    std::uint64_t full_;
    std::uint64_t rate_; // thousandths a millisecond
    std::uint64_t left_;
    Time then_;
};

} // namespace adit
