// How a program supplies the transport itself: SessionOptions::dialer().
#pragma once

#include <adit/asio.hpp>
#include <adit/config.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <system_error>

namespace adit::inline v0 {

namespace detail {
class DialAnswer;
}

/// Where a Dialer puts what it got: called once, from any thread, inside the dialer or later. Move-only. Not
/// thread-safe itself.
///
/// Dropping it uncalled is an answer too: an error. What comes too late (after connect_timeout or a cancellation) or a
/// second time is closed.
class ADIT_API DialHandler {
public:
    explicit DialHandler(std::shared_ptr<detail::DialAnswer> answer) noexcept; ///< for the library itself
    DialHandler(DialHandler&&) noexcept;
    DialHandler& operator=(DialHandler&&) noexcept;
    ~DialHandler();

    /// A connected stream socket: TCP, a Unix socket, or any other that send(2) and recv(2) work on. The library owns
    /// the descriptor from here on, also when it refuses it; -1 with an error.
    void operator()(std::error_code error, int descriptor = -1) noexcept;
    /// The same with a socket of any Asio protocol and executor, on which nothing is outstanding.
    template <class Protocol, class Executor>
    void operator()(std::error_code error, asio::basic_stream_socket<Protocol, Executor> socket) {
        std::error_code released;
        const int descriptor = socket.is_open() ? socket.release(released) : -1;
        (*this)(error ? error : released, descriptor);
    }

    /// False once nobody waits for the answer: the work for it may stop. Thread-safe against the library.
    bool is_wanted() const noexcept;

private:
    std::shared_ptr<detail::DialAnswer> answer_;
};

/// Connects to `host`:`port`. Called anew for each attempt to reach it, on `executor` (the session's), which it must
/// not block. `host` is a name or an IP literal without brackets. An exception is an answer: it becomes the error.
using Dialer =
    std::function<void(asio::any_io_executor executor, std::string host, std::uint16_t port, DialHandler handler)>;

} // namespace adit::inline v0
