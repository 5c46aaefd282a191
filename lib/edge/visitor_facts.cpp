#include "edge/visitor_facts.hpp"

#include "edge/context.hpp"

namespace adit::inline v0::edge {

VisitorFacts::VisitorFacts(const Settings& settings, const asio::ip::tcp::endpoint& visitor,
                           const asio::ip::tcp::endpoint& edge)
    : remote(visitor), local(edge), remote_text(to_text(visitor)) {
    const IpAddress ip = to_ip_endpoint(visitor).address;
    client_ip = ip.to_string();
    trusted_proxy = settings.trusts(ip);
}

} // namespace adit
