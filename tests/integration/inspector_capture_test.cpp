// What an inspector records of a forwarder: a real edge in front, a scripted upstream behind.
#include "inspector_support.hpp"

#include <future>
#include <memory>
#include <optional>

using adit::Endpoint;
using adit::InspectorOptions;
using adit::Upstream;
using adit_test::decoded;
using adit_test::HttpAnswer;
using adit_test::inspect;
using adit_test::InspectorClient;
using adit_test::Json;
using adit_test::NetVisitor;
using adit_test::response;
using adit_test::TestEdge;
using adit_test::TestUpstream;

namespace {

std::string get(std::string_view path = "/", std::string_view more = {}) {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a.edge.test\r\n" + std::string(more) + "\r\n";
}

Endpoint endpoint() { return Endpoint("http://a.edge.test").name("web"); }

/// A session with a forwarder and an inspector.
class World {
public:
    explicit World(InspectorOptions options = {}) : inspector(inspect(edge.session, std::move(options))), client(inspector) {}
    TestEdge edge;
    TestUpstream upstream;
    adit::Forwarder forwarder = edge.session.forward(endpoint(), Upstream(upstream.at()));
    adit::Inspector inspector;
    InspectorClient client;
};

} // namespace

TEST_CASE("an exchange is recorded as the upstream got and gave it") {
    World world;
    CHECK(world.client.list().empty());
    NetVisitor visitor = world.edge.http();
    visitor.send("POST /path?q=1 HTTP/1.1\r\nHost: a.edge.test\r\nX-Mine: kept\r\nContent-Length: 5\r\n\r\nhello");
    NetVisitor app = world.upstream.accept();
    std::string request = app.read_until("\r\n\r\n");
    request += app.read(5);
    const std::string answer = response("made", "X-App: 1\r\nX-App: 2\r\n", "201 Made Here");
    app.send(answer);
    CHECK(visitor.answer().status == 201);
    const Json seen = world.client.newest_over();
    CHECK(seen["state"] == "complete");
    CHECK(seen["tunnel_name"] == "web");
    CHECK(seen["tunnel_url"] == world.forwarder.url());
    CHECK(seen["remote_addr"] == visitor.address());
    CHECK(seen["duration"].get<std::int64_t>() > 0);
    CHECK(seen["start"].get<std::string>().starts_with("20"));
    CHECK(seen["request"]["method"] == "POST");
    CHECK(seen["request"]["uri"] == "/path?q=1");
    CHECK(decoded(seen["request"]["raw"]) == request);
    CHECK(decoded(seen["request"]["body"]) == "hello");
    CHECK(seen["request"]["headers"]["X-Mine"] == Json::parse(R"(["kept"])"));
    CHECK(seen["response"]["status"] == "201 Made Here");
    CHECK(decoded(seen["response"]["raw"]) == answer);
    CHECK(seen["response"]["headers"]["X-App"] == Json::parse(R"(["1","2"])"));
    CHECK(seen["response"]["body_truncated"] == false);
}

TEST_CASE("chunked bodies and trailers are recorded without their chunks") {
    World world;
    NetVisitor visitor = world.edge.http();
    visitor.send("POST / HTTP/1.1\r\nHost: a.edge.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    NetVisitor app = world.upstream.accept();
    app.read_until("\r\nabc\r\n"); // the rest goes by the other path
    visitor.send("4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n");
    app.read_until("X-Sum: 7\r\n\r\n");
    app.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n1\r\nz\r\n0\r\nX-End: 1\r\n\r\n");
    CHECK(visitor.answer().body == "xyz");
    const Json seen = world.client.newest_over();
    CHECK(decoded(seen["request"]["body"]) == "abcdefg");
    CHECK(seen["request"]["trailer_list"] == Json::parse(R"([["X-Sum","7"]])"));
    CHECK(decoded(seen["response"]["body"]) == "xyz");
    CHECK(seen["response"]["trailer_list"] == Json::parse(R"([["X-End","1"]])"));
}

TEST_CASE("a body is kept up to the bound, and passes whole") {
    World world(InspectorOptions().max_body(1'000));
    const std::string up = adit_test::noise(300'000, 1), down = adit_test::noise(400'000, 2);
    NetVisitor visitor = world.edge.http();
    auto sending = std::async(std::launch::async, [&] {
        visitor.send("POST / HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: 300000\r\n\r\n" + up);
    });
    NetVisitor app = world.upstream.accept();
    app.read_until("\r\n\r\n");
    CHECK(app.read(up.size()) == up);
    sending.get();
    app.send(response(down));
    CHECK(visitor.answer().body == down);
    const Json seen = world.client.newest_over();
    CHECK(seen["request"]["body_size"] == 300'000);
    CHECK(seen["request"]["body_truncated"] == true);
    CHECK(decoded(seen["request"]["body"]) == up.substr(0, 1'000));
    CHECK(seen["response"]["body_size"] == 400'000);
    CHECK(decoded(seen["response"]["body"]) == down.substr(0, 1'000));
    const HttpAnswer refused = world.client.replay({{"id", seen["id"]}});
    CHECK(refused.status == 400);
    CHECK(Json::parse(refused.body)["details"]["err"].get<std::string>().find("1000 bytes") != std::string::npos);
}

TEST_CASE("a request is there before its answer") {
    World world;
    NetVisitor visitor = world.edge.http();
    visitor.send(get("/slow"));
    NetVisitor app = world.upstream.accept();
    app.read_until("\r\n\r\n");
    Json seen = world.client.newest([](const Json&) { return true; });
    CHECK(seen["state"] == "pending");
    CHECK(seen["response"].is_null());
    CHECK(seen["request"]["uri"] == "/slow");
    app.send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    seen = world.client.newest([](const Json& each) { return !each["response"].is_null(); });
    CHECK(seen["state"] == "pending");
    CHECK(seen["response"]["status_code"] == 200);
    app.send("k");
    CHECK(visitor.answer().status == 103);
    CHECK(visitor.answer().body == "ok");
    CHECK(decoded(world.client.newest_over()["response"]["body"]) == "ok");
}

TEST_CASE("what fails has an error, and no answer that was none") {
    World world;
    SUBCASE("the upstream is down") {
        world.upstream.stop();
        NetVisitor visitor = world.edge.http();
        CHECK(visitor.get("/", "a.edge.test").status == 502);
        const Json seen = world.client.newest_over();
        CHECK(seen["state"] == "failed");
        CHECK(seen["response"].is_null());
        CHECK(seen["error"]["error_code"] == "ERR_NGROK_8012");
        CHECK(seen["error"]["msg"].get<std::string>().find("Connection refused") != std::string::npos);
    }
    SUBCASE("the upstream sends no HTTP") {
        NetVisitor visitor = world.edge.http();
        visitor.send(get());
        NetVisitor app = world.upstream.accept();
        app.read_until("\r\n\r\n");
        app.send("SSH-2.0\r\n");
        CHECK(visitor.answer().status == 502);
        CHECK(world.client.newest_over()["error"]["error_code"] == "ERR_NGROK_3004");
    }
    SUBCASE("the upstream cuts its answer") {
        NetVisitor visitor = world.edge.http();
        visitor.send(get());
        NetVisitor app = world.upstream.accept();
        app.read_until("\r\n\r\n");
        app.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        app.close();
        visitor.read_all();
        const Json seen = world.client.newest_over();
        CHECK(seen["state"] == "failed");
        CHECK(seen["response"]["status_code"] == 200);
        CHECK(decoded(seen["response"]["body"]) == "half");
    }
    SUBCASE("the visitor leaves") {
        NetVisitor visitor = world.edge.http();
        visitor.send(get());
        NetVisitor app = world.upstream.accept();
        app.read_until("\r\n\r\n");
        visitor.reset();
        const Json seen = world.client.newest_over();
        CHECK(seen["state"] == "failed");
        CHECK(seen["response"].is_null());
        CHECK(seen["error"]["error_code"].is_null());
    }
}

TEST_CASE("an upgrade is marked, and its bytes are nobody's") {
    World world;
    NetVisitor visitor = world.edge.http();
    visitor.send(get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n"));
    NetVisitor app = world.upstream.accept();
    app.read_until("\r\n\r\n");
    app.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfrom app");
    visitor.read_until("from app");
    visitor.send("from visitor");
    CHECK(app.read(12) == "from visitor");
    const Json seen = world.client.newest([](const Json& each) { return each["state"] == "upgraded"; });
    CHECK(seen["response"]["status_code"] == 101);
    CHECK(seen["response"]["body_size"] == 0);
    CHECK(world.client.replay({{"id", seen["id"]}}).status == 400);
}

TEST_CASE("so many are kept, the oldest go") {
    World world(InspectorOptions().max_exchanges(3));
    NetVisitor visitor = world.edge.http();
    std::optional<NetVisitor> app;
    Json first;
    for (int i = 0; i < 5; ++i) {
        visitor.send(get("/" + std::to_string(i)));
        if (!app) app = world.upstream.accept();
        app->read_until("\r\n\r\n");
        app->send(response("x"));
        CHECK(visitor.answer().body == "x");
        if (i == 0) first = world.client.newest_over();
    }
    const Json list = world.client.list();
    REQUIRE(list.size() == 3);
    CHECK(list[0]["request"]["uri"] == "/4");
    CHECK(list[2]["request"]["uri"] == "/2");
    CHECK(world.client.send("GET", first["uri"].get<std::string>()).status == 404);
    CHECK(world.client.replay({{"id", first["id"]}}).status == 404);
}

TEST_CASE("without an inspector, and after its end, nothing is recorded; one at a time") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(endpoint(), Upstream(upstream.at()));
    NetVisitor visitor = edge.http();
    std::optional<NetVisitor> app;
    const auto exchange = [&](const std::string& path) {
        visitor.send(get(path));
        if (!app) app = upstream.accept();
        app->read_until("\r\n\r\n");
        app->send(response("x"));
        CHECK(visitor.answer().body == "x");
    };
    exchange("/before");
    {
        adit::Inspector inspector = inspect(edge.session);
        InspectorClient client(inspector);
        exchange("/during");
        CHECK(client.newest_over()["request"]["uri"] == "/during");
        CHECK(client.list().size() == 1);
        std::error_code ec;
        const adit::Inspector second = adit::Inspector::start(edge.session, InspectorOptions().address("127.0.0.1:0"), ec);
        CHECK(ec == adit::errc::limit_exceeded);
        CHECK_FALSE(second.is_open());
        const std::string address = inspector.url().substr(7);
        CHECK(adit::Inspector::start(TestEdge().session, InspectorOptions().address(address), ec).url().empty());
        CHECK(ec == adit::errc::address_in_use);
        inspector.close();
        CHECK_FALSE(inspector.is_open());
        CHECK(client.socket().ended());
        const adit::Inspector again = adit::Inspector::start(edge.session, InspectorOptions().address(address)); // the same port, at once
        CHECK(InspectorClient(again).list().empty());
    }
    exchange("/after");
    adit::Inspector late = inspect(edge.session);
    CHECK(InspectorClient(late).list().empty());
}

TEST_CASE("an inspector ends with its session, and needs an open one") {
    auto edge = std::make_unique<TestEdge>();
    adit::Inspector inspector = inspect(edge->session);
    InspectorClient client(inspector);
    InspectorClient live(inspector);
    live.socket().send("GET /api/events HTTP/1.1\r\nHost: " + live.host() + "\r\n\r\n");
    live.socket().read_until("event: exchanges");
    edge->session.close();
    CHECK_FALSE(inspector.is_open());
    CHECK(client.socket().ended());
    live.socket().read_all();
    std::error_code ec;
    CHECK_FALSE(adit::Inspector::start(edge->session, {}, ec).is_open());
    CHECK(ec == adit::errc::session_closed);
    CHECK_FALSE(adit::Inspector::start(adit::Session(), {}, ec).is_open());
    CHECK(ec == adit::errc::session_closed);
    CHECK_THROWS_AS(adit::Inspector::start(adit::Session()), adit::SystemError);
    inspector.close();
}

TEST_CASE("an address of the network is refused by the option's name") {
    TestEdge edge;
    adit::ErrorInfo error;
    CHECK_FALSE(adit::Inspector::start(edge.session, InspectorOptions().address("0.0.0.0:0"), error).is_open());
    CHECK(error.code() == adit::errc::invalid_option);
    CHECK(error.message().starts_with("address:"));
}
