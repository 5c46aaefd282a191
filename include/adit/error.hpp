// Errors: codes, categories, conditions, and the text that goes with them.
//
// Every operation reports a std::error_code. Its category tells where it comes from:
//   "adit"    our own (errc below);
//   "ngrok"   the peer refused: the value is the n of ERR_NGROK_n (https://ngrok.com/docs/errors);
//   system    unchanged from the operating system or Asio (asio::error::eof, operation_aborted, ...).
// Compare with a condition to decide what to do: `if (ec == adit::condition::permanent) give_up();`
#pragma once

#include <adit/config.hpp>

#include <string>
#include <string_view>
#include <system_error>

namespace adit::inline v0 {

/// Our own errors. The value 0 is success and has no name.
enum class errc {
    no_server = 1,         ///< no server was named: set SessionOptions::server() or ADIT_SERVER
    invalid_option,        ///< an option has a value that cannot work; the message names the option
    unsupported_url,       ///< the endpoint URL has a scheme or a part that is not supported
    session_closed,        ///< the session was closed by this program
    session_lost,          ///< the link to the edge broke; the message says why
    listener_closed,       ///< the listener was closed by this program or stopped by the edge
    connection_closed,     ///< the connection was closed by this program
    connection_reset,      ///< the peer of this connection gave it up (muxado RST)
    protocol_error,        ///< the peer broke the agent protocol
    heartbeat_timeout,     ///< the peer did not answer a heartbeat in time. Why an edge dropped an agent, in its events;
                           ///< a Session loses its link (session_lost), and the message says this
    auth_timeout,          ///< an agent did not authenticate in time: likewise; Session::connect gives timed_out
    timed_out,             ///< the deadline of this call passed
    would_deadlock,        ///< a blocking call on the thread that would have to complete it
    limit_exceeded,        ///< a limit of <adit/limits.hpp> was reached
    tls_handshake_failed,  ///< the TLS handshake failed; the detail has the alert or reason
    certificate_untrusted, ///< the peer's certificate does not chain to a trusted root
    certificate_name,      ///< the peer's certificate is for another host
    certificate_expired,   ///< the peer's certificate is expired or not yet valid
    tls_error,             ///< a TLS record could not be read or written
    address_in_use,        ///< the name or port is taken
    refused,               ///< the peer refused without an ERR_NGROK number; the detail has its text
    unavailable,           ///< the peer cannot serve this now; try again
    stream_truncated,      ///< a TLS stream ended without close_notify: bytes may be missing (RFC 8446 6.1)
    client_certificate_refused, ///< the TLS server requires a certificate of us, or refuses the one it got
};

/// What an error means for the caller, whatever its origin.
enum class condition {
    permanent = 1,  ///< trying again without a change cannot help
    retryable,      ///< trying again later may help
    authentication, ///< the credential was refused (also `permanent`)
    closed,         ///< the object was closed by this program
    timeout,        ///< a deadline passed
};

ADIT_API const std::error_category& adit_category() noexcept;
ADIT_API const std::error_category& ngrok_category() noexcept;
ADIT_API const std::error_category& condition_category() noexcept;

inline std::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), adit_category()}; }
inline std::error_condition make_error_condition(condition c) noexcept {
    return {static_cast<int>(c), condition_category()};
}
/// The code for ERR_NGROK_`number`.
inline std::error_code ngrok_error(int number) noexcept { return {number, ngrok_category()}; }

/// A code with its story. `message` is written by this library; `detail` may hold text from the peer: do not trust it.
class ErrorInfo {
public:
    ErrorInfo() = default;
    ErrorInfo(std::error_code code) : code_(code) {} // NOLINT: implicit on purpose, a bare code is an ErrorInfo
    ErrorInfo(errc code) : code_(make_error_code(code)) {} // NOLINT
    ErrorInfo(std::error_code code, std::string message, std::string detail = {})
        : code_(code), message_(std::move(message)), detail_(std::move(detail)) {}

    const std::error_code& code() const noexcept { return code_; }
    /// One sentence from this library that says what failed and what to do; may be empty.
    const std::string& message() const noexcept { return message_; }
    /// Text the peer sent; empty if it sent none.
    const std::string& detail() const noexcept { return detail_; }
    explicit operator bool() const noexcept { return static_cast<bool>(code_); }
    /// All of it in one line, for logs: message, code text, detail in quotes with control characters escaped.
    ADIT_API std::string to_string() const;

private:
    std::error_code code_;
    std::string message_;
    std::string detail_;
};

/// Thrown by the blocking and coroutine forms that have no error_code parameter.
class ADIT_API SystemError : public std::system_error {
public:
    explicit SystemError(ErrorInfo info);
    ~SystemError() override;
    const ErrorInfo& info() const noexcept { return info_; }

private:
    ErrorInfo info_;
};

} // namespace adit

template <>
struct std::is_error_code_enum<adit::errc> : std::true_type {};
template <>
struct std::is_error_condition_enum<adit::condition> : std::true_type {};
