#include "tls_pair.hpp"

using namespace tls_test;

namespace {

struct Row {
    std::string_view what;
    std::vector<std::string> names; // of the server's certificate
    std::string_view host;           // the client asks for
    std::chrono::hours begins, ends; // from now
    bool other_root;
    bool verify;
    errc expected; // errc() for success
    const char* message;
    const char* alert; // that the server gets
};

constexpr errc fine{};

const std::vector<Row> rows = {
    {"the right name", {"app.example.com"}, "app.example.com", -1h, 1h, false, true, fine, "", ""},
    {"in other letters", {"app.example.com"}, "APP.example.COM", -1h, 1h, false, true, fine, "", ""},
    {"a wildcard", {"*.example.com"}, "app.example.com", -1h, 1h, false, true, fine, "", ""},
    {"one of several", {"x.example.com", "app.example.com"}, "app.example.com", -1h, 1h, false, true, fine, "", ""},
    {"another name", {"app.example.com"}, "api.example.com", -1h, 1h, false, true, errc::certificate_name,
     "the server's certificate is not for api.example.com", "alert bad_certificate (42)"},
    {"a wildcard two labels up", {"*.example.com"}, "a.b.example.com", -1h, 1h, false, true, errc::certificate_name,
     "not for a.b.example.com", ""},
    {"a wildcard for its parent", {"*.example.com"}, "example.com", -1h, 1h, false, true, errc::certificate_name,
     "not for example.com", ""},
    {"an address", {"127.0.0.1"}, "127.0.0.1", -1h, 1h, false, true, fine, "", ""},
    {"an IPv6 address", {"::1"}, "[::1]", -1h, 1h, false, true, fine, "", ""},
    {"the same IPv6 address spelt otherwise", {"::1"}, "0:0:0:0:0:0:0:1", -1h, 1h, false, true, fine, "", ""},
    {"another address", {"127.0.0.1"}, "127.0.0.2", -1h, 1h, false, true, errc::certificate_name, "not for 127.0.0.2", ""},
    {"an address against names", {"app.example.com"}, "127.0.0.1", -1h, 1h, false, true, errc::certificate_name,
     "not for 127.0.0.1", ""},
    {"a name against addresses", {"127.0.0.1"}, "app.example.com", -1h, 1h, false, true, errc::certificate_name,
     "not for app.example.com", ""},
    {"expired", {"app.example.com"}, "app.example.com", -2h, -1h, false, true, errc::certificate_expired,
     "expired at 2025-06-14 23:00:00 UTC", "alert certificate_expired (45)"},
    {"not yet valid", {"app.example.com"}, "app.example.com", 1h, 2h, false, true, errc::certificate_expired,
     "not valid before 2025-06-15 01:00:00 UTC", ""},
    {"an unknown authority", {"app.example.com"}, "app.example.com", -1h, 1h, true, true, errc::certificate_untrusted,
     "authority that is not trusted here", "alert unknown_ca (48)"},
    {"an unknown authority, not verified", {"app.example.com"}, "app.example.com", -1h, 1h, true, false, fine, "", ""},
    {"all wrong, not verified", {"x.example.com"}, "app.example.com", -2h, -1h, true, false, fine, "", ""},
};

ServerOptions server_for(const Row& row) {
    LeafRequest request;
    request.names = row.names;
    request.not_before = now + row.begins;
    request.not_after = now + row.ends;
    return server_options(identity_of(must((row.other_root ? other_authority() : authority()).issue(request))));
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
            CHECK_HAS(pair.server.error().detail(), row.alert);
        }
    }
}

TEST_CASE("a name mismatch tells which names there are, an unknown authority who issued it") {
    Pair wrong(client_options(), server_options(server_identity({"a.example.com", "b.example.com", "10.0.0.1"})), "c.example.com");
    wrong.shake();
    CHECK(wrong.client.error().detail() == "it is for a.example.com, b.example.com, 10.0.0.1");
    ServerOptions untrusted = server_options(identity_of(must(other_authority().issue_server({"app.example.com"}, now))));
    Pair unknown(client_options(), untrusted);
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
    Pair pair(client_options(), server_options(server_identity({"app.example.com", "*.example.com", "127.0.0.1"})));
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

struct ClientRow {
    std::string_view what;
    ClientAuth mode;
    bool has_certificate, of_other_root;
    bool accepted;
    errc server_error;
    const char* alert; // that the client gets
};

constexpr ClientRow client_rows[] = {
    {"not asked", ClientAuth::none, true, false, true, fine, ""},
    {"requested, none", ClientAuth::request, false, false, true, fine, ""},
    {"requested, good", ClientAuth::request, true, false, true, fine, ""},
    {"requested, of another authority", ClientAuth::request, true, true, false, errc::certificate_untrusted, "alert unknown_ca (48)"},
    {"required, none", ClientAuth::require, false, false, false, errc::tls_handshake_failed, "alert"},
    {"required, good", ClientAuth::require, true, false, true, fine, ""},
    {"required, of another authority", ClientAuth::require, true, true, false, errc::certificate_untrusted, "alert unknown_ca (48)"},
};

} // namespace

TEST_CASE("the server accepts exactly the client certificates it should") {
    for (const Version version : {Version::tls12, Version::tls13}) {
        for (const ClientRow& row : client_rows) {
            INFO(row.what << std::string_view(version == Version::tls12 ? " in 1.2" : " in 1.3"));
            ClientOptions client = client_options();
            client.max_version = version;
            if (row.has_certificate) client.identity = client_identity(row.of_other_root ? other_authority() : authority(), "robot 7");
            ServerOptions server = server_options();
            server.client_auth = row.mode;
            if (row.mode != ClientAuth::none) server.client_roots = trusted();
            Pair pair(client, server);
            pair.shake();
            INFO(pair.server.error().to_string());
            CHECK((pair.server_status == Status::ok) == row.accepted);
            if (row.accepted) {
                CHECK(pair.client_status == Status::ok);
                const std::optional<PeerCertificate> peer = pair.server.peer_certificate();
                CHECK(peer.has_value() == (row.has_certificate && row.mode != ClientAuth::none));
                if (peer) CHECK(peer->verified);
                if (peer) CHECK(peer->info.subject == "CN=robot 7");
                continue;
            }
            CHECK(pair.server.error().code() == row.server_error);
            // In 1.3 the client is done before the server judges it, so its first read says so.
            if (pair.client_status == Status::ok) read_all(pair.client);
            CHECK(pair.client.error().code() == errc::tls_handshake_failed);
            CHECK_HAS(pair.client.error().detail(), row.alert);
        }
    }
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
