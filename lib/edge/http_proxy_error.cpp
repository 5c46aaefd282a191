// Answers that the edge makes itself.
#include "edge/http_proxy.hpp"

#include "http/writer.hpp"

namespace adit::inline v0::edge {

/// Instead of an agent: none was asked.
asio::awaitable<void> HttpProxy::refuse(ErrorPage page) {
    bool sent = false;
    const HttpError broken = exchange_.request_done ? HttpError() : skip_available();
    page.format = page_format(parser_.head().find("Accept").value_or(std::string_view()));
    page.version = exchange_.facts.version;
    page.to_head = exchange_.facts.to_head;
    page.keep_alive = exchange_.facts.keep_alive && exchange_.request_done && !broken;
    const Page made = make_error_page(page);
    sent = co_await write_page(made, page.number);
    if (!sent || !made.head.keep_alive()) co_await close_visitor();
    finish_exchange();
    parser_.decline_upgrade();
}

/// A short body that came with its head is skipped, so that the connection can go on.
HttpError HttpProxy::skip_available() {
    for (;;) {
        const ParseResult parsed = parser_.parse(in_.view());
        in_.consume(parsed.consumed);
        access_.bytes_in += parsed.consumed;
        exchange_.request_done = parsed.state == ParseState::message_complete;
        if (parsed.state != ParseState::body) return parsed.error;
    }
}

/// The visitor's bytes are no acceptable request, or do not come. Ends the connection.
asio::awaitable<void> HttpProxy::refuse_bytes(HttpError error) {
    bool sent = false;
    PageFormat format = PageFormat::text;
    if (access_.begun()) {
        format = page_format(parser_.head().find("Accept").value_or(std::string_view()));
    } else { // there is not even a head
        exchange_ = Exchange();
        access_.begin(facts_.remote_text);
        access_.bytes_in = head_bytes_;
    }
    if (exchange_.answer != Answer::none || writing_) { // too late to say it
        visitor_gone();
        co_return;
    }
    if (exchange_.running) drop_leg(false);
    const Page made = make_error_page(error, format);
    sent = co_await write_page(made, 0);
    co_await close_visitor();
    (void)sent;
    finish_exchange();
}

/// Instead of the answer of an agent that was asked.
asio::awaitable<void> HttpProxy::fail_answer(int number, std::string_view detail) {
    bool sent = false;
    drop_leg(false);
    if (exchange_.answer != Answer::none) { // a cut answer must not look like a complete one
        visitor_gone();
        co_return;
    }
    ErrorPage page;
    page.number = number;
    page.detail = detail;
    page.format = page_format(parser_.head().find("Accept").value_or(std::string_view()));
    page.version = exchange_.facts.version;
    page.to_head = exchange_.facts.to_head;
    page.keep_alive = exchange_.facts.keep_alive && exchange_.request_done;
    const Page made = make_error_page(page);
    sent = co_await write_page(made, number);
    if (sent && !made.head.keep_alive()) co_await close_visitor();
    if (exchange_.running) finish_exchange();
}

asio::awaitable<bool> HttpProxy::write_page(const Page& page, int number) {
    bool sent = false;
    exchange_.answer = Answer::edge;
    access_.answer(page.head.status(), number);
    down_.clear();
    if (!write_head(down_, page.head)) co_return false;
    sent = co_await to_visitor(down_.view(), as_bytes(page.body));
    down_.clear();
    co_return sent;
}

/// After the last answer. The rest of a request that is not complete is read by run().
asio::awaitable<void> HttpProxy::close_visitor() {
    const bool complete = exchange_.request_done;
    closing_ = true;
    if (complete) {
        if (watching_) interrupt(); // run() shall not wait for a connection that lingers
        visitor_->close();
        co_return;
    }
    discard_ = true;
    write_time_.arm(TimeoutKind::stall);
    co_await visitor_->shutdown_write();
    write_time_.disarm();
}

} // namespace adit
