// Phases, rules and what goes wrong while they run (behaviour C.1).
#include "policy_support.hpp"

#include <adit/limits.hpp>

using namespace policy_test;

namespace {

std::string denies(const std::string& expression) {
    std::string quoted;
    for (const char c : expression) quoted += c == '\'' ? "''" : std::string(1, c);
    return "on_http_request:\n  - expressions: ['" + quoted + "']\n    actions: [{type: deny}]\n";
}

} // namespace

TEST_CASE("all expressions of a rule have to hold, none holds always, and rules run in their order") {
    const std::string_view text = R"yaml(on_http_request:
  - name: first
    expressions: ["req.method == 'POST'", "req.url.path.startsWith('/a')"]
    actions: [{type: deny, config: {status_code: 401}}]
  - expressions: []
    actions:
      - {type: add-headers, config: {headers: {x-a: '1'}}}
      - {type: add-headers, config: {headers: {x-a: '2'}}}
  - expressions: ["getReqHeader('x-a') == ['1', '2']"]
    actions: [{type: deny, config: {status_code: 402}}]
  - actions: [{type: deny, config: {status_code: 403}}]
)yaml";
    CHECK(fate(text, "/a", {}, "POST") == "401");
    CHECK(fate(text, "/b", {}, "POST") == "402");
    CHECK(fate(text, "/a") == "402");
}

TEST_CASE("variables of the connection, the endpoint, the request and the time") {
    const Headers headers = {{"Host", "App.example.com:8443"},
                             {"Content-Type", "Text/Html; Charset=\"utf-8\"; x=y"},
                             {"Content-Encoding", "gzip, br"},
                             {"Cookie", "a=1; b=2"},
                             {"Cookie", "a=3"},
                             {"Location", "/l"},
                             {"X-Two", "1"},
                             {"x-two", "2"},
                             {"User-Agent", "curl/8.5.0"}};
    const std::string expressions[] = {
        "conn.client_ip == '203.0.113.9' && conn.client_port == 51234",
        "conn.server_ip == '198.51.100.1' && conn.server_port == 443 && conn.server_region == 'eu'",
        "conn.bytes_in == 0 && conn.bytes_out == 0",
        "conn.ts.start == timestamp('2023-11-14T22:13:20Z')",
        "inCidrRange(conn.client_ip, '203.0.113.0/24')",
        "!has(conn.tls.version) && conn.tls.sni == null",
        "!has(conn.tls.client) && conn.tls.client == null && !has(conn.tls.client.subject)",
        "conn.tls.client.subject.common_name == null && conn.tls.client.subject.common_name != 'me'",
        "getReqCookie('c').value == null && !has(getReqCookie('c').value)",
        "endpoint.id == 'ep_1' && endpoint.host == 'app.example.com' && endpoint.port == 443 && endpoint.protocol == 'https'",
        "endpoint.url == 'https://app.example.com' && endpoint.addr == 'app.example.com:443'",
        "time.now == '2023-11-14T22:13:20Z'",
        "req.method == 'GET' && req.version == 'HTTP/1.1' && req.host == 'App.example.com:8443'",
        "req.url == 'https://App.example.com:8443/p%20q/r?a=1&b=x%26y&a=2+3&c'",
        "req.url.raw == string(req.url) && req.url.scheme == 'https'",
        "req.url.authority == 'App.example.com:8443' && req.url.host == 'App.example.com' && req.url.port == 8443",
        "req.url.path == '/p q/r' && req.url.raw_path == '/p%20q/r'",
        "req.url.query == 'a=1&b=x%26y&a=2+3&c' && req.url.uri == '/p%20q/r?a=1&b=x%26y&a=2+3&c' && req.url.user_password == ''",
        "req.url.query_params == {'a': ['1', '2 3'], 'b': ['x&y'], 'c': ['']}",
        "getQueryParam('a') == ['1', '2 3'] && hasQueryParam('c') && !hasQueryParam('d') && getQueryParam('d') == []",
        "req.content_type == 'Text/Html' && req.content_type.raw == 'Text/Html; Charset=\"utf-8\"; x=y'",
        "req.content_type.parameters == {'charset': 'utf-8', 'x': 'y'}",
        "req.content_encoding == ['gzip', 'br'] && req.location == '/l'",
        "!has(req.content_length) && req.trailers == {}",
        "req.cookies['a'][1].value == '3' && req.cookies['b'][0].name == 'b' && size(req.cookies) == 2",
        "getReqCookie('a').value == '1' && hasReqCookie('b') && !hasReqCookie('c') && getReqCookie('c') == null",
        "req.headers['x-two'] == ['1', '2'] && 'x-two' in req.headers && !('x-three' in req.headers)",
        "getReqHeader('X-Two') == ['1', '2'] && hasReqHeader('X-TWO') && !hasReqHeader('x-3') && getReqHeader('x-3') == []",
        "size(req.headers) == 7 && req.headers.exists(name, name == 'user-agent')",
        "req.user_agent == 'curl/8.5.0' && req.user_agent.name == 'curl' && req.user_agent.version == '8.5.0'",
        "!req.user_agent.is_mobile",
        "req.ts.header_received == timestamp(time.now) && !has(req.ts.body_received)",
        "!has(actions.ngrok.rate_limit.limited) && size(vars) == 0",
    };
    for (const std::string& expression : expressions) {
        CAPTURE(expression);
        Endpoint endpoint(denies(expression));
        Request request(endpoint, "GET", "/p%20q/r?a=1&b=x%26y&a=2+3&c", headers);
        const Outcome outcome = request.request();
        CAPTURE(outcome.error);
        CHECK(describe(outcome) == "403");
    }
}

TEST_CASE("variables of TLS and the visitor's certificate") {
    auto certificate = std::make_shared<policy::CertificateFacts>();
    certificate->info.subject = "CN=me,O=Here";
    certificate->subject.common_name = "me";
    certificate->subject.organization = {"Here", "There"};
    certificate->info.issuer = "CN=ca";
    certificate->issuer.common_name = "ca";
    certificate->info.serial = "12345";
    certificate->signature_algorithm = "ECDSA-SHA256";
    certificate->pem = "PEM";
    certificate->info.dns_names = {"me.example"};
    certificate->email_addresses = {"me@example.com"};
    certificate->info.ip_addresses = {"10.0.0.1"};
    certificate->uris = {"spiffe://x"};
    certificate->extensions = {{"2.5.29.15", true, "\x03"}};
    certificate->info.not_after = std::chrono::sys_seconds(1'800'000'000s);
    auto tls = std::make_shared<policy::TlsFacts>();
    tls->version = "1.3";
    tls->cipher_suite = "TLS_AES_128_GCM_SHA256";
    tls->sni = "app.example.com";
    tls->alpn = "http/1.1";
    tls->client = certificate;
    const std::string expressions[] = {
        "conn.tls.version == '1.3' && conn.tls.cipher_suite == 'TLS_AES_128_GCM_SHA256' && conn.tls.sni == 'app.example.com'",
        "conn.tls.negotiated_alpn == 'http/1.1' && !conn.tls.session_resumed && has(conn.tls.client) && !has(conn.tls.server)",
        "conn.tls.client.subject == 'CN=me,O=Here' && conn.tls.client.subject.common_name == 'me'",
        "conn.tls.client.subject.organization == ['Here', 'There'] && conn.tls.client.issuer.common_name == 'ca'",
        "conn.tls.client.serial_number == '12345' && conn.tls.client.signature_algorithm == 'ECDSA-SHA256'",
        "conn.tls.client.pem == 'PEM' && conn.tls.client.san.dns_names == ['me.example']",
        "conn.tls.client.san.email_addresses == ['me@example.com'] && conn.tls.client.san.ip_addresses == ['10.0.0.1']",
        "conn.tls.client.san.uris[0].startsWith('spiffe:') && conn.tls.client.validity.not_after > timestamp(time.now)",
        "conn.tls.client.extensions[0].id == '2.5.29.15' && conn.tls.client.extensions[0].critical && "
        "conn.tls.client.extensions[0].value == b'\\x03'",
    };
    for (const std::string& expression : expressions) {
        CAPTURE(expression);
        Endpoint endpoint(denies(expression));
        CHECK(endpoint.state->policy().reads_client_certificate());
        endpoint.facts.tls = tls;
        CHECK(fate(endpoint, "/") == "403");
    }
    CHECK_FALSE(compiled(denies("req.method == 'GET'"))->reads_client_certificate());
    CHECK(compiled("on_http_request: [{actions: [{type: set-vars, config: {vars: [{a: ['${conn.tls.client.pem}']}]}}]}]")
              ->reads_client_certificate());
}

TEST_CASE("variables of the response") {
    Head given = response_head(404, {{"Content-Type", "text/plain"},
                                     {"Set-Cookie", "s=\"1\"; Path=/; Domain=x.example; Max-Age=60; HttpOnly; Secure; SameSite=Lax; "
                                                    "Expires=Wed, 21 Oct 2026 07:28:00 GMT; Partitioned"},
                                     {"Location", "/l"},
                                     {"Content-Encoding", "br"}},
                               12);
    const std::string expressions[] = {
        "res.status_code == 404 && res.content_length == 12 && res.content_type == 'text/plain' && res.location == '/l'",
        "res.headers['content-encoding'] == ['br'] && res.content_encoding == ['br'] && res.trailers == {}",
        "getResHeader('Location') == ['/l'] && hasResHeader('location') && !hasResHeader('x')",
        "res.cookies['s'][0].value == '1' && res.cookies['s'][0].path == '/' && res.cookies['s'][0].max_age == 60",
        "getResCookie('s').domain == 'x.example' && getResCookie('s').http_only && getResCookie('s').secure",
        "getResCookie('s').same_site == 'Lax' && getResCookie('s').unparsed_attributes == ['Partitioned']",
        "getResCookie('s').expires.endsWith('GMT') && hasResCookie('s') && !hasResCookie('t')",
        "req.method == 'GET' && getReqHeader('host') == ['app.example.com']",
    };
    for (const std::string& expression : expressions) {
        CAPTURE(expression);
        std::string text = denies(expression);
        text.replace(text.find("on_http_request"), 15, "on_http_response");
        text.replace(text.find("type: deny"), 10, "type: custom-response, config: {status_code: 299}");
        Endpoint endpoint(text);
        Request request(endpoint, "GET", "/");
        CHECK(describe(request.request()) == "go on");
        Head response = given;
        CHECK(describe(request.respond(response)) == "299");
    }
}

TEST_CASE("an answer of the request phase goes through the response phase, a page of the edge does not") {
    const std::string response = "on_http_response:\n  - actions: [{type: add-headers, config: {headers: {x-a: '${res.status_code}'}}}]\n";
    struct Row {
        std::string action, answer;
    };
    const Row rows[] = {
        {"{type: custom-response, config: {body: x}}", "200 x-a 200"},
        {"{type: deny}", "403 x-a 403"},
        {"{type: redirect, config: {to: '/x'}}", "302 x-a 302"},
        {"{type: basic-auth, config: {credentials: ['user:password1']}}", "401 x-a 401"},
        {"{type: restrict-ips, config: {allow: [10.0.0.0/8]}}", "403 ERR_NGROK_3203 x-a none"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.action);
        Endpoint endpoint("on_http_request:\n  - actions: [" + row.action + "]\n" + response);
        Request request(endpoint, "GET", "/");
        const Outcome outcome = request.request();
        CHECK(describe(outcome) + " x-a " + std::string(outcome.page.head.find("x-a").value_or("none")) == row.answer);
    }
    // and there it may be replaced, once
    Endpoint endpoint("on_http_request:\n  - actions: [{type: deny}]\n"
                      "on_http_response:\n  - actions: [{type: custom-response, config: {body: 'was ${res.status_code}'}}]\n");
    Request request(endpoint, "GET", "/");
    const Outcome outcome = request.request();
    CHECK(describe(outcome) == "200");
    CHECK(outcome.page.body == "was 403");
}

TEST_CASE("what fails while it runs is answered with its number, tells the visitor little and lets nobody through") {
    struct Row {
        std::string text, fate, shown, error;
    };
    const Row rows[] = {
        {denies("req.headers['x-key'][0] == 'a secret'"), "500 ERR_NGROK_2253", "", "\"req.headers['x-key'][0] == 'a secret'\": "},
        {denies("vars.nobody == 1"), "500 ERR_NGROK_2253", "", "\"vars.nobody == 1\": "},
        {denies("json.decode('1')"), "500 ERR_NGROK_2253", "neither true nor false", "\"json.decode('1')\" is neither true nor false"},
        {"on_http_request:\n  - actions: [{type: custom-response, config: {body: '${vars.secret_name}'}}]\n", "500 ERR_NGROK_2238", "",
         "\"vars.secret_name\": "},
        {denies("[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, "
                "[1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, a + b + c + d + e > 0)))))"),
         "500 ERR_NGROK_3900", "", "\"[1,2,3"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        Endpoint endpoint(row.text);
        Request request(endpoint, "GET", "/");
        const Outcome outcome = request.request();
        CAPTURE(outcome.error);
        CHECK(describe(outcome) == row.fate);
        CHECK(outcome.error.starts_with(row.error));
        CHECK(outcome.page.body.find(row.shown) != std::string::npos);
        CHECK(outcome.page.body.find("a secret") == std::string::npos);
        CHECK(outcome.page.head.find("ngrok-error-code") == row.fate.substr(4));
    }
    Endpoint tcp("on_tcp_connect:\n  - expressions: ['vars.nobody == 1']\n    actions: [{type: log, config: {metadata: {a: b}}}]\n");
    policy::Visit visit(tcp.state, tcp.facts);
    const Outcome outcome = visit.on_tcp_connect(at(0ms));
    CHECK(describe(outcome) == "close");
    CHECK(outcome.error.find("vars.nobody") != std::string::npos);
}

TEST_CASE("pages have the form that the visitor likes, and no connection") {
    Endpoint endpoint("on_http_request:\n  - actions: [{type: restrict-ips, config: {allow: [10.0.0.0/8]}}]\n");
    Request html(endpoint, "GET", "/", {{"Accept", "text/html"}});
    Outcome outcome = html.request();
    CHECK(outcome.page.body.starts_with("<!DOCTYPE html>"));
    CHECK_FALSE(outcome.page.head.has("Connection"));
    outcome.set_keep_alive(HttpVersion::http11, true);
    CHECK_FALSE(outcome.page.head.has("Connection"));
    outcome.set_keep_alive(HttpVersion::http11, false);
    CHECK(outcome.page.head.find("Connection") == "close");
    CHECK_FALSE(outcome.page.head.keep_alive());
    Request json(endpoint, "GET", "/", {{"Accept", "application/json"}});
    CHECK(json.request().page.body.find("\"ERR_NGROK_3203\"") != std::string::npos);
    Request head(endpoint, "HEAD", "/");
    outcome = head.request();
    CHECK(outcome.page.body.empty());
    CHECK(outcome.page.head.find("Content-Length") != "0");
}

TEST_CASE("results of the connect phase are seen by requests, and those of a request by its answer") {
    Endpoint endpoint(R"(on_tcp_connect:
  - actions: [{type: restrict-ips, config: {allow: [203.0.113.0/24, 203.0.113.8/29]}}]
on_http_request:
  - actions: [{type: add-headers, config: {headers: {x-a: '${actions.ngrok.restrict_ips.matched_cidr}'}}}]
on_http_response:
  - actions: [{type: add-headers, config: {headers: {x-b: "${actions.ngrok.add_headers.headers_added['x-a']}"}}}]
)");
    Request request(endpoint, "GET", "/");
    CHECK(describe(request.visit.on_tcp_connect(at(0ms))) == "go on");
    CHECK(describe(request.request()) == "go on");
    CHECK(request.head.find("x-a") == "203.0.113.8/29");
    Head response = response_head(200);
    CHECK(describe(request.respond(response)) == "go on");
    CHECK(response.find("x-b") == "203.0.113.8/29");
}

TEST_CASE("what a policy keeps of one request is bounded") {
    // doubled twenty times, an interpolated text would have 1 MiB
    std::string vars = "on_http_request:\n  - actions:\n      - type: set-vars\n        config:\n          vars:\n            - a0: x\n";
    for (int i = 1; i <= 20; ++i) {
        const std::string before = "${vars.a" + std::to_string(i - 1) + "}";
        vars += "            - a" + std::to_string(i) + ": " + before + before + "\n";
    }
    CHECK(fate(vars, "/") == "500 ERR_NGROK_3900");
    // one value of 50 KiB, named a thousand times
    std::string names;
    for (int i = 0; i < 1'000; ++i) names += i == 0 ? "vars.a" : ", vars.a";
    for (const std::string& use : {"{type: set-vars, config: {vars: [{b: '${[" + names + "]}'}]}}",
                                   "{type: custom-response, config: {body: '${[" + names + "]}'}}",
                                   "{type: log, config: {metadata: {b: '${[" + names + "]}'}}}",
                                   std::string("{type: log, config: {metadata: {b: ['${vars.a}', '${vars.a}']}}}")}) {
        CHECK(fate("on_http_request:\n  - actions:\n      - {type: set-vars, config: {vars: [{a: " + std::string(50'000, 'x') + "}]}}\n      - " +
                       use + "\n",
                   "/") == "500 ERR_NGROK_3900");
    }
    std::string many = "on_http_request:\n  - actions:\n";
    for (std::size_t i = 0; i <= limits::policy_vars_max; ++i)
        many += "      - {type: set-vars, config: {vars: [{a" + std::to_string(i) + ": 1}]}}\n";
    CHECK(fate(many, "/") == "500 ERR_NGROK_3900");
    std::string logs = "on_http_request:\n  - actions:\n";
    for (std::size_t i = 0; i < 2 * limits::policy_logs_max; ++i) logs += "      - {type: log, config: {metadata: {a: b}}}\n";
    Endpoint endpoint(logs);
    Request request(endpoint, "GET", "/");
    CHECK(describe(request.request()) == "go on");
    CHECK(request.exchange.logs().size() == limits::policy_logs_max);

    // 30,000 bytes each, and a short one that still fits.
    const std::string large = "      - {type: log, config: {metadata: {a: " + std::string(30'000, 'x') + "}}}\n";
    Endpoint wordy("on_http_request:\n  - actions:\n" + large + large + large + "      - {type: log, config: {metadata: {a: b}}}\n");
    Request heard(wordy, "GET", "/");
    CHECK(describe(heard.request()) == "go on");
    REQUIRE(heard.exchange.logs().size() == 3);
    CHECK(heard.exchange.logs()[2].metadata == R"({"a":"b"})");
}
