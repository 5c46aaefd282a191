// One try to reach the edge: name, TCP, TLS, authentication, within one time.
#pragma once

#include "client/options_data.hpp"
#include "net/mux_session.hpp"
#include "proto/messages.hpp"
#include "tls/context.hpp"

#include <functional>
#include <memory>
#include <string>

namespace adit::inline v0::detail {

class SessionImpl;
class Leg;

/// How the agent's side of a link behaves.
net::MuxOptions link_options(const SessionOptions::Data& options, bool window_growth);

/// One TCP connection with TLS and muxado on it, from its birth to its end.
class Link final : public net::MuxObserver, public std::enable_shared_from_this<Link> {
public:
    Link(std::weak_ptr<SessionImpl> session, std::weak_ptr<Leg> leg) : session_(std::move(session)), leg_(std::move(leg)) {}

    void own(std::shared_ptr<net::MuxSession> mux) { mux_ = std::move(mux); }
    const std::shared_ptr<net::MuxSession>& mux() const noexcept { return mux_; }
    /// Why it is gone; empty while it stands. On the strand.
    const ErrorInfo& ended() const noexcept { return ended_; }

    void on_stream(std::shared_ptr<net::MuxStream> stream, std::uint32_t type) override;
    void on_closed(const ErrorInfo& reason) override;
    void on_heartbeat(std::chrono::steady_clock::duration latency) override;

private:
    const std::weak_ptr<SessionImpl> session_;
    const std::weak_ptr<Leg> leg_;
    std::shared_ptr<net::MuxSession> mux_;
    ErrorInfo ended_;
};

/// Everything happens on the session's strand.
class LinkOp : public std::enable_shared_from_this<LinkOp> {
public:
    /// Called once, on the strand; with an error the others are empty.
    using Handler = std::function<void(const ErrorInfo&, std::shared_ptr<Link>, const AuthResponse&)>;

    LinkOp(std::shared_ptr<SessionImpl> session, std::shared_ptr<Leg> leg, ServerTarget target, Handler handler);
    void start();
    /// Ends with this error unless it has ended.
    void stop(const ErrorInfo& why);

private:
    enum class Step : std::uint8_t { dial, tls, authentication };

    static asio::awaitable<void> run(std::shared_ptr<LinkOp> op);
    asio::awaitable<Result<void>> connect();
    asio::awaitable<Result<void>> authenticate();
    std::string auth_request() const;
    ErrorInfo took_too_long() const;
    void finish(const ErrorInfo& error);

    const std::shared_ptr<SessionImpl> session_;
    const std::shared_ptr<Leg> leg_;
    const ServerTarget target_;
    Handler handler_;
    Step step_ = Step::dial;
    std::shared_ptr<Link> link_;
    AuthResponse answer_;
    asio::steady_timer deadline_;
    asio::cancellation_signal stop_;
};

} // namespace adit
