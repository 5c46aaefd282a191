// Finding a host and connecting to it.
#pragma once

#include "base/result.hpp"
#include "net/socket.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace adit::inline v0::net {

/// Resolves and connects within `time`; the socket is tuned. `host` is a name or an IP literal; localhost needs no
/// resolver. Errors: the system's,
/// errc::timed_out; the message names the step (name lookup, TCP) and the target. `executor` must run one handler at a
/// time.
ADIT_INTERNAL asio::awaitable<Result<Tcp::socket>> dial(asio::any_io_executor executor, std::string host,
                                                        std::string port, std::chrono::steady_clock::duration time);

/// The same for a local (AF_UNIX) stream socket. The socket is one for all of lib/net: what it is asked of TCP alone fails
/// without consequence.
ADIT_INTERNAL asio::awaitable<Result<Tcp::socket>> dial_local(asio::any_io_executor executor, std::string path,
                                                              std::chrono::steady_clock::duration time);

/// Connects to whichever address answers first. They are tried in their order, each with a head start of
/// limits::connect_head_start, so that one that swallows packets costs little (RFC 8305 5). Errors: the last one's,
/// errc::timed_out.
ADIT_INTERNAL asio::awaitable<Result<Tcp::socket>> connect_any(asio::any_io_executor executor,
                                                               std::vector<Tcp::endpoint> addresses,
                                                               std::chrono::steady_clock::duration time);

} // namespace adit
