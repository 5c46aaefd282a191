// What happens when something takes too long.
#include "edge/http_proxy.hpp"

#include "edge/visitor_progress.hpp"

namespace adit::inline v0::edge {

void HttpProxy::wait_at_most(TimeoutKind kind, Wait what) {
    wait_ = what;
    interrupted_ = false;
    visitor_time_.arm(kind);
}

void HttpProxy::wait_over() noexcept {
    visitor_time_.disarm();
    wait_ = Wait::none;
    interrupted_ = false;
}

/// Makes run() come back from its wait with the connection still good.
void HttpProxy::interrupt() noexcept {
    std::error_code ignored;
    interrupted_ = true;
    socket_.cancel(ignored);
}

void HttpProxy::on_visitor_time() {
    switch (wait_) {
    case Wait::none: break;
    case Wait::request:
    case Wait::head: interrupt(); break;
    case Wait::body: // an interrupted write could not go on
        if (exchange_.answer == Answer::none && !writing_) {
            interrupt();
        } else {
            visitor_gone();
        }
        break;
    case Wait::end: visitor_->abort(); break;
    }
}

/// Three times in a row without progress is limits::visitor_stall_time. The kernel knows what the visitor took, so that a
/// slow one is told from one who does not read.
void HttpProxy::on_write_time() {
    const std::uint64_t now = socket_.is_open() ? bytes_acknowledged(socket_.native_handle()) : 0;
    const bool moved = stalled_ != 0 && now >= acknowledged_ + limits::visitor_progress_min;
    stalled_ = moved ? 0 : static_cast<std::uint8_t>(stalled_ + 1);
    if (stalled_ >= 3) {
        visitor_gone();
        return;
    }
    if (moved || stalled_ == 1) acknowledged_ = now;
    write_time_.arm(TimeoutKind::stall);
}

void HttpProxy::on_exchange_time() {
    if (!leg_) return;
    if (writing_) { // it is the visitor who takes his time
        exchange_time_.arm(TimeoutKind::response);
        return;
    }
    exchange_.timed_out = true;
    leg_->stream->abort(); // respond() sees it
}

void HttpProxy::on_leg_time() { drop_leg(true); }

} // namespace adit
