#include "edge/policy_facts.hpp"

#include "edge/context.hpp"

namespace adit::inline v0::edge {
namespace {

/// Null without TLS; where it passes through, the server name alone.
std::shared_ptr<const policy::TlsFacts> tls_facts(const VisitorFacts& visitor, const EndpointRecord& endpoint) {
    if (!visitor.tls && visitor.server_name.empty()) return nullptr;
    auto facts = std::make_shared<policy::TlsFacts>();
    facts->sni = visitor.server_name;
    if (!visitor.tls) return facts;
    const TlsFacts& tls = *visitor.tls;
    facts->version = tls.version == "TLSv1.2" ? "1.2" : "1.3";
    facts->cipher_suite = tls.cipher;
    facts->alpn = tls.alpn;
    facts->resumed = tls.resumed;
    facts->client = tls.client;
    if (tls.server && endpoint.policy && endpoint.policy->policy().reads_server_certificate()) {
        if (auto server = tls::certificate_facts(tls.server->certificate_pem())) {
            server->pem.clear(); // behaviour C.3: it has none
            facts->server = std::make_shared<const tls::CertificateFacts>(std::move(*server));
        }
    }
    return facts;
}

} // namespace

policy::ConnectionFacts policy_facts(const EdgeContext& context, const VisitorFacts& visitor, const EndpointRecord& endpoint) {
    policy::ConnectionFacts facts;
    facts.client = to_ip_endpoint(visitor.remote);
    facts.server = to_ip_endpoint(visitor.local);
    facts.start = std::chrono::system_clock::now();
    facts.region = context.settings.region;
    facts.endpoint_id = endpoint.id;
    facts.endpoint_url = endpoint.url;
    facts.tls = tls_facts(visitor, endpoint);
    return facts;
}

policy::Moment policy_now() {
    policy::Moment now;
    now.wall = std::chrono::system_clock::now();
    now.steady = std::chrono::steady_clock::now();
    return now;
}

} // namespace adit
