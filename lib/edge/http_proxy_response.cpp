// Answers of agents on their way to the visitor.
#include "edge/http_proxy.hpp"

#include "edge/agent_session.hpp"
#include "edge/agent_stream.hpp"
#include "edge/context.hpp"
#include "edge/http_proxy_numbers.hpp"
#include "http/writer.hpp"

namespace adit::inline v0::edge {

/// Serves one stream until it is given up or ends.
asio::awaitable<void> HttpProxy::respond(std::shared_ptr<HttpProxy> self, LegPtr leg) {
    const LegPtr mine = leg;
    co_await self->respond_loop(mine);
    if (self->leg_ == mine && !self->exchange_.tunnel) self->drop_leg(false);
}

asio::awaitable<void> HttpProxy::respond_loop(LegPtr leg) {
    net::IoResult got;
    bool goes_on = true;
    while (goes_on) {
        MutableBytes space;
        got = net::IoResult();
        if (!body_down_.held()) got = co_await leg->stream->wait_readable();
        if (got.ok() && leg == leg_) {
            space = body_down_.space();
            got = co_await leg->stream->read_some(space);
        }
        if (leg != leg_) co_return;
        if (!exchange_.running) { // it ends between two requests, or says what nobody asked for
            drop_leg(true);
            break;
        }
        if (got.ok()) {
            exchange_.heard = true;
            exchange_time_.arm(TimeoutKind::response);
            goes_on = co_await take_response(leg, space.first(got.size()));
        } else {
            goes_on = co_await leg_ended(leg, got);
        }
        if (leg != leg_) {
            if (!leg_) body_down_.release(); // else its successor may hold it
            co_return;
        }
        if (!exchange_.running || !got.ok() || got.size() < space.size() / 4) body_down_.release();
    }
    body_down_.release();
}

/// False: this stream is done.
asio::awaitable<bool> HttpProxy::take_response(LegPtr leg, Bytes input) {
    bool ok = true;
    for (;;) {
        const ParseResult parsed = leg->parser.parse(input);
        input = input.subspan(parsed.consumed);
        switch (parsed.state) {
        case ParseState::need_more:
            ok = co_await flush_down();
            co_return ok;
        case ParseState::head_complete: ok = take_head(*leg); break;
        case ParseState::body: ok = co_await take_body(parsed.body); break;
        case ParseState::message_complete:
            ok = co_await end_response(leg, !input.empty());
            co_return ok;
        case ParseState::upgrade:
            co_await tunnel_down(leg, input);
            co_return false;
        case ParseState::error:
            co_await fail_answer(3004, parsed.error.text);
            co_return false;
        }
        if (!ok && leg == leg_) co_await fail_answer(3004, "The head of the answer cannot be forwarded.");
        if (!ok) co_return false;
    }
}

/// False: it cannot be written.
bool HttpProxy::take_head(AgentLeg& leg) {
    Head& head = leg.parser.head();
    const bool interim = head.is_interim();
    leg.keep_alive = head.keep_alive();
    const int number = agent_error_number(head);
    const ResponsePlan plan = apply_response_rules(head, exchange_.facts, exchange_.request_done);
    if (!plan.forward) return true;
    if (number != 0) head.add("ngrok-error-code", "ERR_NGROK_" + std::to_string(number));
    if (!write_head(down_, head)) return false;
    if (interim) return true;
    exchange_.plan = plan;
    exchange_.answer = Answer::agent;
    access_.answer(head.status(), number);
    return true;
}

asio::awaitable<bool> HttpProxy::take_body(Bytes body) {
    bool ok = true;
    switch (exchange_.plan.framing) {
    case Framing::none: break;
    case Framing::chunked: write_chunk(down_, body); break;
    case Framing::length:
    case Framing::until_close:
        ok = co_await to_visitor(down_.view(), body);
        down_.clear();
        break;
    }
    co_return ok;
}

asio::awaitable<bool> HttpProxy::flush_down() {
    bool ok = true;
    if (!down_.empty()) ok = co_await to_visitor(down_.view(), Bytes());
    down_.clear();
    co_return ok;
}

/// True: the stream waits for another request.
asio::awaitable<bool> HttpProxy::end_response(LegPtr leg, bool leftover) {
    bool ok = true;
    if (exchange_.plan.framing == Framing::chunked) write_last_chunk(down_, leg->parser.trailers());
    ok = co_await flush_down();
    if (!ok || leg != leg_) co_return false;
    const bool complete = exchange_.request_done;
    const bool keep_visitor = exchange_.plan.keep_alive && complete && !draining_;
    const bool taken = complete && !exchange_.sending_rest;
    leg->keep_alive = leg->keep_alive && keep_visitor && taken && !leftover && leg->endpoint->online;
    if (leg->keep_alive) {
        keep_leg_idle(*leg);
    } else {
        drop_leg(taken); // FIN even when it is tight: the place of a stream that we reset is free only after 5 s
    }
    const bool kept = leg == leg_;
    if (!keep_visitor) co_await close_visitor();
    if (exchange_.running) finish_exchange();
    co_return kept;
}

/// The stream ended while an answer was owed. True: the request is on its way again.
asio::awaitable<bool> HttpProxy::leg_ended(LegPtr leg, net::IoResult why) {
    bool goes_on = false;
    int number = 3004;
    std::string_view detail = "The connection to the application ended before its answer was complete.";
    if (why.eof() && !exchange_.timed_out) {
        const ParseResult parsed = leg->parser.finish();
        if (parsed.state == ParseState::message_complete) {
            leg->keep_alive = false;
            goes_on = co_await end_response(leg, false);
            co_return goes_on;
        }
        detail = parsed.error.text;
    }
    if (exchange_.timed_out) {
        number = 3005;
        detail = std::string_view();
    } else if (!exchange_.heard && leg->used && exchange_.replayable) {
        goes_on = co_await replay(leg);
        co_return goes_on;
    } else if (why.code() == errc::session_lost || why.code() == errc::session_closed) {
        number = 3209;
        detail = std::string_view();
    } else if (!exchange_.heard && !leg->used) {
        number = 8012;
        detail = std::string_view();
    }
    co_await fail_answer(number, detail);
    co_return false;
}

/// A kept stream died before it answered, most likely of old age: the request goes to a new one, once.
asio::awaitable<bool> HttpProxy::replay(LegPtr leg) {
    int number = 3209;
    std::string detail;
    exchange_.replayable = false;
    EndpointPtr endpoint = look_up(host_);
    if (endpoint) {
        auto opened = co_await open_agent_stream(set_->context, endpoint, facts_.remote, facts_.local, up_.view());
        if (leg != leg_) { // the visitor left meanwhile
            if (opened) opened->stream->abort();
            co_return false;
        }
        if (opened) {
            leg->stream = std::move(opened->stream);
            leg->session = std::move(opened->session);
            leg->endpoint = std::move(opened->endpoint);
            leg->used = false;
            leg->parser = ResponseParser();
            leg->parser.expect(parser_.head());
            exchange_time_.arm(TimeoutKind::response);
            if (up_.size() > AgentSession::opening_max) send_rest_behind(leg, AgentSession::opening_max);
            co_return true;
        }
        number = ngrok_number(opened.error());
        detail = opened.error().message();
    }
    co_await fail_answer(number, detail);
    co_return false;
}

/// The agent's direction after 101; `rest` came together with it.
asio::awaitable<void> HttpProxy::tunnel_down(LegPtr leg, Bytes rest) {
    bool ok = true;
    exchange_.tunnel = true;
    exchange_.tunnel_down = true;
    exchange_time_.disarm();
    ok = co_await to_visitor(down_.view(), rest);
    down_.clear();
    body_down_.release();
    changed_.notify();
    if (ok) co_await net::pump(leg->stream, visitor_, access_.bytes_out);
    exchange_.tunnel_down = false;
    changed_.notify();
}

/// False: the visitor is gone, and with him the exchange.
asio::awaitable<bool> HttpProxy::to_visitor(Bytes first, Bytes second) {
    net::IoResult sent;
    writing_ = true;
    stalled_ = 0;
    write_time_.arm(TimeoutKind::stall);
    sent = co_await visitor_->write(first, second);
    write_time_.disarm();
    writing_ = false;
    if (sent.ok()) {
        access_.bytes_out += first.size() + second.size();
    } else {
        visitor_gone();
    }
    co_return sent.ok();
}

} // namespace adit
