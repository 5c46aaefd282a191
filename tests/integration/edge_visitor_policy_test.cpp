// Traffic policies and the modules of a bind at work on real visitors.
#include "edge_visitor_support.hpp"
#include "h2_visitor.hpp"

#include "support/tool_visitor.hpp"

#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using adit_test::AppStream;
using adit_test::H2Visitor;
using adit_test::HttpAnswer;
using adit_test::NetVisitor;
using adit_test::said;
using adit_test::TestEdge;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view host = "a.edge.test";

adit::Listener listen(TestEdge& edge, std::string_view policy, std::string_view url = "https://a.edge.test") {
    return edge.session.listen(adit::Endpoint(url).traffic_policy(policy));
}

/// Answers requests of one stream with what it got, until the visitor's connection ends.
std::future<int> echo_heads(TestEdge& edge, adit::Listener& listener) {
    return std::async(std::launch::async, [&edge, &listener] {
        AppStream app = edge.accept(listener);
        int count = 0;
        std::error_code end;
        for (std::string head; !(head = app.read_some(end)).empty(); ++count) {
            while (head.find("\r\n\r\n") == head.npos) head += app.read_some(end);
            app.answer(head, "X-App: yes\r\nX-Secret: hidden\r\nContent-Type: text/plain\r\n");
        }
        return count;
    });
}

/// The edge knows that the others are gone.
void await_one_endpoint(TestEdge& edge) {
    for (const auto deadline = std::chrono::steady_clock::now() + 20s; edge.server.endpoints().size() > 1;) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        std::this_thread::yield();
    }
}

std::string request(std::string_view path = "/", std::string_view more = {}) {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a.edge.test\r\n" + std::string(more) + "\r\n";
}

} // namespace

TEST_CASE("a policy answers, changes requests and answers, and lets through") {
    TestEdge edge;
    auto listener = listen(edge, R"yaml(
on_http_request:
  - expressions: ["req.url.path == '/denied'"]
    actions: [{type: deny, config: {status_code: 404}}]
  - expressions: ["req.url.path.startsWith('/hello')"]
    actions:
      - type: custom-response
        config: {status_code: 201, body: "hello ${conn.client_ip}", headers: {x-made: by-policy}}
  - actions:
      - {type: add-headers, config: {headers: {x-added: "${req.method} ${req.headers['x-in'][0]}"}}}
      - {type: remove-headers, config: {headers: [x-in]}}
on_http_response:
  - actions:
      - {type: remove-headers, config: {headers: [x-secret]}}
      - {type: add-headers, config: {headers: {x-seen: "${res.status_code}"}}}
)yaml");
    auto app = echo_heads(edge, listener);
    {
        NetVisitor visitor = edge.https(host);
        visitor.send(request("/denied"));
        CHECK(visitor.answer().status == 404);
        visitor.send(request("/hello/you"));
        const HttpAnswer made = visitor.answer();
        CHECK(made.status == 201);
        CHECK(made.body == "hello 127.0.0.1");
        CHECK(made.field("x-made") == "by-policy");
        CHECK(made.field("x-seen") == "201"); // the answer of the request's phase goes through the response's
        visitor.send(request("/", "X-In: in\r\n"));
        const HttpAnswer passed = visitor.answer();
        CHECK(passed.status == 200);
        CHECK(passed.body.find("x-added: GET in\r\n") != passed.body.npos);
        CHECK(passed.body.find("X-In") == passed.body.npos);
        CHECK(passed.field("x-secret") == "");
        CHECK(passed.field("x-app") == "yes");
        CHECK(passed.field("x-seen") == "200");
    }
    CHECK(app.get() == 1);
}

TEST_CASE("a policy works on HTTP/2 as on HTTP/1.1") {
    TestEdge edge;
    auto listener = listen(edge, R"yaml(
on_http_request:
  - expressions: ["req.url.path == '/no'"]
    actions: [{type: deny, config: {status_code: 403}}]
)yaml");
    auto app = echo_heads(edge, listener);
    {
        H2Visitor visitor(edge.server.https_port(), host, edge.server.ca_pem());
        const auto refused = visitor.get("/no");
        CHECK(visitor.whole(refused).status == 403);
        const auto passed = visitor.get("/yes");
        CHECK(visitor.whole(passed).status == 200);
    }
    CHECK(app.get() == 1);
}

TEST_CASE("addresses that restrict-ips denies get 403, or no connection at all") {
    TestEdge edge;
    constexpr std::string_view other = "config: {allow: [10.0.0.0/8]}";
    auto by_request = listen(edge, "on_http_request:\n  - actions:\n      - type: restrict-ips\n        " + std::string(other));
    NetVisitor visitor = edge.https(host);
    visitor.send(request());
    const HttpAnswer answer = visitor.answer();
    CHECK(answer.status == 403);
    CHECK(answer.field("ngrok-error-code") == "ERR_NGROK_3203");
    auto tcp = edge.session.listen(
        adit::Endpoint("tcp://").traffic_policy("on_tcp_connect:\n  - actions:\n      - type: restrict-ips\n        " + std::string(other)));
    const std::string url = tcp.url();
    NetVisitor raw = NetVisitor::plain(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    CHECK(raw.ended());
    CHECK(edge.nothing_comes(tcp));
}

TEST_CASE("answers are compressed for who accepts it, and stay as they are for others") {
    TestEdge edge;
    auto listener = listen(edge, "on_http_response:\n  - actions: [{type: compress-response, config: {algorithms: [gzip]}}]");
    const std::string body(100'000, 'x');
    auto served = std::async(std::launch::async, [&] {
        AppStream app = edge.accept(listener);
        for (int i = 0; i < 2; ++i) {
            app.read_head();
            app.answer(body, "Content-Type: text/plain\r\n");
        }
    });
    NetVisitor visitor = edge.https(host);
    visitor.send(request("/", "Accept-Encoding: gzip\r\n"));
    const HttpAnswer packed = visitor.answer();
    CHECK(packed.field("content-encoding") == "gzip");
    CHECK(packed.field("content-length") == "");
    CHECK(packed.body.size() < 1'000);
    CHECK(packed.body.substr(0, 2) == "\x1f\x8b");
    visitor.send(request());
    const HttpAnswer plain = visitor.answer();
    CHECK(plain.field("content-encoding") == "");
    CHECK(plain.body == body);
    served.get();
}

TEST_CASE("a request goes to an internal endpoint of the same account, with the public Host") {
    TestEdge edge;
    auto front = listen(edge, R"yaml(
on_http_request:
  - expressions: ["req.url.path.startsWith('/in')"]
    actions: [{type: forward-internal, config: {url: "https://back.internal"}}]
  - expressions: ["req.url.path.startsWith('/gone')"]
    actions: [{type: forward-internal, config: {url: "https://gone.internal"}}]
  - expressions: ["req.url.path.startsWith('/else')"]
    actions: [{type: forward-internal, config: {url: "https://gone.internal", on_error: continue}}]
)yaml");
    auto back = listen(edge, "on_http_request:\n  - actions: [{type: add-headers, config: {headers: {x-back: 'yes'}}}]",
                       "https://back.internal");
    auto app = echo_heads(edge, back);
    {
        NetVisitor visitor = edge.https(host);
        visitor.send(request("/in"));
        const HttpAnswer inside = visitor.answer();
        CHECK(inside.status == 200);
        CHECK(inside.body.find("Host: a.edge.test\r\n") != inside.body.npos);
        CHECK(inside.body.find("x-back: yes\r\n") != inside.body.npos);
        visitor.send(request("/gone"));
        const HttpAnswer gone = visitor.answer();
        CHECK(gone.status == 404);
        CHECK(gone.field("ngrok-error-code") == "ERR_NGROK_3200");
        auto front_app = echo_heads(edge, front);
        visitor.send(request("/else"));
        CHECK(visitor.answer().status == 200);
        visitor.close();
        CHECK(front_app.get() == 1);
    }
    CHECK(app.get() == 1);
    NetVisitor direct = edge.http();
    direct.send("GET / HTTP/1.1\r\nHost: back.internal\r\n\r\n");
    CHECK(direct.answer().status == 404); // no visitor reaches an internal name
}

TEST_CASE("a connection's phase forwards too, and goes on where its policy says so") {
    TestEdge edge;
    for (const std::string url : {"http://a.edge.test", "https://a.edge.test"}) {
        CAPTURE(url);
        const auto connect = [&] { return url.starts_with("https") ? edge.https(host) : edge.http(); };
        auto front = listen(edge, R"yaml(
on_tcp_connect:
  - actions:
      - {type: forward-internal, config: {url: "https://back.internal", on_error: continue}}
      - {type: log, config: {metadata: {went: "on"}}}
on_http_request:
  - actions: [{type: add-headers, config: {headers: {x-front: "yes"}}}]
)yaml", url);
        auto front_app = echo_heads(edge, front);
        {
            NetVisitor visitor = connect();
            visitor.send(request());
            const HttpAnswer passed = visitor.answer();
            CHECK(passed.status == 200);
            CHECK(said(passed.body, "x-front: yes\r\n"));
        }
        CHECK(front_app.get() == 1);
        front_app = echo_heads(edge, front);
        {
            auto back = edge.listen("https://back.internal");
            auto back_app = echo_heads(edge, back);
            NetVisitor visitor = connect();
            visitor.send(request());
            CHECK_FALSE(said(visitor.answer().body, "x-front"));
            back.close(); // the connection outlives it
            await_one_endpoint(edge);
            visitor.send(request());
            CHECK(said(visitor.answer().body, "x-front: yes\r\n"));
            visitor.close();
            CHECK(back_app.get() == 1);
        }
        CHECK(front_app.get() == 1);
    }
    const auto records = edge.records(6);
    for (const std::size_t i : {0u, 2u, 3u, 5u}) CHECK(records[i].policy_logs.size() == 1);
    auto halting = listen(edge, "on_tcp_connect:\n  - actions: [{type: forward-internal, config: {url: 'https://gone.internal'}}]");
    NetVisitor visitor = edge.https(host);
    visitor.send(request());
    CHECK(visitor.answer().field("ngrok-error-code") == "ERR_NGROK_3200");
}

TEST_CASE("a request that one policy let through does not reach a member of the pool with another one") {
    const std::string webhooks = "on_http_request:\n  - actions: [{type: verify-webhook, config: {provider: github, secret: "
                                 "\"It's a Secret to Everybody\"}}]";
    for (const auto& [policy, reached] : std::vector<std::pair<std::string, bool>>{
             {webhooks, true}, {"on_http_request:\n  - actions: [{type: deny}]", false}, {"", false}}) {
        CAPTURE(policy);
        TestEdge edge;
        adit::SessionOptions options;
        options.server(edge.server.agent_address()).roots_pem(edge.server.ca_pem()).authtoken("visitor-token");
        adit::Session other = adit::Session::connect(options);
        const adit::Endpoint shared = adit::Endpoint("http://a.edge.test").pooling(true);
        auto lost = edge.session.listen(adit::Endpoint(shared).traffic_policy(webhooks));
        NetVisitor visitor = edge.http();
        visitor.send("POST / HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: 13\r\nExpect: 100-continue\r\nX-Hub-Signature-256: "
                     "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n\r\n");
        CHECK(visitor.answer().status == 100); // the first one's policy waits for the body
        auto left = other.listen(adit::Endpoint(shared).traffic_policy(policy));
        edge.session.close();
        await_one_endpoint(edge);
        visitor.send("Hello, World!");
        if (reached) {
            AppStream app = edge.accept(left);
            app.read_head();
            app.answer(app.read(13));
            CHECK(visitor.answer().body == "Hello, World!");
        } else {
            const HttpAnswer answer = visitor.answer();
            CHECK(answer.status == 502);
            CHECK(answer.field("ngrok-error-code") == "ERR_NGROK_3209");
            CHECK(edge.nothing_comes(left));
        }
    }
}

TEST_CASE("endpoints that hand a request on in a circle end it with 3501") {
    TestEdge edge;
    auto a = listen(edge, "on_http_request:\n  - actions: [{type: forward-internal, config: {url: 'https://b.internal'}}]");
    auto b = listen(edge, "on_http_request:\n  - actions: [{type: forward-internal, config: {url: 'https://b.internal'}}]",
                    "https://b.internal");
    NetVisitor visitor = edge.https(host);
    visitor.send(request());
    const HttpAnswer answer = visitor.answer();
    CHECK(answer.status == 502);
    CHECK(answer.field("ngrok-error-code") == "ERR_NGROK_3501");
}

TEST_CASE("a webhook is let through with its body if its signature is good, and only then") {
    TestEdge edge;
    auto listener = listen(edge, "on_http_request:\n  - actions: [{type: verify-webhook, config: {provider: github, secret: "
                                 "\"It's a Secret to Everybody\"}}]");
    auto served = std::async(std::launch::async, [&] {
        AppStream app = edge.accept(listener);
        app.read_head();
        const std::string body = app.read(13);
        app.answer(body);
    });
    const std::string head = "POST / HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: 13\r\n";
    NetVisitor bad = edge.https(host);
    bad.send(head + "X-Hub-Signature-256: sha256=00\r\n\r\nHello, World!");
    const HttpAnswer refused = bad.answer();
    CHECK(refused.status == 403);
    CHECK(refused.field("ngrok-error-code") == "ERR_NGROK_3204");
    NetVisitor good = edge.https(host);
    good.send(head + "X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n\r\n");
    good.send("Hello, World!");
    CHECK(good.answer().body == "Hello, World!");
    served.get();
}

TEST_CASE("a circuit breaker opens when the application fails") {
    TestEdge edge;
    auto listener = listen(edge, "on_http_request:\n  - actions: [{type: circuit-breaker, config: {error_threshold: 0.1, "
                                 "volume_threshold: 5, tripped_duration: 2m}}]");
    auto served = std::async(std::launch::async, [&] {
        AppStream app = edge.accept(listener);
        for (int i = 0; i < 5; ++i) {
            app.read_head();
            app.answer("broken", {}, "500 Internal Server Error");
        }
    });
    NetVisitor visitor = edge.https(host);
    for (int i = 0; i < 5; ++i) {
        visitor.send(request());
        CHECK(visitor.answer().status == 500);
    }
    served.get();
    visitor.send(request());
    const HttpAnswer open = visitor.answer();
    CHECK(open.status == 503);
    CHECK(open.field("ngrok-error-code") == "ERR_NGROK_3202");
}

TEST_CASE("a limit of the rate holds for all visitors of an endpoint together") {
    TestEdge edge;
    auto listener = listen(edge, "on_http_request:\n  - actions:\n      - {type: rate-limit, config: {name: all, algorithm: "
                                 "sliding_window, capacity: 3, rate: 60s, bucket_key: [\"req.host\"]}}\n      - {type: "
                                 "custom-response, config: {body: ok}}");
    for (int i = 0; i < 3; ++i) {
        NetVisitor visitor = edge.https(host);
        visitor.send(request());
        CHECK(visitor.answer().status == 200);
    }
    NetVisitor visitor = edge.https(host);
    visitor.send(request());
    const HttpAnswer limited = visitor.answer();
    CHECK(limited.status == 429);
    CHECK(limited.field("retry-after") != "");
}

TEST_CASE("the modules of a bind are the same engine") {
    TestEdge edge;
    auto listener = edge.session.listen(adit::Endpoint("https://a.edge.test")
                                            .basic_auth("user", "password")
                                            .request_header("x-module", "request")
                                            .response_header("x-answer", "response")
                                            .remove_response_header("x-secret"));
    auto app = echo_heads(edge, listener);
    {
        NetVisitor visitor = edge.https(host);
        visitor.send(request());
        const HttpAnswer asked = visitor.answer();
        CHECK(asked.status == 401);
        CHECK(asked.field("www-authenticate").starts_with("Basic realm="));
        visitor.send(request("/", "Authorization: Basic dXNlcjpwYXNzd29yZA==\r\n"));
        const HttpAnswer answer = visitor.answer();
        CHECK(answer.status == 200);
        CHECK(answer.body.find("x-module: request\r\n") != answer.body.npos);
        CHECK(answer.field("x-answer") == "response");
        CHECK(answer.field("x-secret") == "");
    }
    CHECK(app.get() == 1);
}

TEST_CASE("a policy that cannot be served is refused at the bind, with its place") {
    TestEdge edge;
    adit::ErrorInfo error;
    const auto refused = [&](std::string_view policy) {
        error = {};
        edge.session.listen(adit::Endpoint("https://a.edge.test").traffic_policy(policy), error);
        CHECK(error);
        return error.message() + " " + error.detail();
    };
    CHECK(refused("on_http_request:\n  - actions:\n      - type: oauth\n        config: {provider: google}").find("oauth") !=
          std::string::npos);
    CHECK(error.code() == adit::ngrok_error(9026));
    CHECK(refused("on_http_request:\n  - actions:\n      - type: no-such").find("line 3") != std::string::npos);
    CHECK(edge.server.endpoints().empty());
}

TEST_CASE("a policy can be changed while the endpoint is online") {
    TestEdge edge;
    auto listener = listen(edge, "on_http_request:\n  - actions: [{type: custom-response, config: {body: one}}]");
    NetVisitor visitor = edge.https(host);
    visitor.send(request());
    CHECK(visitor.answer().body == "one");
    listener.update(adit::EndpointUpdate().traffic_policy(
        "on_http_request:\n  - actions: [{type: custom-response, config: {body: two}}]"));
    visitor.send(request());
    CHECK(visitor.answer().body == "two");
}
