// The body of a request on its way to the agent.
#include "edge/http_proxy.hpp"

#include "http/writer.hpp"

namespace adit::inline v0::edge {
namespace {

constexpr HttpError body_too_slow{408, "The rest of the request did not arrive in time."};

} // namespace

/// Appends to `up_` what has come of the body already, so that it leaves together with the head.
HttpError HttpProxy::collect_body() {
    const bool chunked = parser_.head().chunked();
    const std::size_t most = up_.size() + limits::visitor_buffer; // behind the head, however large that is
    while (up_.size() < most) {
        const ParseResult parsed = parser_.parse(in_.view());
        if (parsed.state == ParseState::body && chunked) write_chunk(up_, parsed.body);
        if (parsed.state == ParseState::body && !chunked) up_.append(parsed.body);
        in_.consume(parsed.consumed);
        access_.bytes_in += parsed.consumed;
        switch (parsed.state) {
        case ParseState::body: break;
        case ParseState::error: return parsed.error;
        case ParseState::message_complete: request_complete(); return {};
        default: return {};
        }
    }
    return {};
}

void HttpProxy::request_complete() {
    if (parser_.head().chunked()) write_last_chunk(up_, parser_.trailers());
    exchange_.request_done = true;
}

/// Ends when the body or the exchange does, or the agent takes no more of it.
asio::awaitable<void> HttpProxy::send_body(LegPtr leg) {
    bool goes_on = true;
    up_.clear();
    while (goes_on && exchange_.running && !exchange_.request_done) {
        if (in_.empty()) {
            goes_on = co_await read_body(leg);
            continue;
        }
        std::size_t used = 0;
        goes_on = co_await pass_on(leg, in_.view(), used);
        in_.consume(used);
    }
    body_up_.release();
}

asio::awaitable<bool> HttpProxy::read_body(LegPtr leg) {
    net::IoResult got;
    in_.release_if_empty();
    // A visitor who waits for 100 Continue waits for the application.
    const bool asked = exchange_.facts.version != HttpVersion::http10 && parser_.head().expect_continue();
    const bool is_asked = asked && !exchange_.heard;
    const auto start = std::chrono::steady_clock::now();
    wait_at_most(is_asked ? TimeoutKind::response : TimeoutKind::body, Wait::body);
    if (!body_up_.held()) got = co_await visitor_->wait_readable();
    MutableBytes space;
    if (got.ok()) {
        space = body_up_.space();
        got = co_await visitor_->read_some(space);
    }
    bool timed_out = interrupted_;
    wait_over();
    if (got.ok() && !is_asked) timed_out = !body_moves(got.size(), std::chrono::steady_clock::now() - start);
    if (!exchange_.running) co_return false;
    if (timed_out) {
        co_await refuse_bytes(body_too_slow);
        co_return false;
    }
    if (!got.ok()) {
        visitor_gone();
        co_return false;
    }
    const Bytes bytes = space.first(got.size());
    std::size_t used = 0;
    const bool goes_on = co_await pass_on(leg, bytes, used);
    if (used < bytes.size() && exchange_.request_done) in_.append(bytes.subspan(used)); // the next request
    if (got.size() < space.size() / 4) body_up_.release();
    co_return goes_on;
}

/// False: the visitor sends so little that he only wants to hold the connection (threat T8). Counted is the time in which
/// it is his turn, not the one in which the agent takes nothing.
bool HttpProxy::body_moves(std::size_t bytes, std::chrono::steady_clock::duration waited) noexcept {
    exchange_.body_bytes += bytes;
    exchange_.body_waited += waited;
    if (exchange_.body_bytes >= limits::visitor_progress_min) {
        exchange_.body_bytes = 0;
        exchange_.body_waited = {};
    }
    return exchange_.body_waited < limits::visitor_stall_time;
}

/// False: there is no use in reading on.
asio::awaitable<bool> HttpProxy::pass_on(LegPtr leg, Bytes input, std::size_t& used) {
    net::IoResult sent;
    const bool chunked = parser_.head().chunked();
    bool complete = false;
    while (!complete && used < input.size()) {
        const ParseResult parsed = parser_.parse(input.subspan(used));
        used += parsed.consumed;
        access_.bytes_in += parsed.consumed;
        if (parsed.state == ParseState::error) {
            co_await refuse_bytes(parsed.error);
            co_return false;
        }
        complete = parsed.state == ParseState::message_complete;
        if (parsed.state != ParseState::body) continue;
        if (chunked) {
            write_chunk(up_, parsed.body);
            continue;
        }
        sent = co_await leg->stream->write(parsed.body);
        if (!sent.ok()) co_return false;
    }
    // The last byte of a body with a length says that it is complete only when the parser is asked again.
    if (!complete) complete = parser_.parse(Bytes()).state == ParseState::message_complete;
    if (complete && chunked) write_last_chunk(up_, parser_.trailers());
    if (!up_.empty()) {
        sent = co_await leg->stream->write(up_.view());
        up_.clear();
        if (!sent.ok()) co_return false;
    }
    if (!exchange_.running) co_return false;
    exchange_time_.arm(TimeoutKind::response);
    exchange_.request_done = complete;
    co_return true;
}

/// Reads and forgets the rest of a request that was answered before its end: closing at once would reset the connection
/// while the answer is still on its way.
asio::awaitable<void> HttpProxy::discard_request() {
    net::IoResult got;
    wait_at_most(TimeoutKind::linger, Wait::end);
    while (got.ok()) got = co_await visitor_->read_some(body_up_.space());
    wait_over();
    body_up_.release();
}

} // namespace adit
