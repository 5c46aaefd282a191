#include "policy/modules.hpp"

#include "base/cidr.hpp"
#include "policy/actions/basic_auth.hpp"
#include "policy/compile.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace adit::inline v0::policy {
namespace {

ErrorInfo unsupported(std::string_view module) {
    return ErrorInfo(ngrok_error(9026), "ERR_NGROK_2201: the module \"" + std::string(module) +
                                            "\" is not available in this version of the edge; bind without it");
}

/// An error of the policy, told to who binds.
ErrorInfo invalid(const ErrorInfo& error) {
    return ErrorInfo(ngrok_error(9026), "ERR_NGROK_" + std::to_string(number_of(error)) + ": " + error.message());
}

Node strings(const std::vector<std::string>& texts) {
    std::vector<Node> items;
    items.reserve(texts.size());
    for (const std::string& text : texts) items.push_back(Node::literal(text));
    return Node::list(std::move(items));
}

Node::Entry entry(std::string_view name, Node value) {
    return {Node::literal(std::string(name)), std::move(value)};
}

std::string trim(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The modules of one bind, compiled one after the other; the first error ends it.
class Modules {
public:
    explicit Modules(Compile& compile) : compile_(compile) {}

    bool failed() const noexcept { return error_.has_value() || compile_.failed(); }
    ErrorInfo error() const { return error_ ? *error_ : invalid(*compile_.error); }

    void add(Phase phase, std::string_view module, std::string_view action, std::vector<Node::Entry> config) {
        if (failed()) return;
        compile_.of_modules = true;
        compile_module(compile_, phase, module, action, Node::map(std::move(config)));
        compile_.of_modules = false;
    }

    void refuse(bool there, std::string_view module) {
        if (there && !failed()) error_ = unsupported(module);
    }

    void ip_restriction(Phase phase, const std::optional<IpRestrictionOpts>& opts) {
        if (!opts || failed()) return;
        for (const auto* list : {&opts->allow_cidrs, &opts->deny_cidrs}) {
            for (const std::string& text : *list) {
                if (!Cidr::parse(text)) return fail(362, "IPRestriction: \"" + text + "\" is no address and no CIDR");
            }
        }
        if (opts->allow_cidrs.empty() && opts->deny_cidrs.empty()) return;
        if (opts->allow_cidrs.empty()) {
            return fail(393, "IPRestriction: deny_cidrs without allow_cidrs lets nobody in; allow 0.0.0.0/0 and ::/0 to "
                             "let in everybody else");
        }
        add(phase, "IPRestriction", "restrict-ips",
            {entry("allow", strings(opts->allow_cidrs)), entry("deny", strings(opts->deny_cidrs))});
    }

    void user_agent_filter(const std::optional<UserAgentFilterOpts>& opts) {
        if (!opts || (opts->allow.empty() && opts->deny.empty())) return;
        add(Phase::http_request, "UserAgentFilter", "user-agent-filter",
            {entry("allow", strings(opts->allow)), entry("deny", strings(opts->deny))});
    }

    void basic_auth(const HttpOpts& opts) {
        std::vector<BasicAuthUsers::Pair> pairs;
        if (!opts.auth.empty()) {
            const std::size_t colon = opts.auth.find(':');
            pairs.push_back({opts.auth.substr(0, colon), colon == std::string::npos ? "" : opts.auth.substr(colon + 1)});
        }
        if (opts.basic_auth) {
            for (const BasicAuthCredential& each : opts.basic_auth->credentials) {
                refuse(!each.hashed_password.empty(), "BasicAuth.hashed_password");
                pairs.push_back({each.username, each.cleartext_password});
            }
        }
        if (pairs.empty() && opts.basic_auth)
            return fail(9026, "BasicAuth: it names no user, and would let nobody in; name one, or bind without it");
        if (pairs.empty() || failed()) return;
        if (auto users = BasicAuthUsers::create(pairs); !users) {
            const int number = number_of(users.error());
            if (number == 359 || number == 360) return fail(number, "BasicAuth: " + users.error().message());
            error_ = invalid(users.error());
            return;
        }
        std::vector<std::string> texts;
        for (const BasicAuthUsers::Pair& pair : pairs) texts.push_back(pair.username + ":" + pair.password);
        add(Phase::http_request, "BasicAuth", "basic-auth", {entry("credentials", strings(texts))});
    }

    void webhook(const std::optional<WebhookVerificationOpts>& opts) {
        if (!opts) return;
        refuse(!opts->sealed_secret.empty(), "WebhookVerification.sealed_secret");
        add(Phase::http_request, "WebhookVerification", "verify-webhook",
            {entry("provider", Node::literal(opts->provider)), entry("secret", Node::literal(opts->secret))});
    }

    void circuit_breaker(const std::optional<CircuitBreakerOpts>& opts) {
        if (!opts || opts->error_threshold == 0) return;
        add(Phase::http_request, "CircuitBreaker", "circuit-breaker",
            {entry("error_threshold", Node::number(opts->error_threshold))});
    }

    void headers(Phase phase, std::string_view module, const std::optional<HeadersOpts>& opts) {
        if (!opts) return;
        if (!opts->remove.empty()) add(phase, module, "remove-headers", {entry("headers", strings(opts->remove))});
        std::vector<Node::Entry> added;
        for (const std::string& line : opts->add) {
            const std::size_t colon = line.find(':');
            if (colon == std::string::npos) {
                error_ = ErrorInfo(ngrok_error(9026), fmt::format("{}: \"{}\" is not of the form name:value", module, line));
                return;
            }
            added.push_back(entry(trim(line.substr(0, colon)), Node::literal(trim(line.substr(colon + 1)))));
        }
        if (added.empty()) { // the same once more, from agents that send it in this form only
            for (const auto& [name, value] : opts->add_parsed) added.push_back(entry(name, Node::literal(value)));
        }
        if (!added.empty()) add(phase, module, "add-headers", {entry("headers", Node::map(std::move(added)))});
    }

    void compression(const std::optional<CompressionOpts>& opts) {
        if (opts) add(Phase::http_response, "Compression", "compress-response", {});
    }

    void mutual_tls(const std::optional<MutualTlsOpts>& opts, std::string_view module, std::vector<Node::Entry> config) {
        if (opts)
            config.push_back(entry("mutual_tls_certificate_authorities", strings({opts->mutual_tls_ca})));
        add(Phase::tcp_connect, module, "terminate-tls", std::move(config));
    }

    /// The document; `old` is the field of agents of the second version.
    void document(const std::optional<JsonValue>& old, const std::optional<std::string>& text) {
        const bool has_old = old && old->json() != "null";
        const bool has_text = text && !text->empty();
        if (failed() || (!has_old && !has_text)) return;
        if (has_old && has_text)
            return fail(9025, "the bind has both a Policy and a TrafficPolicy; send the TrafficPolicy alone");
        auto root = read_document(has_old ? old->json() : *text);
        if (!root) {
            error_ = invalid(root.error());
            return;
        }
        compile_document(compile_, *root);
    }

private:
    void fail(int number, std::string message) {
        if (!failed()) error_ = ErrorInfo(ngrok_error(number), std::move(message));
    }

    Compile& compile_;
    std::optional<ErrorInfo> error_;
};

void read(Modules& modules, const HttpOpts& opts) {
    // No official SDK sends it: ngrok's for Rust adds the request header "host" instead, for only the agent
    // knows the upstream.
    modules.refuse(opts.host_header_rewrite, "HostHeaderRewrite");
    modules.refuse(opts.oauth.has_value(), "OAuth");
    modules.refuse(opts.oidc.has_value(), "OIDC");
    modules.refuse(opts.websocket_tcp_converter.has_value(), "WebsocketTCPConverter");
    if (opts.mutual_tls_ca) modules.mutual_tls(opts.mutual_tls_ca, "MutualTLSCA", {});
    modules.ip_restriction(Phase::http_request, opts.ip_restriction);
    modules.user_agent_filter(opts.user_agent_filter);
    modules.basic_auth(opts);
    modules.webhook(opts.webhook_verification);
    modules.circuit_breaker(opts.circuit_breaker);
    modules.headers(Phase::http_request, "RequestHeaders", opts.request_headers);
    modules.document(opts.policy, opts.traffic_policy);
    modules.headers(Phase::http_response, "ResponseHeaders", opts.response_headers);
    modules.compression(opts.compression);
}

void read(Modules& modules, const TcpOpts& opts) {
    modules.ip_restriction(Phase::tcp_connect, opts.ip_restriction);
    modules.document(opts.policy, opts.traffic_policy);
}

void read(Modules& modules, const TlsOpts& opts) {
    if (opts.tls_termination) {
        modules.refuse(!opts.tls_termination->sealed_key.empty(), "TLSTermination.sealed_key");
        modules.mutual_tls(opts.mutual_tls_at_edge, "TLSTermination",
                           {entry("server_certificate", Node::literal(opts.tls_termination->cert)),
                            entry("server_private_key", Node::literal(opts.tls_termination->key))});
    } else {
        modules.refuse(opts.mutual_tls_at_edge.has_value(), "MutualTLSAtEdge without TLSTermination");
    }
    modules.ip_restriction(Phase::tcp_connect, opts.ip_restriction);
    modules.document(opts.policy, opts.traffic_policy);
}

} // namespace

Result<std::shared_ptr<const Policy>> compile_bind(const BindOpts& opts, const CompileOptions& options) {
    auto program = std::make_unique<Program>();
    Compile compile(options, *program);
    Modules modules(compile);
    std::visit([&](const auto& each) { read(modules, each); }, opts);
    if (!modules.failed()) finish_document(compile);
    if (modules.failed()) return modules.error();
    const bool no_rules = std::ranges::all_of(program->phases, [](const auto& rules) { return rules.empty(); });
    if (no_rules && !program->tls) return std::shared_ptr<const Policy>();
    return std::make_shared<const Policy>(std::move(program));
}

} // namespace adit
