// The port of tcp endpoints: one endpoint, or the members of a pool.
#pragma once

#include <adit/asio.hpp>

#include "base/result.hpp"

#include <cstdint>
#include <memory>

namespace adit::inline v0::edge {

class EdgeContext;
class VisitorSet;

/// Listens on one port and hands each visitor to a stream of the agent that EndpointTable::find_tcp(port()) names at
/// that moment; without one he is closed. Its work runs on `executor`, which runs one handler at a time (a shard).
/// `context` must outlive the last visitor.
class TcpIngress final : public std::enable_shared_from_this<TcpIngress> {
public:
    /// Port 0 takes a free one. Errors: errc::address_in_use, or the system's code, with the address in the message.
    /// Visitors are accepted as soon as the executor runs.
    static Result<std::shared_ptr<TcpIngress>> open(EdgeContext& context, const asio::any_io_executor& executor,
                                                    const asio::ip::address& ip, std::uint16_t port);
    ~TcpIngress();

    std::uint16_t port() const noexcept { return port_; }

    // Both from any thread.
    /// The port is closed; connected visitors go on until either side or the agent's session ends.
    void close() noexcept;
    /// The port and its visitors are closed now.
    void stop() noexcept;

private:
    TcpIngress(EdgeContext& context, asio::ip::tcp::acceptor acceptor, std::uint16_t port);
    static asio::awaitable<void> accept_visitors(std::shared_ptr<TcpIngress> self);

    const asio::any_io_executor executor_;
    asio::ip::tcp::acceptor acceptor_;
    const std::shared_ptr<VisitorSet> visitors_;
    const std::uint16_t port_;
    bool stopped_ = false;
};

} // namespace adit
