// Two ends of a loopback connection on one io_context, plain, TLS or muxado, for the tests of lib/net.
#pragma once

#include "net/mux_session.hpp"
#include "net/socket.hpp"
#include "net/tls_stream.hpp"
#include "tls/certificate_authority.hpp"

#include "support/doctest.hpp"

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace adit::test {

using net::Tcp;

std::pair<Tcp::socket, Tcp::socket> socket_pair(asio::io_context& context);

/// A CA and the contexts of both sides; the server is "localhost" and 127.0.0.1.
class TlsWorld {
public:
    TlsWorld();
    std::shared_ptr<const tls::ClientContext> client_trusting(const std::string& ca_pem) const;

    tls::CertificateAuthority authority;
    std::shared_ptr<const tls::ServerContext> server;
    std::shared_ptr<const tls::ClientContext> client;
};

/// What a session reported.
class Recorder final : public net::MuxObserver {
public:
    void on_stream(std::shared_ptr<net::MuxStream> stream, std::uint32_t type) override {
        types.push_back(type);
        if (handler) {
            handler(std::move(stream), type);
        } else {
            streams.push_back(std::move(stream));
        }
    }
    void on_closed(const ErrorInfo& why) override {
        ++closed;
        reason = why;
    }
    void on_heartbeat(std::chrono::steady_clock::duration) override { ++heartbeats; }

    std::function<void(std::shared_ptr<net::MuxStream>, std::uint32_t)> handler;
    std::vector<std::shared_ptr<net::MuxStream>> streams;
    std::vector<std::uint32_t> types;
    int closed = 0;
    int heartbeats = 0;
    ErrorInfo reason;
};

/// A client and a server session joined over TLS on loopback, with kernel buffers of that many bytes if not 0. run_until() drives the context; it fails the test after 20 s.
class MuxPair {
public:
    explicit MuxPair(const net::MuxOptions& client_options = {muxado::Config(muxado::Role::client)},
                     const net::MuxOptions& server_options = {muxado::Config(muxado::Role::server)},
                     int socket_buffer = 0);
    ~MuxPair();

    void run_until(const std::function<bool()>& condition);
    /// Runs a coroutine to its end.
    void run(asio::awaitable<void> coroutine);
    /// Opens a stream on the client and waits for the server to have it.
    std::pair<std::shared_ptr<net::MuxStream>, std::shared_ptr<net::MuxStream>> stream_pair();

    asio::io_context context;
    TlsWorld world;
    std::shared_ptr<Recorder> client_seen = std::make_shared<Recorder>();
    std::shared_ptr<Recorder> server_seen = std::make_shared<Recorder>();
    std::shared_ptr<net::MuxSession> client;
    std::shared_ptr<net::MuxSession> server;
};

/// Drives `context` until the condition holds; fails the test after 20 s.
void run_until(asio::io_context& context, const std::function<bool()>& condition);
/// Runs a coroutine to its end; an exception of it fails the test.
void run(asio::io_context& context, asio::awaitable<void> coroutine);

} // namespace adit::test
