// What of an Endpoint's modules an edge would refuse for its shape. Messages never quote a password or a secret.
#include "client/validate.hpp"

#include "base/cidr.hpp"
#include "base/url.hpp"
#include "http/fields.hpp"
#include "proto/codec.hpp"
#include "tls/identity.hpp"
#include "tls/trust_roots.hpp"

namespace adit::inline v0 {
namespace {

bool has_control(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// What holds for every text that is sent in JSON: the edge shall see the bytes that the caller gave.
ErrorInfo check_text(std::string_view option, std::string_view text, std::size_t max = limits::module_text_max) {
    if (text.empty()) return invalid(option, "is empty");
    if (text.size() > max) return too_long(option, max);
    if (has_control(text)) return invalid(option, "has a line end or a control character");
    if (!is_utf8(text)) return invalid(option, "is no UTF-8");
    return {};
}

ErrorInfo check_word(std::string_view option, std::string_view text) {
    if (ErrorInfo error = check_text(option, text)) return error;
    if (has_control_or_space(text)) return invalid(option, "\"" + std::string(text) + "\" has a space");
    return {};
}

ErrorInfo check_count(std::string_view option, std::size_t count, std::size_t max = limits::module_entries_max) {
    if (count > max) return invalid(option, "more than " + std::to_string(max) + " of them");
    return {};
}

template <class Check>
ErrorInfo check_each(std::string_view option, const std::vector<std::string>& texts, Check check_one) {
    if (ErrorInfo error = check_count(option, texts.size())) return error;
    for (const std::string& text : texts)
        if (ErrorInfo error = check_one(option, text)) return error;
    return {};
}

ErrorInfo check_cidr(std::string_view option, const std::string& text) {
    if (ErrorInfo error = check_word(option, text)) return error;
    if (!Cidr::parse(text)) return invalid(option, "\"" + text + "\" is no address and no range, such as 10.0.0.0/8");
    return {};
}

ErrorInfo check_ip_restriction(const IpRestrictionOpts& opts) {
    if (ErrorInfo error = check_each("allow_cidr", opts.allow_cidrs, check_cidr)) return error;
    if (ErrorInfo error = check_each("deny_cidr", opts.deny_cidrs, check_cidr)) return error;
    // 393 of the edge
    if (opts.allow_cidrs.empty())
        return invalid("deny_cidr",
                       "without allow_cidr nobody gets in; add allow_cidr(\"0.0.0.0/0\") and allow_cidr(\"::/0\")");
    return {};
}

ErrorInfo check_basic_auth(const BasicAuthOpts& opts) {
    if (ErrorInfo error = check_count("basic_auth", opts.credentials.size(), limits::basic_auth_users_max))
        return error;
    for (const BasicAuthCredential& credential : opts.credentials) {
        if (ErrorInfo error = check_text("basic_auth user", credential.username, limits::basic_auth_user_max))
            return error;
        // RFC 7617 2: the first colon ends the user's name.
        if (credential.username.find(':') != std::string::npos) return invalid("basic_auth user", "has a colon");
        const std::string& password = credential.cleartext_password;
        if (password.size() < limits::basic_auth_password_min)
            return invalid("basic_auth password",
                           "shorter than " + std::to_string(limits::basic_auth_password_min) + " bytes");
        if (ErrorInfo error = check_text("basic_auth password", password, limits::basic_auth_password_max))
            return error;
    }
    return {};
}

/// Of OAuthOpts and OidcOpts.
template <class Opts>
ErrorInfo check_login(const std::string& option, const Opts& opts) {
    if (!opts.client_id.empty())
        if (ErrorInfo error = check_text(option + ".client id", opts.client_id)) return error;
    if (!opts.client_secret.empty())
        if (ErrorInfo error = check_text(option + ".client secret", opts.client_secret)) return error;
    if (ErrorInfo error = check_each(option + ".allow_email", opts.allow_emails, check_word)) return error;
    if (ErrorInfo error = check_each(option + ".allow_domain", opts.allow_domains, check_word)) return error;
    return check_each(option + ".scope", opts.scopes, check_word);
}

ErrorInfo check_oauth(const OAuthOpts& opts) {
    if (ErrorInfo error = check_word("oauth.provider", opts.provider)) return error;
    // 383, 384 and 389 of the edge
    if (opts.client_id.empty() != opts.client_secret.empty())
        return invalid("oauth.client", "has an id and a secret, or neither");
    return check_login("oauth", opts);
}

ErrorInfo check_issuer(const std::string& url) {
    constexpr std::string_view option = "oidc.issuer", scheme = "https://";
    if (ErrorInfo error = check_word(option, url)) return error;
    if (!url.starts_with(scheme)) return invalid(option, "\"" + url + "\" is no https:// URL");
    const std::string_view rest = std::string_view(url).substr(scheme.size());
    if (rest.find_first_of("?#") != rest.npos) return invalid(option, "has a query or a fragment");
    const std::string_view authority = rest.substr(0, rest.find('/'));
    if (authority.find('@') != authority.npos) return invalid(option, "has a user");
    const Result<HostPort> parts = split_host_port(authority);
    if (!parts) return invalid(option, parts.error().message());
    if (parts->host.empty()) return invalid(option, "\"" + url + "\" has no host");
    const Result<std::string> host = normalize_host(parts->host);
    if (!host) return invalid(option, host.error().message());
    return {};
}

ErrorInfo check_oidc(const OidcOpts& opts) {
    if (ErrorInfo error = check_issuer(opts.issuer_url)) return error;
    if (opts.client_id.empty() || opts.client_secret.empty()) return invalid("oidc.client", "needs an id and a secret");
    return check_login("oidc", opts);
}

ErrorInfo check_webhook(const WebhookVerificationOpts& opts) {
    if (ErrorInfo error = check_word("webhook_verification provider", opts.provider)) return error;
    if (opts.secret.empty() && opts.provider == "sns") return {}; // signs with a certificate
    return check_text("webhook_verification secret", opts.secret);
}

ErrorInfo check_name(std::string_view option, const std::string& name) {
    if (name.size() > limits::module_text_max) return too_long(option, limits::module_text_max);
    if (!is_token(name)) return invalid(option, "\"" + name + "\" is no header name");
    return {};
}

ErrorInfo check_headers(const std::string& option, const HeaderChanges& changes) {
    if (ErrorInfo error = check_count(option, changes.add.size())) return error;
    for (const auto& [name, value] : changes.add) {
        if (ErrorInfo error = check_name(option, name)) return error;
        const auto refuse = [&](std::string_view why) {
            return invalid(option, "the value of " + name + " " + std::string(why));
        };
        if (value.size() > limits::module_text_max)
            return refuse("is longer than " + std::to_string(limits::module_text_max) + " bytes");
        std::string visible = value;
        std::erase(visible, '\t');
        if (has_control(visible)) return refuse("has a line end or a control character");
        if (!is_utf8(value)) return refuse("is no UTF-8");
        const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
        if (!value.empty() && (is_blank(value.front()) || is_blank(value.back())))
            return refuse("starts or ends with a blank");
    }
    return check_each("remove_" + option, changes.remove, check_name);
}

ErrorInfo check_circuit_breaker(const CircuitBreakerOpts& opts) {
    if (opts.error_threshold >= 0 && opts.error_threshold <= 1) return {}; // not for NaN
    return invalid("circuit_breaker", "the ratio must be 0 to 1");
}

ErrorInfo check_mutual_tls(const std::vector<std::string>& texts) {
    std::size_t bytes = 0;
    for (const std::string& pem : texts) {
        bytes += pem.size();
        if (bytes > limits::mutual_tls_ca_max) return too_long("mutual_tls_ca", limits::mutual_tls_ca_max);
        // A key has no business at the edge; a file that holds both is easily taken for the other.
        if (pem.find("PRIVATE KEY-----") != std::string::npos) return invalid("mutual_tls_ca", "has a private key");
        if (const auto roots = tls::TrustRoots::from_pem(pem); !roots)
            return invalid("mutual_tls_ca", roots.error().message());
    }
    return {};
}

ErrorInfo check_termination(const TlsTerminationOpts& opts) {
    if (opts.cert.size() > limits::tls_termination_pem_max || opts.key.size() > limits::tls_termination_pem_max)
        return too_long("tls_termination", limits::tls_termination_pem_max);
    const auto identity = tls::Identity::from_pem(opts.cert, opts.key);
    if (!identity) return invalid("tls_termination", identity.error().message());
    return {};
}

} // namespace

ErrorInfo check_modules(const Endpoint::Data& endpoint) {
    ErrorInfo error;
    if (endpoint.ip_restriction) error = check_ip_restriction(*endpoint.ip_restriction);
    if (!error && endpoint.basic_auth) error = check_basic_auth(*endpoint.basic_auth);
    if (!error && endpoint.oauth) error = check_oauth(*endpoint.oauth);
    if (!error && endpoint.oidc) error = check_oidc(*endpoint.oidc);
    if (!error && endpoint.webhook_verification) error = check_webhook(*endpoint.webhook_verification);
    if (!error && endpoint.user_agent_filter) {
        const auto check_expression = [](std::string_view option, const std::string& text) {
            return check_text(option, text);
        };
        error = check_each("allow_user_agent", endpoint.user_agent_filter->allow, check_expression);
        if (!error) error = check_each("deny_user_agent", endpoint.user_agent_filter->deny, check_expression);
    }
    if (!error) error = check_headers("request_header", endpoint.request_headers);
    if (!error) error = check_headers("response_header", endpoint.response_headers);
    if (!error && endpoint.circuit_breaker) error = check_circuit_breaker(*endpoint.circuit_breaker);
    if (!error) error = check_mutual_tls(endpoint.mutual_tls_ca);
    if (!error && endpoint.own_certificate) error = check_termination(*endpoint.tls_termination);
    return error;
}

} // namespace adit
