// The listening ports of tcp endpoints: one ingress a port, shared by the members of a pool and the legs of an agent.
#pragma once

#include <adit/asio.hpp>

#include "base/result.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

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

    /// Opens `port` (0: one of the settings' range) on `executor`, or counts one more user of an open one; gives the
    /// port. Errors: ngrok_error(307) outside of the range, 334 if something else has it or none is free.
    Result<std::uint16_t> acquire(EdgeContext& context, const asio::any_io_executor& executor, std::uint16_t port);
    /// Closes the port with its last user; visitors that are connected go on.
    void release(std::uint16_t port) noexcept;
    /// No new visitors; ports are closed but still counted.
    void close_all() noexcept;
    /// The visitors of all ports are closed as well.
    void stop_all() noexcept;
    /// Forgets all of them; the shards have ended.
    void clear() noexcept;

private:
    struct Entry {
        std::shared_ptr<TcpIngress> ingress;
        std::size_t users = 0;
    };
    Result<std::uint16_t> open_any(EdgeContext& context, const asio::any_io_executor& executor);
    Result<std::uint16_t> open_one(EdgeContext& context, const asio::any_io_executor& executor, std::uint16_t port);

    std::mutex mutex_;
    std::map<std::uint16_t, Entry> open_;
    std::vector<std::weak_ptr<TcpIngress>> closed_; // whose visitors may go on
};

} // namespace adit
