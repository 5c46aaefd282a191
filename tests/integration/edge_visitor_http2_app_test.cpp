// What passes between visitors of any version and an application that speaks HTTP/2 (ForwardsProto http2).
#include "edge_visitor_support.hpp"
#include "h2_app.hpp"
#include "h2_visitor.hpp"

#include <atomic>
#include <string>
#include <thread>

using adit::http2::ErrorCode;
using adit_test::AppStream;
using adit_test::H2Answer;
using adit_test::H2App;
using adit_test::H2AppRequest;
using adit_test::H2Visitor;
using adit_test::NetVisitor;
using adit_test::noise;
using adit_test::TestEdge;

namespace {

constexpr std::string_view host = "a.edge.test";

class World {
public:
    explicit World(const TestEdge::Change& change = {}) : edge(change) {
        listener = edge.session.listen(adit::Endpoint("https://a.edge.test").app_protocol("http2"));
    }
    H2App accept(const adit::http2::Config& config = {}) { return H2App(edge.accept(listener), config); }
    H2Visitor h2() { return H2Visitor(edge.server.https_port(), host, edge.server.ca_pem()); }
    NetVisitor h1() { return edge.https(host); }
    TestEdge edge;
    adit::Listener listener;
};

adit::Fields trailers(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
    adit::Fields made;
    for (const auto& [name, value] : fields) made.add(name, value);
    return made;
}

constexpr std::string_view get = "GET /a?b HTTP/1.1\r\nHost: a.edge.test\r\nConnection: x-mine\r\nX-Mine: 1\r\nX-B: c\r\n\r\n";

} // namespace

TEST_CASE("a request over HTTP/1.1 is one over HTTP/2 to the application, and its stream serves the next one") {
    World world;
    NetVisitor visitor = world.h1();
    visitor.send(get);
    H2App app = world.accept();
    H2AppRequest& first = app.next();
    CHECK(first.method == "GET");
    CHECK(first.target == "/a?b");
    CHECK(first.scheme == "http");
    CHECK(first.ended);
    CHECK(first.field("Host") == host);
    CHECK(first.field("x-b") == "c");
    CHECK(first.field("x-forwarded-proto") == "https");
    CHECK(first.field("x-forwarded-host") == host);
    for (const char* const name : {"x-mine", "connection", "te", "transfer-encoding"}) CHECK(first.fields.count(name) == 0);
    app.respond(first.id, 200, trailers({{"content-length", "5"}, {"x-answer", "yes"}}));
    app.send(first.id, "hello");
    app.finish(first.id);
    auto answer = visitor.answer();
    CHECK(answer.status == 200);
    CHECK(answer.body == "hello");
    CHECK(answer.field("x-answer") == "yes");
    CHECK(answer.field("content-length") == "5");

    visitor.send("POST /two HTTP/1.1\r\nHost: a.edge.test\r\nTE: trailers\r\nConnection: TE\r\n"
                 "Transfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 9\r\n\r\n");
    H2AppRequest& second = app.next();
    app.until([&] { return second.ended; });
    CHECK(second.method == "POST");
    CHECK(second.field("te") == "trailers");
    CHECK(second.body == "abc");
    CHECK(second.trailers["x-sum"] == "9");
    CHECK(second.id > first.id);
    app.respond(second.id, 200);
    app.send(second.id, "of no length");
    app.finish(second.id, trailers({{"x-after", "1"}}));
    answer = visitor.answer();
    CHECK(answer.body == "of no length");
    CHECK(answer.chunked);
    CHECK(world.edge.nothing_comes(world.listener));
}

TEST_CASE("gRPC: both directions stream at once, trailers end the answer, TE goes through") {
    World world;
    H2Visitor visitor = world.h2();
    adit::Head request = visitor.head("POST", "/pkg.Service/Method");
    request.add("te", "trailers");
    request.add("content-type", "application/grpc");
    const auto id = visitor.request(request, false);
    H2App app = world.accept();
    H2AppRequest& call = app.next();
    CHECK(call.method == "POST");
    CHECK(call.field("te") == "trailers");
    CHECK(call.field("content-type") == "application/grpc");
    CHECK_FALSE(call.ended);
    app.respond(call.id, 200, trailers({{"content-type", "application/grpc"}}));
    for (int i = 0; i < 20; ++i) { // each side waits for the other one's message
        const std::string message = "message " + std::to_string(i) + ";";
        const std::size_t before = call.body.size();
        visitor.send(id, message);
        app.until([&] { return call.body.size() == before + message.size(); });
        app.send(call.id, message);
        visitor.until(id, [&](const H2Answer& answer) { return answer.body.ends_with(message); });
    }
    visitor.finish(id);
    app.until([&] { return call.ended; });
    app.finish(call.id, trailers({{"grpc-status", "0"}, {"grpc-message", "fine"}}));
    H2Answer& answer = visitor.whole(id);
    CHECK(answer.ended);
    CHECK(answer.trailers["grpc-status"] == "0");
    CHECK(answer.trailers["grpc-message"] == "fine");
    CHECK(answer.body == call.body);

    // An error before any message is one head alone.
    const auto failing = visitor.request(request, false);
    visitor.finish(failing);
    H2AppRequest& second = app.next();
    app.respond(second.id, 200, trailers({{"content-type", "application/grpc"}, {"grpc-status", "12"}}), true);
    CHECK(visitor.whole(failing).fields["grpc-status"] == "12");
    CHECK(visitor.whole(failing).head_alone); // else it is no error of gRPC's
}

TEST_CASE("who is silent in a call that streams is no visitor that stalls") {
    World w([](adit::edge::ServerOptions& options) { options.http_stall_time(std::chrono::milliseconds(100)); });
    H2Visitor visitor = w.h2();
    const auto id = visitor.request(visitor.head("POST", "/pkg.Service/Listen"), false);
    H2App app = w.accept();
    H2AppRequest& call = app.next();
    visitor.send(id, "one");
    app.until([&] { return call.body == "one"; });
    // A request over HTTP/1.1 that stalls in the same moment is refused: so much time has passed.
    NetVisitor stalls = w.edge.http();
    const adit::Listener plain = w.edge.listen("http://b.edge.test");
    stalls.send("POST / HTTP/1.1\r\nHost: b.edge.test\r\nContent-Length: 5\r\n\r\n");
    CHECK(stalls.answer().status == 408);
    visitor.send(id, "two");
    app.until([&] { return call.body == "onetwo"; });
    app.answer(call.id, "done");
    CHECK(visitor.whole(id).body == "done");
}

TEST_CASE("large bodies pass both ways, and a side that takes nothing holds the other one") {
    World world;
    H2Visitor visitor = world.h2();
    const std::string body = noise(3'000'000, 1);
    const auto id = visitor.request(visitor.head("POST", "/"), false);
    H2App app = world.accept();
    H2AppRequest& call = app.next();
    std::thread both([&] {
        visitor.send(id, body);
        visitor.finish(id);
        visitor.whole(id); // reads on: what is queued needs the edge's credit
    });
    app.until([&] { return call.ended; });
    CHECK(call.body == body);
    app.answer(call.id, body);
    both.join();
    CHECK(visitor.whole(id).body == body);

    app.hold();
    const std::size_t before = app.received();
    const auto held = visitor.request(visitor.head("POST", "/held"), false);
    H2AppRequest& second = app.next();
    std::atomic<bool> sent{false};
    std::thread blocked([&] {
        visitor.send(held, body);
        sent = true;
    });
    app.until([&] { return app.received() - before >= adit::limits::http2_stream_window; }); // all that it has credit for
    CHECK_FALSE(sent);
    app.reset(second.id, ErrorCode::cancel);
    blocked.join();
    CHECK(app.received() - before == adit::limits::http2_stream_window);
    CHECK(visitor.whole(held).status == 502);
}

TEST_CASE("a WebSocket of either version is an extended CONNECT to the application") {
    World world;
    NetVisitor one = world.h1();
    one.send("GET /chat HTTP/1.1\r\nHost: a.edge.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: soap\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    H2App app = world.accept();
    H2AppRequest& chat = app.next();
    CHECK(chat.method == "CONNECT");
    CHECK(chat.protocol == "websocket");
    CHECK(chat.target == "/chat");
    CHECK(chat.field("sec-websocket-version") == "13");
    CHECK(chat.fields.count("sec-websocket-key") == 0);
    app.accept(chat.id);
    app.send(chat.id, "hi");
    const std::string head = one.read_until("\r\n\r\n");
    CHECK(head.starts_with("HTTP/1.1 101 "));
    CHECK(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") != std::string::npos); // RFC 6455 1.3
    CHECK(one.read(2) == "hi");
    one.send("frames");
    app.until([&] { return chat.body == "frames"; });
    app.send(chat.id, "last");
    app.finish(chat.id);
    CHECK(one.read(4) == "last");
    one.shutdown_write();
    app.until([&] { return chat.ended; });

    H2Visitor two = world.h2();
    adit::Head request = two.head("CONNECT", "/chat2");
    request.add("sec-websocket-version", "13");
    const auto id = two.request(request, false, "websocket");
    H2App other = world.accept();
    H2AppRequest& second = other.next();
    CHECK(second.protocol == "websocket");
    CHECK(second.target == "/chat2");
    other.accept(second.id);
    other.send(second.id, "hello");
    CHECK(two.until(id, [](const H2Answer& each) { return each.body == "hello"; }).status == 200);
    two.send(id, "back");
    two.finish(id);
    other.until([&] { return second.ended; });
    CHECK(second.body == "back");
    other.finish(second.id);
    CHECK(two.whole(id).ended);
}

TEST_CASE("an application without extended CONNECT gets no WebSocket, and its visitor a reason") {
    World world;
    NetVisitor visitor = world.h1();
    visitor.send("GET /chat HTTP/1.1\r\nHost: a.edge.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    adit::http2::Config config;
    config.connect_protocol = false;
    H2App app = world.accept(config);
    app.until_closed();
    const auto answer = visitor.answer();
    CHECK(answer.status == 502);
    CHECK(answer.body.find("RFC 8441") != std::string::npos);
}

TEST_CASE("resets of the application: before the answer 502, in it a cut; of the visitor: the application sees one") {
    World world;
    H2Visitor visitor = world.h2();
    const auto refused = visitor.request(visitor.head("POST", "/"), false);
    H2App first = world.accept();
    first.reset(first.next().id, ErrorCode::internal_error);
    CHECK(visitor.whole(refused).status == 502);
    CHECK(visitor.whole(refused).fields["ngrok-error-code"] == "ERR_NGROK_3004");
    CHECK(visitor.whole(refused).body.find("ended the request with an error of HTTP/2") != std::string::npos);

    const auto cut = visitor.get("/");
    H2App second = world.accept();
    const auto id = second.next().id;
    second.respond(id, 200);
    second.send(id, "half");
    visitor.until(cut, [](const H2Answer& answer) { return answer.body == "half"; });
    second.reset(id, ErrorCode::internal_error);
    CHECK(visitor.whole(cut).reset);

    const auto taken_back = visitor.get("/");
    H2App third = world.accept();
    third.next();
    visitor.reset(taken_back);
    third.until_closed();
    const auto after = visitor.get("/after"); // the connection goes on
    H2App fourth = world.accept();
    fourth.answer(fourth.next().id, "yes");
    CHECK(visitor.whole(after).body == "yes");
}

TEST_CASE("what an application that goes away did not look at is sent again, once, on a new stream") {
    World world;
    NetVisitor visitor = world.h1();
    visitor.send(get);
    H2App old = world.accept();
    old.answer(old.next().id, "one");
    CHECK(visitor.answer().body == "one");
    visitor.send(get);
    H2AppRequest& again = old.next();
    old.reset(again.id, ErrorCode::refused_stream);
    H2App fresh = world.accept();
    fresh.answer(fresh.next().id, "two");
    CHECK(visitor.answer().body == "two");

    fresh.drain(); // it takes no more: the stream is not used again
    fresh.until_closed();
    visitor.send(get);
    H2App last = world.accept();
    const auto id = last.next().id;
    last.reset(id, ErrorCode::refused_stream);
    H2App once_more = world.accept();
    once_more.reset(once_more.next().id, ErrorCode::refused_stream);
    const auto answer = visitor.answer();
    CHECK(answer.status == 502);
    CHECK(answer.body.find("refused the request") != std::string::npos);
}

TEST_CASE("an application that does not speak HTTP/2 is told from one that breaks its rules") {
    World world;
    NetVisitor visitor = world.h1();
    visitor.send(get);
    AppStream app = world.edge.accept(world.listener);
    app.read_until("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    app.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    auto answer = visitor.answer();
    CHECK(answer.status == 502);
    CHECK(answer.body.find("does not speak HTTP/2") != std::string::npos);

    NetVisitor other = world.h1();
    other.send(get);
    AppStream rude = world.edge.accept(world.listener);
    rude.read_until("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    rude.write(std::string("\0\0\0\4\0\0\0\0\0", 9));         // SETTINGS
    rude.write(std::string("\0\0\1\0\0\0\0\0\1x", 10));       // DATA before HEADERS
    answer = other.answer();
    CHECK(answer.status == 502);
    CHECK(answer.body.find("broke the rules of HTTP/2") != std::string::npos);
}
