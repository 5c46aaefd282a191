// The state behind Listener: who waits for a connection, and which connections wait for somebody.
#pragma once

#include <adit/listener.hpp>

#include "client/bind_plan.hpp"
#include "client/connection_impl.hpp"

#include <atomic>
#include <deque>
#include <list>
#include <memory>
#include <mutex>

namespace adit::inline v0::detail {

class ListenerImpl final : public net::HandlerHolder, public std::enable_shared_from_this<ListenerImpl> {
public:
    using AcceptHandler = AnyHandler<void(std::error_code, Connection)>;
    using CloseHandler = AnyHandler<void(std::error_code)>;
    using WaiterId = std::uint64_t;

    static std::shared_ptr<ListenerImpl> create(std::shared_ptr<SessionImpl> session, const Bound& bound,
                                                std::size_t backlog_max);

    SessionImpl& session() const noexcept { return *session_; }
    const std::string& id() const noexcept { return bound_.id; }
    const std::string& url() const noexcept { return bound_.url; }
    const std::string& protocol() const noexcept { return bound_.protocol; }
    bool is_open() const;
    ErrorInfo last_error() const;

    /// Completes at once (posted) if a connection waits or the listener ended.
    WaiterId accept(AcceptHandler handler);
    /// Ends that accept with `code` unless it has completed.
    void cancel(WaiterId id, std::error_code code);

    /// A visitor's connection for this endpoint. Beyond the backlog it is refused alone.
    void push(std::shared_ptr<net::MuxStream> stream, const ProxyHeader& header);

    /// By the program: goes offline and tells the edge.
    void close() noexcept;
    /// As close(); completes when the edge has answered.
    void close(CloseHandler handler);
    /// By the edge (StopTunnel) or because the session ended.
    void end(const ErrorInfo& why);
    /// The edge answered the Unbind, or cannot any more.
    void unbound(std::error_code code);
    void abandon() noexcept override;

private:
    ListenerImpl(std::shared_ptr<SessionImpl> session, const Bound& bound, std::size_t backlog_max);

    class Waiter {
    public:
        Waiter(WaiterId i, AcceptHandler h) : id(i), handler(std::move(h)) {}
        WaiterId id;
        AcceptHandler handler;
    };
    enum class Unbind : std::uint8_t { not_asked, running, done };

    bool end_by(const ErrorInfo& why, Unbind unbind);
    void cancel_close(WaiterId id);

    const std::shared_ptr<SessionImpl> session_;
    const Bound bound_;
    const std::size_t backlog_max_;
    std::atomic<WaiterId> next_waiter_ = 0;

    mutable std::mutex mutex_;
    std::list<Waiter> waiters_;
    std::deque<std::shared_ptr<ConnectionImpl>> backlog_;
    ErrorInfo ended_; // empty while open
    Unbind unbind_ = Unbind::not_asked;
    std::error_code unbind_code_;
    std::list<std::pair<WaiterId, CloseHandler>> closers_;
};

} // namespace adit
