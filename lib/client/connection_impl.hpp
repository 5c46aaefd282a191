// The state behind Connection: a muxado stream, TLS in it if that ends here, and what the edge said about its visitor.
#pragma once

#include <adit/connection.hpp>

#include "client/event_data.hpp"
#include "net/mux_session.hpp"
#include "net/tls_mux_stream.hpp"
#include "proto/proxy_header.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

namespace adit::inline v0::detail {

class SessionImpl;

/// From the head of a connection to its end, also that of its released socket: what the session counts and tells.
class ConnectionLife {
public:
    ConnectionLife(std::shared_ptr<SessionImpl> session, std::shared_ptr<net::MuxStream> stream, std::string listener_id,
                   std::string url, std::string remote_address);
    ConnectionLife(const ConnectionLife&) = delete;
    ConnectionLife& operator=(const ConnectionLife&) = delete;
    ~ConnectionLife();

    /// The program never saw it. Before it is shared with anybody.
    void fail(const ErrorInfo& why) { failure_ = why; }

private:
    std::shared_ptr<Event::Data> event(Event::Kind kind) const;

    const std::shared_ptr<SessionImpl> session_;
    const std::shared_ptr<net::MuxStream> stream_;
    const std::string listener_id_, url_, remote_address_;
    const std::uint64_t head_size_; // that the stream had before the visitor's first byte
    const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    ErrorInfo failure_;
};

/// What was agreed on in TLS that ended here.
class TlsFacts {
public:
    TlsFacts() = default;
    explicit TlsFacts(const tls::Engine& engine);

    std::string server_name, alpn, version, cipher;
    PeerCertificate certificate;
};

class ConnectionImpl {
public:
    using Handler = AnyHandler<void(std::error_code, std::size_t)>;

    ConnectionImpl(std::shared_ptr<SessionImpl> session, std::shared_ptr<net::MuxStream> stream,
                   const ProxyHeader& header, std::string url, bool passthrough_tls);
    /// TLS ended here: `tls` is inside of `stream`.
    ConnectionImpl(std::shared_ptr<SessionImpl> session, std::shared_ptr<net::MuxStream> stream,
                   std::shared_ptr<net::TlsMuxStream> tls, const ProxyHeader& header,
                   std::shared_ptr<ConnectionLife> life);
    ConnectionImpl(const ConnectionImpl&) = delete;
    ConnectionImpl& operator=(const ConnectionImpl&) = delete;
    ~ConnectionImpl() { close(); }

    const asio::any_io_executor& executor() const noexcept;
    bool is_open() const noexcept { return !closed_.load(); }
    bool has_link() const { return mux_->session()->is_open(); }
    const std::string& remote_address() const noexcept { return remote_address_; }
    const std::string& protocol() const noexcept { return protocol_; }
    bool passthrough_tls() const noexcept { return passthrough_tls_; }
    const TlsFacts& tls() const noexcept { return tls_; }

    /// For who reads and writes it as a net::Stream instead of by the functions below.
    const std::shared_ptr<net::SharedStream>& stream() const noexcept { return stream_; }

    void start_read(asio::mutable_buffer buffer, Handler handler);
    void start_write(const ConstBuffers& buffers, Handler handler);
    std::size_t read(asio::mutable_buffer buffer, std::error_code& ec);
    std::size_t write(const ConstBuffers& buffers, std::error_code& ec);
    void read_timeout(std::chrono::milliseconds time) noexcept { read_timeout_.store(time); }
    void write_timeout(std::chrono::milliseconds time) noexcept { write_timeout_.store(time); }

    void shutdown_send() noexcept { stream_->finish_write(); }
    /// Reads give the end of the stream from now on; what the peer still sends is read and dropped, so that it neither
    /// waits for us nor fills our memory.
    void shutdown_receive();
    void close() noexcept;
    void reset() noexcept { reset(muxado::ErrorCode::stream_cancelled); }
    /// Nobody will take it.
    void refuse() noexcept { reset(muxado::ErrorCode::accept_queue_full); }
    int release_socket(std::error_code& ec);

private:
    void reset(muxado::ErrorCode code) noexcept;

    const std::shared_ptr<SessionImpl> session_;
    const std::shared_ptr<net::MuxStream> mux_;       // what the edge opened
    const std::shared_ptr<net::SharedStream> stream_; // what the program reads and writes
    const std::string remote_address_;
    const std::string protocol_;
    const bool passthrough_tls_;
    const TlsFacts tls_;
    std::shared_ptr<ConnectionLife> life_; // taken by who sets closed_
    std::atomic<std::chrono::milliseconds> read_timeout_{std::chrono::milliseconds(0)};
    std::atomic<std::chrono::milliseconds> write_timeout_{std::chrono::milliseconds(0)};
    std::atomic<bool> receive_shut_ = false;
    std::atomic<bool> closed_ = false;
};

} // namespace adit
