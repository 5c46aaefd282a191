// The state behind Listener: who waits for a connection, and which connections wait for somebody.
#pragma once

#include <adit/endpoint_update.hpp>
#include <adit/event.hpp>
#include <adit/listener.hpp>

#include "client/bind_plan.hpp"
#include "client/connection_impl.hpp"

#include <atomic>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace adit::inline v0::detail {

class TlsAccept;

class ListenerImpl final : public net::HandlerHolder, public std::enable_shared_from_this<ListenerImpl> {
public:
    using AcceptHandler = AnyHandler<void(std::error_code, Connection)>;
    using CloseHandler = AnyHandler<void(std::error_code)>;
    using WaiterId = std::uint64_t;

    /// `order`: its place among the session's listeners.
    static std::shared_ptr<ListenerImpl> create(std::shared_ptr<SessionImpl> session, const BindPlan& plan,
                                                const Bound& bound, std::uint64_t order);

    SessionImpl& session() const noexcept { return *session_; }
    std::uint64_t order() const noexcept { return order_; }
    std::string id() const { return bound().id; }
    std::string url() const { return bound().url; }
    std::string protocol() const { return bound().protocol; }
    const std::string& what() const noexcept { return what_; } ///< for error messages
    bool is_open() const;
    ErrorInfo last_error() const;

    /// Completes at once (posted) if a connection waits or the listener ended.
    WaiterId accept(AcceptHandler handler);
    /// Ends that accept with `code` unless it has completed.
    void cancel(WaiterId id, std::error_code code);

    /// A visitor's connection for this endpoint. Beyond the backlog it is refused alone.
    void push(std::shared_ptr<net::MuxStream> stream, const ProxyHeader& header);
    /// The same once its TLS handshake is done.
    void offer(std::shared_ptr<ConnectionImpl> connection);

    /// By the program: goes offline and tells the edge.
    void close() noexcept;
    /// As close(); completes when the edge has answered.
    void close(CloseHandler handler);
    /// By the edge: a StopTunnel, or it does not take the endpoint back.
    void end(const ErrorInfo& why);
    void end_with_session(const ErrorInfo& why);
    /// The edge answered the Unbind, or cannot any more.
    void unbound(std::error_code code);
    void abandon() noexcept override;

    // To bring it back on another link.
    RequestType request_type() const noexcept { return type_; }
    std::string rebind_request() const;
    Result<void> read_rebind_answer(std::string_view json, Bound& out) const;
    /// It is online on this leg. Gives the id by which it is no longer known, or "".
    std::string came_to(std::uint32_t leg, const Bound& bound);
    /// The leg is lost. Gives the id by which it is no longer known, or "".
    std::string left(std::uint32_t leg);
    bool is_on(std::uint32_t leg) const;
    /// On another leg than this.
    bool is_online_besides(std::uint32_t leg) const;
    /// What that leg calls it: a labelled endpoint has another id on each.
    std::string id_on(std::uint32_t leg) const;
    /// All of them.
    std::vector<std::string> ids() const;
    std::string tunnel_id() const { return bound().tunnel_id; }
    /// The edge has taken it: from now on it is bound again like this.
    void updated(const EndpointUpdate& update);
    /// Connections that nobody took and whose link is gone are of no use to anybody.
    void drop_lost();

    /// Tells the session's event handler.
    void tell(Event::Kind kind, const ErrorInfo& reason) const;

private:
    ListenerImpl(std::shared_ptr<SessionImpl> session, const BindPlan& plan, const Bound& bound, std::uint64_t order);

    class Waiter {
    public:
        Waiter(WaiterId i, AcceptHandler h) : id(i), handler(std::move(h)) {}
        WaiterId id;
        AcceptHandler handler;
    };
    enum class Unbind : std::uint8_t { not_asked, running, done };

    Bound bound() const;
    void start_handshake(std::shared_ptr<net::MuxStream> stream, const ProxyHeader& header, const Bound& bound);
    bool end_by(const ErrorInfo& why, std::error_code accept_code, Unbind unbind);
    void cancel_close(WaiterId id);

    const std::shared_ptr<SessionImpl> session_;
    const std::uint64_t order_;
    const RequestType type_;
    const std::string what_;
    const std::size_t backlog_max_;
    const std::optional<TlsServer> tls_;
    std::atomic<WaiterId> next_waiter_ = 0;

    mutable std::mutex mutex_;
    BindPlan plan_;
    Bound bound_;
    std::map<std::uint32_t, std::string> id_on_leg_; // of the legs on which it is online
    std::list<Waiter> waiters_;
    std::deque<std::shared_ptr<ConnectionImpl>> backlog_;
    std::vector<std::weak_ptr<TlsAccept>> handshakes_; // some may be over
    ErrorInfo ended_; // empty while open
    std::error_code accept_code_; // of accepts after that
    Unbind unbind_ = Unbind::not_asked;
    std::error_code unbind_code_;
    std::list<std::pair<WaiterId, CloseHandler>> closers_;
};

} // namespace adit
