// Tells a slow visitor from one who only wants to hold his request's place (threat T8).
#pragma once

#include <adit/limits.hpp>

#include <chrono>
#include <cstddef>

namespace adit::inline v0::edge {

class BodyProgress {
public:
    BodyProgress() = default;
    /// False: too little came in the time that was his turn. The time in which the agent takes nothing is not his.
    bool moves(std::size_t bytes, std::chrono::steady_clock::duration waited,
               std::chrono::steady_clock::duration stall_time) noexcept {
        bytes_ += bytes;
        waited_ += waited;
        if (bytes_ >= limits::visitor_progress_min) *this = BodyProgress();
        return waited_ < stall_time;
    }

private:
    std::size_t bytes_ = 0; // since so many came last
    std::chrono::steady_clock::duration waited_{};
};

} // namespace adit
