// What a bind asks for, checked against the settings; nothing is claimed yet.
#pragma once

#include "base/result.hpp"
#include "base/url.hpp"
#include "edge/endpoint_policy.hpp"
#include "edge/endpoint_tls.hpp"
#include "edge/settings.hpp"
#include "edge/tickets.hpp"
#include "proto/messages.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::edge {

class BindPlan {
public:
    BindPlan() = default;

    /// `ticket`: of the request's token, already known to be of the same credential. Errors of category ngrok: those of
    /// EndpointUrl and normalize_host(), 331 and 9035 for public endpoints, 9028 to 9031 for internal ones, 307 for ports that
    /// are not this edge's or not free to choose, those of policy::compile_bind(), 15005 and 15006 for bindings.
    /// `certificates`: as for EndpointPolicy::make().
    static Result<BindPlan> make(const Settings& settings, const BindRequest& request,
                                 const std::optional<BindTicket>& ticket, WebhookCertificates* certificates = nullptr);
    /// One plan for each route whose labels the request carries. ngrok_error(302), naming the routes there are, if none.
    static Result<std::vector<BindPlan>> make_labeled(const Settings& settings,
                                                      const StartTunnelWithLabelRequest& request);

    /// No host: the edge chooses one (tcp: a port). Public http, https and tls endpoints never have a port here.
    EndpointUrl url;
    bool random = false; ///< url was, or is to be, chosen by the edge
    bool custom = false; ///< a name outside of what the settings allow: the directory decides
    std::string endpoint_id; ///< from the ticket; "": a new one
    std::string bind_id;     ///< "": the edge chooses
    bool pooled = false;
    bool labeled = false;
    ProxyProtocolVersion proxy_protocol = ProxyProtocolVersion::none;
    std::string app_protocol;
    bool terminate_tls = false; ///< tls and tcp: TLS ends at the edge; https always does
    TlsSettings tls;            ///< in which way
    PolicyPtr policy;           ///< null: none
    std::string forwards_to;
    std::string name, description, metadata;
    std::map<std::string, std::string> labels;
};

/// `url` as visitors type it: with the edge's port where that is not the scheme's own. Internal ones as they are.
std::string public_url(const Settings& settings, const EndpointUrl& url);

} // namespace adit
