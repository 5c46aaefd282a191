#include "policy/rules/make.hpp"

#include <algorithm>
#include <iterator>

namespace adit::inline v0::policy {
namespace {

constexpr unsigned on_web = on_http | on_https;

constexpr ActionKind kinds[] = {
    {"add-headers", in_request | in_response, on_web, make_add_headers},
    {"basic-auth", in_request, on_web, make_basic_auth},
    {"circuit-breaker", in_request, on_web, make_circuit_breaker},
    {"close-connection", in_connect | in_request, on_any, make_close_connection},
    {"compress-response", in_response, on_web, make_compress_response},
    {"custom-response", in_request | in_response, on_web, make_custom_response},
    {"deny", in_connect | in_request, on_any, make_deny},
    {"forward-internal", in_connect | in_request, on_any, make_forward_internal},
    {"log", in_connect | in_request | in_response, on_any, make_log},
    {"rate-limit", in_request, on_web, make_rate_limit},
    {"redirect", in_request, on_web, make_redirect},
    {"remove-headers", in_request | in_response, on_web, make_remove_headers},
    {"restrict-ips", in_connect | in_request | in_response, on_any, make_restrict_ips},
    {"set-vars", in_connect | in_request | in_response, on_any, make_set_vars},
    {"terminate-tls", in_connect, on_https | on_tls | on_tcp, make_terminate_tls},
    {"url-rewrite", in_request, on_web, make_url_rewrite},
    {"verify-webhook", in_request, on_web, make_verify_webhook},
    {"user-agent-filter", in_request, on_web, make_user_agent_filter, true},
};

constexpr std::string_view unbuilt[] = {
    "ai-gateway",        "http-request",       "jwt-validation",     "oauth",
    "oidc",              "openid-connect",     "owasp-crs-request",  "owasp-crs-response",
    "request-body-find-replace", "response-body-find-replace", "saml", "sse-find-replace",
};

} // namespace

const ActionKind* find_action(std::string_view name) noexcept {
    const auto* found = std::ranges::find(kinds, name, &ActionKind::name);
    return found != std::end(kinds) ? found : nullptr;
}

bool is_unbuilt_action(std::string_view name) noexcept {
    return std::ranges::find(unbuilt, name) != std::end(unbuilt);
}

} // namespace adit
