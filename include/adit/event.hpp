// What happens to a session, for logs and status displays.
#pragma once

#include <adit/config.hpp>
#include <adit/error.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace adit::inline v0 {

/// One event; cheap to copy, immutable. What a kind does not have is empty or zero.
class ADIT_API Event {
public:
    enum class Kind : std::uint8_t {
        connecting,        ///< a try to reach the edge begins; `connected` or `disconnected` follows
        connected,         ///< the edge knows us and every listener is online
        disconnected,      ///< the try failed or the link broke: reason(), next_try()
        heartbeat,         ///< the edge answered: latency()
        listener_up,       ///< an endpoint is online, for the first time or again: url(), listener_id()
        listener_down,     ///< it is offline for good: reason()
        connection_opened, ///< a visitor came: url(), listener_id(), remote_address()
        connection_closed, ///< and went: bytes_in(), bytes_out(), duration() besides; reason() if its TLS handshake, which
                           ///< ends in this program, failed: accept() never saw it
    };

    struct Data;

    explicit Event(std::shared_ptr<const Data> data) noexcept; ///< for the library itself
    Event(const Event&) noexcept;
    Event(Event&&) noexcept;
    Event& operator=(const Event&) noexcept;
    Event& operator=(Event&&) noexcept;
    ~Event();

    Kind kind() const noexcept;
    /// Which link, if the session has several (agent-protocol 1.1): 0 is the first. For connecting, connected,
    /// disconnected and heartbeat.
    std::uint32_t leg() const noexcept;
    const ErrorInfo& reason() const noexcept;
    /// The wait before the next try; negative if there will be none.
    std::chrono::milliseconds next_try() const noexcept;
    /// A round trip to the edge.
    std::chrono::microseconds latency() const noexcept;
    const std::string& url() const noexcept; ///< empty for a labelled endpoint
    const std::string& listener_id() const noexcept;
    const std::string& remote_address() const noexcept; ///< of the visitor, "address:port"
    std::uint64_t bytes_in() const noexcept;            ///< from the visitor
    std::uint64_t bytes_out() const noexcept;           ///< to the visitor
    std::chrono::milliseconds duration() const noexcept;
    /// All of it in one line, for logs.
    std::string to_string() const;

private:
    std::shared_ptr<const Data> data_;
};

/// "connected", "listener_up" and so on.
ADIT_API std::string_view to_string(Event::Kind kind) noexcept;

/// Runs on the session's executor, one event at a time and in order. It must not block. It must own what it uses, because
/// the last events of a closed session come after its last handle is gone (Session::async_close completes behind those
/// of the session and its listeners), but no handle of that session, because the session keeps it. What it throws comes
/// out of the executor's run().
using EventHandler = std::function<void(const Event&)>;

} // namespace adit
