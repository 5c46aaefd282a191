// Answers of agents on their way to the visitor.
#include "edge/http_exchange.hpp"

#include "edge/agent_session.hpp"
#include "edge/agent_stream.hpp"
#include "edge/context.hpp"
#include "edge/http_numbers.hpp"
#include "edge/http_visitor.hpp"

#include <utility>

namespace adit::inline v0::edge {

asio::awaitable<LegNext> HttpExchange::agent_says(LegPtr leg, Bytes input) {
    bool ok = true;
    bool moved = false;
    for (;;) {
        LegNext next = LegNext::read;
        Taken taken = Taken::yes;
        const ParseResult parsed = leg->parse(input);
        input = input.subspan(parsed.consumed);
        if (!moved && leg->heard()) {
            heard_ = moved = true;
            time_.arm(TimeoutKind::response);
        }
        switch (parsed.state) {
        case ParseState::need_more:
            ok = co_await channel_.flush();
            if (!ok) next = LegNext::end;
            co_return next;
        case ParseState::head_complete: taken = take_head(*leg); break;
        case ParseState::body: ok = co_await take_body(parsed.body); break;
        case ParseState::message_complete:
            next = co_await end_answer(leg, !input.empty());
            co_return next;
        case ParseState::upgrade:
            tunnel_rest_.append(input);
            tunnel_ = tunnel_down_ = true;
            time_.disarm();
            co_return LegNext::tunnel;
        case ParseState::error:
            if (leg->refused() && replayable_) {
                next = co_await replay(leg);
                co_return next;
            }
            co_await fail_answer(3004, parsed.error.text);
            co_return LegNext::end;
        }
        if (taken == Taken::unwritable) co_await fail_answer(3004, "The head of the answer cannot be forwarded.");
        if (taken == Taken::replaced) {
            drop_leg(false);
            co_await answer_with(replacement_);
        }
        if (!ok || taken != Taken::yes) co_return LegNext::end;
    }
}

HttpExchange::Taken HttpExchange::take_head(AgentLeg& leg) {
    Head& head = leg.head();
    const bool interim = head.is_interim();
    leg.keep_alive = head.keep_alive();
    const int number = agent_error_number(head);
    if (!policies_.empty() && !interim && !run_response_policies(head)) return Taken::replaced;
    const ResponsePlan plan = apply_response_rules(head, facts_, request_done_);
    if (!plan.forward) return Taken::yes;
    if (number != 0) head.add("ngrok-error-code", "ERR_NGROK_" + std::to_string(number));
    if (!channel_.put_head(head, plan)) return Taken::unwritable;
    if (interim) return Taken::yes;
    plan_ = plan;
    answer_ = Answer::agent;
    channel_.access.answer(head.status(), number);
    return Taken::yes;
}

/// False: the visitor is gone, and with him the exchange.
asio::awaitable<bool> HttpExchange::take_body(Bytes bytes) {
    if (!encoder_) return channel_.put_body(bytes);
    return put_encoded(bytes, flush_encoder_ ? policy::Encoder::Mode::flush : policy::Encoder::Mode::more);
}

asio::awaitable<LegNext> HttpExchange::end_answer(LegPtr leg, bool leftover) {
    bool ok = true;
    if (encoder_) ok = co_await put_encoded(Bytes(), policy::Encoder::Mode::finish);
    if (!ok) co_return LegNext::end;
    channel_.put_end(leg->trailers());
    ok = co_await channel_.flush();
    if (!ok || leg != leg_) co_return LegNext::end;
    const bool complete = request_done_;
    const bool keep_visitor = plan_.keep_alive && complete && !visitor_.draining();
    const bool taken = complete && !sending_rest_;
    const bool keep = leg->keep_alive && keep_visitor && taken && !leftover && leg->reusable() && leg->endpoint->online;
    if (keep) {
        leg_.reset();
        visitor_.keep_leg(leg);
    } else {
        drop_leg(taken);
    }
    co_await channel_.answered(keep_visitor, complete);
    if (running_) finish();
    co_return LegNext::read; // AgentLeg::read() ends by itself where the stream was dropped
}

/// The stream ended while an answer was owed.
asio::awaitable<LegNext> HttpExchange::agent_ended(LegPtr leg, net::IoResult why) {
    LegNext next = LegNext::end;
    int number = 3004;
    std::string_view detail = "The connection to the application ended before its answer was complete.";
    if (why.eof() && !timed_out_) {
        const ParseResult parsed = leg->finish();
        if (parsed.state == ParseState::message_complete) {
            leg->keep_alive = false;
            next = co_await end_answer(leg, false);
            co_return next;
        }
        detail = parsed.error.text;
    }
    if (timed_out_) {
        number = 3005;
        detail = std::string_view();
    } else if (!heard_ && leg->used && replayable_) {
        next = co_await replay(leg);
        co_return next;
    } else if (!leg->why().empty()) {
        detail = leg->why();
    } else if (why.code() == errc::session_lost || why.code() == errc::session_closed) {
        number = 3209;
        detail = std::string_view();
    } else if (!heard_ && !leg->used) {
        number = 8012;
        detail = std::string_view();
    }
    co_await fail_answer(number, detail);
    co_return LegNext::end;
}

/// A kept stream died before it answered, most likely of old age: the request goes to a new one, once, and to the same
/// endpoint: no other member of a pool gets what this one may have seen.
asio::awaitable<LegNext> HttpExchange::replay(LegPtr leg) {
    replayable_ = false;
    const VisitorFacts& facts = visitor_.facts();
    leg->restart();
    leg->put_head(channel_.head(), facts_);
    leg->put_end(Fields());
    auto opened = co_await open_agent_stream(visitor_.context(), leg->endpoint, facts.remote, facts.local, leg->output(),
                                              Substitute::legs);
    if (leg != leg_) { // the visitor left meanwhile
        if (opened) opened->stream->abort();
        co_return LegNext::end;
    }
    if (opened) {
        leg->open(visitor_, std::move(*opened), AgentSession::opening_max);
        time_.arm(TimeoutKind::response);
        if (leg->backlog() != 0) send_rest_behind(leg);
        co_return LegNext::read;
    }
    const std::string detail = opened.error().message();
    co_await fail_answer(ngrok_number(opened.error()), detail);
    co_return LegNext::end;
}

/// The agent's direction of a tunnel.
asio::awaitable<void> HttpExchange::tunnel_down(std::shared_ptr<HttpExchange> self, LegPtr leg) {
    RequestChannel& channel = self->channel_;
    bool ok = true;
    ok = co_await channel.flush();
    const std::shared_ptr<net::Stream> visitor = channel.tunnel_stream();
    const std::shared_ptr<net::Stream> agent = leg->tunnel();
    if (ok && !self->tunnel_rest_.empty()) {
        const net::IoResult sent = co_await visitor->write(self->tunnel_rest_.view());
        ok = sent.ok();
        channel.access.bytes_out += self->tunnel_rest_.size();
    }
    self->tunnel_rest_ = ByteQueue();
    self->changed_.notify();
    if (ok) co_await net::pump(agent, visitor, channel.access.bytes_out);
    self->tunnel_down_ = false;
    if (self->running_) self->watch_half_tunnel();
    self->changed_.notify();
}

} // namespace adit
