#include "client/forward_http.hpp"

#include "client/forward_bytes.hpp"
#include "client/session_impl.hpp"
#include "client/thrown.hpp"
#include "http/writer.hpp"
#include "net/deadline.hpp"

#include <algorithm>

namespace adit::inline v0 {
namespace {

constexpr std::size_t read_size = 16 * 1024;
/// A request up to this size goes into a socket's buffer as a whole, so writing it cannot wait for an upstream that answers
/// before it reads.
constexpr std::size_t send_now_max = 16 * 1024;

constexpr HttpError head_too_slow{408, "The request head did not arrive in time; send it in one piece."};
constexpr HttpError unwritable{400, "The request cannot be forwarded as it is."};

} // namespace

ForwardHttp::ForwardHttp(std::shared_ptr<detail::ForwarderImpl> owner, asio::any_io_executor executor,
                         std::shared_ptr<detail::ConnectionImpl> connection)
    : ForwardedConnection(std::move(owner), std::move(executor), std::move(connection)), rest_sent_(executor_),
      draining_(owner_->draining()) {}

ForwardHttp::~ForwardHttp() = default;

asio::awaitable<void> ForwardHttp::run() {
    const std::shared_ptr<ForwardedConnection> self = shared_from_this();
    bool more = true;
    if (owner_->plan().proxy_protocol) {
        Result<std::string> header = co_await read_proxy_header();
        if (!header) {
            owner_->failed(header.error());
            visitor_->abort();
            co_return;
        }
        proxy_header_ = std::move(*header);
    }
    while (more) {
        more = co_await read_head();
        if (more) more = co_await serve();
    }
    if (upstream_) upstream_->stream->close();
    upstream_.reset();
    visitor_->close();
}

void ForwardHttp::drain() noexcept {
    draining_ = true;
    exchange_.facts.keep_alive = false; // an answer that has not begun says so
    if (idle_) visitor_->close();
}

void ForwardHttp::abort() noexcept {
    closing_ = true;
    visitor_gone();
}

void ForwardHttp::visitor_gone() noexcept {
    gone_ = true;
    visitor_->abort();
    if (upstream_) upstream_->stream->abort();
}

// --- the request's head

/// False: there is no request any more.
asio::awaitable<bool> ForwardHttp::read_head() {
    net::IoResult got;
    std::optional<net::Deadline> bound;
    bool late = false;
    for (;;) {
        if (!in_.empty()) {
            const ParseResult parsed = parser_.parse(in_.view());
            in_.consume(parsed.consumed);
            if (parsed.state == ParseState::head_complete) co_return true;
            if (parsed.state == ParseState::error) {
                exchange_ = Exchange();
                const Page page = make_error_page(parsed.error);
                co_await write_page(page);
                (void)co_await finish();
                co_return false;
            }
        }
        if (closing_ || (draining_ && !parser_.in_head())) co_return false;
        if (!parser_.in_head()) {
            up_.clear();
            in_.release_if_empty();
            up_.release_if_empty();
            down_.release_if_empty();
            parser_.release_memory();
            idle_ = true;
            got = co_await visitor_->wait_readable();
            idle_ = false;
            if (!got.ok()) co_return false;
        } else if (!bound) { // nearly always a head comes at once
            bound.emplace(executor_, limits::http_head_time, [this, &late] {
                late = true;
                visitor_->cancel_read();
            });
        }
        const MutableBytes space = in_.prepare(read_size);
        got = co_await visitor_->read_some(space.first(read_size));
        if (late) {
            exchange_ = Exchange();
            const Page page = make_error_page(head_too_slow);
            co_await write_page(page);
            (void)co_await finish();
        }
        if (!got.ok()) co_return false;
        in_.commit(got.size());
    }
}

// --- one exchange

/// True: another request may follow.
asio::awaitable<bool> ForwardHttp::serve() {
    Head& head = parser_.head();
    exchange_ = Exchange();
    if (draining_) head.set_keep_alive(false);
    exchange_.facts = RequestFacts(head);
    exchange_.expects_continue = head.expect_continue();
    owner_->count_request();
    up_.clear();
    down_.clear();
    HttpError unsendable = unwritable;
    const bool writable = rewrite_request(head) && write_head(up_, head);
    if (owner_->session().inspection().is_on()) begin_record(head);
    if (writable) unsendable = collect_body();
    if (unsendable) {
        if (exchange_.record) exchange_.record->failed(0, ErrorInfo(errc::refused, std::string(unsendable.text)));
        const Page page = make_error_page(unsendable, page_format(head.find("Accept").value_or(std::string_view())));
        exchange_.request_done = false;
        co_await write_page(page);
        (void)co_await finish();
        co_return false;
    }
    exchange_.replayable = can_replay();
    Result<UpstreamConnectionPtr> connected = co_await connect(false);
    if (gone_) {
        if (connected) (*connected)->stream->close();
        co_return false;
    }
    if (!connected) {
        const ErrorInfo why = connected.error();
        co_await fail(8012, why);
    } else {
        upstream_ = std::move(*connected);
        answer_ = ResponseParser();
        answer_.expect(head);
        co_await send(upstream_->stream);
        co_await respond();
    }
    const bool more = co_await finish();
    co_return more;
}

bool ForwardHttp::rewrite_request(Head& head) {
    if (exchange_.facts.to_connect) return false;
    apply_forward_rules(head);
    const Upstream::Data& options = owner_->plan().dialer->options();
    if (!options.host_header.empty()) return head.set("Host", options.host_header);
    if (options.rewrite_host) return head.set("Host", owner_->plan().dialer->target().authority());
    return true;
}

void ForwardHttp::begin_record(const Head& head) {
    const auto observing = owner_->observer();
    if (!observing) return;
    const ExchangeOrigin origin(owner_, connection_->remote_address(), proxy_header_);
    exchange_.record = observing->begin(origin, head);
}

bool ForwardHttp::can_replay() const {
    const Head& head = parser_.head();
    if (head.has_body() || head.upgrade() || up_.size() > send_now_max) return false;
    static constexpr std::string_view idempotent[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
    return std::ranges::find(idempotent, head.method()) != std::end(idempotent);
}

/// `fresh`: not one that was used before.
asio::awaitable<Result<UpstreamConnectionPtr>> ForwardHttp::connect(bool fresh) {
    UpstreamConnectionPtr kept;
    if (!fresh && !proxy_header_.empty()) {
        kept = std::move(upstream_);
        if (kept && !kept->is_quiet()) {
            kept->stream->close();
            kept.reset();
        }
    } else if (!fresh) {
        // What could not be sent again does not take the risk of a connection that is ending right now.
        const auto any_age = UpstreamPool::Clock::duration(limits::option_time_max);
        const auto young = UpstreamPool::Clock::duration(limits::upstream_reuse_unsafe_time);
        kept = owner_->pool().take(exchange_.replayable ? any_age : young);
    }
    if (kept) co_return kept;
    Result<UpstreamConnectionPtr> dialed = co_await owner_->plan().dialer->dial(executor_, proxy_header_, true);
    co_return dialed;
}

/// The head, and what came of the body, leave; the rest is sent while the answer is awaited.
asio::awaitable<void> ForwardHttp::send(std::shared_ptr<net::Stream> upstream) {
    if (exchange_.request_done && up_.size() <= send_now_max) {
        // If it fails, what the upstream said, or its end, is read all the same.
        (void)co_await upstream->write(up_.view());
        sent_request();
        co_return;
    }
    exchange_.sending = true;
    const auto self = std::static_pointer_cast<ForwardHttp>(shared_from_this());
    asio::co_spawn(executor_, send_rest(self, std::move(upstream)), [self](const std::exception_ptr& thrown) {
        if (!thrown) return;
        self->owner_->failed(describe(thrown)); // no memory, for instance
        self->visitor_gone();
        self->sent_rest();
    });
}

asio::awaitable<void> ForwardHttp::send_rest(std::shared_ptr<ForwardHttp> self, std::shared_ptr<net::Stream> upstream) {
    net::IoResult sent;
    sent = co_await upstream->write(self->up_.view());
    self->up_.clear();
    if (sent.ok() && !self->exchange_.request_done) co_await self->send_body(upstream);
    self->body_up_.reset();
    self->sent_rest();
}

void ForwardHttp::sent_rest() {
    exchange_.sending = false;
    rest_sent_.cancel();
    if (!exchange_.over && exchange_.request_done) sent_request();
}

/// From here on the upstream has to say something, and the visitor does not.
void ForwardHttp::sent_request() {
    const auto time = owner_->plan().dialer->options().response_timeout;
    if (time.count() > 0 && !exchange_.answered) {
        answer_time_.emplace(executor_, time, [this] {
            exchange_.timed_out = true;
            if (upstream_) upstream_->stream->abort(); // respond() sees it
        });
    }
    watch();
}

// --- its body

/// Appends to `up_` what has come of the body already, so that it leaves together with the head.
HttpError ForwardHttp::collect_body() {
    const bool chunked = parser_.head().chunked();
    for (;;) {
        const ParseResult parsed = parser_.parse(in_.view());
        if (parsed.state == ParseState::body) {
            if (chunked) {
                write_chunk(up_, parsed.body);
            } else {
                up_.append(parsed.body);
            }
            owner_->count_in(parsed.body.size());
            if (exchange_.record) exchange_.record->request_body(parsed.body);
        }
        in_.consume(parsed.consumed);
        switch (parsed.state) {
        case ParseState::body: break;
        case ParseState::error: return parsed.error;
        case ParseState::upgrade:
            exchange_.request_done = true;
            if (exchange_.record) exchange_.record->request_end(Fields());
            return {};
        case ParseState::message_complete: request_complete(); return {};
        default: return {};
        }
    }
}

void ForwardHttp::request_complete() {
    if (parser_.head().chunked()) write_last_chunk(up_, parser_.trailers());
    exchange_.request_done = true;
    if (exchange_.record) exchange_.record->request_end(parser_.trailers());
}

asio::awaitable<void> ForwardHttp::send_body(std::shared_ptr<net::Stream> upstream) {
    net::IoResult got;
    bool goes_on = true;
    while (goes_on && !exchange_.over && !exchange_.request_done) {
        if (!body_up_) { // without a buffer for a visitor who takes his time
            got = co_await visitor_->wait_readable();
            if (exchange_.over) break;
            body_up_ = std::make_unique_for_overwrite<std::uint8_t[]>(limits::forward_buffer);
        }
        const MutableBytes space(body_up_.get(), limits::forward_buffer);
        if (got.ok()) got = co_await visitor_->read_some(space);
        if (exchange_.over) break;
        if (!got.ok()) { // the body is cut, and so must be what the upstream gets
            visitor_gone();
            break;
        }
        const Bytes bytes = space.first(got.size());
        std::size_t used = 0;
        goes_on = co_await pass_on(upstream, bytes, used);
        if (used < bytes.size() && exchange_.request_done) in_.append(bytes.subspan(used)); // the next request
        if (got.size() < limits::forward_buffer / 4) body_up_.reset();
    }
}

/// False: there is no use in reading on.
asio::awaitable<bool> ForwardHttp::pass_on(std::shared_ptr<net::Stream> upstream, Bytes input, std::size_t& used) {
    net::IoResult sent;
    const bool chunked = parser_.head().chunked();
    bool complete = false;
    while (!complete && used < input.size()) {
        const ParseResult parsed = parser_.parse(input.subspan(used));
        used += parsed.consumed;
        if (parsed.state == ParseState::error) {
            exchange_.broken = parsed.error;
            upstream->abort(); // respond() sees it
            co_return false;
        }
        complete = parsed.state == ParseState::message_complete;
        if (parsed.state != ParseState::body) continue;
        owner_->count_in(parsed.body.size());
        if (exchange_.record) exchange_.record->request_body(parsed.body);
        if (chunked) {
            write_chunk(up_, parsed.body);
            continue;
        }
        sent = co_await upstream->write(parsed.body);
        if (!sent.ok()) co_return false;
    }
    // The last byte of a body with a length says that it is complete only when the parser is asked again.
    if (!complete) complete = parser_.parse(Bytes()).state == ParseState::message_complete;
    if (complete && chunked) write_last_chunk(up_, parser_.trailers());
    if (complete && exchange_.record) exchange_.record->request_end(parser_.trailers());
    if (!up_.empty()) {
        sent = co_await upstream->write(up_.view());
        up_.clear();
        if (!sent.ok()) co_return false;
    }
    exchange_.request_done = complete;
    co_return true;
}

// --- the visitor while his answer is awaited

/// Sees it when he leaves. Nobody awaits this, so the answer costs no further coroutine.
void ForwardHttp::watch() {
    if (watching_ || gone_ || exchange_.over || exchange_.tunnel) return;
    watching_ = true;
    const auto round = ++watch_round_;
    const auto weak = std::weak_ptr<ForwardedConnection>(shared_from_this());
    auto seen = [weak, round](std::error_code ec, std::size_t) {
        const auto self = std::static_pointer_cast<ForwardHttp>(weak.lock());
        if (!self || self->watch_round_ != round) return;
        self->watching_ = false;
        // The end of what he sends is not the end of his interest; bytes of a next request wait for their turn.
        if (ec && ec != asio::error::eof) self->visitor_gone();
    };
    visitor_->start_wait_readable(net::MuxStream::Handler(std::move(seen), executor_));
}

void ForwardHttp::unwatch() noexcept {
    ++watch_round_;
    if (std::exchange(watching_, false)) visitor_->cancel_read();
}

// --- its end

/// True: another request may follow.
asio::awaitable<bool> ForwardHttp::finish() {
    exchange_.over = true;
    answer_time_.reset();
    unwatch();
    if (exchange_.sending) { // an answer overtook its request
        if (upstream_) upstream_->stream->abort();
        visitor_->cancel_read();
        while (exchange_.sending) {
            std::error_code ignored;
            rest_sent_.expires_at(asio::steady_timer::time_point::max());
            auto token = asio::redirect_error(asio::use_awaitable, ignored);
            co_await rest_sent_.async_wait(token);
        }
        drop_upstream();
    }
    exchange_.record.reset();
    body_down_.reset();
    parser_.decline_upgrade();
    const bool more = exchange_.answered && exchange_.request_done && exchange_.plan.keep_alive && !gone_ && !closing_;
    if (more) co_return true;
    if (gone_ || exchange_.tunnel) co_return false;
    co_await visitor_->shutdown_write();
    // Also the end of a complete request: closing while the edge still sends would reset the answer.
    co_await discard_visitor(visitor_, executor_);
    co_return false;
}

} // namespace adit
