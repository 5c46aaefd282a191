// The state behind Session: the link, the listeners on it, and what the edge sends us.
#pragma once

#include <adit/listener.hpp>
#include <adit/session.hpp>

#include "client/background.hpp"
#include "client/bind_plan.hpp"
#include "client/own_thread.hpp"
#include "net/mux_session.hpp"
#include "proto/proxy_header.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace adit::inline v0::detail {

class ListenerImpl;

/// Thread-safe where nothing else is said. Everything the peer causes comes on the strand.
class SessionImpl final : public net::MuxObserver, public std::enable_shared_from_this<SessionImpl> {
public:
    using ListenHandler = AnyHandler<void(std::error_code, Listener)>;

    /// `lease`: held if the session runs on the background thread.
    SessionImpl(const asio::any_io_executor& executor, Background::Lease lease, std::chrono::milliseconds rpc_time);
    ~SessionImpl() override;

    const asio::any_io_executor& executor() const noexcept { return executor_; }
    const asio::any_io_executor& strand() const noexcept { return strand_; }
    std::chrono::milliseconds rpc_time() const noexcept { return rpc_time_; }
    /// The calling thread is one that completes this session's operations.
    bool is_own_thread() const { return own_thread_.is_this_thread(); }
    bool is_open() const;
    std::string id() const;
    std::string region() const;
    std::string banner() const;
    ErrorInfo last_error() const;
    /// Why the session is over; empty while connecting or open.
    ErrorInfo ended() const;
    void remember_error(const ErrorInfo& error);
    /// After starting an operation: if the session is over, its thread may be gone as well, and the handler was posted to it.
    void ensure_completion() noexcept;

    // Connecting.
    /// The link exists; from now on the session closes it. Error: what ended the session meanwhile.
    Result<void> attach(std::shared_ptr<net::MuxSession> mux);
    void go_online(std::string id, std::string region, std::string banner);
    /// The session never came to be.
    void fail(const ErrorInfo& why) noexcept;

    void start_listen(const Endpoint::Data& endpoint, ErrorInfo* error, ListenHandler handler);
    void start_unbind(std::shared_ptr<ListenerImpl> listener) noexcept;
    void close() noexcept;

    // For the operations, on the strand.
    /// Reserves a place for a listener: streams that come before the edge's answer wait for it.
    Result<std::shared_ptr<net::MuxSession>> begin_listen();
    /// Puts the listener in; connections that waited for it are delivered.
    Result<std::shared_ptr<ListenerImpl>> add_listener(const Bound& bound, std::size_t backlog);
    void end_listen();
    /// Its time is over, but its answer may still come and is then undone. False if too many wait for that.
    bool begin_late_bind() noexcept { return ++late_binds_ <= limits::late_binds; }
    void end_late_bind() noexcept { --late_binds_; }
    /// Gives the head of a connection to the listener it is for.
    void deliver(std::shared_ptr<net::MuxStream> stream, const ProxyHeader& header);
    std::shared_ptr<ListenerImpl> take_listener(const std::string& id);

    void on_stream(std::shared_ptr<net::MuxStream> stream, std::uint32_t type) override;
    void on_closed(const ErrorInfo& reason) override;

private:
    using Listeners = std::map<std::string, std::shared_ptr<ListenerImpl>>;

    void end(const ErrorInfo& why) noexcept;
    static asio::awaitable<void> unbind(std::shared_ptr<net::MuxSession> mux, std::shared_ptr<ListenerImpl> listener);

    const asio::any_io_executor executor_;
    const asio::any_io_executor strand_;
    const OwnThread own_thread_;
    const bool on_background_;
    const std::chrono::milliseconds rpc_time_;
    std::atomic<bool> over_ = false;

    // strand only
    std::size_t heads_pending_ = 0;
    std::size_t commands_pending_ = 0;
    std::size_t late_binds_ = 0;
    std::vector<std::pair<std::shared_ptr<net::MuxStream>, ProxyHeader>> parked_;

    mutable std::mutex mutex_;
    std::shared_ptr<net::MuxSession> mux_;
    bool online_ = false;
    ErrorInfo ended_; // empty while connecting or open
    ErrorInfo last_error_;
    std::string id_, region_, banner_;
    Listeners listeners_;
    std::size_t listens_pending_ = 0;
    Background::Lease lease_;
    std::shared_ptr<SessionImpl> closing_self_; // until the link is closed: the lease must not go before
};

} // namespace adit
