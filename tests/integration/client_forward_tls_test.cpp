// TLS between a forwarder and its upstream (S1.3a to S1.3f).
#include "forward_support.hpp"

#include <filesystem>
#include <fstream>
#include <future>
#include <unistd.h>

using adit::Endpoint;
using adit::Upstream;
using adit_test::HttpAnswer;
using adit_test::NetVisitor;
using adit_test::response;
using adit_test::TestCa;
using adit_test::TestEdge;
using adit_test::TestUpstream;

namespace {

/// What the system's roots are while it lives.
class SystemRoots {
public:
    explicit SystemRoots(const std::string& pem)
        : path_(std::filesystem::temp_directory_path() / ("adit-roots-" + std::to_string(::getpid()) + ".pem")) {
        std::ofstream(path_) << pem;
        const char* before = std::getenv("SSL_CERT_FILE");
        if (before != nullptr) before_ = before;
        ::setenv("SSL_CERT_FILE", path_.c_str(), 1);
    }
    SystemRoots(const SystemRoots&) = delete;
    SystemRoots& operator=(const SystemRoots&) = delete;
    ~SystemRoots() {
        if (before_) {
            ::setenv("SSL_CERT_FILE", before_->c_str(), 1);
        } else {
            ::unsetenv("SSL_CERT_FILE");
        }
        std::filesystem::remove(path_);
    }
    std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
    std::optional<std::string> before_;
};

enum class Shown { valid, wrong_name, expired, unknown_ca };
enum class Check { on, off, own_ca };

} // namespace

TEST_CASE("the certificate of an upstream is verified unless the program says otherwise") { // S1.3a, c, f
    const TestCa system;
    const TestCa own; // the one a program names
    const TestCa stranger;
    const SystemRoots roots(system.pem());
    struct Row {
        Shown shown;
        Check check;
        bool passes;
        const char* reason; // part of the page
    };
    const Row rows[] = {
        {Shown::valid, Check::on, true, ""},
        {Shown::valid, Check::off, true, ""},
        {Shown::valid, Check::own_ca, true, ""},
        {Shown::wrong_name, Check::on, false, "another host"},
        {Shown::wrong_name, Check::off, true, ""},
        {Shown::wrong_name, Check::own_ca, false, "another host"},
        {Shown::expired, Check::on, false, "expired"},
        {Shown::expired, Check::off, true, ""},
        {Shown::expired, Check::own_ca, false, "expired"},
        {Shown::unknown_ca, Check::on, false, "trusted root"},
        {Shown::unknown_ca, Check::off, true, ""},
        {Shown::unknown_ca, Check::own_ca, false, "trusted root"},
    };
    TestEdge edge;
    for (const Row& row : rows) {
        CAPTURE(static_cast<int>(row.shown));
        CAPTURE(static_cast<int>(row.check));
        TestUpstream upstream;
        Upstream options(upstream.url("https"));
        if (row.check == Check::off) options.verify(false);
        if (row.check == Check::own_ca) options.roots_pem(own.pem());
        const TestCa& issuer = row.shown == Shown::unknown_ca ? stranger : row.check == Check::own_ca ? own : system;
        const auto context =
            issuer.server(row.shown == Shown::wrong_name ? "other.test" : "127.0.0.1", row.shown == Shown::expired);
        auto forwarder = edge.session.forward(Endpoint("https://a.edge.test"), options);
        NetVisitor visitor = edge.https("a.edge.test");
        visitor.send("GET /secret HTTP/1.1\r\nHost: a.edge.test\r\n\r\n");
        NetVisitor app = upstream.accept();
        const std::string failure = app.accept_tls(context);
        if (row.passes) {
            REQUIRE(failure.empty());
            CHECK(app.alpn().empty());
            CHECK(app.read_until("\r\n\r\n").starts_with("GET /secret "));
            app.send(response("reached"));
            CHECK(visitor.answer().body == "reached");
        } else {
            const HttpAnswer answer = visitor.answer();
            CHECK(answer.status == 502);
            CHECK(answer.field("ngrok-error-code") == "ERR_NGROK_8012");
            CHECK_MESSAGE(answer.body.find(row.reason) != std::string::npos, answer.body);
            CHECK(app.read_all().empty()); // and the application never saw a request
        }
        forwarder.close();
        visitor.close();
        CHECK(forwarder.wait_for(std::chrono::seconds(20)).code() == adit::errc::listener_closed);
    }
}

TEST_CASE("a file of roots, another name to verify, and a client certificate") { // S1.3c
    const TestCa ca;
    const SystemRoots file(ca.pem());
    TestEdge edge;
    TestUpstream upstream;
    const auto shown = ca.client();
    auto options = Upstream(upstream.url("https"))
                       .roots_file(file.path())
                       .server_name("inner.lan")
                       .client_certificate(shown.certificate_pem, shown.key_pem);
    const auto forwarder = edge.session.forward(Endpoint("http://a.edge.test"), options);
    const auto issued = ca.authority().issue_server({"inner.lan"}, std::chrono::floor<std::chrono::seconds>(
                                                                       std::chrono::system_clock::now()));
    REQUIRE(issued);
    const auto identity = adit::tls::Identity::from_pem(issued->certificate_pem, issued->key_pem);
    REQUIRE(identity);
    adit::tls::ServerOptions server;
    std::string asked;
    server.select = [&asked, identity = *identity](std::string_view name) {
        asked = name;
        return identity;
    };
    server.client_auth = adit::tls::ClientAuth::require;
    const auto roots = adit::tls::TrustRoots::from_pem(ca.pem());
    REQUIRE(roots);
    server.client_roots = *roots;
    server.alpn = {"http/1.1"};
    const auto context = adit::tls::ServerContext::create(std::move(server));
    REQUIRE(context);
    NetVisitor visitor = edge.http();
    visitor.send("GET / HTTP/1.1\r\nHost: a.edge.test\r\n\r\n");
    NetVisitor app = upstream.accept();
    CHECK(app.accept_tls(*context).empty());
    CHECK(asked == "inner.lan");
    CHECK(app.alpn() == "http/1.1");
    CHECK_FALSE(app.peer_fingerprint().empty());
    for (int i = 0; i < 3; ++i) { // kept, although TLS 1.3 sends tickets unasked
        CHECK(app.read_until("\r\n\r\n").starts_with("GET"));
        app.send(response(std::to_string(i)));
        CHECK(visitor.answer().body == std::to_string(i));
        visitor.send("GET / HTTP/1.1\r\nHost: a.edge.test\r\n\r\n");
    }
    CHECK(upstream.nothing_comes());
}

TEST_CASE("a TLS upstream that ends its kept connection, or cuts an answer without a length") {
    const TestCa ca;
    TestEdge edge;
    TestUpstream upstream;
    const auto context = ca.server();
    const auto forwarder =
        edge.session.forward(Endpoint("http://a.edge.test"), Upstream(upstream.url("https")).roots_pem(ca.pem()));
    NetVisitor visitor = edge.http();
    visitor.send("GET / HTTP/1.1\r\nHost: a.edge.test\r\n\r\n");
    NetVisitor app = upstream.accept();
    CHECK(app.accept_tls(context).empty());
    app.read_until("\r\n\r\n");
    app.send(response("one"));
    CHECK(visitor.answer().body == "one");
    app.shutdown_write();
    app.close();
    visitor.send("POST / HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: 1\r\n\r\nx");
    NetVisitor fresh = upstream.accept();
    CHECK(fresh.accept_tls(context).empty());
    fresh.read_until("\r\n\r\n");
    fresh.send("HTTP/1.1 200 OK\r\n\r\nhalf of it");
    CHECK(visitor.read_until("half of it").ends_with("half of it"));
    fresh.close(); // no close_notify: somebody may have cut it
    (void)visitor.read_all();
    CHECK(visitor.cut());
}

TEST_CASE("an upstream that does not get on with TLS is given up in time") {
    const TestCa ca;
    TestEdge edge;
    TestUpstream upstream;
    auto options = Upstream(upstream.url("https")).roots_pem(ca.pem()).dial_timeout(std::chrono::milliseconds(100));
    const auto forwarder = edge.session.forward(Endpoint("http://a.edge.test"), options);
    NetVisitor visitor = edge.http();
    const HttpAnswer answer = visitor.get("/", "a.edge.test");
    CHECK(answer.status == 502);
    CHECK(answer.field("ngrok-error-code") == "ERR_NGROK_8012");
    CHECK_MESSAGE(answer.body.find("took too long") != std::string::npos, answer.body);
    CHECK(forwarder.last_error().code() == adit::errc::timed_out);
}
