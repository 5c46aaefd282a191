// TCP sockets as adit uses them: non-blocking calls first, waiting only when the kernel says so.
#pragma once

#include <adit/asio.hpp>
#include <adit/config.hpp>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "net/stream.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace adit::inline v0::net {

using Tcp = asio::ip::tcp;

/// TCP_NODELAY, TCP_NOTSENT_LOWAT, SO_KEEPALIVE, non-blocking, close-on-exec. Failures are ignored: all are hints.
ADIT_INTERNAL void tune(Tcp::socket& socket) noexcept;
/// Switches delayed acknowledgements off until the kernel switches them on again: re-arm after each receive.
/// Official agents leave Nagle on, which would wait for our delayed ACK (44 ms to 0.8 ms measured).
ADIT_INTERNAL void quick_ack(Tcp::socket& socket) noexcept;
/// The kernel's smoothed round-trip time; zero if unknown.
ADIT_INTERNAL std::chrono::microseconds round_trip_time(Tcp::socket& socket) noexcept;

/// recv(2) and send(2) that never wait: size, asio::error::would_block, eof, or the system's error.
ADIT_INTERNAL IoResult receive_now(Tcp::socket& socket, MutableBytes buffer) noexcept;
ADIT_INTERNAL IoResult send_now(Tcp::socket& socket, Bytes first, Bytes second = {}) noexcept;

/// Ends a connection without cutting what is under way to the peer: FIN, then discards its bytes for a bounded time.
/// Closing at once would make the kernel send RST, and the peer lose our last answer.
ADIT_INTERNAL void linger(Tcp::socket socket) noexcept;

/// A plain TCP connection. Bytes that were already read from the socket may be given back with `prefix`.
class ADIT_INTERNAL TcpStream final : public Stream {
public:
    explicit TcpStream(Tcp::socket socket, ByteQueue prefix = {});
    ~TcpStream() override;

    asio::any_io_executor executor() override;
    asio::awaitable<IoResult> wait_readable() override;
    asio::awaitable<IoResult> read_some(MutableBytes buffer) override;
    asio::awaitable<IoResult> write(Bytes first, Bytes second = {}) override;
    asio::awaitable<IoResult> shutdown_write() override;
    void abort() noexcept override;
    void close() noexcept override;

    Tcp::socket& socket() noexcept { return socket_; }
    /// Takes the socket and what was read ahead out of the stream.
    Tcp::socket release(ByteQueue& prefix);

private:
    Tcp::socket socket_;
    ByteQueue prefix_;
};

} // namespace adit
