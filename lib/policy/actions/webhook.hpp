// Is this request really from GitHub, Stripe, ...? (behaviour C.2 verify-webhook, C.5). Each provider's
// scheme is a row of webhook_providers.cpp.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "http/fields.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::policy {

/// What a provider signed, as it came. Views: valid during verify().
struct WebhookRequest {
    std::string_view method;
    /// Whole, as the provider has it: "https://app.example/hook?a=b". Twilio and others sign it.
    std::string_view url;
    const Fields& fields;
    /// All of it; buffered up to limits::webhook_body_max.
    Bytes body;
    std::chrono::sys_seconds now;
};

/// What the edge answers itself, without asking the application: a provider's challenge.
struct WebhookAnswer {
    int status = 200;
    std::string content_type;
    std::string body;
};

struct WebhookResult {
    bool verified = false;
    /// Why not, for `actions.ngrok.verify_webhook.error` and logs; never a secret. Empty if verified.
    std::string error;
    /// Set if this is a provider's challenge (twitter, worldline, xero, zoom): answer it and do not forward
    /// it, whatever `verified` says.
    std::optional<WebhookAnswer> answer;
    /// sns: the signature can be checked with the certificate behind this URL, which is Amazon's own. Fetch
    /// it over verified TLS and verify again.
    std::string certificate_url;
};

/// What was fetched for WebhookResult::certificate_url.
struct WebhookCertificate {
    std::string_view url;
    std::optional<std::string_view> pem; ///< nullopt: it could not be had
};

/// How webhooks of one provider with one secret are verified. Compares in constant time. Thread-safe after
/// construction.
class WebhookVerifier {
public:
    /// `provider` is a name of behaviour C.5 ("github"), or "standard_webhooks". 2203 if it is unknown, or
    /// known but not built (a request is never let through half-verified), or if the secret is missing or not
    /// of the provider's form (379 for sendgrid). For sns the secret is optional: the account (12 digits) or
    /// the ARN of the only topics that are let in.
    static Result<WebhookVerifier> create(std::string_view provider, std::string secret);

    /// `certificate`: null at first; what the first result's certificate_url led to.
    WebhookResult verify(const WebhookRequest& request, const WebhookCertificate* certificate = nullptr) const;

    /// sns: its signatures need certificates from Amazon. Do not accept a policy with it where none can be
    /// fetched: every message would be refused.
    bool needs_certificates() const noexcept;

private:
    struct State;
    explicit WebhookVerifier(std::shared_ptr<const State> state) : state_(std::move(state)) {}

    std::shared_ptr<const State> state_;
};

/// The providers that create() takes, and those it knows by name only; sorted.
std::vector<std::string_view> built_webhook_providers();
std::vector<std::string_view> unbuilt_webhook_providers();

} // namespace adit::inline v0::policy
