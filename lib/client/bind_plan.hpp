// An Endpoint as a request of the agent protocol, and what the edge's answer makes of it.
#pragma once

#include "client/options_data.hpp"
#include "proto/messages.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace adit::inline v0 {

/// The one RPC that puts an endpoint online.
class BindPlan {
public:
    BindPlan() = default;

    RequestType type = RequestType::bind;
    std::variant<BindRequest, StartTunnelWithLabelRequest> message;
    std::string request;  ///< the message as JSON
    std::string protocol; ///< empty for a labelled endpoint
    std::string what;     ///< the endpoint, for error messages
    std::size_t backlog = 0;
    std::optional<TlsServer> tls; ///< that ends the visitors' TLS here
};

/// What the edge made of it.
class Bound {
public:
    Bound() = default;

    std::string id;
    std::string url;                     ///< empty for a labelled endpoint
    std::string protocol;                ///< likewise
    std::string token;                   ///< that brings the same URL back; empty for a labelled endpoint
    std::string tunnel_id;               ///< for PatchTunnelState; may be empty
    std::optional<BindOpts> opts;        ///< as the edge understood them: sent when it is bound again
    std::optional<bool> passthrough_tls; ///< overrides what the head of a connection says; set for tls only
};

/// Checks the options and writes the request. Errors: those of check(), errc::invalid_option if it is too large.
Result<BindPlan> plan_bind(const Endpoint::Data& endpoint);

/// The request that brings `bound` back on another link (agent-protocol 5.3).
std::string rebind_request(const BindPlan& plan, const Bound& bound);

/// Reads the answer. Errors: what the edge refused with; errc::protocol_error if the answer is none to this request.
/// `id_out` gets the id as soon as it is known, so that an answer which cannot be used can be undone.
Result<Bound> read_bind_answer(const BindPlan& plan, std::string_view json, std::string& id_out);

} // namespace adit
