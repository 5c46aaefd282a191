// tls and tcp endpoints: the bytes as they are.
#include "edge_visitor_support.hpp"

#include "tls/certificate_authority.hpp"
#include "tls/engine.hpp"

#include <future>

using adit_test::AppStream;
using adit_test::NetVisitor;
using adit_test::noise;
using adit_test::TestEdge;
using adit_test::TlsOptions;

namespace {

std::uint16_t port_of(const adit::Listener& listener) {
    const std::string url = listener.url();
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

/// Ends TLS on a stream of the application and echoes one line.
void serve_tls(AppStream& app, const std::shared_ptr<const adit::tls::ServerContext>& context) {
    auto engine = adit::tls::Engine::server(context);
    std::string line;
    while (line.find('\n') == std::string::npos) {
        std::error_code ec;
        const std::string bytes = app.read_some(ec);
        REQUIRE_MESSAGE(!ec, ec.message());
        const adit::MutableBytes space = engine.input_space(bytes.size());
        std::ranges::copy(adit::as_bytes(bytes), space.begin());
        engine.commit_input(bytes.size());
        if (!engine.handshake_done()) (void)engine.handshake();
        std::string plain(16'384, '\0');
        if (engine.handshake_done()) {
            const adit::MutableBytes out(reinterpret_cast<std::uint8_t*>(plain.data()), plain.size());
            line.append(plain, 0, engine.read(out).size);
        }
        app.write(adit::as_text(engine.output()));
        engine.consume_output(engine.output().size());
    }
    (void)engine.write(adit::as_bytes("echo: " + line));
    engine.shutdown();
    app.write(adit::as_text(engine.output()));
    app.finish();
}

} // namespace

TEST_CASE("a tls endpoint passes the handshake through: the visitor sees the application's certificate") { // S6.1
    TestEdge edge;
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    auto authority = adit::tls::CertificateAuthority::create("application", now);
    REQUIRE(authority);
    auto issued = authority->issue_server({"raw.edge.test"}, now);
    REQUIRE(issued);
    auto identity = adit::tls::Identity::from_pem(issued->certificate_pem, issued->key_pem);
    REQUIRE(identity);
    adit::tls::ServerOptions server;
    server.select = [identity = *identity](std::string_view) { return identity; };
    auto context = adit::tls::ServerContext::create(std::move(server));
    REQUIRE(context);
    auto listener = edge.listen("tls://raw.edge.test");
    auto application = std::async(std::launch::async, [&] {
        AppStream app = edge.accept(listener);
        CHECK(app.connection().passthrough_tls());
        serve_tls(app, *context);
        return app.read_end();
    });
    NetVisitor visitor = NetVisitor::tls(edge.server.https_port(), TlsOptions("raw.edge.test", authority->certificate_pem()));
    CHECK(visitor.peer_fingerprint() == (*identity)->info().fingerprint);
    visitor.send("hello\n");
    CHECK(visitor.read_all() == "echo: hello\n");
    CHECK_FALSE(visitor.cut());
    visitor.shutdown_write();
    CHECK(application.get() == asio::error::eof);
    const auto record = edge.records(1)[0];
    CHECK(record.host == "raw.edge.test");
    CHECK(record.status == 0);
    CHECK(record.bytes_in > 100);
    CHECK(record.bytes_out > 500);
}

TEST_CASE("a tls endpoint that asks for it ends at the edge: the application gets plain bytes") {
    TestEdge edge;
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto authority = adit::tls::CertificateAuthority::create("application", now);
    REQUIRE(authority);
    const auto issued = authority->issue_server({"own.edge.test"}, now);
    REQUIRE(issued);
    auto own = edge.session.listen(
        adit::Endpoint("tls://own.edge.test").tls_termination(issued->certificate_pem, issued->key_pem));
    auto lent = edge.session.listen(adit::Endpoint("tls://lent.edge.test").tls_termination());
    for (auto* listener : {&own, &lent}) {
        const std::string name = listener == &own ? "own.edge.test" : "lent.edge.test";
        const std::string roots = listener == &own ? authority->certificate_pem() : edge.server.ca_pem();
        auto visitor = NetVisitor::tls(edge.server.https_port(), TlsOptions(name, roots));
        visitor.send("secret\n");
        auto app = edge.accept(*listener);
        CHECK(app.read_until("\n") == "secret\n");
        CHECK_FALSE(app.connection().passthrough_tls());
        app.write("answer\n");
        CHECK(visitor.read_until("\n") == "answer\n");
    }
}

TEST_CASE("a tls endpoint is no https endpoint: our certificate is never shown for it") {
    TestEdge edge;
    auto listener = edge.listen("tls://raw.edge.test");
    auto failing = std::async(std::launch::async, [&] {
        AppStream app = edge.accept(listener);
        std::error_code ec;
        CHECK(app.read_some(ec).starts_with("\x16\x03\x01")); // the ClientHello itself
        app.close();
    });
    const TlsOptions options("raw.edge.test", edge.server.ca_pem());
    CHECK_FALSE(NetVisitor::tls_failure(edge.server.https_port(), options).empty());
    failing.get();
}

TEST_CASE("a tcp endpoint carries bytes both ways, also before the visitor spoke, and each half ends by itself") {
    TestEdge edge;
    auto listener = edge.listen("tcp://");
    NetVisitor visitor = NetVisitor::plain(port_of(listener));
    AppStream app = edge.accept(listener);
    CHECK(app.connection().remote_address() == visitor.address());
    app.write("220 ready\r\n"); // the server speaks first
    CHECK(visitor.read(11) == "220 ready\r\n");
    const std::string up = noise(3'000'000, 5);
    const std::string down = noise(3'000'000, 6);
    auto sender = std::async(std::launch::async, [&] {
        visitor.send(up);
        visitor.shutdown_write();
    });
    CHECK((app.read_all() == up));
    sender.get();
    auto answering = std::async(std::launch::async, [&] {
        app.write(down);
        app.finish();
    });
    CHECK((visitor.read_all() == down));
    CHECK_FALSE(visitor.cut());
    answering.get();
    const auto record = edge.records(1)[0];
    CHECK(record.bytes_in == up.size());
    CHECK(record.bytes_out == down.size() + 11);
    CHECK(record.url == listener.url());
}

TEST_CASE("aborts pass through a tcp endpoint in both directions") {
    TestEdge edge;
    auto listener = edge.listen("tcp://");
    NetVisitor visitor = NetVisitor::plain(port_of(listener));
    AppStream app = edge.accept(listener);
    visitor.send("x");
    CHECK(app.read(1) == "x");
    visitor.reset();
    CHECK(app.read_end() == adit::errc::connection_reset);

    NetVisitor other = NetVisitor::plain(port_of(listener));
    AppStream leaving = edge.accept(listener);
    leaving.reset();
    (void)other.read_all();
    CHECK(other.cut());
}

TEST_CASE("the port of a tcp endpoint closes with it, and what is connected goes on") {
    TestEdge edge;
    auto listener = edge.listen("tcp://");
    const std::uint16_t port = port_of(listener);
    NetVisitor visitor = NetVisitor::plain(port);
    AppStream app = edge.accept(listener);
    auto second = edge.listen("tcp://");
    CHECK(port_of(second) != port);
    std::promise<void> closed;
    listener.async_close([&](std::error_code) { closed.set_value(); });
    closed.get_future().get();
    visitor.send("still");
    CHECK(app.read(5) == "still");
    edge.server.disconnect(edge.server.sessions()[0].id);
    (void)visitor.read_all(); // ends with the session
    CHECK(visitor.cut());
}
