// Reaching the edge through an outgoing proxy.
#include "integration/client_support.hpp"

#include "support/test_proxy.hpp"
#include "tls/certificate_authority.hpp"

#include <cstdlib>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;
using namespace std::string_literals;
using Kind = TestProxy::Kind;

namespace {

constexpr std::string_view tls_record = "\x16"; // the first byte of a ClientHello

/// An edge that only the proxy can find.
SessionOptions hidden(const MockEdge& edge) {
    return edge.options().server("edge.invalid:" + std::to_string(edge.port())).server_name("localhost");
}

std::string hidden_target(const MockEdge& edge) { return "edge.invalid:" + std::to_string(edge.port()); }

std::string connect_head(const std::string& target, const std::string& more = {}) {
    return "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n" + more + "\r\n";
}

ErrorInfo refused(const SessionOptions& options) {
    ErrorInfo error;
    const Session session = Session::connect(options, error);
    REQUIRE_FALSE(session.is_open());
    CHECK(error.to_string().find("secret") == std::string::npos);
    return error;
}

/// Bytes in both directions of a listener behind the proxy.
void check_traffic(MockEdge& edge, Session session) {
    Listener listener = session.listen(Endpoint("tcp://"));
    Pair pair(edge, listener);
    const std::string much(1'000'000, 'm');
    pair.visitor.write("ping");
    CHECK(read_exactly(pair.connection, 4) == "ping");
    std::thread writer([&] {
        write_all(pair.connection, much);
        pair.connection.close();
    });
    CHECK(pair.visitor.read_all() == much);
    writer.join();
}

/// The certificate of an https proxy, and who issued it.
class ProxyTls {
public:
    ProxyTls() {
        const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
        const auto authority = tls::CertificateAuthority::create("proxy", now);
        const auto leaf = authority->issue_server({"127.0.0.1"}, now);
        const auto identity = *tls::Identity::from_pem(leaf->certificate_pem, leaf->key_pem);
        tls::ServerOptions options;
        options.select = [identity](std::string_view) { return identity; };
        server = *tls::ServerContext::create(options);
        ca_pem = authority->certificate_pem();
    }
    std::shared_ptr<const tls::ServerContext> server;
    std::string ca_pem;
};

class Environment {
public:
    void set(const char* name, const std::string& value) {
        ::setenv(name, value.c_str(), 1);
        names_.emplace_back(name);
    }
    ~Environment() {
        for (const std::string& name : names_) ::unsetenv(name.c_str());
    }

private:
    std::vector<std::string> names_;
};

} // namespace

TEST_CASE("through HTTP CONNECT: the proxy hears the edge's name, then only TLS") {
    MockEdge edge;
    TestProxy proxy(Kind::http);
    const Session session = Session::connect(hidden(edge).proxy(proxy.url("http")));
    CHECK(session.is_open());
    CHECK(proxy.targets() == std::vector{hidden_target(edge)});
    CHECK(proxy.heard() == std::vector{connect_head(hidden_target(edge))});
    CHECK(proxy.first_bytes() == tls_record);
    check_traffic(edge, session);
}

TEST_CASE("through SOCKS5 with the name looked up there or here") {
    MockEdge edge;
    TestProxy proxy(Kind::socks5);
    const Session session = Session::connect(hidden(edge).proxy(proxy.url("socks5h")));
    CHECK(proxy.targets() == std::vector{hidden_target(edge)});
    CHECK(proxy.first_bytes() == tls_record);
    check_traffic(edge, session);

    TestProxy by_address(Kind::socks5);
    const Session other = Session::connect(edge.options().proxy(by_address.url("socks5")));
    CHECK(other.is_open());
    CHECK(by_address.targets() == std::vector{"127.0.0.1:" + std::to_string(edge.port())});
    // What has no address here does not even reach the proxy.
    const ErrorInfo error = refused(hidden(edge).proxy(by_address.url("socks5")));
    CHECK(error.message().find("name lookup of edge.invalid") != std::string::npos);
    CHECK(by_address.heard().size() == 1);
}

TEST_CASE("user and password of the URL, decoded, let us through") {
    MockEdge edge;
    TestProxy http(Kind::http);
    http.want("jo e", "s%cret");
    CHECK(Session::connect(hidden(edge).proxy(http.url("http", "jo%20e:s%25cret"))).is_open());
    CHECK(http.heard() ==
          std::vector{connect_head(hidden_target(edge), "Proxy-Authorization: Basic am8gZTpzJWNyZXQ=\r\n")});
    TestProxy socks(Kind::socks5);
    socks.want("jo e", "s%cret");
    CHECK(Session::connect(hidden(edge).proxy(socks.url("socks5h", "jo%20e:s%25cret"))).is_open());
    CHECK(Session::connect(edge.options().proxy(socks.url("socks5", "jo%20e:s%25cret"))).is_open());
}

TEST_CASE("missing and wrong credentials: one clear, permanent error that names the proxy") {
    MockEdge edge;
    for (const Kind kind : {Kind::http, Kind::socks5}) {
        TestProxy proxy(kind);
        proxy.want("joe", "right");
        const char* scheme = kind == Kind::http ? "http" : "socks5h";
        ErrorInfo error = refused(hidden(edge).proxy(proxy.url(scheme)));
        CHECK(error.code() == errc::invalid_option);
        CHECK(error.message() ==
              "the proxy " + proxy.url(scheme) + " wants a user and a password: write them into its URL");
        error = refused(hidden(edge).proxy(proxy.url(scheme, "joe:secret")));
        CHECK(error.code() == errc::invalid_option);
        CHECK(error.code() == condition::permanent);
        CHECK(error.message() ==
              "the proxy " + proxy.url(scheme) + " does not accept the user and password of its URL");
        if (kind == Kind::http) CHECK(error.detail() == "HTTP/1.1 407 Who are you?");
        CHECK(proxy.heard().size() == 2);
        CHECK(proxy.first_bytes().empty());
    }
}

TEST_CASE("a proxy that refuses, speaks nonsense, floods or hangs up") {
    MockEdge edge;
    struct Row {
        Kind kind;
        std::string answer;
        std::error_code code;
        const char* says;
    };
    const Row rows[] = {
        {Kind::http, "HTTP/1.1 403 Not you\r\nContent-Length: 3\r\n\r\nno!", errc::refused,
         "refused to connect (HTTP status 403)"},
        {Kind::http, "HTTP/1.1 503 Later\r\n\r\n", errc::unavailable, "could not connect (HTTP status 503)"},
        {Kind::http, "SSH-2.0-OpenSSH\r\n", errc::unavailable, "is it an HTTP proxy?"},
        {Kind::http, "HTTP/1.1 200 OK\r\nx: " + std::string(20'000, 'x'), errc::limit_exceeded, "16384 bytes"},
        {Kind::http, "HTTP/1.1 200 OK\r\nx: y\r\n", errc::timed_out, "took longer than connect_timeout"},
        {Kind::socks5, "\x05\xff"s, errc::invalid_option, "wants a user and a password"},
        {Kind::socks5, "\x05\x00\x05\x02"s, errc::refused, "not allowed by its rules (SOCKS5 reply 2)"},
        {Kind::socks5, "\x05\x00\x05\x05"s, asio::error::connection_refused, "connection refused (SOCKS5 reply 5)"},
        {Kind::socks5, "HTTP/1.1 400 Bad\r\n", errc::unavailable, "is it a SOCKS5 proxy?"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.answer);
        TestProxy proxy(row.kind);
        proxy.answer_with(row.answer);
        const char* scheme = row.kind == Kind::http ? "http" : "socks5h";
        auto options = hidden(edge).proxy(proxy.url(scheme));
        if (row.code == errc::timed_out) options.connect_timeout(300ms);
        const ErrorInfo error = refused(options);
        CHECK(error.code() == row.code);
        CHECK(error.message().find(proxy.url(scheme)) != std::string::npos);
        CHECK(error.message().find(row.says) != std::string::npos);
        CHECK(proxy.heard().size() == 1);
    }
    TestProxy to_nowhere(Kind::http);
    net::Tcp::socket deaf(asio::system_executor(), net::Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    const ErrorInfo error = refused(edge.options()
                                        .server("localhost:" + std::to_string(deaf.local_endpoint().port()))
                                        .proxy(to_nowhere.url("http")));
    CHECK(error.code() == errc::unavailable);
    CHECK(error.detail() == "HTTP/1.1 502 Bad Gateway");
    const ErrorInfo nobody =
        refused(edge.options().proxy("http://joe:secret@localhost:" + std::to_string(deaf.local_endpoint().port())));
    CHECK(nobody.code() == asio::error::connection_refused);
    CHECK(nobody.message().find("the way to the proxy: TCP connect of localhost:") == 0);
    CHECK(edge.sessions() == 0);
}

TEST_CASE("a proxy that hangs up without a word") {
    MockEdge edge;
    asio::io_context context;
    net::Tcp::acceptor acceptor(context, net::Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    acceptor.async_accept([](const std::error_code&, net::Tcp::socket socket) {
        std::error_code ignored;
        socket.shutdown(net::Tcp::socket::shutdown_both, ignored);
    });
    std::thread thread([&] { context.run(); });
    const std::string url = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
    const ErrorInfo error = refused(hidden(edge).proxy(url));
    thread.join();
    CHECK(error.message().find("the proxy " + url) != std::string::npos);
}

TEST_CASE("a proxy that never answers costs connect_timeout, and got nothing but the question") {
    MockEdge edge;
    TestProxy proxy(Kind::http);
    proxy.stall();
    const auto started = std::chrono::steady_clock::now();
    const ErrorInfo error = refused(hidden(edge).proxy(proxy.url("http", "joe:secret")).connect_timeout(300ms));
    CHECK(error.code() == errc::timed_out);
    CHECK(error.message() == "the way through the proxy " + proxy.url("http") + " to " + hidden_target(edge) +
                                 " took longer than connect_timeout (300 ms)");
    CHECK(std::chrono::steady_clock::now() - started >= 300ms);
    CHECK(std::chrono::steady_clock::now() - started < 10s);
    proxy.wait_heard();
    const std::string all = connect_head(hidden_target(edge), "Proxy-Authorization: Basic am9lOnNlY3JldA==\r\n");
    CHECK(all.starts_with(proxy.heard()[0]));
}

TEST_CASE("an https proxy: CONNECT inside of TLS, whose certificate is verified") {
    MockEdge edge;
    const ProxyTls secure;
    TestProxy proxy(Kind::http, secure.server);
    proxy.want("joe", "secret");
    auto options = hidden(edge).proxy(proxy.url("https", "joe:secret")).proxy_roots_pem(secure.ca_pem);
    {
        Session session = Session::connect(options);
        CHECK(session.is_open());
        CHECK(proxy.targets() == std::vector{hidden_target(edge)});
        CHECK(proxy.first_bytes() == tls_record);
        check_traffic(edge, session);
        session.close();
    }
    edge.wait_ended(1);
    const Session dropped = Session::connect(options);
    edge.drop();
    edge.wait_ended(2);
    ErrorInfo error = refused(hidden(edge).proxy(proxy.url("https")).proxy_roots_pem(secure.ca_pem));
    CHECK(error.code() == errc::invalid_option);
    CHECK(error.message().find("wants a user and a password") != std::string::npos);
    error = refused(options.proxy_roots_pem(edge.ca_pem()));
    CHECK(error.code() == errc::certificate_untrusted);
    CHECK(error.message().find("TLS with the proxy " + proxy.url("https") + ": ") == 0);
    error = refused(options.proxy_roots_pem("none"));
    CHECK(error.code() == errc::invalid_option);
    CHECK(error.message().find("proxy_roots_pem: ") == 0);
    TestProxy plain(Kind::http);
    plain.answer_with("HTTP/1.1 400 speak TLS\r\n\r\n");
    error = refused(hidden(edge).proxy(plain.url("https")).proxy_roots_pem(edge.ca_pem()));
    CHECK(error.message().find("TLS with the proxy " + plain.url("https") + ": ") == 0);
}

TEST_CASE("what moves a session's bytes through an https proxy goes with its io_context, or with the session") {
    MockEdge edge;
    const ProxyTls secure;
    TestProxy proxy(Kind::http, secure.server);
    const auto options = hidden(edge).proxy(proxy.url("https")).proxy_roots_pem(secure.ca_pem);
    {
        asio::io_context context;
        std::optional<Session> session;
        Session::async_connect(context.get_executor(), options, [&](const std::error_code& ec, Session s) {
            CHECK_FALSE(ec);
            session.emplace(std::move(s));
        });
        while (!session) context.run_one_for(1s);
        CHECK(session->is_open());
    } // nobody closes anything: the context is not run any more
    edge.wait_ended(1);
    asio::io_context context;
    Session::async_connect(context.get_executor(), options, [&](const std::error_code& ec, Session session) {
        CHECK_FALSE(ec);
        session.close();
    });
    finish(context); // nothing is left that holds it up
    CHECK(context.stopped());
    edge.wait_ended(2);
}

TEST_CASE("socks5 tries the addresses of a name in turn, unless the proxy forbids it") {
    MockEdge edge;
    TestProxy proxy(Kind::socks5);
    proxy.answer_with("\x05\x00\x05\x04"s);
    ErrorInfo error = refused(edge.options().proxy(proxy.url("socks5"))); // localhost has two
    CHECK(error.code() == asio::error::host_unreachable);
    CHECK(proxy.heard().size() == 2);
    proxy.answer_with("\x05\x00\x05\x02"s);
    error = refused(edge.options().proxy(proxy.url("socks5")));
    CHECK(error.code() == errc::refused);
    CHECK(proxy.heard().size() == 3);
}

TEST_CASE("the environment names the proxy, and whom it is not for") {
    MockEdge edge;
    TestProxy proxy(Kind::http);
    Environment environment;
    environment.set("https_proxy", proxy.url("http"));
    environment.set("ADIT_SERVER", hidden_target(edge));
    const auto from_env = [&] {
        return SessionOptions::from_env().server_name("localhost").roots_pem(edge.ca_pem()).authtoken("token");
    };
    CHECK(Session::connect(from_env()).is_open());
    CHECK(proxy.targets() == std::vector{hidden_target(edge)});
    CHECK(Session::connect(hidden(edge).proxy_from_env()).is_open());
    CHECK(proxy.targets().size() == 2);
    // This machine is never behind a proxy that the environment names.
    CHECK(Session::connect(edge.options().proxy_from_env()).is_open());
    CHECK(proxy.heard().size() == 2);
    // A name without an address: straight to it there is no way.
    environment.set("no_proxy", "127.0.0.0/8,.invalid");
    const ErrorInfo error = refused(from_env());
    CHECK(error.message().find("name lookup of edge.invalid") == 0);
    CHECK(proxy.heard().size() == 2);
    // Whoever names a proxy means it.
    CHECK(Session::connect(from_env().proxy(proxy.url("http"))).is_open());
    CHECK(proxy.heard().size() == 3);
}
