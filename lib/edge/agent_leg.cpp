#include "edge/agent_leg.hpp"

#include "edge/agent_session.hpp"
#include "edge/context.hpp"
#include "edge/agent_stream.hpp"
#include "edge/http_exchange.hpp"
#include "edge/http_visitor.hpp"

#include <utility>

namespace adit::inline v0::edge {

AgentLeg::AgentLeg(HttpVisitor& visitor, AgentStream opened)
    : stream(std::move(opened.stream)), session(std::move(opened.session)), endpoint(std::move(opened.endpoint)),
      parser(visitor.set().context.settings.http_head), visitor_(visitor.weak_from_this()), executor_(visitor.set().executor),
      idle_time_(visitor.set().timeouts, [this] {
          if (const auto owner = visitor_.lock()) owner->drop_leg(*this);
      }) {}

AgentLeg::~AgentLeg() { session->idle_streams().remove(*this); }

void AgentLeg::renew(AgentStream opened) {
    stream = std::move(opened.stream);
    session = std::move(opened.session);
    endpoint = std::move(opened.endpoint);
    used = false;
    parser = ResponseParser(parser.head_limits());
}

void AgentLeg::begin(std::shared_ptr<HttpExchange> user) noexcept {
    idle_time_.disarm();
    session->idle_streams().remove(*this);
    exchange_ = std::move(user);
}

/// First listed and then counted: whoever opens a stream at the same moment counts first and then looks at the list.
void AgentLeg::begin_idle() {
    used = true;
    idle_since = std::chrono::steady_clock::now();
    parser.release_memory();
    exchange_.reset();
    idle_time_.arm(TimeoutKind::agent_idle);
    session->idle_streams().add(*this);
    if (session->stream_count() <= limits::agent_streams_tight) return;
    if (const auto owner = visitor_.lock()) owner->drop_leg(*this);
}

void AgentLeg::drop(bool orderly) noexcept {
    if (std::exchange(dropped_, true)) return;
    begin(nullptr);
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
            if (owner && leg && leg->idle_time_.armed()) owner->drop_leg(*leg);
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
        if (!exchange) { // it ends between two requests, or says what nobody asked for
            visitor->drop_leg(*leg);
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
        if (next == LegNext::tunnel) co_await exchange->tunnel_down(leg);
    }
    if (next == LegNext::end) leg->drop(false);
}

} // namespace adit
