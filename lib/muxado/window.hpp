// Credit of one stream in both directions (agent-protocol 2.5; performance-and-reliability A.5). All
// arithmetic is checked.
#pragma once

#include "muxado/frame.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace adit::inline v0::muxado {

using Time = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

/// What the peer's sender does with credit beyond 262144 bytes.
enum class PeerCredit : std::uint8_t {
    unknown, ///< may do either: growth is repeated as if it clamped and bounded as if it kept
    keeps,   ///< Go agents, adit: adds up what it is given
    clamps,  ///< Rust agents: never holds more than 262144
};

/// Below this a DATA frame is not worth sending while more is queued: a tiny credit, sent back as a tiny
/// frame, would come back as a tiny credit for ever (feasibility 5.3).
inline constexpr std::uint32_t silly_window = 8'192;

/// What we may send.
class SendWindow {
public:
    std::uint32_t credit() const noexcept { return credit_; }

    /// False if the sum passes 2^31-1: the peer broke flow control.
    [[nodiscard]] bool add(std::uint32_t increment) noexcept {
        if (increment > window_max - credit_) return false;
        credit_ += increment;
        return true;
    }
    void take(std::size_t n) noexcept { credit_ -= static_cast<std::uint32_t>(n); }

    /// How many of `queued` bytes may go now: all, or a worthwhile part, or none.
    std::size_t sendable(std::size_t queued) const noexcept {
        if (queued <= credit_) return queued;
        return credit_ >= silly_window ? credit_ : 0;
    }

private:
    std::uint32_t credit_ = limits::initial_window;
};

/// What all streams of a session share about growth.
struct GrowthPolicy {
    bool grow = false;
    PeerCredit peer = PeerCredit::unknown;
    Duration rtt{};
    std::uint32_t stream_max = limits::stream_window_max;
    std::uint64_t left = limits::session_window_max; ///< budget of the session not yet given to a stream
};

/// What the peer may send, and what we owe it. Credit is counted when it is framed, so that
///     credit + owed + growth_owed + handed_out + (received - read) = 262144 + growth
/// holds at every moment (until credit which a clamping peer has lost is written off).
class ADIT_INTERNAL ReceiveWindow {
public:
    std::uint32_t credit() const noexcept { return credit_; }
    std::uint64_t received() const noexcept { return received_; }
    std::uint64_t handed_out() const noexcept { return handed_; }
    std::uint64_t owed() const noexcept { return owed_; }
    std::uint64_t growth_owed() const noexcept { return growth_pending_ + growth_owed_; }
    std::uint64_t growth() const noexcept { return growth_; }
    std::uint32_t window() const noexcept { return window_; }

    /// Bytes arrived; the caller checked that they are within credit().
    void receive(std::uint32_t n) noexcept {
        credit_ -= n;
        received_ += n;
    }
    /// Called when a DATA frame begins, before its length is checked: growth and its repetition are decided
    /// here, because only an arrival has a true time.
    void on_arrival(std::uint32_t length, Time now, GrowthPolicy& policy);
    /// Growth for a peer that may clamp waits for grow_step().
    bool grows() const noexcept { return growth_pending_ != 0; }
    /// Lets one piece of it go. False: nothing waits any more, or the stream went quiet.
    bool grow_step(Time now, const GrowthPolicy& policy) noexcept;

    /// Bytes went to the application, which may still hold them.
    void hand_out(std::size_t n) noexcept { handed_ += n; }
    /// What was handed out is done with.
    void settle(GrowthPolicy& policy) noexcept {
        const std::uint64_t n = handed_;
        handed_ = 0;
        if (n != 0) consume(n, policy);
    }
    void consume(std::uint64_t n, GrowthPolicy& policy) noexcept;

    /// Enough is owed to be worth a WNDINC. A peer that never holds more than 262144 is never starved by
    /// what is held back.
    bool due() const noexcept { return owed_ >= step() || growth_owed_ >= step(); }
    /// The next WNDINC, 1 to 65536 bytes, or 0 if nothing is left to frame.
    std::uint32_t next_increment() noexcept;

    /// The window to grow to at once when this stream proves to be large.
    void raise_to(std::uint32_t window) noexcept { raise_to_ = window; }
    /// The stream ends: its growth goes back to the session.
    void close(GrowthPolicy& policy) noexcept;

private:
    std::uint64_t step() const noexcept {
        return std::clamp<std::uint64_t>(window_ / 16, limits::initial_window / 16, limits::credit_step);
    }
    void start_burst(Duration quiet, GrowthPolicy& policy) noexcept;
    std::uint32_t grow_by(std::uint32_t n, GrowthPolicy& policy) noexcept;
    void end_epoch(Time now, GrowthPolicy& policy) noexcept;

    std::uint32_t credit_ = limits::initial_window;
    std::uint32_t window_ = limits::initial_window;
    std::uint32_t raise_to_ = 0;
    std::uint32_t withhold_ = 0; ///< of the next bytes consumed, to shrink
    std::uint64_t received_ = 0;
    std::uint64_t consumed_ = 0;
    std::uint64_t handed_ = 0;
    std::uint64_t owed_ = 0;
    std::uint64_t growth_ = 0;                ///< charged to the session's budget
    std::uint64_t growth_pending_ = 0;        ///< waits for data to flow
    std::uint64_t growth_owed_ = 0;           ///< to be framed
    std::uint64_t granted_since_arrival_ = 0; ///< may still be on its way
    std::uint64_t epoch_consumed_ = 0;        ///< consumed_ when the epoch began
    Time epoch_start_{};
    Time last_arrival_{};
};

} // namespace adit::inline v0::muxado
