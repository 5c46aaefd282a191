#include "muxado/window.hpp"

namespace adit::inline v0::muxado {

namespace {
constexpr std::uint64_t raise_after =
    limits::initial_window / 8;                           // a stream that received this much is a large one
constexpr auto write_off_quiet = std::chrono::seconds(1); // no grant is in flight for so long
} // namespace

void ReceiveWindow::on_arrival(std::uint32_t length, Time now, GrowthPolicy& policy) {
    if (raise_to_ > window_ && received_ + length >= raise_after) {
        growth_owed_ += grow_by(raise_to_ - window_, policy);
        raise_to_ = 0;
    }
    if (!policy.grow || policy.rtt <= Duration::zero()) return;
    if (last_arrival_ == Time{}) {
        epoch_start_ = now;
    } else if (now - last_arrival_ > 4 * policy.rtt) {
        start_burst(now - last_arrival_, policy);
        epoch_start_ = now;
        epoch_consumed_ = consumed_;
    }
    last_arrival_ = now;
    granted_since_arrival_ = 0;
    if (policy.peer == PeerCredit::keeps) {
        growth_owed_ += growth_pending_;
        growth_pending_ = 0;
    }
    if ((consumed_ - epoch_consumed_) * 2 >= window_) end_epoch(now, policy);
}

// A clamping peer adds up only what it gets while it has nothing left: its surplus must come in small pieces all through
// the round trip, and not together with the credit of a burst.
bool ReceiveWindow::grow_step(Time now, const GrowthPolicy& policy) noexcept {
    if (growth_pending_ == 0 || now - last_arrival_ > 4 * policy.rtt) return false;
    const std::uint64_t piece = std::min<std::uint64_t>(limits::credit_step, growth_pending_);
    growth_pending_ -= piece;
    growth_owed_ += piece;
    return growth_pending_ != 0;
}

// rust-yamux's rule: half the window used in less than two round trips doubles it. Only consumed bytes count,
// so a slow reader does not grow; and a window that has become much too large shrinks by withholding credit.
void ReceiveWindow::end_epoch(Time now, GrowthPolicy& policy) noexcept {
    const Duration elapsed = now - epoch_start_;
    if (elapsed < 2 * policy.rtt) {
        if (window_ < policy.stream_max)
            growth_pending_ += grow_by(std::min(window_, policy.stream_max - window_), policy);
    } else if (elapsed > 16 * policy.rtt && policy.peer == PeerCredit::keeps &&
               window_ > limits::initial_window) {
        // Not towards a peer that may have lost its surplus: it would be left with nothing.
        const std::uint32_t less = std::min(window_ / 2, window_ - limits::initial_window);
        window_ -= less;
        withhold_ += less;
    }
    epoch_start_ = now;
    epoch_consumed_ = consumed_;
}

// After a pause the surplus of a clamping peer is gone: growth begins anew with the new burst.
void ReceiveWindow::start_burst(Duration quiet, GrowthPolicy& policy) noexcept {
    if (policy.peer == PeerCredit::keeps) return;
    window_ = limits::initial_window;
    policy.left += growth_pending_;
    growth_ -= growth_pending_;
    growth_pending_ = 0;
    if (policy.peer == PeerCredit::clamps && quiet > std::max<Duration>(write_off_quiet, 8 * policy.rtt)) {
        // At most the initial window, and what was granted so late that it may still be on its way.
        const std::uint64_t held = limits::initial_window + granted_since_arrival_;
        credit_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(credit_, held));
        policy.left += growth_;
        growth_ = growth_owed_ = 0;
        withhold_ = 0;
    }
}

std::uint32_t ReceiveWindow::grow_by(std::uint32_t n, GrowthPolicy& policy) noexcept {
    // Repeated growth of a peer that may keep it all ends at twice the largest window.
    const std::uint64_t ceiling =
        std::uint64_t{limits::initial_window} + 2 * std::uint64_t{policy.stream_max};
    const std::uint64_t held = limits::initial_window + growth_;
    const std::uint64_t room = held < ceiling ? ceiling - held : 0;
    const auto granted = static_cast<std::uint32_t>(std::min({std::uint64_t{n}, policy.left, room}));
    policy.left -= granted;
    growth_ += granted;
    window_ += granted;
    return granted;
}

void ReceiveWindow::consume(std::uint64_t n, GrowthPolicy& policy) noexcept {
    consumed_ += n;
    const auto kept = static_cast<std::uint32_t>(std::min<std::uint64_t>(n, withhold_));
    withhold_ -= kept;
    growth_ -= kept;
    policy.left += kept;
    owed_ += n - kept;
}

std::uint32_t ReceiveWindow::next_increment() noexcept {
    std::uint64_t& from = owed_ != 0 ? owed_ : growth_owed_;
    const auto n = static_cast<std::uint32_t>(std::min<std::uint64_t>(from, limits::credit_step));
    from -= n;
    credit_ += n;
    granted_since_arrival_ += n;
    return n;
}

void ReceiveWindow::close(GrowthPolicy& policy) noexcept {
    policy.left += growth_;
    growth_ = growth_pending_ = growth_owed_ = 0;
    withhold_ = raise_to_ = 0;
}

} // namespace adit::inline v0::muxado
