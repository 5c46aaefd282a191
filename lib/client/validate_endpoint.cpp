// What of an Endpoint cannot work: its URL or labels, and which options go with them.
#include "client/validate.hpp"

#include "base/url.hpp"
#include "client/tls_server_state.hpp"

namespace adit::inline v0 {
namespace {

// Where an option goes, as a set.
enum Kinds : unsigned {
    on_http = 1,
    on_https = 2,
    on_tls = 4,
    on_tcp = 8,
    on_labels = 16,
    on_web = on_http | on_https,
    on_certified = on_https | on_tls,
    on_proxied = on_web | on_labels,
    on_urls = on_web | on_tls | on_tcp,
};

Kinds kind_of(UrlScheme scheme) {
    switch (scheme) {
    case UrlScheme::http: return on_http;
    case UrlScheme::https: return on_https;
    case UrlScheme::tls: return on_tls;
    case UrlScheme::tcp: break;
    }
    return on_tcp;
}

class OptionRow {
public:
    OptionRow(const char* n, bool set, Kinds k) : name(n), is_set(set), kinds(k) {}
    const char* name;
    bool is_set;
    Kinds kinds;
};

std::string_view who_has(Kinds kinds) {
    switch (kinds) {
    case on_web: return "only http and https endpoints have it";
    case on_tls: return "only tls endpoints have it";
    case on_certified: return "only https and tls endpoints have it";
    case on_proxied: return "only http, https and labelled endpoints have it";
    default: return "this endpoint has none";
    }
}

/// The protocol has no place for these elsewhere; the edge's operator sets those of labelled endpoints with the route.
ErrorInfo check_places(const Endpoint::Data& endpoint, Kinds kind) {
    const auto& ip = endpoint.ip_restriction;
    const auto& agent = endpoint.user_agent_filter;
    const OptionRow rows[] = {
        {"name", !endpoint.name.empty(), on_urls},
        {"description", !endpoint.description.empty(), on_urls},
        {"proxy_protocol", endpoint.proxy_protocol != 0, on_urls},
        {"binding", !endpoint.bindings.empty(), on_urls},
        {"pooling", endpoint.pooling, on_urls},
        {"traffic_policy", endpoint.traffic_policy.has_value(), on_urls},
        {"app_protocol", !endpoint.app_protocol.empty(), on_proxied},
        {"allow_cidr", ip && !ip->allow_cidrs.empty(), on_urls},
        {"deny_cidr", ip && !ip->deny_cidrs.empty(), on_urls},
        {"basic_auth", endpoint.basic_auth.has_value(), on_web},
        {"oauth", endpoint.oauth.has_value(), on_web},
        {"oidc", endpoint.oidc.has_value(), on_web},
        {"webhook_verification", endpoint.webhook_verification.has_value(), on_web},
        {"allow_user_agent", agent && !agent->allow.empty(), on_web},
        {"deny_user_agent", agent && !agent->deny.empty(), on_web},
        {"request_header", !endpoint.request_headers.add.empty(), on_web},
        {"remove_request_header", !endpoint.request_headers.remove.empty(), on_web},
        {"response_header", !endpoint.response_headers.add.empty(), on_web},
        {"remove_response_header", !endpoint.response_headers.remove.empty(), on_web},
        {"compression", endpoint.compression.has_value(), on_web},
        {"circuit_breaker", endpoint.circuit_breaker.has_value(), on_web},
        {"websocket_tcp_conversion", endpoint.websocket_tcp_converter.has_value(), on_web},
        {"mutual_tls_ca", !endpoint.mutual_tls_ca.empty(), on_certified},
        {"tls_termination", endpoint.tls_termination.has_value(), on_tls},
        {"agent_tls_termination", endpoint.agent_tls.has_value(), on_tls},
    };
    for (const OptionRow& row : rows) {
        if (!row.is_set || (row.kinds & kind) != 0) continue;
        return invalid(row.name, kind == on_labels ? "a labelled endpoint has none" : who_has(row.kinds));
    }
    return {};
}

ErrorInfo check_labeled(const Endpoint::Data& endpoint) {
    if (!endpoint.url.empty()) return invalid("label", "an endpoint has a URL or labels, not both");
    if (endpoint.labels.size() > limits::labels_max)
        return invalid("label", "more than " + std::to_string(limits::labels_max) + " labels");
    for (const auto& [key, value] : endpoint.labels) {
        if (key.empty()) return invalid("label", "a label needs a key");
        if (key.size() > limits::label_text_max || value.size() > limits::label_text_max)
            return too_long("label", limits::label_text_max);
    }
    return check_places(endpoint, on_labels);
}

ErrorInfo check_agent_tls(const Endpoint::Data& endpoint) {
    if (!endpoint.agent_tls) return {};
    constexpr std::string_view option = "agent_tls_termination";
    if (endpoint.tls_termination) return invalid(option, "TLS ends here or, with tls_termination(), at the edge, not in both");
    if (!endpoint.mutual_tls_ca.empty())
        return invalid(option, "mutual_tls_ca() is for the edge, which sees no certificates here: use TlsServer::client_ca()");
    if (!endpoint.agent_tls->state()->has_certificate())
        return invalid(option, "the TlsServer has no certificate: TlsServer::certificate() gives it one");
    return {};
}

ErrorInfo check_url(const Endpoint::Data& endpoint) {
    const Result<EndpointUrl> url = EndpointUrl::parse(endpoint.url);
    // The edge has numbers for these, but it was not asked: the code is ours.
    if (!url) return {errc::unsupported_url, url.error().message()};
    const bool is_tcp = url->scheme() == UrlScheme::tcp;
    if (!is_tcp && url->port())
        return {errc::unsupported_url, "\"" + endpoint.url + "\": only tcp:// endpoints have a port"};
    if (is_tcp && !url->host().empty() && !url->port())
        return {errc::unsupported_url, "\"" + endpoint.url + "\": a tcp:// endpoint with a host needs a port"};
    if (ErrorInfo error = check_places(endpoint, kind_of(url->scheme()))) return error;
    if (ErrorInfo error = check_agent_tls(endpoint)) return error;
    // Left to itself the edge would pass everybody's TLS on, unseen.
    if (url->scheme() == UrlScheme::tls && !endpoint.mutual_tls_ca.empty() && !endpoint.tls_termination)
        return invalid("mutual_tls_ca", "the edge of a tls endpoint sees certificates only with tls_termination()");
    return {};
}

ErrorInfo check_bindings(const std::vector<std::string>& bindings) {
    for (std::size_t i = 0; i < bindings.size(); ++i) {
        const std::string& binding = bindings[i];
        if (binding != "public" && binding != "internal" && binding != "kubernetes")
            return invalid("binding", "must be \"public\", \"internal\" or \"kubernetes\"");
        for (std::size_t j = 0; j < i; ++j)
            if (bindings[j] == binding) return invalid("binding", "\"" + binding + "\" is there twice");
    }
    return {};
}

} // namespace

Result<void> check(const Endpoint::Data& endpoint) {
    if (ErrorInfo error = endpoint.labeled ? check_labeled(endpoint) : check_url(endpoint)) return error;
    if (endpoint.name.size() > limits::description_max) return too_long("name", limits::description_max);
    if (endpoint.description.size() > limits::description_max) return too_long("description", limits::description_max);
    if (endpoint.metadata.size() > limits::metadata_max) return too_long("metadata", limits::metadata_max);
    if (endpoint.forwards_to && endpoint.forwards_to->size() > limits::forwards_to_max)
        return too_long("forwards_to", limits::forwards_to_max);
    if (!endpoint.app_protocol.empty() && endpoint.app_protocol != "http1" && endpoint.app_protocol != "http2")
        return invalid("app_protocol", "must be \"http1\" or \"http2\"");
    if (endpoint.proxy_protocol < 0 || endpoint.proxy_protocol > 2)
        return invalid("proxy_protocol", "must be 0, 1 or 2");
    if (ErrorInfo error = check_bindings(endpoint.bindings)) return error;
    if (endpoint.backlog == 0 || endpoint.backlog > limits::accept_backlog_max)
        return invalid("backlog", "must be 1 to " + std::to_string(limits::accept_backlog_max));
    if (ErrorInfo error = check_modules(endpoint)) return error;
    return {};
}

} // namespace adit
