#include "edge/http2_visitor.hpp"

#include "edge/context.hpp"

#include "base/random.hpp"
#include "http2/convert.hpp"

#include <array>
#include <utility>
#include <vector>

namespace adit::inline v0::edge {
namespace {

using Clock = std::chrono::steady_clock;

} // namespace

Http2Visitor::Http2Visitor(std::shared_ptr<VisitorSet> set, std::shared_ptr<net::Stream> stream, net::Tcp::socket& socket,
                           VisitorFacts facts)
    : HttpVisitor(std::move(set), std::move(facts), limits::http2_streams), stream_(std::move(stream)), socket_(socket),
      session_(*this, Clock::now()), in_(this->set()), idle_time_(this->set().timeouts, [this] { on_idle_time(); }),
      head_time_(this->set().timeouts, [this] { on_head_time(); }),
      look_time_(this->set().timeouts, [this] { on_look(); }) {}

Http2Visitor::~Http2Visitor() = default;

asio::awaitable<void> Http2Visitor::run() {
    const auto self = shared_from_this();
    bool more = true;
    start(write(std::static_pointer_cast<Http2Visitor>(self)));
    begin_idle();
    if (draining_) drain();
    while (more) more = co_await read();
    idle_time_.disarm();
    head_time_.disarm();
    session_.transport_closed();
    end_requests();
    close();
    drop_legs(); // their readers end by that
    co_await ended();
    stream_->close();
}

/// The session tells it only of requests that it had not given up itself.
void Http2Visitor::end_requests() {
    std::vector<std::shared_ptr<Http2Request>> all;
    for (const auto& [id, request] : requests_) all.push_back(request);
    for (const auto& request : all) request->gone();
}

/// False: nothing more is to come.
asio::awaitable<bool> Http2Visitor::read() {
    net::IoResult got;
    if (closing_) co_return false; // write() may have ended when there was no wait to interrupt
    if (!in_.held()) got = co_await stream_->wait_readable();
    if (!got.ok() || closing_) co_return false;
    const MutableBytes space = in_.space();
    got = co_await stream_->read_some(space);
    if (!got.ok() || closing_) co_return false;
    session_.receive(space.first(got.size()), Clock::now());
    if (got.size() < space.size() / 4) in_.release();
    watch_head();
    wake_writer();
    co_return true;
}

/// What the session has to send, gathered: whoever put something there wakes it.
asio::awaitable<void> Http2Visitor::write(std::shared_ptr<Http2Visitor> self) {
    net::IoResult sent;
    while (!self->closing_) {
        const Bytes out = self->session_.output();
        if (out.empty()) {
            if (self->session_.finished()) break;
            co_await self->write_.wait();
            continue;
        }
        self->writing_ = true;
        if (!self->look_time_.armed()) self->look_time_.arm(TimeoutKind::look);
        sent = co_await self->stream_->write(out);
        self->writing_ = false;
        if (!sent.ok()) break;
        self->session_.consume_output(out.size());
    }
    self->close();
}

void Http2Visitor::wake_writer() { write_.notify(); }

/// run() comes back from its wait, and write() from its own.
void Http2Visitor::close() noexcept {
    if (std::exchange(closing_, true)) return;
    std::error_code ignored;
    socket_.cancel(ignored);
    wake_writer();
}

void Http2Visitor::drain() {
    draining_ = true;
    session_.drain();
    if (requests_.empty()) begin_idle();
    wake_writer();
}

void Http2Visitor::abort() noexcept {
    stream_->abort();
    close();
}

// --- times

void Http2Visitor::begin_idle() { idle_time_.arm(draining_ ? TimeoutKind::last : TimeoutKind::idle); }

void Http2Visitor::on_idle_time() {
    session_.terminate(http2::ErrorCode::no_error);
    wake_writer();
}

/// A head that began has the time of one over HTTP/1; nothing else can be received until it is complete (threat T8).
void Http2Visitor::watch_head() {
    const std::uint64_t begun = session_.unfinished();
    if (begun == head_) return;
    head_ = begun;
    if (begun != 0) {
        head_time_.arm(TimeoutKind::head);
    } else {
        head_time_.disarm();
    }
}

void Http2Visitor::on_head_time() {
    session_.terminate(http2::ErrorCode::enhance_your_calm, "a request head did not arrive in time");
    wake_writer();
}

/// As Http1Visitor. Each request has a pace of its own: this one is for what is left behind by those that are over.
void Http2Visitor::on_look() {
    const std::uint64_t taken = writing_ && socket_.is_open() ? bytes_acknowledged(socket_.native_handle()) : 0;
    const auto pace = pace_.look(writing_, taken, Clock::now(), look_time_.length(TimeoutKind::look), context().settings.http_stall_time);
    if (pace == VisitorPace::Pace::stalled) {
        abort();
    } else if (writing_) {
        look_time_.arm(TimeoutKind::look);
    }
}

// --- requests

Http2Request* Http2Visitor::find(http2::StreamId id) {
    const auto found = requests_.find(id);
    return found == requests_.end() ? nullptr : found->second.get();
}

void Http2Visitor::on_request(http2::StreamId id, Head& head, const http2::RequestInfo& info) {
    idle_time_.disarm();
    if (!info.protocol.empty()) { // an extended CONNECT that is no Upgrade stays a CONNECT, which gets 405
        std::array<std::uint8_t, 16> nonce;
        fill_random(nonce);
        http2::make_upgrade(head, info.protocol, nonce);
    }
    auto request = std::make_shared<Http2Request>(*this, id, head, info.end);
    requests_.emplace(id, request);
    start(serve(std::static_pointer_cast<Http2Visitor>(shared_from_this()), std::move(request)));
}

asio::awaitable<void> Http2Visitor::serve(std::shared_ptr<Http2Visitor> self, std::shared_ptr<Http2Request> request) {
    const std::shared_ptr<Http2Request> mine = request;
    co_await mine->exchange().serve();
    co_await mine->all_sent();
    self->session_.release(mine->id());
    self->requests_.erase(mine->id());
    self->wake_writer();
    if (self->requests_.empty() && !self->closing_) self->begin_idle();
}

void Http2Visitor::on_body(http2::StreamId id, Bytes bytes) {
    if (Http2Request* const request = find(id)) request->body(bytes);
}

void Http2Visitor::on_end(http2::StreamId id, Fields& trailers) {
    if (Http2Request* const request = find(id)) request->end(trailers);
}

void Http2Visitor::on_reset(http2::StreamId id, http2::ErrorCode) {
    if (Http2Request* const request = find(id)) request->gone();
}

void Http2Visitor::on_writable(http2::StreamId id) {
    if (Http2Request* const request = find(id)) request->writable();
}

void Http2Visitor::on_sent(http2::StreamId id) {
    if (Http2Request* const request = find(id)) request->sent();
}

} // namespace adit
