#include "edge/http_exchange.hpp"

#include "edge/agent_session.hpp"
#include "edge/agent_stream.hpp"
#include "edge/context.hpp"
#include "edge/http_numbers.hpp"
#include "edge/http_visitor.hpp"
#include "edge/policy_facts.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::edge {
namespace {

constexpr HttpError body_too_slow{408, "The rest of the request did not arrive in time."};
constexpr HttpError two_credentials{400, "The request has more than one Authorization field; send one."};

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
    answer_ = Answer::none;
    running_ = true;
    request_done_ = replayable_ = heard_ = timed_out_ = sending_rest_ = tunnel_ = tunnel_down_ = false;
    channel_.access.begin(visitor_.facts().remote_text);
    channel_.access.bytes_in = channel_.head_bytes();
}

void HttpExchange::finish() {
    running_ = false;
    encoder_.reset();
    release_body();
    for (const auto& each : policies_) channel_.access.policy_logs(each->exchange.logs());
    policies_.clear();
    time_.disarm();
    channel_.access.finish();
    changed_.notify();
    channel_.exchange_ended();
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
    LegPtr leg = visitor_.take_leg(*endpoint_, replayable_);
    const bool fresh = !leg;
    if (fresh) leg = AgentLeg::make(visitor_, *endpoint_);
    use(leg);
    HttpError unsendable = leg->put_head(channel_.head(), facts_);
    if (!unsendable) unsendable = collect_body(*leg);
    if (unsendable) {
        co_await refuse_bytes(unsendable);
        co_return false;
    }
    bool sent = true;
    if (fresh) {
        sent = co_await open_leg(leg);
    } else {
        time_.arm(TimeoutKind::response);
        if (!sends_behind(leg)) co_await leg->flush();
    }
    co_return sent;
}

void HttpExchange::use(const LegPtr& leg) {
    leg->begin(self());
    leg_ = leg;
}

asio::awaitable<bool> HttpExchange::open_leg(LegPtr leg) {
    const VisitorFacts& facts = visitor_.facts();
    auto opened = co_await open_agent_stream(visitor_.context(), endpoint_, facts.remote, facts.local, leg->output());
    if (!running_) { // the visitor left meanwhile
        if (opened) opened->stream->abort();
        co_return false;
    }
    if (opened) {
        leg->open(visitor_, std::move(*opened), AgentSession::opening_max);
        time_.arm(TimeoutKind::response);
        visitor_.start(AgentLeg::read(visitor_.shared_from_this(), leg)); // may read at once
        if (!sends_behind(leg)) co_await leg->flush();
        co_return true;
    }
    failed_upstream();
    drop_leg(true);
    ErrorPage page;
    const std::string detail = opened.error().message();
    page.number = ngrok_number(opened.error());
    page.detail = detail;
    co_await refuse(page);
    co_return false;
}

/// Of what did not leave with the opening of the stream: false, it is for flush(). An agent that does not read has the time
/// of the exchange; while nothing more is to come from the visitor he is watched meanwhile. AgentLeg::read() sees it when the
/// stream is broken.
bool HttpExchange::sends_behind(const LegPtr& leg) {
    if (!request_done_ || leg->backlog() <= AgentSession::opening_max) return false;
    send_rest_behind(leg);
    return true;
}

void HttpExchange::send_rest_behind(const LegPtr& leg) {
    sending_rest_ = true;
    visitor_.start(send_rest(self(), leg));
}

asio::awaitable<void> HttpExchange::send_rest(std::shared_ptr<HttpExchange> self, LegPtr leg) {
    const std::shared_ptr<net::Stream> stream = leg->stream;
    const bool sent = co_await leg->flush();
    if (sent && self->leg_ == leg && leg->stream == stream) self->sending_rest_ = false;
}

// --- the request's body

/// Puts what has come of the body already, so that it leaves together with the head.
HttpError HttpExchange::collect_body(AgentLeg& leg) {
    if (request_done_) { // a policy wanted all of it
        if (!body_.empty()) leg.put_body(body_.view());
        leg.put_end(channel_.trailers());
        body_ = ByteQueue();
        leg.held = std::move(held_); // the agent may take it later than the exchange lasts
    }
    while (leg.takes_body() && !request_done_) {
        const BodyPiece piece = channel_.next_body();
        if (piece.error) return piece.error;
        if (piece.complete) {
            leg.put_end(channel_.trailers());
            request_done_ = true;
        } else if (piece.bytes.empty()) {
            break;
        } else {
            leg.put_body(piece.bytes);
        }
    }
    return {};
}

/// Ends when the body or the exchange does, or the agent takes no more of it.
asio::awaitable<void> HttpExchange::send_body(LegPtr leg) {
    bool goes_on = true;
    while (goes_on && running_ && !request_done_) {
        const BodyPiece piece = channel_.next_body();
        if (piece.error) {
            co_await refuse_bytes(piece.error);
            co_return;
        }
        if (piece.complete) leg->put_end(channel_.trailers());
        if (piece.bytes.empty()) {
            goes_on = co_await leg->flush();
        } else {
            goes_on = co_await leg->write_body(piece.bytes);
        }
        if (!goes_on || !running_) co_return;
        request_done_ = piece.complete;
        if (request_done_ || !piece.bytes.empty()) {
            time_.arm(TimeoutKind::response);
        } else {
            goes_on = co_await await_body();
        }
    }
}

/// False: there is no use in reading on.
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
    const std::shared_ptr<net::Stream> agent = leg->tunnel();
    const ByteQueue early = channel_.take_early_bytes();
    if (!early.empty()) {
        channel_.access.bytes_in += early.size();
        done = co_await agent->write(early.view());
    }
    const std::shared_ptr<net::Stream> visitor = channel_.tunnel_stream();
    if (done.ok()) done = co_await net::pump(visitor, agent, channel_.access.bytes_in);
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

/// Once it is answered, a body that does not come may wait for the application (a call that streams both ways). A tunnel has
/// no pace.
void HttpExchange::visitor_pace(VisitorPace::Pace up, VisitorPace::Pace down) {
    if (!leg_) return;
    const bool sends = up == VisitorPace::Pace::good || answered();
    leg_->set_slow((!sends || down != VisitorPace::Pace::good) && !tunnel_);
}

VisitorPace::Clock::duration HttpExchange::body_stall_time() const noexcept {
    const bool streams = answered() || (endpoint_ && endpoint_->app_protocol == "http2");
    return streams ? VisitorPace::Clock::duration::max() : visitor_.context().settings.http_stall_time;
}

void HttpExchange::make_room() noexcept {
    if (running_ && !tunnel_) channel_.hurry();
}

/// The application ended its direction. Who got its last byte and neither sends nor leaves must not hold the stream for ever.
void HttpExchange::watch_half_tunnel() {
    tunnel_seen_ = channel_.access.bytes_in;
    half_looks_ = 0;
    time_.arm(TimeoutKind::half_close);
}

void HttpExchange::look_at_half_tunnel() {
    const bool moved = channel_.access.bytes_in != std::exchange(tunnel_seen_, channel_.access.bytes_in);
    half_looks_ = moved ? 0 : half_looks_ + 1;
    if (half_looks_ >= half_close_looks || !leg_->stream->is_write_open()) {
        visitor_gone();
    } else {
        time_.arm(TimeoutKind::half_close);
    }
}

void HttpExchange::on_time() {
    if (tunnel_ && leg_) {
        look_at_half_tunnel();
        return;
    }
    if (!leg_ || !leg_->stream) return;
    if (channel_.writing()) { // it is the visitor who takes his time
        time_.arm(TimeoutKind::response);
        return;
    }
    timed_out_ = true;
    leg_->stream->abort(); // AgentLeg::read() sees it
}

} // namespace adit
