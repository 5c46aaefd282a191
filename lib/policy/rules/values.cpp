// set-vars, log and terminate-tls.
#include "policy/rules/make.hpp"
#include "policy/scope.hpp"
#include "tls/identity.hpp"
#include "tls/trust_roots.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0::policy {
namespace {

using cel::Value;

bool is_identifier(std::string_view name) noexcept {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !name.empty() && letter(name.front()) &&
           std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

class SetVars final : public Action {
public:
    explicit SetVars(Config& config) {
        std::size_t index = 0;
        for (const Node& item : config.list("vars", 1, limits::policy_vars_max)) {
            const std::string path = config.path_of("vars") + "[" + std::to_string(index++) + "]";
            if (!item.is(Node::Kind::map) || item.entries().size() != 1) {
                config.compile().fail(2251, item.mark(), path, "it has to be a map with one entry: the variable's name and value");
                return;
            }
            const auto& [name, value] = item.entries().front();
            if (!is_identifier(name.text())) {
                config.compile().fail(2252, name.mark(), path, "\"" + name.text() +
                                                                   "\" is no name: letters, digits and _, no digit first");
                return;
            }
            vars_.emplace_back(name.text(), config.value(value, path + "." + name.text()));
        }
    }
    Flow run(Scope& scope) const override {
        for (const auto& [name, content] : vars_) {
            auto value = content.value(scope);
            if (!value) return scope.fail(value.error());
            if (!scope.set_var(name, std::move(*value))) {
                return scope.fail(ErrorInfo(ngrok_error(3900), "the variables of one phase have more than " +
                                                                   std::to_string(limits::policy_vars_bytes_max) + " bytes"));
            }
        }
        return Flow::next;
    }

private:
    std::vector<std::pair<std::string, ValueTemplate>> vars_;
};

class Log final : public Action {
public:
    explicit Log(Config& config) {
        const Node* node = config.node("metadata");
        if (node == nullptr || !node->is(Node::Kind::map)) {
            config.fail(2203, "metadata", "it is required: a map");
            return;
        }
        metadata_ = config.value(*node, config.path_of("metadata"));
    }
    Flow run(Scope& scope) const override {
        if (scope.logs.size() >= limits::policy_logs_max && !scope.wants_results()) return Flow::next;
        auto value = metadata_.value(scope);
        if (!value) return scope.fail(value.error());
        auto text = text_of(*value);
        if (!text) return scope.fail(text.error());
        scope.log(std::move(*text));
        if (scope.wants_results()) scope.set_result(ResultId::log, {std::move(*value)});
        return Flow::next;
    }

private:
    ValueTemplate metadata_;
};

/// PEM cannot depend on a request: the handshake is over before one comes.
void refuse_expression(Config& config, std::string_view name, std::string_view text) {
    if (text.find("${") != std::string_view::npos)
        config.fail(2203, name, "the handshake comes before every expression: write the PEM text itself");
}

void read_certificate(Config& config, TlsTermination& tls) {
    tls.certificate = config.plain("server_certificate", "");
    tls.key = config.plain("server_private_key", "");
    refuse_expression(config, "server_certificate", tls.certificate);
    refuse_expression(config, "server_private_key", tls.key);
    if (config.failed() || (tls.certificate.empty() && tls.key.empty())) return;
    if (tls.certificate.empty() || tls.key.empty()) {
        config.fail(2203, tls.key.empty() ? "server_private_key" : "server_certificate",
                    "a certificate and its key have to be given together");
        return;
    }
    auto identity = tls::Identity::from_pem(tls.certificate, tls.key);
    if (!identity) config.fail(2203, "server_certificate", identity.error().message());
}

void read_client_authorities(Config& config, TlsTermination& tls) {
    const std::vector<std::string> authorities =
        config.plain_list("mutual_tls_certificate_authorities", 0, limits::module_entries_max);
    const std::string strategy = config.choice("mutual_tls_verification_strategy", "require-and-verify",
                                               {"require-and-verify", "require-any", "request"});
    for (const std::string& pem : authorities) {
        refuse_expression(config, "mutual_tls_certificate_authorities", pem);
        tls.client_authorities += pem;
        if (!pem.ends_with('\n')) tls.client_authorities += '\n';
    }
    if (config.failed()) return;
    if (!authorities.empty()) {
        if (auto roots = tls::TrustRoots::from_pem(tls.client_authorities); !roots)
            config.fail(2203, "mutual_tls_certificate_authorities", roots.error().message());
    }
    if (strategy == "request") {
        tls.verification = ClientVerification::request;
    } else if (strategy == "require-any") {
        tls.verification = ClientVerification::require_any;
    } else if (!authorities.empty()) {
        tls.verification = ClientVerification::require_and_verify;
    } else if (config.has("mutual_tls_verification_strategy")) {
        config.fail(2203, "mutual_tls_verification_strategy",
                    "there are no mutual_tls_certificate_authorities to verify certificates by");
    }
}

} // namespace

std::unique_ptr<const Action> make_set_vars(Config& config, bool&) { return std::make_unique<SetVars>(config); }

std::unique_ptr<const Action> make_log(Config& config, bool&) { return std::make_unique<Log>(config); }

std::unique_ptr<const Action> make_terminate_tls(Config& config, bool&) {
    TlsTermination tls;
    tls.min_version = config.choice("min_version", "1.2", {"1.2", "1.3"}, 2222);
    tls.max_version = config.choice("max_version", "1.3", {"1.2", "1.3"}, 2222);
    if (tls.min_version > tls.max_version) config.fail(2222, "max_version", "it is less than min_version");
    read_certificate(config, tls);
    read_client_authorities(config, tls);
    config.compile().program.tls = std::move(tls);
    return nullptr;
}

} // namespace adit
