// What a policy is refused for: the number and text of behaviour C.1, the line, the column and the field.
#include "policy_support.hpp"

#include <adit/limits.hpp>

using namespace policy_test;

namespace {

CompileOptions options(UrlScheme protocol, bool internal = false, bool must_end = false) {
    CompileOptions made;
    made.protocol = protocol;
    made.internal = internal;
    made.must_end = must_end;
    return made;
}

/// A document with one action in the request phase; `config` is indented and begins at line 5.
std::string with_action(const std::string& type, const std::string& config, const std::string& phase = "on_http_request") {
    std::string text = phase + ":\n  - actions:\n      - type: " + type + "\n";
    if (config.empty()) return text;
    text += "        config:\n          ";
    for (const char c : config) {
        text += c;
        if (c == '\n') text += "          ";
    }
    return text + "\n";
}

} // namespace

TEST_CASE("a document that says nothing compiles to a policy without rules") {
    for (const std::string_view text : {"", "# only a remark\n", "{}", "on_http_request:\n", "on_http_request: []",
                                        "traffic_policy:\n", "{\"traffic_policy\": {\"on_http_request\": []}}",
                                        "enabled: false\ninbound:\n  - actions:\n      - type: nonsense\n"}) {
        CAPTURE(text);
        const auto policy = compiled(text);
        CHECK_FALSE(policy->has(Phase::tcp_connect));
        CHECK_FALSE(policy->has(Phase::http_request));
        CHECK_FALSE(policy->has(Phase::http_response));
        CHECK(policy->tls() == nullptr);
    }
}

TEST_CASE("validation errors name the place and the field") {
    struct Row {
        std::string text, error;
    };
    const Row rows[] = {
        // 2236: no document
        {"on_http_request: [", "2236 line 2, column 1: "},
        {"- a\n- b\n", "2236 line 1, column 1: policy: it has to be a map of phases, not a list"},
        {"traffic_policy: text", "2236 line 1, column 17: policy: it has to be a map of phases, not a string"},
        // 2204: fields
        {"on_http_requests: []\n", "2204 line 1, column 1: on_http_requests: there is no such phase"},
        {"on_http_request:\n  - action: []\n", "2204 line 2, column 5: on_http_request[0].action: there is no such field"},
        {"on_http_request:\n  - actions:\n      - type: deny\n        status: 1\n",
         "2204 line 4, column 9: on_http_request[0].actions[0].status: there is no such field"},
        {with_action("deny", "status_code: 403\nstatus: 1"),
         "2204 line 6, column 11: on_http_request[0].actions[0].config.status: there is no such field"},
        {with_action("close-connection", "force: true"), "2204 line 5, column 11: on_http_request[0].actions[0].config.force: "},
        // 2203: shapes
        {"on_http_request: deny\n", "2203 line 1, column 18: on_http_request: it has to be a list, not a string"},
        {"on_http_request:\n  - deny\n", "2203 line 2, column 5: on_http_request[0]: it has to be a map, not a string"},
        {"on_http_request:\n  - name: [a]\n    actions: []\n", "2203 line 2, column 11: on_http_request[0].name: "},
        {"on_http_request:\n  - expressions: 'true'\n    actions: []\n",
         "2203 line 2, column 18: on_http_request[0].expressions: it has to be a list, not a string"},
        {with_action("deny", "status_code: '403'"),
         "2203 line 5, column 24: on_http_request[0].actions[0].config.status_code: it has to be a whole number, not a string"},
        {"on_http_request:\n  - actions:\n      - type: deny\n        config: [1]\n",
         "2203 line 4, column 17: on_http_request[0].actions[0].config: it has to be a map, not a list"},
        {with_action("basic-auth", "credentials: ['user:password']\nenforce: 'yes'"),
         "2203 line 6, column 20: on_http_request[0].actions[0].config.enforce: it has to be true or false, not a string"},
        {with_action("basic-auth", "credentials: [user]"), "2203 line 5, column 24: on_http_request[0].actions[0].config.credentials: "},
        {with_action("basic-auth", "credentials: ['user:short']"), "2203 line 5, column 24: "},
        {with_action("basic-auth", "realm: x"), "2203 line 5, column 11: on_http_request[0].actions[0].config.credentials: it is required"},
        {with_action("add-headers", "headers: {}"), "2203 line 5, column 20: on_http_request[0].actions[0].config.headers: it needs at least 1"},
        {with_action("add-headers", "headers:\n  user-agent: x"), "2203 line 5, column 11: on_http_request[0].actions[0].config.headers.user-agent: "},
        {with_action("add-headers", "headers:\n  transfer-encoding: chunked"), "2203 "},
        {with_action("remove-headers", "headers: [user-agent]"), "2203 line 5, column 20: "},
        {with_action("redirect", "from: x"), "2203 line 5, column 11: on_http_request[0].actions[0].config.to: it is required"},
        {with_action("redirect", "from: 'a(b)'\nto: '$2'"), "2203 line 6, column 15: on_http_request[0].actions[0].config.to: "},
        {with_action("verify-webhook", "provider: nobody\nsecret: x"), "2203 line "},
        {with_action("rate-limit", "rate: 60s"), "2203 line 5, column 11: on_http_request[0].actions[0].config.capacity: it is required"},
        {with_action("rate-limit", "capacity: 1\nrate: soon"),
         "2203 line 6, column 17: on_http_request[0].actions[0].config.rate: it has to be a time such as \"10s\" or \"1m30s\", not \"soon\""},
        {with_action("rate-limit", "capacity: 1\nrate: 60"), "2203 line 6, column 17: "},
        {with_action("rate-limit", "capacity: 1\nrate: 60s\nalgorithm: token_bucket"), "2203 line 7, column 22: "},
        {with_action("forward-internal", "url: https://example.com"), "2203 line 5, column 16: on_http_request[0].actions[0].config.url: "},
        {with_action("forward-internal", "url: tcp://x.internal:1"), "2203 line 5, column 16: "},
        {with_action("forward-internal", "url: https://x.internal\non_error: retry"),
         "2203 line 6, column 21: on_http_request[0].actions[0].config.on_error: it has to be one of halt, continue, not \"retry\""},
        {with_action("restrict-ips", "enforce: true"), "2203 line 5, column 11: on_http_request[0].actions[0].config.allow: "},
        {with_action("log", ""), "2203 line 3, column 9: on_http_request[0].actions[0].config.metadata: it is required: a map"},
        {with_action("compress-response", "algorithms: [zstd]", "on_http_response"), "2203 line 5, column 23: "},
        {with_action("terminate-tls", "server_certificate: x", "on_tcp_connect"),
         "2203 line 5, column 11: on_tcp_connect[0].actions[0].config.server_private_key: a certificate and its key have to be given together"},
        {with_action("terminate-tls", "server_certificate: x\nserver_private_key: y", "on_tcp_connect"), "2203 line 5, column 31: "},
        {with_action("terminate-tls", "server_certificate: ${vars.x}\nserver_private_key: y", "on_tcp_connect"), "2203 line 5, column 31: "},
        {with_action("terminate-tls", "mutual_tls_certificate_authorities: [x]", "on_tcp_connect"), "2203 line 5, column 47: "},
        {with_action("terminate-tls", "mutual_tls_verification_strategy: require-and-verify", "on_tcp_connect"), "2203 line 5, column 45: "},
        // 2201: types
        {"on_http_request:\n  - actions:\n      - config: {}\n", "2201 line 3, column 9: on_http_request[0].actions[0].type: it is required"},
        {with_action("denied", ""), "2201 line 3, column 15: on_http_request[0].actions[0].type: there is no action \"denied\""},
        {with_action("user-agent-filter", ""), "2201 line 3, column 15: "},
        // 2202: an action in a phase that it is not for
        {with_action("compress-response", ""), "2202 line 3, column 15: on_http_request[0].actions[0].type: the action "
                                               "compress-response cannot be used in on_http_request"},
        {with_action("basic-auth", "", "on_http_response"), "2202 line 3, column 15: on_http_response[0].actions[0].type: "},
        {with_action("add-headers", "", "on_tcp_connect"), "2202 line 3, column 15: on_tcp_connect[0].actions[0].type: "},
        {with_action("deny", "", "on_http_response"), "2202 "},
        {with_action("terminate-tls", ""), "2202 "},
        // 2206: no action
        {"on_http_request:\n  - name: x\n", "2206 line 2, column 5: on_http_request[0]: a rule needs an action"},
        {"on_http_request:\n  - actions: []\n", "2206 line 2, column 14: on_http_request[0]: a rule needs an action"},
        // 2207: behind a terminating one
        {"on_http_request:\n  - actions:\n      - type: deny\n      - type: log\n        config: {metadata: {a: b}}\n",
         "2207 line 4, column 15: on_http_request[0].actions[1]: the action before it ends the traffic"},
        // 2215: ranges
        {with_action("deny", "status_code: 42"),
         "2215 line 5, column 24: on_http_request[0].actions[0].config.status_code: it has to be 200 to 599, not 42"},
        {with_action("redirect", "to: https://x.example\nstatus_code: 200"), "2215 line 6, column 24: "},
        {with_action("rate-limit", "capacity: 0\nrate: 60s"), "2215 line 5, column 21: "},
        {with_action("rate-limit", "capacity: 1\nrate: 10s"), "2215 line 6, column 17: on_http_request[0].actions[0].config.rate: it "
                                                              "has to be 1m to 24h, not 10s"},
        {with_action("rate-limit", "capacity: 1\nrate: 65s"), "2215 line 6, column 17: on_http_request[0].actions[0].config.rate: it "
                                                              "has to be a multiple of 10s"},
        {with_action("circuit-breaker", "error_threshold: 1.5"), "2215 line 5, column 28: "},
        {with_action("circuit-breaker", "window_duration: 3m"), "2215 line 5, column 28: "},
        {with_action("circuit-breaker", "tripped_duration: 500ms"), "2215 line 5, column 29: on_http_request[0].actions[0].config."
                                                                    "tripped_duration: it has to be 1s to 2m, not 500ms"},
        {with_action("circuit-breaker", "num_buckets: 5"), "2215 line 5, column 24: "},
        // 2216, 2217, 2218: addresses and counts
        {with_action("restrict-ips", "ip_policies: [ipp_1]"), "2216 line 5, column 24: on_http_request[0].actions[0].config.ip_policies: "},
        {with_action("restrict-ips", "allow: [10.0.0.0/8, 10.0.0.0/33]"),
         "2217 line 5, column 31: on_http_request[0].actions[0].config.allow[1]: \"10.0.0.0/33\" is no address and no CIDR"},
        {with_action("restrict-ips", "allow: [10.0.0.1]\ndeny:\n  - localhost"), "2217 line 7, column 15: on_http_request[0].actions[0].config.deny[0]: "},
        {with_action("remove-headers", "headers: [a, b, c, d, e, f, g, h, i, j, k]"),
         "2218 line 5, column 20: on_http_request[0].actions[0].config.headers: it has 11 of them; at most 10 are allowed"},
        {with_action("basic-auth", "credentials: [a, b, c, d, e, f, g, h, i, j, k]"), "2218 "},
        {with_action("rate-limit", "capacity: 1\nrate: 60s\nbucket_key: ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11']"), "2218 "},
        // 2222: TLS versions
        {with_action("terminate-tls", "min_version: '1.1'", "on_tcp_connect"),
         "2222 line 5, column 24: on_tcp_connect[0].actions[0].config.min_version: it has to be one of 1.2, 1.3, not \"1.1\""},
        {with_action("terminate-tls", "min_version: '1.3'\nmax_version: '1.2'", "on_tcp_connect"), "2222 line 6, column 24: "},
        // 2230: phases
        {"on_event_stream_message: []\n", "2230 line 1, column 1: on_event_stream_message: this phase is not built"},
        // 2251, 2252: variables
        {with_action("set-vars", "vars: [a]"), "2251 line 5, column 18: on_http_request[0].actions[0].config.vars[0]: "},
        {with_action("set-vars", "vars:\n  - a: 1\n    b: 2"), "2251 line 6, column 15: "},
        {with_action("set-vars", "vars:\n  - a-b: 1"), "2252 line 6, column 15: on_http_request[0].actions[0].config.vars[0]: "},
        // 2261: regular expressions
        {with_action("redirect", "from: 'a('\nto: x"), "2261 line 5, column 17: on_http_request[0].actions[0].config.from: "},
        {with_action("url-rewrite", "from: '(?=x)'\nto: x"), "2261 line 5, column 17: "},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const std::string got = refusal(row.text);
        CAPTURE(got);
        CHECK(got.starts_with(row.error));
    }
}

TEST_CASE("expressions that do not compile are 2200 in rules and 2224 in texts") {
    struct Row {
        std::string text, error;
    };
    const auto rule = [](const std::string& expression) {
        return "on_http_request:\n  - expressions:\n      - \"" + expression + "\"\n    actions:\n      - type: deny\n";
    };
    const Row rows[] = {
        {rule("req.method =="), "2200 line 3, column 9: on_http_request[0].expressions[0]: in the expression, line 1, column "},
        {rule("req.metod == 'GET'"), "2200 line 3, column 9: on_http_request[0].expressions[0]: in the expression, line 1, column "},
        {rule("nobody.there"), "2200 "},
        {rule("req.method == 1"), "2200 "},
        {rule("req.method"), "2200 line 3, column 9: on_http_request[0].expressions[0]: an expression of a rule has to be true "
                             "or false; this one is of type string"},
        {rule("res.status_code == 200"), "2200 "},
        {rule("getResHeader('x') == []"), "2200 "},
        {rule("req.url.path.matches('(')"), "2200 "},
        {"on_http_request:\n  - expressions: [1]\n    actions: [{type: deny}]\n", "2200 line 2, column 19: "},
        {with_action("custom-response", "body: 'a ${req.metod} b'"),
         "2224 line 5, column 17: on_http_request[0].actions[0].config.body: the expression \"req.metod\": "},
        {with_action("custom-response", "body: 'a ${req.method'"), "2224 line 5, column 17: "},
        {with_action("add-headers", "headers:\n  a: ok\n  b: ${nobody}"), "2224 line 7, column 16: on_http_request[0].actions[0].config.headers.b: "},
        {with_action("set-vars", "vars:\n  - a: [1, {b: '${nobody}'}]"), "2224 line 6, column 26: on_http_request[0].actions[0].config.vars[0].a: "},
        {with_action("rate-limit", "capacity: 1\nrate: 60s\nbucket_key: [nobody]"), "2200 line 7, column 24: on_http_request[0].actions[0].config.bucket_key[0]: "},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const std::string got = refusal(row.text);
        CAPTURE(got);
        CHECK(got.starts_with(row.error));
    }
}

TEST_CASE("an expression that needs data which this edge does not have says so") {
    struct Row {
        std::string expression, what;
    };
    const Row rows[] = {
        {"conn.geo.country_code == 'DE'", "conn.geo.*"},
        {"conn.client_ip.geo.location.country_code == 'DE'", "the geo data of addresses"},
        {"'com.github' in conn.client_ip.categories", "the categories of addresses"},
        {"conn.client_ip.is_on_blocklist", "blocklists"},
        {"conn.client_ip.is_tor_node", "Tor's nodes"},
        {"conn.client_ip.as.number == 1", "the networks of addresses (as.*)"},
        {"conn.tls.ja4_fingerprint == 'x'", "conn.tls.ja4_fingerprint"},
        {"conn.k8s.pod.id == 'x'", "Kubernetes"},
        {"secrets.get('v', 'n') == 'x'", "vaults and secrets"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.expression);
        const std::string got =
            refusal("on_http_request:\n  - expressions: [\"" + row.expression + "\"]\n    actions: [{type: deny}]\n");
        CAPTURE(got);
        CHECK(got.starts_with("2200 line 2, column 19: "));
        CHECK(got.ends_with("; this edge has no data for " + row.what));
    }
}

TEST_CASE("an action that is not built is refused with its name, in every phase and protocol") {
    for (const std::string name :
         {"http-request", "jwt-validation", "oauth", "openid-connect", "oidc", "saml", "owasp-crs-request", "owasp-crs-response",
          "request-body-find-replace", "response-body-find-replace", "sse-find-replace", "ai-gateway"}) {
        for (const std::string phase : {"on_tcp_connect", "on_http_request", "on_http_response"}) {
            CAPTURE(name);
            const std::string got = refusal(with_action(name, "", phase));
            CHECK(got.starts_with("2201 line 3, column 15: " + phase + "[0].actions[0].type: the action " + name + " is not built"));
        }
    }
}

TEST_CASE("phases and actions by the endpoint's protocol") {
    struct Row {
        UrlScheme protocol;
        bool internal;
        std::string text, error;
    };
    const std::string certificate = with_action("terminate-tls", "", "on_tcp_connect");
    const Row rows[] = {
        {UrlScheme::tcp, false, with_action("deny", "", "on_tcp_connect"), ""},
        {UrlScheme::tls, false, with_action("deny", "", "on_tcp_connect"), ""},
        {UrlScheme::http, false, with_action("deny", "", "on_tcp_connect"), ""},
        {UrlScheme::tcp, false, with_action("deny", ""), "2230 line 1, column 1: on_http_request: there are no requests on tcp endpoints"},
        {UrlScheme::tls, false, with_action("log", "metadata: {a: b}", "on_http_response"), "2230 line 1, column 1: on_http_response: "},
        {UrlScheme::tls, false, "on_http_request: []", "2230 "},
        {UrlScheme::tcp, false, "outbound: []", "2230 "},
        {UrlScheme::https, true, with_action("deny", "", "on_tcp_connect"), "2262 line 2, column 3: on_tcp_connect: "},
        {UrlScheme::http, true, with_action("deny", "", "on_tcp_connect"), "2262 "},
        {UrlScheme::tls, true, with_action("deny", "", "on_tcp_connect"), ""},
        {UrlScheme::https, true, "on_tcp_connect: []", ""},
        {UrlScheme::https, false, certificate, ""},
        {UrlScheme::tls, false, certificate, ""},
        {UrlScheme::tcp, false, certificate, ""},
        {UrlScheme::http, false, certificate, "2205 line 3, column 15: on_tcp_connect[0].actions[0].type: the action terminate-tls "
                                              "cannot be used on http endpoints"},
        {UrlScheme::tcp, false, with_action("forward-internal", "url: tcp://x.internal:22", "on_tcp_connect"), ""},
        {UrlScheme::tcp, false, with_action("forward-internal", "url: https://x.internal", "on_tcp_connect"), "2203 line 5, column 16: "},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const std::string got = refusal(row.text, options(row.protocol, row.internal));
        CAPTURE(got);
        CHECK((row.error.empty() ? got.empty() : got.starts_with(row.error)));
    }
}

TEST_CASE("a policy without an agent behind it has to end the traffic") {
    const CompileOptions cloud = options(UrlScheme::https, false, true);
    const std::string ends = with_action("custom-response", "body: x");
    CHECK(refusal(ends, cloud).empty());
    CHECK(refusal(with_action("forward-internal", "url: https://x.internal"), cloud).empty());
    CHECK(refusal(with_action("close-connection", "", "on_tcp_connect"), cloud).empty());
    for (const std::string& text :
         {std::string(), with_action("log", "metadata: {a: b}"),
          with_action("forward-internal", "url: https://x.internal\non_error: continue"), with_action("redirect", "to: https://x.example"),
          std::string("on_http_request:\n  - expressions: [\"req.method == 'GET'\"]\n    actions: [{type: deny}]\n"),
          with_action("custom-response", "", "on_http_response")}) {
        CAPTURE(text);
        CHECK(refusal(text, cloud).starts_with("2235 policy: there is no agent behind this endpoint"));
    }
}

TEST_CASE("terminate-tls: once, without expressions") {
    const std::string action = "    actions: [{type: terminate-tls}]\n";
    CHECK(refusal("on_tcp_connect:\n  - expressions: ['true']\n" + action).starts_with("2203 line 3, column 22: "));
    CHECK(refusal("on_tcp_connect:\n  - name: a\n" + action + "  - name: b\n" + action).starts_with("2203 line 5, column 22: "));
    CHECK(refusal("on_tcp_connect:\n  - name: a\n" + action).empty());
}

TEST_CASE("the numbers of rules, actions and expressions are bounded") {
    std::string rules = "on_http_request:\n";
    for (std::size_t i = 0; i <= limits::policy_rules_max; ++i) rules += "- {actions: [{type: deny}]}\n";
    CHECK(refusal(rules).starts_with("2264 line 1002, column 3: on_http_request[1000]: a policy has at most 1000 rules"));
    std::string actions = "on_http_request:\n- actions:\n";
    for (std::size_t i = 0; i <= limits::policy_actions_max; ++i) actions += "  - {type: log, config: {metadata: {a: b}}}\n";
    CHECK(refusal(actions).starts_with("2265 line 2003, column 5: on_http_request[0].actions[2000]: a policy has at most 2000"));
    std::string expressions = "on_http_request:\n- expressions: [";
    for (std::size_t i = 0; i <= limits::policy_expressions_max; ++i) expressions += "'true',";
    CHECK(refusal(expressions + "]\n  actions: [{type: deny}]\n").starts_with("2218 line 2, column 16: on_http_request[0].expressions: "));
}

TEST_CASE("documents of the second version and of agents that spell the keys otherwise") {
    const std::string_view old = R"({"inbound":[{"name":"in","expressions":["req.Method == 'PUT'"],"actions":[{"type":"deny"}]}],
        "outbound":[{"name":"out","expressions":["res.StatusCode == '200'"],"actions":[{"type":"custom-response",
        "config":{"status_code":201}}]}]})";
    const std::string_view upper = R"({"Inbound":[{"Name":"in","Expressions":["req.Method == 'PUT'"],"Actions":[{"Type":"deny",
        "Config":{"status_code":403}}]}],"Outbound":[{"Name":"out","Expressions":["res.StatusCode == '200'"],
        "Actions":[{"Type":"custom-response","Config":{"status_code":201}}]}]})";
    for (const std::string_view text : {old, upper}) {
        CHECK(fate(text, "/", {}, "PUT") == "403");
        CHECK(fate(text, "/") == "go on");
        Endpoint endpoint(text);
        Request request(endpoint, "GET", "/");
        CHECK(describe(request.request()) == "go on");
        Head response = response_head(200);
        CHECK(describe(request.respond(response)) == "201");
    }
    CHECK(compiled("inbound: [{actions: [{type: deny}]}]", options(UrlScheme::tcp))->has(Phase::tcp_connect));
}
