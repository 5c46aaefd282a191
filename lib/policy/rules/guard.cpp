// The actions that let in or refuse: by address, password, signature and User-Agent.
#include "policy/actions/basic_auth.hpp"
#include "policy/actions/ip_set.hpp"
#include "policy/actions/user_agent.hpp"
#include "policy/actions/webhook.hpp"
#include "policy/http_values.hpp"
#include "policy/rules/make.hpp"
#include "policy/scope.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0::policy {
namespace {

using cel::Value;

bool all_literal(const std::vector<Template>& texts) noexcept {
    return std::ranges::all_of(texts, [](const Template& text) { return text.is_literal(); });
}

Result<std::vector<std::string>> texts_of(const std::vector<Template>& templates, const Scope& scope) {
    std::vector<std::string> out;
    out.reserve(templates.size());
    for (const Template& each : templates) {
        auto text = each.text(scope);
        if (!text) return text.error();
        out.push_back(std::move(*text));
    }
    return out;
}

/// A configuration that could be checked at run time only.
ErrorInfo resolved(const ErrorInfo& problem) { return ErrorInfo(ngrok_error(2238), problem.message()); }

class RestrictIps final : public Action {
public:
    explicit RestrictIps(Config& config)
        : enforce_(config.boolean("enforce", true)), allow_(config.text_list("allow", 0, limits::ip_set_ranges_max)),
          deny_(config.text_list("deny", 0, limits::ip_set_ranges_max)) {
        if (!config.list("ip_policies", 0, limits::ip_set_ranges_max).empty())
            config.fail(2216, "ip_policies", "this edge has no IP policies; write the ranges into allow and deny");
        if (config.failed()) return;
        if (allow_.empty() && deny_.empty()) {
            config.fail(2203, "allow", "allow or deny needs at least one range");
            return;
        }
        if (!all_literal(allow_) || !all_literal(deny_)) return;
        std::vector<std::string> allow, deny;
        for (const Template& each : allow_) allow.push_back(each.literal());
        for (const Template& each : deny_) deny.push_back(each.literal());
        for (const auto& [name, list] : {std::pair("allow", &allow), std::pair("deny", &deny)}) {
            for (std::size_t i = 0; i < list->size(); ++i) {
                if (!Cidr::parse((*list)[i]))
                    config.fail_item(2217, name, i, "\"" + (*list)[i] + "\" is no address and no CIDR");
            }
        }
        auto made = IpSet::create(allow, deny);
        if (made) {
            set_ = std::move(*made);
            allow_.clear();
            deny_.clear();
        } else {
            config.fail(number_of(made.error()), "allow", made.error().message());
        }
    }

    Flow run(Scope& scope) const override {
        if (set_) return judge(scope, *set_);
        auto allow = texts_of(allow_, scope);
        if (!allow) return scope.fail(allow.error());
        auto deny = texts_of(deny_, scope);
        if (!deny) return scope.fail(deny.error());
        auto made = IpSet::create(*allow, *deny);
        return made ? judge(scope, *made) : scope.fail(resolved(made.error()));
    }

private:
    Flow judge(Scope& scope, const IpSet& set) const {
        const IpDecision decision = set.decide(scope.facts.client.address);
        if (scope.wants_results()) {
            scope.set_result(ResultId::restrict_ips,
                             {Value::string(decision.allowed ? "allow" : "deny"),
                              decision.matched ? Value::string(decision.matched->to_string()) : Value()});
        }
        if (decision.allowed || !enforce_) return Flow::next;
        return scope.refuse_or_close(3203, 403);
    }

    bool enforce_;
    std::vector<Template> allow_, deny_;
    std::optional<IpSet> set_;
};

class BasicAuth final : public Action {
public:
    explicit BasicAuth(Config& config)
        : realm_(config.plain("realm", "ngrok")), enforce_(config.boolean("enforce", true)),
          credentials_(config.text_list("credentials", 1, limits::basic_auth_users_max)) {
        const std::string problem = realm_problem(realm_);
        if (!problem.empty()) config.fail(2203, "realm", problem);
        if (config.failed() || !all_literal(credentials_)) return;
        std::vector<std::string> pairs;
        for (const Template& each : credentials_) pairs.push_back(each.literal());
        auto made = BasicAuthUsers::create(pairs);
        if (made) {
            users_ = std::move(*made);
            credentials_.clear();
        } else {
            const int number = number_of(made.error());
            config.fail(number == 359 || number == 360 ? 2203 : number, "credentials", made.error().message());
        }
    }

    Flow run(Scope& scope) const override {
        if (users_) return judge(scope, *users_);
        auto pairs = texts_of(credentials_, scope);
        if (!pairs) return scope.fail(pairs.error());
        auto made = BasicAuthUsers::create(*pairs);
        return made ? judge(scope, *made) : scope.fail(resolved(made.error()));
    }

private:
    Flow judge(Scope& scope, const BasicAuthUsers& users) const {
        const BasicCredential credential = BasicCredential::from(*scope.request);
        const bool authorized = users.check(credential);
        if (scope.wants_results()) {
            scope.set_result(ResultId::basic_auth,
                             {make_credentials_value(credential.presented(), credential.username(), authorized)});
        }
        if (authorized || !enforce_) return Flow::next;
        scope.page(0, 401, "Give a user name and a password of this endpoint.");
        scope.outcome.page.head.add("WWW-Authenticate", basic_challenge(realm_));
        return Flow::stop;
    }

    std::string realm_;
    bool enforce_;
    std::vector<Template> credentials_;
    std::optional<BasicAuthUsers> users_;
};

class FilterUserAgent final : public Action {
public:
    explicit FilterUserAgent(Config& config) {
        const std::vector<std::string> allow = config.plain_list("allow", 0, limits::module_entries_max);
        const std::vector<std::string> deny = config.plain_list("deny", 0, limits::module_entries_max);
        auto made = UserAgentFilter::create(allow, deny);
        if (made) {
            filter_ = std::move(*made);
        } else {
            config.fail(number_of(made.error()), made.error().message().starts_with("deny") ? "deny" : "allow",
                        made.error().message());
        }
    }
    Flow run(Scope& scope) const override {
        if (filter_->allows(*scope.request)) return Flow::next;
        return scope.refuse(3211, 403);
    }

private:
    std::optional<UserAgentFilter> filter_;
};

class VerifyWebhook final : public Action {
public:
    explicit VerifyWebhook(Config& config)
        : provider_(config.plain("provider")), secret_(config.text("secret", false)),
          enforce_(config.boolean("enforce", true)) {
        config.compile().program.needs_body = true;
        if (config.failed()) return;
        // One that is known at run time only is tried with a stand-in: what is wrong with the provider shows now.
        auto made = WebhookVerifier::create(provider_, secret_.is_literal() ? secret_.literal() : std::string());
        if (made && made->needs_certificates() && !config.compile().fetches_certificates()) {
            config.fail(2203, "provider", "the provider \"" + provider_ + "\" signs with certificates that have to be fetched, "
                                             "and this edge fetches none: its operator does not want it, or it has no "
                                             "root certificates to verify by");
        } else if (made && secret_.is_literal()) {
            verifier_ = std::move(*made);
        } else if (secret_.is_literal() || !std::ranges::count(built_webhook_providers(), provider_)) {
            config.fail(2203, secret_.is_empty() ? "provider" : "secret", made.error().message());
        }
    }

    Flow run(Scope& scope) const override {
        if (!scope.request->has_body()) return with_body(scope, {}, nullptr);
        scope.outcome = Outcome();
        scope.outcome.kind = Outcome::Kind::need_body;
        scope.outcome.body_max = limits::webhook_body_max;
        return Flow::wait;
    }

    Flow with_body(Scope& scope, std::string_view body, const WebhookCertificate* certificate) const override {
        if (verifier_) return judge(scope, *verifier_, body, certificate);
        auto secret = secret_.text(scope);
        if (!secret) return scope.fail(secret.error());
        auto made = WebhookVerifier::create(provider_, std::move(*secret));
        return made ? judge(scope, *made, body, certificate) : scope.fail(resolved(made.error()));
    }

private:
    Flow judge(Scope& scope, const WebhookVerifier& verifier, std::string_view body,
               const WebhookCertificate* certificate) const {
        const WebhookRequest request{scope.request->method(), scope.original_url(), *scope.request, as_bytes(body),
                                     std::chrono::floor<std::chrono::seconds>(scope.now.wall)};
        WebhookResult result = verifier.verify(request, certificate);
        if (!result.certificate_url.empty() && certificate == nullptr) { // once: the body does not name another one later
            scope.outcome = Outcome();
            scope.outcome.kind = Outcome::Kind::need_certificate;
            scope.outcome.url = result.certificate_url;
            scope.certificate_url = std::move(result.certificate_url);
            return Flow::wait;
        }
        if (scope.wants_results()) {
            scope.set_result(ResultId::verify_webhook,
                             {Value::boolean(result.verified),
                              result.verified ? Value() : make_error_value("ERR_NGROK_3204", result.error)});
        }
        if (result.answer) {
            Head head = Head::response(result.answer->status);
            if (!result.answer->content_type.empty()) head.add("content-type", result.answer->content_type);
            return scope.answer(std::move(head), result.answer->body);
        }
        if (result.verified || !enforce_) return Flow::next;
        return scope.refuse(3204, 403, result.error);
    }

    std::string provider_;
    Template secret_;
    bool enforce_;
    std::optional<WebhookVerifier> verifier_;
};

} // namespace

std::unique_ptr<const Action> make_restrict_ips(Config& config, bool&) { return std::make_unique<RestrictIps>(config); }

std::unique_ptr<const Action> make_basic_auth(Config& config, bool&) { return std::make_unique<BasicAuth>(config); }

std::unique_ptr<const Action> make_user_agent_filter(Config& config, bool&) {
    return std::make_unique<FilterUserAgent>(config);
}

std::unique_ptr<const Action> make_verify_webhook(Config& config, bool&) { return std::make_unique<VerifyWebhook>(config); }

} // namespace adit
