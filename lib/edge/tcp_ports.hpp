// The listening ports of tcp endpoints: one ingress a port, shared by the members of a pool and the legs of an agent.
#pragma once

#include <adit/asio.hpp>

#include "base/result.hpp"
#include "edge/endpoint.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace adit::inline v0::edge {

class EdgeContext;
class TcpIngress;

/// Thread-safe.
class TcpPorts {
public:
    TcpPorts();
    ~TcpPorts();
    TcpPorts(const TcpPorts&) = delete;
    TcpPorts& operator=(const TcpPorts&) = delete;

    /// Opens `port` (0: one of the settings' range) on `executor`, for visitors of `record`, or counts one more user of an
    /// open one; gives the port. The ingress asks the table (find_tcp) for each visitor, so that pools and legs share it.
    /// Errors: ngrok_error(334) if something else has it, 307 outside of the range, errc::limit_exceeded if none is free.
    Result<std::uint16_t> acquire(EdgeContext& context, const asio::any_io_executor& executor, const EndpointPtr& record,
                                  std::uint16_t port);
    /// Closes the port with its last user; visitors that are connected go on.
    void release(std::uint16_t port) noexcept;
    void close_all() noexcept;

private:
    struct Entry {
        std::shared_ptr<TcpIngress> ingress;
        std::size_t users = 0;
    };
    Result<std::uint16_t> open_any(EdgeContext& context, const asio::any_io_executor& executor,
                                   const EndpointPtr& record);
    Result<std::uint16_t> open_one(EdgeContext& context, const asio::any_io_executor& executor, const EndpointPtr& record,
                                   std::uint16_t port);

    std::mutex mutex_;
    std::map<std::uint16_t, Entry> open_;
};

} // namespace adit
