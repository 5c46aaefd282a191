// Pages that are kept up to date, and those who do not keep up.
#include "inspector_support.hpp"

#include <adit/limits.hpp>

#include <atomic>
#include <thread>
#include <vector>

using adit::Endpoint;
using adit::InspectorOptions;
using adit::Upstream;
using adit_test::HttpAnswer;
using adit_test::inspect;
using adit_test::InspectorClient;
using adit_test::Json;
using adit_test::NetVisitor;
using adit_test::response;
using adit_test::TestEdge;
using adit_test::TestUpstream;

namespace {

/// A page that is open.
class Page {
public:
    explicit Page(const adit::Inspector& inspector, std::string_view more = {})
        : socket_(NetVisitor::plain(adit_test::port_of(inspector))) {
        socket_.send("GET /api/events HTTP/1.1\r\nHost: localhost:" + std::to_string(adit_test::port_of(inspector)) + "\r\n" +
                     std::string(more) + "\r\n");
        head = socket_.read_until("\r\n\r\n");
    }
    /// The data of the next event; `id` is its id.
    Json next() {
        for (;;) {
            const std::string text = socket_.read_until("\n\n");
            const std::size_t data = text.find("\ndata: ");
            if (data == std::string::npos) continue;
            id = text.substr(4, text.find('\n') - 4);
            return Json::parse(text.substr(data + 7));
        }
    }
    /// Until an exchange is in that state.
    Json until(std::string_view uri, std::string_view state) {
        for (;;) {
            const Json event = next();
            for (const Json& each : event["requests"])
                if (each["request"]["uri"] == uri && each["state"] == state) return each;
        }
    }
    NetVisitor& socket() { return socket_; }

    std::string head, id;

private:
    NetVisitor socket_;
};

class World {
public:
    explicit World(InspectorOptions options = {}) : inspector(inspect(edge.session, std::move(options))) {}
    TestEdge edge;
    TestUpstream upstream;
    adit::Forwarder forwarder = edge.session.forward(Endpoint("http://a.edge.test"), Upstream(upstream.at()).max_idle_connections(0));
    adit::Inspector inspector;
};

} // namespace

TEST_CASE("a page learns of a request, of its answer, and that all was forgotten") {
    World world;
    Page page(world.inspector);
    CHECK(page.head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"));
    CHECK(page.next()["requests"].empty());
    NetVisitor visitor = world.edge.http();
    visitor.send("GET /live HTTP/1.1\r\nHost: a.edge.test\r\n\r\n");
    NetVisitor app = world.upstream.accept();
    app.read_until("\r\n\r\n");
    const Json pending = page.until("/live", "pending");
    CHECK(pending["response"].is_null());
    app.send(response("x"));
    CHECK(visitor.answer().status == 200);
    const Json done = page.until("/live", "complete");
    CHECK(done["id"] == pending["id"]);
    CHECK(done["response"]["body_size"] == 1);
    CHECK_FALSE(done["request"].contains("raw"));
    const std::string seen = page.id;

    Page late(world.inspector); // hears all that is there
    CHECK(late.next()["requests"].size() == 1);
    Page back(world.inspector, "Last-Event-ID: " + seen + "\r\n"); // and who comes back what is new
    CHECK(back.next()["requests"].empty());
    Page stranger(world.inspector, "Last-Event-ID: ffffffff1\r\n"); // of another inspector
    CHECK(stranger.next()["requests"].size() == 1);

    InspectorClient client(world.inspector);
    CHECK(client.send("DELETE", "/api/requests/http").status == 204);
    const Json none = page.next();
    CHECK(none["forgotten"] == true);
    CHECK(none["requests"].empty());
    CHECK(none["oldest"].is_null());
    CHECK(page.socket().readable_within(std::chrono::milliseconds(1)) == false);
}

TEST_CASE("so many pages are kept up to date, and one that is closed makes room") {
    World world;
    std::vector<Page> pages;
    for (std::size_t i = 0; i < adit::limits::inspector_live_clients; ++i) {
        pages.emplace_back(world.inspector);
        pages.back().next();
    }
    InspectorClient client(world.inspector);
    CHECK(client.send("GET", "/api/events").status == 503);
    pages.pop_back();
    for (;;) { // it is seen at once, but not before
        InspectorClient again(world.inspector);
        again.socket().send("GET /api/events HTTP/1.1\r\nHost: " + again.host() + "\r\n\r\n");
        if (again.socket().read_until("\r\n\r\n").starts_with("HTTP/1.1 200 ")) break;
    }
}

TEST_CASE("a page that does not read holds nothing up and is cut in time") {
    World world(InspectorOptions().max_exchanges(50));
    const std::string events = "GET /api/events HTTP/1.1\r\nHost: localhost:" +
                               std::to_string(adit_test::port_of(world.inspector)) + "\r\n\r\n";
    NetVisitor slow = NetVisitor::plain(adit_test::port_of(world.inspector));
    slow.set_receive_buffer(4'096);
    slow.send(events);
    std::vector<Page> pages; // with it all that there may be
    for (std::size_t i = 1; i < adit::limits::inspector_live_clients; ++i) pages.emplace_back(world.inspector);
    std::vector<std::thread> readers;
    for (Page& page : pages) readers.emplace_back([&page] { page.until("/last", "complete"); });
    NetVisitor visitor = world.edge.http();
    const std::string path = "/" + std::string(8'000, 'p'); // a row is as long as its path
    for (int i = 0; i < 300; ++i) {
        visitor.send("GET " + (i == 299 ? "/last" : path) + " HTTP/1.1\r\nHost: a.edge.test\r\n\r\n");
        NetVisitor app = world.upstream.accept();
        app.read_until("\r\n\r\n");
        app.send(response("x"));
        CHECK(visitor.answer().status == 200);
    }
    for (std::thread& each : readers) each.join(); // all who read were told to the last
    const auto end = std::chrono::steady_clock::now() + 2 * adit::limits::inspector_write_time;
    for (bool room = false; !room;) {
        REQUIRE_MESSAGE(std::chrono::steady_clock::now() < end, "it still has its place");
        NetVisitor next = NetVisitor::plain(adit_test::port_of(world.inspector));
        next.send(events);
        room = next.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 ");
        if (!room) (void)visitor.readable_within(std::chrono::milliseconds(200)); // which it is not
    }
    CHECK(slow.read_all().find("/last") == std::string::npos);
}

TEST_CASE("visitors, scripts and pages at the same time") {
    World world(InspectorOptions().max_exchanges(20));
    std::atomic<bool> stop = false;
    std::thread app([&] { // each request on a connection of its own
        for (int n = 0; n < 100; ++n) {
            NetVisitor socket = world.upstream.accept();
            socket.read_until("\r\n\r\n");
            socket.send(response(std::string(3'000, 'x')));
        }
    });
    std::vector<std::thread> users;
    for (int i = 0; i < 2; ++i) {
        users.emplace_back([&] {
            InspectorClient client(world.inspector);
            while (!stop) {
                for (const Json& each : client.list("limit=5")) {
                    const HttpAnswer one = client.send("GET", each["uri"].get<std::string>());
                    CHECK((one.status == 200 || one.status == 404));
                }
            }
        });
    }
    users.emplace_back([&] {
        InspectorClient client(world.inspector);
        for (int i = 0; i < 5; ++i) CHECK(client.send("DELETE", "/api/requests/http").status == 204);
    });
    users.emplace_back([&] {
        Page page(world.inspector);
        while (!stop) page.next();
    });
    std::vector<std::thread> visitors;
    for (int i = 0; i < 4; ++i) {
        visitors.emplace_back([&] {
            NetVisitor visitor = world.edge.http();
            for (int n = 0; n < 25; ++n) CHECK(visitor.get("/" + std::to_string(n), "a.edge.test").status == 200);
        });
    }
    for (std::thread& each : visitors) each.join();
    stop = true;
    app.join();
    InspectorClient client(world.inspector);
    CHECK(client.send("DELETE", "/api/requests/http").status == 204);
    for (std::thread& each : users) each.join();
    CHECK(world.forwarder.counters().requests == 100);
}
