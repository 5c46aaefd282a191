// Where TLS ends, and what a handshake is like (behaviour S6), with openssl and curl as visitors of a whole edge.
#include "edge_visitor_support.hpp"
#include "forward_support.hpp"
#include "tls_terms_support.hpp"

#include "tls/engine.hpp"
#include "tls/identity.hpp"

#include <adit/limits.hpp>

#include <chrono>
#include <future>
#include <vector>

using namespace adit_test;
using namespace std::chrono_literals;

namespace {

std::string fingerprint(std::string_view pem) { return adit::tls::read_certificate(pem)->fingerprint; }

/// Of the certificate that s_client printed.
std::string shown(const std::string& output) {
    const std::size_t begin = output.find("-----BEGIN CERTIFICATE-----");
    REQUIRE_MESSAGE(begin != output.npos, output);
    return fingerprint(std::string_view(output).substr(begin));
}

/// Answers one visitor of the endpoint with a line, in the clear.
std::future<std::string> answer_plain(TestEdge& edge, adit::Listener& listener) {
    return std::async(std::launch::async, [&] {
        AppStream app = edge.accept(listener);
        std::string line = app.read_until("\n");
        app.write("plain: " + line);
        app.finish();
        return line;
    });
}

/// Ends TLS on one connection of an upstream and echoes a line.
std::future<void> answer_tls(TestUpstream& upstream, const std::shared_ptr<const adit::tls::ServerContext>& context) {
    return std::async(std::launch::async, [&upstream, context] {
        NetVisitor edge_side = upstream.accept();
        REQUIRE(edge_side.accept_tls(context) == "");
        edge_side.send("echo: " + edge_side.read_until("\n"));
        edge_side.close();
    });
}

class OwnCertificate {
public:
    explicit OwnCertificate(const std::string& name) : ca("application"), issued(ca.server({name})) {}
    Authority ca;
    adit::tls::IssuedCertificate issued;
    std::shared_ptr<const adit::tls::ServerContext> context() const {
        adit::tls::ServerOptions options;
        options.select = [identity = *adit::tls::Identity::from_pem(issued.certificate_pem, issued.key_pem)](
                             std::string_view) { return identity; };
        return *adit::tls::ServerContext::create(options);
    }
};

} // namespace

TEST_CASE("S6.1a: who ends TLS depends on the type and what was asked for; the certificate tells") {
    TestEdge edge;
    const ToolVisitor tool;
    const OwnCertificate own("own.edge.test");
    const std::string ca = " -verify_return_error -CAfile " + tool.file("ca.pem", edge.server.ca_pem());

    auto http = edge.listen("http://plain.edge.test"); // none
    NetVisitor plain = edge.http();
    plain.send("GET / HTTP/1.1\r\nHost: plain.edge.test\r\n\r\n");
    AppStream app = edge.accept(http);
    CHECK(app.read_head().find("X-Forwarded-Proto: http\r\n") != std::string::npos);
    app.answer("plain");
    CHECK(plain.answer().body == "plain");

    auto https = edge.listen("https://web.edge.test"); // the edge
    auto served = std::async(std::launch::async, [&] {
        AppStream stream = edge.accept(https);
        stream.read_head();
        stream.answer("from the application");
    });
    std::string output = tool.s_client(edge.server.https_port(), "-servername web.edge.test" + ca,
                                       "GET / HTTP/1.1\r\nHost: web.edge.test\r\nConnection: close\r\n\r\n");
    served.get();
    CHECK(said(output, "Verify return code: 0 (ok)"));
    CHECK(said(output, "from the application"));

    for (const bool lent : {true, false}) { // tls with termination: the edge, with its certificate or the endpoint's
        adit::Endpoint endpoint("tls://ended.edge.test");
        if (lent) {
            endpoint.tls_termination();
        } else {
            endpoint.tls_termination(own.issued.certificate_pem, own.issued.key_pem);
        }
        auto ended = edge.session.listen(endpoint);
        auto line = answer_plain(edge, ended);
        output = tool.s_client(edge.server.https_port(), "-servername ended.edge.test", "hello\n");
        CHECK(line.get() == "hello\n"); // the application got plain bytes
        CHECK(said(output, "plain: hello"));
        CHECK((shown(output) == fingerprint(own.issued.certificate_pem)) == !lent);
        ended.close();
    }

    for (const std::string url : {"tls://own.edge.test", "tcp://"}) { // passed through
        TestUpstream upstream;
        auto through = edge.session.forward(adit::Endpoint(url), adit::Upstream(upstream.url("tcp")));
        auto echoed = answer_tls(upstream, own.context());
        const std::uint16_t port = url == "tcp://" ? port_of(through) : edge.server.https_port();
        output = tool.s_client(
            port, "-servername own.edge.test -verify_return_error -CAfile " + tool.file("own.pem", own.ca.pem()),
            "hello\n");
        echoed.get();
        CHECK(shown(output) == fingerprint(own.issued.certificate_pem));
        CHECK(said(output, "echo: hello"));
    }
}

TEST_CASE("S6.1a: a tcp endpoint ends TLS at the edge as well, where that was asked for") {
    TermsEdge edge;
    const auto endpoint = edge.serve("tcp://");
    const ToolVisitor tool;
    const std::string output =
        tool.s_client(*endpoint->url.port(),
                      "-servername edge.test -verify_return_error -CAfile " + tool.file("ca.pem", edge.ca_pem()));
    CHECK(said(output, "Verify return code: 0 (ok)"));
    const std::string http = tool.run("curl -s -m 20 http://127.0.0.1:" + std::to_string(*endpoint->url.port()) + "/");
    CHECK(said(http, "This port speaks TLS"));
}

TEST_CASE("S6.1b: the certificate is that of the name, else the default; an endpoint's own comes before both") {
    const Authority ca("public");
    const std::vector<std::string> base_names = {"*.edge.test", "127.0.0.1"}; // the agent's too
    const auto base = ca.server(base_names), shop = ca.server({"shop.example.org"}),
               wild = ca.server({"*.example.net"});
    TestEdge edge(
        [&](adit::edge::ServerOptions& options) {
            options.certificate(base.certificate_pem, base.key_pem);
            options.add_certificate(shop.certificate_pem, shop.key_pem)
                .add_certificate(wild.certificate_pem, wild.key_pem);
            options.allow_domain("*.example.org").allow_domain("*.example.net");
        },
        ca.pem());
    const ToolVisitor tool;
    const auto probe = [&](const std::string& name) {
        return shown(tool.s_client(edge.server.https_port(), name, "\n"));
    };
    const std::string fallback = probe("-noservername");
    CHECK(fallback == fingerprint(base.certificate_pem));
    CHECK(probe("-servername a.edge.test") == fallback);
    CHECK(probe("-servername nobody.example.com") == fallback);
    CHECK(probe("-servername shop.example.org") == fingerprint(shop.certificate_pem));
    CHECK(probe("-servername SHOP.example.org") == fingerprint(shop.certificate_pem));
    CHECK(probe("-servername a.example.net") == fingerprint(wild.certificate_pem));
    CHECK(probe("-servername a.b.example.net") == fallback); // a wildcard stands for one label
    const OwnCertificate own("mine.example.org");
    auto endpoint = edge.session.listen(
        adit::Endpoint("tls://shop.example.org").tls_termination(own.issued.certificate_pem, own.issued.key_pem));
    auto line = answer_plain(edge, endpoint);
    const std::string output = tool.s_client(edge.server.https_port(), "-servername shop.example.org", "hello\n");
    line.get();
    CHECK(shown(output) == fingerprint(own.issued.certificate_pem));
    endpoint.close();

    // All of them are swapped at once while it runs; what is refused changes nothing.
    const auto next = ca.server(base_names), next_shop = ca.server({"shop.example.org"});
    const auto expired = ca.server({"shop.example.org"}, -400 * 24h);
    const auto reload = [&](const adit::tls::IssuedCertificate& a, const adit::tls::IssuedCertificate& b) {
        return edge.server.reload_certificates({{a.certificate_pem, a.key_pem}, {b.certificate_pem, b.key_pem}});
    };
    const adit::ErrorInfo refused = reload(next, expired);
    CHECK(refused.code() == adit::errc::invalid_option);
    CHECK(refused.detail() == "add_certificate");
    CHECK(said(refused.message(), "of certificate 2: certificate 1 (CN=shop.example.org) expired at"));
    CHECK(edge.server.reload_certificates({}).code() == adit::errc::invalid_option);
    CHECK(probe("-servername shop.example.org") == fingerprint(shop.certificate_pem));
    REQUIRE_FALSE(reload(next, next_shop));
    CHECK(probe("-servername shop.example.org") == fingerprint(next_shop.certificate_pem));
    CHECK(probe("-servername a.edge.test") == fingerprint(next.certificate_pem));
    CHECK(probe("-servername a.example.net") == fingerprint(next.certificate_pem)); // its own is gone
}

TEST_CASE("S6.1c: the agent ends TLS: its certificate is shown, and the application knows the handshake") {
    TestEdge edge;
    const OwnCertificate own("agent.edge.test");
    adit::TlsServer tls(own.issued.certificate_pem, own.issued.key_pem);
    auto listener = edge.session.listen(adit::Endpoint("tls://agent.edge.test").agent_tls_termination(tls));
    auto line = std::async(std::launch::async, [&] {
        AppStream app = edge.accept(listener);
        const std::string text = app.read_until("\n");
        CHECK(app.connection().tls_version() == "TLSv1.3");
        app.write("agent: " + text);
        app.finish();
        return text;
    });
    const ToolVisitor tool;
    const std::string output = tool.s_client(
        edge.server.https_port(),
        "-servername agent.edge.test -verify_return_error -CAfile " + tool.file("ca.pem", own.ca.pem()), "hello\n");
    CHECK(line.get() == "hello\n");
    CHECK(shown(output) == fingerprint(own.issued.certificate_pem));
    CHECK(said(output, "agent: hello"));
}

TEST_CASE("S6.1d: the upstream ends TLS: raw bytes go through edge and agent") {
    TestEdge edge;
    const OwnCertificate own("up.edge.test");
    TestUpstream upstream;
    auto forwarder = edge.session.forward(adit::Endpoint("tls://up.edge.test"), adit::Upstream(upstream.url("tcp")));
    auto echoed = answer_tls(upstream, own.context());
    const ToolVisitor tool;
    const std::string output = tool.s_client(edge.server.https_port(), "-servername up.edge.test", "hello\n");
    echoed.get();
    CHECK(shown(output) == fingerprint(own.issued.certificate_pem));
    CHECK(said(output, "echo: hello"));
}

TEST_CASE("S6.1f: TLS 1.3 by preference, 1.2 at least, and what HTTPS is spoken over by ALPN") {
    TestEdge edge;
    auto raw = edge.session.listen(adit::Endpoint("tls://raw.edge.test").tls_termination());
    const ToolVisitor tool;
    const auto probe = [&](const std::string& more) { return tool.s_client(edge.server.https_port(), more, "\n\n"); };
    CHECK(said(probe("-servername web.edge.test"), "New, TLSv1.3"));
    CHECK(said(probe("-servername web.edge.test -tls1_2"), "New, TLSv1.2"));
    // The distribution's openssl speaks 1.1 only when it is told to take weak things.
    for (const char* old : {"-tls1_1", "-tls1"})
        CHECK(said(probe(std::string("-servername web.edge.test -cipher ALL:@SECLEVEL=0 ") + old),
                   "SSL alert number 70"));
    CHECK(said(probe("-servername web.edge.test -alpn http/1.1,spdy/3"), "ALPN protocol: http/1.1"));
    CHECK(said(probe("-servername web.edge.test"), "No ALPN negotiated"));
    CHECK(said(probe("-servername web.edge.test -alpn smtp,ftp"), "SSL alert number 120")); // RFC 7301 3.2
    auto line = answer_plain(edge, raw);
    CHECK(said(tool.s_client(edge.server.https_port(), "-servername raw.edge.test -alpn h2,http/1.1", "hello\n"),
               "No ALPN negotiated"));
    line.get();
    // Nothing weak is agreed on, whatever is offered.
    for (const char* weak :
         {"AES128-SHA", "AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256", "AES256-SHA256"})
        CHECK(said(probe(std::string("-servername web.edge.test -tls1_2 -cipher ") + weak + ":@SECLEVEL=0"),
                   "SSL alert number 40"));
}

TEST_CASE("S6.1f: a slow ClientHello and a slow handshake are cut in their time") {
    TestEdge hasty([](adit::edge::ServerOptions& options) { options.client_hello_time(300ms); });
    // A ClientHello in pieces, each in time by itself: the time is that of all of it.
    const auto begin = std::chrono::steady_clock::now();
    NetVisitor slow = NetVisitor::plain(hasty.server.https_port());
    slow.send(std::string("\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03", 11));
    for (int i = 0; i < 60 && !slow.readable_within(50ms); ++i) (void)slow.send_some_now("x");
    CHECK(slow.ended());
    const auto hello = std::chrono::steady_clock::now() - begin;
    CHECK(hello >= 300ms);
    CHECK(hello < 2'500ms);
    TestEdge edge([](adit::edge::ServerOptions& options) { options.tls_handshake_time(700ms); });
    auto listener = edge.listen("https://web.edge.test");
    // Half of the handshake: the ClientHello of a client that goes away then.
    adit::tls::ClientOptions options;
    options.verify = false;
    auto engine = adit::tls::Engine::client(*adit::tls::ClientContext::create(options), "web.edge.test");
    REQUIRE(engine);
    (void)engine->handshake();
    NetVisitor half = NetVisitor::plain(edge.server.https_port());
    const auto second = std::chrono::steady_clock::now();
    half.send(adit::as_text(engine->output()));
    (void)half.read_all(); // the server's flight, and the end
    const auto handshake = std::chrono::steady_clock::now() - second;
    CHECK(handshake >= 700ms);
    CHECK(handshake < 5s);
    // Others were served meanwhile.
    NetVisitor quick = edge.https("web.edge.test");
    quick.send("GET / HTTP/1.1\r\nHost: web.edge.test\r\n\r\n");
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("quick");
    CHECK(quick.answer().body == "quick");
}

TEST_CASE("S6.1f: the times are 3 s and 10 s unless others are given") {
    const auto settings = adit::edge::Settings::parse(adit::edge::ServerOptions().data());
    REQUIRE(settings);
    CHECK(settings->client_hello_time == 3s);
    CHECK(settings->tls_handshake_time == 10s);
}

TEST_CASE("S8.1c: the application learns who came, and nobody can say it in his place") {
    TestEdge edge;
    const Authority ours("ours");
    const auto issued = ours.client("robot 7");
    auto listener = edge.session.listen(adit::Endpoint("https://closed.edge.test").mutual_tls_ca(ours.pem()));
    auto open = edge.listen("https://open.edge.test");
    const ToolVisitor tool;
    const std::string common =
        "curl -s -m 20 --cacert " + tool.file("ca.pem", edge.server.ca_pem()) +
        " --resolve '*:" + std::to_string(edge.server.https_port()) + ":127.0.0.1' --cert " +
        tool.file("good.pem", issued.certificate_pem + issued.key_pem) +
        " -H 'Client-Cert: :Zm9yZ2Vk:' -H 'Client_Cert: :Zm9yZ2Vk:' -H 'client-cert-chain: :Zm9yZ2Vk:'"
        " -H 'ngrok-mtls-subject-cn: root' -H 'Connection: client-cert' ";
    const auto head_of = [&](adit::Listener& at, const std::string& name) {
        auto head = std::async(std::launch::async, [&] {
            AppStream app = edge.accept(at);
            std::string text = app.read_head();
            app.answer("welcome");
            return text;
        });
        const std::string port = std::to_string(edge.server.https_port());
        CHECK(tool.run(common + "https://" + name + ":" + port + "/") == "welcome");
        return head.get();
    };
    const std::string head = head_of(listener, "closed.edge.test");
    CAPTURE(head);
    std::string base64; // the body of the PEM block
    for (const char c : issued.certificate_pem.substr(28, issued.certificate_pem.find("-----END") - 28)) {
        if (c != '\n') base64 += c;
    }
    CHECK(said(head, "\r\nClient-Cert: :" + base64 + ":\r\n"));
    CHECK(said(head, "\r\nngrok-mtls-subject-cn: robot 7\r\n"));
    CHECK(said(head, "\r\nngrok-mtls-serial-number: " + adit::tls::read_certificate(issued.certificate_pem)->serial +
                         "\r\n"));
    CHECK_FALSE(said(head, "Zm9yZ2Vk"));
    CHECK_FALSE(said(head, "root"));
    const std::string bare = head_of(open, "open.edge.test"); // which did not ask
    CHECK_FALSE(said(bare, "Client-Cert"));
    CHECK_FALSE(said(bare, "ngrok-mtls"));
    CHECK_FALSE(said(bare, "Zm9yZ2Vk"));
    const std::string refused = tool.s_client(edge.server.https_port(), "-servername closed.edge.test", "\n");
    CHECK(said(refused, "SSL alert number 116"));
}

TEST_CASE("S8.1d: an agent that ends TLS refuses the clients of a foreign authority") {
    TestEdge edge;
    const OwnCertificate own("agent.edge.test");
    const Authority ours("ours"), theirs("theirs");
    adit::TlsServer tls(own.issued.certificate_pem, own.issued.key_pem);
    tls.client_ca(ours.pem(), adit::ClientCertificate::required);
    auto listener = edge.session.listen(adit::Endpoint("tls://agent.edge.test").agent_tls_termination(tls));
    const ToolVisitor tool;
    const auto visit = [&](const std::string& more) {
        return tool.s_client(edge.server.https_port(), "-servername agent.edge.test" + more, "hello\n");
    };
    const auto good = ours.client("robot 7"), foreign = theirs.client("robot 7");
    for (const std::string version : {" -tls1_2", " -tls1_3"}) {
        CHECK(said(visit(version), version == " -tls1_2" ? "SSL alert number 40" : "SSL alert number 116"));
        CHECK(said(visit(version + " -cert " + tool.file("foreign.pem", foreign.certificate_pem + foreign.key_pem)),
                   "SSL alert number 48"));
        CHECK(edge.nothing_comes(listener));
        auto line = answer_plain(edge, listener);
        CHECK(said(visit(version + " -cert " + tool.file("good.pem", good.certificate_pem + good.key_pem)),
                   "plain: hello"));
        line.get();
    }
}

TEST_CASE("agents and visitors share the HTTPS port, told apart by the server name") {
    TestEdge edge([](adit::edge::ServerOptions& options) { options.agent_server_name("connect.edge.test"); });
    const ToolVisitor tool;
    // An agent there: a session of the SDK that dials the HTTPS port under that name.
    adit::SessionOptions options;
    const std::uint16_t https = edge.server.https_port();
    options.server("127.0.0.1:" + std::to_string(https)).server_name("connect.edge.test");
    options.roots_pem(edge.server.ca_pem()).authtoken("visitor-token");
    adit::Session session = adit::Session::connect(options);
    auto listener = session.listen(adit::Endpoint("https://shared.edge.test"));
    NetVisitor visitor = edge.https("shared.edge.test");
    visitor.send("GET / HTTP/1.1\r\nHost: shared.edge.test\r\n\r\n");
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("one port");
    CHECK(visitor.answer().body == "one port");
    // The name is the agents': no endpoint can have it, and a visitor's Host does not lead there.
    std::error_code ec;
    (void)edge.session.listen(adit::Endpoint("https://connect.edge.test"), ec);
    CHECK(ec == adit::ngrok_error(319));
    NetVisitor curious = edge.https("nobody.edge.test");
    CHECK(curious.get("/", "connect.edge.test").status == 404);
    // Who speaks HTTP there is an agent that makes no sense, and is bounded like one.
    const std::string output =
        tool.s_client(https, "-servername connect.edge.test -alpn http/1.1", "GET / HTTP/1.1\r\n\r\n");
    CHECK(said(output, "New, TLSv1.3"));
    CHECK_FALSE(said(output, "HTTP/1."));
}

TEST_CASE("agents on the HTTPS port are bounded like those on their own, and visitors do not notice") {
    TestEdge edge([](adit::edge::ServerOptions& options) { options.agent_server_name("connect.edge.test"); });
    auto listener = edge.listen("https://web.edge.test");
    const std::uint16_t https = edge.server.https_port();
    const TlsOptions as_agent("connect.edge.test", edge.server.ca_pem());
    std::vector<NetVisitor> silent;
    while (silent.size() < adit::limits::preauth_per_address) silent.push_back(NetVisitor::tls(https, as_agent));
    CHECK(NetVisitor::tls_failure(https, as_agent) != ""); // one address has its share
    NetVisitor visitor = edge.https("web.edge.test");
    visitor.send("GET / HTTP/1.1\r\nHost: web.edge.test\r\n\r\n");
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("here");
    CHECK(visitor.answer().body == "here");
    silent.clear();
    // The places are free again once the edge has seen them go.
    for (int i = 0; i < 2'000 && !NetVisitor::tls_failure(https, as_agent).empty(); ++i) {
    }
    CHECK(NetVisitor::tls_failure(https, as_agent) == "");
}

TEST_CASE("an agent on the HTTPS port that does not authenticate is cut in its time") {
    TestEdge edge(
        [](adit::edge::ServerOptions& options) { options.agent_server_name("connect.edge.test").auth_time(400ms); });
    NetVisitor silent =
        NetVisitor::tls(edge.server.https_port(), TlsOptions("connect.edge.test", edge.server.ca_pem()));
    const auto begin = std::chrono::steady_clock::now();
    (void)silent.read_all(); // to the end
    CHECK(std::chrono::steady_clock::now() - begin < 10s);
}
