// The inspector's API: lists, filters, replays, tunnels, and who may not use it.
#include "inspector_support.hpp"

#include <adit/limits.hpp>

#include <future>
#include <vector>

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

/// A session with a forwarder, an inspector, and an upstream that answers /N with status N.
class World {
public:
    explicit World(InspectorOptions options = {}) : inspector(inspect(edge.session, std::move(options))), client(inspector) {}

    void visit(const std::string& head, int status = 200, std::string_view body = {}) {
        NetVisitor visitor = edge.http();
        visitor.send(head + " HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                     std::string(body));
        NetVisitor app = upstream.accept();
        app.read_until("\r\n\r\n");
        app.read(body.size());
        app.send(response("x", "Connection: close\r\n", std::to_string(status) + " Status"));
        CHECK(visitor.answer().status == status);
        client.newest([&](const Json& each) {
            return each["state"] == "complete" && head.ends_with(each["request"]["uri"].get<std::string>());
        });
    }

    TestEdge edge;
    TestUpstream upstream;
    adit::Forwarder forwarder = edge.session.forward(Endpoint("http://a.edge.test").name("web"), Upstream(upstream.at()));
    adit::Inspector inspector;
    InspectorClient client;
};

} // namespace

TEST_CASE("lists are filtered, cut and go on") {
    World world;
    world.visit("GET /api/one", 200);
    world.visit("GET /api/two", 404);
    world.visit("POST /api/three", 500, "body");
    world.visit("GET /four", 204);
    const auto uris = [&](std::string_view query) {
        std::string out;
        for (const Json& each : world.client.list(query)) out += each["request"]["uri"].get<std::string>() + " ";
        return out;
    };
    CHECK(uris("") == "/four /api/three /api/two /api/one ");
    CHECK(uris("limit=2") == "/four /api/three ");
    CHECK(uris("path=/api/&status=4xx,5xx") == "/api/three /api/two ");
    CHECK(uris("method=POST") == "/api/three ");
    CHECK(uris("min_duration=1m").empty());
    CHECK(uris("max_duration=1m&tunnel_name=web").size() > 10);
    CHECK(uris("tunnel_name=other").empty());
    Json page = world.client.get("/api/requests/http?limit=3&path=/api&summary=true");
    CHECK(page["requests"].size() == 3);
    CHECK(page["next_uri"].is_null());
    page = world.client.get("/api/requests/http?limit=3");
    page = world.client.get(page["next_uri"].get<std::string>());
    REQUIRE(page["requests"].size() == 1);
    CHECK(page["requests"][0]["request"]["uri"] == "/api/one");
    CHECK(page["next_uri"].is_null());
}

TEST_CASE("what was recorded is forgotten when asked") {
    World world;
    world.visit("GET /one");
    const Json one = world.client.list()[0];
    CHECK(world.client.send("DELETE", "/api/requests/http").status == 204);
    CHECK(world.client.list().empty());
    CHECK(world.client.send("GET", one["uri"].get<std::string>()).status == 404);
    world.visit("GET /two");
    CHECK(world.client.list()[0]["id"] > one["id"]);
}

TEST_CASE("a replay goes straight to the upstream and is recorded") {
    World world;
    world.visit("POST /hook?x=1", 200, "payload");
    const Json original = world.client.newest_over();
    const std::size_t seen_by_edge = world.edge.records(1).size();
    const auto connections = world.forwarder.counters().connections;
    SUBCASE("as it was") {
        const HttpAnswer answer = world.client.replay({{"id", original["id"]}});
        CHECK(answer.status == 204);
        NetVisitor app = world.upstream.accept();
        const std::string head = app.read_until("\r\n\r\n");
        CHECK(head + app.read(7) == decoded(original["request"]["raw"]));
        app.send(response("again", {}, "202 Accepted"));
        const Json replay = world.client.newest_over();
        CHECK(answer.field("location") == replay["uri"].get<std::string>());
        CHECK(replay["replay_of"] == original["id"]);
        CHECK(replay["tunnel_name"] == "web");
        CHECK(replay["response"]["status_code"] == 202);
        CHECK(decoded(replay["request"]["body"]) == "payload");
        CHECK(decoded(replay["response"]["body"]) == "again");
    }
    SUBCASE("edited") {
        const Json order = {{"id", original["id"]}, {"method", "PUT"}, {"path", "/new"}, {"body", "other"},
                            {"headers", {{"Host", "a.edge.test"}, {"X-Edit", Json::array({"1", "2"})}}}};
        CHECK(world.client.replay(order).status == 204);
        NetVisitor app = world.upstream.accept();
        const std::string head = app.read_until("\r\n\r\n");
        CHECK(head + app.read(5) ==
              "PUT /new HTTP/1.1\r\nHost: a.edge.test\r\nX-Edit: 1\r\nX-Edit: 2\r\nContent-Length: 5\r\n\r\nother");
        app.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil close");
        app.close();
        CHECK(decoded(world.client.newest_over()["response"]["body"]) == "until close");
    }
    SUBCASE("to an upstream that is down by now") {
        world.upstream.stop();
        CHECK(world.client.replay({{"id", original["id"]}}).status == 204);
        const Json replay = world.client.newest_over();
        CHECK(replay["state"] == "failed");
        CHECK(replay["response"].is_null());
        CHECK(replay["error"]["msg"].get<std::string>().find("refused") != std::string::npos);
    }
    SUBCASE("to an upstream that hangs up") {
        CHECK(world.client.replay({{"id", original["id"]}, {"tunnel_name", "web"}}).status == 204);
        world.upstream.accept().reset();
        CHECK(world.client.newest_over()["state"] == "failed");
    }
    SUBCASE("of many at once so many") {
        std::vector<NetVisitor> apps;
        for (std::size_t i = 0; i < adit::limits::inspector_replays; ++i) {
            CHECK(world.client.replay({{"id", original["id"]}}).status == 204);
            apps.push_back(world.upstream.accept());
        }
        CHECK(world.client.replay({{"id", original["id"]}}).status == 503);
        world.inspector.close(); // ends them
        for (NetVisitor& app : apps) app.read_all();
    }
    CHECK(world.edge.records(1).size() == seen_by_edge);
    CHECK(world.forwarder.counters().connections == connections);
}

TEST_CASE("a replay that cannot be is refused with the reason") {
    World world;
    world.visit("GET /one");
    const Json original = world.client.newest_over();
    const auto refused = [&](const Json& order, int status) {
        const HttpAnswer answer = world.client.replay(order);
        CAPTURE(answer.body);
        CHECK(answer.status == status);
        const Json error = Json::parse(answer.body);
        CHECK(error["status_code"] == status);
        CHECK(error["error_code"].is_number());
        CHECK_FALSE(error["msg"].get<std::string>().empty());
        return error["details"]["err"].get<std::string>();
    };
    CHECK(refused({{"id", "ffffffff00000001"}}, 404).find("ffffffff00000001") != std::string::npos);
    CHECK(refused({{"tunnel_name", "web"}}, 400).find("id") != std::string::npos);
    CHECK(refused({{"id", original["id"]}, {"tunnel_name", "nobody"}}, 404).find("nobody") != std::string::npos);
    CHECK(refused({{"id", original["id"]}, {"path", "x"}}, 400).find("path") != std::string::npos);
    CHECK(world.client.send("POST", "/api/requests/http", "{").status == 400);
    CHECK(world.upstream.nothing_comes());
    world.forwarder.close();
    CHECK(world.forwarder.wait_for(std::chrono::seconds(20)).code() == adit::errc::listener_closed);
    CHECK(refused({{"id", original["id"]}}, 404).find("online") != std::string::npos);
}

TEST_CASE("a forwarder with a PROXY protocol header has it in a replay too") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(Endpoint("http://a.edge.test").proxy_protocol(1), Upstream(upstream.at()));
    adit::Inspector inspector = inspect(edge.session);
    InspectorClient client(inspector);
    NetVisitor visitor = edge.http();
    visitor.send("GET / HTTP/1.1\r\nHost: a.edge.test\r\n\r\n");
    NetVisitor app = upstream.accept();
    const std::string first = app.read_until("\r\n\r\n");
    CHECK(first.starts_with("PROXY TCP4 127.0.0.1 "));
    app.send(response("x"));
    CHECK(visitor.answer().status == 200);
    CHECK(client.replay({{"id", client.newest_over()["id"]}}).status == 204);
    NetVisitor again = upstream.accept();
    CHECK(again.read_until("\r\n\r\n") == first);
}

TEST_CASE("tunnels, endpoints and status") {
    World world;
    const auto other = world.edge.session.forward(Endpoint("tcp://").name("raw / bytes"), Upstream("tcp://" + world.upstream.at()));
    world.visit("GET /one");
    const Json tunnels = world.client.get("/api/tunnels")["tunnels"];
    REQUIRE(tunnels.size() == 2);
    CHECK(tunnels[0]["name"] == "web");
    CHECK(tunnels[0]["uri"] == "/api/tunnels/web");
    CHECK(tunnels[0]["public_url"] == world.forwarder.url());
    CHECK(tunnels[0]["proto"] == "http");
    CHECK(tunnels[0]["config"] == Json({{"addr", world.forwarder.upstream()}, {"inspect", true}}));
    CHECK(tunnels[0]["metrics"]["http"]["count"] == 1);
    CHECK(tunnels[0]["metrics"]["http"]["p50"].get<double>() > 0);
    CHECK_FALSE(tunnels[0]["metrics"]["http"].contains("gauge"));
    CHECK(tunnels[0]["metrics"]["conns"]["count"] == 1);
    CHECK(tunnels[0]["metrics"]["conns"].contains("gauge"));
    CHECK(tunnels[1]["config"]["inspect"] == false);
    CHECK(tunnels[1]["uri"] == "/api/tunnels/raw%20%2F%20bytes");
    CHECK(world.client.get("/api/tunnels/raw%20%2F%20bytes")["name"] == "raw / bytes");
    CHECK(world.client.get("/api/tunnels/" + world.forwarder.id())["name"] == "web");
    const Json web = world.client.get("/api/endpoints/web");
    CHECK(web["url"] == world.forwarder.url());
    CHECK(web["upstream"] == Json({{"url", world.forwarder.upstream()}, {"protocol", "http1"}}));
    CHECK(web["pooling_enabled"] == false);
    CHECK(web["traffic_policy"] == "");
    CHECK(world.client.get("/api/endpoints")["endpoints"].size() == 2);
    const Json status = world.client.get("/api/status");
    CHECK(status["status"] == "online");
    CHECK(status["agent_version"] == ADIT_VERSION);
    REQUIRE(status["session"]["legs"].size() == 1);
    CHECK(status["session"]["legs"][0]["latency"].is_number());
    world.forwarder.close();
    CHECK(world.client.get("/api/tunnels")["tunnels"].size() == 1);
}

TEST_CASE("wrong paths, methods and queries") {
    TestEdge edge;
    adit::Inspector inspector = inspect(edge.session);
    InspectorClient client(inspector);
    struct Row {
        std::string_view method, path;
        int status;
        std::string_view allow;
    };
    const Row rows[] = {{"GET", "/favicon.ico", 404, ""},
                        {"GET", "/api", 404, ""},
                        {"GET", "/api/requests/http/", 404, ""},
                        {"GET", "/api/requests/http/1", 404, ""},
                        {"GET", "/api/tunnels/none", 404, ""},
                        {"GET", "/api/tunnelsx", 404, ""},
                        {"PUT", "/api/requests/http", 405, "GET, HEAD, POST, DELETE"},
                        {"DELETE", "/api/requests/http/1", 405, "GET, HEAD"},
                        {"POST", "/api/tunnels", 405, "GET, HEAD"},
                        {"DELETE", "/api/endpoints/web", 405, "GET, HEAD"},
                        {"POST", "/api/status", 405, "GET, HEAD"},
                        {"POST", "/api/events", 405, "GET"},
                        {"POST", "/", 405, "GET, HEAD"},
                        {"GET", "/api/requests/http?limit=0", 400, ""},
                        {"GET", "/api/requests/http?limit=x", 400, ""},
                        {"GET", "/api/requests/http?status=x", 400, ""},
                        {"GET", "/api/requests/http?before=x", 400, ""},
                        {"GET", "/api/requests/http?path=%", 400, ""},
                        {"GET", "/api/tunnels/%zz", 400, ""}};
    for (const Row& row : rows) {
        CAPTURE(row.method);
        CAPTURE(row.path);
        const HttpAnswer answer = client.send(row.method, row.path);
        CHECK(answer.status == row.status);
        CHECK(answer.field("allow") == row.allow);
        CHECK(Json::parse(answer.body)["status_code"] == row.status);
    }
    CHECK(client.send("HEAD", "/api/status").status == 200);
    CHECK(client.get("/api/status")["status"] == "online"); // and nothing of HEAD's was left in between
}

TEST_CASE("every answer keeps out of caches, frames and other sites") {
    TestEdge edge;
    adit::Inspector inspector = inspect(edge.session);
    InspectorClient client(inspector);
    for (const char* path : {"/", "/api/status", "/nothing"}) {
        CAPTURE(path);
        const HttpAnswer answer = client.send("GET", path);
        CHECK(answer.field("cache-control") == "no-store");
        CHECK(answer.field("x-frame-options") == "DENY");
        CHECK(answer.field("x-content-type-options") == "nosniff");
        CHECK(answer.field("cross-origin-resource-policy") == "same-origin");
        CHECK(answer.field("access-control-allow-origin").empty());
        CHECK(answer.field("content-security-policy").find("default-src 'none'") != std::string::npos);
    }
    const HttpAnswer page = client.send("GET", "/");
    CHECK(page.field("content-type") == "text/html; charset=utf-8");
    CHECK(page.body.starts_with("<!doctype html>"));
}

TEST_CASE("other hosts and other sites are refused") {
    World world(InspectorOptions().allow_host("inspect.lan"));
    world.visit("GET /one");
    const Json original = world.client.newest_over();
    NetVisitor socket = NetVisitor::plain(adit_test::port_of(world.inspector));
    CHECK(socket.get("/", "evil.example").status == 403);
    CHECK(socket.get("/api/requests/http", "evil.example:" + std::to_string(adit_test::port_of(world.inspector))).status == 403);
    CHECK(socket.get("/api/requests/http", "localhost").status == 403); // the own port is part of the name
    CHECK(socket.get("/api/requests/http", "inspect.lan").status == 200);
    CHECK(socket.get("/api/requests/http", world.client.host(), "Sec-Fetch-Site: cross-site\r\n").status == 403);
    const std::string order = Json({{"id", original["id"]}}).dump();
    CHECK(world.client.send("POST", "/api/requests/http", order, "Origin: http://evil.example\r\n").status == 403);
    CHECK(world.client.send("POST", "/api/requests/http", order, "Sec-Fetch-Site: same-site\r\n").status == 403);
    CHECK(world.client.send("DELETE", "/api/requests/http", {}, "Origin: null\r\n").status == 403);
    CHECK(world.upstream.nothing_comes());
    CHECK(world.client.list().size() == 1);
    CHECK(world.client.send("POST", "/api/requests/http", order, "Origin: http://" + world.client.host() + "\r\n").status == 204);
    NetVisitor app = world.upstream.accept();
    app.read_until("\r\n\r\n");
}

TEST_CASE("requests that are too large, or none, end their connection alone") {
    TestEdge edge;
    adit::Inspector inspector = inspect(edge.session);
    const std::uint16_t port = adit_test::port_of(inspector);
    const std::string host = "Host: localhost:" + std::to_string(port) + "\r\n";
    {
        NetVisitor socket = NetVisitor::plain(port);
        socket.send("GET / HTTP/1.1\r\n" + host + "X: " + std::string(adit::limits::inspector_head_max, 'x'));
        CHECK(socket.answer().status == 431);
        CHECK(socket.ended());
    }
    {
        NetVisitor socket = NetVisitor::plain(port);
        socket.send("POST /api/requests/http HTTP/1.1\r\n" + host + "Content-Length: 4000000\r\n\r\n");
        const std::string body(adit::limits::inspector_request_max + 1, ' ');
        socket.send(body);
        CHECK(socket.answer().status == 413);
    }
    {
        NetVisitor socket = NetVisitor::plain(port);
        socket.send("NONSENSE\r\n\r\n");
        CHECK(socket.answer().status == 400);
        CHECK(socket.ended());
    }
    CHECK(InspectorClient(inspector).get("/api/status")["status"] == "online");
}

TEST_CASE("many connections at once, and one too many") {
    TestEdge edge;
    adit::Inspector inspector = inspect(edge.session);
    std::vector<InspectorClient> clients;
    for (std::size_t i = 0; i < adit::limits::inspector_connections; ++i) clients.emplace_back(inspector);
    for (InspectorClient& client : clients) CHECK(client.get("/api/status")["status"] == "online");
    NetVisitor more = NetVisitor::plain(adit_test::port_of(inspector));
    CHECK(more.answer().status == 503);
    CHECK(more.ended());
    CHECK(clients.back().get("/api/status")["status"] == "online");
}
