#include "policy/actions/webhook.hpp"

#include "base/base64.hpp"
#include "policy/actions/webhook_scheme.hpp"

#include <adit/limits.hpp>

namespace adit::inline v0::policy {
namespace {

using webhook::Scheme;

ErrorInfo refuse(std::string why, int number = 2203) { return {ngrok_error(number), std::move(why)}; }

std::string_view without(std::string_view prefix, std::string_view text) noexcept {
    return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

} // namespace

struct WebhookVerifier::State {
    const Scheme* scheme = nullptr;
    std::string key; // the secret as the bytes that are used
    std::optional<tls::PublicKey> public_key;

    webhook::Verdict check(const webhook::Check& check) const {
        switch (scheme->kind) {
        case Scheme::Kind::mac: return check_mac(check);
        case Scheme::Kind::token: return check_token(check);
        case Scheme::Kind::form: return check_form(check);
        case Scheme::Kind::mailgun: return check_mailgun(check);
        case Scheme::Kind::graphcms: return check_graphcms(check);
        case Scheme::Kind::contentful: return check_contentful(check);
        case Scheme::Kind::ecdsa: return check_ecdsa(check, *public_key);
        case Scheme::Kind::sns: break; // has a function of its own
        }
        return "unknown scheme";
    }
};

Result<WebhookVerifier> WebhookVerifier::create(std::string_view provider, std::string secret) {
    const std::string name(provider.substr(0, 64));
    auto state = std::make_shared<State>();
    state->scheme = webhook::find_scheme(provider);
    if (state->scheme == nullptr) {
        return refuse(webhook::is_known(provider)
                          ? "webhooks of " + name +
                                " are not verified by this edge: how they are signed is not public enough"
                          : "there is no webhook provider \"" + name + "\"");
    }
    if (secret.size() > limits::webhook_secret_max) return refuse("the secret is too long");
    if (secret.empty() && state->scheme->key != Scheme::Key::topic)
        return refuse("webhooks of " + name + " need a secret");
    switch (state->scheme->key) {
    case Scheme::Key::text: state->key = std::move(secret); break;
    case Scheme::Key::clearbit: state->key = without("sk_", secret); break;
    case Scheme::Key::base64: {
        const auto key = base64_decode(without("whsec_", secret));
        if (!key || key->empty()) return refuse("a secret of " + name + " is base64");
        state->key = *key;
        break;
    }
    case Scheme::Key::spki: {
        const auto der = base64_decode(secret);
        auto key =
            der ? tls::PublicKey::from_der(as_bytes(*der)) : Result<tls::PublicKey>(errc::invalid_option);
        if (!key) return refuse("the secret of " + name + " is its public key, in base64", 379);
        state->public_key = std::move(*key);
        break;
    }
    case Scheme::Key::topic: {
        const bool account =
            secret.size() == 12 && secret.find_first_not_of("0123456789") == std::string::npos;
        if (!secret.empty() && !account && !secret.starts_with("arn:")) {
            return refuse(
                "for " + name +
                " the secret is the account that owns the topic (12 digits) or the ARN of the topic");
        }
        state->key = std::move(secret);
        break;
    }
    }
    return WebhookVerifier(std::move(state));
}

bool WebhookVerifier::needs_certificates() const noexcept {
    return state_->scheme->kind == Scheme::Kind::sns;
}

WebhookResult WebhookVerifier::verify(const WebhookRequest& request, const WebhookCertificate* certificate) const {
    const webhook::Check check{*state_->scheme, state_->key, request};
    if (needs_certificates()) return check_sns(check, certificate);
    WebhookResult result;
    result.error = state_->check(check);
    result.verified = result.error.empty();
    result.answer = answer_challenge(check, result.verified);
    return result;
}

} // namespace adit::inline v0::policy
