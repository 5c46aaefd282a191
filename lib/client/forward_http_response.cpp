// Answers of the upstream on their way to the visitor.
#include "client/forward_bytes.hpp"
#include "client/forward_http.hpp"
#include "http/writer.hpp"

namespace adit::inline v0 {

/// To the end of the answer, whoever gives it.
asio::awaitable<void> ForwardHttp::respond() {
    net::IoResult got;
    bool goes_on = true;
    while (goes_on && !gone_) {
        const std::shared_ptr<net::Stream> stream = upstream_->stream;
        got = net::IoResult();
        if (!body_down_) { // a slow answer holds no buffer
            got = co_await stream->wait_readable();
            body_down_ = std::make_unique_for_overwrite<std::uint8_t[]>(limits::forward_buffer);
        }
        const MutableBytes space(body_down_.get(), limits::forward_buffer);
        if (got.ok()) got = co_await stream->read_some(space);
        if (gone_) break;
        if (got.ok()) {
            exchange_.heard = true;
            const Bytes bytes = space.first(got.size());
            goes_on = co_await take_response(bytes);
            if (got.size() < limits::forward_buffer / 4) body_down_.reset();
        } else {
            goes_on = co_await upstream_ended(got);
        }
    }
    if (gone_) drop_upstream();
}

/// False: the exchange is over.
asio::awaitable<bool> ForwardHttp::take_response(Bytes input) {
    bool ok = true;
    ErrorInfo why;
    for (;;) {
        const ParseResult parsed = answer_.parse(input);
        input = input.subspan(parsed.consumed);
        switch (parsed.state) {
        case ParseState::need_more:
            ok = co_await flush_down();
            co_return ok;
        case ParseState::head_complete: ok = take_head(); break;
        case ParseState::body: ok = co_await take_body(parsed.body); break;
        case ParseState::message_complete:
            co_await end_response(!input.empty());
            co_return false;
        case ParseState::upgrade:
            co_await tunnel(input);
            co_return false;
        case ParseState::error:
            why = ErrorInfo(errc::unavailable, std::string(parsed.error.text));
            co_await fail(3004, why);
            co_return false;
        }
        if (!ok && !gone_) {
            why = ErrorInfo(errc::unavailable, "the head of the answer cannot be forwarded");
            co_await fail(3004, why);
        }
        if (!ok) co_return false;
    }
}

/// False: it cannot be written.
bool ForwardHttp::take_head() {
    Head& head = answer_.head();
    const bool interim = head.is_interim();
    const bool keep = head.keep_alive();
    if (exchange_.record && !interim) exchange_.record->response_head(head);
    const ResponsePlan plan = apply_response_rules(head, exchange_.facts, exchange_.request_done);
    head.set_keep_alive(keep); // of the upstream's connection, from here on
    if (!plan.forward) return true;
    if (!write_head(down_, head)) return false;
    if (interim) return true;
    exchange_.plan = plan;
    exchange_.answered = true;
    answer_time_.reset();
    return true;
}

asio::awaitable<bool> ForwardHttp::take_body(Bytes body) {
    bool ok = true;
    if (exchange_.record) exchange_.record->response_body(body);
    if (exchange_.plan.framing == Framing::none) co_return true;
    owner_->count_out(body.size());
    if (exchange_.plan.framing == Framing::chunked) {
        write_chunk(down_, body);
    } else {
        ok = co_await to_visitor(down_.view(), body);
        down_.clear();
    }
    co_return ok;
}

asio::awaitable<bool> ForwardHttp::flush_down() {
    bool ok = true;
    if (!down_.empty()) ok = co_await to_visitor(down_.view(), Bytes());
    down_.clear();
    co_return ok;
}

asio::awaitable<void> ForwardHttp::end_response(bool leftover) {
    bool ok = true;
    const bool clean = exchange_.request_done && !exchange_.sending && !leftover && answer_.head().keep_alive();
    if (exchange_.plan.framing == Framing::chunked) write_last_chunk(down_, answer_.trailers());
    if (exchange_.record) exchange_.record->response_end(answer_.trailers());
    ok = co_await flush_down();
    if (!ok || gone_) co_return;
    if (exchange_.plan.framing == Framing::until_close) exchange_.plan.keep_alive = false;
    if (exchange_.sending) co_return; // finish() ends both
    if (!clean) {
        upstream_->stream->close();
        upstream_.reset();
    } else if (proxy_header_.empty()) {
        owner_->pool().put(std::exchange(upstream_, nullptr));
    }
}

/// The upstream's connection ended while an answer was owed. True: the request is on its way again.
asio::awaitable<bool> ForwardHttp::upstream_ended(net::IoResult why) {
    bool again = false;
    ErrorInfo story(why.code(), "the upstream's connection ended before its answer was complete");
    if (exchange_.broken) {
        if (exchange_.record) exchange_.record->failed(0, ErrorInfo(errc::refused, std::string(exchange_.broken.text)));
        drop_upstream();
        if (exchange_.answered) {
            visitor_gone();
        } else {
            const Page page = make_error_page(exchange_.broken);
            co_await write_page(page);
        }
        co_return false;
    }
    if (why.eof() && !exchange_.timed_out) {
        const ParseResult parsed = answer_.finish();
        if (parsed.state == ParseState::message_complete) {
            answer_.head().set_keep_alive(false);
            co_await end_response(false);
            co_return false;
        }
        if (exchange_.heard) story = ErrorInfo(errc::unavailable, std::string(parsed.error.text));
    }
    if (exchange_.timed_out) {
        const ErrorInfo late(errc::timed_out, "the upstream did not answer in time");
        co_await fail(3005, late);
    } else if (!exchange_.heard && upstream_->used && exchange_.replayable) {
        again = co_await replay();
    } else {
        co_await fail(3004, story);
    }
    co_return again;
}

/// A kept connection died before it answered, most likely of old age: the request goes to a new one, once.
asio::awaitable<bool> ForwardHttp::replay() {
    exchange_.replayable = false;
    drop_upstream();
    Result<UpstreamConnectionPtr> connected = co_await connect(true);
    if (gone_) {
        if (connected) (*connected)->stream->close();
        co_return false;
    }
    if (!connected) {
        const ErrorInfo why = connected.error();
        co_await fail(8012, why);
        co_return false;
    }
    upstream_ = std::move(*connected);
    answer_ = ResponseParser();
    answer_.expect(parser_.head());
    const std::shared_ptr<net::Stream> stream = upstream_->stream;
    (void)co_await stream->write(up_.view());
    sent_request();
    co_return true;
}

/// After 101; `rest` came together with it.
asio::awaitable<void> ForwardHttp::tunnel(Bytes rest) {
    bool ok = true;
    net::IoResult sent;
    std::uint64_t up = 0, down = 0;
    exchange_.tunnel = true;
    if (exchange_.record) exchange_.record->upgraded();
    unwatch();
    owner_->count_out(rest.size());
    ok = co_await to_visitor(down_.view(), rest);
    down_.clear();
    body_down_.reset();
    const auto stream = std::make_shared<CountingStream>(upstream_->stream, owner_);
    if (ok && !in_.empty()) {
        sent = co_await stream->write(in_.view(), Bytes());
        in_.clear();
    }
    in_.release_if_empty();
    up_.clear();
    up_.release_if_empty();
    upstream_->accept_truncation();
    if (ok && sent.ok()) co_await net::pump_both(visitor_, stream, up, down);
    drop_upstream();
}

/// False: the visitor is gone, and with him the exchange.
asio::awaitable<bool> ForwardHttp::to_visitor(Bytes first, Bytes second) {
    const net::IoResult sent = co_await visitor_->write(first, second);
    if (!sent.ok()) visitor_gone();
    co_return sent.ok();
}

// --- what the upstream does not answer

asio::awaitable<void> ForwardHttp::fail(int number, ErrorInfo why) {
    owner_->failed(why);
    if (exchange_.record) exchange_.record->failed(number, why);
    drop_upstream();
    if (exchange_.answered) { // a cut answer must not look like a complete one
        visitor_gone();
        co_return;
    }
    const std::string text = why.to_string();
    const Head& head = parser_.head();
    ErrorPage page;
    page.number = number;
    page.detail = text;
    page.format = page_format(head.find("Accept").value_or(std::string_view()));
    page.to_head = exchange_.facts.to_head;
    page.keep_alive = exchange_.facts.keep_alive && exchange_.request_done;
    const Page made = make_error_page(page);
    co_await write_page(made);
}

asio::awaitable<void> ForwardHttp::write_page(const Page& page) {
    exchange_.answered = true;
    exchange_.plan = ResponsePlan();
    exchange_.plan.keep_alive = page.head.keep_alive();
    down_.clear();
    if (!write_head(down_, page.head)) co_return;
    const Bytes body = as_bytes(page.body);
    (void)co_await to_visitor(down_.view(), body);
    down_.clear();
}

void ForwardHttp::drop_upstream() noexcept {
    if (!upstream_) return;
    upstream_->stream->abort();
    upstream_.reset();
}

} // namespace adit
