// Heartbeats (agent-protocol 2.9): the requester's timing and value check, and the responder's 4-byte units.
#pragma once

#include "base/bytes.hpp"
#include "muxado/window.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace adit::inline v0::muxado {

inline constexpr std::size_t heartbeat_size = 4;

/// Cuts a heartbeat stream into its 4-byte values, split anywhere.
class HeartbeatUnits {
public:
    /// Takes the bytes up to the next complete value off `bytes`; nullopt when they are used up before one
    /// is complete.
    std::optional<std::uint32_t> next(Bytes& bytes) noexcept {
        while (!bytes.empty()) {
            partial_[have_++] = bytes.front();
            bytes = bytes.subspan(1);
            if (have_ < heartbeat_size) continue;
            have_ = 0;
            return get_u32_be(partial_);
        }
        return std::nullopt;
    }

private:
    std::uint8_t partial_[heartbeat_size] = {};
    std::size_t have_ = 0;
};

/// When to beat, whether an answer is right, and when the peer is dead. One beat is outstanding at a time.
class ADIT_INTERNAL HeartbeatTimer {
public:
    void start(Duration interval, Duration tolerance, Time now) noexcept;
    bool started() const noexcept { return started_; }

    /// True if a beat is to be sent now; the caller then sends `value` and calls sent().
    bool beat_due(Time now) const noexcept { return started_ && !outstanding_ && now >= next_beat_; }
    /// The next beat is due now, unless one is under way.
    void hurry(Time now) noexcept;
    void sent(std::uint32_t value, Time now) noexcept;
    /// The latency, or nullopt if nothing was asked or the value is wrong: the peer is broken.
    std::optional<Duration> answered(std::uint32_t value, Time now) noexcept;
    bool expired(Time now) const noexcept { return started_ && now >= deadline_; }
    std::optional<Time> next_timeout() const noexcept;

private:
    bool started_ = false;
    bool outstanding_ = false;
    std::uint32_t value_ = 0;
    Duration interval_{};
    Duration patience_{};
    Time sent_{};
    Time next_beat_{};
    Time deadline_{};
};

} // namespace adit::inline v0::muxado
