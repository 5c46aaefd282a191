// The state behind Forwarder: takes the listener's connections and looks after those that are served.
#pragma once

#include <adit/forwarder.hpp>
#include <adit/listener.hpp>

#include "client/background.hpp"
#include "client/connection_impl.hpp"
#include "client/exchange_observer.hpp"
#include "client/upstream_dialer.hpp"
#include "net/handler_holder.hpp"
#include "proto/proxy_protocol.hpp"

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>

namespace adit::inline v0 {

/// One connection of a visitor while it is forwarded. Everything on executor(), a strand of its own.
class ForwardedConnection : public std::enable_shared_from_this<ForwardedConnection> {
public:
    ForwardedConnection(std::shared_ptr<detail::ForwarderImpl> owner, asio::any_io_executor executor,
                        std::shared_ptr<detail::ConnectionImpl> connection);
    ForwardedConnection(const ForwardedConnection&) = delete;
    ForwardedConnection& operator=(const ForwardedConnection&) = delete;
    virtual ~ForwardedConnection();

    const asio::any_io_executor& executor() const noexcept { return executor_; }
    /// Returns when nothing of it runs any more.
    virtual asio::awaitable<void> run() = 0;
    /// What is under way is the last.
    virtual void drain() noexcept {}
    virtual void abort() noexcept { visitor_->abort(); }

protected:
    /// The bytes of the PROXY protocol header in front, if the endpoint has one; error: what came is none.
    asio::awaitable<Result<std::string>> read_proxy_header();

    const std::shared_ptr<detail::ForwarderImpl> owner_;
    const asio::any_io_executor executor_;
    const std::shared_ptr<detail::ConnectionImpl> connection_;
    const std::shared_ptr<net::SharedStream> visitor_;
};

namespace detail {

/// What the session knows of the endpoint when it is online.
class ForwardPlan {
public:
    std::shared_ptr<const UpstreamDialer> dialer;
    bool http2 = false; ///< the edge sends HTTP/2
    bool proxy_protocol = false;
    // For an inspector.
    std::string name; ///< Endpoint::name; may be empty
    std::string traffic_policy;
    bool pooling = false;
};

class ForwarderImpl final : public net::HandlerHolder, public std::enable_shared_from_this<ForwarderImpl> {
public:
    using WaitHandler = AnyHandler<void(ErrorInfo)>;
    using WaiterId = std::uint64_t;

    static std::shared_ptr<ForwarderImpl> start(std::shared_ptr<SessionImpl> session, Listener listener, ForwardPlan plan);

    SessionImpl& session() const noexcept { return *session_; }
    const Listener& listener() const noexcept { return listener_; }
    const ForwardPlan& plan() const noexcept { return plan_; }
    UpstreamPool& pool() const noexcept { return *pool_; }
    /// Null, nearly always: nobody looks.
    std::shared_ptr<ExchangeObserver> observer() const;
    bool draining() const noexcept { return draining_.load(); }
    ErrorInfo last_error() const;
    ForwarderCounters counters() const;
    void close() noexcept;
    /// Completes with the reason once all is over.
    WaiterId wait(WaitHandler handler);
    void cancel(WaiterId id, const ErrorInfo& why);
    void abandon() noexcept override;

    // For the connections.
    void failed(const ErrorInfo& why); ///< a request or a connection, by the upstream's fault
    void count_request() noexcept { requests_.fetch_add(1, std::memory_order_relaxed); }
    void count_in(std::size_t bytes) noexcept { bytes_in_.fetch_add(bytes, std::memory_order_relaxed); }
    void count_out(std::size_t bytes) noexcept { bytes_out_.fetch_add(bytes, std::memory_order_relaxed); }

private:
    using Connections = std::list<std::weak_ptr<ForwardedConnection>>;

    ForwarderImpl(std::shared_ptr<SessionImpl> session, Listener listener, ForwardPlan plan);

    static asio::awaitable<void> accept_loop(std::shared_ptr<ForwarderImpl> self);
    void serve(Connection connection);
    std::shared_ptr<ForwardedConnection> make(std::shared_ptr<ConnectionImpl> connection);
    void connection_over(Connections::iterator place) noexcept;
    void accept_over(const ErrorInfo& why);
    void drain() noexcept;
    void abort_all() noexcept;
    /// With nothing left: tells who waits.
    void end_if_over();

    const std::shared_ptr<SessionImpl> session_;
    const Listener listener_;
    const ForwardPlan plan_;
    const std::shared_ptr<UpstreamPool> pool_;
    std::atomic<bool> draining_ = false;
    std::atomic<WaiterId> next_waiter_ = 0;
    std::atomic<std::uint64_t> connections_count_ = 0, requests_ = 0, failures_ = 0, bytes_in_ = 0, bytes_out_ = 0;

    mutable std::mutex mutex_;
    asio::steady_timer drain_time_; // with the mutex held
    Connections connections_;
    std::list<std::pair<WaiterId, WaitHandler>> waiters_;
    ErrorInfo last_failure_;
    ErrorInfo ended_; // why there are no more connections; empty before
    bool over_ = false;
    Background::Lease lease_; // our connections may live a moment longer than the session's link
};

} // namespace detail
} // namespace adit
