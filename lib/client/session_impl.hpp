// The state behind Session: its legs, the listeners on them, and what the edge sends us.
#pragma once

#include <adit/listener.hpp>
#include <adit/session.hpp>

#include "client/background.hpp"
#include "client/bind_plan.hpp"
#include "client/event_data.hpp"
#include "client/inspection.hpp"
#include "client/leg.hpp"
#include "client/link_op.hpp"
#include "client/options_data.hpp"
#include "client/own_thread.hpp"
#include "net/handler_holder.hpp"
#include "net/mux_session.hpp"
#include "proto/proxy_header.hpp"

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace adit::inline v0::detail {

class ListenerImpl;

/// Thread-safe where nothing else is said. Everything the peer causes comes on the strand.
class SessionImpl final : public net::HandlerHolder, public std::enable_shared_from_this<SessionImpl> {
public:
    using ListenHandler = AnyHandler<void(std::error_code, Listener)>;
    using CloseHandler = AnyHandler<void(std::error_code)>;
    using ConnectedHandler = std::function<void(const ErrorInfo&)>;

    /// `lease`: held if the session runs on the background thread.
    static std::shared_ptr<SessionImpl> create(const asio::any_io_executor& executor, Background::Lease lease,
                                               const SessionOptions& options);
    ~SessionImpl() override;

    const asio::any_io_executor& executor() const noexcept { return executor_; }
    const asio::any_io_executor& strand() const noexcept { return strand_; }
    const SessionOptions::Data& options() const noexcept { return options_.data(); }
    std::chrono::milliseconds rpc_time() const noexcept { return options().rpc_time; }
    /// The calling thread is one that completes this session's operations.
    bool is_own_thread() const { return own_thread_.is_this_thread(); }
    /// Connected once and not over; maybe without a link just now.
    bool is_open() const;
    bool is_online() const;
    SessionDetails details() const;
    std::string id() const { return details().id(); }
    std::string cookie() const;
    std::chrono::microseconds latency() const noexcept { return latency_.load(); }
    ErrorInfo last_error() const;
    /// Why the session is over; empty while connecting or open.
    ErrorInfo ended() const;
    void remember_error(const ErrorInfo& error);
    Inspection& inspection() noexcept { return inspection_; }
    /// After starting an operation: if the session is over, its thread may be gone as well, and the handler was posted to it.
    void ensure_completion() const noexcept;

    /// Starts the first leg, on the strand. `connected` is called there, once, unless the session is closed before.
    void begin(ServerTarget target, ConnectedHandler connected);
    /// The session never came to be.
    void fail(const ErrorInfo& why) noexcept;

    void start_listen(const Endpoint::Data& endpoint, ErrorInfo* error, ListenHandler handler);
    void start_unbind(std::shared_ptr<ListenerImpl> listener) noexcept;
    void close() noexcept;
    /// Takes the listeners offline, waits for the end of the connections, at most `drain`, and closes.
    void start_close(std::chrono::milliseconds drain, CloseHandler handler);
    void abandon() noexcept override;

    // Links, on the strand.
    /// A link exists; from now on the session closes it. Error: what ended the session meanwhile.
    Result<void> attach(std::shared_ptr<Link> link);
    void detach(const std::shared_ptr<Link>& link);
    void leg_connecting(const Leg& leg);
    void leg_linked(Leg& leg, const AuthResponse& answer);
    void leg_online(const Leg& leg);
    void leg_failed(const Leg& leg, std::chrono::steady_clock::time_point now);
    void on_heartbeat(std::uint32_t leg, std::chrono::steady_clock::duration latency);
    void on_stream(std::shared_ptr<net::MuxStream> stream, std::uint32_t type);
    void on_visitor(std::shared_ptr<net::MuxStream> stream);

    // For the operations, on the strand.
    /// The link that calls go over; null while there is none.
    std::shared_ptr<Link> link() const;
    /// One on which the listener is online; while there is none, any. Null if there is no link at all.
    std::shared_ptr<Link> link_of(const ListenerImpl& listener) const;
    /// Waits until an endpoint may be bound. Errors: what ended the session; errc::timed_out.
    asio::awaitable<Result<std::shared_ptr<Link>>> wait_link(std::chrono::steady_clock::time_point deadline);
    /// Reserves a place for a listener: streams that come before the edge's answer wait for it.
    Result<void> begin_listen();
    /// Puts the listener in; connections that waited for it are delivered.
    /// `link` is the one that it was bound on.
    Result<std::shared_ptr<ListenerImpl>> add_listener(const BindPlan& plan, const Bound& bound, const Link& link);
    void end_listen();
    /// Its time is over, but its answer may still come and is then undone. False if too many wait for that.
    bool begin_late_bind() noexcept { return ++late_binds_ <= limits::late_binds; }
    void end_late_bind() noexcept { --late_binds_; }
    /// A listener is online again on `leg`.
    void rebound(const Leg& leg, const std::shared_ptr<ListenerImpl>& listener, const Bound& bound);
    /// The edge does not take it back on `leg`.
    void rebind_refused(const Leg& leg, const std::shared_ptr<ListenerImpl>& listener, const ErrorInfo& why);
    /// Gives the head of a connection to the listener it is for.
    void deliver(std::shared_ptr<net::MuxStream> stream, const ProxyHeader& header);
    std::shared_ptr<ListenerImpl> take_listener(const std::string& id);
    /// By the edge.
    void stop_listener(const std::string& id, const ErrorInfo& why);

    // Events.
    bool wants_events() const noexcept { return static_cast<bool>(options().on_event); }
    void tell(std::shared_ptr<const Event::Data> event) const noexcept;
    void connection_began() noexcept { ++connections_; }
    void connection_ended() noexcept;

    /// False: there are too many already.
    bool begin_tls_handshake() noexcept {
        if (++tls_handshakes_ <= limits::tls_handshakes_pending) return true;
        end_tls_handshake();
        return false;
    }
    void end_tls_handshake() noexcept { --tls_handshakes_; }

private:
    using Listeners = std::map<std::string, std::shared_ptr<ListenerImpl>>;

    SessionImpl(const asio::any_io_executor& executor, Background::Lease lease, const SessionOptions& options);

    void end(const ErrorInfo& why) noexcept;
    void stop_legs(const ErrorInfo& why);
    void finish_if_detached();
    void add_leg(ServerTarget target, LegMachine::Config config);
    void leave_former_legs(const Leg& leg);
    void keep_second_leg(const AuthResponse& answer);
    void aim_second_leg_at_next();
    std::vector<ServerTarget> offered_to_second_leg(const AuthResponse& answer) const;
    bool forget(const std::shared_ptr<ListenerImpl>& listener);
    void rebind(Leg& leg, std::vector<std::shared_ptr<ListenerImpl>> listeners, bool all);
    void wake_waiters();
    void deliver_parked();
    bool may_come() const;
    void drained();
    std::vector<std::shared_ptr<ListenerImpl>> listeners() const;
    static asio::awaitable<void> unbind(std::shared_ptr<SessionImpl> self, std::shared_ptr<ListenerImpl> listener);

    const asio::any_io_executor executor_;
    const asio::any_io_executor strand_;
    const SessionOptions options_;
    const OwnThread own_thread_;
    const bool on_background_;
    std::atomic<bool> over_ = false;
    Inspection inspection_;
    std::atomic<bool> draining_ = false;
    std::atomic<std::size_t> connections_ = 0;
    std::atomic<std::size_t> tls_handshakes_ = 0;
    std::atomic<std::chrono::microseconds> latency_{std::chrono::microseconds(0)};

    // strand only
    ConnectedHandler connected_;
    std::vector<std::shared_ptr<Leg>> legs_;
    std::vector<ServerTarget> offered_; // addresses for the second of them
    std::list<asio::steady_timer> waiters_; // for a link
    asio::steady_timer drain_;
    std::size_t heads_pending_ = 0;
    std::size_t commands_pending_ = 0;
    std::size_t late_binds_ = 0;
    std::size_t rebinds_ = 0;
    std::vector<std::pair<std::shared_ptr<net::MuxStream>, ProxyHeader>> parked_;
    std::vector<std::pair<std::string, ErrorInfo>> parked_stops_; // listeners' ids

    mutable std::mutex mutex_;
    std::vector<std::shared_ptr<Link>> links_; // that have not ended
    bool open_ = false;
    bool online_ = false;
    ErrorInfo ended_; // empty while connecting or open
    ErrorInfo last_error_;
    SessionDetails details_;
    std::string cookie_;
    Listeners listeners_; // by id; a labelled one has an id for each leg
    std::size_t listener_count_ = 0;
    std::uint64_t next_order_ = 0;
    std::size_t listens_pending_ = 0;
    Background::Lease lease_;
    std::shared_ptr<SessionImpl> closing_self_; // until the links are closed: neither lease nor closers_ must go before
    std::list<CloseHandler> closers_;
};

} // namespace adit
