// An endpoint that is online: hands out its connections.
#pragma once

#include <adit/config.hpp>
#include <adit/connection.hpp>
#include <adit/detail/initiate.hpp>
#include <adit/endpoint_update.hpp>
#include <adit/error.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace adit::inline v0 {

namespace detail {
class ListenerImpl;
}

/// A handle on one endpoint. Copies share the endpoint; the last one to go, or close(), takes it offline.
///
/// Connections that nobody accepts wait in a bounded backlog (Endpoint::backlog); a full one refuses the next
/// connection alone. Several accepts may be outstanding; they are served in order.
///
/// Thread safety: distinct handles and shared handles are safe, also close() while another thread accepts (that accept
/// gives errc::listener_closed); moving, assigning and destroying one handle object is not.
///
/// Cancellation: async_accept supports terminal, partial and total; a cancelled accept lost no connection.
///
/// Executor: handlers run on their associated executor, by default the session's; never inside the initiating call.
///
/// Like its connections, a listener ends with the session, whose handle must be kept. It outlives the session's links: while
/// the session reconnects, accepts wait on.
class ADIT_API Listener {
public:
    using executor_type = asio::any_io_executor;

    /// A closed listener.
    Listener() noexcept;
    Listener(const Listener&) noexcept;
    Listener(Listener&&) noexcept;
    Listener& operator=(const Listener&) noexcept;
    Listener& operator=(Listener&&) noexcept;
    ~Listener();

    executor_type get_executor() const;
    bool is_open() const noexcept;
    /// Where visitors reach it, as the edge assigned it: "https://4f2a.example.com"; empty for a labelled endpoint.
    std::string url() const;
    /// The edge's id of this bind.
    std::string id() const;
    std::string protocol() const; ///< "https", "http", "tls", "tcp"; empty for a labelled endpoint

    /// Waits for the next connection. Blocking; not on the session's own thread (errc::would_deadlock).
    /// Errors: errc::listener_closed (also when the edge stopped it: last_error() has its number and text),
    /// errc::session_closed; the edge's code if it refused the session for good; errc::session_lost without reconnect.
    Connection accept();
    Connection accept(std::error_code& ec);
    /// As accept, but gives errc::timed_out after `time` (zero: only takes one that waits). No connection is lost by it.
    Connection accept_for(std::chrono::milliseconds time);
    Connection accept_for(std::chrono::milliseconds time, std::error_code& ec);

    /// Signature void(std::error_code, Connection).
    template <class Token = DefaultToken>
    auto async_accept(Token&& token = {}) {
        return detail::initiate<void(std::error_code, Connection)>(
            get_executor(), [impl = impl_](AcceptHandler handler) { start_accept(impl, std::move(handler)); },
            std::forward<Token>(token));
    }

    /// Changes the endpoint while it is online, and when it comes back after a loss. Blocking; not on the session's own
    /// thread (errc::would_deadlock). Errors: errc::invalid_option before anything is sent, also for a labelled endpoint;
    /// category `ngrok` or errc::refused when the edge refuses, which changes nothing; errc::timed_out after
    /// limits::rpc_time; errc::listener_closed; errc::session_closed.
    void update(const EndpointUpdate& update);
    void update(const EndpointUpdate& update, std::error_code& ec);
    /// As above; `error` gets the texts as well.
    void update(const EndpointUpdate& update, ErrorInfo& error);

    /// Signature void(std::error_code). Cancellation: terminal, partial; the edge may take the update all the same.
    template <class Token = DefaultToken>
    auto async_update(const EndpointUpdate& update, Token&& token = {}) {
        return detail::initiate<void(std::error_code)>(
            get_executor(),
            [impl = impl_, update](UpdateHandler handler) { start_update(impl, update, nullptr, std::move(handler)); },
            std::forward<Token>(token));
    }
    /// As above; `error` gets the texts as well, before the handler is posted, and must live until then.
    template <class Token = DefaultToken>
    auto async_update(const EndpointUpdate& update, ErrorInfo& error, Token&& token = {}) {
        return detail::initiate<void(std::error_code)>(
            get_executor(),
            [impl = impl_, update, &error](UpdateHandler handler) {
                start_update(impl, update, &error, std::move(handler));
            },
            std::forward<Token>(token));
    }

    /// Takes the endpoint offline: outstanding and later accepts give errc::listener_closed, connections that were
    /// accepted live on. Never blocks; the edge is told in the background.
    void close() noexcept;
    /// As close(), and completes when the edge has confirmed it (or cannot any more). Signature void(std::error_code).
    /// Cancellation: terminal, partial, total; the endpoint goes offline all the same.
    template <class Token = DefaultToken>
    auto async_close(Token&& token = {}) {
        return detail::initiate<void(std::error_code)>(
            get_executor(), [impl = impl_](CloseHandler handler) { start_close(impl, std::move(handler)); },
            std::forward<Token>(token));
    }

    /// Why the listener ended, with the edge's text; empty while it is open.
    ErrorInfo last_error() const;

    explicit Listener(std::shared_ptr<detail::ListenerImpl> impl) noexcept; ///< for the library itself

private:
    using AcceptHandler = detail::AnyHandler<void(std::error_code, Connection)>;
    using CloseHandler = detail::AnyHandler<void(std::error_code)>;
    using UpdateHandler = detail::AnyHandler<void(std::error_code)>;
    using Impl = std::shared_ptr<detail::ListenerImpl>;

    static void start_accept(const Impl& impl, AcceptHandler handler);
    static void start_close(const Impl& impl, CloseHandler handler);
    static void start_update(const Impl& impl, const EndpointUpdate& update, ErrorInfo* error, UpdateHandler handler);
    Connection accept_blocking(std::optional<std::chrono::milliseconds> time, std::error_code& ec);
    [[noreturn]] void throw_error(const std::error_code& ec) const;

    Impl impl_;
};

} // namespace adit
