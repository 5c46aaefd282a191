// What happens when something takes too long.
#include "edge/http1_visitor.hpp"

#include "edge/visitor_progress.hpp"

namespace adit::inline v0::edge {

void Http1Visitor::wait_at_most(TimeoutKind kind, Wait what) {
    wait_ = what;
    interrupted_ = false;
    wait_time_.arm(kind);
}

void Http1Visitor::wait_over() noexcept {
    wait_time_.disarm();
    wait_ = Wait::none;
    interrupted_ = false;
}

/// Makes run() come back from its wait with the connection still good.
void Http1Visitor::interrupt() noexcept {
    std::error_code ignored;
    interrupted_ = true;
    socket_.cancel(ignored);
}

void Http1Visitor::on_wait_time() {
    switch (wait_) {
    case Wait::none: break;
    case Wait::request:
    case Wait::head: interrupt(); break;
    case Wait::body: // an interrupted write could not go on
        if (!exchange_.answered() && !writing_) {
            interrupt();
        } else {
            exchange_.visitor_gone();
        }
        break;
    case Wait::end: stream_->abort(); break;
    }
}

/// Three times in a row without progress is Settings::http_stall_time. The kernel knows what the visitor took, so that a
/// slow one is told from one who does not read.
void Http1Visitor::on_write_time() {
    const std::uint64_t now = socket_.is_open() ? bytes_acknowledged(socket_.native_handle()) : 0;
    const bool moved = stalled_ != 0 && now >= acknowledged_ + limits::visitor_progress_min;
    stalled_ = moved ? 0 : static_cast<std::uint8_t>(stalled_ + 1);
    if (stalled_ >= 3) {
        exchange_.visitor_gone();
        return;
    }
    if (moved || stalled_ == 1) acknowledged_ = now;
    write_time_.arm(TimeoutKind::stall);
}

} // namespace adit
