// Answers that the edge makes itself.
#include "edge/http_exchange.hpp"

#include "edge/http_visitor.hpp"

namespace adit::inline v0::edge {

/// Instead of an agent: none was asked.
asio::awaitable<void> HttpExchange::refuse(ErrorPage page) {
    bool sent = false;
    const HttpError broken = request_done_ ? HttpError() : skip_body();
    page.format = page_format(channel_.head().find("Accept").value_or(std::string_view()));
    page.version = facts_.version;
    page.to_head = facts_.to_head;
    page.keep_alive = facts_.keep_alive && request_done_ && !broken;
    const Page made = make_error_page(page);
    sent = co_await write_page(made, page.number);
    co_await channel_.answered(sent && made.head.keep_alive(), request_done_);
    if (running_) finish();
}

/// A short body that came with its head is skipped, so that the connection can go on.
HttpError HttpExchange::skip_body() {
    for (;;) {
        const BodyPiece piece = channel_.next_body();
        request_done_ = piece.complete;
        if (piece.complete || piece.error || piece.bytes.empty()) return piece.error;
    }
}

asio::awaitable<void> HttpExchange::refuse_bytes(HttpError error) {
    bool sent = false;
    PageFormat format = PageFormat::text;
    if (channel_.access.begun()) {
        format = page_format(channel_.head().find("Accept").value_or(std::string_view()));
    } else { // there is not even a head
        begin();
    }
    if (answered() || channel_.writing()) { // too late to say it
        visitor_gone();
        co_return;
    }
    drop_leg(false);
    const Page made = make_error_page(error, format, facts_.to_head);
    sent = co_await write_page(made, 0);
    co_await channel_.answered(false, request_done_);
    (void)sent;
    if (running_) finish();
}

/// Instead of the answer of an agent that was asked.
asio::awaitable<void> HttpExchange::fail_answer(int number, std::string_view detail) {
    bool sent = false;
    drop_leg(false);
    failed_upstream();
    if (answered()) { // a cut answer must not look like a complete one
        visitor_gone();
        co_return;
    }
    ErrorPage page;
    page.number = number;
    page.detail = detail;
    page.format = page_format(channel_.head().find("Accept").value_or(std::string_view()));
    page.version = facts_.version;
    page.to_head = facts_.to_head;
    page.keep_alive = facts_.keep_alive && request_done_;
    const Page made = make_error_page(page);
    sent = co_await write_page(made, number);
    if (sent) co_await channel_.answered(made.head.keep_alive(), request_done_);
    if (running_) finish();
}

asio::awaitable<bool> HttpExchange::write_page(const Page& page, int number) {
    ResponsePlan plan;
    plan.framing = Framing::length;
    plan.keep_alive = page.head.keep_alive();
    const bool sent = co_await write_page(page, plan, number);
    co_return sent;
}

asio::awaitable<bool> HttpExchange::write_page(const Page& page, const ResponsePlan& plan, int number) {
    bool sent = false;
    answer_ = Answer::edge;
    channel_.access.answer(page.head.status(), number);
    if (!channel_.put_head(page.head, plan)) co_return false;
    sent = co_await channel_.put_body(as_bytes(page.body));
    if (!sent) co_return false;
    channel_.put_end(Fields());
    sent = co_await channel_.flush();
    co_return sent;
}

} // namespace adit
