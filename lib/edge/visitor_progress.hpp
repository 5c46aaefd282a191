// Whether a visitor keeps us waiting (threat T8): with the body of his request, or in taking his answer.
#pragma once

#include <adit/limits.hpp>

#include <chrono>
#include <cstdint>

namespace adit::inline v0::edge {

/// Bytes that the peer of a TCP socket has acknowledged since the connection began; 0 if the kernel does not say.
std::uint64_t bytes_acknowledged(int fd) noexcept;

/// Of one direction. It is looked at every limits::visitor_look, while something waits for the visitor: that costs a
/// request next to nothing, and tells one who is slow, or drips, from one who takes what he can.
class VisitorPace {
public:
    using Clock = std::chrono::steady_clock;
    enum class Pace : std::uint8_t {
        good,
        slow,    ///< less than limits::visitor_progress_min since limits::visitor_slow_time
        stalled, ///< or since `stall_time`
    };

    /// `waits`: for him, now. `bytes`: that came or went so far. `interval`: since the last look, or since the wait began.
    Pace look(bool waits, std::uint64_t bytes, Clock::time_point now, Clock::duration interval,
              Clock::duration stall_time) noexcept {
        if (!waits || !watched_ || bytes >= from_ + limits::visitor_progress_min) {
            since_ = watched_ ? now : now - interval;
            from_ = bytes;
            watched_ = waits;
            slow_ = false;
            return Pace::good;
        }
        const Clock::duration waited = now - since_;
        slow_ = waited >= limits::visitor_slow_time;
        if (waited >= stall_time) return Pace::stalled;
        return slow_ ? Pace::slow : Pace::good;
    }
    /// He was slow at the last look, and nothing is better now.
    bool still_slow(bool waits, std::uint64_t bytes) const noexcept {
        return slow_ && waits && bytes < from_ + limits::visitor_progress_min;
    }
    /// Another request.
    void reset() noexcept { watched_ = slow_ = false; }

private:
    std::uint64_t from_ = 0; ///< at the last progress
    Clock::time_point since_{};
    bool watched_ = false;
    bool slow_ = false;
};

} // namespace adit
