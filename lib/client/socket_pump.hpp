// Connection::release_socket(): a local socket pair between the program and a connection's stream.
#pragma once

#include <adit/asio.hpp>

#include "base/result.hpp"
#include "client/background.hpp"
#include "net/shared_stream.hpp"

#include <asio/local/stream_protocol.hpp>

#include <memory>

namespace adit::inline v0 {

/// Moves bytes on the background thread, each direction by itself: an end of stream on one side becomes an end of stream
/// on the other. Holds a buffer (limits::socket_pump_buffer) only while bytes move; the rest waits in the kernel and,
/// by the stream's window, at the peer.
class SocketPump : public std::enable_shared_from_this<SocketPump> {
public:
    /// Errors: the system's, when there is no descriptor, memory or thread left.
    /// `life` goes when the pump does.
    static Result<std::shared_ptr<SocketPump>> create(std::shared_ptr<net::SharedStream> stream, std::shared_ptr<void> life);
    SocketPump(const SocketPump&) = delete;
    SocketPump& operator=(const SocketPump&) = delete;
    ~SocketPump();

    /// Starts moving; returns the program's descriptor, which it owns from then on.
    int start();

private:
    using Socket = asio::local::stream_protocol::socket;

    SocketPump(std::shared_ptr<net::SharedStream> stream, std::shared_ptr<void> life, Background::Lease lease, int ours,
               int theirs);

    static asio::awaitable<void> to_program(std::shared_ptr<SocketPump> pump);
    static asio::awaitable<void> to_peer(std::shared_ptr<SocketPump> pump);
    asio::awaitable<std::error_code> write_local(Bytes bytes);
    asio::awaitable<std::error_code> wait_local(Socket::wait_type what);
    asio::awaitable<void> discard_from_peer();
    void end() noexcept;

    const std::shared_ptr<net::SharedStream> stream_;
    const std::shared_ptr<void> life_;
    Background::Lease lease_;
    Socket socket_;
    int theirs_; // until start()
    bool all_received_ = false; // the peer's end of stream was passed on
    bool all_sent_ = false;     // the program's was
};

} // namespace adit
