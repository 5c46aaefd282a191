// What each action does to a request and its answer (behaviour C.2).
#include "policy_support.hpp"

#include "policy/actions/compression.hpp"

using namespace policy_test;

namespace {

std::string rule(const std::string& type, const std::string& config) {
    return "  - actions:\n      - type: " + type + "\n        config: " + config + "\n";
}
std::string on_request(const std::string& type, const std::string& config) { return "on_http_request:\n" + rule(type, config); }
std::string on_response(const std::string& type, const std::string& config) { return "on_http_response:\n" + rule(type, config); }

/// The answer that a policy gives to a GET: status, fields, a blank line, body.
std::string answer(const std::string& text, const Headers& headers = {}, std::string_view target = "/a?b=c",
                   std::string_view method = "GET") {
    Endpoint endpoint(text);
    Request request(endpoint, method, target, headers);
    const Outcome outcome = request.request();
    if (outcome.kind != Kind::respond) return describe(outcome);
    return describe(outcome) + "\n" + lines_of(outcome.page.head) + "\n" + outcome.page.body;
}

/// The request that the agent gets: its line and its fields.
std::string passed(const std::string& text, std::string_view target = "/a?b=c", const Headers& headers = {}) {
    Endpoint endpoint(text);
    Request request(endpoint, "GET", target, headers);
    const Outcome outcome = request.request();
    if (outcome.kind != Kind::go_on) return describe(outcome);
    return std::string(request.head.target()) + "\n" + lines_of(request.head);
}

/// The answer of an application after the policy.
std::string answered(const std::string& text, Head response) {
    Endpoint endpoint(text);
    Request request(endpoint, "GET", "/", {{"Accept-Encoding", "br;q=0.5, gzip"}});
    REQUIRE(describe(request.request()) == "go on");
    const Outcome outcome = request.respond(response);
    if (outcome.kind != Kind::go_on) return describe(outcome) + "\n" + lines_of(outcome.page.head) + "\n" + outcome.page.body;
    return std::to_string(response.status()) + (outcome.encoder ? " encoded\n" : "\n") + lines_of(response);
}

} // namespace

TEST_CASE("deny") {
    CHECK(answer(on_request("deny", "{}")) == "403\nContent-Length: 0\n\n");
    CHECK(answer(on_request("deny", "{status_code: 404}")) == "404\nContent-Length: 0\n\n");
    CHECK(answer("on_http_request:\n  - actions: [{type: deny}]\n") == "403\nContent-Length: 0\n\n");
    Endpoint endpoint("on_tcp_connect:\n" + rule("deny", "{status_code: 404}"));
    policy::Visit visit(endpoint.state, endpoint.facts);
    CHECK(describe(visit.on_tcp_connect(at(0ms))) == "close");
}

TEST_CASE("close-connection") {
    CHECK(answer(on_request("close-connection", "{}")) == "close");
    Endpoint endpoint("on_tcp_connect:\n  - expressions: ['conn.client_port == 51234']\n    actions: [{type: close-connection}]\n");
    policy::Visit visit(endpoint.state, endpoint.facts);
    CHECK(describe(visit.on_tcp_connect(at(0ms))) == "close");
    endpoint.facts.client.port = 1;
    policy::Visit other(endpoint.state, endpoint.facts);
    CHECK(describe(other.on_tcp_connect(at(0ms))) == "go on");
}

TEST_CASE("custom-response") {
    struct Row {
        std::string config, answer;
    };
    const Row rows[] = {
        {"{}", "200\nContent-Length: 0\n\n"},
        {"{body: hello}", "200\ncontent-type: text/plain; charset=utf-8\nContent-Length: 5\n\nhello"},
        {"{status_code: 503, body: '{\"a\": 1}'}", "503\ncontent-type: application/json\nContent-Length: 8\n\n{\"a\": 1}"},
        {"{body: ' [1] '}", "200\ncontent-type: application/json\nContent-Length: 5\n\n [1] "},
        {"{body: '<!DOCTYPE html><p>x'}", "200\ncontent-type: text/html; charset=utf-8\nContent-Length: 19\n\n<!DOCTYPE html><p>x"},
        {"{body: '${req.method} ${req.url.path}', headers: {Content-Type: text/x, X-A: '${conn.client_ip}'}}",
         "200\ncontent-type: text/x\nx-a: 203.0.113.9\nContent-Length: 6\n\nGET /a"},
        {"{status_code: 204, body: x}", "204\ncontent-type: text/plain; charset=utf-8\n\n"},
        {"{body: 42}", "200\ncontent-type: text/plain; charset=utf-8\nContent-Length: 2\n\n42"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.config);
        CHECK(answer(on_request("custom-response", row.config)) == row.answer);
    }
    CHECK(answer(on_request("custom-response", "{body: hello}"), {}, "/", "HEAD") ==
          "200\ncontent-type: text/plain; charset=utf-8\nContent-Length: 5\n\n");
    CHECK(answered(on_response("custom-response", "{status_code: 418, body: '${res.status_code}'}"), response_head(200, {}, 3)) ==
          "418\ncontent-type: text/plain; charset=utf-8\nContent-Length: 3\n\n200");
}

TEST_CASE("a header that an interpolation made unfit is not sent") {
    CHECK(answer(on_request("custom-response", R"({headers: {a: "${'x\\r\\ny: z'}", b: c}})")) == "200\nb: c\nContent-Length: 0\n\n");
}

TEST_CASE("redirect") {
    struct Row {
        std::string config, answer;
    };
    const Row rows[] = {
        {"{to: 'https://other.example/'}", "302\nlocation: https://other.example/\nContent-Length: 0\n\n"},
        {"{to: '/login?next=${url.escape(req.url.uri)}', status_code: 307}",
         "307\nlocation: /login?next=%2Fa%3Fb%3Dc\nContent-Length: 0\n\n"},
        {"{from: '/a\\?', to: '/z?'}", "302\nlocation: https://app.example.com/z?b=c\nContent-Length: 0\n\n"},
        {"{from: '^https://(\\w+)\\.example\\.com/(.*)$', to: 'https://example.com/$1/$2', headers: {x-a: b}}",
         "302\nx-a: b\nlocation: https://example.com/app/a?b=c\nContent-Length: 0\n\n"},
        {"{from: '${req.url.path}\\?', to: '/z?'}", "302\nlocation: https://app.example.com/z?b=c\nContent-Length: 0\n\n"},
        {"{from: nothing, to: '/z'}", "go on"},
        {"{from: '/a', to: '/a'}", "go on"}, // the same
        {"{to: 'https://app.example.com/a?b=c'}", "go on"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.config);
        CHECK(answer(on_request("redirect", row.config)) == row.answer);
    }
    CHECK(answer(on_request("redirect", R"({to: "${'a\\nb'}"})")).starts_with("500 ERR_NGROK_2238"));
}

TEST_CASE("a redirect ends its phase, a skipped one does not") {
    const std::string then = rule("custom-response", "{body: then}");
    CHECK(answer(on_request("redirect", "{to: 'https://x.example/'}") + then).starts_with("302"));
    CHECK(answer(on_request("redirect", "{from: nothing, to: x}") + then).starts_with("200"));
}

TEST_CASE("url-rewrite") {
    const std::string host = "Host: app.example.com\n";
    struct Row {
        std::string config, request;
    };
    const Row rows[] = {
        {"{from: '/a\\?', to: '/z?'}", "/z?b=c\n" + host},
        {"{from: nothing, to: '/z'}", "/a?b=c\n" + host},
        {"{from: '[ac]', to: 'x'}", "/x?b=x\nHost: xpp.exxmple.xom\n"}, // all matches, over the whole URL
        {"{from: 'app\\.example\\.com', to: 'inner.local:8080'}", "/a?b=c\nHost: inner.local:8080\n"},
        {"{from: '^https', to: http}", "/a?b=c\n" + host}, // the scheme is the visitor's
        {"{from: '/a\\?.*', to: '/${req.method}'}", "/GET\n" + host},
        {"{to: 'https://x.example/all'}", "/all\nHost: x.example\n"},
        {"{from: '/a', to: ' '}", "500 ERR_NGROK_2238"},
        {"{from: '^.*$', to: 'ftp://x/'}", "500 ERR_NGROK_2238"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.config);
        CHECK(passed(on_request("url-rewrite", row.config)) == row.request);
    }
}

TEST_CASE("what comes behind a rewrite sees the new URL") {
    const std::string text = on_request("url-rewrite", "{from: '/a\\?', to: '/z?'}") +
                             "  - expressions: [\"req.url.path == '/z' && req.url.query_params['b'] == ['c']\"]\n"
                             "    actions: [{type: custom-response, config: {body: '${req.url}'}}]\n";
    CHECK(answer(text).ends_with("\n\nhttps://app.example.com/z?b=c"));
}

TEST_CASE("add-headers") {
    const std::string start = "/a?b=c\nHost: app.example.com\nX-A: 1\n";
    struct Row {
        std::string config, request;
    };
    const Row rows[] = {
        {"{headers: {X-B: '2'}}", start + "x-b: 2\n"},
        {"{headers: {x-a: '2'}}", start + "x-a: 2\n"}, // appended
        {"{headers: {x-b: 'ip ${conn.client_ip}', x-c: \"${req.headers['x-a'][0]}\"}}", start + "x-b: ip 203.0.113.9\nx-c: 1\n"},
        {"{headers: {x-b: '${1 + 2}', x-c: '${req.method == \"GET\"}', x-d: '${[1, 2]}'}}", start + "x-b: 3\nx-c: true\nx-d: [1,2]\n"},
        {"{headers: {x-b: '${getReqHeader(\"nobody\")[0]}'}}", "500 ERR_NGROK_2238"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.config);
        CHECK(passed(on_request("add-headers", row.config), "/a?b=c", {{"X-A", "1"}}) == row.request);
    }
    CHECK(passed(on_request("add-headers", "{headers: {host: inner.local}}")).find("inner.local") != std::string::npos);
    CHECK(passed(on_request("add-headers", "{headers: {host: inner.local}}")).find("app.example.com") == std::string::npos);
    CHECK(answered(on_response("add-headers", "{headers: {x-b: '${res.status_code}'}}"), response_head(200, {{"X-A", "1"}})) ==
          "200\nX-A: 1\nx-b: 200\n");
}

TEST_CASE("remove-headers") {
    CHECK(passed(on_request("remove-headers", "{headers: [X-A, x-forwarded-for]}"), "/",
                 {{"x-a", "1"}, {"X-A", "2"}, {"X-Forwarded-For", "1.2.3.4"}, {"X-B", "3"}}) ==
          "/\nHost: app.example.com\nX-B: 3\n");
    CHECK(answered(on_response("remove-headers", "{headers: [server]}"), response_head(200, {{"Server", "x"}, {"X-A", "1"}})) ==
          "200\nX-A: 1\n");
}

TEST_CASE("restrict-ips") {
    struct Row {
        std::string config, ip, fate;
    };
    const Row rows[] = {
        {"{allow: [203.0.113.0/24]}", "203.0.113.9", "go on"},
        {"{allow: [203.0.113.0/24]}", "198.51.100.1", "403 ERR_NGROK_3203"},
        {"{allow: [203.0.113.0/24]}", "::ffff:203.0.113.9", "go on"},
        {"{allow: ['2001:db8::/32']}", "2001:db8::1", "go on"},
        {"{allow: ['2001:db8::/32']}", "203.0.113.9", "403 ERR_NGROK_3203"},
        {"{deny: [203.0.113.9]}", "203.0.113.9", "403 ERR_NGROK_3203"},
        {"{deny: [203.0.113.9]}", "203.0.113.10", "403 ERR_NGROK_3203"}, // nobody is allowed (A.2)
        {"{allow: [0.0.0.0/0], deny: [203.0.113.9]}", "203.0.113.10", "go on"},
        {"{allow: [203.0.113.0/24], deny: [203.0.113.9]}", "203.0.113.9", "403 ERR_NGROK_3203"},
        {"{allow: [203.0.113.0/24], deny: [203.0.113.9]}", "203.0.113.10", "go on"},
        {"{deny: [203.0.113.9], enforce: false}", "203.0.113.9", "go on"},
        {"{allow: ['${conn.client_ip}/32']}", "203.0.113.9", "go on"},
        {"{deny: ['${conn.client_ip}']}", "203.0.113.9", "403 ERR_NGROK_3203"},
        {"{deny: ['${req.method}']}", "203.0.113.9", "500 ERR_NGROK_2238"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.config);
        CAPTURE(row.ip);
        Endpoint endpoint(on_request("restrict-ips", row.config));
        endpoint.facts.client.address = *IpAddress::parse(row.ip);
        CHECK(fate(endpoint, "/", {{"X-Forwarded-For", "203.0.113.10"}}) == row.fate);
    }
    Endpoint endpoint("on_tcp_connect:\n" + rule("restrict-ips", "{deny: [203.0.113.9]}"));
    policy::Visit visit(endpoint.state, endpoint.facts);
    CHECK(describe(visit.on_tcp_connect(at(0ms))) == "close");
    CHECK(answered(on_response("restrict-ips", "{deny: [203.0.113.9]}"), response_head(200)).starts_with("403 ERR_NGROK_3203\n"));
}

TEST_CASE("basic-auth") {
    const std::string config = "{credentials: ['user:password1', 'me:p:assword'], realm: here}";
    const auto with = [&](const std::string& value) { return answer(on_request("basic-auth", config), {{"Authorization", value}}); };
    CHECK(with("Basic dXNlcjpwYXNzd29yZDE=") == "go on");
    CHECK(with("basic bWU6cDphc3N3b3Jk") == "go on"); // me:p:assword
    for (const std::string wrong : {"Basic dXNlcjpwYXNzd29yZDI=", "Basic dXNlcg==", "Bearer dXNlcjpwYXNzd29yZDE=", "Basic", "Basic !"}) {
        CAPTURE(wrong);
        const std::string got = with(wrong);
        CHECK(got.starts_with("401\n"));
        CHECK(got.find("WWW-Authenticate: Basic realm=\"here\", charset=\"UTF-8\"\n") != std::string::npos);
    }
    CHECK(answer(on_request("basic-auth", config)).starts_with("401\n"));
    // another header cannot stand in for it (T14)
    CHECK(answer(on_request("basic-auth", config), {{"Proxy-Authorization", "Basic dXNlcjpwYXNzd29yZDE="}}).starts_with("401\n"));
    CHECK(answer(on_request("basic-auth", "{credentials: ['user:password1'], enforce: false}")) == "go on");
    CHECK(answer(on_request("basic-auth", "{credentials: ['${req.method}:password1']}"),
                 {{"Authorization", "Basic R0VUOnBhc3N3b3JkMQ=="}}) == "go on"); // GET:password1
    CHECK(answer(on_request("basic-auth", "{credentials: ['${req.method}']}")).starts_with("500 ERR_NGROK_2238"));
    CHECK(answer("on_http_request:\n" + rule("basic-auth", "{credentials: ['user:password1'], enforce: false}") +
                     "  - actions: [{type: custom-response, config: {body: '${actions.ngrok.basic_auth.credentials}'}}]\n",
                 {{"Authorization", "Basic dXNlcjpwYXNzd29yZDI="}})
              .ends_with("\n\n{\"presented\":true,\"username\":\"user\",\"authorized\":false}"));
}

TEST_CASE("forward-internal") {
    struct Row {
        std::string config, fate;
    };
    const Row rows[] = {
        {"{url: 'https://x.internal'}", "forward https://x.internal"},
        {"{url: 'https://${req.host.split(\".\")[0]}.internal'}", "forward https://app.internal"},
        {"{url: 'http://x.internal:8080', on_error: continue}", "forward http://x.internal:8080"},
        {"{url: '${req.host}'}", "500 ERR_NGROK_2238"}, // not internal
        {"{url: '${req.host}', on_error: continue}", "go on"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.config);
        CHECK(fate(on_request("forward-internal", row.config), "/") == row.fate);
    }
}

TEST_CASE("forward-internal goes on with the policy if it fails and shall") {
    const std::string text = on_request("forward-internal", "{url: 'https://x.internal', on_error: continue}") +
                             rule("custom-response", "{body: '${actions.ngrok.forward_internal.error.code} "
                                                     "${actions.ngrok.forward_internal.error.message}'}");
    Endpoint endpoint(text);
    Request request(endpoint, "GET", "/");
    const Outcome forward = request.request();
    CHECK(forward.may_continue);
    const Outcome outcome = request.exchange.forward_failed(3200, "no endpoint is online", request.now);
    CHECK(describe(outcome) == "200");
    CHECK(outcome.page.body == "ERR_NGROK_3200 no endpoint is online");
    Endpoint tcp("on_tcp_connect:\n" + rule("forward-internal", "{url: 'tls://x.internal', on_error: continue}") +
                     rule("close-connection", "{}"),
                 [] {
                     CompileOptions options;
                     options.protocol = UrlScheme::tls;
                     return options;
                 }());
    policy::Visit visit(tcp.state, tcp.facts);
    CHECK(describe(visit.on_tcp_connect(at(0ms))) == "forward tls://x.internal");
    CHECK(describe(visit.forward_failed(3200, "x", at(0ms))) == "close");
}

TEST_CASE("compress-response") {
    struct Row {
        std::string config;
        Head response;
        std::string answer;
    };
    const std::string vary = "Vary: accept-encoding\n";
    const Headers json = {{"Content-Type", "application/json"}};
    const std::string got = answered(on_response("compress-response", "{}"), response_head(200, json, 5000));
    CHECK(got.starts_with("200 encoded\n"));
    CHECK(got.find("gzip\n") != std::string::npos);
    CHECK(got.find("5000") == std::string::npos);
    CHECK(answered(on_response("compress-response", "{algorithms: [br]}"), response_head(200, json, 5000)).find("br\n") != std::string::npos);
    CHECK(answered(on_response("compress-response", "{algorithms: [deflate]}"), response_head(200, json, 5000)).starts_with("200\n"));
    Headers encoded = json;
    encoded.emplace_back("Content-Encoding", "zstd");
    CHECK(answered(on_response("compress-response", "{}"), response_head(200, encoded, 5000)).starts_with("200\n"));
    CHECK(answered(on_response("compress-response", "{}"), response_head(200, json, 10)).starts_with("200\n"));
    // a second one changes nothing
    CHECK(answered(on_response("compress-response", "{}") + rule("compress-response", "{algorithms: [br]}"),
                   response_head(200, json, 5000))
              .find("br\n") == std::string::npos);
}

TEST_CASE("compress-response on an answer that the policy makes itself") {
    const std::string body(5000, 'x');
    Endpoint endpoint(on_request("custom-response", "{body: '" + body + "'}") + on_response("compress-response", "{}"));
    Request request(endpoint, "GET", "/", {{"Accept-Encoding", "gzip"}});
    const Outcome outcome = request.request();
    CHECK(outcome.page.body.size() < 200);
    CHECK(outcome.page.body.starts_with("\x1f\x8b"));
    CHECK(outcome.page.head.find("Content-Encoding") == "gzip");
    CHECK(outcome.page.head.find("Content-Length") == std::to_string(outcome.page.body.size()));
    CHECK_FALSE(outcome.page.head.has("Transfer-Encoding"));
    Request plain(endpoint, "GET", "/");
    CHECK(plain.request().page.body == body);
}

TEST_CASE("verify-webhook asks for the body and checks it") {
    // HMAC-SHA256 of "Hello, World!" by "It's a Secret to Everybody", as GitHub documents it
    const std::string signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const std::string text = on_request("verify-webhook", "{provider: github, secret: \"It's a Secret to Everybody\"}");
    CHECK(compiled(text)->may_need_body());
    const auto run = [&](const std::string& policy, const std::string& given, const std::string& body) {
        Endpoint endpoint(policy);
        policy::Visit visit(endpoint.state, endpoint.facts);
        Head head = request_head("POST", "/hook", {{"X-Hub-Signature-256", given}, {"Content-Length", std::to_string(body.size())}});
        head.set_framing(Framing::length);
        head.set_content_length(body.size());
        policy::Exchange exchange(visit, RequestFacts(head), head, at(0ms));
        const Outcome outcome = exchange.on_http_request(at(0ms));
        if (outcome.kind != Kind::need_body) return describe(outcome);
        CHECK(outcome.body_max > 1'000'000);
        return "body, " + describe(exchange.with_body(body, at(1ms)));
    };
    CHECK(run(text, signature, "Hello, World!") == "body, go on");
    CHECK(run(text, signature, "Hello, World?") == "body, 403 ERR_NGROK_3204");
    CHECK(run(text, signature, "") == "403 ERR_NGROK_3204");
    CHECK(run(on_request("verify-webhook", "{provider: github, secret: x, enforce: false}"), signature, "x") == "body, go on");
    CHECK(run(on_request("verify-webhook", "{provider: github, secret: \"${'It\\\\'s a Secret to Everybody'}\"}"), signature,
              "Hello, World!") == "body, go on");
    // the rest of the phase runs behind it
    CHECK(run(text + rule("custom-response", "{body: x}"), signature, "Hello, World!") == "body, 200");
}

TEST_CASE("verify-webhook asks for the certificate that signed, where the edge fetches such, and goes on with it") {
    const std::string url = "https://sns.eu-west-1.amazonaws.com/a.pem";
    const std::string body = R"({"Type":"Notification","MessageId":"1","TopicArn":"arn:aws:sns:eu-west-1:123456789012:T",)"
                             R"("Message":"m","Timestamp":"2023-11-14T22:13:20.000Z","SignatureVersion":"2",)"
                             R"("Signature":"AAAA","SigningCertURL":")" + url + "\"}";
    CompileOptions fetches;
    int asked = 0;
    fetches.fetches_certificates = [&asked] { return ++asked > 0; };
    const auto run = [&](const std::string& policy, std::optional<std::string_view> pem) {
        Endpoint endpoint(policy, fetches);
        policy::Visit visit(endpoint.state, endpoint.facts);
        Head head = request_head("POST", "/hook", {{"Content-Length", std::to_string(body.size())}});
        head.set_framing(Framing::length);
        head.set_content_length(body.size());
        policy::Exchange exchange(visit, RequestFacts(head), head, at(0ms));
        REQUIRE(describe(exchange.on_http_request(at(0ms))) == "need body");
        Outcome outcome = exchange.with_body(body, at(1ms));
        CHECK(describe(outcome) == "need " + url);
        outcome = exchange.with_certificate(body, pem, at(2ms));
        return describe(outcome) + " " + outcome.page.body;
    };
    for (const std::string& config : {std::string("{provider: sns}"), std::string("{provider: sns, secret: \"${'123456789012'}\"}")}) {
        const std::string text = on_request("verify-webhook", config);
        const std::string missing = run(text, {}), strange = run(text, "<html>");
        CHECK(missing.starts_with("403 ERR_NGROK_3204"));
        CHECK(missing.find("could not be fetched") != missing.npos);
        CHECK(strange.find("cannot be read") != strange.npos);
    }
    // the rest of the phase runs behind it, and may ask again
    const std::string shown = rule("custom-response", "{body: \"${actions.ngrok.verify_webhook.error.message}\"}");
    const std::string lax = on_request("verify-webhook", "{provider: sns, enforce: false}");
    CHECK(run(lax + shown, {}) == "200 the certificate of the signature could not be fetched");
    CHECK(run(lax + rule("verify-webhook", "{provider: sns}"), {}) == "need body ");
    CHECK(asked > 0);
    asked = 0;
    (void)compiled(on_request("verify-webhook", "{provider: github, secret: x}"), fetches);
    CHECK(asked == 0);
    CompileOptions cannot;
    for (const bool told : {false, true}) {
        if (told) cannot.fetches_certificates = [] { return false; };
        CHECK(refusal(on_request("verify-webhook", "{provider: sns}"), cannot)
                  .starts_with("2203 line 4, column 28: on_http_request[0].actions[0].config.provider: the provider \"sns\" signs"));
    }
}

TEST_CASE("set-vars") {
    const std::string text = R"(on_http_request:
  - actions:
      - type: set-vars
        config:
          vars:
            - text: hello ${req.method}
            - number: ${1 + 1}
            - list: [1, '${req.url.path}', {deep: '${vars.number}'}]
            - same: ${vars.list}
            - nothing: null
            - flag: true
            - text: again ${vars.text}
      - type: custom-response
        config:
          body: ${vars.text}|${vars.number + 1}|${vars.same}|${vars.nothing == null}|${vars.flag}|${vars.list[2].deep + 1}
)";
    CHECK(answer(text).ends_with("\n\nagain hello GET|3|[1,\"/a\",{\"deep\":2}]|true|true|3"));
}

TEST_CASE("variables belong to their phase") {
    const std::string set = "{vars: [{a: request}]}";
    const std::string tell = "  - expressions: [\"'a' in vars\"]\n    actions: [{type: add-headers, config: {headers: {x-a: '${vars.a}'}}}]\n";
    CHECK(answered(on_request("set-vars", set) + "on_http_response:\n" + tell, response_head(200)) == "200\n");
    CHECK(answered(on_response("set-vars", set) + tell, response_head(200)) == "200\nx-a: request\n");
}

TEST_CASE("log") {
    Endpoint endpoint(on_request("log", "{metadata: {method: '${req.method}', n: 1, list: ['${req.url.path}']}}") +
                      rule("log", "{metadata: {last: '${actions.ngrok.log.metadata.method}'}}") +
                      on_response("log", "{metadata: {status: '${res.status_code}'}}"));
    Request request(endpoint, "GET", "/a");
    CHECK(describe(request.request()) == "go on");
    Head response = response_head(204);
    CHECK(describe(request.respond(response)) == "go on");
    REQUIRE(request.exchange.logs().size() == 3);
    CHECK(request.exchange.logs()[0].metadata == R"({"method":"GET","n":1,"list":["/a"]})");
    CHECK(request.exchange.logs()[1].metadata == R"({"last":"GET"})");
    CHECK(request.exchange.logs()[2].metadata == R"({"status":204})");
    CHECK(request.exchange.logs()[0].phase == Phase::http_request);
    CHECK(request.exchange.logs()[2].phase == Phase::http_response);
}

TEST_CASE("terminate-tls says how TLS has to end and leaves nothing to do") {
    const auto policy = compiled("on_tcp_connect:\n" + rule("terminate-tls", "{min_version: 1.3}"));
    REQUIRE(policy->tls() != nullptr);
    CHECK(policy->tls()->min_version == "1.3");
    CHECK(policy->tls()->max_version == "1.3");
    CHECK(policy->tls()->verification == policy::ClientVerification::none);
    CHECK_FALSE(policy->has(Phase::tcp_connect));
    struct Row {
        std::string strategy;
        policy::ClientVerification verification;
    };
    const Row rows[] = {{"request", policy::ClientVerification::request}, {"require-any", policy::ClientVerification::require_any}};
    for (const Row& row : rows) {
        const auto made = compiled("on_tcp_connect:\n" + rule("terminate-tls", "{mutual_tls_verification_strategy: " + row.strategy + "}"));
        CHECK(made->tls()->verification == row.verification);
    }
}

TEST_CASE("what terminate-tls tells of the handshake") {
    Endpoint endpoint("on_tcp_connect:\n" + rule("terminate-tls", "{}") +
                      "  - expressions: [\"actions.ngrok.terminate_tls.version == '1.3' && actions.ngrok.terminate_tls.client.subject."
                      "common_name == 'me'\"]\n    actions: [{type: close-connection}]\n");
    CHECK(endpoint.state->policy().reads_client_certificate());
    auto certificate = std::make_shared<policy::CertificateFacts>();
    certificate->subject.common_name = "me";
    auto tls = std::make_shared<policy::TlsFacts>();
    tls->version = "1.3";
    endpoint.facts.tls = tls;
    policy::Visit without(endpoint.state, endpoint.facts);
    CHECK(describe(without.on_tcp_connect(at(0ms))) == "go on"); // nobody is not "me"
    Endpoint listed("on_tcp_connect:\n" + rule("terminate-tls", "{}") +
                    "  - expressions: [\"conn.tls.client.san.dns_names[0] == 'me'\"]\n    actions: [{type: close-connection}]\n");
    listed.facts.tls = tls;
    policy::Visit failing(listed.state, listed.facts);
    CHECK(describe(failing.on_tcp_connect(at(0ms))) == "close"); // an expression that fails does not let anybody in
    tls->client = certificate;
    policy::Visit with(endpoint.state, endpoint.facts);
    CHECK(describe(with.on_tcp_connect(at(0ms))) == "close");
    auto other = std::make_shared<policy::CertificateFacts>();
    other->subject.common_name = "you";
    tls->client = other;
    policy::Visit you(endpoint.state, endpoint.facts);
    CHECK(describe(you.on_tcp_connect(at(0ms))) == "go on");
}
