// The traffic policy of an endpoint: the modules and the document of its bind, compiled and at work.
#pragma once

#include "base/result.hpp"
#include "base/url.hpp"
#include "edge/body_budget.hpp"
#include "edge/endpoint_tls.hpp"
#include "policy/policy.hpp"
#include "proto/messages.hpp"

#include <memory>
#include <string>

namespace adit::inline v0::edge {

class WebhookCertificates;

/// Immutable but for its state. Legs of one agent share it, so that they count together.
class EndpointPolicy {
public:
    /// Null if nothing of a policy is asked for. `certificates`: where those that sign webhooks come from; null: nowhere.
    /// Errors: policy::compile_bind().
    static Result<std::shared_ptr<const EndpointPolicy>> make(const BindOpts& opts, const EndpointUrl& url,
                                                              WebhookCertificates* certificates);
    /// The same with another document, "" for none; `old` may be null. errc::refused if it asks for other TLS terms: those
    /// hold for the handshakes that were made.
    static Result<std::shared_ptr<const EndpointPolicy>> change(const EndpointPolicy* old, const EndpointUrl& url,
                                                                const std::string& document,
                                                                WebhookCertificates* certificates);

    EndpointPolicy(std::shared_ptr<const policy::Policy> policy, BindOpts source);

    const std::shared_ptr<policy::State>& state() const noexcept { return state_; }
    const policy::Policy& policy() const noexcept { return state_->policy(); }
    bool has(policy::Phase phase) const noexcept { return policy().has(phase); }
    /// What is held of bodies for it.
    const std::shared_ptr<BodyBudget>& bodies() const noexcept { return bodies_; }
    /// They ask for the same.
    bool same_as(const EndpointPolicy& other) const { return text_ == other.text_; }

private:
    const BindOpts source_;
    const std::string text_;
    const std::shared_ptr<policy::State> state_;
    const std::shared_ptr<BodyBudget> bodies_ = std::make_shared<BodyBudget>();
};

using PolicyPtr = std::shared_ptr<const EndpointPolicy>;

/// What terminate-tls says. Its versions count where they are not what it says by itself, so that the edge's own stay.
TlsSettings tls_settings(const policy::TlsTermination& wanted);

} // namespace adit
