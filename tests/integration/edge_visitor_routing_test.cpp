// Which endpoint a visitor reaches: by Host, by the name in the TLS handshake, by port.
#include "edge_visitor_support.hpp"

using adit_test::AppStream;
using adit_test::HttpAnswer;
using adit_test::NetVisitor;
using adit_test::TestEdge;
using adit_test::TlsOptions;

namespace {

/// One request to an endpoint of the HTTP port, answered with `text` by whoever gets it.
HttpAnswer exchange(TestEdge& edge, adit::Listener& listener, std::string_view host, std::string_view text) {
    NetVisitor visitor = edge.http();
    visitor.send("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer(text);
    return visitor.answer();
}

} // namespace

TEST_CASE("the Host decides which endpoint gets the request") {
    TestEdge edge;
    auto one = edge.listen("http://one.edge.test");
    auto two = edge.listen("http://two.edge.test");
    CHECK(exchange(edge, one, "one.edge.test", "first").body == "first");
    CHECK(exchange(edge, two, "two.edge.test", "second").body == "second");
    // Case, a port and the dot of the root make no difference (S1, RFC 9110 7.2).
    CHECK(exchange(edge, two, "TWO.Edge.Test", "case").body == "case");
    CHECK(exchange(edge, one, "one.edge.test:8080", "port").body == "port");
    CHECK(exchange(edge, one, "one.edge.test.", "dot").body == "dot");
}

TEST_CASE("one connection may ask for several endpoints of the HTTP port") {
    TestEdge edge;
    auto one = edge.listen("http://one.edge.test");
    auto two = edge.listen("http://two.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send("GET /1 HTTP/1.1\r\nHost: one.edge.test\r\n\r\n");
    AppStream first = edge.accept(one);
    first.read_head();
    first.answer("one");
    CHECK(visitor.answer().body == "one");
    visitor.send("GET /2 HTTP/1.1\r\nHost: two.edge.test\r\n\r\n");
    AppStream second = edge.accept(two);
    CHECK(second.read_head().starts_with("GET /2 "));
    second.answer("two");
    CHECK(visitor.answer().body == "two");
    CHECK(first.read_end() == asio::error::eof); // an agent's stream serves one endpoint
}

TEST_CASE("the most specific name that is online wins") {
    TestEdge edge;
    auto wild = edge.listen("http://*.edge.test");
    CHECK(exchange(edge, wild, "a.edge.test", "wild").body == "wild");
    auto exact = edge.listen("http://a.edge.test");
    CHECK(exchange(edge, exact, "a.edge.test", "exact").body == "exact");
    CHECK(exchange(edge, wild, "b.edge.test", "wild").body == "wild");
}

TEST_CASE("a host that nobody serves gets 404 with ERR_NGROK_3200, in the form the visitor prefers") {
    TestEdge edge;
    NetVisitor visitor = edge.http();
    struct Case {
        std::string_view accept, type, contains;
    };
    for (const Case& each : {Case{"*/*", "text/plain; charset=utf-8", "ERR_NGROK_3200"},
                             Case{"text/html", "text/html; charset=utf-8", "<!DOCTYPE html>"},
                             Case{"application/json", "application/json", "\"ERR_NGROK_3200\""}}) {
        const HttpAnswer answer = visitor.get("/", "nobody.edge.test", "Accept: " + std::string(each.accept) + "\r\n");
        CHECK(answer.status == 404);
        CHECK(answer.field("ngrok-error-code") == "ERR_NGROK_3200");
        CHECK(answer.field("content-type") == each.type);
        CHECK(answer.body.find(each.contains) != std::string::npos);
        CHECK(answer.body.find("nobody.edge.test") != std::string::npos);
    }
    CHECK(edge.records(3)[2].ngrok_error == 3200); // and the connection went on
}

TEST_CASE("an https endpoint is not served on the HTTP port, and the other way round") { // S1.1a
    TestEdge edge;
    auto secure = edge.listen("https://secure.edge.test");
    auto plain = edge.listen("http://plain.edge.test");
    CHECK(edge.http().get("/", "secure.edge.test").status == 404);
    CHECK(edge.https("plain.edge.test").get("/", "plain.edge.test").status == 404);
    CHECK(edge.nothing_comes(secure));
    CHECK(edge.nothing_comes(plain));
}

TEST_CASE("the name in the handshake and the Host must belong to the same endpoint, else 421") { // T9
    TestEdge edge;
    auto one = edge.listen("https://one.edge.test");
    auto two = edge.listen("https://two.edge.test");
    auto wild = edge.listen("https://*.wild.edge.test");
    struct Case {
        std::string_view sni, host;
        int status; // 0: it reaches `one` or `wild`
    };
    for (const Case& each : {Case{"one.edge.test", "one.edge.test", 0}, Case{"one.edge.test", "two.edge.test", 421},
                             Case{"one.edge.test", "nobody.edge.test", 421}, Case{"none.edge.test", "one.edge.test", 421},
                             Case{"none.edge.test", "other.edge.test", 404}, Case{"one.edge.test", "ONE.edge.test:443", 0},
                             Case{"one.edge.test", "one.edge.test.", 0}}) {
        CAPTURE(each.sni);
        CAPTURE(each.host);
        NetVisitor visitor = edge.https(each.sni);
        visitor.send("GET / HTTP/1.1\r\nHost: " + std::string(each.host) + "\r\n\r\n");
        if (each.status == 0) {
            AppStream app = edge.accept(one);
            app.read_head();
            app.answer("here");
            CHECK(visitor.answer().body == "here");
        } else {
            CHECK(visitor.answer().status == each.status);
        }
    }
    CHECK(edge.nothing_comes(two));
    CHECK(edge.nothing_comes(one));
    // All hosts of one wildcard are one endpoint, also on one connection; what lies outside of it is not.
    NetVisitor visitor = edge.https("a.wild.edge.test");
    AppStream app = [&] {
        visitor.send("GET /1 HTTP/1.1\r\nHost: a.wild.edge.test\r\n\r\n");
        return edge.accept(wild);
    }();
    app.read_head();
    app.answer("first");
    CHECK(visitor.answer().body == "first");
    visitor.send("GET /2 HTTP/1.1\r\nHost: b.wild.edge.test\r\n\r\n");
    CHECK(app.read_head().find("Host: b.wild.edge.test\r\n") != std::string::npos);
    app.answer("second");
    CHECK(visitor.answer().body == "second");
    CHECK(visitor.get("/3", "one.edge.test").status == 421);
    CHECK(edge.nothing_comes(one));
}

TEST_CASE("HTTP/1.0 over TLS without a Host reaches the endpoint of the handshake, and the application learns its name") {
    TestEdge edge;
    auto one = edge.listen("https://one.edge.test");
    NetVisitor visitor = edge.https("one.edge.test");
    visitor.send("GET / HTTP/1.0\r\n\r\n");
    AppStream app = edge.accept(one);
    const std::string head = app.read_head();
    CHECK(head.starts_with("GET / HTTP/1.1\r\n"));
    CHECK(head.find("Host: one.edge.test\r\n") != std::string::npos);
    CHECK(head.find("X-Forwarded-Host: one.edge.test\r\n") != std::string::npos);
    app.answer("old");
    CHECK(visitor.answer().body == "old");
    CHECK(visitor.ended());
}

TEST_CASE("without a name in the handshake the Host alone decides") {
    TestEdge edge;
    auto one = edge.listen("https://one.edge.test");
    NetVisitor visitor = NetVisitor::tls(edge.server.https_port(), TlsOptions("127.0.0.1", edge.server.ca_pem()));
    visitor.send("GET / HTTP/1.1\r\nHost: one.edge.test\r\n\r\n");
    AppStream app = edge.accept(one);
    app.read_head();
    app.answer("by host");
    CHECK(visitor.answer().body == "by host");
}

TEST_CASE("plain HTTP on the TLS port is told so, garbage is closed, and others are served meanwhile") {
    TestEdge edge;
    NetVisitor plain = NetVisitor::plain(edge.server.https_port());
    const HttpAnswer answer = plain.get("/", "one.edge.test");
    CHECK(answer.status == 400);
    CHECK(answer.body.find("https://") != std::string::npos);
    CHECK(plain.ended());

    NetVisitor garbage = NetVisitor::plain(edge.server.https_port());
    garbage.send(std::string(100, '\x7f'));
    CHECK(garbage.ended());

    NetVisitor record = NetVisitor::plain(edge.server.https_port());
    record.send(std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10)); // a ClientHello of one byte
    (void)record.read_all();                                                  // an alert
    CHECK(record.ended());

    NetVisitor huge = NetVisitor::plain(edge.server.https_port());
    huge.send(std::string("\x16\x03\x01\x40\x00\x01\xff\xff\xff", 9) + std::string(16'384, 'x'));
    (void)huge.read_all();
    CHECK(huge.ended());

    auto one = edge.listen("https://one.edge.test");
    NetVisitor good = edge.https("one.edge.test");
    good.send("GET / HTTP/1.1\r\nHost: one.edge.test\r\n\r\n");
    AppStream app = edge.accept(one);
    app.read_head();
    app.answer("still here");
    CHECK(good.answer().body == "still here");
}

TEST_CASE("requests that name no host or want a tunnel are refused with the reason") {
    TestEdge edge;
    auto one = edge.listen("http://one.edge.test");
    NetVisitor old = edge.http();
    old.send("GET / HTTP/1.0\r\n\r\n");
    CHECK(old.answer().status == 400);
    CHECK(old.ended());
    NetVisitor missing = edge.http();
    missing.send("GET / HTTP/1.1\r\n\r\n");
    CHECK(missing.answer().status == 400);
    NetVisitor tunnel = edge.http();
    tunnel.send("CONNECT one.edge.test:443 HTTP/1.1\r\nHost: one.edge.test:443\r\n\r\n");
    CHECK(tunnel.answer().status == 405); // T5
    NetVisitor odd = edge.http();
    CHECK(odd.get("/", "a_b.edge.test").status == 404);
    CHECK(edge.nothing_comes(one));
}
