#include "plan.hpp"

#include <cstdlib>

namespace agent {
namespace {

/// "a:b" in two, without blanks around the second.
std::pair<std::string, std::string> split(const std::string& text, char at, const std::string& what) {
    const auto found = text.find(at);
    if (found == std::string::npos) throw Problem(what + " \"" + text + "\": \"" + at + "\" is missing");
    const auto value = text.find_first_not_of(' ', found + 1);
    return {text.substr(0, found), value == std::string::npos ? std::string() : text.substr(value)};
}

template <class Options>
Options with_lists(Options options, const Login& login) {
    for (const auto& email : login.emails) options.allow_email(email);
    for (const auto& domain : login.domains) options.allow_domain(domain);
    for (const auto& scope : login.scopes) options.scope(scope);
    return options;
}

void add_modules(adit::Endpoint& endpoint, const Tunnel& t) {
    for (const auto& range : t.allow_cidrs) endpoint.allow_cidr(range);
    for (const auto& range : t.deny_cidrs) endpoint.deny_cidr(range);
    for (const auto& pair : t.basic_auth) {
        const auto [user, password] = split(pair, ':', "basic auth");
        endpoint.basic_auth(user, password);
    }
    for (const auto& header : t.add_request_headers) {
        const auto [name, value] = split(header, ':', "request header");
        endpoint.request_header(name, value);
    }
    for (const auto& header : t.add_response_headers) {
        const auto [name, value] = split(header, ':', "response header");
        endpoint.response_header(name, value);
    }
    for (const auto& name : t.remove_request_headers) endpoint.remove_request_header(name);
    for (const auto& name : t.remove_response_headers) endpoint.remove_response_header(name);
    for (const auto& expression : t.allow_user_agents) endpoint.allow_user_agent(expression);
    for (const auto& expression : t.deny_user_agents) endpoint.deny_user_agent(expression);
    if (!t.oauth.provider.empty()) {
        auto oauth = with_lists(adit::OAuthOptions(t.oauth.provider), t.oauth);
        if (!t.oauth.client_id.empty()) oauth.client(t.oauth.client_id, t.oauth.client_secret);
        endpoint.oauth(oauth);
    }
    if (!t.oidc.provider.empty())
        endpoint.oidc(with_lists(adit::OidcOptions(t.oidc.provider, t.oidc.client_id, t.oidc.client_secret), t.oidc));
    if (!t.webhook_provider.empty()) endpoint.webhook_verification(t.webhook_provider, t.webhook_secret);
    if (t.compression) endpoint.compression();
    if (t.websocket_tcp) endpoint.websocket_tcp_conversion();
    if (t.circuit_breaker > 0) endpoint.circuit_breaker(t.circuit_breaker);
}

adit::TlsServer tls_server_of(const Tunnel& t) {
    adit::TlsServer server;
    adit::ErrorInfo error;
    server.certificate(read_pem(t.certificate), read_pem(t.key), error);
    std::string cas;
    for (const auto& ca : t.mutual_tls_cas) cas += read_pem(ca) + '\n';
    if (!error && !cas.empty()) server.client_ca(cas, adit::ClientCertificate::required, error);
    if (error) throw Problem(error.to_string());
    return server;
}

// A certificate is never dropped: what it was given for would not happen, and nobody would notice.
void end_tls(adit::Endpoint& endpoint, const Tunnel& t) {
    const bool own = !t.certificate.empty();
    if (own == t.key.empty()) throw Problem("a certificate and its key go together: say both --crt and --key, or neither");
    const std::string at = !t.terminate_at.empty() ? t.terminate_at : own ? "agent" : "upstream";
    if (at == "agent") {
        if (!own) throw Problem("TLS that ends in the agent needs a certificate and its key");
        endpoint.agent_tls_termination(tls_server_of(t));
        return;
    }
    for (const auto& ca : t.mutual_tls_cas) endpoint.mutual_tls_ca(read_pem(ca));
    if (at == "edge") {
        if (own) endpoint.tls_termination(read_pem(t.certificate), read_pem(t.key));
        else endpoint.tls_termination();
    } else if (at != "upstream") {
        throw Problem("terminate-at \"" + at + "\": write edge, agent or upstream (ERR_NGROK_224)");
    } else if (own) {
        throw Problem("terminate-at upstream passes TLS on untouched, so that a certificate has no use: leave out one of them");
    }
}

std::vector<std::string> urls_of(const Tunnel& t) {
    if (!t.url.empty()) return {t.url};
    if (t.proto == "tcp") return {"tcp://" + t.remote_address};
    if (t.proto == "tls") return {"tls://" + t.hostname};
    std::vector<std::string> urls;
    for (const auto& scheme : t.schemes) {
        if (scheme != "http" && scheme != "https") throw Problem("scheme \"" + scheme + "\": write http or https");
        urls.push_back(scheme + "://" + t.hostname);
    }
    if (urls.empty()) urls.push_back("https://" + t.hostname);
    return urls;
}

adit::Upstream upstream_of(const Tunnel& t) {
    adit::Upstream upstream(t.upstream);
    upstream.verify(t.verify_upstream);
    if (!t.upstream_cas.empty()) upstream.roots_file(t.upstream_cas);
    if (!t.app_protocol.empty()) upstream.app_protocol(t.app_protocol);
    if (t.host_header == "rewrite") upstream.rewrite_host();
    else if (!t.host_header.empty() && t.host_header != "preserve") upstream.host_header(t.host_header);
    return upstream;
}

bool is_set(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
}

/// What to call `set` with, if anything; the environment was read by from_env().
template <class Set>
void choose(const std::string& flag, bool in_environment, const std::string& file, Set set) {
    if (!flag.empty()) set(flag);
    else if (!in_environment && !file.empty()) set(file);
}

} // namespace

std::vector<Plan> make_plans(const Tunnel& tunnel) {
    std::vector<Plan> plans;
    std::vector<adit::Endpoint> endpoints;
    if (!tunnel.labels.empty()) {
        const auto [key, value] = split(tunnel.labels.front(), '=', "label");
        endpoints.push_back(adit::Endpoint::labeled(key, value));
        for (std::size_t i = 1; i < tunnel.labels.size(); ++i) {
            const auto [more, text] = split(tunnel.labels[i], '=', "label");
            endpoints.back().label(more, text);
        }
    } else {
        for (const auto& url : urls_of(tunnel)) endpoints.emplace_back(url);
    }
    for (adit::Endpoint& endpoint : endpoints) {
        if (!tunnel.name.empty()) endpoint.name(tunnel.name);
        if (!tunnel.description.empty()) endpoint.description(tunnel.description);
        if (!tunnel.metadata.empty()) endpoint.metadata(tunnel.metadata);
        for (const auto& binding : tunnel.bindings) endpoint.binding(binding);
        if (tunnel.pooling) endpoint.pooling(true);
        if (!tunnel.traffic_policy.empty()) endpoint.traffic_policy(tunnel.traffic_policy);
        if (!tunnel.traffic_policy_file.empty()) endpoint.traffic_policy(read_file(tunnel.traffic_policy_file));
        if (tunnel.proxy_protocol == "1" || tunnel.proxy_protocol == "2") {
            endpoint.proxy_protocol(tunnel.proxy_protocol == "1" ? 1 : 2);
        } else if (!tunnel.proxy_protocol.empty()) {
            throw Problem("proxy protocol \"" + tunnel.proxy_protocol + "\": write 1 or 2");
        }
        add_modules(endpoint, tunnel);
        end_tls(endpoint, tunnel);
        plans.push_back({tunnel.name.empty() ? tunnel.proto : tunnel.name, std::move(endpoint), upstream_of(tunnel)});
    }
    return plans;
}

std::optional<adit::InspectorOptions> make_inspector_options(const std::vector<Tunnel>& tunnels, const Settings& flags,
                                                             const Settings& file) {
    const std::string address = flags.web_address.empty() ? file.web_address : flags.web_address;
    bool wanted = !address.empty();
    for (const Tunnel& tunnel : tunnels) wanted = wanted || tunnel.inspect == true;
    if (!wanted || address == "false" || file.inspect_bytes == -1) return std::nullopt;
    for (const Tunnel& tunnel : tunnels) {
        if (tunnel.inspect == false)
            throw Problem("tunnel \"" + tunnel.name + "\" says inspect: false, but the inspector records all tunnels of an agent: "
                          "start it in another one, or leave out web_addr");
    }
    adit::InspectorOptions options;
    if (!address.empty()) options.address(address);
    for (const std::string& host : file.web_hosts) options.allow_host(host);
    if (file.inspect_bytes.value_or(0) > 0) options.max_memory(static_cast<std::size_t>(*file.inspect_bytes));
    return options;
}

adit::SessionOptions make_session_options(const Settings& flags, const Settings& file) {
    auto options = adit::SessionOptions::from_env();
    choose(flags.authtoken, is_set("ADIT_AUTHTOKEN") || is_set("NGROK_AUTHTOKEN"), file.authtoken,
           [&](const std::string& token) { options.authtoken(token); });
    choose(flags.server, is_set("ADIT_SERVER"), file.server, [&](const std::string& server) { options.server(server); });
    choose(flags.roots, is_set("ADIT_ROOTS"), file.roots, [&](const std::string& roots) {
        if (roots == "trusted")
            throw Problem("connect_cas \"trusted\" is ngrok's private root, which this program does not have: write host "
                          "(the system's roots) or a PEM file");
        if (roots == "host") options.roots_system();
        else options.roots_file(roots);
    });
    const bool has_proxy = is_set("https_proxy") || is_set("HTTPS_PROXY") || is_set("all_proxy") || is_set("ALL_PROXY");
    choose(flags.proxy, has_proxy, file.proxy, [&](const std::string& proxy) { options.proxy(proxy); });
    if (!flags.server_name.empty()) options.server_name(flags.server_name);
    if (!file.interface.empty()) options.bind_interface(file.interface);
    if (!file.metadata.empty()) options.metadata(file.metadata);
    if (file.connect_timeout) options.connect_timeout(*file.connect_timeout);
    if (file.heartbeat_interval) options.heartbeat_interval(*file.heartbeat_interval);
    if (file.heartbeat_tolerance) options.heartbeat_tolerance(*file.heartbeat_tolerance);
    options.client_info("adit-agent", "0.1");
    return options;
}

} // namespace agent
