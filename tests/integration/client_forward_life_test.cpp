// How forwarders begin and end.
#include "forward_support.hpp"

#include "support/mock_edge.hpp"

#include <future>
#include <optional>
#include <thread>
#include <vector>

using adit::Endpoint;
using adit::ErrorInfo;
using adit::Forwarder;
using adit::Upstream;
using adit_test::NetVisitor;
using adit_test::port_of;
using adit_test::response;
using adit_test::TestEdge;
using adit_test::TestUpstream;
using adit_test::wait_until;

namespace {

constexpr auto patience = std::chrono::seconds(20);
constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: a.edge.test\r\n\r\n";

} // namespace

TEST_CASE("an upstream that cannot work is refused before the edge is asked") {
    TestEdge edge;
    ErrorInfo error;
    Forwarder refused = edge.session.forward(Endpoint("http://a.edge.test"), Upstream("ftp://x"), error);
    CHECK(error.code() == adit::errc::unsupported_url);
    CHECK(error.message().find("ftp://x") != std::string::npos);
    CHECK_FALSE(refused.is_open());
    CHECK(refused.wait().code() == adit::errc::listener_closed);
    CHECK(edge.session.last_error().code() == adit::errc::unsupported_url);
    CHECK_THROWS_AS((void)edge.session.forward(Endpoint("http://a.edge.test"), Upstream("https://h").roots_pem("x")),
                    adit::SystemError);
    std::error_code ec;
    (void)adit::Session().forward(Endpoint(), Upstream("8080"), ec);
    CHECK(ec == adit::errc::session_closed);
    const adit::Listener free = edge.listen("http://a.edge.test"); // the name was never taken
    CHECK(free.is_open());
}

TEST_CASE("what the edge refuses comes back with its number, in every form") {
    TestEdge edge;
    const adit::Listener taken = edge.listen("http://a.edge.test");
    const Endpoint endpoint("http://a.edge.test");
    ErrorInfo error;
    (void)edge.session.forward(endpoint, Upstream("8080"), error);
    CHECK(error.code() == adit::ngrok_error(334));
    CHECK_FALSE(error.detail().empty());
    std::error_code ec;
    (void)edge.session.forward(endpoint, Upstream("8080"), ec);
    CHECK(ec == adit::ngrok_error(334));
    CHECK_THROWS_AS((void)edge.session.forward(endpoint, Upstream("8080")), adit::SystemError);
    std::promise<std::error_code> done;
    ErrorInfo story;
    edge.session.async_forward(endpoint, Upstream("8080"), story,
                               [&](std::error_code code, const Forwarder&) { done.set_value(code); });
    CHECK(done.get_future().get() == adit::ngrok_error(334));
    CHECK(story.code() == adit::ngrok_error(334));
}

TEST_CASE("coroutines forward and wait for the end on the program's own threads") {
    TestEdge edge;
    TestUpstream upstream;
    asio::io_context context;
    std::optional<Forwarder> made;
    ErrorInfo end;
    std::promise<void> ready;
    adit::SessionOptions agent;
    agent.server(edge.server.agent_address()).roots_pem(edge.server.ca_pem()).authtoken("visitor-token");
    asio::co_spawn(
        context,
        [](adit::SessionOptions options, std::string address, std::optional<Forwarder>& forwarder, ErrorInfo& why,
           std::promise<void>& online) -> asio::awaitable<void> {
            auto executor = co_await asio::this_coro::executor;
            auto session = co_await adit::Session::async_connect(executor, options);
            Endpoint endpoint("http://b.edge.test");
            Upstream to(address);
            forwarder = co_await session.async_forward(endpoint, to);
            online.set_value();
            why = co_await forwarder->async_wait();
            forwarder.reset();
        }(agent, upstream.at(), made, end, ready),
        [&ready](const std::exception_ptr& error) {
            if (error) ready.set_exception(error); // a second one would end the test as well
        });
    std::thread first([&] { context.run(); });
    std::thread second([&] { context.run(); });
    ready.get_future().get();
    std::vector<std::future<void>> visitors;
    for (int i = 0; i < 8; ++i) {
        visitors.push_back(std::async(std::launch::async, [&] {
            NetVisitor visitor = edge.http();
            CHECK(visitor.get("/", "b.edge.test").body == "ok");
        }));
    }
    std::vector<NetVisitor> apps;
    for (int i = 0; i < 8; ++i) { // none is answered before all are there
        apps.push_back(upstream.accept());
        apps.back().read_until("\r\n\r\n");
    }
    for (NetVisitor& app : apps) app.send(response("ok"));
    for (auto& each : visitors) each.get();
    made->close();
    first.join();
    second.join();
    CHECK(end.code() == adit::errc::listener_closed);
}

TEST_CASE("close lets what is under way end, and nothing new begins") {
    TestEdge edge;
    TestUpstream upstream;
    auto forwarder = edge.session.forward(Endpoint("http://a.edge.test"), Upstream(upstream.at()));
    NetVisitor idle = edge.http();
    idle.send(get);
    NetVisitor app = upstream.accept();
    app.read_until("\r\n\r\n");
    app.send(response("first"));
    CHECK(idle.answer().body == "first");
    NetVisitor busy = edge.http();
    busy.send(get);
    app.read_until("\r\n\r\n");
    forwarder.close();
    CHECK_FALSE(forwarder.is_open());
    CHECK(forwarder.wait_for(std::chrono::milliseconds(20)).code() == adit::errc::timed_out);
    app.send(response("last"));
    CHECK(busy.answer().body == "last");
    CHECK(forwarder.wait_for(patience).code() == adit::errc::listener_closed);
    CHECK(forwarder.wait().code() == adit::errc::listener_closed);
    CHECK(app.ended()); // the pool as well
    CHECK(forwarder.counters().open_connections == 0);
    CHECK(edge.http().get("/", "a.edge.test").status == 404);
}

TEST_CASE("the last handle takes the endpoint offline, and a copy keeps it") {
    TestEdge edge;
    TestUpstream upstream;
    {
        std::optional<Forwarder> kept;
        {
            const Forwarder forwarder = edge.session.forward(Endpoint("http://a.edge.test"), Upstream(upstream.at()));
            kept = forwarder;
        }
        NetVisitor visitor = edge.http();
        visitor.send(get);
        NetVisitor app = upstream.accept();
        app.read_until("\r\n\r\n");
        app.send(response("x"));
        CHECK(visitor.answer().body == "x");
    }
    ErrorInfo error(adit::errc::unavailable);
    const auto end = std::chrono::steady_clock::now() + patience;
    while (error && std::chrono::steady_clock::now() < end) { // the edge is told in the background
        const adit::Listener again = edge.session.listen(Endpoint("http://a.edge.test"), error);
    }
    CHECK_FALSE(error);
}

TEST_CASE("the end of the session ends the forwarder and what it forwards") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(Endpoint("tcp://"), Upstream(upstream.at()));
    NetVisitor visitor = NetVisitor::plain(port_of(forwarder));
    visitor.send("x");
    NetVisitor app = upstream.accept();
    CHECK(app.read(1) == "x");
    edge.session.close();
    CHECK(forwarder.wait_for(patience).code() == adit::errc::session_closed);
    CHECK(app.ended());
    CHECK(forwarder.last_error().code() == adit::errc::session_closed);
}

TEST_CASE("a wait can be cancelled, and waiting on the session's own thread is refused") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(Endpoint("tcp://"), Upstream(upstream.at()));
    asio::cancellation_signal stop;
    std::promise<ErrorInfo> done;
    forwarder.async_wait(
        asio::bind_cancellation_slot(stop.slot(), [&](const ErrorInfo& why) { done.set_value(why); }));
    stop.emit(asio::cancellation_type::total);
    CHECK(done.get_future().get().code() == asio::error::operation_aborted);
    std::promise<std::error_code> blocked;
    asio::post(forwarder.get_executor(), [&] { blocked.set_value(forwarder.wait().code()); });
    CHECK(blocked.get_future().get() == adit::errc::would_deadlock);
}

TEST_CASE("the edge is told the upstream's URL and protocol, unless the program says something else") { // recording 04
    struct Row {
        Endpoint endpoint;
        Upstream upstream;
        const char* told;
    };
    const Row rows[] = {
        {Endpoint("https://"), Upstream("8080"), R"("ForwardsTo":"http://localhost:8080/","ForwardsProto":"")"},
        {Endpoint("https://"), Upstream("localhost:443").verify(false), R"("ForwardsTo":"https://localhost/","ForwardsProto":"")"},
        {Endpoint("tcp://"), Upstream("22"), R"("ForwardsTo":"tcp://localhost:22","ForwardsProto":"")"},
        {Endpoint("https://").forwards_to("mine"), Upstream("8080"), R"("ForwardsTo":"mine","ForwardsProto":"")"},
        {Endpoint("https://"), Upstream("8080").app_protocol("http2"),
         R"("ForwardsTo":"http://localhost:8080/","ForwardsProto":"http2")"},
    };
    adit_test::MockEdge edge;
    auto session = adit::Session::connect(edge.options());
    std::size_t binds = 0;
    for (const Row& row : rows) {
        CAPTURE(row.told);
        const auto forwarder = session.forward(row.endpoint, row.upstream);
        CHECK(edge.wait_request(adit::RequestType::bind, ++binds).json.find(row.told) != std::string::npos);
    }
}

TEST_CASE("HTTP/2 from the edge passes as bytes: h2c to a plain upstream, ALPN h2 in TLS") { // S1.3d
    const adit_test::TestCa ca;
    const auto context = ca.server("127.0.0.1", false, {"h2"});
    adit_test::MockEdge edge;
    auto session = adit::Session::connect(edge.options());
    TestUpstream upstream;
    for (const char* scheme : {"http", "https"}) {
        CAPTURE(scheme);
        const bool secure = std::string_view(scheme) == "https";
        Upstream to(upstream.url(scheme));
        to.app_protocol("http2");
        if (secure) to.roots_pem(ca.pem());
        const auto forwarder = session.forward(Endpoint("https://"), to);
        auto visitor = edge.visit(forwarder.id(), "https");
        constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        visitor.write(preface);
        NetVisitor app = upstream.accept();
        if (secure) {
            CHECK(app.accept_tls(context).empty());
            CHECK(app.alpn() == "h2");
        }
        CHECK(app.read(preface.size()) == preface);
        app.send("frames");
        CHECK(visitor.read(6) == "frames");
        visitor.finish();
        CHECK(app.ended());
    }
}
