#include "client/forwarder_impl.hpp"

#include "client/forward_bytes.hpp"
#include "client/forward_http.hpp"
#include "client/own_thread.hpp"
#include "client/session_impl.hpp"
#include "client/thrown.hpp"
#include "net/deadline.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0 {

ForwardedConnection::ForwardedConnection(std::shared_ptr<detail::ForwarderImpl> owner, asio::any_io_executor executor,
                                         std::shared_ptr<detail::ConnectionImpl> connection)
    : owner_(std::move(owner)), executor_(std::move(executor)), connection_(std::move(connection)),
      visitor_(connection_->stream()) {}

ForwardedConnection::~ForwardedConnection() = default;

asio::awaitable<Result<std::string>> ForwardedConnection::read_proxy_header() {
    ProxyProtocolReader reader;
    std::string header;
    std::uint8_t byte = 0;
    const net::Deadline bound(executor_, limits::proxy_header_time, [stream = visitor_] { stream->abort(); });
    const MutableBytes space(&byte, 1); // what follows belongs to somebody else
    while (!reader.done()) {
        const net::IoResult got = co_await visitor_->read_some(space);
        if (!got.ok()) co_return ErrorInfo(got.code(), "the connection ended in its PROXY protocol header");
        const Result<std::size_t> fed = reader.feed(space);
        if (!fed) co_return fed.error();
        header.push_back(static_cast<char>(byte));
    }
    co_return header;
}

namespace detail {

ForwarderImpl::ForwarderImpl(std::shared_ptr<SessionImpl> session, Listener listener, ForwardPlan plan)
    : session_(std::move(session)), listener_(std::move(listener)), plan_(std::move(plan)),
      pool_(std::make_shared<UpstreamPool>(session_->executor(), plan_.dialer->options().max_idle_connections,
                                           plan_.dialer->options().idle_time)),
      drain_time_(session_->executor()) {}

std::shared_ptr<ForwarderImpl> ForwarderImpl::start(std::shared_ptr<SessionImpl> session, Listener listener,
                                                    ForwardPlan plan) {
    const std::shared_ptr<ForwarderImpl> self(
        new ForwarderImpl(std::move(session), std::move(listener), std::move(plan)));
    net::abandon_with_context(self->session_->executor(), self);
    self->session_->inspection().add(self);
    if (self->session_->executor() == Background::executor()) {
        Result<Background::Lease> lease = Background::acquire();
        if (lease) self->lease_ = std::move(*lease);
    }
    asio::co_spawn(self->session_->strand(), accept_loop(self), [self](const std::exception_ptr& thrown) {
        if (thrown) self->accept_over(describe(thrown));
    });
    return self;
}

std::shared_ptr<ExchangeObserver> ForwarderImpl::observer() const {
    const Inspection& inspection = session_->inspection();
    return inspection.is_on() ? inspection.observer() : nullptr;
}

ErrorInfo ForwarderImpl::last_error() const {
    const std::lock_guard lock(mutex_);
    return ended_ ? ended_ : last_failure_;
}

ForwarderCounters ForwarderImpl::counters() const {
    ForwarderCounters counters;
    counters.connections = connections_count_.load();
    counters.requests = requests_.load();
    counters.failures = failures_.load();
    counters.bytes_in = bytes_in_.load();
    counters.bytes_out = bytes_out_.load();
    const std::lock_guard lock(mutex_);
    counters.open_connections = connections_.size();
    return counters;
}

void ForwarderImpl::failed(const ErrorInfo& why) {
    failures_.fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    last_failure_ = why;
}

// --- connections

asio::awaitable<void> ForwarderImpl::accept_loop(std::shared_ptr<ForwarderImpl> self) {
    Listener listener = self->listener_;
    for (;;) {
        auto accepting = listener.async_accept(as_tuple);
        auto accepted = co_await std::move(accepting);
        const std::error_code ec = std::get<0>(accepted);
        if (ec) {
            const ErrorInfo why = listener.last_error();
            self->accept_over(why ? why : ErrorInfo(ec));
            co_return;
        }
        self->serve(std::move(std::get<1>(accepted)));
    }
}

void ForwarderImpl::serve(Connection connection) {
    const std::shared_ptr<ForwardedConnection> served = make(std::move(connection.impl_));
    Connections::iterator place;
    connections_count_.fetch_add(1, std::memory_order_relaxed);
    {
        const std::lock_guard lock(mutex_);
        place = connections_.insert(connections_.end(), served);
    }
    const auto began = std::chrono::steady_clock::now();
    const auto over = [self = shared_from_this(), served, place, began](const std::exception_ptr& thrown) {
        if (thrown) {
            self->failed(describe(thrown));
            served->abort();
        }
        if (const auto observing = self->observer())
            observing->connection_over(self, std::chrono::steady_clock::now() - began);
        self->connection_over(place);
    };
    asio::co_spawn(served->executor(), served->run(), over);
}

std::shared_ptr<ForwardedConnection> ForwarderImpl::make(std::shared_ptr<ConnectionImpl> connection) {
    const asio::any_io_executor executor = one_at_a_time(session_->executor());
    const bool web = connection->protocol() == "http" || connection->protocol() == "https";
    const auto self = shared_from_this();
    if (web && !plan_.http2 && plan_.dialer->target().speaks_http())
        return std::make_shared<ForwardHttp>(self, executor, std::move(connection));
    return std::make_shared<ForwardBytes>(self, executor, std::move(connection));
}

void ForwarderImpl::connection_over(Connections::iterator place) noexcept {
    {
        const std::lock_guard lock(mutex_);
        connections_.erase(place);
    }
    end_if_over();
}

// --- the end

void ForwarderImpl::close() noexcept {
    Listener listener = listener_;
    listener.close(); // the accept loop sees it
}

/// No connection comes any more.
void ForwarderImpl::accept_over(const ErrorInfo& why) {
    {
        const std::lock_guard lock(mutex_);
        ended_ = why;
        drain_time_.expires_after(limits::forward_drain_time);
        drain_time_.async_wait([weak = weak_from_this()](const std::error_code& ec) {
            const auto self = weak.lock();
            if (!ec && self) self->abort_all();
        });
    }
    draining_.store(true);
    drain();
    end_if_over();
}

void ForwarderImpl::drain() noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& each : connections_) {
        const auto connection = each.lock();
        if (connection) asio::post(connection->executor(), [connection] { connection->drain(); });
    }
}

void ForwarderImpl::abort_all() noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& each : connections_) {
        const auto connection = each.lock();
        if (connection) asio::post(connection->executor(), [connection] { connection->abort(); });
    }
}

void ForwarderImpl::end_if_over() {
    std::list<std::pair<WaiterId, WaitHandler>> waiters;
    Background::Lease lease;
    ErrorInfo why;
    {
        const std::lock_guard lock(mutex_);
        if (over_ || !ended_ || !connections_.empty()) return;
        over_ = true;
        why = ended_;
        drain_time_.cancel();
        waiters.swap(waiters_);
        lease = std::move(lease_);
    }
    pool_->close();
    for (auto& [id, handler] : waiters) handler.complete(why);
}

ForwarderImpl::WaiterId ForwarderImpl::wait(WaitHandler handler) {
    const WaiterId id = ++next_waiter_;
    auto slot = handler.slot();
    if (slot.is_connected()) {
        slot.assign([weak = weak_from_this(), id](asio::cancellation_type) {
            if (const auto self = weak.lock()) self->cancel(id, asio::error::make_error_code(asio::error::operation_aborted));
        });
    }
    ErrorInfo why;
    {
        const std::lock_guard lock(mutex_);
        if (!over_) {
            waiters_.emplace_back(id, std::move(handler));
            return id;
        }
        why = ended_;
    }
    handler.complete(why);
    session_->ensure_completion();
    return id;
}

void ForwarderImpl::cancel(WaiterId id, const ErrorInfo& why) {
    WaitHandler handler;
    {
        const std::lock_guard lock(mutex_);
        const auto found = std::ranges::find(waiters_, id, &std::pair<WaiterId, WaitHandler>::first);
        if (found == waiters_.end()) return;
        handler = std::move(found->second);
        waiters_.erase(found);
    }
    handler.complete(why);
}

void ForwarderImpl::abandon() noexcept {
    const auto self = shared_from_this(); // a handler may own the last handle
    std::list<std::pair<WaiterId, WaitHandler>> waiters;
    const std::lock_guard lock(mutex_);
    waiters.swap(waiters_);
}

} // namespace detail
} // namespace adit
