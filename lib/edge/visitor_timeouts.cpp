#include "edge/visitor_timeouts.hpp"

#include <algorithm>

namespace adit::inline v0::edge {
namespace {

constexpr auto slack = std::chrono::milliseconds(10);

} // namespace

void Timeout::arm(TimeoutKind kind) { owner_->start(*this, kind); }

std::chrono::steady_clock::duration Timeout::length(TimeoutKind kind) const noexcept { return owner_->length(kind); }

Timeouts::Timeouts(const asio::any_io_executor& executor, const TimeoutTimes& times)
    : times_(times), timer_(executor) {}

void Timeouts::start(Timeout& timeout, TimeoutKind kind) {
    const auto index = static_cast<std::size_t>(kind);
    timeout.unlink();
    timeout.expires_ = std::chrono::steady_clock::now() + times_[index];
    Queue& queue = queues_[index];
    timeout.previous_ = queue.previous_;
    timeout.next_ = &queue;
    timeout.previous_->next_ = &timeout;
    queue.previous_ = &timeout;
    if (timeout.expires_ < wake_at_) wake_at(timeout.expires_ + slack);
}

void Timeouts::wake_at(TimePoint at) {
    wake_at_ = at;
    timer_.expires_at(at);
    // A wait that was on its way when the timer was moved carries an old round.
    timer_.async_wait([weak = weak_from_this(), round = ++round_](const std::error_code& ec) {
        const auto self = weak.lock();
        if (!ec && self && self->round_ == round) self->on_timer();
    });
}

void Timeouts::on_timer() {
    const TimePoint now = std::chrono::steady_clock::now();
    wake_at_ = TimePoint::max();
    TimePoint next = TimePoint::max();
    for (Queue& queue : queues_) {
        while (queue.linked()) {
            auto& front = static_cast<Timeout&>(*queue.next_);
            if (front.expires_ > now) {
                next = std::min(next, front.expires_);
                break;
            }
            front.unlink();
            front.on_expire_();
        }
    }
    // What on_expire() armed may have set an earlier one.
    if (next != TimePoint::max() && next < wake_at_) wake_at(std::max(next, now) + slack);
}

} // namespace adit
