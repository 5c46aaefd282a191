#include "edge/http1_visitor.hpp"

#include "edge/context.hpp"
#include "http/writer.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::edge {
namespace {

constexpr HttpError head_too_slow{408, "The request head did not arrive in time; send it in one piece."};

} // namespace

Http1Visitor::Http1Visitor(std::shared_ptr<VisitorSet> set, std::shared_ptr<net::Stream> stream, net::Tcp::socket& socket,
                           VisitorFacts facts)
    : HttpVisitor(std::move(set), std::move(facts), 1), RequestChannel(context()), stream_(std::move(stream)),
      socket_(socket), parser_(this->set().context.settings.http_head), body_(this->set()), exchange_(*this, *this),
      wait_time_(this->set().timeouts, [this] { on_wait_time(); }),
      look_time_(this->set().timeouts, [this] { on_look(); }) {}

Http1Visitor::~Http1Visitor() = default;

asio::awaitable<void> Http1Visitor::run() {
    const auto self = shared_from_this();
    bool more = true;
    while (more) {
        more = co_await read_head();
        if (!more) break;
        co_await exchange_.serve();
        parser_.decline_upgrade();
        body_unread_ = Bytes();
        body_.release();
        more = !closing_;
    }
    closing_ = true;
    wait_over();
    exchange_.end();
    drop_legs();
    if (discard_) co_await discard_request();
    stream_->close();
    co_await ended();
}

void Http1Visitor::drain() {
    draining_ = true;
    exchange_.drain();
    if (wait_ == Wait::request) wait_at_most(TimeoutKind::last, Wait::request); // one may be on its way
}

void Http1Visitor::abort() noexcept { exchange_.visitor_gone(); }

void Http1Visitor::break_off() noexcept {
    closing_ = true;
    stream_->abort();
}

// --- the request's head

/// False: there is no request any more; whoever should know was told.
asio::awaitable<bool> Http1Visitor::read_head() {
    bool goes_on = true;
    head_bytes_ = 0;
    for (;;) {
        if (!in_.empty()) {
            const ParseResult parsed = parser_.parse(in_.view());
            in_.consume(parsed.consumed);
            head_bytes_ += parsed.consumed;
            if (parsed.state == ParseState::head_complete) break;
            if (parsed.state == ParseState::error) {
                co_await exchange_.refuse_bytes(parsed.error);
                co_return false;
            }
        }
        if (closing_) co_return false;
        if (!parser_.in_head()) {
            goes_on = co_await await_request();
            if (!goes_on) co_return false;
        }
        if (wait_ != Wait::head) wait_at_most(TimeoutKind::head, Wait::head); // from its first byte to its last
        const MutableBytes space = in_.prepare(limits::visitor_head_buffer);
        const net::IoResult got = co_await stream_->read_some(space.first(limits::visitor_head_buffer));
        if (interrupted_ && wait_ == Wait::head) {
            co_await exchange_.refuse_bytes(head_too_slow);
            co_return false;
        }
        if (!got.ok()) co_return false;
        in_.commit(got.size());
    }
    wait_over();
    co_return true;
}

/// Waits for the first byte of a request without holding a buffer.
asio::awaitable<bool> Http1Visitor::await_request() {
    net::IoResult ready;
    if (readable_) {
        readable_ = false;
        co_return true;
    }
    begin_idle();
    ready = co_await stream_->wait_readable();
    wait_over();
    co_return ready.ok();
}

void Http1Visitor::begin_idle() {
    in_.release_if_empty();
    out_.release_if_empty();
    parser_.release_memory();
    wait_at_most(draining_ ? TimeoutKind::last : TimeoutKind::idle, Wait::request);
}

// --- the request's body

BodyPiece Http1Visitor::next_body() {
    BodyPiece piece;
    if (taken_ != 0) in_.consume(std::exchange(taken_, 0));
    const bool buffered = !in_.empty();
    // The last byte of a body with a length says that it is complete only when the parser is asked again, with nothing.
    const ParseResult parsed = parser_.parse(buffered ? in_.view() : body_unread_);
    access.bytes_in += parsed.consumed;
    if (buffered) {
        taken_ = parsed.consumed;
    } else {
        body_unread_ = body_unread_.subspan(parsed.consumed);
    }
    piece.error = parsed.error;
    piece.bytes = parsed.body;
    if (parsed.state != ParseState::message_complete) return piece;
    piece.complete = true;
    in_.consume(std::exchange(taken_, 0));
    in_.append(std::exchange(body_unread_, Bytes())); // the next request
    body_.release();
    return piece;
}

asio::awaitable<BodyWait> Http1Visitor::wait_body(bool asked) {
    net::IoResult got;
    in_.release_if_empty();
    if (body_read_ < limits::visitor_buffer / 4) body_.release(); // he sends little at a time
    if (asked) {
        wait_at_most(TimeoutKind::response, Wait::answer);
    } else {
        begin_wait(Wait::body);
        watch_pace();
    }
    if (!body_.held()) got = co_await stream_->wait_readable();
    MutableBytes space;
    if (got.ok()) {
        space = body_.space();
        got = co_await stream_->read_some(space);
    }
    const bool timed_out = interrupted_;
    wait_over();
    if (!exchange_.running()) co_return BodyWait::over;
    if (timed_out) co_return BodyWait::too_slow;
    if (!got.ok()) co_return BodyWait::gone;
    body_read_ = got.size();
    body_unread_ = space.first(body_read_);
    co_return BodyWait::more;
}

/// Reads and forgets the rest of a request that was answered before its end: closing at once would reset the connection
/// while the answer is still on its way.
asio::awaitable<void> Http1Visitor::discard_request() {
    net::IoResult got;
    wait_at_most(TimeoutKind::linger, Wait::end);
    while (got.ok()) got = co_await stream_->read_some(body_.space());
    wait_over();
    body_.release();
}

/// Takes what the visitor sends ahead. The wait goes on as the one for the next request, so that a request costs one wait.
asio::awaitable<void> Http1Visitor::watch() {
    net::IoResult got;
    while (exchange_.running() && !exchange_.tunnel()) {
        if (!in_.empty()) { // requests ahead of their time
            co_await exchange_.changed().wait();
            continue;
        }
        in_.release_if_empty();
        watching_ = true;
        got = co_await stream_->wait_readable();
        watching_ = false;
        wait_over();
        if (!exchange_.running()) {
            readable_ = got.ok();
            if (!got.ok()) closing_ = true;
            co_return;
        }
        if (exchange_.tunnel()) co_return;
        if (got.ok()) {
            const MutableBytes space = in_.prepare(limits::visitor_head_buffer);
            got = co_await stream_->read_some(space.first(limits::visitor_head_buffer));
        }
        if (got.ok()) {
            in_.commit(got.size());
        } else if (exchange_.running()) {
            exchange_.visitor_gone();
        }
    }
}

ByteQueue Http1Visitor::take_early_bytes() {
    out_.release_if_empty();
    return std::move(in_);
}

// --- the answer

bool Http1Visitor::put_head(const Head& head, const ResponsePlan& plan) {
    framing_ = plan.framing;
    return static_cast<bool>(write_head(out_, head));
}

asio::awaitable<bool> Http1Visitor::put_body(Bytes bytes) {
    bool ok = true;
    switch (framing_) {
    case Framing::none: break;
    case Framing::chunked: write_chunk(out_, bytes); break;
    case Framing::length:
    case Framing::until_close:
        ok = co_await write(out_.view(), bytes);
        out_.clear();
        break;
    }
    co_return ok;
}

void Http1Visitor::put_end(const Fields& trailers) {
    if (framing_ == Framing::chunked) write_last_chunk(out_, trailers);
}

asio::awaitable<bool> Http1Visitor::flush() {
    bool ok = true;
    if (!out_.empty()) ok = co_await write(out_.view(), Bytes());
    out_.clear();
    co_return ok;
}

/// False: the visitor is gone, and with him the exchange.
asio::awaitable<bool> Http1Visitor::write(Bytes first, Bytes second) {
    net::IoResult sent;
    writing_ = true;
    watch_pace();
    sent = co_await stream_->write(first, second);
    writing_ = false;
    if (sent.ok()) {
        access.bytes_out += first.size() + second.size();
    } else {
        exchange_.visitor_gone();
    }
    co_return sent.ok();
}

/// The rest of a request that is not complete is read by run().
asio::awaitable<void> Http1Visitor::answered(bool keep, bool request_done) {
    if (keep) co_return;
    closing_ = true;
    if (request_done) {
        if (watching_) interrupt(); // run() shall not wait for a connection that lingers
        stream_->close();
        co_return;
    }
    discard_ = true;
    writing_ = true;
    watch_pace();
    co_await stream_->shutdown_write();
    writing_ = false;
}

void Http1Visitor::exchange_ended() {
    up_.reset();
    down_.reset();
    if (watching_ && !closing_) begin_idle(); // run() waits for the next request already
}

} // namespace adit
