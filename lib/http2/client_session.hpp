// HTTP/2 towards an agent whose endpoint asks for it, without I/O: prior knowledge, one session over one stream of
// the agent, one or many requests. How it is driven: session.hpp. All errors of the agent reset its stream; a flood
// ends the session.
#pragma once

#include "http2/session.hpp"

namespace adit::inline v0::http2 {

class ClientHandler : public Handler {
public:
    /// A response; interim ones (1xx) come before the final one. Version http2, lower-case names, framing as of a
    /// request; of an answer to HEAD, a 204 or 304 it is none. `end`: nothing follows, on_end() is not called. `head`
    /// may be moved from.
    virtual void on_response(StreamId id, Head& head, bool end) = 0;
    /// More requests are allowed than a call of request() found before.
    virtual void on_ready() = 0;
    /// The agent will take no more requests; those above `last` were not worked on (they get on_reset(refused_stream)).
    virtual void on_goaway(StreamId last, ErrorCode code) = 0;

protected:
    ~ClientHandler() = default;
};

class ClientSession final : public Session {
public:
    /// The preface and SETTINGS are the first output. Config::max_streams bounds what we open, beside what the agent
    /// allows.
    ClientSession(ClientHandler& handler, Time now, const Config& config = {});

    /// Opens a stream: the pseudo-fields are method, `scheme`, target and Host of `head`; connection-specific fields
    /// are left out (TE: trailers stays), names made lower-case. `protocol`: extended CONNECT (RFC 8441), also for a
    /// GET with Upgrade, if allows_connect_protocol(); the response that opens it has upgrade() and a status of 2xx.
    /// `end`: there is no body; else write() and finish(). 0 if that cannot be now: the head is malformed, the
    /// agent's limit is reached (see can_request()), or no more are taken.
    StreamId request(const Head& head, std::string_view scheme, bool end, std::string_view protocol = {});
    bool can_request() const noexcept;
    /// The agent's SETTINGS allow extended CONNECT. False until they came.
    bool allows_connect_protocol() const noexcept;
    /// The agent's SETTINGS came.
    bool ready() const noexcept;
};

} // namespace adit
