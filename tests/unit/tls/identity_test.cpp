#include "key_maker.hpp"
#include "temporary_file.hpp"
#include "tls_pair.hpp"

#include <openssl/nid.h>

using namespace tls_test;

namespace {

std::string error_of(std::string_view certificates, std::string_view key) {
    const auto identity = Identity::from_pem(certificates, key);
    REQUIRE_FALSE(identity.has_value());
    CHECK(identity.error().code() == errc::invalid_option);
    return identity.error().message();
}

} // namespace

TEST_CASE("an identity knows its names and dates") {
    LeafRequest request;
    request.names = {"App.example.com", "*.example.com", "10.0.0.1", "2001:db8::1"};
    request.not_before = now;
    request.not_after = now + 240h;
    const IssuedCertificate issued = must(authority().issue(request));
    const auto identity =
        must(Identity::from_pem(issued.certificate_pem + authority().certificate_pem(), issued.key_pem));
    CHECK(identity->info().dns_names == std::vector<std::string>{"app.example.com", "*.example.com"});
    CHECK(identity->info().ip_addresses == std::vector<std::string>{"10.0.0.1", "2001:db8::1"});
    CHECK(identity->not_before() == now);
    CHECK(identity->not_after() == now + 240h);
    CHECK(identity->chain_length() == 2);
    CHECK(identity->certificate_pem() == issued.certificate_pem + authority().certificate_pem());
    CHECK_FALSE(identity->info().authority);
    CHECK(identity->info().serial.size() == 32);
    CHECK(identity->info().fingerprint.size() == 64);
    for (const std::string_view host : {"app.example.com", "x.EXAMPLE.com", "x.example.com.", "10.0.0.1",
                                        "2001:DB8:0::1", "[2001:db8::1]"}) {
        INFO(host);
        CHECK(identity->covers(host));
    }
    for (const std::string_view host :
         {"", "example.com", "a.b.example.com", "10.0.0.2", "2001:db8::2", "app.example.org"}) {
        INFO(host);
        CHECK_FALSE(identity->covers(host));
    }
}

TEST_CASE("keys are taken in every common form, with other text and blocks around them") {
    const bssl::UniquePtr<EVP_PKEY> p256 = ec_key(NID_X9_62_prime256v1), p384 = ec_key(NID_secp384r1),
                                    rsa = rsa_key(2048), ed = ed25519_key();
    struct Row {
        std::string_view what;
        EVP_PKEY* key;
        std::string pem;
    };
    const Row rows[] = {
        {"P-256 PKCS#8", p256.get(), pkcs8_pem(p256.get())},
        {"P-256 SEC 1", p256.get(), traditional_pem(p256.get())},
        {"P-384", p384.get(), pkcs8_pem(p384.get())},
        {"RSA PKCS#8", rsa.get(), pkcs8_pem(rsa.get())},
        {"RSA PKCS#1", rsa.get(), traditional_pem(rsa.get())},
        {"Ed25519", ed.get(), pkcs8_pem(ed.get())},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        const std::string certificate = self_signed_pem(row.key, "kind.example.com");
        const std::string both = "Bag Attributes\n" + certificate + "some text\r\n" + row.pem + "\nmore\n";
        const auto identity = must(Identity::from_pem(both, both));
        CHECK(identity->info().subject == "CN=kind.example.com");
        CHECK(identity->info().dns_names.empty()); // the common name is no host name
        CHECK(identity->certificate_pem().find("PRIVATE") == std::string::npos);
        // And it works as a server's.
        ClientOptions client = client_options();
        client.verify = false;
        client.clock = nullptr;
        for (const Version version : {Version::tls12, Version::tls13}) {
            client.max_version = version;
            CHECK(Pair(client, server_options(identity)).shake().connected());
        }
    }
}

TEST_CASE("what is wrong with a certificate or key is named") {
    const IssuedCertificate good = must(authority().issue_server({"app.example.com"}, now));
    const IssuedCertificate other = must(authority().issue_server({"other.example.com"}, now));
    CHECK_HAS(error_of("", good.key_pem), "certificate: no \"-----BEGIN CERTIFICATE-----\"");
    CHECK_HAS(error_of(good.key_pem, good.key_pem), "certificate: no");
    CHECK_HAS(error_of(good.certificate_pem, ""), "private key: no \"-----BEGIN PRIVATE KEY-----\"");
    CHECK_HAS(error_of(good.certificate_pem, other.key_pem),
              "does not belong to certificate 1 (CN=app.example.com)");
    CHECK_HAS(error_of(good.certificate_pem + other.certificate_pem, good.key_pem),
              "certificate 2 (CN=other.example.com) did not issue certificate 1 (CN=app.example.com)");
    CHECK_HAS(error_of(authority().certificate_pem() + good.certificate_pem, good.key_pem),
              "certificate 1 (CN=Test Root)");
    // The same name, but another key: the signature tells.
    const auto impostor = must(CertificateAuthority::create("Test Root", now));
    CHECK_HAS(error_of(good.certificate_pem + impostor.certificate_pem(), good.key_pem), "did not issue");

    std::string damaged = good.certificate_pem;
    damaged[100] = '!';
    CHECK_HAS(error_of(damaged, good.key_pem), "PEM block 1 is damaged");
    CHECK_HAS(error_of(good.certificate_pem + damaged, good.key_pem), "PEM block 2 is damaged");
    const std::string cut = good.certificate_pem.substr(0, 200);
    CHECK_HAS(error_of(cut, good.key_pem), "PEM block 1 is damaged");
    CHECK_HAS(error_of("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", good.key_pem),
              "PEM block 1 is not a valid certificate");
    CHECK_HAS(
        error_of(good.certificate_pem, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        "the private key does not parse");
}

TEST_CASE("keys that no peer should or would accept are refused, with what to do") {
    const bssl::UniquePtr<EVP_PKEY> small = rsa_key(1024), odd = ec_key(NID_secp521r1),
                                    p256 = ec_key(NID_X9_62_prime256v1);
    CHECK_HAS(error_of(self_signed_pem(small.get(), "a"), pkcs8_pem(small.get())), "1024 bits");
    CHECK_HAS(error_of(self_signed_pem(odd.get(), "a"), pkcs8_pem(odd.get())), "use P-256 or P-384");
    const std::string certificate = self_signed_pem(p256.get(), "a");
    CHECK_HAS(error_of(certificate, pkcs8_pem(p256.get(), "secret")), "encrypted with a password");
    CHECK_HAS(error_of(certificate, traditional_pem(p256.get(), "secret")), "encrypted with a password");
}

TEST_CASE("files are read, and errors name the file they are about") {
    const TemporaryDirectory directory;
    const IssuedCertificate good = must(authority().issue_server({"app.example.com"}, now));
    const std::string certificate = directory.write("server.pem", good.certificate_pem);
    const std::string key = directory.write("server.key", good.key_pem);
    CHECK(must(Identity::from_files(certificate, key))->covers("app.example.com"));
    const auto message = [](const std::string& c, const std::string& k) {
        return Identity::from_files(c, k).error().message();
    };
    CHECK_HAS(message(directory.path() + "/none.pem", key), "/none.pem: No such file");
    CHECK_HAS(message(certificate, directory.path() + "/none.key"), "/none.key: No such file");
    CHECK_HAS(message(directory.path(), key), directory.path() + ": ");
    CHECK(message(key, key).starts_with(key + ": certificate: no"));
    CHECK(message(certificate, certificate).starts_with(certificate + ": private key: no"));
    const std::string other =
        directory.write("other.key", must(authority().issue_server({"x"}, now)).key_pem);
    CHECK_HAS(message(certificate, other), "does not belong");
}

TEST_CASE("a chain with an intermediate is sent whole and accepted by the root alone") {
    const bssl::UniquePtr<EVP_PKEY> root = ec_key(NID_X9_62_prime256v1), leaf = ec_key(NID_X9_62_prime256v1);
    const std::string chain =
        certificate_pem(leaf.get(), "leaf", root.get(), "root") + self_signed_pem(root.get(), "root");
    const auto identity = must(Identity::from_pem(chain, pkcs8_pem(leaf.get())));
    ClientOptions client = client_options();
    client.verify = false;
    client.clock = nullptr;
    Pair pair(client, server_options(identity));
    REQUIRE(pair.shake().connected());
    CHECK(pair.client.peer_certificate()->chain_pem == chain);
}

TEST_CASE("a chain's dates are checked when asked for, and the certificate that is out of date is named") {
    const auto identity = server_identity({"app.example.com"}); // for 397 days from an hour before
    CHECK(identity->check_dates(now));
    CHECK(identity->check_dates(identity->not_before()));
    CHECK(identity->check_dates(identity->not_after()));
    const auto early = identity->check_dates(identity->not_before() - 1s);
    REQUIRE_FALSE(early);
    CHECK(early.error().code() == errc::invalid_option);
    CHECK_HAS(early.error().message(), "certificate 1 (CN=app.example.com) is not valid before 2025-06-14 23:00:00 UTC");
    const auto late = identity->check_dates(identity->not_after() + 1s);
    REQUIRE_FALSE(late);
    CHECK_HAS(late.error().message(), "certificate 1 (CN=app.example.com) expired at 2026-07-17 00:00:00 UTC");
    // The same with its issuer behind it, which is younger than a leaf may claim.
    LeafRequest request;
    request.names = {"app.example.com"};
    request.not_before = now - 48h;
    request.not_after = now + 48h;
    const auto issued = must(authority().issue(request));
    const auto chain = must(Identity::from_pem(issued.certificate_pem + authority().certificate_pem(), issued.key_pem));
    CHECK_HAS(chain->check_dates(now - 24h).error().message(), "certificate 2 (CN=Test Root) is not valid before");
}

TEST_CASE("names match by the rules of certificates") {
    struct Row {
        std::string_view pattern;
        std::string_view host;
        bool matches;
    };
    constexpr Row rows[] = {
        {"a.example.com", "a.example.com", true},
        {"A.example.COM", "a.EXAMPLE.com", true},
        {"a.example.com", "a.example.com.", true},
        {"a.example.com", "b.example.com", false},
        {"*.example.com", "a.example.com", true},
        {"*.example.com", "a.b.example.com", false},
        {"*.example.com", "example.com", false},
        {"*.example.com", ".example.com", false},
        {"*.com", "example.com", false},
        {"a*.example.com", "ab.example.com", false},
        {"*", "example", false},
        {"", "", false},
        {"*.*.example.com", "a.b.example.com", false},
    };
    for (const Row& row : rows) {
        INFO(row.pattern << " and " << row.host);
        CHECK(name_matches(row.pattern, row.host) == row.matches);
    }
}
