// TLS that ends in the application: certificates, handshakes that fail, and what is refused.
#include "integration/client_tls_support.hpp"

#include "proto/codec.hpp"

#include <atomic>
#include <thread>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

TEST_CASE("certificates are swapped while connections live: the next handshake shows the new one") {
    World world;
    const TestAuthority next("the next");
    TlsPair before(world);
    const tls::IssuedCertificate leaf = next.server();
    TlsVisitor between = world.visit(world.good());
    between.hello();
    world.tls.certificate(leaf.certificate_pem, leaf.key_pem);
    TlsVisitorOptions options(next.pem());
    TlsPair after(world, options);
    CHECK(after.visitor.engine().peer_certificate()->info.issuer == "CN=the next");
    CHECK(before.visitor.engine().peer_certificate()->info.issuer == "CN=the application's");
    for (TlsPair* pair : {&before, &after}) {
        pair->visitor.write("ping");
        CHECK(read_exactly(pair->connection, 4) == "ping");
    }
    // One that cannot be used changes nothing.
    ErrorInfo error;
    world.tls.certificate(leaf.certificate_pem, world.authority.server().key_pem, error);
    CHECK(error.code() == errc::invalid_option);
    TlsPair again(world, options);

    // From any thread, while handshakes run.
    std::atomic<bool> stop = false;
    std::thread swaps([&] {
        const tls::IssuedCertificate leaves[] = {world.authority.server(), next.server()};
        for (int i = 0; !stop; ++i) world.tls.certificate(leaves[i % 2].certificate_pem, leaves[i % 2].key_pem);
    });
    TlsVisitorOptions either(next.pem() + world.authority.pem());
    for (int i = 0; i < 50; ++i) TlsPair pair(world, either);
    stop = true;
    swaps.join();
}

TEST_CASE("several certificates by server name, ALPN without overlap, and no name at all") {
    World world;
    const tls::IssuedCertificate wild = world.authority.server("*.wild.example.com");
    world.tls.add_certificate(wild.certificate_pem, wild.key_pem).alpn({"h2"});
    TlsVisitorOptions options = world.good();
    options.host = "a.wild.example.com";
    {
        TlsPair pair(world, options);
        CHECK(pair.connection.server_name() == "a.wild.example.com");
        CHECK(pair.connection.alpn_protocol().empty()); // nothing was offered
    }
    (void)world.closed.wait();
    options.alpn = {"http/1.1"};
    TlsVisitor other = world.visit(options);
    CHECK(has(other.handshake(), "no_application_protocol"));
    CHECK(world.closed.wait().reason().code() == errc::tls_handshake_failed);
    options.alpn.clear();
    world.tls.remove_certificate("*.wild.example.com");
    TlsVisitor removed = world.visit(options);
    CHECK(has(removed.handshake(), "is not for a.wild.example.com")); // the default answers now
    const Event closed = world.closed.wait();
    CHECK(has(closed.reason().message(), "the client refuses our certificate"));
    CHECK(has(closed.reason().detail(), "alert"));
    options = world.good();
    options.host = "192.0.2.1"; // sends no name
    TlsVisitor unnamed = world.visit(options);
    CHECK(has(unnamed.handshake(), "is not for 192.0.2.1"));
    CHECK(world.nothing_waits());
}

TEST_CASE("client certificates: required, optional, absent, of another CA, expired") {
    World world;
    const TestAuthority clients("clients"), others("others");
    using Dates = TestAuthority::Dates;
    class Row {
    public:
        const char* what;
        ClientCertificate need;
        std::optional<tls::IssuedCertificate> shown;
        std::error_code code;
        const char* alert;
    };
    const Row rows[] = {
        {"required, shown", ClientCertificate::required, clients.client("alice"), {}, ""},
        {"required, absent", ClientCertificate::required, {}, errc::tls_handshake_failed, "certificate_required"},
        {"required, another CA", ClientCertificate::required, others.client("mallory"), errc::certificate_untrusted,
         "unknown_ca"},
        {"required, expired", ClientCertificate::required, clients.client("old", Dates::expired),
         errc::certificate_expired, "certificate_expired"},
        {"required, not yet", ClientCertificate::required, clients.client("new", Dates::not_yet),
         errc::certificate_expired, "certificate"},
        {"required, one for servers", ClientCertificate::required, clients.server("alice"),
         errc::certificate_untrusted, "unsupported_certificate"},
        {"optional, absent", ClientCertificate::optional, {}, {}, ""},
        {"optional, shown", ClientCertificate::optional, clients.client("alice"), {}, ""},
        {"optional, another CA", ClientCertificate::optional, others.client("mallory"), errc::certificate_untrusted,
         "unknown_ca"},
    };
    for (const Row& row : rows) {
        for (const tls::Version version : {tls::Version::tls12, tls::Version::tls13}) {
            CAPTURE(row.what);
            CAPTURE(static_cast<int>(version));
            world.tls.client_ca(clients.pem(), row.need);
            TlsVisitorOptions options = world.good();
            options.certificate = row.shown;
            options.max_version = version;
            TlsVisitor visitor = world.visit(options);
            std::string end = visitor.handshake();
            if (!row.code) {
                CHECK(end.empty());
                Connection connection = world.accept();
                const PeerCertificate shown = connection.peer_certificate();
                CHECK(static_cast<bool>(shown) == row.shown.has_value());
                if (row.shown) {
                    CHECK(shown.verified());
                    CHECK(shown.subject() == "CN=alice");
                    CHECK(shown.issuer() == "CN=clients");
                    CHECK(shown.chain_pem() == row.shown->certificate_pem);
                    CHECK(shown.fingerprint().size() == 64);
                    CHECK(shown.not_after() > std::chrono::system_clock::now());
                }
                connection.close();
                CHECK_FALSE(world.closed.wait().reason());
                continue;
            }
            if (end.empty()) end = visitor.read_end(); // in TLS 1.3 a client is done before its certificate is judged
            const bool told = has(end, row.alert) || (version == tls::Version::tls12 && has(end, "handshake_failure"));
            CHECK_MESSAGE(told, end);
            const Event closed = world.closed.wait();
            CHECK_MESSAGE(closed.reason().code() == row.code, closed.to_string());
            CHECK(closed.remote_address() == "203.0.113.7:54321");
            CHECK(world.nothing_waits());
        }
    }
    // A CA that is changed counts from the next handshake on.
    world.tls.client_ca(others.pem());
    TlsVisitorOptions options = world.good();
    options.certificate = others.client("bob");
    TlsPair pair(world, options);
    CHECK(pair.connection.peer_certificate().subject() == "CN=bob");
}

TEST_CASE("garbage, silence and half handshakes harm nobody else, and are events") {
    World world;
    Visitor garbage = world.edge.visit(world.listener.id(), "tls", true);
    garbage.write("GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n");
    garbage.finish();
    CHECK(world.closed.wait().reason().code() == errc::tls_handshake_failed);
    CHECK(garbage.read_all().empty()); // to what is not TLS nothing is said
    Visitor broken = world.edge.visit(world.listener.id(), "tls", true);
    broken.write(std::string("\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03", 11));
    CHECK(world.closed.wait().reason().code() == errc::tls_handshake_failed);
    broken.finish();
    CHECK(broken.read_all() == std::string("\x15\x03\x01\x00\x02\x02\x32", 7)); // decode_error

    TlsVisitor half = world.visit(world.good());
    half.hello();
    Visitor silent = world.edge.visit(world.listener.id(), "tls", true);
    { TlsPair quick(world); }
    CHECK_FALSE(world.closed.wait().reason());

    half.cut();
    const Event cut = world.closed.wait();
    CHECK(cut.reason().code() == errc::tls_handshake_failed);
    CHECK(has(cut.reason().message(), "closed in the TLS handshake"));

    TlsVisitor gone = world.visit(world.good());
    gone.hello();
    world.closed.wait_opened(6);
    gone.raw().reset();
    CHECK(world.closed.wait().reason().code() == errc::connection_reset);

    // Those that are under way end with the listener.
    TlsVisitor late = world.visit(world.good());
    late.hello();
    world.closed.wait_opened(7);
    world.listener.close();
    CHECK(world.closed.wait().reason());
    CHECK(world.closed.wait().reason());
    CHECK(silent.read_end() == errc::connection_reset);
    CHECK(late.read_end() == "truncated");
}

TEST_CASE("a handshake that takes too long is given up, however much of it came") {
    for (const int proxy_protocol : {0, 1}) {
        CAPTURE(proxy_protocol);
        World world(proxy_protocol, 100ms);
        Visitor silent = world.edge.visit(world.listener.id(), "tls", true);
        CHECK(silent.read_end() == errc::connection_reset);
        const Event closed = world.closed.wait();
        CHECK_MESSAGE(closed.reason().code() == errc::timed_out, closed.to_string());
        CHECK(closed.duration() >= 100ms);
        TlsVisitor half = world.visit(world.good());
        if (proxy_protocol != 0) half.raw().write("PROXY UNKNOWN\r\n");
        half.hello();
        CHECK(half.read_end() == "truncated");
        CHECK(world.closed.wait().reason().code() == errc::timed_out);
        CHECK(world.nothing_waits());
    }
}

TEST_CASE("a client that sends a handshake without end is cut off") {
    World world;
    world.tls.client_ca(world.authority.pem());
    Visitor endless = world.edge.visit(world.listener.id(), "tls", true);
    // A ClientHello that claims 16 MiB, and warnings and the like behind it, are BoringSSL's to refuse.
    std::string record("\x16\x03\x01\x40\x00\x01\xff\xff\xff", 9);
    record.resize(5 + 16'384, 'x');
    for (int i = 0; i < 3; ++i) endless.write(record);
    CHECK(world.closed.wait().reason());
    endless.reset();
    TlsVisitorOptions options = world.good();
    options.certificate = world.authority.client("alice");
    TlsPair pair(world, options);
}

TEST_CASE("200 handshakes at once; beyond the bound one is refused alone") {
    World world;
    std::vector<TlsVisitor> visitors;
    for (int i = 0; i < 200; ++i) {
        visitors.push_back(world.visit(world.good()));
        visitors.back().hello();
    }
    std::thread application([&] {
        for (int i = 0; i < 200; ++i) {
            Connection connection = world.accept();
            write_all(connection, read_exactly(connection, 4));
        }
    });
    for (TlsVisitor& visitor : visitors) {
        CHECK(visitor.handshake().empty());
        visitor.write("ping");
    }
    for (TlsVisitor& visitor : visitors) CHECK(visitor.read_all() == "ping");
    application.join();
    for (int i = 0; i < 200; ++i) CHECK_FALSE(world.closed.wait().reason());

    std::vector<Visitor> silent;
    for (std::size_t i = 0; i < limits::tls_handshakes_pending; ++i)
        silent.push_back(world.edge.visit(world.listener.id(), "tls", true));
    world.closed.wait_opened(200 + limits::tls_handshakes_pending);
    Visitor refused = world.edge.visit(world.listener.id(), "tls", true);
    CHECK(refused.read_end() == errc::connection_reset);
    CHECK(world.closed.wait().reason().code() == errc::limit_exceeded);
    silent.back().reset();
    (void)world.closed.wait();
    TlsPair pair(world);
}

TEST_CASE("a link that is lost in a handshake ends it, and the listener lives on") {
    World world;
    TlsVisitor visitor = world.visit(world.good());
    visitor.hello();
    world.closed.wait_opened(1);
    world.edge.drop();
    CHECK(world.closed.wait().reason().code() == errc::session_lost);
    world.edge.wait_request(RequestType::bind, 2);
    TlsPair pair(world);
    pair.visitor.write("ping");
    CHECK(read_exactly(pair.connection, 4) == "ping");
}

TEST_CASE("the PROXY protocol header comes before TLS, and before the plain bytes") {
    World world(1);
    const std::string header = "PROXY TCP4 203.0.113.7 198.51.100.1 54321 443\r\n";
    SUBCASE("there") {
        Visitor raw = world.edge.visit(world.listener.id(), "tls", true);
        raw.write(header);
        TlsVisitor visitor(raw, world.good());
        CHECK(visitor.handshake().empty());
        Connection connection = world.accept();
        visitor.write("ping");
        CHECK(read_exactly(connection, header.size() + 4) == header + "ping");
    }
    SUBCASE("missing") {
        TlsVisitor visitor = world.visit(world.good());
        visitor.hello();
        CHECK(world.closed.wait().reason());
        CHECK(world.nothing_waits());
    }
}

TEST_CASE("what cannot work is refused by name, before anything is sent") {
    World world;
    const std::size_t binds = world.edge.requests(RequestType::bind).size();
    const tls::IssuedCertificate leaf = world.authority.server();
    const auto refused = [&](const Endpoint& endpoint) {
        ErrorInfo error;
        const Listener listener = world.session.listen(endpoint, error);
        CHECK(error.code() == errc::invalid_option);
        CHECK_MESSAGE(error.message().starts_with("agent_tls_termination: "), error.message());
        return error.message();
    };
    CHECK(has(refused(Endpoint("https://a.example.com").agent_tls_termination(world.tls)), "only tls endpoints"));
    CHECK(has(refused(Endpoint("tcp://").agent_tls_termination(world.tls)), "only tls endpoints"));
    CHECK(has(refused(Endpoint::labeled("a", "b").agent_tls_termination(world.tls)), "labelled"));
    CHECK(has(refused(Endpoint("tls://").agent_tls_termination(world.tls).tls_termination()), "not in both"));
    CHECK(has(refused(Endpoint("tls://").agent_tls_termination(world.tls).mutual_tls_ca(world.authority.pem())), "client_ca"));
    CHECK(has(refused(Endpoint("tls://").agent_tls_termination(TlsServer())), "no certificate"));
    CHECK(world.edge.requests(RequestType::bind).size() == binds);

    const auto thrown = [](auto&& call) {
        try {
            call();
        } catch (const SystemError& error) {
            CHECK(error.code() == errc::invalid_option);
            return error.info().message();
        }
        return std::string("nothing was thrown");
    };
    TlsServer server;
    CHECK(has(thrown([&] { server.certificate("nonsense", leaf.key_pem); }), "certificate: no \"-----BEGIN CERT"));
    CHECK(has(thrown([&] { server.certificate(leaf.certificate_pem, ""); }), "certificate: private key: no "));
    CHECK(has(thrown([&] { server.certificate(leaf.certificate_pem, world.authority.server().key_pem); }),
              "certificate: the private key does not belong"));
    CHECK(has(thrown([&] { TlsServer(leaf.certificate_pem, "x"); }), "certificate: private key"));
    CHECK(has(thrown([&] { server.add_certificate("", ""); }), "add_certificate: "));
    CHECK(has(thrown([&] { server.client_ca(""); }), "client_ca: trusted roots: no \"-----BEGIN CERT"));
    CHECK(has(thrown([&] { server.client_ca(leaf.key_pem); }), "client_ca: "));
    CHECK(has(thrown([&] { server.alpn({""}); }), "alpn: a protocol name"));
    CHECK(has(thrown([&] { server.alpn({"ok", std::string(256, 'x')}); }), "alpn: "));
}

TEST_CASE("an edge that would end TLS itself is refused") {
    World world;
    world.edge.answer_with([&](const SeenRequest& request) -> std::optional<std::string> {
        std::string answer = world.edge.default_answer(request);
        if (request.type != static_cast<std::uint32_t>(RequestType::bind)) return answer;
        auto bind = decode_bind_request(request.json);
        std::get<TlsOpts>(bind->opts).tls_termination.emplace();
        return encode(BindResponse(*bind, "tn_77", "tls://x.example.com", "tok_77"));
    });
    ErrorInfo error;
    (void)world.session.listen(Endpoint("tls://x.example.com").agent_tls_termination(world.tls), error);
    CHECK(error.code() == errc::protocol_error);
    CHECK(has(error.message(), "does not pass TLS through"));
    world.edge.wait_request(RequestType::unbind);
}
