// HTTP/2 towards visitors, without I/O. What RFC 9113 calls malformed is answered with a reset of its stream and
// never told to the handler (threat T2); floods end the session (T6, T7). How it is driven: session.hpp.
#pragma once

#include "http2/session.hpp"

namespace adit::inline v0::http2 {

/// What a request says beside its Head. Views: valid during on_request().
struct RequestInfo {
    std::string_view scheme;   ///< "https" or "http"; empty for a plain CONNECT
    std::string_view protocol; ///< of an extended CONNECT (RFC 8441), usually "websocket"; else empty
    bool end = false;          ///< no body and no trailers follow; on_end() is not called
};

class ServerHandler : public Handler {
public:
    /// A request: version http2, Host first and from :authority, lower-case names, Cookie in one field. Framing: none
    /// if it ended, length if it has a Content-Length (which is enforced), chunked if its length is not known.
    /// CONNECT: a plain one has the authority as its target and framing none (refuse it); an extended one has
    /// info.protocol and its path as target, and bytes follow both ways after an answer with 2xx (convert.hpp makes
    /// an Upgrade of it). `head` may be moved from or swapped; what is left of it is used for the next request.
    virtual void on_request(StreamId id, Head& head, const RequestInfo& info) = 0;

protected:
    ~ServerHandler() = default;
};

class ServerSession final : public Session {
public:
    /// SETTINGS are the first output. `handler` lives longer than the session.
    ServerSession(ServerHandler& handler, Time now, const Config& config = {});

    /// An interim or the final head. Status and fields are taken, connection-specific ones left out, names made
    /// lower-case. 1xx: others follow. `end`: there is no body (HEAD, 204, 304, a length of 0); else write() and
    /// finish(). A final head whose request has not ended is followed by RST_STREAM(NO_ERROR) when our side is
    /// complete. To CONNECT, a head with upgrade() opens the tunnel: a 101 is sent as 200; any other is an answer
    /// like all, and 2xx cannot be. False, and nothing was sent: the stream is over, has its final head already, or
    /// the head cannot be sent.
    bool respond(StreamId id, const Head& head, bool end);
};

} // namespace adit
