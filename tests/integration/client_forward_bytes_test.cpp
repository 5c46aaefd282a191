// Bytes through a forwarder: tcp and tls endpoints, and http endpoints whose upstream is not HTTP.
#include "forward_support.hpp"

#include "proto/proxy_protocol.hpp"

#include <filesystem>
#include <future>
#include <unistd.h>

using adit::Endpoint;
using adit::Upstream;
using adit_test::HttpAnswer;
using adit_test::NetVisitor;
using adit_test::noise;
using adit_test::port_of;
using adit_test::response;
using adit_test::TestCa;
using adit_test::TestEdge;
using adit_test::TestUpstream;
using adit_test::TlsOptions;
using adit_test::wait_until;

TEST_CASE("a tcp connection is passed on with both its ends") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(Endpoint("tcp://"), Upstream(upstream.at())); // the shorthand means tcp
    CHECK(forwarder.upstream() == upstream.url("tcp"));
    SUBCASE("the visitor ends first, and still gets the answer") {
        NetVisitor visitor = NetVisitor::plain(port_of(forwarder));
        visitor.send("question");
        visitor.shutdown_write();
        NetVisitor app = upstream.accept();
        CHECK(app.read_all() == "question");
        CHECK_FALSE(app.cut());
        app.send("answer");
        app.close();
        CHECK(visitor.read_all() == "answer");
        CHECK_FALSE(visitor.cut());
    }
    SUBCASE("the upstream ends first, and still gets the question") {
        NetVisitor visitor = NetVisitor::plain(port_of(forwarder));
        NetVisitor app = upstream.accept();
        app.send("banner");
        app.shutdown_write();
        CHECK(visitor.read_all() == "banner");
        visitor.send("late");
        visitor.shutdown_write();
        CHECK(app.read_all() == "late");
        CHECK_FALSE(app.cut());
        wait_until(forwarder, [](const auto& counters) { return counters.open_connections == 0; });
    }
    SUBCASE("a reset goes through in both directions") {
        NetVisitor visitor = NetVisitor::plain(port_of(forwarder));
        visitor.send("x");
        NetVisitor app = upstream.accept();
        CHECK(app.read(1) == "x");
        visitor.reset();
        CHECK(app.ended());
        NetVisitor second = NetVisitor::plain(port_of(forwarder));
        second.send("y");
        NetVisitor peer = upstream.accept();
        CHECK(peer.read(1) == "y");
        peer.reset();
        CHECK(second.ended());
        CHECK(second.cut());
    }
}

TEST_CASE("16 MiB of bytes at once in both directions") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(Endpoint("tcp://"), Upstream(upstream.url("tcp")));
    const std::string up = noise(16u << 20, 3);
    const std::string down = noise(16u << 20, 4);
    NetVisitor visitor = NetVisitor::plain(port_of(forwarder));
    NetVisitor app = upstream.accept();
    auto to_app = std::async(std::launch::async, [&] { visitor.send(up); });
    auto to_visitor = std::async(std::launch::async, [&] { app.send(down); });
    auto at_app = std::async(std::launch::async, [&] { return app.read(up.size()); });
    CHECK((visitor.read(down.size()) == down));
    CHECK((at_app.get() == up));
    to_app.get();
    to_visitor.get();
    CHECK(forwarder.counters().bytes_in == up.size()); // while it is still open
    CHECK(forwarder.counters().bytes_out == down.size());
    CHECK(forwarder.counters().requests == 0);
    CHECK(forwarder.counters().open_connections == 1);
}

TEST_CASE("an upstream that takes nothing holds the visitor, not our memory") {
    TestEdge edge;
    TestUpstream upstream;
    const auto forwarder = edge.session.forward(Endpoint("tcp://"), Upstream(upstream.at()));
    NetVisitor visitor = NetVisitor::plain(port_of(forwarder));
    NetVisitor app = upstream.accept();
    app.set_receive_buffer(16'384);
    const std::string piece(65'536, 'x');
    std::size_t taken = 0;
    for (int quiet = 0; quiet < 20 && taken < (256u << 20);) {
        const std::size_t n = visitor.send_some_now(piece);
        taken += n;
        quiet = n == 0 ? quiet + 1 : 0;
        if (n == 0) (void)visitor.readable_within(std::chrono::milliseconds(20));
    }
    CHECK(taken < (48u << 20));
    CHECK(forwarder.counters().bytes_in < (16u << 20));
}

TEST_CASE("tcp: an upstream that is down resets the visitor") {
    TestEdge edge;
    const auto forwarder =
        edge.session.forward(Endpoint("tcp://"), Upstream("tcp://127.0.0.1:" + std::to_string(adit_test::dead_port())));
    NetVisitor visitor = NetVisitor::plain(port_of(forwarder));
    visitor.send("hello");
    CHECK(visitor.ended());
    CHECK(forwarder.is_open());
    CHECK(forwarder.counters().failures == 1);
    CHECK(forwarder.last_error().code() == asio::error::connection_refused);
    CHECK(forwarder.last_error().message().find("127.0.0.1") != std::string::npos);
}

TEST_CASE("the TLS of a tls endpoint reaches the upstream untouched, whatever its scheme") { // S6.1d
    TestEdge edge;
    TestUpstream upstream;
    const TestCa ca;
    const auto context = ca.server("raw.edge.test");
    for (const char* scheme : {"tcp", "tls", "https"}) {
        CAPTURE(scheme);
        // With an own CA nothing but the visitor's handshake can succeed at the upstream.
        auto forwarder =
            edge.session.forward(Endpoint("tls://raw.edge.test"), Upstream(upstream.url(scheme)).verify(false));
        auto app = std::async(std::launch::async, [&] {
            NetVisitor peer = upstream.accept();
            const std::string failure = peer.accept_tls(context);
            CHECK(failure.empty());
            CHECK(peer.read(5) == "hello");
            peer.send("world");
            peer.shutdown_write();
        });
        NetVisitor visitor = NetVisitor::tls(edge.server.https_port(), TlsOptions("raw.edge.test", ca.pem()));
        visitor.send("hello");
        CHECK(visitor.read_all() == "world");
        CHECK_FALSE(visitor.cut());
        app.get();
        forwarder.close();
        visitor.close();
        CHECK(forwarder.wait_for(std::chrono::seconds(20)).code() == adit::errc::listener_closed);
    }
}

TEST_CASE("a tcp endpoint's bytes go into TLS for a tls upstream, behind the PROXY protocol header") { // S1.3e, agent-protocol 7
    for (const int version : {0, 1, 2}) {
        CAPTURE(version);
        TestEdge edge;
        TestUpstream upstream;
        const TestCa ca;
        const auto context = ca.server();
        const auto forwarder = edge.session.forward(Endpoint("tcp://").proxy_protocol(version),
                                                    Upstream(upstream.url("tls")).roots_pem(ca.pem()));
        NetVisitor visitor = NetVisitor::plain(port_of(forwarder));
        visitor.send("hello");
        NetVisitor app = upstream.accept();
        const auto from = adit::IpEndpoint::parse(visitor.address());
        const auto to = adit::IpEndpoint::parse("127.0.0.1:" + std::to_string(port_of(forwarder)));
        REQUIRE(from);
        REQUIRE(to);
        const std::string header = adit::encode_proxy_protocol(static_cast<adit::ProxyProtocolVersion>(version),
                                                               adit::ProxiedEnds(*from, *to));
        CHECK(app.read(header.size()) == header);
        CHECK(app.accept_tls(context).empty());
        CHECK(app.read(5) == "hello");
        app.send("world");
        app.close(); // without close_notify: what came so far is good all the same
        CHECK(visitor.read_all() == "world");
    }
}

TEST_CASE("to a tcp upstream the PROXY protocol header is the first of the bytes") { // S1.3e
    for (const int version : {1, 2}) {
        CAPTURE(version);
        TestEdge edge;
        TestUpstream upstream;
        const auto forwarder =
            edge.session.forward(Endpoint("tcp://").proxy_protocol(version), Upstream(upstream.at()));
        NetVisitor visitor = NetVisitor::plain(port_of(forwarder));
        visitor.send("hello");
        NetVisitor app = upstream.accept();
        adit::ProxyProtocolReader reader;
        std::string seen;
        while (!reader.done()) {
            seen = app.read(1);
            REQUIRE(reader.feed(adit::as_bytes(seen)));
        }
        CHECK(static_cast<int>(reader.version()) == version);
        REQUIRE(reader.ends());
        CHECK(reader.ends()->source == *adit::IpEndpoint::parse(visitor.address()));
        CHECK(app.read(5) == "hello");
    }
}

TEST_CASE("http endpoints with upstreams that are not HTTP: bytes, and a page if they are down") {
    TestEdge edge;
    TestUpstream upstream;
    auto forwarder = edge.session.forward(Endpoint("http://a.edge.test"), Upstream(upstream.url("tcp")));
    NetVisitor visitor = edge.http();
    visitor.send("GET / HTTP/1.1\r\nHost: a.edge.test\r\n\r\n");
    NetVisitor app = upstream.accept();
    app.read_until("\r\n\r\n");
    app.send(response("bytes"));
    CHECK(visitor.answer().body == "bytes");
    CHECK(forwarder.counters().requests == 0);
    upstream.stop();
    NetVisitor other = edge.http();
    const HttpAnswer answer = other.get("/", "a.edge.test");
    CHECK(answer.status == 502);
    CHECK(answer.field("ngrok-error-code") == "ERR_NGROK_8012");
}

TEST_CASE("a local socket takes bytes too") {
    const auto path = std::filesystem::temp_directory_path() / ("adit-bytes-" + std::to_string(::getpid()) + ".sock");
    TestEdge edge;
    TestUpstream upstream(path.string());
    const auto forwarder = edge.session.forward(Endpoint("tcp://"), Upstream("unix://" + path.string()));
    NetVisitor visitor = NetVisitor::plain(port_of(forwarder));
    visitor.send("hello");
    visitor.shutdown_write();
    NetVisitor app = upstream.accept();
    CHECK(app.read_all() == "hello");
    app.send("world");
    app.close();
    CHECK(visitor.read_all() == "world");
}
