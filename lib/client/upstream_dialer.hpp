// Connections to one upstream: how they are made, and the idle ones that are kept.
#pragma once

#include "client/upstream_data.hpp"
#include "net/socket.hpp"
#include "net/tls_stream.hpp"
#include "tls/context.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace adit::inline v0 {

/// A connection to the upstream. It may wander between the strands of those who use it, one at a time.
class UpstreamConnection {
public:
    explicit UpstreamConnection(std::shared_ptr<net::TcpStream> plain) : stream(plain), tcp_(std::move(plain)) {}
    explicit UpstreamConnection(std::shared_ptr<net::TlsStream> secure) : stream(secure), tls_(std::move(secure)) {}
    UpstreamConnection(const UpstreamConnection&) = delete;
    UpstreamConnection& operator=(const UpstreamConnection&) = delete;

    /// False once the upstream ended it, or said something that nobody asked for. Never waits.
    bool is_quiet();
    /// The end of the transport without a close_notify ends the data: for bytes whose own end somebody else knows.
    void accept_truncation() noexcept;

    const std::shared_ptr<net::Stream> stream;
    std::chrono::steady_clock::time_point idle_since{};
    bool used = false; ///< it carried a request before

private:
    const std::shared_ptr<net::TcpStream> tcp_;
    const std::shared_ptr<net::TlsStream> tls_;
};

using UpstreamConnectionPtr = std::shared_ptr<UpstreamConnection>;

/// Immutable, any thread.
class UpstreamDialer {
public:
    /// Reads what the options name. errc::invalid_option names the option.
    static Result<std::shared_ptr<const UpstreamDialer>> create(const Upstream::Data& upstream, UpstreamTarget target,
                                                                bool http2);

    const UpstreamTarget& target() const noexcept { return target_; }
    const Upstream::Data& options() const noexcept { return options_; }

    /// Within dial_timeout. `first` (a PROXY protocol header) is sent before TLS begins. `secure`: TLS if the target has it.
    /// `executor` must run one handler at a time. The message of an error names the step and the target.
    asio::awaitable<Result<UpstreamConnectionPtr>> dial(asio::any_io_executor executor, std::string first,
                                                        bool secure) const;

private:
    UpstreamDialer(const Upstream::Data& upstream, UpstreamTarget target) : options_(upstream), target_(std::move(target)) {}

    asio::awaitable<Result<net::Tcp::socket>> connect(asio::any_io_executor executor) const;

    const Upstream::Data options_;
    const UpstreamTarget target_;
    std::string verify_name_;
    std::shared_ptr<const tls::ClientContext> tls_; // null: the target has no TLS, or ALPN is none of http
};

/// Idle connections, the one used last first, so that what is not needed ages. Thread-safe.
class UpstreamPool : public std::enable_shared_from_this<UpstreamPool> {
public:
    using Clock = std::chrono::steady_clock;

    UpstreamPool(const asio::any_io_executor& executor, std::size_t max, Clock::duration idle_time)
        : timer_(executor), max_(max), idle_time_(idle_time) {}

    /// Null if there is none that is still good and was not idle for longer than `max_age`.
    UpstreamConnectionPtr take(Clock::duration max_age);
    /// Closed instead if it is full or closed.
    void put(UpstreamConnectionPtr connection);
    void close() noexcept;
    std::size_t size() const;

private:
    void arm();
    void sweep();

    mutable std::mutex mutex_;
    asio::steady_timer timer_; // with the mutex held
    std::vector<UpstreamConnectionPtr> idle_; // the oldest first
    const std::size_t max_;
    const Clock::duration idle_time_;
    bool armed_ = false;
    bool closed_ = false;
};

} // namespace adit
