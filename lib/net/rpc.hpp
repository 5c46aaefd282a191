// One RPC of the agent protocol on one muxado stream (agent-protocol 3.1).
#pragma once

#include <adit/limits.hpp>

#include "base/result.hpp"
#include "net/mux_session.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace adit::inline v0::net {

/// Opens a stream of `type` with `request`, waits for one JSON object or the end of the stream, and ends the stream.
/// No FIN before the answer: an edge written for the official SDKs never sees one.
ADIT_INTERNAL asio::awaitable<Result<std::string>> call(std::shared_ptr<MuxSession> session, std::uint32_t type,
                                                        std::string request,
                                                        std::chrono::steady_clock::duration timeout);

/// The called side: reads one JSON object of at most `size_max` bytes without waiting for a FIN.
ADIT_INTERNAL asio::awaitable<Result<std::string>> read_request(std::shared_ptr<MuxStream> stream,
                                                                std::chrono::steady_clock::duration timeout,
                                                                std::size_t size_max = limits::rpc_message_max);
/// Answers and ends the stream with a FIN, which official clients wait for.
ADIT_INTERNAL asio::awaitable<IoResult> reply(std::shared_ptr<MuxStream> stream, std::string response);

} // namespace adit
