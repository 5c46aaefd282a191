// An endpoint whose connections go to an upstream by themselves.
#pragma once

#include <adit/config.hpp>
#include <adit/detail/initiate.hpp>
#include <adit/error.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace adit::inline v0 {

namespace detail {
class ForwarderImpl;
}

/// What a forwarder did so far.
class ForwarderCounters {
public:
    std::uint64_t connections = 0;      ///< that came from the edge
    std::uint64_t open_connections = 0; ///< of these, now
    std::uint64_t requests = 0;         ///< HTTP requests; 0 where bytes are passed on
    std::uint64_t failures = 0;         ///< requests or connections for which the upstream was not reached or failed
    std::uint64_t bytes_in = 0;         ///< from visitors; of HTTP the bodies and what follows an upgrade
    std::uint64_t bytes_out = 0;        ///< to visitors, likewise
};

/// A handle on one forwarded endpoint. Copies share it; the last one to go, or close(), takes the endpoint offline.
///
/// An upstream that cannot be reached ends nothing: visitors of an http(s) endpoint get 502 with ERR_NGROK_8012 and the
/// reason, those of others see their connection reset, and last_error() has the reason.
///
/// Thread safety: distinct handles and shared handles are safe; moving, assigning and destroying one handle object is not.
///
/// Executor: handlers run on their associated executor, by default the session's; never inside the initiating call. Each
/// connection runs on a strand of its own.
///
/// Like a listener, a forwarder ends with the session, whose handle must be kept.
class ADIT_API Forwarder {
public:
    using executor_type = asio::any_io_executor;

    /// A closed forwarder.
    Forwarder() noexcept;
    Forwarder(const Forwarder&) noexcept;
    Forwarder(Forwarder&&) noexcept;
    Forwarder& operator=(const Forwarder&) noexcept;
    Forwarder& operator=(Forwarder&&) noexcept;
    ~Forwarder();

    executor_type get_executor() const;
    bool is_open() const noexcept;
    /// Where visitors reach it, as the edge assigned it; empty for a labelled endpoint.
    std::string url() const;
    /// The edge's id of this bind.
    std::string id() const;
    /// Where it forwards to, in full: "http://localhost:8080".
    std::string upstream() const;
    ForwarderCounters counters() const;

    /// Takes the endpoint offline. What is under way may end: an HTTP connection after the answer to its request, others by
    /// themselves; after limits::forward_drain_time what is left is reset. Never blocks.
    void close() noexcept;

    /// Waits until the endpoint is offline and its connections have ended; gives why: errc::listener_closed for this
    /// program or the edge, errc::session_lost, errc::session_closed. Blocking; errc::would_deadlock on the session's own
    /// thread.
    ErrorInfo wait() const;
    /// As wait(), but gives errc::timed_out after `time`.
    ErrorInfo wait_for(std::chrono::milliseconds time) const;
    /// Signature void(ErrorInfo): the end is a result here, so the coroutine form does not throw for it.
    ///     adit::ErrorInfo why = co_await forwarder.async_wait();
    /// Cancellation: terminal, partial, total: asio::error::operation_aborted.
    template <class Token = DefaultToken>
    auto async_wait(Token&& token = {}) const {
        return detail::initiate<void(ErrorInfo)>(
            get_executor(), [impl = impl_](WaitHandler handler) { start_wait(impl, std::move(handler)); },
            std::forward<Token>(token));
    }

    /// Why it ended, with the edge's text; while it is open the last failure of the upstream, empty if there was none.
    ErrorInfo last_error() const;

    explicit Forwarder(std::shared_ptr<detail::ForwarderImpl> impl) noexcept; ///< for the library itself

private:
    using WaitHandler = detail::AnyHandler<void(ErrorInfo)>;
    using Impl = std::shared_ptr<detail::ForwarderImpl>;

    static void start_wait(const Impl& impl, WaitHandler handler);
    ErrorInfo wait_blocking(std::optional<std::chrono::milliseconds> time) const;

    Impl impl_;
};

} // namespace adit
