// What passes between a visitor that speaks HTTP/2 and an application that speaks HTTP/1.1.
#include "edge_visitor_support.hpp"
#include "h2_visitor.hpp"

#include <future>
#include <optional>
#include <thread>

using adit::http2::ErrorCode;
using adit_test::AppStream;
using adit_test::H2Answer;
using adit_test::H2Visitor;
using adit_test::noise;
using adit_test::TestEdge;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view host = "a.edge.test";

/// An edge with one endpoint and a visitor's connection to it.
class World {
public:
    explicit World(const TestEdge::Change& change = {}, const adit::http2::Config& config = {})
        : edge(change), listener(edge.listen("https://a.edge.test")),
          visitor(edge.server.https_port(), host, edge.server.ca_pem(), config) {}
    AppStream accept() { return edge.accept(listener); }
    TestEdge edge;
    adit::Listener listener;
    H2Visitor visitor;
};

std::string line_of(const std::string& head, std::string_view name) {
    const std::size_t at = head.find("\r\n" + std::string(name) + ": ");
    if (at == head.npos) return {};
    const std::size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
}

} // namespace

TEST_CASE("a request over HTTP/2 is one over HTTP/1.1 to the application, and its answer comes back") {
    World world;
    adit::Head request = world.visitor.head("GET", "/path?query=1");
    request.add("x-forwarded-for", "6.6.6.6");
    request.add("cookie", "a=1");
    request.add("cookie", "b=2");
    const auto id = world.visitor.request(request);
    AppStream app = world.accept();
    const std::string head = app.read_head();
    CHECK(head.starts_with("GET /path?query=1 HTTP/1.1\r\n"));
    CHECK(line_of(head, "Host") == host);
    CHECK(line_of(head, "X-Forwarded-For") == "127.0.0.1");
    CHECK(line_of(head, "X-Forwarded-Proto") == "https");
    CHECK(line_of(head, "cookie") == "a=1; b=2");
    CHECK(head.find("Transfer-Encoding") == head.npos);
    app.answer("hello", "X-Own: yes\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n");
    const H2Answer& answer = world.visitor.whole(id);
    CHECK(answer.status == 200);
    CHECK(answer.body == "hello");
    CHECK(answer.fields.at("x-own") == "yes");
    CHECK(answer.fields.count("connection") == 0);
    CHECK(answer.fields.count("keep-alive") == 0);
    const auto records = world.edge.records(1);
    CHECK(records[0].status == 200);
    CHECK(records[0].bytes_out == 5);
}

TEST_CASE("requests at the same time have streams of their own, which serve the next ones") {
    World world;
    std::vector<adit::http2::StreamId> ids;
    std::vector<AppStream> apps;
    for (int i = 0; i < 5; ++i) ids.push_back(world.visitor.get("/" + std::to_string(i)));
    for (int i = 0; i < 5; ++i) apps.push_back(world.accept());
    for (std::size_t i = 5; i-- > 0;) { // the last one first
        const std::string head = apps[i].read_head();
        apps[i].answer(head.substr(4, 2));
        CHECK(world.visitor.whole(ids[i]).body == "/" + std::to_string(i));
    }
    const auto again = world.visitor.get("/again");
    CHECK(apps[0].read_head().starts_with("GET /again"));
    apps[0].answer("again");
    CHECK(world.visitor.whole(again).body == "again");
    CHECK(world.edge.nothing_comes(world.listener));
}

TEST_CASE("the streams that are kept for a visitor end when he leaves") {
    World world([](adit::edge::ServerOptions& options) { options.agent_stream_idle_time(300s); });
    std::optional<H2Visitor> visitor;
    visitor.emplace(world.edge.server.https_port(), host, world.edge.server.ca_pem());
    const auto id = visitor->get("/");
    AppStream app = world.accept();
    app.read_head();
    app.answer("hello");
    CHECK(visitor->whole(id).body == "hello");
    visitor.reset();
    CHECK(app.read_end() == asio::error::eof);
}

TEST_CASE("bodies of both directions stream, with trailers") {
    World world;
    const std::string up = noise(700'000, 1), down = noise(900'000, 2);
    adit::Head request = world.visitor.head("POST", "/upload");
    const auto id = world.visitor.request(request, false);
    auto served = std::async(std::launch::async, [&] {
        AppStream app = world.accept();
        const std::string head = app.read_head();
        CHECK(line_of(head, "Transfer-Encoding") == "chunked");
        std::string body;
        for (;;) {
            const std::size_t size = std::stoul(app.read_until("\r\n"), nullptr, 16);
            if (size == 0) break;
            body += app.read(size);
            app.read(2);
        }
        app.read(2);
        CHECK(body == up);
        app.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n");
        char line[32];
        std::snprintf(line, sizeof line, "%zx\r\n", down.size());
        app.write(line + down + "\r\n0\r\nX-Sum: 42\r\n\r\n");
    });
    world.visitor.send(id, up);
    world.visitor.finish(id);
    const H2Answer& answer = world.visitor.whole(id);
    served.get();
    CHECK(answer.ended);
    CHECK(answer.body == down);
    CHECK(answer.trailers.at("x-sum") == "42");
}

TEST_CASE("a visitor that gives no credit holds the application, not the edge's memory, and no other request") {
    adit::http2::Config small;
    small.stream_window = 65'535;
    World world({}, small);
    world.visitor.take(false);
    const auto slow = world.visitor.get("/slow");
    AppStream app = world.accept();
    app.read_head();
    app.write("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + std::string(60'000, 'x'));
    world.visitor.until(slow, [](const H2Answer& answer) { return answer.body.size() >= 60'000; });
    const std::size_t taken = app.write_until_full(64u << 20, 500ms);
    CHECK(taken < 4u << 20); // windows and buffers on the way
    world.visitor.take(true);
    const auto quick = world.visitor.get("/quick");
    AppStream other = world.accept();
    other.read_head();
    other.answer("quick");
    CHECK(world.visitor.whole(quick).body == "quick");
}

TEST_CASE("answers that together exceed what the edge keeps of a connection all arrive") {
    World world;
    const std::size_t size = 250'000; // within an agent's stream, so that the application does not wait
    std::vector<adit::http2::StreamId> ids;
    for (int i = 0; i < 40; ++i) ids.push_back(world.visitor.get("/" + std::to_string(i)));
    std::vector<AppStream> apps;
    for (int i = 0; i < 40; ++i) {
        apps.push_back(world.accept());
        apps.back().answer(std::string(size, 'x'));
    }
    for (const auto id : ids) CHECK(world.visitor.whole(id).body.size() == size);
}

TEST_CASE("a request that is taken back ends at the application, and the connection goes on") {
    World world;
    const auto id = world.visitor.get("/gone");
    AppStream app = world.accept();
    app.read_head();
    world.visitor.reset(id);
    app.read_end();
    const auto records = world.edge.records(1);
    CHECK(records[0].status == 499);
    const auto next = world.visitor.get("/next");
    AppStream other = world.accept();
    other.read_head();
    other.answer("next");
    CHECK(world.visitor.whole(next).body == "next");
}

TEST_CASE("an answer that is cut is a reset stream, not a short answer") {
    World world;
    const auto id = world.visitor.get("/");
    AppStream app = world.accept();
    app.read_head();
    app.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    world.visitor.until(id, [](const H2Answer& answer) { return answer.body == "short"; });
    app.close();
    const H2Answer& answer = world.visitor.whole(id);
    CHECK(answer.reset);
    CHECK_FALSE(answer.ended);
    CHECK(answer.code == ErrorCode::internal_error);
}

TEST_CASE("what the edge answers itself comes over HTTP/2 too") {
    World world;
    adit::Head other = world.visitor.head("GET", "/");
    other.set("Host", "other.edge.test");
    const H2Answer& misdirected = world.visitor.whole(world.visitor.request(other));
    CHECK(misdirected.status == 421);
    world.listener.close();
    while (!world.edge.server.endpoints().empty()) std::this_thread::yield();
    const H2Answer& absent = world.visitor.whole(world.visitor.get("/"));
    CHECK(absent.status == 404);
    CHECK(absent.fields.at("ngrok-error-code") == "ERR_NGROK_3200");
    CHECK(absent.body.find("ERR_NGROK_3200") != absent.body.npos);
    adit::Head connect = adit::Head::request("CONNECT", "a.edge.test:443", adit::HttpVersion::http2);
    connect.add("Host", "a.edge.test:443");
    CHECK(world.visitor.whole(world.visitor.request(connect)).status == 405);
}

TEST_CASE("two credentials in one request are refused (T14)") {
    World world;
    adit::Head request = world.visitor.head("GET", "/");
    request.add("authorization", "Basic dTpw");
    request.add("authorization", "Bearer x");
    CHECK(world.visitor.whole(world.visitor.request(request)).status == 400);
    CHECK(world.edge.nothing_comes(world.listener));
}

TEST_CASE("interim answers pass, and an early final one ends a request whose body goes on") {
    World world;
    adit::Head request = world.visitor.head("POST", "/");
    request.add("expect", "100-continue");
    const auto id = world.visitor.request(request, false);
    AppStream app = world.accept();
    app.read_head();
    app.write("HTTP/1.1 100 Continue\r\n\r\n");
    world.visitor.until(id, [](const H2Answer& answer) { return answer.interim == 1; });
    world.visitor.send(id, "some of it");
    app.read_until("some of it\r\n");
    app.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!");
    const H2Answer& answer = world.visitor.whole(id);
    CHECK(answer.status == 413);
    CHECK(answer.body == "no!");
    app.read_end();
    const auto next = world.visitor.get("/next");
    AppStream other = world.accept();
    other.read_head();
    other.answer("next");
    CHECK(world.visitor.whole(next).body == "next");
}

TEST_CASE("requests that are answered before their bodies end hold no place of the connection's") {
    World world;
    for (unsigned i = 0; i < adit::limits::http2_streams + 10; ++i) {
        const auto id = world.visitor.request(world.visitor.head("POST", "/"), false);
        AppStream app = world.accept();
        app.read_head();
        app.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!");
        REQUIRE(world.visitor.whole(id).status == 413);
        world.visitor.session().release(id);
        app.read_end();
    }
}

TEST_CASE("a WebSocket over HTTP/2 (RFC 8441) is an Upgrade to the application") {
    World world;
    adit::Head request = world.visitor.head("CONNECT", "/chat");
    request.add("sec-websocket-version", "13");
    const auto id = world.visitor.request(request, false, "websocket");
    AppStream app = world.accept();
    const std::string head = app.read_head();
    CHECK(head.starts_with("GET /chat HTTP/1.1\r\n"));
    CHECK(line_of(head, "Upgrade") == "websocket");
    CHECK(line_of(head, "Connection") == "Upgrade");
    CHECK(line_of(head, "Sec-WebSocket-Key").size() == 24);
    app.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhi");
    H2Answer& answer = world.visitor.until(id, [](const H2Answer& each) { return each.body == "hi"; });
    CHECK(answer.status == 200);
    world.visitor.send(id, "frames");
    CHECK(app.read(6) == "frames");
    app.write("back");
    world.visitor.until(id, [](const H2Answer& each) { return each.body == "hiback"; });
    world.visitor.finish(id);
    std::error_code end;
    CHECK(app.read_some(end) == "");
    CHECK(end == asio::error::eof);
    app.finish();
    CHECK(world.visitor.whole(id).ended);
}

TEST_CASE("a draining edge lets requests finish and tells the visitor to go") {
    World world;
    const auto id = world.visitor.get("/");
    AppStream app = world.accept();
    app.read_head();
    auto drained = std::async(std::launch::async, [&] { world.edge.server.drain(10s); });
    world.visitor.until(id, [&](const H2Answer&) { return world.visitor.goaway(); });
    app.answer("last");
    CHECK(world.visitor.whole(id).body == "last");
    world.visitor.until_closed();
    drained.get();
}

TEST_CASE("a connection that the edge gives up takes its requests and tunnels along") {
    World world([](auto& options) { options.http_head_time(300ms); });
    const auto chat = world.visitor.request(world.visitor.head("CONNECT", "/chat"), false, "websocket");
    AppStream tunnel = world.accept();
    tunnel.read_head();
    tunnel.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhi");
    world.visitor.until(chat, [](const H2Answer& each) { return each.body == "hi"; });
    world.visitor.get("/poll");
    AppStream poll = world.accept();
    poll.read_head();
    world.visitor.drip(std::string_view("\0", 1)); // of a frame that never comes
    world.visitor.until_closed();
    CHECK(tunnel.read_end() != std::error_code());
    CHECK(poll.read_end() != std::error_code());
    CHECK(world.edge.records(2).size() == 2);
}

TEST_CASE("HEAD has no body, whatever the edge says") {
    World world;
    adit::Head request = world.visitor.head("HEAD", "/");
    request.add("authorization", "Basic YTpi");
    request.add("authorization", "Basic Yzpk");
    const auto id = world.visitor.request(request);
    CHECK(world.visitor.whole(id).status == 400);
    CHECK(world.visitor.whole(id).body.empty());
    CHECK_FALSE(world.visitor.whole(id).reset);
    CHECK(world.edge.records(1)[0].status == 400); // at once: nothing waits for who cannot take a body
}

TEST_CASE("an idle HTTP/2 connection ends when its time is up") {
    World world([](auto& options) { options.http_idle_time(200ms); });
    world.visitor.until_closed();
    CHECK(world.visitor.goaway());
}

TEST_CASE("a head over HTTP/2 that drips has the time of a head, and no longer") { // T8
    World world([](auto& options) { options.http_head_time(300ms); });
    adit_test::TlsOptions tls(host, world.edge.server.ca_pem());
    tls.alpn = {"h2"};
    const auto frame = [](char type, char flags, std::size_t length) { // of stream 1
        return std::string(2, '\0') + static_cast<char>(length) + type + flags + std::string("\0\0\0\1", 4);
    };
    const std::string start = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(3, '\0') + '\4' + std::string(5, '\0');
    const std::string part = "\x82\x87\x84"; // GET, https, "/"
    std::vector<std::string> heads = {start.substr(0, 10), start + frame(1, 5, 20), start + frame(1, 5, 20) + part,
                                      start + frame(1, 1, 3) + part, // CONTINUATION is to come
                                      start + frame(1, 1, 3) + part + frame(9, 0, 1) + part[0] + frame(9, 4, 9)};
    const auto patient = world.visitor.get("/"); // a request that is complete has all its time
    for (const std::string& head : heads) {
        CAPTURE(head.size());
        auto visitor = adit_test::NetVisitor::tls(world.edge.server.https_port(), tls);
        const auto begin = std::chrono::steady_clock::now();
        visitor.send(head);
        (void)visitor.read_all(); // to the end of the connection
        const auto took = std::chrono::steady_clock::now() - begin;
        CHECK(took > 250ms);
        CHECK(took < 5s);
    }
    AppStream app = world.accept();
    app.read_head();
    app.answer("still there");
    CHECK(world.visitor.whole(patient).body == "still there");
}
