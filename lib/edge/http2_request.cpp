#include "edge/http2_request.hpp"

#include "edge/context.hpp"
#include "edge/http2_visitor.hpp"

#include <utility>

namespace adit::inline v0::edge {
namespace {

std::uint64_t size_of(const Head& head) noexcept {
    std::uint64_t size = 0;
    for (const Field& field : head) size += field.name.size() + field.value.size();
    return size;
}

} // namespace

Http2Request::Http2Request(Http2Visitor& visitor, http2::StreamId id, Head& head, bool ended)
    : RequestChannel(visitor.context()), visitor_(visitor), id_(id), head_(std::move(head)), head_bytes_(size_of(head_)),
      exchange_(visitor, *this), asked_time_(visitor.set().timeouts, [this] { end_slow_body(); }),
      look_time_(visitor.set().timeouts, [this] { on_look(); }), ended_(ended) {}

Http2Request::~Http2Request() = default;

// --- from the session

void Http2Request::body(Bytes bytes) {
    body_.append(bytes);
    arrived_.notify();
}

void Http2Request::end(Fields& fields) {
    trailers_ = std::move(fields);
    ended_ = true;
    arrived_.notify();
}

void Http2Request::sent() {
    sent_ = true;
    writable_.notify();
}

void Http2Request::gone() {
    exchange_.visitor_gone(); // calls break_off()
}

// --- the request's body

/// Credit goes back when the piece before was taken by the agent's stream.
BodyPiece Http2Request::next_body() {
    BodyPiece piece;
    if (!piece_.empty()) {
        visitor_.session().consume(id_, piece_.size());
        visitor_.wake_writer();
        piece_.clear();
    }
    std::swap(piece_, body_); // what arrives meanwhile does not move it
    piece.bytes = piece_.view();
    piece.complete = piece_.empty() && ended_;
    access.bytes_in += piece_.size();
    return piece;
}

asio::awaitable<BodyWait> Http2Request::wait_body(bool asked) {
    body_.release_if_empty();
    piece_.release_if_empty();
    if (asked) {
        asked_time_.arm(TimeoutKind::response);
    } else {
        reading_ = true;
        watch_pace();
    }
    while (body_.empty() && !ended_ && !gone_ && !too_slow_ && exchange_.running()) co_await arrived_.wait();
    asked_time_.disarm();
    reading_ = false;
    if (!exchange_.running()) co_return BodyWait::over;
    if (gone_) co_return BodyWait::gone;
    if (too_slow_) co_return BodyWait::too_slow;
    co_return BodyWait::more;
}

void Http2Request::end_slow_body() {
    too_slow_ = true;
    arrived_.notify();
}

asio::awaitable<void> Http2Request::watch() {
    const auto self = shared_from_this();
    while (exchange_.running() && !exchange_.tunnel()) co_await exchange_.changed().wait();
}

// --- the answer

bool Http2Request::put_head(const Head& head, const ResponsePlan& plan) {
    const bool empty = plan.framing == Framing::length && head.content_length() == 0;
    const bool to_head = head_.method() == "HEAD";
    no_body_ = !head.is_interim() && !plan.tunnel && (plan.framing == Framing::none || empty || to_head);
    const bool put = visitor_.session().respond(id_, head, no_body_);
    visitor_.wake_writer();
    return put || gone_; // who is gone need not be told
}

asio::awaitable<bool> Http2Request::put_body(Bytes bytes) {
    bool ok = still_there();
    if (!ok || no_body_) co_return ok;
    const Bytes rest = put_now(bytes);
    if (!rest.empty()) ok = co_await put(rest);
    if (ok) access.bytes_out += bytes.size();
    co_return ok;
}

asio::awaitable<bool> Http2Request::put(Bytes bytes) {
    bool ok = still_there();
    while (ok && !bytes.empty()) {
        bytes = put_now(bytes);
        if (!bytes.empty()) ok = co_await wait_writable();
    }
    co_return ok;
}

/// Gives what the session does not take now.
Bytes Http2Request::put_now(Bytes bytes) {
    const std::size_t taken = visitor_.session().write(id_, bytes);
    put_bytes_ += taken;
    if (taken != 0) visitor_.wake_writer();
    return bytes.subspan(taken);
}

/// After write() took less than it was given. Others may have taken the room meanwhile: write() again, which
/// then asks to be told once more. False: the visitor is gone.
asio::awaitable<bool> Http2Request::wait_writable() {
    const auto self = shared_from_this();
    writing_ = true;
    watch_pace();
    if (!gone_) co_await writable_.wait();
    writing_ = false;
    co_return still_there();
}

void Http2Request::put_end(const Fields& trailers) {
    if (no_body_) return;
    visitor_.session().finish(id_, trailers);
    visitor_.wake_writer();
}

/// What was put waits in the session, which bounds it.
asio::awaitable<bool> Http2Request::flush() { co_return still_there(); }

asio::awaitable<void> Http2Request::answered(bool, bool) { co_return; }

asio::awaitable<void> Http2Request::all_sent() {
    const auto self = shared_from_this();
    ending_ = true;
    down_.reset();
    watch_pace();
    while (!gone_ && !sent_) co_await writable_.wait();
    ending_ = false;
}

// --- his pace

/// As Http1Visitor.
void Http2Request::watch_pace() {
    if (!look_time_.armed()) look_time_.arm(TimeoutKind::look);
}

/// Who gives no credit, or lets nothing through, does not take what was put.
void Http2Request::on_look() {
    using Pace = VisitorPace::Pace;
    const auto now = VisitorPace::Clock::now();
    const auto interval = look_time_.length(TimeoutKind::look);
    const auto stall_time = visitor_.context().settings.http_stall_time;
    const Pace up = up_.look(reading_, access.bytes_in, now, interval, exchange_.body_stall_time());
    const Pace down = down_.look(writing_ || ending_, bytes_taken(), now, interval, stall_time);
    if (reading_ || writing_ || ending_) watch_pace();
    if (down == Pace::stalled) {
        exchange_.visitor_gone();
    } else if (up == Pace::stalled) {
        end_slow_body();
    } else {
        exchange_.visitor_pace(up, down);
    }
}

std::uint64_t Http2Request::bytes_taken() const noexcept { return put_bytes_ - visitor_.session().queued(id_); }

void Http2Request::hurry() noexcept {
    if (writing_) {
        if (down_.still_slow(true, bytes_taken())) exchange_.visitor_gone();
    } else if (!exchange_.answered() && up_.still_slow(reading_, access.bytes_in)) {
        end_slow_body();
    }
}

void Http2Request::break_off() noexcept {
    if (std::exchange(gone_, true)) return;
    visitor_.session().reset(id_, http2::ErrorCode::internal_error);
    visitor_.wake_writer();
    arrived_.notify();
    writable_.notify();
}

bool Http2Request::still_there() noexcept {
    if (gone_ && exchange_.running()) exchange_.visitor_gone();
    return !gone_;
}

// --- bytes both ways

asio::any_io_executor Http2Request::tunnel_executor() { return visitor_.set().executor; }

asio::awaitable<bool> Http2Request::wait_incoming(bool& cut) {
    const auto self = shared_from_this();
    while (body_.empty() && !ended_ && !gone_) co_await arrived_.wait();
    cut = gone_;
    co_return !gone_ && !body_.empty();
}

void Http2Request::consumed(std::size_t n) {
    visitor_.session().consume(id_, n);
    visitor_.wake_writer();
}

void Http2Request::put_last() {
    visitor_.session().finish(id_);
    visitor_.wake_writer();
}

std::shared_ptr<net::Stream> Http2Request::tunnel_stream() { return std::make_shared<Http2Tunnel>(shared_from_this()); }

} // namespace adit
