// The port of one tcp endpoint.
#pragma once

#include <adit/asio.hpp>

#include "base/ip_address.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <memory>

namespace adit::inline v0::edge {

class EdgeContext;
class EndpointRecord;

/// Listens for the visitors of one tcp endpoint and hands each to a stream of its agent. Its work runs on `executor`,
/// which runs one handler at a time: the shard of the agent's session. `context` must outlive the last visitor.
class TcpIngress final : public std::enable_shared_from_this<TcpIngress> {
public:
    /// Port 0 takes a free one. Errors: errc::address_in_use, or the system's code with the address in the message.
    /// Visitors are accepted as soon as the executor runs.
    static Result<std::shared_ptr<TcpIngress>> open(EdgeContext& context, const asio::any_io_executor& executor,
                                                    std::shared_ptr<const EndpointRecord> record, const IpAddress& ip,
                                                    std::uint16_t port);
    ~TcpIngress();

    std::uint16_t port() const noexcept { return port_; }
    /// The port is closed; open connections go on until either side or the agent's session ends. From any thread.
    void close() noexcept;

    /// For open() only.
    TcpIngress(EdgeContext& context, const asio::any_io_executor& executor,
               std::shared_ptr<const EndpointRecord> record, asio::ip::tcp::acceptor acceptor);

private:
    asio::awaitable<void> accept_loop();

    EdgeContext& context_;
    const asio::any_io_executor executor_;
    const std::shared_ptr<const EndpointRecord> record_;
    asio::ip::tcp::acceptor acceptor_;
    asio::steady_timer backoff_;
    const std::uint16_t port_;
};

} // namespace adit
