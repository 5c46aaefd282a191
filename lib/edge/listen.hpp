// Listening sockets, one for each shard.
#pragma once

#include <adit/asio.hpp>

#include "base/result.hpp"

#include <optional>
#include <vector>

namespace adit::inline v0::edge {

/// One acceptor on each executor for the same address: by SO_REUSEPORT if there are several, so that the kernel spreads
/// the connections. Port 0 takes a free one, the same for all. "[::]" takes IPv4 as well. Errors: the system's, with the
/// address in the message.
Result<std::vector<asio::ip::tcp::acceptor>> listen_on(const std::vector<asio::any_io_executor>& executors,
                                                       const asio::ip::tcp::endpoint& address);

/// The same for a socket that somebody else made and that listens already; it belongs to the edge from here on.
Result<std::vector<asio::ip::tcp::acceptor>> listen_with(const std::vector<asio::any_io_executor>& executors, int fd);

} // namespace adit
