// Accepts agents on one shard: TLS, then an AgentSession.
#pragma once

#include <adit/asio.hpp>

#include "edge/session_table.hpp"
#include "net/socket.hpp"
#include "net/tls_stream.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace adit::inline v0::edge {

class AgentSession;
class EdgeContext;

/// All of it runs on `executor` (a shard). `context` must outlive it and its sessions: after stop() run the executor
/// until it has nothing to do.
class Gateway final : public std::enable_shared_from_this<Gateway> {
public:
    /// The acceptor listens already and belongs to `executor`.
    Gateway(EdgeContext& context, asio::any_io_executor executor, asio::ip::tcp::acceptor acceptor);

    /// On the executor: a connection that came to another port, and what was read of it. It counts and is limited like those
    /// that were accepted here.
    void adopt(net::Tcp::socket socket, const net::Tcp::endpoint& remote, ByteQueue seen);

    // Any thread.
    void start();
    /// The port is closed; agents stay.
    void stop_accepting();
    /// Agents that are authenticated are told goodbye: they reconnect, and reach another edge if there is one.
    void close_sessions();
    /// The same with those that serve no visitor at the moment.
    void close_idle_sessions();
    /// The port and all agents are closed now.
    void stop();
    std::uint16_t port() const noexcept { return port_; }

private:
    asio::awaitable<void> accept_loop();
    asio::awaitable<void> admit_proxied(net::Tcp::socket socket, net::Tcp::endpoint balancer, std::shared_ptr<PreauthSlot> slot);
    asio::awaitable<void> admit(net::Tcp::socket socket, net::Tcp::endpoint remote, std::shared_ptr<PreauthSlot> slot,
                                ByteQueue seen);
    std::vector<std::shared_ptr<AgentSession>> sessions();
    void close_acceptor();

    EdgeContext& context_;
    const asio::any_io_executor executor_;
    asio::ip::tcp::acceptor acceptor_;
    asio::steady_timer backoff_;
    std::uint16_t port_ = 0;
    bool stopped_ = false;
    // With those that are gone; swept as they double.
    std::vector<std::weak_ptr<AgentSession>> sessions_;
    std::vector<std::weak_ptr<net::TlsStream>> handshakes_;
    std::vector<std::weak_ptr<net::TcpStream>> proxied_; // whose header is read
};

} // namespace adit
