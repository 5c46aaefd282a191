#include "edge/endpoint_policy.hpp"

#include "edge/webhook_certificates.hpp"
#include "policy/modules.hpp"
#include "proto/codec.hpp"

#include <utility>

namespace adit::inline v0::edge {
namespace {

std::string text_of(const BindOpts& opts) {
    BindRequest request;
    request.opts = opts;
    return encode(request);
}

BindOpts no_opts(UrlScheme scheme) {
    switch (scheme) {
    case UrlScheme::tcp: return TcpOpts();
    case UrlScheme::tls: return TlsOpts();
    default: return HttpOpts();
    }
}

std::optional<tls::Version> version_of(const std::string& text, std::string_view by_itself) {
    if (text == by_itself) return std::nullopt;
    return text == "1.2" ? tls::Version::tls12 : tls::Version::tls13;
}

ClientCertificates asked(policy::ClientVerification verification) noexcept {
    switch (verification) {
    case policy::ClientVerification::request: return ClientCertificates::request;
    case policy::ClientVerification::require_any: return ClientCertificates::require_any;
    case policy::ClientVerification::require_and_verify: return ClientCertificates::require_and_verify;
    default: return ClientCertificates::none;
    }
}

bool same_terms(const policy::TlsTermination* a, const policy::TlsTermination* b) noexcept {
    if (a == nullptr || b == nullptr) return a == b;
    return a->min_version == b->min_version && a->max_version == b->max_version && a->certificate == b->certificate &&
           a->key == b->key && a->client_authorities == b->client_authorities && a->verification == b->verification;
}

} // namespace

EndpointPolicy::EndpointPolicy(std::shared_ptr<const policy::Policy> policy, BindOpts source)
    : source_(std::move(source)), text_(text_of(source_)), state_(std::make_shared<policy::State>(std::move(policy))) {}

Result<PolicyPtr> EndpointPolicy::make(const BindOpts& opts, const EndpointUrl& url, WebhookCertificates* certificates) {
    policy::CompileOptions options;
    options.protocol = url.scheme();
    options.internal = url.is_internal();
    if (certificates != nullptr) options.fetches_certificates = [certificates] { return certificates->available(); };
    auto compiled = policy::compile_bind(opts, options);
    if (!compiled) return compiled.error();
    if (!*compiled) return PolicyPtr();
    return PolicyPtr(std::make_shared<const EndpointPolicy>(std::move(*compiled), opts));
}

Result<PolicyPtr> EndpointPolicy::change(const EndpointPolicy* old, const EndpointUrl& url, const std::string& document,
                                         WebhookCertificates* certificates) {
    BindOpts opts = old != nullptr ? old->source_ : no_opts(url.scheme());
    std::visit([&document](auto& each) {
        each.policy.reset();
        each.traffic_policy = document;
    }, opts);
    auto made = make(opts, url, certificates);
    if (!made) return made.error();
    const auto* before = old != nullptr ? old->policy().tls() : nullptr;
    const auto* after = *made ? (*made)->policy().tls() : nullptr;
    if (!same_terms(before, after))
        return ErrorInfo(errc::refused, "terminate-tls cannot be changed while the endpoint is online; bind it again");
    return made;
}

TlsSettings tls_settings(const policy::TlsTermination& wanted) {
    TlsSettings settings;
    settings.min_version = version_of(wanted.min_version, "1.2");
    settings.max_version = version_of(wanted.max_version, "1.3");
    settings.certificate_pem = wanted.certificate;
    settings.key_pem = wanted.key;
    if (!wanted.client_authorities.empty()) settings.client_cas = {wanted.client_authorities};
    settings.client_certificates = asked(wanted.verification);
    return settings;
}

} // namespace adit
