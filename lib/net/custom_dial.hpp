// Waiting for a transport that the program supplies.
#pragma once

#include <adit/dialer.hpp>

#include "base/result.hpp"
#include "net/socket.hpp"

#include <chrono>
#include <string>

namespace adit::inline v0::net {

/// Calls `dialer` and waits for its answer; the socket is tuned. Errors: the dialer's, errc::timed_out,
/// errc::unavailable if it threw or dropped its handler, errc::invalid_option if what it gave is no connected stream
/// socket. `executor` must run one handler at a time.
ADIT_INTERNAL asio::awaitable<Result<Tcp::socket>> custom_dial(asio::any_io_executor executor, Dialer dialer,
                                                               std::string host, std::uint16_t port,
                                                               std::chrono::steady_clock::duration time);

} // namespace adit::inline v0::net
