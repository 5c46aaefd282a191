// A session with two legs at a real edge that is reached by two addresses.
#include "integration/session_support.hpp"

#include <asio/read.hpp>
#include <asio/write.hpp>

#include <atomic>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;
using asio::ip::tcp;
using Kind = Event::Kind;

namespace {

/// An edge behind two proxies, each of which can cut its links.
class TwoWays {
public:
    TwoWays() {
        server = edge::Server::start(edge::ServerOptions()
                                         .authtoken("token", "cr_1")
                                         .route_labels("http://shop.localhost", {{"app", "shop"}})
                                         .advertise_agent_address(address(one))
                                         .advertise_agent_address(address(two)));
        for (CutProxyThread* way : {&one, &two}) way->with([this](CutProxy& proxy) { proxy.target(server.agent_port()); });
    }
    SessionOptions options(CutProxyThread& by) {
        return quick(SessionOptions().server(address(by)).authtoken("token").roots_pem(server.ca_pem()));
    }
    static std::string address(const CutProxyThread& way) { return "127.0.0.1:" + std::to_string(way.port()); }
    std::size_t streams(std::uint32_t leg) const {
        for (const edge::SessionView& session : server.sessions())
            if (session.leg == leg) return session.streams;
        return 0;
    }
    /// The endpoint is online on so many legs.
    void wait_online(std::size_t legs) const {
        eventually([&] { return server.endpoints().size() == legs; });
    }

    CutProxyThread one{0}, two{0};
    edge::Server server;
};

/// Sends back what comes on every connection of a listener.
class Echo {
public:
    explicit Echo(Listener listener) : listener_(std::move(listener)), thread_([this] { accept(); }) {}
    ~Echo() {
        listener_.close();
        thread_.join();
        for (std::thread& each : threads_) each.join();
    }

private:
    void accept() {
        std::error_code ec;
        for (;;) {
            Connection connection = listener_.accept(ec);
            if (ec) return;
            threads_.emplace_back([c = std::move(connection)]() mutable {
                std::array<char, 4096> buffer;
                std::error_code end;
                for (;;) {
                    const std::size_t n = c.read_some(asio::buffer(buffer), end);
                    if (end) return;
                    asio::write(c, asio::buffer(buffer, n), end);
                    if (end) return;
                }
            });
        }
    }
    Listener listener_;
    std::vector<std::thread> threads_;
    std::thread thread_;
};

class EchoVisitor {
public:
    EchoVisitor(asio::io_context& context, std::uint16_t port) : socket_(context) {
        socket_.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
    }
    /// False: the connection ended.
    bool echoes() {
        char byte = 'x';
        std::error_code ec;
        asio::write(socket_, asio::buffer(&byte, 1), ec);
        if (!ec) asio::read(socket_, asio::buffer(&byte, 1), ec);
        return !ec;
    }

private:
    tcp::socket socket_;
};

} // namespace

TEST_CASE("two addresses, two legs: visitors are spread over them, and one lost leg loses its own streams alone") {
    TwoWays edge;
    EventLog events;
    asio::io_context context;
    bool by_second = false;
    SUBCASE("by the first address") {}
    SUBCASE("by the second address") { by_second = true; }
    CutProxyThread& mine = by_second ? edge.two : edge.one;
    CutProxyThread& other = by_second ? edge.one : edge.two;
    Session session = Session::connect(edge.options(mine).on_event(events.handler()));
    events.wait(Kind::connected, 2);
    CHECK(mine.accepted() == 1);
    CHECK(other.accepted() == 1);
    Listener listener = session.listen(Endpoint("tcp://"));
    const std::string url = listener.url();
    edge.wait_online(2);
    const Echo echo(listener);
    std::vector<EchoVisitor> visitors;
    for (int i = 0; i < 40; ++i) {
        visitors.emplace_back(context, port_of(url));
        REQUIRE(visitors.back().echoes());
    }
    CHECK(edge.streams(0) >= 18);
    CHECK(edge.streams(1) >= 18);

    mine.cut_all(CutKind::reset);
    events.wait(Kind::connected, 3);
    const auto alive = std::ranges::count_if(visitors, [](EchoVisitor& visitor) { return visitor.echoes(); });
    CHECK(alive == 20);
    CHECK(listener.is_open());
    CHECK(listener.url() == url);
    edge.wait_online(2);
    CHECK(edge.server.sessions().size() == 2);
    CHECK(EchoVisitor(context, port_of(url)).echoes());
    CHECK(events.count(Kind::listener_up) == 1); // it was never offline
    CHECK(events.count(Kind::disconnected) == 1);

    // Both: every listener comes back.
    mine.cut_all(CutKind::reset);
    other.cut_all(CutKind::reset);
    events.wait(Kind::connected, 5);
    edge.wait_online(2);
    CHECK(listener.url() == url);
    CHECK(EchoVisitor(context, port_of(url)).echoes());
}

TEST_CASE("legs that are cut in turn under load lose no listener and refuse no visitor") {
    TwoWays edge;
    EventLog events;
    Session session = Session::connect(edge.options(edge.one).on_event(events.handler()));
    events.wait(Kind::connected, 2);
    Listener listener = session.listen(Endpoint("tcp://"));
    const std::string url = listener.url();
    edge.wait_online(2);
    const Echo echo(listener);
    constexpr std::size_t loads = 4;
    constexpr std::size_t cuts = 10;
    std::atomic<bool> stop = false;
    std::atomic<std::size_t> served = 0, lost = 0, refused = 0;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < loads; ++i) {
        threads.emplace_back([&] {
            asio::io_context context;
            while (!stop) {
                if (EchoVisitor(context, port_of(url)).echoes()) {
                    ++served;
                    continue;
                }
                ++lost; // on the leg that was cut; the next may meet that leg's end as well, but not one after it
                if (!EchoVisitor(context, port_of(url)).echoes() && !EchoVisitor(context, port_of(url)).echoes()) ++refused;
            }
        });
    }
    for (std::size_t i = 0; i < cuts; ++i) {
        const std::size_t before = served;
        eventually([&] { return served >= before + 20; });
        (i % 2 == 0 ? edge.one : edge.two).cut_all(i % 4 < 2 ? CutKind::reset : CutKind::clean);
        events.wait(Kind::connected, 3 + i);
        edge.wait_online(2);
    }
    stop = true;
    for (std::thread& thread : threads) thread.join();
    CHECK(refused == 0);
    CHECK(lost <= cuts * loads);
    CHECK(listener.is_open());
    CHECK(listener.url() == url);
    CHECK(events.count(Kind::listener_up) == 1);
}

TEST_CASE("a labelled endpoint has another id on each leg, and connections of both reach its listener") {
    TwoWays edge;
    EventLog events;
    Session session = Session::connect(edge.options(edge.one).on_event(events.handler()));
    events.wait(Kind::connected, 2);
    Listener listener = session.listen(Endpoint::labeled("app", "shop"));
    edge.wait_online(2);
    asio::io_context context;
    const auto nobody_there = [&] { // but the heartbeats
        eventually([&] { return edge.streams(0) <= 2 && edge.streams(1) <= 2; });
    };
    const auto visit = [&] {
        tcp::socket visitor(context);
        visitor.connect(tcp::endpoint(asio::ip::address_v4::loopback(), edge.server.http_port()));
        asio::write(visitor, asio::buffer(std::string("GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n")));
        return std::make_pair(listener.accept_for(20s), std::move(visitor));
    };
    nobody_there();
    {
        const auto first = visit();
        const auto second = visit();
        eventually([&] { return edge.streams(0) == edge.streams(1); });
    }
    edge.one.cut_all(CutKind::reset);
    events.wait(Kind::connected, 3);
    edge.wait_online(2);
    nobody_there();
    {
        const auto first = visit();
        const auto second = visit();
        eventually([&] { return edge.streams(0) == edge.streams(1); });
    }
    CHECK(events.count(Kind::listener_up) == 1);
    edge.one.cut_all(CutKind::reset);
    edge.two.cut_all(CutKind::reset);
    events.wait(Kind::connected, 5);
    edge.wait_online(2);
    CHECK(visit().first.is_open());
    listener.close();
    edge.wait_online(0);
}

TEST_CASE("a closed listener, an update and a stop by the operator hold for both legs") {
    TwoWays edge;
    EventLog events;
    Session session = Session::connect(edge.options(edge.one).on_event(events.handler()));
    events.wait(Kind::connected, 2);
    Listener listener = session.listen(Endpoint("http://one.localhost"));
    edge.wait_online(2);
    listener.update(EndpointUpdate().metadata("new"));
    for (const auto& endpoint : edge.server.endpoints()) CHECK(endpoint.metadata == "new");
    listener.close();
    edge.wait_online(0);

    listener = session.listen(Endpoint("http://two.localhost"));
    edge.wait_online(2);
    const std::string endpoint = edge.server.endpoints()[0].id;
    CHECK_FALSE(edge.server.stop_endpoint(endpoint, "enough", 8014));
    events.wait(Kind::listener_down, 2);
    CHECK_FALSE(listener.is_open());
    CHECK(listener.last_error().code() == ngrok_error(8014));
    CHECK(edge.server.endpoints().empty());
    CHECK(events.count(Kind::listener_down) == 2); // told twice, heard once
    CHECK(session.listen(Endpoint("http://two.localhost")).is_open());
}
