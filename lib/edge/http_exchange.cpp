#include "edge/http_exchange.hpp"

#include "edge/agent_session.hpp"
#include "edge/agent_stream.hpp"
#include "edge/context.hpp"
#include "edge/http_numbers.hpp"
#include "edge/http_visitor.hpp"
#include "edge/policy_facts.hpp"
#include "http/writer.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::edge {
namespace {

constexpr HttpError body_too_slow{408, "The rest of the request did not arrive in time."};
constexpr HttpError two_credentials{400, "The request has more than one Authorization field; send one."};
constexpr HttpError unwritable{400, "The request cannot be forwarded as it is."};

} // namespace

HttpExchange::HttpExchange(HttpVisitor& visitor, RequestChannel& channel)
    : visitor_(visitor), channel_(channel), time_(visitor.set().timeouts, [this] { on_time(); }) {}

HttpExchange::~HttpExchange() = default;

std::shared_ptr<HttpExchange> HttpExchange::self() { return {channel_.owner(), this}; }

asio::awaitable<void> HttpExchange::serve() {
    const std::shared_ptr<HttpExchange> self = this->self();
    begin();
    Head& head = channel_.head();
    // HTTP/1 heads with two were refused where they were read (T14).
    if (facts_.version == HttpVersion::http2 && head.count("authorization") > 1) {
        co_await refuse_bytes(two_credentials);
        co_return;
    }
    VisitorInfo visitor;
    visitor.client_ip = visitor_.facts().client_ip;
    visitor.https = visitor_.facts().https;
    visitor.trusted_proxy = visitor_.facts().trusted_proxy;
    visitor.server_name = visitor_.facts().server_name;
    if (visitor_.facts().tls) visitor.fields = visitor_.facts().tls->fields;
    visitor.edge = visitor_.context().settings.base_domain;
    const bool loop = is_loop(head, visitor.edge);
    if (!facts_.to_connect) apply_request_rules(head, visitor);
    const Route found = loop ? circle() : route();
    channel_.access.request(head.method(), head.host(), head.target());
    if (!found.endpoint) {
        co_await refuse(found.refusal);
        co_return;
    }
    endpoint_ = found.endpoint;
    channel_.access.endpoint(*endpoint_);
    bool goes_on = true;
    if (endpoint_->policy) goes_on = co_await apply_policies();
    if (!goes_on) co_return;
    const HttpError unsendable = write_head(up_, head) ? collect_body() : unwritable;
    if (unsendable) {
        co_await refuse_bytes(unsendable);
        co_return;
    }
    goes_on = co_await send_request();
    if (!goes_on) co_return;
    const LegPtr leg = leg_;
    if (leg && !request_done_) co_await send_body(leg);
    co_await channel_.watch();
    if (leg && tunnel_) co_await tunnel_up(leg);
}

void HttpExchange::begin() {
    Head& head = channel_.head();
    if (visitor_.draining()) head.set_keep_alive(false);
    facts_ = RequestFacts(head);
    plan_ = ResponsePlan();
    up_.clear();
    if (!policies_.empty()) {
        policies_.clear();
        encoder_.reset();
        body_ = ByteQueue();
    }
    answer_ = Answer::none;
    running_ = true;
    request_done_ = replayable_ = heard_ = timed_out_ = sending_rest_ = tunnel_ = tunnel_down_ = false;
    channel_.access.begin(visitor_.facts().remote_text);
    channel_.access.bytes_in = channel_.head_bytes();
}

void HttpExchange::finish() {
    running_ = false;
    time_.disarm();
    channel_.access.finish();
    changed_.notify();
    channel_.exchange_ended();
}

void HttpExchange::release_memory() noexcept {
    up_.clear();
    up_.release_if_empty();
}

void HttpExchange::end() noexcept {
    drop_leg(!running_);
    if (running_) finish();
}

bool HttpExchange::can_replay() const {
    const Head& head = channel_.head();
    if (head.has_body() || head.upgrade()) return false;
    static constexpr std::string_view idempotent[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
    return std::ranges::find(idempotent, head.method()) != std::end(idempotent);
}

/// False: the visitor got an answer that says why not.
asio::awaitable<bool> HttpExchange::send_request() {
    replayable_ = can_replay();
    const LegPtr leg = visitor_.take_leg(*endpoint_, replayable_);
    if (!leg) {
        const bool opened = co_await open_leg();
        co_return opened;
    }
    use(leg);
    co_await send_up(leg, 0);
    co_return true;
}

void HttpExchange::use(const LegPtr& leg) {
    leg->begin(self());
    leg->parser.expect(channel_.head());
    leg_ = leg;
    time_.arm(TimeoutKind::response);
}

asio::awaitable<bool> HttpExchange::open_leg() {
    const VisitorFacts& facts = visitor_.facts();
    auto opened = co_await open_agent_stream(visitor_.context(), endpoint_, facts.remote, facts.local, up_.view());
    if (!running_) { // the visitor left meanwhile
        if (opened) opened->stream->abort();
        co_return false;
    }
    if (opened) {
        const LegPtr leg = std::make_shared<AgentLeg>(visitor_, std::move(*opened));
        use(leg);
        visitor_.start(AgentLeg::read(visitor_.shared_from_this(), leg)); // may read at once
        co_await send_up(leg, AgentSession::opening_max);
        co_return true;
    }
    failed_upstream();
    ErrorPage page;
    const std::string detail = opened.error().message();
    page.number = ngrok_number(opened.error());
    page.detail = detail;
    co_await refuse(page);
    co_return false;
}

/// What is in `up_` behind the first `sent` bytes. An agent that does not read has the time of the exchange; while nothing
/// more is to come from the visitor he is watched meanwhile. AgentLeg::read() sees it when the stream is broken.
asio::awaitable<void> HttpExchange::send_up(LegPtr leg, std::size_t sent) {
    net::IoResult done;
    if (up_.size() <= sent) co_return;
    if (up_.size() > AgentSession::opening_max && request_done_) {
        send_rest_behind(leg, sent);
    } else {
        done = co_await leg->stream->write(up_.view().subspan(sent));
    }
}

/// From a copy of its own: the exchange may be over before the agent took all of it.
void HttpExchange::send_rest_behind(LegPtr leg, std::size_t sent) {
    ByteQueue rest;
    rest.append(up_.view().subspan(sent));
    sending_rest_ = true;
    visitor_.start(send_rest(self(), leg, std::move(rest)));
}

asio::awaitable<void> HttpExchange::send_rest(std::shared_ptr<HttpExchange> self, LegPtr leg, ByteQueue bytes) {
    const std::shared_ptr<net::Stream> stream = leg->stream;
    const net::IoResult sent = co_await stream->write(bytes.view());
    if (sent.ok() && self->leg_ == leg && leg->stream == stream) self->sending_rest_ = false;
}

// --- the request's body

/// Appends to `up_` what has come of the body already, so that it leaves together with the head.
HttpError HttpExchange::collect_body() {
    const bool chunked = channel_.head().chunked();
    const std::size_t most = up_.size() + limits::visitor_buffer; // behind the head, however large that is
    if (request_done_) { // a policy wanted all of it
        if (chunked) {
            write_chunk(up_, body_.view());
            write_last_chunk(up_, channel_.trailers());
        } else {
            up_.append(body_.view());
        }
        body_ = ByteQueue();
    }
    while (up_.size() < most && !request_done_) {
        const BodyPiece piece = channel_.next_body();
        if (piece.error) return piece.error;
        if (piece.complete) {
            if (chunked) write_last_chunk(up_, channel_.trailers());
            request_done_ = true;
        } else if (piece.bytes.empty()) {
            break;
        } else if (chunked) {
            write_chunk(up_, piece.bytes);
        } else {
            up_.append(piece.bytes);
        }
    }
    return {};
}

/// Ends when the body or the exchange does, or the agent takes no more of it.
asio::awaitable<void> HttpExchange::send_body(LegPtr leg) {
    const bool chunked = channel_.head().chunked();
    bool goes_on = true;
    up_.clear();
    while (goes_on && running_ && !request_done_) {
        const BodyPiece piece = channel_.next_body();
        if (piece.error) {
            co_await refuse_bytes(piece.error);
            co_return;
        }
        if (!piece.bytes.empty() && !chunked) {
            goes_on = co_await write_up(leg, piece.bytes);
            continue;
        }
        if (!piece.bytes.empty()) write_chunk(up_, piece.bytes);
        if (piece.complete && chunked) write_last_chunk(up_, channel_.trailers());
        const bool pause = piece.bytes.empty() || up_.size() >= limits::visitor_buffer;
        if (pause && !up_.empty()) {
            goes_on = co_await write_up(leg, up_.view());
            up_.clear();
            if (!goes_on) co_return;
        }
        if (piece.complete) {
            request_done_ = true;
            time_.arm(TimeoutKind::response);
        } else if (piece.bytes.empty()) {
            goes_on = co_await await_body();
        }
    }
}

/// False: there is no use in reading on.
asio::awaitable<bool> HttpExchange::write_up(LegPtr leg, Bytes bytes) {
    const net::IoResult sent = co_await leg->stream->write(bytes);
    if (!sent.ok() || !running_) co_return false;
    time_.arm(TimeoutKind::response);
    co_return true;
}

asio::awaitable<bool> HttpExchange::await_body() {
    // A visitor who waits for 100 Continue waits for the application.
    const bool asked = facts_.version != HttpVersion::http10 && channel_.head().expect_continue() && !heard_;
    const BodyWait what = co_await channel_.wait_body(asked);
    if (!running_ || what == BodyWait::over) co_return false;
    switch (what) {
    case BodyWait::more: co_return true;
    case BodyWait::too_slow: co_await refuse_bytes(body_too_slow); break;
    default: visitor_gone(); break;
    }
    co_return false;
}

/// The visitor's direction of a tunnel.
asio::awaitable<void> HttpExchange::tunnel_up(LegPtr leg) {
    net::IoResult done;
    const ByteQueue early = channel_.take_early_bytes();
    if (!early.empty()) {
        channel_.access.bytes_in += early.size();
        done = co_await leg->stream->write(early.view());
    }
    const std::shared_ptr<net::Stream> visitor = channel_.tunnel_stream();
    if (done.ok()) done = co_await net::pump(visitor, leg->stream, channel_.access.bytes_in);
    while (tunnel_down_) co_await changed_.wait();
    co_await channel_.answered(false, true);
    if (running_) finish();
    drop_leg(true);
}

// --- ends

/// For circuit breakers.
void HttpExchange::failed_upstream() noexcept {
    if (policies_.empty()) return;
    const policy::Moment now = policy_now();
    for (const auto& each : policies_) each->exchange.upstream_failed(now);
}

void HttpExchange::drop_leg(bool orderly) noexcept {
    if (const LegPtr leg = std::exchange(leg_, nullptr)) leg->drop(orderly);
}

void HttpExchange::visitor_gone() noexcept {
    channel_.break_off();
    drop_leg(false);
    if (!running_) return;
    if (answer_ == Answer::none) channel_.access.answer(499, 0);
    finish();
}

void HttpExchange::on_time() {
    if (!leg_) return;
    if (channel_.writing()) { // it is the visitor who takes his time
        time_.arm(TimeoutKind::response);
        return;
    }
    timed_out_ = true;
    leg_->stream->abort(); // AgentLeg::read() sees it
}

} // namespace adit
