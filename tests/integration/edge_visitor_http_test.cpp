// What passes between a visitor and an application over HTTP/1.1.
#include "edge_visitor_support.hpp"

#include <future>

using adit_test::AppStream;
using adit_test::HttpAnswer;
using adit_test::NetVisitor;
using adit_test::noise;
using adit_test::TestEdge;

namespace {

constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: a.edge.test\r\n";

std::string request(std::string_view more = {}) { return std::string(get) + std::string(more) + "\r\n"; }

std::string chunked(std::string_view body, std::size_t piece) {
    std::string out;
    char line[32];
    for (std::size_t at = 0; at < body.size(); at += piece) {
        const std::string_view part = body.substr(at, piece);
        std::snprintf(line, sizeof line, "%zx\r\n", part.size());
        out.append(line).append(part).append("\r\n");
    }
    return out + "0\r\n\r\n";
}

} // namespace

TEST_CASE("requests of one visitor share a stream of the agent, and other visitors have their own") {
    TestEdge edge;
    auto listener = edge.listen("https://a.edge.test");
    NetVisitor visitor = edge.https("a.edge.test");
    visitor.send(request());
    AppStream app = edge.accept(listener);
    for (int i = 0; i < 5; ++i) {
        app.read_head();
        app.answer(std::to_string(i));
        CHECK(visitor.answer().body == std::to_string(i));
        visitor.send(request());
    }
    NetVisitor other = edge.https("a.edge.test");
    other.send(request());
    AppStream second = edge.accept(listener);
    second.read_head();
    second.answer("other");
    CHECK(other.answer().body == "other");
    CHECK(edge.nothing_comes(listener));
}

TEST_CASE("a stream of the agent ends when its visitor asks nothing for a while, and the visitor's connection stays") {
    TestEdge edge([](auto& options) { options.agent_stream_idle_time(std::chrono::milliseconds(100)); });
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send(request());
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("one");
    CHECK(visitor.answer().body == "one");
    CHECK(app.read_end() == asio::error::eof);
    visitor.send(request());
    AppStream fresh = edge.accept(listener);
    fresh.read_head();
    fresh.answer("two");
    CHECK(visitor.answer().body == "two");
}

TEST_CASE("pipelined requests are answered in their order") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    std::string all;
    for (int i = 0; i < 20; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a.edge.test\r\n\r\n";
    visitor.send(all);
    AppStream app = edge.accept(listener);
    for (int i = 0; i < 20; ++i) {
        CHECK(app.read_head().starts_with("GET /" + std::to_string(i) + " "));
        app.answer(std::to_string(i));
        CHECK(visitor.answer().body == std::to_string(i));
    }
}

TEST_CASE("the application sees whom the edge says it serves, whatever the visitor claims") { // T11, behaviour D.4
    TestEdge edge;
    auto listener = edge.listen("https://a.edge.test");
    NetVisitor visitor = edge.https("a.edge.test");
    visitor.send(request("X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: gopher\r\nX-Forwarded-Host: evil\r\n"
                         "Forwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nX_Forwarded_For: 1.2.3.4\r\n"
                         "Connection: x-forwarded-for, close-not\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
                         "ngrok-auth-user: me\r\nngrok-skip-browser-warning: 1\r\nX-Mine: kept\r\n"));
    AppStream app = edge.accept(listener);
    CHECK(app.read_head() == "GET / HTTP/1.1\r\nHost: a.edge.test\r\nngrok-skip-browser-warning: 1\r\nX-Mine: kept\r\n"
                             "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n"
                             "X-Forwarded-Host: a.edge.test\r\nCDN-Loop: edge.test\r\n\r\n");
    CHECK(app.connection().remote_address() == visitor.address());
}

TEST_CASE("a listed proxy may say whom it serves") {
    TestEdge edge([](auto& options) { options.trusted_proxy("127.0.0.0/8"); });
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send(request("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\n"));
    AppStream app = edge.accept(listener);
    const std::string head = app.read_head();
    CHECK(head.find("X-Forwarded-For: 203.0.113.9, 127.0.0.1\r\n") != std::string::npos);
    CHECK(head.find("X-Forwarded-Proto: https\r\n") != std::string::npos);
    CHECK(head.find("X-Forwarded-Host: shop.test\r\n") != std::string::npos);
}

TEST_CASE("the application's fields reach the visitor, without hop-by-hop ones and without our error code") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send(request());
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("body", "ngrok-error-code: ERR_NGROK_1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nX-App: 1\r\n"
                       "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n");
    const HttpAnswer answer = visitor.answer();
    CHECK(answer.field("ngrok-error-code").empty());
    CHECK(answer.field("keep-alive").empty());
    CHECK(answer.field("proxy-connection").empty());
    CHECK(answer.field("x-app") == "1");
    CHECK(answer.field("set-cookie") == "a=1, b=2");
}

TEST_CASE("large bodies pass byte for byte in both directions, with a length and in chunks") {
    TestEdge edge;
    auto listener = edge.listen("https://a.edge.test");
    const std::string up = noise(5'000'000, 1);
    const std::string down = noise(6'000'000, 2);
    for (const bool in_chunks : {false, true}) {
        CAPTURE(in_chunks);
        NetVisitor visitor = edge.https("a.edge.test");
        auto sender = std::async(std::launch::async, [&] {
            const std::string head = "POST /up HTTP/1.1\r\nHost: a.edge.test\r\n";
            if (in_chunks) {
                visitor.send(head + "Transfer-Encoding: chunked\r\n\r\n" + chunked(up, 70'001));
            } else {
                visitor.send(head + "Content-Length: " + std::to_string(up.size()) + "\r\n\r\n" + up);
            }
        });
        AppStream app = edge.accept(listener);
        const std::string head = app.read_head();
        std::string body;
        if (in_chunks) {
            CHECK(head.find("Transfer-Encoding: chunked") != std::string::npos);
            for (;;) {
                const std::size_t size = std::stoul(app.read_until("\r\n"), nullptr, 16);
                body += app.read(size);
                CHECK(app.read(2) == "\r\n");
                if (size == 0) break;
            }
        } else {
            body = app.read(up.size());
        }
        sender.get();
        CHECK((body == up));
        auto answering = std::async(std::launch::async, [&] {
            if (in_chunks) {
                app.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(down, 12'345));
            } else {
                app.answer(down);
            }
        });
        const HttpAnswer answer = visitor.answer();
        answering.get();
        CHECK(answer.chunked == in_chunks);
        CHECK((answer.body == down));
        // The connection and the stream are good for another request.
        visitor.send(request());
        app.read_head();
        app.answer("again");
        CHECK(visitor.answer().body == "again");
    }
    const auto records = edge.records(4);
    CHECK(records[0].bytes_in > up.size());
    CHECK(records[0].bytes_out > down.size());
    CHECK(records[0].bytes_out < down.size() + 300);
}

TEST_CASE("bodies stream: the first part arrives while the rest does not exist yet") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send("POST / HTTP/1.1\r\nHost: a.edge.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    AppStream app = edge.accept(listener);
    app.read_head();
    CHECK(app.read(10) == "5\r\nhello\r\n");
    app.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"); // an answer before the request's end
    CHECK(visitor.read_until("one\r\n").ends_with("\r\n\r\n3\r\none\r\n"));
    visitor.send("6\r\n world\r\n");
    CHECK(app.read(11) == "6\r\n world\r\n");
    app.write("3\r\ntwo\r\n");
    CHECK(visitor.read_until("two\r\n") == "3\r\ntwo\r\n");
    visitor.send("0\r\n\r\n");
    CHECK(app.read(5) == "0\r\n\r\n");
    app.write("0\r\n\r\n");
    CHECK(visitor.read_until("0\r\n\r\n") == "0\r\n\r\n");
}

TEST_CASE("trailers pass in both directions") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send("POST / HTTP/1.1\r\nHost: a.edge.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                 "1;ext=1\r\na\r\n0\r\nX-Sum: up\r\nContent-Length: 5\r\n\r\n");
    AppStream app = edge.accept(listener);
    app.read_head();
    // No extension, and no trailer that could be taken for framing (T3).
    CHECK(app.read_until("\r\n\r\n") == "1\r\na\r\n0\r\nX-Sum: up\r\n\r\n");
    app.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1\r\nb\r\n0\r\nX-Sum: down\r\n\r\n");
    const HttpAnswer answer = visitor.answer();
    CHECK(answer.body == "b");
    CHECK(answer.field("trailer:x-sum") == "down");
}

TEST_CASE("an answer without a length ends with its stream, and the visitor's connection goes on") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send(request());
    AppStream app = edge.accept(listener);
    app.read_head();
    app.write("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    app.close();
    const HttpAnswer answer = visitor.answer();
    CHECK(answer.chunked);
    CHECK(answer.complete);
    CHECK(answer.body == "until the end");
    visitor.send(request());
    AppStream fresh = edge.accept(listener);
    fresh.read_head();
    fresh.answer("next");
    CHECK(visitor.answer().body == "next");
}

TEST_CASE("answers without a body keep the connection in step") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send("HEAD / HTTP/1.1\r\nHost: a.edge.test\r\n\r\n");
    AppStream app = edge.accept(listener);
    CHECK(app.read_head().starts_with("HEAD / "));
    app.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    const HttpAnswer head = visitor.answer(true);
    CHECK(head.field("content-length") == "1000");
    visitor.send(request());
    app.read_head();
    app.write("HTTP/1.1 204 No Content\r\n\r\n");
    CHECK(visitor.answer().status == 204);
    visitor.send(request("If-None-Match: x\r\n"));
    app.read_head();
    app.write("HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n");
    CHECK(visitor.answer().field("content-length") == "77");
    visitor.send(request());
    app.read_head();
    app.answer("body");
    CHECK(visitor.answer().body == "body");
    visitor.send("HEAD / HTTP/1.1\r\nHost: nobody.edge.test\r\n\r\n");
    CHECK(visitor.answer(true).status == 404);
    visitor.send(request());
    app.read_head();
    app.answer("end");
    CHECK(visitor.answer().body == "end");
}

TEST_CASE("a visitor of HTTP/1.0 is served without chunks and closed") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send("GET / HTTP/1.0\r\nHost: a.edge.test\r\n\r\n");
    AppStream app = edge.accept(listener);
    const std::string head = app.read_head();
    CHECK(head.starts_with("GET / HTTP/1.1\r\n"));
    CHECK(head.find("Connection: close\r\n") != std::string::npos);
    app.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    const HttpAnswer answer = visitor.answer();
    CHECK_FALSE(answer.chunked);
    CHECK(answer.body == "hello");
    CHECK_FALSE(visitor.cut());
    CHECK(app.read_end() == asio::error::eof);
}

TEST_CASE("Connection: close of either side closes after the answer") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send(request("Connection: close\r\n"));
    AppStream app = edge.accept(listener);
    CHECK(app.read_head().find("Connection: close\r\n") != std::string::npos);
    app.answer("bye");
    const HttpAnswer answer = visitor.answer();
    CHECK(answer.field("connection") == "close");
    CHECK(visitor.ended());
    CHECK_FALSE(visitor.cut());

    NetVisitor other = edge.http();
    other.send(request());
    AppStream closing = edge.accept(listener);
    closing.read_head();
    closing.answer("last of this stream", "Connection: close\r\n");
    CHECK(other.answer().body == "last of this stream");
    other.send(request()); // the visitor does not notice
    AppStream fresh = edge.accept(listener);
    fresh.read_head();
    fresh.answer("next");
    CHECK(other.answer().body == "next");
}

TEST_CASE("100 Continue comes from the application, and so does a refusal instead of it") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    const std::string head = "POST / HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    NetVisitor visitor = edge.http();
    visitor.send(head);
    AppStream app = edge.accept(listener);
    CHECK(app.read_head().find("Expect: 100-continue\r\n") != std::string::npos);
    CHECK_FALSE(visitor.readable_within(std::chrono::milliseconds(50))); // the edge does not say it
    app.write("HTTP/1.1 100 Continue\r\n\r\n");
    CHECK(visitor.answer().status == 100);
    visitor.send("hello");
    CHECK(app.read(5) == "hello");
    app.answer("thanks");
    CHECK(visitor.answer().body == "thanks");

    NetVisitor refused = edge.http();
    refused.send(head);
    AppStream no = edge.accept(listener);
    no.read_head();
    no.answer("too large", {}, "413 Content Too Large");
    const HttpAnswer answer = refused.answer();
    CHECK(answer.status == 413);
    CHECK(answer.field("connection") == "close");
    CHECK(refused.ended());
}

TEST_CASE("an answer that overtakes a large request is delivered, and the agent learns that nobody sends the rest") { // T4
    TestEdge edge;
    auto listener = edge.listen("https://a.edge.test");
    NetVisitor visitor = edge.https("a.edge.test");
    visitor.send("POST / HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: 100000000\r\n\r\n" + std::string(300'000, 'x'));
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("too large", {}, "413 Content Too Large");
    visitor.send(std::string(2'000'000, 'y')); // he did not look yet
    const HttpAnswer answer = visitor.answer();
    CHECK(answer.status == 413);
    CHECK(answer.body == "too large");
    CHECK(answer.field("connection") == "close");
    CHECK(app.read_end() == adit::errc::connection_reset);
}

TEST_CASE("Upgrade becomes a byte pump after 101, with what came together with the heads") {
    TestEdge edge;
    auto listener = edge.listen("https://a.edge.test");
    NetVisitor visitor = edge.https("a.edge.test");
    visitor.send(request("Connection: Upgrade\r\nUpgrade: websocket\r\n") + "early");
    AppStream app = edge.accept(listener);
    const std::string head = app.read_head();
    CHECK(head.find("Connection: Upgrade\r\n") != std::string::npos);
    CHECK(head.find("Upgrade: websocket\r\n") != std::string::npos);
    app.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nwelcome");
    CHECK(visitor.answer().status == 101);
    CHECK(visitor.read(7) == "welcome");
    CHECK(app.read(5) == "early");
    const std::string up = noise(1'000'000, 3);
    const std::string down = noise(1'000'000, 4);
    auto sender = std::async(std::launch::async, [&] { visitor.send(up); });
    CHECK((app.read(up.size()) == up));
    sender.get();
    auto answering = std::async(std::launch::async, [&] { app.write(down); });
    CHECK((visitor.read(down.size()) == down));
    answering.get();
    // Each direction ends by itself.
    visitor.shutdown_write();
    CHECK(app.read_end() == asio::error::eof);
    app.write("last words");
    app.finish();
    CHECK(visitor.read_all() == "last words");
    CHECK_FALSE(visitor.cut());
    const auto record = edge.records(1)[0];
    CHECK(record.status == 101);
    CHECK(record.bytes_in > up.size());
    CHECK(record.bytes_out > down.size());
}

TEST_CASE("an upgrade that the application declines is an ordinary answer") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send(request("Connection: Upgrade\r\nUpgrade: websocket\r\n"));
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("no", {}, "426 Upgrade Required");
    CHECK(visitor.answer().status == 426);
    visitor.send(request("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"));
    CHECK(app.read_head().find("h2c") == std::string::npos); // T5
    app.answer("plain");
    CHECK(visitor.answer().body == "plain");
}

TEST_CASE("an application that switches without being asked is cut off") { // T5
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send(request());
    AppStream app = edge.accept(listener);
    app.read_head();
    app.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    CHECK(visitor.answer().status == 502);
    CHECK(app.read_end() == adit::errc::connection_reset);
}

TEST_CASE("every exchange leaves one access record") {
    TestEdge edge;
    auto listener = edge.listen("https://a.edge.test");
    NetVisitor visitor = edge.https("a.edge.test");
    visitor.send("POST /path/x?secret=1 HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: 5\r\n\r\nhello");
    AppStream app = edge.accept(listener);
    app.read_head();
    app.read(5);
    app.answer("answer", {}, "201 Created");
    visitor.answer();
    const auto record = edge.records(1)[0];
    CHECK(record.method == "POST");
    CHECK(record.host == "a.edge.test");
    CHECK(record.path == "/path/x");
    CHECK(record.status == 201);
    CHECK(record.ngrok_error == 0);
    CHECK(record.url.starts_with("https://a.edge.test"));
    CHECK(record.endpoint_id.starts_with("ep_"));
    CHECK(record.remote_address == visitor.address());
    CHECK(record.bytes_in > 50);
    CHECK(record.bytes_out > 30);
    CHECK(record.duration.count() > 0);
}
