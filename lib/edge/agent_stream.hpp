// A stream for one visitor, on any of the sessions that serve his endpoint.
#pragma once

#include <adit/asio.hpp>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "edge/endpoint.hpp"
#include "net/stream.hpp"

#include <cstdint>
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

/// Who may take the place of a session that is gone.
enum class Substitute : std::uint8_t {
    any,  ///< another leg of its agent, or a member of its pool with the same policy: nothing of the visitor was sent yet
    legs, ///< another leg of its agent: it may have seen the request
};

/// As AgentSession::open_connection, on the session of `endpoint`; if that is gone, on a substitute.
asio::awaitable<Result<AgentStream>> open_agent_stream(EdgeContext& context, EndpointPtr endpoint,
                                                       asio::ip::tcp::endpoint visitor, asio::ip::tcp::endpoint local,
                                                       Bytes first, Substitute substitute = Substitute::any);

} // namespace adit
