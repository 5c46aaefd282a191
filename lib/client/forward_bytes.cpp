#include "client/forward_bytes.hpp"

#include "http/error_page.hpp"
#include "http/writer.hpp"
#include "net/deadline.hpp"

#include <array>

namespace adit::inline v0 {

asio::awaitable<net::IoResult> CountingStream::read_some(MutableBytes buffer) {
    const net::IoResult got = co_await upstream_->read_some(buffer);
    owner_->count_out(got.size());
    co_return got;
}

asio::awaitable<net::IoResult> CountingStream::write(Bytes first, Bytes second) {
    const net::IoResult sent = co_await upstream_->write(first, second);
    owner_->count_in(sent.size());
    co_return sent;
}

asio::awaitable<void> ForwardBytes::run() {
    const std::shared_ptr<ForwardedConnection> self = shared_from_this();
    const detail::ForwardPlan& plan = owner_->plan();
    std::uint64_t up = 0, down = 0;
    // TLS that the edge did not end goes through untouched.
    const bool secure = plan.dialer->target().uses_tls() && !connection_->passthrough_tls();
    std::string first;
    if (plan.proxy_protocol && secure) { // else it is the first of the bytes anyway
        Result<std::string> header = co_await read_proxy_header();
        if (!header) {
            owner_->failed(header.error());
            visitor_->abort();
            co_return;
        }
        first = std::move(*header);
    }
    Result<UpstreamConnectionPtr> dialed = co_await plan.dialer->dial(executor_, std::move(first), secure);
    if (!dialed) {
        owner_->failed(dialed.error());
        co_await refuse(dialed.error());
        co_return;
    }
    const UpstreamConnectionPtr connection = *dialed;
    connection->accept_truncation(); // many servers end TLS so, and the bytes so far are good
    upstream_ = std::make_shared<CountingStream>(connection->stream, owner_);
    if (aborted_) abort();
    co_await net::pump_both(visitor_, upstream_, up, down);
}

void ForwardBytes::abort() noexcept {
    aborted_ = true;
    visitor_->abort();
    if (upstream_) upstream_->abort();
}

asio::awaitable<void> ForwardBytes::refuse(ErrorInfo why) {
    const bool web = connection_->protocol() == "http" || connection_->protocol() == "https";
    if (!web || owner_->plan().http2) {
        visitor_->abort();
        co_return;
    }
    const std::string text = why.to_string();
    ErrorPage page;
    page.number = 8012;
    page.detail = text;
    const Page made = make_error_page(page);
    ByteQueue head;
    if (!write_head(head, made.head)) co_return;
    const Bytes body = as_bytes(made.body);
    const net::IoResult sent = co_await visitor_->write(head.view(), body);
    if (!sent.ok()) co_return;
    co_await visitor_->shutdown_write();
    co_await discard_visitor(visitor_, executor_);
    visitor_->close();
}

asio::awaitable<void> discard_visitor(std::shared_ptr<net::SharedStream> visitor, asio::any_io_executor executor) {
    std::array<std::uint8_t, 4096> buffer;
    const MutableBytes space(buffer);
    const net::Deadline bound(executor, limits::early_response_linger, [visitor] { visitor->close(); });
    net::IoResult got;
    while (got.ok()) got = co_await visitor->read_some(space);
}

} // namespace adit
