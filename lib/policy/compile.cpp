#include "policy/compile.hpp"

#include "policy/rules/make.hpp"
#include "policy/variables.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0::policy {
namespace {

bool is_web(UrlScheme protocol) noexcept { return protocol == UrlScheme::http || protocol == UrlScheme::https; }

unsigned bit_of(Phase phase) noexcept { return 1u << static_cast<unsigned>(phase); }
unsigned bit_of(UrlScheme protocol) noexcept {
    switch (protocol) {
    case UrlScheme::http: return on_http;
    case UrlScheme::https: return on_https;
    case UrlScheme::tls: return on_tls;
    case UrlScheme::tcp: return on_tcp;
    }
    return 0;
}

/// The keys of rules in small letters: some agents send "Name", "Expressions", "Type".
std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    return out;
}

/// The fields of a map whose names are compared without case.
class Parts {
public:
    Parts(Compile& compile, const Node& node, const std::string& path, std::initializer_list<std::string_view> names) {
        if (!node.is(Node::Kind::map)) {
            compile.fail(2203, node.mark(), path, "it has to be a map, not " + std::string(node.kind_name()));
            return;
        }
        for (const auto& [key, value] : node.entries()) {
            const std::string name = lower(key.text());
            if (std::ranges::find(names, name) == names.end())
                compile.fail(2204, key.mark(), path + "." + key.text(), "there is no such field");
            if (!value.is(Node::Kind::null)) found_.emplace_back(name, &value);
        }
    }
    const Node* find(std::string_view name) const noexcept {
        for (const auto& [each, node] : found_) {
            if (each == name) return node;
        }
        return nullptr;
    }

private:
    std::vector<std::pair<std::string, const Node*>> found_;
};

std::string item(const std::string& path, std::size_t index) { return path + "[" + std::to_string(index) + "]"; }

const Node* list_of(Compile& compile, const Node* node, const std::string& path) {
    if (node == nullptr || node->is(Node::Kind::list)) return node;
    compile.fail(2203, node->mark(), path, "it has to be a list, not " + std::string(node->kind_name()));
    return nullptr;
}

void compile_action(Compile& compile, Rule& rule, const Node& node, const std::string& path) {
    const Parts parts(compile, node, path, {"type", "config"});
    if (compile.failed()) return;
    const Node* type = parts.find("type");
    if (type == nullptr) return compile.fail(2201, node.mark(), path + ".type", "it is required");
    if (++compile.actions > limits::policy_actions_max) {
        return compile.fail(2265, node.mark(), path,
                            "a policy has at most " + std::to_string(limits::policy_actions_max) + " actions");
    }
    const std::string& name = type->text();
    if (is_unbuilt_action(name)) {
        return compile.fail(2201, type->mark(), path + ".type",
                            "the action " + name + " is not built in this version of the edge; without it the endpoint "
                                                   "would not do what you ask for, so remove it or use another action");
    }
    const ActionKind* kind = find_action(name);
    if (kind == nullptr || (kind->internal && !compile.of_modules))
        return compile.fail(2201, type->mark(), path + ".type", "there is no action \"" + name + "\"");
    if ((kind->phases & bit_of(compile.phase)) == 0) {
        return compile.fail(2202, type->mark(), path + ".type",
                            "the action " + name + " cannot be used in " + std::string(to_string(compile.phase)));
    }
    if ((kind->protocols & bit_of(compile.options.protocol)) == 0) {
        return compile.fail(2205, type->mark(), path + ".type",
                            "the action " + name + " cannot be used on " +
                                std::string(to_string(compile.options.protocol)) + " endpoints");
    }
    if (rule.ends)
        return compile.fail(2207, type->mark(), path, "the action before it ends the traffic, so it would never run");
    if (name == "terminate-tls") {
        if (compile.program.tls) return compile.fail(2203, type->mark(), path, "terminate-tls is given twice");
        if (!rule.conditions.empty()) {
            return compile.fail(2203, type->mark(), path,
                                "terminate-tls cannot depend on expressions: the handshake comes before all of them");
        }
    }
    const Node none = Node::map({}, node.mark());
    const Node* given = parts.find("config");
    Config config(compile, given != nullptr ? *given : none, path + ".config");
    if (compile.failed()) return;
    bool ends = false;
    std::unique_ptr<const Action> action = kind->make(config, ends);
    config.finish();
    if (compile.failed()) return;
    if (action) rule.actions.push_back(std::move(action));
    rule.ends = ends;
}

void compile_conditions(Compile& compile, Rule& rule, const Node* list, const std::string& path) {
    if (list == nullptr || compile.failed()) return;
    if (list->items().size() > limits::policy_expressions_max) {
        return compile.fail(2218, list->mark(), path,
                            "a rule has at most " + std::to_string(limits::policy_expressions_max) + " expressions");
    }
    for (const Node& node : list->items()) {
        const std::string each = item(path, rule.conditions.size());
        auto program = compile.expression(node, each);
        if (!program) return;
        const cel::Type& type = program->type();
        if (!type.is(cel::Type::Kind::boolean) && !type.is_dyn()) {
            return compile.fail(2200, node.mark(), each,
                                "an expression of a rule has to be true or false; this one is of type " + type.to_string());
        }
        rule.conditions.push_back(Rule::Condition{node.text(), std::move(*program)});
    }
}

void compile_rule(Compile& compile, const Node& node, const std::string& path) {
    const Parts parts(compile, node, path, {"name", "expressions", "actions"});
    if (compile.failed()) return;
    if (++compile.rules > limits::policy_rules_max) {
        return compile.fail(2264, node.mark(), path,
                            "a policy has at most " + std::to_string(limits::policy_rules_max) + " rules");
    }
    Rule rule;
    if (const Node* name = parts.find("name")) {
        if (name->is(Node::Kind::list) || name->is(Node::Kind::map))
            return compile.fail(2203, name->mark(), path + ".name", "it has to be a string");
        rule.name = name->text();
    }
    compile_conditions(compile, rule, list_of(compile, parts.find("expressions"), path + ".expressions"),
                       path + ".expressions");
    const Node* actions = list_of(compile, parts.find("actions"), path + ".actions");
    if (compile.failed()) return;
    if (actions == nullptr || actions->items().empty())
        return compile.fail(2206, actions != nullptr ? actions->mark() : node.mark(), path, "a rule needs an action");
    std::size_t index = 0;
    for (const Node& action : actions->items()) {
        compile_action(compile, rule, action, item(path + ".actions", index++));
        if (compile.failed()) return;
    }
    if (!rule.actions.empty()) compile.program.rules(compile.phase).push_back(std::move(rule));
}

struct PhaseName {
    std::string_view name;
    Phase phase;
};
constexpr PhaseName phase_names[] = {
    {"on_tcp_connect", Phase::tcp_connect},
    {"on_http_request", Phase::http_request},
    {"on_http_response", Phase::http_response},
};

/// Of a key of the document; nullopt after an error, or for a key that is no phase.
std::optional<Phase> phase_of(Compile& compile, const Node& key) {
    const bool web = is_web(compile.options.protocol);
    const std::string name = lower(key.text());
    // of the second version: on tcp and tls endpoints there are connections only
    if (name == "inbound") return web ? Phase::http_request : Phase::tcp_connect;
    if (name == "outbound") {
        if (!web) compile.fail(2230, key.mark(), key.text(), "there are no answers on tcp and tls endpoints");
        return Phase::http_response;
    }
    if (name == "on_event_stream_message") {
        compile.fail(2230, key.mark(), key.text(), "this phase is not built in this version of the edge; remove it");
        return {};
    }
    const auto* found = std::ranges::find(phase_names, std::string_view(key.text()), &PhaseName::name);
    if (found == std::end(phase_names)) {
        compile.fail(2204, key.mark(), key.text(),
                     "there is no such phase; there are on_tcp_connect, on_http_request and on_http_response");
        return {};
    }
    if (found->phase != Phase::tcp_connect && !web) {
        compile.fail(2230, key.mark(), key.text(),
                     "there are no requests on " + std::string(to_string(compile.options.protocol)) + " endpoints; use "
                                                                                                     "on_tcp_connect");
    }
    return found->phase;
}

} // namespace

void compile_rules(Compile& compile, Phase phase, const Node& list, const std::string& path) {
    compile.phase = phase;
    if (list_of(compile, &list, path) == nullptr) return;
    if (phase == Phase::tcp_connect && !list.items().empty() && compile.options.internal && is_web(compile.options.protocol)) {
        return compile.fail(2262, list.mark(), path,
                            "internal http and https endpoints get requests, and no connections of their own");
    }
    std::size_t index = 0;
    for (const Node& rule : list.items()) {
        compile_rule(compile, rule, item(path, index++));
        if (compile.failed()) return;
    }
}

void compile_module(Compile& compile, Phase phase, std::string_view path, std::string_view action, Node config) {
    compile.phase = phase;
    Rule rule;
    rule.name = path;
    std::vector<Node::Entry> entries;
    entries.emplace_back(Node::literal("type"), Node::literal(std::string(action)));
    entries.emplace_back(Node::literal("config"), std::move(config));
    compile_action(compile, rule, Node::map(std::move(entries)), std::string(path));
    if (!compile.failed() && !rule.actions.empty()) compile.program.rules(phase).push_back(std::move(rule));
}

void compile_document(Compile& compile, const Node& root) {
    const Node* document = &root;
    if (const Node* inner = root.find("traffic_policy"); inner != nullptr && root.entries().size() == 1) document = inner;
    if (document->is(Node::Kind::null)) return;
    if (!document->is(Node::Kind::map)) {
        return compile.fail(2236, document->mark(), "policy",
                            "it has to be a map of phases, not " + std::string(document->kind_name()));
    }
    if (const Node* enabled = document->find("enabled"); enabled != nullptr && enabled->is(Node::Kind::boolean)) {
        if (!enabled->as_boolean()) return; // of the second version
    }
    for (const auto& [key, rules] : document->entries()) {
        if (key.text() == "enabled" && rules.is(Node::Kind::boolean)) continue;
        const auto phase = phase_of(compile, key);
        if (compile.failed()) return;
        if (phase && !rules.is(Node::Kind::null)) compile_rules(compile, *phase, rules, key.text());
        if (compile.failed()) return;
    }
}

void finish_document(Compile& compile) {
    if (compile.failed() || !compile.options.must_end) return;
    const auto ends = [&](Phase phase) {
        return std::ranges::any_of(compile.program.rules(phase),
                                   [](const Rule& rule) { return rule.ends && rule.conditions.empty(); });
    };
    if (ends(Phase::tcp_connect) || (is_web(compile.options.protocol) && ends(Phase::http_request))) return;
    compile.fail(2235, {}, "policy",
                 "there is no agent behind this endpoint, so a rule without expressions has to end the traffic, for instance "
                 "by custom-response or forward-internal");
}

} // namespace adit
