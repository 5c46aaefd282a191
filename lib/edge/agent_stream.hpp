// A stream for one visitor, on any of the sessions that serve his endpoint.
#pragma once

#include <adit/asio.hpp>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "edge/endpoint.hpp"
#include "net/stream.hpp"

#include <memory>
#include <utility>

namespace adit::inline v0::edge {

class AgentSession;
class EdgeContext;

class AgentStream {
public:
    AgentStream(std::shared_ptr<net::Stream> s, std::shared_ptr<AgentSession> a, EndpointPtr e)
        : stream(std::move(s)), session(std::move(a)), endpoint(std::move(e)) {}
    std::shared_ptr<net::Stream> stream;
    std::shared_ptr<AgentSession> session;
    EndpointPtr endpoint; ///< as that session bound it
};

/// As AgentSession::open_connection, on the session of `endpoint`; if that is gone, on another leg of its agent or another
/// member of its pool, for nothing of the visitor was sent yet.
asio::awaitable<Result<AgentStream>> open_agent_stream(EdgeContext& context, EndpointPtr endpoint,
                                                       asio::ip::tcp::endpoint visitor, asio::ip::tcp::endpoint local,
                                                       Bytes first);

} // namespace adit
