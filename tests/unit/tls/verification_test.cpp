#include "tls_pair.hpp"

#include <adit/limits.hpp>

using namespace tls_test;

namespace {

enum class Flaw { none, expired, early, unknown_root };

struct Row {
    std::string_view what;
    std::vector<std::string> names; // of the server's certificate
    std::string_view host;          // the client asks for
    Flaw flaw = Flaw::none;
    errc expected = {}; // success
    std::string_view message = "";
    bool verify = true;
};

constexpr errc fine{};
constexpr errc wrong_name = errc::certificate_name;
constexpr errc wrong_date = errc::certificate_expired;
constexpr errc untrusted = errc::certificate_untrusted;
constexpr Flaw sound = Flaw::none;
const std::vector<std::string> app = {"app.example.com"}, wild = {"*.example.com"}, local = {"127.0.0.1"};
const std::vector<std::string> two = {"x.example.com", "app.example.com"}, local6 = {"::1"};

const std::vector<Row> rows = {
    {"the right name", app, "app.example.com"},
    {"in other letters", app, "APP.example.COM"},
    {"one of two", two, "app.example.com"},
    {"another name", app, "api.example.com", sound, wrong_name, "is not for api.example.com"},
    {"a wildcard", wild, "app.example.com"},
    {"a wildcard two labels up", wild, "a.b.example.com", sound, wrong_name, "not for a.b.example.com"},
    {"a wildcard for its parent", wild, "example.com", sound, wrong_name, "not for example.com"},
    {"an address", local, "127.0.0.1"},
    {"an IPv6 address", local6, "[::1]"},
    {"the same IPv6 address spelt otherwise", local6, "0:0:0:0:0:0:0:1"},
    {"another address", local, "127.0.0.2", sound, wrong_name, "not for 127.0.0.2"},
    {"an address against names", app, "127.0.0.1", sound, wrong_name, "not for 127.0.0.1"},
    {"a name against addresses", local, "app.example.com", sound, wrong_name, "not for app.example.com"},
    {"expired", app, "app.example.com", Flaw::expired, wrong_date, "expired at 2025-06-14 23:00:00 UTC"},
    {"too early", app, "app.example.com", Flaw::early, wrong_date,
     "not valid before 2025-06-15 01:00:00 UTC"},
    {"an unknown root", app, "app.example.com", Flaw::unknown_root, untrusted, "that is not trusted here"},
    {"an unknown root, not verified", app, "app.example.com", Flaw::unknown_root, fine, "", false},
    {"another name and expired, not verified", two, "example.org", Flaw::expired, fine, "", false},
};

// What the server is told.
std::string_view alert_of(errc verdict) {
    if (verdict == wrong_name) return "alert bad_certificate (42)";
    return verdict == wrong_date ? "alert certificate_expired (45)" : "alert unknown_ca (48)";
}

ServerOptions server_for(const Row& row) {
    LeafRequest request;
    request.names = row.names;
    request.not_before = now + (row.flaw == Flaw::early ? 1h : -2h);
    request.not_after = now + (row.flaw == Flaw::expired ? -1h : 2h);
    const bool known = row.flaw != Flaw::unknown_root;
    return server_options(identity_of(must((known ? authority() : other_authority()).issue(request))));
}

} // namespace

TEST_CASE("the client accepts exactly the certificates it should") {
    for (const Version version : {Version::tls12, Version::tls13}) {
        for (const Row& row : rows) {
            INFO(row.what << std::string_view(version == Version::tls12 ? " in 1.2" : " in 1.3"));
            ClientOptions client = client_options();
            client.verify = row.verify;
            client.max_version = version;
            Pair pair(client, server_for(row), row.host);
            pair.shake();
            INFO(pair.client.error().to_string());
            CHECK((pair.client_status == Status::ok) == (row.expected == fine));
            if (row.expected == fine) {
                const std::optional<PeerCertificate> peer = pair.client.peer_certificate();
                REQUIRE(peer.has_value());
                CHECK(peer->verified == row.verify);
                continue;
            }
            CHECK(pair.client.error().code() == row.expected);
            CHECK_HAS(pair.client.error().message(), row.message);
            CHECK(pair.client.error().code() == condition::permanent);
            // The server learns it: while it shakes hands in 1.2, and at its first read in 1.3 at the latest.
            if (pair.server_status == Status::ok) read_all(pair.server);
            CHECK(pair.server.error().code() == errc::tls_handshake_failed);
            CHECK(pair.server.error().detail() == alert_of(row.expected));
        }
    }
}

TEST_CASE("a name mismatch tells which names there are, an unknown authority who issued it") {
    Pair wrong(client_options(),
               server_options(server_identity({"a.example.com", "b.example.com", "10.0.0.1"})),
               "c.example.com");
    wrong.shake();
    CHECK(wrong.client.error().detail() == "it is for a.example.com, b.example.com, 10.0.0.1");
    ServerOptions other_root =
        server_options(identity_of(must(other_authority().issue_server({"app.example.com"}, now))));
    Pair unknown(client_options(), other_root);
    unknown.shake();
    CHECK_HAS(unknown.client.error().detail(), "issuer CN=Other Root");
}

TEST_CASE("a certificate for clients does not serve, and an authority's own does not either") {
    LeafRequest request;
    request.client = true;
    request.names = {"app.example.com"};
    request.not_before = now - 1h;
    request.not_after = now + 1h;
    Pair pair(client_options(), server_options(identity_of(must(authority().issue(request)))));
    pair.shake();
    CHECK(pair.client.error().code() == errc::certificate_untrusted);
}

TEST_CASE("a listed server certificate is trusted without its authority") {
    const IssuedCertificate issued = must(other_authority().issue_server({"app.example.com"}, now));
    ClientOptions client = client_options();
    client.roots = must(TrustRoots::from_pem(issued.certificate_pem));
    CHECK(Pair(client, server_options(identity_of(issued))).shake().connected());
    CHECK_FALSE(Pair(client, server_options(), "app.example.com").shake().connected());
}

TEST_CASE("the client can tell who the server is") {
    Pair pair(client_options(),
              server_options(server_identity({"app.example.com", "*.example.com", "127.0.0.1"})));
    REQUIRE(pair.shake().connected());
    const std::optional<PeerCertificate> peer = pair.client.peer_certificate();
    REQUIRE(peer.has_value());
    CHECK(peer->info.subject == "CN=app.example.com");
    CHECK(peer->info.issuer == "CN=Test Root");
    CHECK(peer->info.dns_names == std::vector<std::string>{"app.example.com", "*.example.com"});
    CHECK(peer->info.ip_addresses == std::vector<std::string>{"127.0.0.1"});
    CHECK(peer->chain_pem.starts_with("-----BEGIN CERTIFICATE-----"));
    CHECK(must(read_certificate(peer->chain_pem)).fingerprint == peer->info.fingerprint);
    CHECK_FALSE(pair.server.peer_certificate().has_value());
}

namespace {

enum class Shown { nothing, good, unknown_root };

struct ClientRow {
    std::string_view what;
    ClientAuth mode;
    Shown shown;
    errc server_error = {};      // accepted
    std::string_view alert = ""; // that the client gets
};

constexpr errc no_handshake = errc::tls_handshake_failed;
constexpr ClientRow client_rows[] = {
    {"not asked", ClientAuth::none, Shown::good},
    {"requested, none", ClientAuth::request, Shown::nothing},
    {"requested, good", ClientAuth::request, Shown::good},
    {"requested, unknown root", ClientAuth::request, Shown::unknown_root, untrusted, "alert unknown_ca (48)"},
    {"required, none", ClientAuth::require, Shown::nothing, no_handshake, "alert "},
    {"required, good", ClientAuth::require, Shown::good},
    {"required, unknown root", ClientAuth::require, Shown::unknown_root, untrusted, "alert unknown_ca (48)"},
    {"any requested, none", ClientAuth::request_any, Shown::nothing},
    {"any requested, good", ClientAuth::request_any, Shown::good},
    {"any requested, unknown root", ClientAuth::request_any, Shown::unknown_root},
    {"any required, none", ClientAuth::require_any, Shown::nothing, no_handshake, "alert "},
    {"any required, good", ClientAuth::require_any, Shown::good},
    {"any required, unknown root", ClientAuth::require_any, Shown::unknown_root},
};

} // namespace

TEST_CASE("the server accepts exactly the client certificates it should") {
    for (const Version version : {Version::tls12, Version::tls13}) {
        for (const ClientRow& row : client_rows) {
            INFO(row.what << std::string_view(version == Version::tls12 ? " in 1.2" : " in 1.3"));
            ClientOptions client = client_options();
            client.max_version = version;
            CertificateAuthority& issuer = row.shown == Shown::unknown_root ? other_authority() : authority();
            if (row.shown != Shown::nothing) client.identity = client_identity(issuer, "robot 7");
            ServerOptions server = server_options();
            server.client_auth = row.mode;
            if (row.mode != ClientAuth::none) server.client_roots = trusted();
            Pair pair(client, server);
            pair.shake();
            INFO(pair.server.error().to_string());
            CHECK((pair.server_status == Status::ok) == (row.server_error == fine));
            if (row.server_error == fine) {
                CHECK(pair.client_status == Status::ok);
                const std::optional<PeerCertificate> peer = pair.server.peer_certificate();
                CHECK(peer.has_value() == (row.shown != Shown::nothing && row.mode != ClientAuth::none));
                if (peer) CHECK(peer->verified == (row.shown == Shown::good));
                if (peer) CHECK(peer->info.subject == "CN=robot 7");
                continue;
            }
            CHECK(pair.server.error().code() == row.server_error);
            // In 1.3 the client is done before the server judges it, so its first read says so.
            if (pair.client_status == Status::ok) read_all(pair.client);
            CHECK(pair.client.error().code() == errc::client_certificate_refused);
            CHECK(pair.client.error().code() == condition::permanent);
            const bool bare = row.shown == Shown::nothing;
            CHECK_HAS(pair.client.error().message(), bare ? "requires a client certificate and got none"
                                                          : "does not know the authority of our client certificate");
            CHECK_HAS(pair.client.error().detail(), row.alert);
        }
    }
}

TEST_CASE("where any client certificate will do there need not be authorities, and none is verified then") {
    for (const Version version : {Version::tls12, Version::tls13}) {
        ClientOptions client = client_options();
        client.max_version = version;
        client.identity = client_identity(authority(), "robot 7");
        ServerOptions server = server_options();
        server.client_auth = ClientAuth::require_any;
        Pair pair(client, server);
        REQUIRE(pair.shake().connected());
        const std::optional<PeerCertificate> peer = pair.server.peer_certificate();
        REQUIRE(peer.has_value());
        CHECK(peer->info.subject == "CN=robot 7");
        CHECK_FALSE(peer->verified);
    }
}

TEST_CASE("who requires a certificate tells a client without one so, in the words of the version") {
    for (const ClientAuth mode : {ClientAuth::require, ClientAuth::require_any}) {
        for (const bool old : {true, false}) {
            ClientOptions client = client_options();
            client.max_version = old ? Version::tls12 : Version::tls13;
            ServerOptions server = server_options();
            server.client_auth = mode;
            server.client_roots = trusted();
            Pair pair(client, server);
            pair.shake();
            if (pair.client_status == Status::ok) read_all(pair.client);
            CHECK(pair.client.error().detail() == (old ? "alert handshake_failure (40)" : "alert certificate_required (116)"));
        }
    }
}

TEST_CASE("a client's certificates beyond the bound end the handshake") {
    ClientOptions client = client_options();
    const auto issued = must(authority().issue([] {
        LeafRequest request;
        request.client = true;
        request.common_name = "robot 7";
        const std::string label(60, 'x');
        for (int i = 0; i < 1'000; ++i) request.names.push_back(std::to_string(i) + "." + label + "." + label + ".example.com");
        request.not_before = now - 1h;
        request.not_after = now + 1h;
        return request;
    }()));
    client.identity = identity_of(issued);
    REQUIRE(issued.certificate_pem.size() * 3 / 4 > limits::client_certificates_max);
    ServerOptions server = server_options();
    server.client_auth = ClientAuth::require;
    server.client_roots = trusted();
    Pair pair(client, server);
    CHECK(pair.shake().server_status == Status::failed);
    CHECK(pair.server.error().code() == errc::tls_handshake_failed);
}

TEST_CASE("an expired client certificate is refused as expired") {
    LeafRequest request;
    request.client = true;
    request.common_name = "old robot";
    request.not_before = now - 2h;
    request.not_after = now - 1h;
    ClientOptions client = client_options();
    client.identity = identity_of(must(authority().issue(request)));
    ServerOptions server = server_options();
    server.client_auth = ClientAuth::require;
    server.client_roots = trusted();
    Pair pair(client, server);
    CHECK(pair.shake().server_status == Status::failed);
    CHECK(pair.server.error().code() == errc::certificate_expired);
    CHECK(pair.server.error().message().starts_with("the client's certificate expired"));
}
