// TLS over TCP, driven over flat buffers: many records a system call in each direction.
#pragma once

#include "base/bytes.hpp"
#include "net/socket.hpp"
#include "net/stream.hpp"
#include "tls/engine.hpp"

#include <memory>

namespace adit::inline v0::net {

class ADIT_INTERNAL TlsStream final : public Stream {
public:
    /// `prefix`: ciphertext that was already read from the socket (a peeked ClientHello).
    TlsStream(Tcp::socket socket, tls::Engine engine, ByteQueue prefix = {});
    ~TlsStream() override;

    /// Must succeed before anything else. The caller bounds its time (Deadline with abort()).
    asio::awaitable<Result<void>> handshake();

    asio::any_io_executor executor() override;
    asio::awaitable<IoResult> wait_readable() override;
    asio::awaitable<IoResult> read_some(MutableBytes buffer) override;
    asio::awaitable<IoResult> write(Bytes first, Bytes second = {}) override;
    asio::awaitable<IoResult> shutdown_write() override;
    void abort() noexcept override;
    void close() noexcept override;

    /// False once the peer ended the connection or sent data; takes in what else it sends (session tickets). Never waits.
    /// With nothing outstanding.
    bool is_quiet();
    /// From now on the end of the transport without close_notify reads as the end of the data.
    void accept_truncation() noexcept { truncation_ends_ = true; }

    const tls::Engine& engine() const noexcept { return engine_; }
    Tcp::socket& socket() noexcept { return socket_; }
    /// Takes both out, for a MuxSession. Only after the handshake, with nothing outstanding.
    std::pair<Tcp::socket, tls::Engine> release();

private:
    asio::awaitable<IoResult> flush();
    IoResult fill();

    Tcp::socket socket_;
    tls::Engine engine_;
    std::size_t input_hint_ = 4096; // a ClientHello; grows with what arrives
    bool writing_ = false;
    bool truncation_ends_ = false;
};

} // namespace adit
