// The modules of a bind are rules of the same engine (behaviour C.5, D.5).
#include "policy_support.hpp"

#include "proto/codec.hpp"

using namespace policy_test;

namespace {

CompileOptions for_protocol(UrlScheme protocol) {
    CompileOptions options;
    options.protocol = protocol;
    return options;
}

std::string refusal(const BindOpts& opts, UrlScheme protocol = UrlScheme::https) {
    const auto made = policy::compile_bind(opts, for_protocol(protocol));
    return made ? std::string() : error_text(made.error());
}

Endpoint bound(const BindOpts& opts, UrlScheme protocol = UrlScheme::https) {
    auto made = policy::compile_bind(opts, for_protocol(protocol));
    if (!made) FAIL(error_text(made.error()));
    REQUIRE(*made != nullptr);
    return Endpoint(*made, for_protocol(protocol));
}

template <class Change>
HttpOpts http(Change&& change) {
    HttpOpts opts;
    change(opts);
    return opts;
}

void credential(HttpOpts& opts, const std::string& user, const std::string& password) {
    if (!opts.basic_auth) opts.basic_auth.emplace();
    opts.basic_auth->credentials.emplace_back();
    opts.basic_auth->credentials.back().username = user;
    opts.basic_auth->credentials.back().cleartext_password = password;
}

} // namespace

TEST_CASE("a bind without modules has no policy") {
    const auto none = policy::compile_bind(HttpOpts(), for_protocol(UrlScheme::https));
    REQUIRE(none);
    CHECK(*none == nullptr);
    HttpOpts empty = http([](HttpOpts& o) {
        o.traffic_policy = "";
        o.ip_restriction.emplace();
        o.circuit_breaker.emplace(); // 0 is off
        o.request_headers.emplace();
        o.user_agent_filter.emplace();
    });
    CHECK(*policy::compile_bind(empty, for_protocol(UrlScheme::https)) == nullptr);
    empty.traffic_policy = "on_http_request: []";
    CHECK(*policy::compile_bind(empty, for_protocol(UrlScheme::https)) == nullptr);
    CHECK(*policy::compile_bind(TcpOpts(), for_protocol(UrlScheme::tcp)) == nullptr);
    CHECK(*policy::compile_bind(TlsOpts(), for_protocol(UrlScheme::tls)) == nullptr);
}

TEST_CASE("values of modules that are refused, and modules that are not built") {
    struct Row {
        HttpOpts opts;
        std::string error;
    };
    const auto ips = [](std::vector<std::string> allow, std::vector<std::string> deny) {
        return http([&](HttpOpts& o) {
            o.ip_restriction.emplace();
            o.ip_restriction->allow_cidrs = std::move(allow);
            o.ip_restriction->deny_cidrs = std::move(deny);
        });
    };
    const auto headers = [](std::string line) {
        return http([&](HttpOpts& o) {
            o.request_headers.emplace();
            o.request_headers->add = {std::move(line)};
        });
    };
    const Row rows[] = {
        {http([](HttpOpts& o) { credential(o, "", "password1"); }), "359 BasicAuth: "},
        {http([](HttpOpts& o) { credential(o, std::string(129, 'u'), "password1"); }), "359 BasicAuth: "},
        {http([](HttpOpts& o) { credential(o, "user", "short"); }), "360 BasicAuth: "},
        {http([](HttpOpts& o) { credential(o, "user", std::string(129, 'p')); }), "360 BasicAuth: "},
        {http([](HttpOpts& o) { o.auth = "user"; }), "360 BasicAuth: "},
        {http([](HttpOpts& o) {
             credential(o, "user", "password1");
             o.basic_auth->credentials[0].hashed_password = "x";
         }),
         "9026 ERR_NGROK_2201: the module \"BasicAuth.hashed_password\" is not available"},
        {ips({"10.0.0.0/33"}, {}), "362 IPRestriction: \"10.0.0.0/33\" is no address and no CIDR"},
        {ips({"0.0.0.0/0"}, {"x"}), "362 IPRestriction: \"x\""},
        {ips({}, {"10.0.0.0/8"}), "393 IPRestriction: deny_cidrs without allow_cidrs lets nobody in"},
        {headers("no colon"), "9026 RequestHeaders: \"no colon\" is not of the form name:value"},
        {headers("transfer-encoding: chunked"), "9026 ERR_NGROK_2203: RequestHeaders.config.headers.transfer-encoding: "},
        {http([](HttpOpts& o) {
             o.circuit_breaker.emplace();
             o.circuit_breaker->error_threshold = 1.5;
         }),
         "9026 ERR_NGROK_2215: CircuitBreaker.config.error_threshold: "},
        {http([](HttpOpts& o) {
             o.user_agent_filter.emplace();
             o.user_agent_filter->deny = {"a("};
         }),
         "9026 ERR_NGROK_2090: UserAgentFilter.config.deny: "},
        {http([](HttpOpts& o) {
             o.webhook_verification.emplace();
             o.webhook_verification->provider = "nobody";
             o.webhook_verification->secret = "x";
         }),
         "9026 ERR_NGROK_2203: WebhookVerification.config."},
        {http([](HttpOpts& o) {
             o.webhook_verification.emplace();
             o.webhook_verification->provider = "github";
             o.webhook_verification->sealed_secret = "x";
         }),
         "9026 ERR_NGROK_2201: the module \"WebhookVerification.sealed_secret\" is not available"},
        {http([](HttpOpts& o) {
             o.mutual_tls_ca.emplace();
             o.mutual_tls_ca->mutual_tls_ca = "no PEM";
         }),
         "9026 ERR_NGROK_2203: MutualTLSCA.config.mutual_tls_certificate_authorities: "},
        {http([](HttpOpts& o) { o.oauth.emplace(); }), "9026 ERR_NGROK_2201: the module \"OAuth\" is not available in this version of the edge"},
        {http([](HttpOpts& o) { o.oidc.emplace(); }), "9026 ERR_NGROK_2201: the module \"OIDC\" is not available"},
        {http([](HttpOpts& o) { o.websocket_tcp_converter.emplace(); }), "9026 ERR_NGROK_2201: the module \"WebsocketTCPConverter\" is not available"},
        {http([](HttpOpts& o) { o.host_header_rewrite = true; }), "9026 ERR_NGROK_2201: the module \"HostHeaderRewrite\" is not available"},
        {http([](HttpOpts& o) { o.traffic_policy = "on_http_request:\n  - actions:\n      - type: oauth\n"; }),
         "9026 ERR_NGROK_2201: line 3, column 15: on_http_request[0].actions[0].type: the action oauth is not built"},
        {http([](HttpOpts& o) { o.traffic_policy = "["; }), "9026 ERR_NGROK_2236: line "},
    };
    for (const Row& row : rows) {
        const std::string got = refusal(row.opts);
        CAPTURE(got);
        CAPTURE(row.error);
        CHECK(got.starts_with(row.error));
    }
    TlsOpts tls;
    tls.tls_termination.emplace();
    tls.tls_termination->sealed_key = "x";
    CHECK(refusal(tls, UrlScheme::tls).starts_with("9026 ERR_NGROK_2201: the module \"TLSTermination.sealed_key\""));
    tls.tls_termination.reset();
    tls.mutual_tls_at_edge.emplace();
    CHECK(refusal(tls, UrlScheme::tls).starts_with("9026 ERR_NGROK_2201: the module \"MutualTLSAtEdge without TLSTermination\""));
    tls.mutual_tls_at_edge.reset();
    tls.tls_termination.emplace();
    tls.tls_termination->cert = "x";
    CHECK(refusal(tls, UrlScheme::tls).starts_with("9026 ERR_NGROK_2203: TLSTermination.config.server_private_key: "));
}

TEST_CASE("the old and the new policy field exclude each other, and the old one alone holds") {
    const auto decoded = [](const std::string& members) {
        auto made = decode_bind_request(R"({"Id":"x","Proto":"https","Opts":{)" + members + "}}");
        REQUIRE(made);
        return made->opts;
    };
    const std::string old = R"("Policy":{"Inbound":[{"Actions":[{"Type":"deny","Config":{"status_code":404}}]}]})";
    CHECK(refusal(decoded(old + R"(,"TrafficPolicy":"on_http_request: []")")).starts_with("9025 "));
    CHECK(refusal(decoded(old + R"(,"TrafficPolicy":"")")).empty());
    Endpoint endpoint = bound(decoded(old));
    CHECK(fate(endpoint, "/") == "404");
    CHECK(*policy::compile_bind(decoded(R"("Policy":null)"), for_protocol(UrlScheme::https)) == nullptr);
}

TEST_CASE("each module does what it is named after") {
    Endpoint basic = bound(http([](HttpOpts& o) { credential(o, "user", "${req.x}"); })); // nothing special in a password
    CHECK(fate(basic, "/") == "401");
    CHECK(fate(basic, "/", {{"Authorization", "Basic dXNlcjoke3JlcS54fQ=="}}) == "go on");
    Endpoint old_auth = bound(http([](HttpOpts& o) { o.auth = "user:password1"; }));
    CHECK(fate(old_auth, "/") == "401");
    CHECK(fate(old_auth, "/", {{"Authorization", "Basic dXNlcjpwYXNzd29yZDE="}}) == "go on");

    Endpoint ips = bound(http([](HttpOpts& o) {
        o.ip_restriction.emplace();
        o.ip_restriction->allow_cidrs = {"203.0.113.0/24"};
        o.ip_restriction->deny_cidrs = {"203.0.113.10"};
    }));
    CHECK(fate(ips, "/") == "go on");
    ips.facts.client.address = *IpAddress::parse("203.0.113.10");
    CHECK(fate(ips, "/") == "403 ERR_NGROK_3203");

    Endpoint agents = bound(http([](HttpOpts& o) {
        o.user_agent_filter.emplace();
        o.user_agent_filter->allow = {"^good"};
        o.user_agent_filter->deny = {"bad"};
    }));
    CHECK(fate(agents, "/", {{"User-Agent", "bad bot"}}) == "403 ERR_NGROK_3211");
    CHECK(fate(agents, "/", {{"User-Agent", "good bad bot"}}) == "go on");

    Endpoint webhook = bound(http([](HttpOpts& o) {
        o.webhook_verification.emplace();
        o.webhook_verification->provider = "github";
        o.webhook_verification->secret = "secret";
    }));
    CHECK(fate(webhook, "/", {}, "POST") == "403 ERR_NGROK_3204");

    Endpoint headers = bound(http([](HttpOpts& o) {
        o.request_headers.emplace();
        o.request_headers->add = {"X-A:1", "x-b:  ${req.method}:2 "};
        o.request_headers->remove = {"x-a", "x-c"};
        o.response_headers.emplace();
        o.response_headers->add = {"x-d: 4"};
        o.response_headers->remove = {"server"};
    }));
    Request request(headers, "GET", "/", {{"X-A", "old"}, {"X-C", "3"}});
    CHECK(describe(request.request()) == "go on");
    CHECK(lines_of(request.head) == "Host: app.example.com\nx-a: 1\nx-b: ${req.method}:2\n");
    Head response = response_head(200, {{"Server", "x"}});
    CHECK(describe(request.respond(response)) == "go on");
    CHECK(lines_of(response) == "x-d: 4\n");

    Endpoint parsed = bound(http([](HttpOpts& o) {
        o.request_headers.emplace();
        o.request_headers->add_parsed = {{"x-a", "1"}};
    }));
    Request other(parsed, "GET", "/");
    CHECK(describe(other.request()) == "go on");
    CHECK(other.head.find("x-a") == "1");

    Endpoint compression = bound(http([](HttpOpts& o) { o.compression.emplace(); }));
    Request compressed(compression, "GET", "/", {{"Accept-Encoding", "gzip"}});
    CHECK(describe(compressed.request()) == "go on");
    Head text = response_head(200, {{"Content-Type", "text/plain"}}, 5000);
    CHECK(compressed.respond(text).encoder.has_value());

    Endpoint breaker = bound(http([](HttpOpts& o) {
        o.circuit_breaker.emplace();
        o.circuit_breaker->error_threshold = 0.5;
    }));
    CHECK(breaker.state->policy().has(Phase::http_response));
    for (int i = 0; i < 10; ++i) {
        Request one(breaker, "GET", "/");
        CHECK(describe(one.request()) == "go on");
        Head failed = response_head(500);
        one.respond(failed);
    }
    CHECK(fate(breaker, "/") == "503 ERR_NGROK_3202");
}

TEST_CASE("modules of tcp and tls endpoints end the connection") {
    TcpOpts tcp;
    tcp.ip_restriction.emplace();
    tcp.ip_restriction->allow_cidrs = {"10.0.0.0/8"};
    Endpoint endpoint = bound(tcp, UrlScheme::tcp);
    CHECK_FALSE(endpoint.state->policy().has(Phase::http_request));
    policy::Visit visit(endpoint.state, endpoint.facts);
    CHECK(describe(visit.on_tcp_connect(at(0ms))) == "close");
    TlsOpts tls;
    tls.ip_restriction = tcp.ip_restriction;
    tls.tls_termination.emplace(); // with a certificate of the edge
    Endpoint other = bound(tls, UrlScheme::tls);
    REQUIRE(other.state->policy().tls() != nullptr);
    CHECK(other.state->policy().tls()->certificate.empty());
    policy::Visit second(other.state, other.facts);
    CHECK(describe(second.on_tcp_connect(at(0ms))) == "close");
}

TEST_CASE("the order of modules and policy") {
    // who may come in, in this order, and each is asked before the policy
    HttpOpts opts = http([](HttpOpts& o) {
        o.ip_restriction.emplace();
        o.ip_restriction->allow_cidrs = {"10.0.0.0/8"};
        o.user_agent_filter.emplace();
        o.user_agent_filter->deny = {"bad"};
        credential(o, "user", "password1");
        o.webhook_verification.emplace();
        o.webhook_verification->provider = "github";
        o.webhook_verification->secret = "secret";
        o.traffic_policy = "on_http_request:\n  - actions: [{type: deny, config: {status_code: 410}}]\n";
    });
    const Headers bad = {{"User-Agent", "bad"}};
    Endpoint all = bound(opts);
    CHECK(fate(all, "/", bad) == "403 ERR_NGROK_3203");
    opts.ip_restriction.reset();
    Endpoint no_ips = bound(opts);
    CHECK(fate(no_ips, "/", bad) == "403 ERR_NGROK_3211");
    const Headers good = {{"User-Agent", "good"}};
    CHECK(fate(no_ips, "/", good) == "401");
    opts.basic_auth.reset();
    Endpoint no_auth = bound(opts);
    CHECK(fate(no_auth, "/", good) == "403 ERR_NGROK_3204");
    opts.webhook_verification.reset();
    Endpoint rest = bound(opts);
    CHECK(fate(rest, "/", good) == "410");

    // request headers come before the policy, response headers behind it
    HttpOpts edits = http([](HttpOpts& o) {
        o.request_headers.emplace();
        o.request_headers->add = {"x-a: module"};
        o.response_headers.emplace();
        o.response_headers->remove = {"x-b"};
        o.traffic_policy = "on_http_request:\n  - expressions: [\"hasReqHeader('x-a')\"]\n    actions: [{type: add-headers, config: "
                           "{headers: {x-seen: '1'}}}]\non_http_response:\n  - actions: [{type: add-headers, config: {headers: "
                           "{x-b: policy, x-c: policy}}}]\n";
    });
    Endpoint endpoint = bound(edits);
    Request request(endpoint, "GET", "/");
    CHECK(describe(request.request()) == "go on");
    CHECK(request.head.has("x-seen"));
    Head response = response_head(200);
    CHECK(describe(request.respond(response)) == "go on");
    CHECK(lines_of(response) == "x-c: policy\n");
}
