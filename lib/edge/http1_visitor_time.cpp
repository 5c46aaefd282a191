// What happens when something takes too long.
#include "edge/http1_visitor.hpp"

#include "edge/context.hpp"

namespace adit::inline v0::edge {

void Http1Visitor::wait_at_most(TimeoutKind kind, Wait what) {
    begin_wait(what);
    wait_time_.arm(kind);
}

void Http1Visitor::begin_wait(Wait what) {
    wait_ = what;
    interrupted_ = false;
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
    case Wait::body:
    case Wait::answer: end_slow_body(); break;
    case Wait::end: stream_->abort(); break;
    }
}

/// An interrupted write could not go on.
void Http1Visitor::end_slow_body() noexcept {
    if (!exchange_.answered() && !writing_) {
        interrupt();
    } else {
        exchange_.visitor_gone();
    }
}

// --- his pace

/// It goes on for as long as the visitor is waited for at each look, so that most requests start it once or never.
void Http1Visitor::watch_pace() {
    if (!look_time_.armed()) look_time_.arm(TimeoutKind::look);
}

/// The kernel knows what the visitor took, so that a slow one is told from one who does not read.
void Http1Visitor::on_look() {
    using Pace = VisitorPace::Pace;
    const auto now = VisitorPace::Clock::now();
    const auto interval = look_time_.length(TimeoutKind::look);
    const auto stall_time = context().settings.http_stall_time;
    const bool reading = wait_ == Wait::body;
    const std::uint64_t taken = writing_ ? bytes_taken() : 0;
    const Pace up = up_.look(reading, access.bytes_in, now, interval, exchange_.body_stall_time());
    const Pace down = down_.look(writing_, taken, now, interval, stall_time);
    if (reading || writing_) watch_pace();
    if (down == Pace::stalled) {
        exchange_.visitor_gone();
    } else if (up == Pace::stalled) {
        end_slow_body();
    } else {
        exchange_.visitor_pace(up, down);
    }
}

std::uint64_t Http1Visitor::bytes_taken() noexcept {
    return socket_.is_open() ? bytes_acknowledged(socket_.native_handle()) : 0;
}

void Http1Visitor::hurry() noexcept {
    if (writing_) {
        if (down_.still_slow(true, bytes_taken())) exchange_.visitor_gone();
    } else if (!exchange_.answered() && up_.still_slow(wait_ == Wait::body, access.bytes_in)) {
        interrupt();
    }
}

} // namespace adit
