// The setters of Endpoint for what the edge does with visitors.
#include <adit/endpoint.hpp>

#include "client/options_data.hpp"

#include <algorithm>

namespace adit::inline v0 {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return out;
}

/// A module that a repeatable setter adds to.
template <class Module>
Module& made(std::optional<Module>& module) {
    if (!module) module.emplace();
    return *module;
}

} // namespace

void HeaderChanges::set(std::string_view name, std::string_view value) {
    std::string key = lower(name);
    const auto same = std::ranges::find(add, key, &std::pair<std::string, std::string>::first);
    if (same != add.end())
        same->second = value;
    else
        add.emplace_back(std::move(key), value);
}

void HeaderChanges::drop(std::string_view name) { remove.push_back(lower(name)); }

Endpoint& Endpoint::allow_cidr(std::string_view range) {
    made(edit().ip_restriction).allow_cidrs.emplace_back(range);
    return *this;
}

Endpoint& Endpoint::deny_cidr(std::string_view range) {
    made(edit().ip_restriction).deny_cidrs.emplace_back(range);
    return *this;
}

Endpoint& Endpoint::basic_auth(std::string_view user, std::string_view password) {
    BasicAuthCredential credential;
    credential.username = user;
    credential.cleartext_password = password;
    made(edit().basic_auth).credentials.push_back(std::move(credential));
    return *this;
}

Endpoint& Endpoint::oauth(const OAuthOptions& options) {
    edit().oauth = options.data().opts;
    return *this;
}

Endpoint& Endpoint::oidc(const OidcOptions& options) {
    edit().oidc = options.data().opts;
    return *this;
}

Endpoint& Endpoint::webhook_verification(std::string_view provider, std::string_view secret) {
    WebhookVerificationOpts& opts = made(edit().webhook_verification);
    opts.provider = provider;
    opts.secret = secret;
    return *this;
}

Endpoint& Endpoint::allow_user_agent(std::string_view expression) {
    made(edit().user_agent_filter).allow.emplace_back(expression);
    return *this;
}

Endpoint& Endpoint::deny_user_agent(std::string_view expression) {
    made(edit().user_agent_filter).deny.emplace_back(expression);
    return *this;
}

Endpoint& Endpoint::request_header(std::string_view name, std::string_view value) {
    edit().request_headers.set(name, value);
    return *this;
}

Endpoint& Endpoint::response_header(std::string_view name, std::string_view value) {
    edit().response_headers.set(name, value);
    return *this;
}

Endpoint& Endpoint::remove_request_header(std::string_view name) {
    edit().request_headers.drop(name);
    return *this;
}

Endpoint& Endpoint::remove_response_header(std::string_view name) {
    edit().response_headers.drop(name);
    return *this;
}

Endpoint& Endpoint::compression() {
    edit().compression.emplace();
    return *this;
}

Endpoint& Endpoint::circuit_breaker(double ratio) {
    edit().circuit_breaker.emplace().error_threshold = ratio;
    return *this;
}

Endpoint& Endpoint::websocket_tcp_conversion() {
    edit().websocket_tcp_converter.emplace();
    return *this;
}

Endpoint& Endpoint::mutual_tls_ca(std::string_view pem) {
    edit().mutual_tls_ca.emplace_back(pem);
    return *this;
}

Endpoint& Endpoint::tls_termination() {
    edit().tls_termination.emplace();
    edit().own_certificate = false;
    return *this;
}

Endpoint& Endpoint::tls_termination(std::string_view cert_pem, std::string_view key_pem) {
    TlsTerminationOpts& opts = edit().tls_termination.emplace();
    opts.cert = cert_pem;
    opts.key = key_pem;
    edit().own_certificate = true;
    return *this;
}

Endpoint& Endpoint::agent_tls_termination(const TlsServer& server) {
    edit().agent_tls = server;
    return *this;
}

} // namespace adit
