// What the edge changes in a head on its way (behaviour D.4, threats T4, T5, T11).
#pragma once

#include "http/message.hpp"
#include "http/upgrade.hpp"

#include <span>
#include <string>
#include <utility>

namespace adit::inline v0 {

/// The visitor as the edge knows it.
struct VisitorInfo {
    std::string_view client_ip; ///< without brackets or port
    bool https = false;
    bool trusted_proxy = false; ///< its X-Forwarded-* and Forwarded are believed
    /// What the edge adds about him, such as his certificate; nobody else's field of these names gets past it.
    std::span<const std::pair<std::string, std::string>> fields = {};
    std::string_view server_name = {}; ///< of his TLS handshake; the Host of an HTTP/1.0 request without one
    std::string_view edge = {}; ///< what this edge is called in CDN-Loop: a host name or a token; "" adds none
};

/// Loops (threat T30): an application behind an edge may send what it gets to the edge again, and that without an end.
/// Each edge adds its name to CDN-Loop (RFC 8586), which nobody on the way may remove; where it stands there
/// limits::edge_hops_max times already the request goes in a circle and is answered with 508. Names are compared without
/// case. Look before apply_request_rules() adds the next one.
ADIT_INTERNAL bool is_loop(const Head& request, std::string_view edge) noexcept;

/// Makes the request that the agent gets out of the one the visitor sent:
/// - hop-by-hop fields go, those that Connection lists too, except our own (Host, Content-Length,
///   X-Forwarded-*, ngrok-*); Connection: Upgrade and Upgrade stay if is_upgrade(request);
/// - X-Forwarded-For, -Proto and -Host are ours. The visitor's X-Forwarded-*, Forwarded, X-Real-IP, Client-Cert,
///   Client-Cert-Chain and ngrok-* go (ngrok-skip-browser-warning stays); from a trusted proxy they stay, and its X-Forwarded-For gets the
///   client appended. Aliases with underscores (x_forwarded_for) and Proxy always go;
/// - CDN-Loop stays, Connection cannot remove it, and VisitorInfo::edge is added to it;
/// - Host is there: an HTTP/1.0 request may get it from its target or the TLS handshake;
/// - one framing, the target in origin form, version HTTP/1.1, Connection: close if the visitor will close; of a request that
///   came by HTTP/2, where a length need not be told, POST, PUT and PATCH without a body get Content-Length: 0;
/// head.upgrade() says afterwards whether an upgrade is asked for. CONNECT is not for this: refuse it before.
ADIT_INTERNAL void apply_request_rules(Head& request, const VisitorInfo& visitor);

/// Makes the request that an upstream gets out of the one that an edge sent to its agent, where apply_request_rules()
/// was applied before: hop-by-hop fields go, framing and version are ours, what says who the visitor is stays. The
/// connection is kept, whatever the edge does with its own.
ADIT_INTERNAL void apply_forward_rules(Head& request);

/// The number if an agent's answer says ngrok-error-code itself and may: that it did not reach its upstream (8012),
/// or got no valid answer (3004) or none in time (3005) from it. Else 0. Look before apply_response_rules() removes
/// the field.
ADIT_INTERNAL int agent_error_number(const Head& response) noexcept;

/// What the response needs to know of its request. Take it before the request's head is changed or moved.
struct RequestFacts {
    RequestFacts() = default;
    explicit RequestFacts(const Head& request) noexcept
        : version(request.version()), keep_alive(request.keep_alive()), to_head(request.method() == "HEAD"),
          to_connect(request.method() == "CONNECT"), upgrade(is_upgrade(request)),
          takes_trailers(request.lists(FieldId::te, "trailers")) {}

    HttpVersion version = HttpVersion::http11; ///< of the visitor
    bool keep_alive = false;                   ///< the visitor wants it, and the edge too
    bool to_head = false;
    bool to_connect = false;
    bool upgrade = false; ///< asked for, and passed on
    bool takes_trailers = false; ///< TE said so, which goes no further by HTTP/1.1
};

/// How the response goes to the visitor.
struct ResponsePlan {
    bool forward = true;             ///< false: drop it; an interim response to HTTP/1.0, which has none
    Framing framing = Framing::none; ///< towards the visitor, as the head says; by HTTP/2 chunked: no length is known
    bool keep_alive = false;         ///< the connection goes on after this response
    bool tunnel = false;             ///< bytes in both directions follow the head
};

/// Makes the response that the visitor gets out of the one the agent sent: hop-by-hop fields and
/// ngrok-error-code go (only the edge may say that), framing is decided for the visitor's version, Connection
/// is set. `request_done`: the request's body was read to its end; if not, a connection of HTTP/1.1 is closed
/// after the response (T4).
ADIT_INTERNAL ResponsePlan apply_response_rules(Head& response, const RequestFacts& request,
                                                bool request_done);

} // namespace adit
