// One inbound connection: a byte stream with the surface of a socket.
#pragma once

#include <adit/config.hpp>
#include <adit/detail/initiate.hpp>
#include <adit/error.hpp>
#include <adit/peer_certificate.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace adit::inline v0 {

namespace detail {

class ConnectionImpl;
class ForwarderImpl;

/// Up to eight buffers of a sequence, the most that one operation takes.
class ConstBuffers {
public:
    ConstBuffers() = default;
    template <class Sequence>
    explicit ConstBuffers(const Sequence& sequence) {
        for (auto it = asio::buffer_sequence_begin(sequence); it != asio::buffer_sequence_end(sequence); ++it) {
            const asio::const_buffer buffer(*it);
            if (buffer.size() == 0) continue;
            if (count_ == buffers_.size()) break;
            buffers_[count_++] = buffer;
        }
    }
    const asio::const_buffer* begin() const noexcept { return buffers_.data(); }
    const asio::const_buffer* end() const noexcept { return buffers_.data() + count_; }

private:
    std::array<asio::const_buffer, 8> buffers_;
    std::size_t count_ = 0;
};

template <class Sequence>
asio::mutable_buffer first_buffer(const Sequence& sequence) {
    for (auto it = asio::buffer_sequence_begin(sequence); it != asio::buffer_sequence_end(sequence); ++it) {
        const asio::mutable_buffer buffer(*it);
        if (buffer.size() != 0) return buffer;
    }
    return {};
}

} // namespace detail

/// A connection that a Listener accepted. Models Asio's AsyncReadStream, AsyncWriteStream, SyncReadStream and
/// SyncWriteStream, so asio::read_until, asio::write, Beast and the like work on it.
///
/// Ends: a read that reaches the peer's end of stream gives asio::error::eof; a connection the peer gave up gives
/// errc::connection_reset; after the session's link broke every operation gives errc::session_lost. Where TLS ends in this
/// program (Endpoint::agent_tls_termination) the end of stream is the visitor's close_notify; without one a read gives
/// errc::stream_truncated, and errc::tls_error if a record cannot be opened.
///
/// Thread safety: one read and one write may be outstanding at a time, and they may be started from different threads;
/// two reads (or two writes) at once are refused with errc::invalid_option. Meanwhile any thread may call close(), reset(),
/// shutdown(), the timeouts and what only asks; release_socket(), moving and destroying are not thread-safe.
/// Destroying an open connection ends it: what was written is still sent, the peer sees the end of the stream.
///
/// Cancellation: async_read_some and async_write_some support terminal, partial and total cancellation; a cancelled
/// operation took and gave no bytes and completes with asio::error::operation_aborted.
///
/// Executor: handlers run on their associated executor, by default the session's; never inside the initiating call.
class ADIT_API Connection {
public:
    using executor_type = asio::any_io_executor;

    /// A closed connection.
    Connection() noexcept;
    Connection(Connection&& other) noexcept;
    Connection& operator=(Connection&& other) noexcept;
    ~Connection();

    executor_type get_executor() const;
    /// Until close(), reset() or release_socket(): what the peer did is seen by reads and writes only.
    bool is_open() const noexcept;

    /// The visitor's address as the edge reports it, "203.0.113.9:51234"; empty for a closed connection.
    std::string remote_address() const;
    /// The same as an endpoint; unspecified and port 0 if the edge sent something that is none.
    asio::ip::tcp::endpoint remote_endpoint() const;
    /// "https", "http", "tls" or "tcp": the protocol of the endpoint the visitor used.
    std::string protocol() const;
    /// True if TLS was not ended at the edge: the bytes are the visitor's TLS records.
    bool passthrough_tls() const noexcept;

    // Of TLS that ended in this program (Endpoint::agent_tls_termination); empty otherwise.
    std::string server_name() const;   ///< the name the visitor asked for, lower case; empty if it sent none
    std::string alpn_protocol() const; ///< empty: none was agreed on
    std::string tls_version() const;   ///< "TLSv1.2", "TLSv1.3"
    std::string tls_cipher() const;    ///< RFC name: "TLS_AES_128_GCM_SHA256"
    PeerCertificate peer_certificate() const;

    /// Reads at least one byte. Blocking; not on the session's own thread (errc::would_deadlock).
    template <class MutableBufferSequence>
    std::size_t read_some(const MutableBufferSequence& buffers, std::error_code& ec) {
        return read_blocking(detail::first_buffer(buffers), ec);
    }
    template <class MutableBufferSequence>
    std::size_t read_some(const MutableBufferSequence& buffers) {
        std::error_code ec;
        const std::size_t n = read_some(buffers, ec);
        if (ec) throw_error(ec);
        return n;
    }
    /// Writes at least one byte, or waits until the peer takes some. Blocking, as read_some.
    template <class ConstBufferSequence>
    std::size_t write_some(const ConstBufferSequence& buffers, std::error_code& ec) {
        return write_blocking(detail::ConstBuffers(buffers), ec);
    }
    template <class ConstBufferSequence>
    std::size_t write_some(const ConstBufferSequence& buffers) {
        std::error_code ec;
        const std::size_t n = write_some(buffers, ec);
        if (ec) throw_error(ec);
        return n;
    }
    /// The longest that one blocking read or write may take; then it fails with errc::timed_out and nothing was read
    /// or written. Zero (the default) and less wait for ever. Has no effect on the asynchronous forms.
    void read_timeout(std::chrono::milliseconds time);
    void write_timeout(std::chrono::milliseconds time);

    /// Signature void(std::error_code, std::size_t): reads at least one byte into the first non-empty buffer.
    template <class MutableBufferSequence, class Token = DefaultToken>
    auto async_read_some(const MutableBufferSequence& buffers, Token&& token = {}) {
        const asio::mutable_buffer buffer = detail::first_buffer(buffers);
        return detail::initiate<void(std::error_code, std::size_t)>(
            get_executor(), [impl = impl_, buffer](Handler handler) { start_read(impl, buffer, std::move(handler)); },
            std::forward<Token>(token));
    }
    /// Signature void(std::error_code, std::size_t): takes as many bytes as the peer's window allows, at least one.
    template <class ConstBufferSequence, class Token = DefaultToken>
    auto async_write_some(const ConstBufferSequence& buffers, Token&& token = {}) {
        const detail::ConstBuffers list(buffers);
        return detail::initiate<void(std::error_code, std::size_t)>(
            get_executor(), [impl = impl_, list](Handler handler) { start_write(impl, list, std::move(handler)); },
            std::forward<Token>(token));
    }

    /// Ends a direction: shutdown_send lets the peer read what was written and then its end of stream, and later writes
    /// give asio::error::broken_pipe; shutdown_receive gives up what the peer still sends: it is dropped, reads give
    /// asio::error::eof. Never blocks.
    void shutdown(asio::ip::tcp::socket::shutdown_type what, std::error_code& ec);
    void shutdown(asio::ip::tcp::socket::shutdown_type what);
    /// Ends both directions; outstanding operations complete with errc::connection_closed. Never blocks.
    void close() noexcept;
    /// As close(), but the peer sees an abort instead of an orderly end.
    void reset() noexcept;

    /// Turns the connection into a connected descriptor for code that knows only read(2) and write(2): one half of a
    /// local socket pair whose other half is pumped by the library's background thread. The caller owns it and closes
    /// it; the connection itself is closed for further use. shutdown(2) on it works per direction. Close-on-exec is
    /// set, it is in blocking mode. It ends with the session. Local sockets know no reset: a connection that the visitor
    /// gave up, or whose TLS was truncated, reads as ended. Errors: the system's, when no descriptor is left; the connection is then as before.
    int release_socket(std::error_code& ec);
    int release_socket();

    explicit Connection(std::shared_ptr<detail::ConnectionImpl> impl) noexcept; ///< for the library itself

private:
    friend class detail::ForwarderImpl;
    using Handler = detail::AnyHandler<void(std::error_code, std::size_t)>;
    using Impl = std::shared_ptr<detail::ConnectionImpl>;

    static void start_read(const Impl& impl, asio::mutable_buffer buffer, Handler handler);
    static void start_write(const Impl& impl, const detail::ConstBuffers& buffers, Handler handler);
    std::size_t read_blocking(asio::mutable_buffer buffer, std::error_code& ec);
    std::size_t write_blocking(const detail::ConstBuffers& buffers, std::error_code& ec);
    [[noreturn]] static void throw_error(const std::error_code& ec);

    Impl impl_;
};

} // namespace adit
