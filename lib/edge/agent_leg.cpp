#include "edge/agent_leg.hpp"

#include "edge/agent_session.hpp"
#include "edge/context.hpp"
#include "edge/agent_stream.hpp"
#include "edge/http1_leg.hpp"
#include "edge/http2_leg.hpp"
#include "edge/http_exchange.hpp"
#include "edge/http_visitor.hpp"

#include <utility>

namespace adit::inline v0::edge {

LegPtr AgentLeg::make(HttpVisitor& visitor, const EndpointRecord& endpoint) {
    if (endpoint.app_protocol == "http2") return std::make_shared<Http2Leg>(visitor, endpoint);
    return std::make_shared<Http1Leg>(visitor);
}

AgentLeg::AgentLeg(HttpVisitor& visitor)
    : visitor_(visitor.weak_from_this()), executor_(visitor.set().executor), idle_time_(visitor.set().timeouts, [this] {
          if (const auto owner = visitor_.lock()) owner->drop_leg(*this);
      }) {}

AgentLeg::~AgentLeg() {
    if (session) session->idle_streams().remove(*this);
}

void AgentLeg::open(HttpVisitor&, AgentStream opened, std::size_t) {
    set_slow(false);
    stream = std::move(opened.stream);
    session = std::move(opened.session);
    endpoint = std::move(opened.endpoint);
    used = false;
}

void AgentLeg::begin(std::shared_ptr<HttpExchange> user) noexcept {
    idle_time_.disarm();
    if (session) session->idle_streams().remove(*this);
    slow_ = false;
    exchange_ = std::move(user);
}

/// First listed, and then looked whether somebody waits: whoever comes at the same moment waits first and then looks at the
/// list.
void AgentLeg::begin_idle() {
    used = true;
    slow_ = false;
    idle_since = std::chrono::steady_clock::now();
    release_memory();
    held.release();
    exchange_.reset();
    idle_time_.arm(TimeoutKind::agent_idle);
    session->idle_streams().add(*this);
    if (session->nobody_waits()) return;
    if (const auto owner = visitor_.lock()) owner->drop_leg(*this);
}

/// First listed, and then looked whether somebody waits: whoever comes at the same moment waits first and then looks at the
/// list.
void AgentLeg::set_slow(bool slow) {
    if (slow == slow_ || !session) return;
    slow_ = slow;
    if (slow) {
        session->idle_streams().add(*this, IdleStreams::Kind::slow);
        session->slow_stream_found();
    } else {
        session->idle_streams().remove(*this);
    }
}

void AgentLeg::drop(bool orderly) noexcept {
    if (std::exchange(dropped_, true)) return;
    begin(nullptr);
    on_drop();
    if (!stream) return;
    if (orderly) {
        stream->close();
    } else {
        stream->abort();
    }
}

/// From the session's shard, mostly another one.
void AgentLeg::give_up() noexcept {
    try {
        asio::post(executor_, [weak = visitor_, self = weak_from_this()] {
            const auto owner = weak.lock();
            const auto leg = std::static_pointer_cast<AgentLeg>(self.lock());
            if (!owner || !leg) return;
            if (leg->idle_time_.armed()) owner->drop_leg(*leg);
            if (std::exchange(leg->slow_, false)) leg->exchange_->make_room();
        });
    } catch (...) { // no memory: it ends when its time is up
    }
}

asio::awaitable<void> AgentLeg::read(std::shared_ptr<HttpVisitor> visitor, std::shared_ptr<AgentLeg> leg) {
    VisitorBuffer buffer(visitor->set());
    net::IoResult got;
    LegNext next = LegNext::read;
    while (next == LegNext::read) {
        MutableBytes space;
        got = net::IoResult();
        if (!buffer.held()) got = co_await leg->stream->wait_readable();
        if (got.ok() && !leg->dropped_) {
            space = buffer.space();
            got = co_await leg->stream->read_some(space);
        }
        if (leg->dropped_) break;
        const std::shared_ptr<HttpExchange> exchange = leg->exchange_;
        if (!exchange) {
            if (got.ok() && leg->take_idle(space.first(got.size()))) {
                buffer.release();
                continue;
            }
            visitor->drop_leg(*leg); // it ends between two requests, or says what nobody asked for
            break;
        }
        if (got.ok()) {
            next = co_await exchange->agent_says(leg, space.first(got.size()));
        } else {
            next = co_await exchange->agent_ended(leg, got);
        }
        if (leg->dropped_) break;
        const bool small = !got.ok() || got.size() < space.size() / 4;
        if (small || !leg->exchange_ || next == LegNext::tunnel) buffer.release();
        if (next == LegNext::tunnel) co_await leg->run_tunnel(visitor, exchange);
    }
    if (next == LegNext::end) leg->drop(false);
}

} // namespace adit
