// T22: whom a session trusts. Every certificate that is not exactly the edge's, every downgrade and every man in the middle
// ends a connect with one clear error before the token is said to anybody.
#include "integration/client_support.hpp"

#include "support/test_proxy.hpp"
#include "support/tls_visitor.hpp"

#include <asio/read.hpp>
#include <asio/use_future.hpp>
#include <asio/write.hpp>

#include <atomic>
#include <cstdio>
#include <thread>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

namespace {

using Dates = TestAuthority::Dates;

std::shared_ptr<const tls::ServerContext> serve(const tls::IssuedCertificate& leaf, const std::string& client_ca = {},
                                                tls::Version max_version = tls::Version::tls13) {
    const auto identity = tls::Identity::from_pem(leaf.certificate_pem, leaf.key_pem);
    REQUIRE(identity.has_value());
    tls::ServerOptions options;
    options.select = [identity = *identity](std::string_view) { return identity; };
    options.max_version = max_version;
    if (!client_ca.empty()) {
        options.client_auth = tls::ClientAuth::require;
        options.client_roots = *tls::TrustRoots::from_pem(client_ca);
    }
    return *tls::ServerContext::create(options);
}

/// For localhost, which is more than our own authority can do.
tls::IssuedCertificate self_signed() {
    std::FILE* const pipe = ::popen("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
                                    "/CN=localhost -addext subjectAltName=DNS:localhost -keyout - -out - 2>/dev/null",
                                    "r");
    REQUIRE(pipe != nullptr);
    std::string text(16'384, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), pipe));
    REQUIRE(::pclose(pipe) == 0);
    return {text, text};
}

/// The one error of a connect that must fail.
ErrorInfo refused(const SessionOptions& options) {
    ErrorInfo error;
    const Session session = Session::connect(options, error);
    REQUIRE_FALSE(session.is_open());
    REQUIRE(error);
    CHECK(session.last_error().code() == error.code());
    return error;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Nobody got through TLS, so nobody was told anything.
void nothing_was_said(const MockEdge& edge) {
    CHECK(edge.sessions() == 0);
    CHECK(edge.requests().empty());
}

/// Answers the first bytes of a connection with these, and keeps all it hears.
class RawServer {
public:
    explicit RawServer(std::string answer) : thread_([this, answer = std::move(answer)] { run(answer); }) {}
    RawServer(const RawServer&) = delete;
    RawServer& operator=(const RawServer&) = delete;
    std::string address() const { return "localhost:" + std::to_string(acceptor_.local_endpoint().port()); }
    /// To the end of the connection.
    std::string heard() {
        thread_.join();
        return heard_;
    }

private:
    void run(const std::string& answer) {
        asio::ip::tcp::socket socket = acceptor_.accept();
        std::error_code ec;
        heard_.resize(16'384);
        heard_.resize(socket.read_some(asio::buffer(heard_), ec));
        asio::write(socket, asio::buffer(answer), ec);
        asio::read(socket, asio::dynamic_buffer(heard_), ec);
    }

    asio::io_context context_;
    asio::ip::tcp::acceptor acceptor_{context_, {asio::ip::address_v4::loopback(), 0}};
    std::string heard_;
    std::thread thread_;
};

/// A ServerHello that picks this version, ECDHE-RSA-AES128-SHA.
std::string server_hello(std::uint8_t minor) {
    std::string hello("\x03", 1);
    hello += static_cast<char>(minor);
    hello += std::string(32, 'r') + std::string("\x00\xc0\x13\x00", 4);
    std::string message("\x02\x00\x00", 3);
    message += static_cast<char>(hello.size());
    message += hello;
    std::string record("\x16\x03", 2);
    record += static_cast<char>(minor);
    record += std::string("\x00", 1) + static_cast<char>(message.size());
    return record + message;
}

} // namespace

TEST_CASE("T22: the certificate of an edge: valid, wrong name, expired, not yet valid, unknown CA, self-signed") {
    const TestAuthority trusted("trusted"), unknown("unknown");
    class Row {
    public:
        const char* what;
        tls::IssuedCertificate shown;
        std::error_code code;
        const char* text; ///< what is wrong, or what to do
    };
    const Row rows[] = {
        {"valid", trusted.server("localhost"), {}, ""},
        {"wrong name", trusted.server("edge.example.com"), errc::certificate_name, "is not for localhost"},
        {"expired", trusted.server("localhost", Dates::expired), errc::certificate_expired, "check this machine's clock"},
        {"not yet valid", trusted.server("localhost", Dates::not_yet), errc::certificate_expired, "is not valid before"},
        {"unknown CA", unknown.server("localhost"), errc::certificate_untrusted, "add its root"},
        {"self-signed", self_signed(), errc::certificate_untrusted, "add its root"},
        {"one for clients", trusted.client("localhost"), errc::certificate_untrusted, "was refused"},
    };
    for (const tls::Version version : {tls::Version::tls12, tls::Version::tls13}) {
        for (const Row& row : rows) {
            CAPTURE(row.what);
            CAPTURE(static_cast<int>(version));
            MockEdge edge;
            edge.serve_tls(serve(row.shown, {}, version));
            const SessionOptions options = edge.options().roots_pem(trusted.pem());
            if (!row.code) {
                CHECK(Session::connect(options).is_open());
                CHECK(edge.requests(RequestType::auth).size() == 1);
                continue;
            }
            const ErrorInfo error = refused(options);
            CHECK_MESSAGE(error.code() == row.code, error.to_string());
            CHECK(error.code() == condition::permanent);
            CHECK_MESSAGE(has(error.message(), row.text), error.message());
            CHECK_MESSAGE(has(error.message(), "TLS with " + edge.address()), error.message());
            nothing_was_said(edge);
        }
    }
}

TEST_CASE("T22: a certificate that was good for a session and is not any more: it is tried again, and nothing is said") {
    const TestAuthority trusted("trusted");
    MockEdge edge;
    edge.serve_tls(serve(trusted.server("localhost")));
    std::promise<ErrorInfo> second;
    std::atomic<int> lost = 0;
    auto options = with_reconnect_delay(edge.options().roots_pem(trusted.pem()), 1ms);
    options.on_event([&](const Event& event) {
        if (event.kind() == Event::Kind::disconnected && ++lost == 2) second.set_value(event.reason());
    });
    Session session = Session::connect(options);
    edge.serve_tls(serve(trusted.server("localhost", Dates::expired)));
    edge.drop();
    auto reason = second.get_future();
    CHECK(get(reason).code() == errc::certificate_expired);
    CHECK(session.is_open());
    CHECK(edge.requests(RequestType::auth).size() == 1);
    edge.serve_tls(serve(trusted.server("localhost")));
    edge.wait_request(RequestType::auth, 2);
    auto closed = session.async_close(0ms, asio::use_future);
    get(closed); // no event after that
}

TEST_CASE("T22: only TLS 1.0 or 1.1 is offered, or a peer refuses ours: one error, and the token stays here") {
    class Row {
    public:
        const char* what;
        std::string answer;
        const char* text;
    };
    const Row rows[] = {
        {"SSL 3.0", server_hello(0), "it has to offer 1.2 or 1.3"},
        {"TLS 1.0", server_hello(1), "it has to offer 1.2 or 1.3"},
        {"TLS 1.1", server_hello(2), "it has to offer 1.2 or 1.3"},
        {"alert protocol_version", std::string("\x15\x03\x01\x00\x02\x02\x46", 7), "none of the TLS versions offered"},
        {"not TLS at all", "HTTP/1.1 400 Bad Request\r\n\r\n", "is this a TLS port?"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        RawServer server(row.answer);
        const ErrorInfo error = refused(SessionOptions().server(server.address()).roots_system().authtoken("the-secret-token"));
        CHECK(error.code() == errc::tls_handshake_failed);
        CHECK_MESSAGE(has(error.message(), row.text), error.to_string());
        const std::string heard = server.heard();
        CHECK(heard.starts_with("\x16\x03\x01")); // a ClientHello
        CHECK_FALSE(has(heard, "the-secret-token"));
    }
}

TEST_CASE("T22: a peer that speaks 1.3 but is made to say 1.2 is found out (RFC 8446 4.1.3)") {
    const TestAuthority trusted("trusted");
    MockEdge edge;
    edge.serve_tls(serve(trusted.server("localhost")));
    // Between the two: takes 1.3 out of the ClientHello, by making its supported_versions an extension that nobody knows.
    asio::io_context context;
    asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    const std::uint16_t port = acceptor.local_endpoint().port();
    std::string from_client;
    std::thread middle([&] {
        asio::ip::tcp::socket client = acceptor.accept();
        asio::ip::tcp::socket server(context);
        server.connect({asio::ip::address_v4::loopback(), edge.port()});
        std::string hello(16'384, '\0');
        hello.resize(client.read_some(asio::buffer(hello)));
        const std::size_t at = hello.find(std::string("\x00\x2b\x00\x05\x04\x03\x04\x03\x03", 9));
        CHECK(at != std::string::npos);
        if (at != std::string::npos) hello[at] = '\x7a';
        std::error_code ec;
        asio::write(server, asio::buffer(hello), ec);
        std::string flight(16'384, '\0');
        flight.resize(server.read_some(asio::buffer(flight), ec));
        CHECK(has(flight, std::string("DOWNGRD\x01", 8)));
        asio::write(client, asio::buffer(flight), ec);
        asio::read(client, asio::dynamic_buffer(from_client), ec);
    });
    const ErrorInfo error = refused(edge.options().server("localhost:" + std::to_string(port)).roots_pem(trusted.pem()));
    CHECK_MESSAGE(error.code() == errc::tls_handshake_failed, error.to_string());
    CHECK_MESSAGE(has(error.message(), "downgrade"), error.to_string());
    middle.join();
    CHECK(from_client.size() == 7); // an alert and nothing else
    nothing_was_said(edge);
}

TEST_CASE("T22: a man in the middle behind HTTP CONNECT or SOCKS5 gets nothing") {
    const TestAuthority trusted("trusted"), his("his own");
    MockEdge edge; // never reached
    for (const bool socks : {false, true}) {
        CAPTURE(socks);
        TestProxy proxy(socks ? TestProxy::Kind::socks5 : TestProxy::Kind::http);
        const auto options = [&](const MockEdge& asked) {
            return asked.options().roots_pem(trusted.pem()).proxy(proxy.url(socks ? "socks5h" : "http"));
        };
        MockEdge impostor;
        proxy.lead_to(impostor.port());
        impostor.serve_tls(serve(his.server("localhost")));
        ErrorInfo error = refused(options(edge));
        CHECK(error.code() == errc::certificate_untrusted);
        CHECK_MESSAGE(has(error.message(), "TLS with " + edge.address()), error.message());
        // With a certificate that the trusted CA gave it, for a name of its own.
        impostor.serve_tls(serve(trusted.server("impostor.example.com")));
        error = refused(options(edge));
        CHECK(error.code() == errc::certificate_name);
        CHECK_MESSAGE(has(error.detail(), "impostor.example.com"), error.to_string());
        nothing_was_said(impostor);
    }
    nothing_was_said(edge);
}

TEST_CASE("T22: an edge that demands a client certificate: missing, another CA, expired, for servers") {
    const TestAuthority trusted("trusted"), agents("agents"), others("others");
    class Row {
    public:
        const char* what;
        std::optional<tls::IssuedCertificate> shown;
        const char* text; ///< "" if it is let in
    };
    const Row rows[] = {
        {"good", agents.client("an agent"), ""},
        {"missing", {}, "the server requires a client certificate and got none"},
        {"another CA", others.client("an agent"), "does not know the authority of our client certificate"},
        {"expired", agents.client("an agent", Dates::expired), "our client certificate is expired"},
        {"for servers", agents.server("an-agent.example.com"), "our client certificate"},
    };
    for (const tls::Version version : {tls::Version::tls12, tls::Version::tls13}) {
        for (const Row& row : rows) {
            CAPTURE(row.what);
            CAPTURE(static_cast<int>(version));
            MockEdge edge;
            edge.serve_tls(serve(trusted.server("localhost"), agents.pem(), version));
            SessionOptions options = edge.options().roots_pem(trusted.pem());
            if (row.shown) options.client_certificate(row.shown->certificate_pem, row.shown->key_pem);
            if (std::string_view(row.text).empty()) {
                CHECK(Session::connect(options).is_open());
                continue;
            }
            const ErrorInfo error = refused(options);
            CHECK_MESSAGE(error.code() == errc::client_certificate_refused, error.to_string());
            CHECK(error.code() == condition::permanent);
            CHECK_MESSAGE(has(error.message(), row.text), error.message());
            CHECK_MESSAGE(has(error.message(), "SessionOptions::client_certificate()"), error.message());
            CHECK_MESSAGE(has(error.message(), "TLS with " + edge.address()), error.message());
            CHECK(has(error.detail(), "alert "));
            nothing_was_said(edge);
        }
    }
}
