// The authenticated link to an edge.
#pragma once

#include <adit/config.hpp>
#include <adit/detail/initiate.hpp>
#include <adit/diagnosis.hpp>
#include <adit/endpoint.hpp>
#include <adit/error.hpp>
#include <adit/forwarder.hpp>
#include <adit/listener.hpp>
#include <adit/session_details.hpp>
#include <adit/session_options.hpp>
#include <adit/upstream.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace adit::inline v0 {

namespace detail {
class SessionImpl;
}
class Inspector;

/// A handle on one session. Copies share the session; the last handle to go closes it, together with its listeners and
/// connections. One outbound TCP connection with TLS (two if the edge offers a second address); nothing listens on this
/// machine.
///
/// If the link breaks, its connections give errc::session_lost and the session dials again (SessionOptions::reconnect).
/// Meanwhile is_online() is false, outstanding accepts wait on, and a listen() waits for the link within its time. Then
/// every listener is online again with the same URL; one that the edge does not take back ends alone, with
/// errc::listener_closed and the reason in its last_error(). When the edge refuses the session itself for good (category
/// `ngrok`, condition::permanent: the token was revoked, say), the session is over at once, and every operation gives that
/// code. SessionOptions::on_event tells all of it as it happens.
///
/// A connect that failed gives a closed session; its last_error() tells the story.
///
/// Thread safety: shared and distinct handles are safe; moving, assigning and destroying one handle object is not.
///
/// Executor: with async_connect everything runs on the given executor, whatever its threads. With connect the library's
/// background thread does the work; it ends when the last session on it is closed. A program that returns from main gives
/// closing sessions limits::exit_time to send what was written. Handlers run on their associated executor, by default the
/// session's, and never inside the call that starts an operation. An exception that leaves a handler comes out of the
/// run() of its executor, as with Asio; on the library's background thread it ends the program (std::terminate).
///
/// Lifetime: an execution context must outlive the handles of the sessions on it, of their listeners and of their
/// connections, closed ones too, because they hold its sockets and timers. Two kinds may stay: handles that handlers and
/// coroutines of that context own, which it destroys with itself, and empty ones (default-constructed or moved-from). The
/// background thread's context lives as long as the program.
///
/// The coroutine forms throw std::system_error, the blocking ones SystemError, which has the texts too.
class ADIT_API Session {
public:
    using executor_type = asio::any_io_executor;

    /// A closed session.
    Session() noexcept;
    Session(const Session&) noexcept;
    Session(Session&&) noexcept;
    Session& operator=(const Session&) noexcept;
    Session& operator=(Session&&) noexcept;
    ~Session();

    /// Connects and authenticates; blocks at most SessionOptions::connect_timeout. The certificates of roots_system() and
    /// roots_file() are read on the executor, which waits for the disk meanwhile.
    /// Errors: errc::no_server and errc::invalid_option before anything is sent; the system's for name and TCP;
    /// errc::tls_handshake_failed, errc::certificate_* and errc::client_certificate_refused; category `ngrok` when the edge refuses (105 and 107: the
    /// token), errc::refused when it names no number; errc::protocol_error when its answer cannot be read;
    /// errc::session_lost when it hangs up without one; errc::timed_out; errc::would_deadlock on the background thread.
    static Session connect(const SessionOptions& options);
    static Session connect(const SessionOptions& options, std::error_code& ec);
    /// As above; `error` gets the texts as well.
    static Session connect(const SessionOptions& options, ErrorInfo& error);

    /// Signature void(std::error_code, Session). Cancellation: terminal, partial.
    template <class Token = DefaultToken>
    static auto async_connect(asio::any_io_executor executor, const SessionOptions& options, Token&& token = {}) {
        return detail::initiate<void(std::error_code, Session)>(
            executor,
            [executor, options](ConnectHandler handler) {
                start_connect(executor, options, nullptr, std::move(handler));
            },
            std::forward<Token>(token));
    }
    /// As above; `error` gets the texts as well, before the handler is posted, and must live until then.
    template <class Token = DefaultToken>
    static auto async_connect(asio::any_io_executor executor, const SessionOptions& options, ErrorInfo& error,
                              Token&& token = {}) {
        return detail::initiate<void(std::error_code, Session)>(
            executor,
            [executor, options, &error](ConnectHandler handler) {
                start_connect(executor, options, &error, std::move(handler));
            },
            std::forward<Token>(token));
    }

    /// Tries the way to the edge step by step, without authentication: which step fails, and how long each takes. Each has
    /// SessionOptions::connect_timeout. Blocking; errc::would_deadlock on the background thread.
    static Diagnosis diagnose(const SessionOptions& options);
    /// Signature void(std::error_code, Diagnosis); the code is that of the step that failed. Cancellation: terminal,
    /// partial, total.
    template <class Token = DefaultToken>
    static auto async_diagnose(asio::any_io_executor executor, const SessionOptions& options, Token&& token = {}) {
        return detail::initiate<void(std::error_code, Diagnosis)>(
            executor,
            [executor, options](DiagnoseHandler handler) { start_diagnose(executor, options, std::move(handler)); },
            std::forward<Token>(token));
    }

    /// The executor given to async_connect, or the background thread's; asio::system_executor for a handle without session.
    executor_type get_executor() const;
    /// Connected, and neither closed nor lost for good; perhaps without a link just now.
    bool is_open() const noexcept;
    /// There is a link, and every listener is online on it.
    bool is_online() const noexcept;
    /// The id the edge gave this client.
    std::string id() const;
    std::string region() const; ///< as the edge names it; may be empty
    std::string banner() const; ///< a line from the edge's operator; may be empty
    /// All that the edge said about the session.
    SessionDetails details() const;
    /// The last measured round trip to the edge; zero before the first heartbeat came back.
    std::chrono::microseconds latency() const noexcept;

    /// Puts an endpoint online. Blocking; not on the session's own thread (errc::would_deadlock).
    /// Errors: errc::unsupported_url, errc::invalid_option and errc::limit_exceeded (limits::listeners_per_session) before
    /// anything is sent; category `ngrok` when the edge refuses (334: the name is taken), errc::refused when it names no
    /// number; errc::protocol_error when its answer does not fit, which is then undone; errc::timed_out after
    /// limits::rpc_time, also if there was no link all the time, and an answer that comes within limits::late_bind_time is
    /// undone; errc::session_lost without reconnect; errc::session_closed.
    Listener listen(const Endpoint& endpoint);
    Listener listen(const Endpoint& endpoint, std::error_code& ec);
    Listener listen(const Endpoint& endpoint, ErrorInfo& error);

    /// Signature void(std::error_code, Listener). Cancellation: terminal, partial; an answer that comes later is undone.
    template <class Token = DefaultToken>
    auto async_listen(const Endpoint& endpoint, Token&& token = {}) {
        return detail::initiate<void(std::error_code, Listener)>(
            get_executor(),
            [impl = impl_, endpoint](ListenHandler handler) {
                start_listen(impl, endpoint, nullptr, std::move(handler));
            },
            std::forward<Token>(token));
    }
    /// As above; `error` gets the texts as well, before the handler is posted, and must live until then.
    template <class Token = DefaultToken>
    auto async_listen(const Endpoint& endpoint, ErrorInfo& error, Token&& token = {}) {
        return detail::initiate<void(std::error_code, Listener)>(
            get_executor(),
            [impl = impl_, endpoint, &error](ListenHandler handler) {
                start_listen(impl, endpoint, &error, std::move(handler));
            },
            std::forward<Token>(token));
    }

    /// Puts an endpoint online and passes what arrives there on to `upstream`. Blocking, with the errors of listen(), and
    /// errc::unsupported_url and errc::invalid_option for an upstream that cannot work, before anything is sent. Whether the
    /// upstream is up shows with the first visitor. Endpoint::forwards_to becomes the upstream's URL unless it was set.
    Forwarder forward(const Endpoint& endpoint, const Upstream& upstream);
    Forwarder forward(const Endpoint& endpoint, const Upstream& upstream, std::error_code& ec);
    Forwarder forward(const Endpoint& endpoint, const Upstream& upstream, ErrorInfo& error);

    /// Signature void(std::error_code, Forwarder). Cancellation: terminal, partial; an answer that comes later is undone.
    template <class Token = DefaultToken>
    auto async_forward(const Endpoint& endpoint, const Upstream& upstream, Token&& token = {}) {
        return detail::initiate<void(std::error_code, Forwarder)>(
            get_executor(),
            [impl = impl_, endpoint, upstream](ForwardHandler handler) {
                start_forward(impl, endpoint, upstream, nullptr, std::move(handler));
            },
            std::forward<Token>(token));
    }
    /// As above; `error` gets the texts as well, before the handler is posted, and must live until then.
    template <class Token = DefaultToken>
    auto async_forward(const Endpoint& endpoint, const Upstream& upstream, ErrorInfo& error, Token&& token = {}) {
        return detail::initiate<void(std::error_code, Forwarder)>(
            get_executor(),
            [impl = impl_, endpoint, upstream, &error](ForwardHandler handler) {
                start_forward(impl, endpoint, upstream, &error, std::move(handler));
            },
            std::forward<Token>(token));
    }

    /// Ends the session: listeners and connections complete with errc::session_closed, the edge is told with GOAWAY.
    /// Never blocks.
    void close() noexcept;
    /// Ends the session in good order: takes the listeners offline (their accepts give errc::listener_closed), lets
    /// connections go on until they end, at most for `drain` (0 to 24 h), then closes. Completes when the link is closed.
    /// Signature void(std::error_code). Cancellation: none; close() shortens it.
    template <class Token = DefaultToken>
    auto async_close(std::chrono::milliseconds drain, Token&& token = {}) {
        return detail::initiate<void(std::error_code)>(
            get_executor(),
            [impl = impl_, drain](CloseHandler handler) { start_close(impl, drain, std::move(handler)); },
            std::forward<Token>(token));
    }
    /// As above. Blocking, at most for `drain` and limits::goaway_time; not on the session's own thread
    /// (errc::would_deadlock).
    void close(std::chrono::milliseconds drain);
    void close(std::chrono::milliseconds drain, std::error_code& ec);

    /// The story of the last failure of connect, listen or of the link itself, with the edge's text.
    ErrorInfo last_error() const;

    explicit Session(std::shared_ptr<detail::SessionImpl> impl) noexcept; ///< for the library itself

private:
    friend class Inspector;
    using ConnectHandler = detail::AnyHandler<void(std::error_code, Session)>;
    using DiagnoseHandler = detail::AnyHandler<void(std::error_code, Diagnosis)>;
    using ListenHandler = detail::AnyHandler<void(std::error_code, Listener)>;
    using CloseHandler = detail::AnyHandler<void(std::error_code)>;
    using ForwardHandler = detail::AnyHandler<void(std::error_code, Forwarder)>;
    using Impl = std::shared_ptr<detail::SessionImpl>;

    static void start_connect(const asio::any_io_executor& executor, const SessionOptions& options,
                              ErrorInfo* error, ConnectHandler handler);
    static void start_diagnose(const asio::any_io_executor& executor, const SessionOptions& options,
                               DiagnoseHandler handler);
    static void start_close(const Impl& impl, std::chrono::milliseconds drain, CloseHandler handler);
    static void start_listen(const Impl& impl, const Endpoint& endpoint, ErrorInfo* error, ListenHandler handler);
    static void start_forward(const Impl& impl, const Endpoint& endpoint, const Upstream& upstream, ErrorInfo* error,
                              ForwardHandler handler);

    Impl impl_;
};

} // namespace adit
