// The time limits of all visitors of a shard on one timer: starting and stopping one is a few pointer writes, because a
// keep-alive request would otherwise pay for several timers.
#pragma once

#include <adit/asio.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace adit::inline v0::edge {

/// All limits of one kind have the same length, so that those of a kind expire in the order they were started.
enum class TimeoutKind : std::uint8_t {
    hello,      ///< Settings::client_hello_time
    handshake,  ///< Settings::tls_handshake_time
    head,       ///< Settings::http_head_time
    idle,       ///< Settings::http_idle_time: for the next request of a visitor
    last,       ///< limits::drain_idle_time: for the last request of a visitor, when the edge drains
    response,   ///< Settings::http_response_time: for the next bytes of an agent's answer
    look,       ///< limits::visitor_look: at a visitor who is waited for, see VisitorPace
    agent_idle, ///< Settings::agent_stream_idle_time
    linger,     ///< limits::early_response_linger
    half_close, ///< a part of limits::half_close_time: at a tunnel that the application ended
};
inline constexpr std::size_t timeout_kinds = 10;
inline constexpr int half_close_looks = 12; ///< in limits::half_close_time, as net::pump_both()
using TimeoutTimes = std::array<std::chrono::steady_clock::duration, timeout_kinds>;

class Timeouts;

/// A place in one of the lists.
class TimeoutLink {
protected:
    friend class Timeouts;
    TimeoutLink() noexcept : previous_(this), next_(this) {}
    TimeoutLink(const TimeoutLink&) = delete;
    TimeoutLink& operator=(const TimeoutLink&) = delete;
    ~TimeoutLink() { unlink(); }
    void unlink() noexcept {
        previous_->next_ = next_;
        next_->previous_ = previous_;
        previous_ = next_ = this;
    }
    bool linked() const noexcept { return next_ != this; }

private:
    TimeoutLink* previous_;
    TimeoutLink* next_;
};

/// One limit. `on_expire` is called on the shard, once for each arm() that was not followed by disarm() in time.
class Timeout final : public TimeoutLink {
public:
    Timeout(std::shared_ptr<Timeouts> owner, std::function<void()> on_expire)
        : owner_(std::move(owner)), on_expire_(std::move(on_expire)) {}
    /// Starts anew from now.
    void arm(TimeoutKind kind);
    void disarm() noexcept { unlink(); }
    bool armed() const noexcept { return linked(); }
    /// How long it runs.
    std::chrono::steady_clock::duration length(TimeoutKind kind) const noexcept;

private:
    friend class Timeouts;
    const std::shared_ptr<Timeouts> owner_;
    std::function<void()> on_expire_;
    std::chrono::steady_clock::time_point expires_{};
};

/// Confined to its executor. Expires up to 10 ms late, so that many limits share one wake-up.
class Timeouts final : public std::enable_shared_from_this<Timeouts> {
public:
    Timeouts(const asio::any_io_executor& executor, const TimeoutTimes& times);

private:
    friend class Timeout;
    using TimePoint = std::chrono::steady_clock::time_point;
    class Queue final : public TimeoutLink {};

    void start(Timeout& timeout, TimeoutKind kind);
    std::chrono::steady_clock::duration length(TimeoutKind kind) const noexcept { return times_[static_cast<std::size_t>(kind)]; }
    void wake_at(TimePoint at);
    void on_timer();

    std::array<Queue, timeout_kinds> queues_;
    const TimeoutTimes times_;
    asio::steady_timer timer_;
    TimePoint wake_at_ = TimePoint::max();
    std::uint64_t round_ = 0;
};

} // namespace adit
