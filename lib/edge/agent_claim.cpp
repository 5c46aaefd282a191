#include "edge/agent_claim.hpp"

namespace adit::inline v0::edge {
namespace {

std::string key_of(const EndpointRecord& record, const EdgeContext& context) {
    const EndpointUrl& url = record.url;
    if (record.internal()) return "internal/" + record.account + "/" + url.to_string();
    switch (url.scheme()) {
    case UrlScheme::tcp: // one port, whatever name it goes by
        return EndpointUrl(UrlScheme::tcp, context.settings.base_domain, url.port()).to_string();
    case UrlScheme::tls: return EndpointUrl(UrlScheme::https, url.host()).to_string();
    default: return url.to_string();
    }
}

} // namespace

Claim claim_of(const EndpointRecord& record, const EdgeContext& context) {
    Claim claim;
    claim.url = record.url.to_string();
    claim.key = key_of(record, context);
    claim.owner = context.node + "/" + record.session_id;
    claim.credential = record.credential;
    claim.account = record.account;
    claim.endpoint_id = record.id;
    claim.pooled = record.pooled;
    return claim;
}

} // namespace adit
