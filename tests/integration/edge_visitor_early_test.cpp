// Answers that come before their request is there (threat T4), and answers in several heads.
#include "edge_visitor_support.hpp"

#include <future>

using adit_test::AppStream;
using adit_test::HttpAnswer;
using adit_test::NetVisitor;
using adit_test::TestEdge;

namespace {

constexpr std::size_t large = 5u << 20;

NetVisitor connect(TestEdge& edge, bool tls) { return tls ? edge.https("a.edge.test") : edge.http(); }

// A client that first writes all of a large request and looks for an answer only then.
HttpAnswer upload(NetVisitor& visitor, std::string_view host, bool chunked) {
    const std::string head = "POST /upload HTTP/1.1\r\nHost: " + std::string(host) + "\r\n";
    const std::string piece(65'536, 'x');
    visitor.send(head + (chunked ? "Transfer-Encoding: chunked" : "Content-Length: " + std::to_string(large)) + "\r\n\r\n");
    for (std::size_t sent = 0; sent < large; sent += piece.size()) {
        visitor.send(chunked ? "10000\r\n" + piece + "\r\n" : piece);
    }
    if (chunked) visitor.send("0\r\n\r\n");
    return visitor.answer();
}

} // namespace

TEST_CASE("413 that the application says at the head reaches a client that writes all of 5 MiB before it reads") {
    TestEdge edge;
    auto plain = edge.listen("http://a.edge.test");
    auto secure = edge.listen("https://a.edge.test");
    for (const bool tls : {false, true}) {
        for (const bool chunked : {false, true}) {
            CAPTURE(tls);
            CAPTURE(chunked);
            NetVisitor visitor = connect(edge, tls);
            auto answer = std::async(std::launch::async, [&] { return upload(visitor, "a.edge.test", chunked); });
            AppStream app = edge.accept(tls ? secure : plain);
            app.read_head();
            app.answer("too large", {}, "413 Content Too Large");
            const HttpAnswer got = answer.get();
            CHECK(got.status == 413);
            CHECK(got.body == "too large");
            CHECK(got.field("connection") == "close");
            CHECK(visitor.ended());
            CHECK(app.read_end() == adit::errc::connection_reset); // and not the end of a complete request
        }
    }
}

TEST_CASE("a page of the edge reaches a client that writes all of 5 MiB before it reads") {
    TestEdge edge;
    auto listener = edge.listen("https://a.edge.test");
    for (const bool chunked : {false, true}) {
        CAPTURE(chunked);
        NetVisitor visitor = edge.http();
        const HttpAnswer answer = upload(visitor, "nobody.edge.test", chunked);
        CHECK(answer.status == 404);
        CHECK(answer.field("ngrok-error-code") == "ERR_NGROK_3200");
        CHECK(visitor.ended());
    }
    CHECK(edge.nothing_comes(listener));
}

TEST_CASE("the rest of a request that was answered early is no request") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.edge.test\r\n\r\n";
    visitor.send("POST / HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: " + std::to_string(smuggled.size()) + "\r\n\r\n");
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("early");
    const HttpAnswer answer = visitor.answer();
    CHECK(answer.body == "early");
    CHECK(answer.field("connection") == "close");
    visitor.send(smuggled);
    CHECK(visitor.ended());
    CHECK(edge.nothing_comes(listener));
}

TEST_CASE("interim answers pass as they come, while the body is still on its way") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send("POST / HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: 6\r\n\r\nabc");
    AppStream app = edge.accept(listener);
    app.read_head();
    CHECK(app.read(3) == "abc");
    for (const std::string_view status : {"102 Processing", "103 Early Hints", "103 Early Hints"}) {
        app.write("HTTP/1.1 " + std::string(status) + "\r\nLink: </style.css>; rel=preload\r\nConnection: x\r\n\r\n");
        const HttpAnswer interim = visitor.answer();
        CHECK(std::to_string(interim.status) == status.substr(0, 3));
        CHECK(interim.field("link") == "</style.css>; rel=preload");
        CHECK(interim.field("connection").empty());
    }
    visitor.send("def");
    CHECK(app.read(3) == "def");
    app.answer("done");
    const HttpAnswer answer = visitor.answer();
    CHECK(answer.body == "done");
    CHECK(answer.field("connection").empty()); // and another request may follow
    visitor.send("GET / HTTP/1.1\r\nHost: a.edge.test\r\n\r\n");
    app.read_head();
    app.answer("next");
    CHECK(visitor.answer().body == "next");
}

TEST_CASE("an expectation that the application ignores costs nothing, and one without a body is not passed on") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    const std::string head = "POST / HTTP/1.1\r\nHost: a.edge.test\r\neXPECT: 100-Continue\r\n";
    visitor.send(head + "Content-Length: 5\r\n\r\nhello"); // it did not wait
    AppStream app = edge.accept(listener);
    CHECK(app.read_head().find("\r\nExpect: 100-continue\r\n") != std::string::npos);
    CHECK(app.read(5) == "hello");
    app.answer("one");
    CHECK(visitor.answer().body == "one");
    visitor.send(head + "Content-Length: 0\r\n\r\n");
    CHECK(app.read_head().find("xpect") == std::string::npos);
    app.answer("two");
    CHECK(visitor.answer().body == "two");
}

TEST_CASE("trailers of a request reach the application, without what may not stand there") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send("POST / HTTP/1.1\r\nHost: a.edge.test\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n");
    AppStream app = edge.accept(listener);
    CHECK(app.read_head().find("\r\nTrailer: X-Sum\r\n") != std::string::npos);
    CHECK(app.read(8) == "3\r\nabc\r\n");
    visitor.send("0\r\nX-Sum: 1\r\nX-Forwarded-For: 1.2.3.4\r\nContent-Length: 3\r\nAuthorization: Basic eDp5\r\n\r\n");
    CHECK(app.read_until("\r\n\r\n") == "0\r\nX-Sum: 1\r\n\r\n");
    app.answer("done");
    CHECK(visitor.answer().body == "done");
}
