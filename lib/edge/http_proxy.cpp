#include "edge/http_proxy.hpp"

#include "edge/agent_session.hpp"
#include "edge/agent_stream.hpp"
#include "edge/context.hpp"
#include "edge/http_proxy_numbers.hpp"
#include "http/writer.hpp"

#include <algorithm>

namespace adit::inline v0::edge {
namespace {

using Clock = std::chrono::steady_clock;

/// A stream that was idle for longer may be ending at the application's side right now (5 s is a common keep-alive time);
/// what could not be sent again does not take the risk.
constexpr auto reuse_unsafe_time = std::chrono::seconds(1);

constexpr HttpError head_too_slow{408, "The request head did not arrive in time; send it in one piece."};
constexpr HttpError unwritable{400, "The request cannot be forwarded as it is."};

} // namespace

HttpProxy::HttpProxy(std::shared_ptr<VisitorSet> set, std::shared_ptr<net::Stream> visitor, net::Tcp::socket& socket,
                     VisitorFacts facts)
    : set_(std::move(set)), visitor_(std::move(visitor)), socket_(socket), facts_(std::move(facts)), body_up_(*set_),
      body_down_(*set_), access_(set_->context), visitor_time_(set_->timeouts, [this] { on_visitor_time(); }),
      write_time_(set_->timeouts, [this] { on_write_time(); }),
      exchange_time_(set_->timeouts, [this] { on_exchange_time(); }),
      leg_time_(set_->timeouts, [this] { on_leg_time(); }), draining_(set_->context.draining.load()) {}

HttpProxy::~HttpProxy() = default;

asio::awaitable<void> HttpProxy::run() {
    const std::shared_ptr<HttpProxy> self = shared_from_this();
    bool more = true;
    while (more) {
        more = co_await read_head();
        if (more) more = co_await serve();
    }
    closing_ = true;
    wait_over();
    drop_leg(!exchange_.running);
    if (exchange_.running) finish_exchange();
    if (discard_) co_await discard_request();
    visitor_->close();
    while (responding_ != 0) co_await changed_.wait();
}

void HttpProxy::drain() {
    draining_ = true;
    exchange_.facts.keep_alive = false; // an answer that has not begun says so
    if (wait_ == Wait::request) interrupt();
}

void HttpProxy::abort() noexcept { visitor_gone(); }

// --- the request's head

/// False: there is no request any more; whoever should know was told.
asio::awaitable<bool> HttpProxy::read_head() {
    bool goes_on = true;
    head_bytes_ = 0;
    for (;;) {
        if (!in_.empty()) {
            const ParseResult parsed = parser_.parse(in_.view());
            in_.consume(parsed.consumed);
            head_bytes_ += parsed.consumed;
            if (parsed.state == ParseState::head_complete) break;
            if (parsed.state == ParseState::error) {
                co_await refuse_bytes(parsed.error);
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
        const net::IoResult got = co_await visitor_->read_some(space.first(limits::visitor_head_buffer));
        if (interrupted_ && wait_ == Wait::head) {
            co_await refuse_bytes(head_too_slow);
            co_return false;
        }
        if (!got.ok()) co_return false;
        in_.commit(got.size());
    }
    wait_over();
    co_return true;
}

/// Waits for the first byte of a request without holding a buffer.
asio::awaitable<bool> HttpProxy::await_request() {
    net::IoResult ready;
    if (readable_) {
        readable_ = false;
        co_return true;
    }
    if (draining_) co_return false;
    begin_idle();
    ready = co_await visitor_->wait_readable();
    wait_over();
    co_return ready.ok();
}

void HttpProxy::begin_idle() {
    release_buffers();
    wait_at_most(TimeoutKind::idle, Wait::request);
    if (draining_) interrupt();
}

void HttpProxy::release_buffers() noexcept {
    up_.clear();
    in_.release_if_empty();
    up_.release_if_empty();
    down_.release_if_empty();
    parser_.release_memory();
}

// --- one exchange

/// True: another request may follow.
asio::awaitable<bool> HttpProxy::serve() {
    Head& head = parser_.head();
    begin_exchange();
    VisitorInfo visitor;
    visitor.client_ip = facts_.client_ip;
    visitor.https = facts_.https;
    visitor.trusted_proxy = facts_.trusted_proxy;
    visitor.server_name = facts_.server_name;
    if (!exchange_.facts.to_connect) apply_request_rules(head, visitor);
    const Route found = route();
    access_.request(head.method(), head.host(), head.target());
    if (!found.endpoint) {
        co_await refuse(found.refusal);
        co_return !closing_;
    }
    access_.endpoint(*found.endpoint);
    up_.clear();
    const HttpError unsendable = write_head(up_, head) ? collect_body() : unwritable;
    if (unsendable) {
        co_await refuse_bytes(unsendable);
        co_return false;
    }
    const bool sent = co_await send_request(found.endpoint);
    if (!sent) co_return !closing_;
    const LegPtr leg = leg_;
    if (leg && !exchange_.request_done) co_await send_body(leg);
    co_await watch_visitor();
    if (leg && exchange_.tunnel) co_await tunnel_up(leg);
    parser_.decline_upgrade();
    co_return !closing_;
}

void HttpProxy::begin_exchange() {
    Head& head = parser_.head();
    if (draining_) head.set_keep_alive(false);
    exchange_ = Exchange();
    exchange_.facts = RequestFacts(head);
    access_.begin(facts_.remote_text);
    access_.bytes_in = head_bytes_;
}

void HttpProxy::finish_exchange() {
    exchange_.running = false;
    exchange_time_.disarm();
    access_.finish();
    if (!watching_) {
        changed_.notify();
    } else if (!closing_) {
        begin_idle(); // run() waits for the next request already
    }
}

bool HttpProxy::can_replay() const {
    const Head& head = parser_.head();
    if (head.has_body() || head.upgrade()) return false;
    static constexpr std::string_view idempotent[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
    return std::ranges::find(idempotent, head.method()) != std::end(idempotent);
}

bool HttpProxy::can_reuse(const AgentLeg& leg, const EndpointRecord& endpoint) const {
    if (!leg.keep_alive || !leg.endpoint->online) return false;
    // The members of a pool take turns, but not within one visitor's connection.
    if (leg.endpoint.get() != &endpoint && leg.endpoint->url != endpoint.url) return false;
    return exchange_.replayable || Clock::now() - leg.idle_since < reuse_unsafe_time;
}

/// False: the visitor got an answer that says why not.
asio::awaitable<bool> HttpProxy::send_request(EndpointPtr endpoint) {
    const LegPtr leg = leg_;
    exchange_.replayable = can_replay();
    if (!leg || !can_reuse(*leg, *endpoint)) {
        const bool opened = co_await open_leg(endpoint);
        co_return opened;
    }
    leg_in_use(*leg);
    leg->parser.expect(parser_.head());
    exchange_.running = true;
    exchange_time_.arm(TimeoutKind::response);
    co_await send_up(leg, 0);
    co_return true;
}

/// What is in `up_` behind the first `sent` bytes. An agent that does not read has the time of the exchange; while nothing
/// more is to come from the visitor he is watched meanwhile. respond() sees it when the stream is broken.
asio::awaitable<void> HttpProxy::send_up(LegPtr leg, std::size_t sent) {
    net::IoResult done;
    if (up_.size() <= sent) co_return;
    if (up_.size() > AgentSession::opening_max && exchange_.request_done) {
        send_rest_behind(leg, sent);
    } else {
        done = co_await leg->stream->write(up_.view().subspan(sent));
    }
}

/// From a copy of its own: the exchange may be over before the agent took all of it.
void HttpProxy::send_rest_behind(LegPtr leg, std::size_t sent) {
    ByteQueue rest;
    rest.append(up_.view().subspan(sent));
    exchange_.sending_rest = true;
    ++responding_;
    asio::co_spawn(set_->executor, send_rest(shared_from_this(), leg, std::move(rest)),
                   [self = shared_from_this()](const std::exception_ptr& error) { self->responded(error); });
}

asio::awaitable<void> HttpProxy::send_rest(std::shared_ptr<HttpProxy> self, LegPtr leg, ByteQueue bytes) {
    const std::shared_ptr<net::Stream> stream = leg->stream;
    const net::IoResult sent = co_await stream->write(bytes.view());
    if (sent.ok() && self->leg_ == leg && leg->stream == stream) self->exchange_.sending_rest = false;
}

asio::awaitable<bool> HttpProxy::open_leg(EndpointPtr endpoint) {
    drop_leg(true);
    auto opened = co_await open_agent_stream(set_->context, std::move(endpoint), facts_.remote, facts_.local, up_.view());
    if (opened) {
        const LegPtr leg = std::make_shared<AgentLeg>(weak_from_this(), set_->executor, std::move(opened->stream),
                                                      std::move(opened->session), std::move(opened->endpoint));
        leg->parser.expect(parser_.head());
        leg_ = leg;
        exchange_.running = true;
        exchange_time_.arm(TimeoutKind::response);
        ++responding_;
        asio::co_spawn(set_->executor, respond(shared_from_this(), leg),
                       [self = shared_from_this()](const std::exception_ptr& error) { self->responded(error); });
        co_await send_up(leg, AgentSession::opening_max);
        co_return true;
    }
    ErrorPage page;
    const std::string detail = opened.error().message();
    page.number = ngrok_number(opened.error());
    page.detail = detail;
    co_await refuse(page);
    co_return false;
}

/// Until the answer ended: sees it when the visitor leaves, and takes what he sends ahead. The wait goes on as the one
/// for the next request, so that a request costs one wait.
asio::awaitable<void> HttpProxy::watch_visitor() {
    net::IoResult got;
    while (exchange_.running && !exchange_.tunnel) {
        if (!in_.empty()) { // requests ahead of their time
            co_await changed_.wait();
            continue;
        }
        in_.release_if_empty();
        watching_ = true;
        got = co_await visitor_->wait_readable();
        watching_ = false;
        wait_over();
        if (!exchange_.running) {
            readable_ = got.ok();
            if (!got.ok()) closing_ = true;
            co_return;
        }
        if (exchange_.tunnel) co_return;
        if (got.ok()) {
            const MutableBytes space = in_.prepare(limits::visitor_head_buffer);
            got = co_await visitor_->read_some(space.first(limits::visitor_head_buffer));
        }
        if (got.ok()) {
            in_.commit(got.size());
        } else if (exchange_.running) {
            visitor_gone();
        }
    }
}

/// The visitor's direction after 101.
asio::awaitable<void> HttpProxy::tunnel_up(LegPtr leg) {
    net::IoResult done;
    if (!in_.empty()) {
        access_.bytes_in += in_.size();
        done = co_await leg->stream->write(in_.view());
        in_.clear();
    }
    release_buffers();
    if (done.ok()) done = co_await net::pump(visitor_, leg->stream, access_.bytes_in);
    while (exchange_.tunnel_down) co_await changed_.wait();
    closing_ = true;
    if (exchange_.running) finish_exchange();
    drop_leg(true);
}

// --- ends

void HttpProxy::responded(const std::exception_ptr& error) noexcept {
    --responding_;
    if (error) abort(); // no memory, for instance
    changed_.notify();
}

HttpProxy::AgentLeg::~AgentLeg() { session->idle_streams().remove(*this); }

/// From the session's shard, mostly another one.
void HttpProxy::AgentLeg::give_up() noexcept {
    try {
        asio::post(executor, [weak = owner, leg = weak_from_this()] {
            const auto proxy = weak.lock();
            const auto given_up = leg.lock();
            if (!proxy || !given_up || proxy->leg_ != given_up || !proxy->leg_time_.armed()) return;
            proxy->drop_leg(true);
        });
    } catch (...) { // no memory: it ends when its time is up
    }
}

/// Waits for the next request. First listed and then counted: whoever opens a stream at the same moment counts first and
/// then looks at the list.
void HttpProxy::keep_leg_idle(AgentLeg& leg) {
    leg.used = true;
    leg.idle_since = Clock::now();
    leg.parser.release_memory();
    leg_time_.arm(TimeoutKind::agent_idle);
    leg.session->idle_streams().add(leg);
    if (leg.session->stream_count() > limits::agent_streams_tight) drop_leg(true);
}

void HttpProxy::leg_in_use(AgentLeg& leg) noexcept {
    leg_time_.disarm();
    leg.session->idle_streams().remove(leg);
}

void HttpProxy::drop_leg(bool orderly) noexcept {
    if (!leg_) return;
    leg_in_use(*leg_);
    if (orderly) {
        leg_->stream->close();
    } else {
        leg_->stream->abort();
    }
    leg_.reset();
}

void HttpProxy::visitor_gone() noexcept {
    closing_ = true;
    visitor_->abort();
    drop_leg(false);
    if (!exchange_.running) return;
    if (exchange_.answer == Answer::none) access_.answer(499, 0);
    finish_exchange();
}

} // namespace adit
