#include "tls/certificate_facts.hpp"
#include "tls_pair.hpp"

using namespace tls_test;

namespace {

// Self-signed, with every attribute and kind of name that expressions know.
constexpr const char* zoe = "-----BEGIN CERTIFICATE-----\n"
                            "MIIDGjCCAsCgAwIBAgIFAMD/7gEwCgYIKoZIzj0EAwIwgawxCzAJBgNVBAYTAkRF\n"
                            "MQ8wDQYDVQQIDAZCYXllcm4xETAPBgNVBAcMCE3DvG5jaGVuMRcwFQYDVQQJDA5I\n"
                            "YXVwdHN0cmHDn2UgMTEOMAwGA1UEEQwFODAzMzExFjAUBgNVBAoMDUV4YW1wbGUs\n"
                            "IEluYy4xDzANBgNVBAoMBlNlY29uZDETMBEGA1UECwwKRmllbGQgdGVhbTESMBAG\n"
                            "A1UEAwwJWm/DqyAxMDAlMB4XDTI2MTEyNDA5MjQxMVoXDTM2MTEyMTA5MjQxMVow\n"
                            "gawxCzAJBgNVBAYTAkRFMQ8wDQYDVQQIDAZCYXllcm4xETAPBgNVBAcMCE3DvG5j\n"
                            "aGVuMRcwFQYDVQQJDA5IYXVwdHN0cmHDn2UgMTEOMAwGA1UEEQwFODAzMzExFjAU\n"
                            "BgNVBAoMDUV4YW1wbGUsIEluYy4xDzANBgNVBAoMBlNlY29uZDETMBEGA1UECwwK\n"
                            "RmllbGQgdGVhbTESMBAGA1UEAwwJWm/DqyAxMDAlMFkwEwYHKoZIzj0CAQYIKoZI\n"
                            "zj0DAQcDQgAE80fgY+dDT98wGjmit8Upgr+Lr/eaWwnCjLysTPndCI70xvQAnOlK\n"
                            "j1hBlS4kq6csJ/2D4rJAeavT+QnxpHf+6aOBzDCByTBwBgNVHREEaTBngg9hcHAu\n"
                            "ZXhhbXBsZS5jb22CDSouZXhhbXBsZS5jb22BD3pvZUBleGFtcGxlLmNvbYEUb2Rk\n"
                            "LG5hbWVAZXhhbXBsZS5jb22GGHNwaWZmZTovL2V4YW1wbGUuY29tL3pvZYcEwAAC\n"
                            "BzAOBgNVHQ8BAf8EBAMCB4AwEwYDVR0lBAwwCgYIKwYBBQUHAwIwEQYJKwYBBAGD\n"
                            "sgMBBAQMAmhpMB0GA1UdDgQWBBQDpcUVOq42Fhh2unKyAhWi2orniDAKBggqhkjO\n"
                            "PQQDAgNIADBFAiEAgmAPphI+TWR7/acB8kV9QWl26xGlaf8YyPUMKuSZTR4CIEO/\n"
                            "wHmovRasLYSh5oq/d0PmKXmGj42vSKumgDap72k8\n"
                            "-----END CERTIFICATE-----\n";

using Fields = std::vector<std::pair<std::string, std::string>>;
using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("a certificate's facts are all there, in fields") { // conn.tls.client.*
    const CertificateFacts facts = must(certificate_facts(zoe));
    for (const DistinguishedName* name : {&facts.subject, &facts.issuer}) {
        CHECK(name->common_name == "Zo\xc3\xab 100%");
        CHECK(name->country == Texts{"DE"});
        CHECK(name->province == Texts{"Bayern"});
        CHECK(name->locality == Texts{"M\xc3\xbcnchen"});
        CHECK(name->street_address == Texts{"Hauptstra\xc3\x9f"
                                            "e 1"});
        CHECK(name->postal_code == Texts{"80331"});
        CHECK(name->organization == Texts{"Example, Inc.", "Second"});
        CHECK(name->organizational_unit == Texts{"Field team"});
    }
    CHECK(facts.info.serial == "c0ffee01");
    CHECK(facts.info.fingerprint == "ac456de771336767862f42b5b5adfc9dd347e7bcc80e8b95c4aa995eda3f4d5e");
    CHECK(facts.info.not_before == std::chrono::sys_seconds(1795512251s));
    CHECK(facts.info.not_after == std::chrono::sys_seconds(2110872251s));
    CHECK(facts.info.dns_names == Texts{"app.example.com", "*.example.com"});
    CHECK(facts.info.ip_addresses == Texts{"192.0.2.7"});
    CHECK(facts.email_addresses == Texts{"zoe@example.com", "odd,name@example.com"});
    CHECK(facts.uris == Texts{"spiffe://example.com/zoe"});
    CHECK(facts.signature_algorithm == "ECDSA-SHA256");
    CHECK(facts.pem == zoe);
    REQUIRE(facts.extensions.size() == 5);
    CHECK(facts.extensions[1].id == "2.5.29.15"); // key usage
    CHECK(facts.extensions[1].critical);
    CHECK(facts.extensions[3].id == "1.3.6.1.4.1.55555.1");
    CHECK_FALSE(facts.extensions[3].critical);
    CHECK(facts.extensions[3].value == "\x0c\x02hi");
}

TEST_CASE("a text without a certificate has no facts") {
    CHECK(certificate_facts("").error().code() == errc::invalid_option);
    CHECK(certificate_facts("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").error().code() ==
          errc::invalid_option);
}

TEST_CASE("the application is told of a verified certificate by Client-Cert and the ngrok-mtls fields") {
    const CertificateFacts facts = must(certificate_facts(zoe));
    const Fields fields = certificate_fields(facts, true);
    REQUIRE(fields.size() == 5);
    CHECK(fields[0].first == "Client-Cert");
    CHECK(fields[0].second.starts_with(
        ":MIIDGjCCAsCgAwIBAgIFAMD/7gEw")); // RFC 9440 2.2: base64 of the DER between colons
    CHECK(fields[0].second.ends_with("SKumgDap72k8:"));
    CHECK(fields[0].second.find('\n') == std::string::npos);
    CHECK(Fields(fields.begin() + 1, fields.end()) ==
          Fields{{"ngrok-mtls-subject-cn", "Zo%C3%AB 100%25"},
                 {"ngrok-mtls-subject-alt-name-dns", "app.example.com,*.example.com"},
                 {"ngrok-mtls-email-addresses", "zoe@example.com,odd%2Cname@example.com"},
                 {"ngrok-mtls-serial-number", "c0ffee01"}});
}

TEST_CASE("a certificate that nobody verified is passed on as it is, and nothing is said in its name") {
    const Fields fields = certificate_fields(must(certificate_facts(zoe)), false);
    REQUIRE(fields.size() == 1);
    CHECK(fields[0].first == "Client-Cert");
}

TEST_CASE("no name in a certificate can end a field or look like another element") {
    CertificateFacts facts = must(certificate_facts(zoe));
    facts.subject.common_name = " a\r\nx: y\t\x7f ";
    facts.info.dns_names = {"a,b", std::string("c\0d", 3)};
    facts.email_addresses.clear();
    const Fields fields = certificate_fields(facts, true);
    REQUIRE(fields.size() == 4);
    CHECK(fields[1].second == "%20a%0D%0Ax: y%09%7F%20");
    CHECK(fields[2].second == "a%2Cb,c%00d");
    CHECK(fields[3].first == "ngrok-mtls-serial-number");
}
