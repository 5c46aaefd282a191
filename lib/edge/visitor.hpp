// One visitor connection from its acceptance on: finds out what it is and hands it to a proxy.
#pragma once

#include <adit/asio.hpp>

#include "edge/http_visitor.hpp"
#include "edge/visitor_set.hpp"
#include "net/socket.hpp"
#include "net/stream.hpp"
#include "net/tls_stream.hpp"

#include <cstdint>
#include <memory>

namespace adit::inline v0::edge {

class Visitor final : public VisitorHandle, public std::enable_shared_from_this<Visitor> {
public:
    Visitor(std::shared_ptr<VisitorSet> set, net::Tcp::socket socket, const net::Tcp::endpoint& remote);
    ~Visitor() override;

    // One of these is run, on the set's executor.
    static asio::awaitable<void> serve_http(std::shared_ptr<Visitor> self);
    static asio::awaitable<void> serve_https(std::shared_ptr<Visitor> self);
    static asio::awaitable<void> serve_tcp(std::shared_ptr<Visitor> self, std::uint16_t port);
    /// One of these behind the PROXY protocol header of a balancer, whose word counts from then on. Without a valid one the
    /// connection is closed.
    static asio::awaitable<void> serve_proxied(std::shared_ptr<Visitor> self, asio::awaitable<void> serve);

    void drain() override;
    void abort() noexcept override;

private:
    asio::awaitable<bool> read_hello(ByteQueue& seen);
    asio::awaitable<bool> end_tls(std::shared_ptr<const tls::ServerContext> context, ByteQueue seen);
    asio::awaitable<void> proxy_http(net::Tcp::socket& socket);
    asio::awaitable<void> say_this_is_tls();

    const std::shared_ptr<net::TcpStream> tcp_;
    std::shared_ptr<net::Stream> stream_; // tcp_, later the TLS stream that took over its socket
    std::shared_ptr<HttpVisitor> http_;
    VisitorFacts facts_;
    Timeout limit_; // of what comes before HTTP
};

} // namespace adit
