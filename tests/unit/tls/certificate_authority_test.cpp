#include "key_maker.hpp"
#include "tls_pair.hpp"

#include <openssl/x509v3.h>

#include <set>

using namespace tls_test;

namespace {

bssl::UniquePtr<X509> parse(const std::string& pem) {
    const bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    bssl::UniquePtr<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    REQUIRE(certificate != nullptr);
    return certificate;
}

bool critical(const X509* certificate, int nid) {
    const int place = X509_get_ext_by_NID(certificate, nid, -1);
    REQUIRE(place >= 0);
    return X509_EXTENSION_get_critical(X509_get_ext(certificate, place)) == 1;
}

// X.509 path validation as strict as it gets, apart from TLS.
int verify(const std::string& leaf, const std::string& root, int purpose, const char* host) {
    const bssl::UniquePtr<X509_STORE> store(X509_STORE_new());
    X509_STORE_add_cert(store.get(), parse(root).get());
    const bssl::UniquePtr<X509> certificate = parse(leaf);
    const bssl::UniquePtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
    REQUIRE(X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), nullptr) == 1);
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(now.time_since_epoch().count()));
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
    X509_VERIFY_PARAM_set_purpose(param, purpose);
    if (host != nullptr) X509_VERIFY_PARAM_set1_host(param, host, std::char_traits<char>::length(host));
    return X509_verify_cert(context.get()) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context.get());
}

} // namespace

TEST_CASE("an authority is a proper root, and its leaves are proper leaves") {
    const bssl::UniquePtr<X509> root = parse(authority().certificate_pem());
    const CertificateInfo root_info = must(read_certificate(authority().certificate_pem()));
    CHECK(root_info.authority);
    CHECK(root_info.subject == root_info.issuer);
    CHECK(root_info.not_before == now - 1h);
    CHECK(root_info.not_after == now + std::chrono::days(3650));
    CHECK(critical(root.get(), NID_basic_constraints));
    CHECK(X509_get_key_usage(root.get()) == (X509v3_KU_KEY_CERT_SIGN | X509v3_KU_CRL_SIGN));
    CHECK(X509_get_pathlen(root.get()) == 0);

    const IssuedCertificate issued =
        must(authority().issue_server({"app.example.com", "*.example.com", "127.0.0.1"}, now));
    const bssl::UniquePtr<X509> leaf = parse(issued.certificate_pem);
    CHECK(X509_get_version(leaf.get()) == X509_VERSION_3);
    CHECK(critical(leaf.get(), NID_basic_constraints));
    CHECK_FALSE(critical(leaf.get(), NID_subject_alt_name));
    CHECK((X509_get_extension_flags(leaf.get()) & EXFLAG_CA) == 0);
    CHECK(X509_get_key_usage(leaf.get()) == X509v3_KU_DIGITAL_SIGNATURE);
    CHECK(X509_get_extended_key_usage(leaf.get()) == XKU_SSL_SERVER);
    CHECK(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(leaf.get()),
                                X509_get0_subject_key_id(root.get())) == 0);
    CHECK(ASN1_OCTET_STRING_cmp(X509_get0_subject_key_id(leaf.get()), X509_get0_subject_key_id(root.get())) !=
          0);
    const CertificateInfo info = must(read_certificate(issued.certificate_pem));
    CHECK(info.not_after == now + std::chrono::days(397));

    const std::string& trusted_root = authority().certificate_pem();
    CHECK(verify(issued.certificate_pem, trusted_root, X509_PURPOSE_SSL_SERVER, "app.example.com") ==
          X509_V_OK);
    CHECK(verify(issued.certificate_pem, trusted_root, X509_PURPOSE_SSL_SERVER, "x.example.com") ==
          X509_V_OK);
    CHECK(verify(issued.certificate_pem, trusted_root, X509_PURPOSE_SSL_SERVER, "example.org") ==
          X509_V_ERR_HOSTNAME_MISMATCH);
    CHECK(verify(issued.certificate_pem, trusted_root, X509_PURPOSE_SSL_CLIENT, nullptr) ==
          X509_V_ERR_INVALID_PURPOSE);
    CHECK(verify(issued.certificate_pem, other_authority().certificate_pem(), X509_PURPOSE_SSL_SERVER,
                 nullptr) != X509_V_OK);
}

TEST_CASE("a leaf cannot issue, and an authority cannot serve as a leaf's issuer for others") {
    const IssuedCertificate leaf = must(authority().issue_server({"app.example.com"}, now));
    CHECK_HAS(CertificateAuthority::from_pem(leaf.certificate_pem, leaf.key_pem).error().message(),
              "no authority");
}

TEST_CASE("serials are random, positive and of one size") {
    std::set<std::string> serials;
    for (int i = 0; i < 50; ++i) {
        const CertificateInfo info =
            must(read_certificate(must(authority().issue_server({"a.example.com"}, now)).certificate_pem));
        CHECK(info.serial.size() == 32);
        CHECK(info.serial[0] >= '4');
        CHECK(info.serial[0] <= '7');
        serials.insert(info.serial);
    }
    CHECK(serials.size() == 50);
}

TEST_CASE("a kept authority goes on issuing under the same root") {
    const auto again =
        must(CertificateAuthority::from_pem(authority().certificate_pem(), authority().key_pem()));
    const IssuedCertificate issued = must(again.issue_server({"app.example.com"}, now));
    CHECK(verify(issued.certificate_pem, authority().certificate_pem(), X509_PURPOSE_SSL_SERVER,
                 "app.example.com") == X509_V_OK);
    CHECK(CertificateAuthority::from_pem(authority().certificate_pem(), other_authority().key_pem())
              .error()
              .code() == errc::invalid_option);
    CHECK(CertificateAuthority::from_pem("", authority().key_pem())
              .error()
              .message()
              .starts_with("CA certificate: "));
    CHECK(CertificateAuthority::from_pem(authority().certificate_pem(), "")
              .error()
              .message()
              .starts_with("CA key: "));
}

TEST_CASE("a long first name stays out of the subject, and the alternative names become critical") {
    const std::string name = std::string(60, 'a') + ".example.com";
    const IssuedCertificate issued = must(authority().issue_server({name}, now));
    CHECK(must(read_certificate(issued.certificate_pem)).subject.empty());
    CHECK(critical(parse(issued.certificate_pem).get(), NID_subject_alt_name));
    CHECK(Pair(client_options(), server_options(identity_of(issued)), name).shake().connected());
}

TEST_CASE("dates beyond 2050 are written and read") {
    const auto far = now + std::chrono::days(365 * 100);
    const auto old = must(CertificateAuthority::create("Old Root", now, std::chrono::days(365 * 120)));
    LeafRequest request;
    request.names = {"app.example.com"};
    request.not_before = far;
    request.not_after = far + 24h;
    const CertificateInfo info = must(read_certificate(must(old.issue(request)).certificate_pem));
    CHECK(info.not_before == far);
    CHECK(info.not_after == far + 24h);
    CHECK(must(read_certificate(must(old.issue_server({"a.example.com"}, far)).certificate_pem)).not_after ==
          far + std::chrono::days(397));
}

TEST_CASE("a server certificate never outlives its authority") {
    const auto brief = must(CertificateAuthority::create("Brief Root", now, std::chrono::days(30)));
    CHECK(
        must(read_certificate(must(brief.issue_server({"a.example.com"}, now)).certificate_pem)).not_after ==
        now + std::chrono::days(30));
    CHECK(brief.issue_server({"a.example.com"}, now + std::chrono::days(40)).error().code() ==
          errc::invalid_option);
}

TEST_CASE("requests that cannot be met are refused with the reason") {
    const auto message = [](std::vector<std::string> names) {
        return authority().issue_server(std::move(names), now).error().message();
    };
    CHECK_HAS(message({}), "at least one name");
    for (const std::string_view bad : {"", "a b", "*", "*.", "a.*.com", "**.example.com", "x..y", "-a.com",
                                       "a-.com", "http://a.com", "a.com:443", "1.2.3.4/8", "\xc3\xa4.com"}) {
        INFO(bad);
        CHECK_HAS(message({"good.example.com", std::string(bad)}), "\"" + std::string(bad) + "\"");
    }
    CHECK_HAS(message(std::vector<std::string>(1'001, "a.example.com")), "1000");
    LeafRequest request;
    request.names = {"a.example.com"};
    request.not_before = now;
    request.not_after = now;
    CHECK_HAS(authority().issue(request).error().message(), "end before it begins");
    CHECK(CertificateAuthority::create("", now).error().code() == errc::invalid_option);
    CHECK(CertificateAuthority::create(std::string(65, 'a'), now).error().code() == errc::invalid_option);
    CHECK(CertificateAuthority::create("Root", now, std::chrono::days(0)).error().code() ==
          errc::invalid_option);
}
