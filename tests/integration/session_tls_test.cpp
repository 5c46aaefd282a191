// TLS that ends in the application, behind a real edge: SNI leads visitors there, and the edge cannot read them.
#include "edge_visitor_support.hpp"

#include "forward_support.hpp"
#include "tls/engine.hpp"

#include <asio/write.hpp>

#include <array>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>

#include <unistd.h>

using namespace adit_test;
using namespace std::chrono_literals;

namespace {

class Application {
public:
    explicit Application(TestEdge& edge, int proxy_protocol = 0)
        : certificate(*ca.authority().issue_server({"app.edge.test"}, now())),
          tls(certificate.certificate_pem, certificate.key_pem),
          listener(edge.session.listen(endpoint().proxy_protocol(proxy_protocol))) {}

    adit::Endpoint endpoint(std::string_view url = "tls://app.edge.test") const {
        return adit::Endpoint(url).agent_tls_termination(tls).backlog(256);
    }
    static std::chrono::sys_seconds now() {
        return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    }
    std::string fingerprint() const { return adit::tls::read_certificate(certificate.certificate_pem)->fingerprint; }
    NetVisitor visit(const TestEdge& edge) const {
        return NetVisitor::tls(edge.server.https_port(), TlsOptions("app.edge.test", ca.pem()));
    }

    TestCa ca;
    adit::tls::IssuedCertificate certificate;
    adit::TlsServer tls;
    adit::Listener listener;
};

/// Between a visitor and the edge, on loopback; writes down all that passes.
class Tap {
public:
    explicit Tap(std::uint16_t edge_port) : thread_([this, edge_port] { run(edge_port); }) {}
    Tap(const Tap&) = delete;
    Tap& operator=(const Tap&) = delete;
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    /// Once both ends have closed.
    std::string passed() {
        thread_.join();
        return up_ + down_;
    }

private:
    using Socket = asio::ip::tcp::socket;
    static void move(Socket& from, Socket& to, std::string& log) {
        std::array<char, 16'384> buffer;
        std::error_code ec;
        for (;;) {
            const std::size_t n = from.read_some(asio::buffer(buffer), ec);
            if (ec) break;
            log.append(buffer.data(), n);
            asio::write(to, asio::buffer(buffer.data(), n), ec);
        }
        to.shutdown(Socket::shutdown_send, ec);
    }
    void run(std::uint16_t edge_port) {
        Socket visitor = acceptor_.accept();
        Socket edge(context_);
        edge.connect({asio::ip::address_v4::loopback(), edge_port});
        std::thread up([&] { move(visitor, edge, up_); });
        move(edge, visitor, down_);
        up.join();
    }

    asio::io_context context_;
    asio::ip::tcp::acceptor acceptor_{context_, {asio::ip::address_v4::loopback(), 0}};
    std::string up_, down_;
    std::thread thread_;
};

/// A file that is removed at the end.
class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& text)
        : path_(std::filesystem::temp_directory_path() / ("adit-tls-" + std::to_string(::getpid()) + ".pem")) {
        std::ofstream(path_) << text;
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { std::filesystem::remove(path_); }
    std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

std::string output_of(const std::string& command) {
    std::string text;
    std::FILE* const pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::array<char, 4096> buffer;
    while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) text.append(buffer.data(), n);
    (void)::pclose(pipe);
    return text;
}

} // namespace

TEST_CASE("the edge passes ciphertext only, under the application's certificate, by the server name") {
    TestEdge edge;
    Application application(edge);
    Tap tap(edge.server.https_port());
    NetVisitor visitor = NetVisitor::tls(tap.port(), TlsOptions("app.edge.test", application.ca.pem()));
    CHECK(visitor.peer_fingerprint() == application.fingerprint());
    AppStream stream = edge.accept(application.listener);
    CHECK(stream.connection().server_name() == "app.edge.test");
    CHECK(stream.connection().tls_version() == "TLSv1.3");
    CHECK(stream.connection().remote_address().starts_with("127.0.0.1:"));
    std::string secret;
    for (int i = 0; i < 1'000; ++i) secret += "nobody but us knows this; ";
    visitor.send(secret);
    CHECK(stream.read(secret.size()) == secret);
    stream.write(secret);
    CHECK(visitor.read(secret.size()) == secret);
    stream.finish();
    CHECK(visitor.read_all().empty());
    CHECK_FALSE(visitor.cut()); // close_notify
    visitor.close();
    stream.close();
    const std::string passed = tap.passed();
    CHECK(passed.size() > 2 * secret.size());
    CHECK(passed.find("nobody") == std::string::npos);
    CHECK(passed.find("app.edge.test") != std::string::npos); // the name, in the ClientHello, is what the edge routes by
}

TEST_CASE("openssl s_client agrees, with ALPN, a client certificate and both versions") {
    TestEdge edge;
    Application application(edge);
    const auto client = application.ca.client();
    application.tls.alpn({"h2", "http/1.1"}).client_ca(application.ca.pem());
    const TemporaryFile file(client.certificate_pem + client.key_pem + application.ca.pem());
    std::thread server([&] {
        for (int i = 0; i < 2; ++i) {
            AppStream stream = edge.accept(application.listener);
            stream.write("hello " + stream.connection().peer_certificate().subject() + " over " +
                         stream.connection().alpn_protocol() + "\n");
            stream.finish();
        }
    });
    for (const std::string version : {"-tls1_2", "-tls1_3"}) {
        CAPTURE(version);
        const std::string text = output_of(
            "openssl s_client -connect 127.0.0.1:" + std::to_string(edge.server.https_port()) +
            " -servername app.edge.test -verify_hostname app.edge.test -verify_return_error -alpn http/1.1 -CAfile " +
            file.path() + " -cert " + file.path() + " -key " + file.path() + " " + version + " -ign_eof </dev/null 2>&1");
        const auto has = [&text](const char* part) { return text.find(part) != std::string::npos; };
        CHECK_MESSAGE(has("Verify return code: 0 (ok)"), text);
        CHECK_MESSAGE(has("ALPN protocol: http/1.1"), text);
        CHECK_MESSAGE(has("hello CN="), text);
    }
    server.join();
    const std::string refused = output_of("openssl s_client -connect 127.0.0.1:" +
                                          std::to_string(edge.server.https_port()) +
                                          " -servername app.edge.test -tls1_2 </dev/null 2>&1");
    CHECK_MESSAGE(refused.find("alert") != std::string::npos, refused);
    CHECK(edge.nothing_comes(application.listener));
}

TEST_CASE("behind a real edge 200 visitors shake hands at once") {
    TestEdge edge;
    Application application(edge);
    std::thread server([&] {
        std::vector<AppStream> streams; // in the order of their handshakes, which is not that of the visitors below
        for (int i = 0; i < 200; ++i) streams.push_back(edge.accept(application.listener));
        for (AppStream& stream : streams) {
            stream.write(stream.read(4));
            stream.finish();
        }
        for (AppStream& stream : streams) CHECK(stream.read_end() == asio::error::eof);
    });
    std::vector<NetVisitor> visitors;
    for (int i = 0; i < 200; ++i) visitors.push_back(NetVisitor::plain(edge.server.https_port()));
    std::vector<std::thread> threads;
    for (std::size_t part = 0; part < 8; ++part) {
        threads.emplace_back([&, part] {
            for (std::size_t i = part; i < visitors.size(); i += 8)
                visitors[i].start_tls(TlsOptions("app.edge.test", application.ca.pem()));
            for (std::size_t i = part; i < visitors.size(); i += 8) visitors[i].send("ping");
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (NetVisitor& visitor : visitors) {
        CHECK(visitor.read(4) == "ping");
        visitor.shutdown_write();
        CHECK(visitor.read_all().empty());
        CHECK_FALSE(visitor.cut());
    }
    server.join();
}

TEST_CASE("with a PROXY protocol header from the edge, in front of the plain text") {
    TestEdge edge;
    for (const int version : {1, 2}) {
        CAPTURE(version);
        Application application(edge, version);
        NetVisitor visitor = application.visit(edge);
        visitor.send("ping");
        AppStream stream = edge.accept(application.listener);
        if (version == 1) {
            CHECK(stream.read_until("\r\n").starts_with("PROXY TCP4 127.0.0.1 127.0.0.1 "));
        } else {
            CHECK(stream.read(12) == std::string("\r\n\r\n\0\r\nQUIT\n", 12));
            const std::string rest = stream.read(4);
            (void)stream.read(static_cast<unsigned char>(rest[3]));
        }
        CHECK(stream.read(4) == "ping");
        application.listener.close();
    }
}

TEST_CASE("a forwarder ends the visitors' TLS too: http, tcp and tls upstreams get plain bytes, or TLS of their own") {
    TestEdge edge;
    Application application(edge);
    application.listener.close();
    for (const std::string scheme : {"http", "tcp", "tls"}) {
        CAPTURE(scheme);
        TestUpstream upstream;
        const TestCa upstream_ca;
        auto to = adit::Upstream(upstream.url(scheme));
        if (scheme == "tls") to.roots_pem(upstream_ca.pem());
        const adit::Forwarder forwarder =
            edge.session.forward(application.endpoint("tls://" + scheme + ".app.edge.test"), to);
        const auto leaf = *application.ca.authority().issue_server({scheme + ".app.edge.test"}, Application::now());
        application.tls.certificate(leaf.certificate_pem, leaf.key_pem);
        NetVisitor visitor =
            NetVisitor::tls(edge.server.https_port(), TlsOptions(scheme + ".app.edge.test", application.ca.pem()));
        NetVisitor service = upstream.accept();
        if (scheme == "tls") CHECK(service.accept_tls(upstream_ca.server()).empty());
        visitor.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        CHECK(service.read_until("\r\n\r\n") == "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); // bytes: nothing is added
        service.send(response("hi"));
        CHECK(visitor.answer().body == "hi");
        service.close();
        CHECK(visitor.read_all().empty());
        CHECK_FALSE(visitor.cut());
        visitor.close();
        wait_until(forwarder, [](const adit::ForwarderCounters& counters) { return counters.open_connections == 0; });
    }
}

TEST_CASE("a handshake whose edge dies is over, and accept waits on") {
    class Log {
    public:
        std::mutex mutex;
        std::condition_variable changed;
        std::optional<adit::Event> closed;
        bool opened = false;
    };
    const auto log = std::make_shared<Log>(); // events may come after all else is gone
    std::optional<TestEdge> edge(std::in_place);
    adit::SessionOptions options;
    options.server(edge->server.agent_address()).roots_pem(edge->server.ca_pem()).authtoken("visitor-token");
    options.on_event([log](const adit::Event& event) {
        const std::lock_guard lock(log->mutex);
        if (event.kind() == adit::Event::Kind::connection_opened) log->opened = true;
        if (event.kind() == adit::Event::Kind::connection_closed) log->closed = event;
        log->changed.notify_all();
    });
    adit::Session session = adit::Session::connect(options);
    TestCa ca;
    const auto leaf = *ca.authority().issue_server({"lost.edge.test"}, Application::now());
    adit::Listener listener = session.listen(adit::Endpoint("tls://lost.edge.test")
                                                 .agent_tls_termination(adit::TlsServer(leaf.certificate_pem, leaf.key_pem)));
    // A ClientHello and nothing behind it.
    auto client = adit::tls::ClientOptions();
    client.roots = *adit::tls::TrustRoots::from_pem(ca.pem());
    auto engine = *adit::tls::Engine::client(*adit::tls::ClientContext::create(client), "lost.edge.test");
    (void)engine.handshake();
    NetVisitor visitor = NetVisitor::plain(edge->server.https_port());
    visitor.send(adit::as_text(engine.output()));
    std::unique_lock lock(log->mutex);
    REQUIRE(log->changed.wait_for(lock, 20s, [&] { return log->opened; }));
    lock.unlock();
    edge.reset();
    lock.lock();
    REQUIRE(log->changed.wait_for(lock, 20s, [&] { return log->closed.has_value(); }));
    CHECK(log->closed->reason());
    lock.unlock();
    CHECK(listener.is_open());
    std::error_code ec;
    (void)listener.accept_for(1ms, ec);
    CHECK(ec == adit::errc::timed_out);
}
