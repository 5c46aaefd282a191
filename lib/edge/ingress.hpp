// Accepts the visitors of http, https and tls endpoints on one shard.
#pragma once

#include <adit/asio.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace adit::inline v0::edge {

class EdgeContext;
class Gateway;
class VisitorSet;

enum class IngressKind : std::uint8_t {
    https, ///< TLS: https endpoints and tls endpoints, told apart by SNI
    http,  ///< plain HTTP
};

/// One acceptor and its visitors; all of it runs on `executor`, which runs one handler at a time (a shard). `context`
/// must outlive the last visitor: after stop() run the executor until active() is 0.
class Ingress final : public std::enable_shared_from_this<Ingress> {
public:
    /// The acceptor listens already; it must belong to `executor`.
    static std::shared_ptr<Ingress> create(EdgeContext& context, const asio::any_io_executor& executor,
                                           asio::ip::tcp::acceptor acceptor, IngressKind kind);
    ~Ingress();

    /// Before start(): agents that ask for Settings::agent_server_name are given to it. It must be of the same executor.
    void serve_agents(std::shared_ptr<Gateway> gateway);

    // All of these may be called from any thread.
    void start();
    /// Drain: the port is closed behind who connected already, running requests and raw connections finish, idle keep-alive
    /// visitors are closed.
    void stop_accepting();
    /// The port and all visitors are closed now.
    void stop();
    /// Visitors that are connected.
    std::size_t active() const noexcept;
    std::uint16_t port() const noexcept { return port_; }

private:
    Ingress(EdgeContext& context, const asio::any_io_executor& executor, asio::ip::tcp::acceptor acceptor,
            IngressKind kind);
    static asio::awaitable<void> accept_visitors(std::shared_ptr<Ingress> self);
    void serve(asio::ip::tcp::socket socket, const asio::ip::tcp::endpoint& remote);
    void accept_waiting();

    const asio::any_io_executor executor_;
    asio::ip::tcp::acceptor acceptor_;
    const std::shared_ptr<VisitorSet> visitors_;
    const std::uint16_t port_;
    const IngressKind kind_;
    bool stopped_ = false;
};

} // namespace adit
