#include "edge/policy_facts.hpp"

#include "edge/context.hpp"

namespace adit::inline v0::edge {

policy::ConnectionFacts policy_facts(const EdgeContext& context, const VisitorFacts& visitor, const EndpointRecord& endpoint) {
    policy::ConnectionFacts facts;
    facts.client = to_ip_endpoint(visitor.remote);
    facts.server = to_ip_endpoint(visitor.local);
    facts.start = std::chrono::system_clock::now();
    facts.region = context.settings.region;
    facts.endpoint_id = endpoint.id;
    facts.endpoint_url = endpoint.url;
    if (!visitor.server_name.empty()) {
        auto tls = std::make_shared<policy::TlsFacts>();
        tls->sni = visitor.server_name;
        facts.tls = std::move(tls);
    }
    return facts;
}

policy::Moment policy_now() {
    policy::Moment now;
    now.wall = std::chrono::system_clock::now();
    now.steady = std::chrono::steady_clock::now();
    return now;
}

} // namespace adit
