// A visitor's TLS handshake in front of accept().
#pragma once

#include "client/connection_impl.hpp"

#include <adit/tls_server.hpp>

#include <memory>
#include <string>

namespace adit::inline v0::detail {

class ListenerImpl;

/// Runs on a strand of its own, so that handshakes take the session's threads, but hold up nobody. One that fails is an
/// event, and its visitor gets the alert.
class TlsAccept : public std::enable_shared_from_this<TlsAccept> {
public:
    TlsAccept(std::shared_ptr<ListenerImpl> listener, std::shared_ptr<net::MuxStream> stream, const ProxyHeader& header,
              TlsServer server, bool proxy_protocol);
    TlsAccept(const TlsAccept&) = delete;
    TlsAccept& operator=(const TlsAccept&) = delete;
    ~TlsAccept();

    void start();
    /// Nobody will take it. From any thread.
    void refuse() noexcept;

private:
    static asio::awaitable<void> run(std::shared_ptr<TlsAccept> self);
    asio::awaitable<Result<std::shared_ptr<net::TlsMuxStream>>> shake();
    asio::awaitable<Result<ByteQueue>> read_proxy_header();
    asio::awaitable<void> say_goodbye();

    const std::shared_ptr<ListenerImpl> listener_;
    const std::shared_ptr<net::MuxStream> stream_;
    const ProxyHeader header_;
    const TlsServer server_;
    const bool proxy_protocol_;
    const asio::any_io_executor executor_;
    std::shared_ptr<ConnectionLife> life_;
    bool counted_ = false;
};

} // namespace adit
