// Endpoints: their many options by key.
#include "capi/handles.hpp"
#include "capi/keys.hpp"

#include <memory>
#include <utility>

using namespace adit;
using namespace adit::capi;

namespace {

/// "Name: value", with or without the space.
template <auto Setter>
ErrorInfo header(adit_endpoint& endpoint, const Value& value) {
    const auto parts = value.parts(':', "Name: value");
    if (!parts) return parts.error();
    auto [name, content] = *parts;
    while (content.starts_with(' ') || content.starts_with('\t')) content.remove_prefix(1);
    (endpoint.value.*Setter)(name, content);
    return {};
}

ErrorInfo proxy_protocol(adit_endpoint& endpoint, const Value& value) {
    return with(value.number(),
                [&](std::int64_t n) { endpoint.value.proxy_protocol(n >= 0 && n <= 2 ? static_cast<int>(n) : -1); });
}

ErrorInfo circuit_breaker(adit_endpoint& endpoint, const Value& value) {
    return with(value.ratio(), [&](double ratio) { endpoint.value.circuit_breaker(ratio); });
}

/// A member that built() looks at.
template <bool adit_endpoint::* Member>
ErrorInfo later(adit_endpoint& endpoint, const Value& value) {
    return with(value.flag(), [&](bool on) { endpoint.*Member = on; });
}
template <std::string adit_endpoint::* Member>
ErrorInfo own_certificate(adit_endpoint& endpoint, const Value& value) {
    return with(value.text(), [&](std::string_view text) {
        endpoint.*Member = text;
        endpoint.tls_own_certificate = true;
    });
}
/// As of a change of the TlsServer, whose text starts with its own name for it.
ErrorInfo agent_tls(adit_endpoint& endpoint, std::string_view key, const ErrorInfo& error) {
    if (error) return {error.code(), std::string(key) + ": " + error.message(), error.detail()};
    endpoint.agent_tls_termination = true;
    return {};
}
ErrorInfo agent_tls_termination(adit_endpoint& endpoint, const Value& value) {
    const Result<std::string_view> pem = value.text();
    if (!pem) return pem.error();
    ErrorInfo error;
    endpoint.agent_tls.certificate(*pem, *pem, error);
    return agent_tls(endpoint, "agent_tls_termination", error);
}
ErrorInfo agent_client_ca(adit_endpoint& endpoint, const Value& value) {
    const Result<std::string_view> pem = value.text();
    if (!pem) return pem.error();
    ErrorInfo error;
    endpoint.agent_tls.client_ca(*pem, ClientCertificate::required, error);
    return agent_tls(endpoint, "agent_tls_termination.client_ca", error);
}
template <Login adit_endpoint::* Module, std::string Login::* Member>
ErrorInfo login(adit_endpoint& endpoint, const Value& value) {
    return with(value.text(), [&](std::string_view text) {
        Login& module = endpoint.*Module;
        module.*Member = text;
        module.wanted = true;
    });
}
template <Login adit_endpoint::* Module, std::vector<std::string> Login::* Member>
ErrorInfo login_list(adit_endpoint& endpoint, const Value& value) {
    return with(value.text(), [&](std::string_view text) {
        Login& module = endpoint.*Module;
        (module.*Member).emplace_back(text);
        module.wanted = true;
    });
}

template <class Options>
const Options& with_lists(Options& options, const Login& login) {
    for (const std::string& email : login.emails) options.allow_email(email);
    for (const std::string& domain : login.domains) options.allow_domain(domain);
    for (const std::string& scope : login.scopes) options.scope(scope);
    return options;
}

constexpr Key<adit_endpoint> keys[] = {
    {"name", text<&Endpoint::name>},
    {"description", text<&Endpoint::description>},
    {"metadata", text<&Endpoint::metadata>},
    {"forwards_to", text<&Endpoint::forwards_to>},
    {"label", parts<&Endpoint::label, '='>},
    {"binding", text<&Endpoint::binding>},
    {"pooling", flag<&Endpoint::pooling>},
    {"traffic_policy", text<&Endpoint::traffic_policy>},
    {"app_protocol", text<&Endpoint::app_protocol>},
    {"proxy_protocol", proxy_protocol},
    {"backlog", count<&Endpoint::backlog>},
    {"allow_cidr", text<&Endpoint::allow_cidr>},
    {"deny_cidr", text<&Endpoint::deny_cidr>},
    {"basic_auth", parts<&Endpoint::basic_auth, ':'>},
    {"oauth", login<&adit_endpoint::oauth, &Login::provider>},
    {"oauth.client_id", login<&adit_endpoint::oauth, &Login::client_id>},
    {"oauth.client_secret", login<&adit_endpoint::oauth, &Login::client_secret>},
    {"oauth.allow_email", login_list<&adit_endpoint::oauth, &Login::emails>},
    {"oauth.allow_domain", login_list<&adit_endpoint::oauth, &Login::domains>},
    {"oauth.scope", login_list<&adit_endpoint::oauth, &Login::scopes>},
    {"oidc", login<&adit_endpoint::oidc, &Login::provider>},
    {"oidc.client_id", login<&adit_endpoint::oidc, &Login::client_id>},
    {"oidc.client_secret", login<&adit_endpoint::oidc, &Login::client_secret>},
    {"oidc.allow_email", login_list<&adit_endpoint::oidc, &Login::emails>},
    {"oidc.allow_domain", login_list<&adit_endpoint::oidc, &Login::domains>},
    {"oidc.scope", login_list<&adit_endpoint::oidc, &Login::scopes>},
    {"webhook_verification", parts<&Endpoint::webhook_verification, ':'>},
    {"allow_user_agent", text<&Endpoint::allow_user_agent>},
    {"deny_user_agent", text<&Endpoint::deny_user_agent>},
    {"request_header", header<&Endpoint::request_header>},
    {"response_header", header<&Endpoint::response_header>},
    {"remove_request_header", text<&Endpoint::remove_request_header>},
    {"remove_response_header", text<&Endpoint::remove_response_header>},
    {"compression", later<&adit_endpoint::compression>},
    {"websocket_tcp_conversion", later<&adit_endpoint::websocket_tcp_conversion>},
    {"circuit_breaker", circuit_breaker},
    {"mutual_tls_ca", text<&Endpoint::mutual_tls_ca>},
    {"tls_termination", later<&adit_endpoint::tls_termination>},
    {"tls_termination.certificate", own_certificate<&adit_endpoint::tls_certificate>},
    {"tls_termination.key", own_certificate<&adit_endpoint::tls_key>},
    {"agent_tls_termination", agent_tls_termination},
    {"agent_tls_termination.client_ca", agent_client_ca},
};

} // namespace

Endpoint adit_endpoint::built() const {
    Endpoint endpoint = value;
    if (compression) endpoint.compression();
    if (websocket_tcp_conversion) endpoint.websocket_tcp_conversion();
    if (tls_own_certificate) {
        endpoint.tls_termination(tls_certificate, tls_key);
    } else if (tls_termination) {
        endpoint.tls_termination();
    }
    if (agent_tls_termination) endpoint.agent_tls_termination(agent_tls);
    if (oauth.wanted) {
        OAuthOptions options(oauth.provider);
        if (!oauth.client_id.empty() || !oauth.client_secret.empty())
            options.client(oauth.client_id, oauth.client_secret);
        endpoint.oauth(with_lists(options, oauth));
    }
    if (oidc.wanted) {
        OidcOptions options(oidc.provider, oidc.client_id, oidc.client_secret);
        endpoint.oidc(with_lists(options, oidc));
    }
    return endpoint;
}

adit_endpoint* adit_endpoint_new(const char* url, adit_error* error) {
    return guard_value<adit_endpoint*>(error, nullptr, [&](adit_endpoint*& made) -> ErrorInfo {
        const Result<Value> given = Value::of("url", url != nullptr ? url : "");
        if (!given) return given.error();
        made = new adit_endpoint(given->bytes());
        return {};
    });
}

void adit_endpoint_free(adit_endpoint* endpoint) { delete endpoint; }

int adit_endpoint_set(adit_endpoint* endpoint, const char* key, const char* value, adit_error* error) {
    return set<adit_endpoint>(keys, endpoint, key, value, error, "endpoint");
}
