// HTTP through a forwarder: a real edge in front, a scripted upstream behind.
#include "forward_support.hpp"

#include "proto/proxy_protocol.hpp"

#include <filesystem>
#include <future>
#include <unistd.h>

using adit::Endpoint;
using adit::Upstream;
using adit_test::HttpAnswer;
using adit_test::NetVisitor;
using adit_test::noise;
using adit_test::response;
using adit_test::TestEdge;
using adit_test::TestUpstream;
using adit_test::wait_until;

namespace {

constexpr std::string_view host = "a.edge.test";

std::string get(std::string_view path = "/", std::string_view more = {}) {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a.edge.test\r\n" + std::string(more) + "\r\n";
}

std::string post(std::size_t length, std::string_view more = {}) {
    return "POST / HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: " + std::to_string(length) + "\r\n" +
           std::string(more) + "\r\n";
}

Endpoint endpoint() { return Endpoint("http://a.edge.test"); }

} // namespace

TEST_CASE("a request reaches the upstream as the edge sent it, and its answer comes back") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(endpoint(), Upstream(upstream.url("http")));
    CHECK(forwarder.is_open());
    CHECK(forwarder.url() == "http://a.edge.test:" + std::to_string(edge.server.http_port()));
    CHECK(forwarder.upstream() == upstream.url("http"));
    CHECK_FALSE(forwarder.id().empty());
    NetVisitor visitor = edge.http();
    visitor.send(get("/path?q=1", "X-Mine: kept\r\n"));
    NetVisitor app = upstream.accept();
    CHECK(app.read_until("\r\n\r\n") == "GET /path?q=1 HTTP/1.1\r\nHost: a.edge.test\r\nX-Mine: kept\r\n"
                                        "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n"
                                        "X-Forwarded-Host: a.edge.test\r\nCDN-Loop: edge.test\r\n\r\n");
    app.send(response("hello", "X-App: 1\r\nKeep-Alive: timeout=5\r\nngrok-error-code: ERR_NGROK_8012\r\n", "201 Made"));
    const HttpAnswer answer = visitor.answer();
    CHECK(answer.status == 201);
    CHECK(answer.body == "hello");
    CHECK(answer.field("x-app") == "1");
    CHECK(answer.field("keep-alive").empty());
    CHECK(answer.field("ngrok-error-code").empty());
    const adit::ForwarderCounters counters = forwarder.counters();
    CHECK(counters.connections == 1);
    CHECK(counters.open_connections == 1);
    CHECK(counters.requests == 1);
    CHECK(counters.failures == 0);
    CHECK(counters.bytes_out == 5);
}

TEST_CASE("Host is rewritten when asked") {
    struct Row {
        Upstream options;
        std::string expected;
    };
    TestUpstream upstream;
    const Row rows[] = {
        {Upstream(upstream.at()).rewrite_host(), upstream.at()},
        {Upstream(upstream.at()).rewrite_host(false), "a.edge.test"},
        {Upstream(upstream.at()).host_header("inner.lan"), "inner.lan"},
        {Upstream(upstream.at()).rewrite_host().host_header("inner.lan:8"), "inner.lan:8"},
    };
    TestEdge edge;
    for (const Row& row : rows) {
        CAPTURE(row.expected);
        auto forwarder = edge.session.forward(endpoint(), row.options);
        NetVisitor visitor = edge.http();
        visitor.send(get());
        NetVisitor app = upstream.accept();
        CHECK(app.read_until("\r\n\r\n").find("\r\nHost: " + row.expected + "\r\n") != std::string::npos);
        app.send(response(""));
        CHECK(visitor.answer().status == 200);
        forwarder.close();
        CHECK(forwarder.wait_for(std::chrono::seconds(20)).code() == adit::errc::listener_closed);
    }
}

TEST_CASE("visitors share kept connections to the upstream") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(endpoint(), Upstream(upstream.at()));
    std::optional<NetVisitor> app;
    for (int i = 0; i < 8; ++i) { // each a connection, and a stream of the agent, of its own
        NetVisitor visitor = edge.http();
        visitor.send(get("/" + std::to_string(i)));
        if (!app) app = upstream.accept();
        CHECK(app->read_until("\r\n\r\n").starts_with("GET /" + std::to_string(i) + " "));
        app->send(response(std::to_string(i)));
        CHECK(visitor.answer().body == std::to_string(i));
    }
    CHECK(upstream.nothing_comes());
    CHECK(forwarder.counters().connections == 8);
}

TEST_CASE("without a pool each request has a connection of its own, and an idle one ends in time") {
    TestEdge edge;
    TestUpstream upstream;
    SUBCASE("max_idle_connections 0") {
        const auto forwarder = edge.session.forward(endpoint(), Upstream(upstream.at()).max_idle_connections(0));
        NetVisitor visitor = edge.http();
        for (int i = 0; i < 2; ++i) {
            visitor.send(get());
            NetVisitor app = upstream.accept();
            app.read_until("\r\n\r\n");
            app.send(response("x"));
            CHECK(visitor.answer().body == "x");
            CHECK(app.ended());
        }
    }
    SUBCASE("idle_time") {
        const auto forwarder =
            edge.session.forward(endpoint(), Upstream(upstream.at()).idle_time(std::chrono::milliseconds(50)));
        NetVisitor visitor = edge.http();
        visitor.send(get());
        NetVisitor app = upstream.accept();
        app.read_until("\r\n\r\n");
        app.send(response("x"));
        CHECK(visitor.answer().body == "x");
        CHECK(app.ended());
    }
}

TEST_CASE("a kept connection that the upstream ended is not used") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(endpoint(), Upstream(upstream.at()));
    NetVisitor visitor = edge.http();
    visitor.send(get());
    NetVisitor app = upstream.accept();
    app.read_until("\r\n\r\n");
    app.send(response("one"));
    CHECK(visitor.answer().body == "one");
    app.close();
    visitor.send(post(4) + "body"); // what could not be sent twice
    NetVisitor fresh = upstream.accept();
    CHECK(fresh.read_until("\r\n\r\n").starts_with("POST"));
    CHECK(fresh.read(4) == "body");
    fresh.send(response("two"));
    CHECK(visitor.answer().body == "two");
}

TEST_CASE("a kept connection that dies under a request: sent again once if that is safe, else 502") {
    struct Row {
        std::string request;
        bool again;
    };
    const Row rows[] = {{get(), true}, {"DELETE / HTTP/1.1\r\nHost: a.edge.test\r\n\r\n", true}, {post(1) + "x", false},
                        {"POST / HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: 0\r\n\r\n", false}};
    for (const Row& row : rows) {
        CAPTURE(row.request);
        TestEdge edge;
        TestUpstream upstream;
        const auto forwarder = edge.session.forward(endpoint(), Upstream(upstream.at()));
        NetVisitor visitor = edge.http();
        visitor.send(get());
        NetVisitor app = upstream.accept();
        app.read_until("\r\n\r\n");
        app.send(response("one"));
        CHECK(visitor.answer().body == "one");
        visitor.send(row.request);
        app.read_until("\r\n\r\n");
        app.reset();
        if (row.again) {
            NetVisitor fresh = upstream.accept();
            fresh.read_until("\r\n\r\n");
            fresh.reset(); // and not a third time
            CHECK(visitor.answer().status == 502);
        } else {
            const HttpAnswer answer = visitor.answer();
            CHECK(answer.status == 502);
            CHECK(answer.field("ngrok-error-code") == "ERR_NGROK_3004");
        }
        CHECK(upstream.nothing_comes());
        CHECK(forwarder.counters().failures == 1);
    }
}

TEST_CASE("an upstream that is down gives 502 with 8012 and the reason, in the form the visitor accepts") { // behaviour 8012
    TestEdge edge;
    const std::string port = std::to_string(adit_test::dead_port());
    const auto forwarder = edge.session.forward(endpoint(), Upstream("http://127.0.0.1:" + port));
    NetVisitor visitor = edge.http();
    struct Row {
        std::string_view accept, type;
    };
    const Row rows[] = {{"text/html", "text/html; charset=utf-8"},
                        {"application/json", "application/json"},
                        {"*/*", "text/plain; charset=utf-8"}};
    for (const Row& row : rows) {
        const HttpAnswer answer = visitor.get("/", host, "Accept: " + std::string(row.accept) + "\r\n");
        CHECK(answer.status == 502);
        CHECK(answer.complete);
        CHECK(answer.field("ngrok-error-code") == "ERR_NGROK_8012");
        CHECK(answer.field("content-type") == row.type);
        CHECK(answer.body.find("127.0.0.1:" + port) != std::string::npos);
        CHECK(answer.body.find("Connection refused") != std::string::npos);
        CHECK(answer.field("connection").empty()); // it goes on, as these rows do
    }
    visitor.send(post(5, "Connection: close\r\n") + "12345");
    const HttpAnswer last = visitor.answer();
    CHECK(last.status == 502);
    CHECK(last.field("connection") == "close");
    CHECK(visitor.ended());
    CHECK(forwarder.is_open());
    CHECK(forwarder.counters().failures == 4);
    CHECK(forwarder.last_error().code() == asio::error::connection_refused);
    CHECK(edge.records(1).front().ngrok_error == 8012);
}

TEST_CASE("what an upstream says wrong is 502, and what it says too late 504") {
    TestEdge edge;
    TestUpstream upstream;
    auto options = Upstream(upstream.at()).response_timeout(std::chrono::milliseconds(100));
    const auto forwarder = edge.session.forward(endpoint(), options);
    NetVisitor visitor = edge.http();
    SUBCASE("no HTTP") {
        visitor.send(get());
        NetVisitor app = upstream.accept();
        app.read_until("\r\n\r\n");
        app.send("SSH-2.0-nothing\r\n\r\n");
        const HttpAnswer answer = visitor.answer();
        CHECK(answer.status == 502);
        CHECK(answer.field("ngrok-error-code") == "ERR_NGROK_3004");
        CHECK(app.ended());
    }
    SUBCASE("nothing") {
        visitor.send(get());
        NetVisitor app = upstream.accept();
        app.read_until("\r\n\r\n");
        const HttpAnswer answer = visitor.answer();
        CHECK(answer.status == 504);
        CHECK(answer.field("ngrok-error-code") == "ERR_NGROK_3005");
        CHECK(app.ended());
        CHECK(forwarder.last_error().code() == adit::errc::timed_out);
    }
    SUBCASE("half an answer, which must not look like a whole one") {
        visitor.send(get());
        NetVisitor app = upstream.accept();
        app.read_until("\r\n\r\n");
        app.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
        CHECK(visitor.read_until("12345").ends_with("12345"));
        app.close();
        CHECK(visitor.ended());
        CHECK(visitor.cut());
    }
}

TEST_CASE("16 MiB stream both ways, with a length and in chunks") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(endpoint(), Upstream(upstream.at()));
    const std::string up = noise(16u << 20, 1);
    const std::string down = noise(16u << 20, 2);
    bool chunked = false;
    SUBCASE("length") {}
    SUBCASE("chunks") { chunked = true; }
    auto app = std::async(std::launch::async, [&] {
        NetVisitor peer = upstream.accept();
        const std::string head = peer.read_until("\r\n\r\n");
        std::string body;
        if (chunked) {
            for (std::size_t size = 1; size != 0;) {
                size = std::stoul(peer.read_until("\r\n"), nullptr, 16);
                body += peer.read(size);
                CHECK(peer.read(2) == "\r\n");
            }
        } else {
            body = peer.read(up.size());
        }
        peer.send(chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" : response(down));
        if (chunked) {
            for (std::size_t at = 0; at < down.size(); at += 1u << 20) {
                peer.send("100000\r\n");
                peer.send(std::string_view(down).substr(at, 1u << 20));
                peer.send("\r\n");
            }
            peer.send("0\r\n\r\n");
        }
        return body;
    });
    NetVisitor visitor = edge.http();
    if (chunked) {
        visitor.send("POST / HTTP/1.1\r\nHost: a.edge.test\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (std::size_t at = 0; at < up.size(); at += 1u << 20) {
            visitor.send("100000\r\n");
            visitor.send(std::string_view(up).substr(at, 1u << 20));
            visitor.send("\r\n");
        }
        visitor.send("0\r\n\r\n");
    } else {
        visitor.send(post(up.size()));
        visitor.send(up);
    }
    const HttpAnswer answer = visitor.answer();
    CHECK(answer.complete);
    CHECK(answer.chunked == chunked);
    CHECK((answer.body == down));
    CHECK((app.get() == up));
    CHECK(forwarder.counters().bytes_in == up.size());
    CHECK(forwarder.counters().bytes_out == down.size());
}

TEST_CASE("a slow reader holds the upstream, not our memory") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(endpoint(), Upstream(upstream.at()));
    NetVisitor visitor = edge.http();
    visitor.set_receive_buffer(16'384);
    visitor.send(get());
    NetVisitor app = upstream.accept();
    app.read_until("\r\n\r\n");
    constexpr std::size_t size = 256u << 20;
    app.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
    const std::string piece(65'536, 'x');
    std::size_t taken = 0;
    // Until nothing was taken for a while; what the kernel's buffers and the windows on the way hold is far less.
    for (int quiet = 0; quiet < 20 && taken < size;) {
        const std::size_t n = app.send_some_now(piece);
        taken += n;
        quiet = n == 0 ? quiet + 1 : 0;
        if (n == 0) (void)app.readable_within(std::chrono::milliseconds(20));
    }
    CHECK(taken < (48u << 20));
    CHECK(forwarder.counters().bytes_out < (16u << 20));
    visitor.reset(); // and when he leaves the upstream is told
    CHECK(app.ended());
}

TEST_CASE("100 Continue comes from the upstream, and an early answer overtakes the body") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(endpoint(), Upstream(upstream.at()));
    NetVisitor visitor = edge.http();
    visitor.send(post(5, "Expect: 100-continue\r\n"));
    NetVisitor app = upstream.accept();
    CHECK(app.read_until("\r\n\r\n").find("Expect: 100-continue") != std::string::npos);
    SUBCASE("continue") {
        app.send("HTTP/1.1 100 Continue\r\n\r\n");
        CHECK(visitor.answer().status == 100);
        visitor.send("12345");
        CHECK(app.read(5) == "12345");
        app.send(response("done"));
        CHECK(visitor.answer().body == "done");
    }
    SUBCASE("refused") {
        app.send(response("no", "", "417 Expectation Failed"));
        const HttpAnswer answer = visitor.answer();
        CHECK(answer.status == 417);
        CHECK(answer.body == "no");
        CHECK(answer.field("connection") == "close");
        CHECK(app.ended());
    }
}

TEST_CASE("an answer in the middle of a large body is whole") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(endpoint(), Upstream(upstream.at()));
    NetVisitor visitor = edge.http();
    visitor.send(post(64u << 20));
    visitor.send(std::string(1u << 20, 'x'));
    NetVisitor app = upstream.accept();
    app.read_until("\r\n\r\n");
    app.send(response("too large", "Connection: close\r\n", "413 Payload Too Large"));
    app.shutdown_write();
    const HttpAnswer answer = visitor.answer();
    CHECK(answer.status == 413);
    CHECK(answer.body == "too large");
}

TEST_CASE("an upgrade becomes bytes both ways") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(endpoint(), Upstream(upstream.at()));
    NetVisitor visitor = edge.http();
    visitor.send(get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n"));
    NetVisitor app = upstream.accept();
    const std::string head = app.read_until("\r\n\r\n");
    CHECK(head.find("Upgrade: websocket\r\n") != std::string::npos);
    CHECK(head.find("Connection: Upgrade\r\n") != std::string::npos);
    SUBCASE("agreed") {
        app.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst");
        const HttpAnswer answer = visitor.answer();
        CHECK(answer.status == 101);
        CHECK(answer.field("upgrade") == "websocket");
        CHECK(visitor.read(5) == "first");
        visitor.send(std::string("\0GET / HTTP/1.1\r\n\r\n", 19));
        CHECK(app.read(19) == std::string("\0GET / HTTP/1.1\r\n\r\n", 19));
        app.send("last");
        app.shutdown_write();
        CHECK(visitor.read_all() == "last");
    }
    SUBCASE("declined") {
        app.send(response("no"));
        CHECK(visitor.answer().body == "no");
        visitor.send(get("/next"));
        CHECK(app.read_until("\r\n\r\n").starts_with("GET /next"));
        app.send(response("yes"));
        CHECK(visitor.answer().body == "yes");
    }
}

TEST_CASE("answers of every framing arrive: HEAD, 204, 304, until the end, HTTP/1.0") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(endpoint(), Upstream(upstream.at()));
    NetVisitor visitor = edge.http();
    visitor.send("HEAD / HTTP/1.1\r\nHost: a.edge.test\r\n\r\n");
    NetVisitor app = upstream.accept();
    app.read_until("\r\n\r\n");
    app.send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    CHECK(visitor.answer(true).field("content-length") == "7");
    for (const int status : {204, 304}) {
        visitor.send(get());
        app.read_until("\r\n\r\n");
        app.send("HTTP/1.1 " + std::to_string(status) + " X\r\n\r\n");
        CHECK(visitor.answer().status == status);
    }
    visitor.send(get());
    app.read_until("\r\n\r\n");
    app.send("HTTP/1.0 200 OK\r\n\r\nto the end");
    app.close();
    const HttpAnswer answer = visitor.answer();
    CHECK(answer.complete);
    CHECK(answer.body == "to the end");
    CHECK(upstream.nothing_comes());
}

TEST_CASE("a local socket is an upstream") {
    const auto path = std::filesystem::temp_directory_path() / ("adit-forward-" + std::to_string(::getpid()) + ".sock");
    TestEdge edge;
    auto upstream = std::make_unique<TestUpstream>(path.string());
    const auto forwarder = edge.session.forward(endpoint(), Upstream("unix:" + path.string()));
    NetVisitor visitor = edge.http();
    for (int i = 0; i < 2; ++i) {
        visitor.send(get());
        NetVisitor app = upstream->accept();
        app.read_until("\r\n\r\n");
        app.send(response("local", "Connection: close\r\n"));
        CHECK(visitor.answer().body == "local");
    }
    upstream.reset();
    const HttpAnswer answer = visitor.get("/", host);
    CHECK(answer.status == 502);
    CHECK(answer.field("ngrok-error-code") == "ERR_NGROK_8012");
    CHECK(answer.body.find(path.string()) != std::string::npos);
}

TEST_CASE("a PROXY protocol header is read and sent on, and such connections are nobody else's") { // S1.3e
    for (const int version : {1, 2}) {
        CAPTURE(version);
        TestEdge edge;
        TestUpstream upstream;
        const auto forwarder =
            edge.session.forward(endpoint().proxy_protocol(version), Upstream(upstream.url("http")));
        NetVisitor visitor = edge.http();
        visitor.send(get("/1"));
        NetVisitor app = upstream.accept();
        const auto from = adit::IpEndpoint::parse(visitor.address());
        const auto to = adit::IpEndpoint::parse("127.0.0.1:" + std::to_string(edge.server.http_port()));
        REQUIRE(from);
        REQUIRE(to);
        const std::string header = adit::encode_proxy_protocol(static_cast<adit::ProxyProtocolVersion>(version),
                                                               adit::ProxiedEnds(*from, *to));
        CHECK(app.read(header.size()) == header);
        CHECK(app.read_until("\r\n\r\n").starts_with("GET /1 "));
        app.send(response("1"));
        CHECK(visitor.answer().body == "1");
        visitor.send(get("/2"));
        CHECK(app.read_until("\r\n\r\n").starts_with("GET /2 ")); // no second header on it
        app.send(response("2"));
        CHECK(visitor.answer().body == "2");
        NetVisitor other = edge.http();
        other.send(get("/3"));
        NetVisitor second = upstream.accept();
        second.read(header.size());
        CHECK(second.read_until("\r\n\r\n").starts_with("GET /3 "));
        second.send(response("3"));
        CHECK(other.answer().body == "3");
    }
}
