#include "tls/certificate_authority.hpp"

#include "base/url.hpp"
#include "tls/crypto.hpp"
#include "tls/x509.hpp"

#include <openssl/bn.h>
#include <openssl/ec_key.h>
#include <openssl/nid.h>

#include <algorithm>
#include <array>
#include <new>

namespace adit::inline v0::tls {
namespace {

using x509::Ptr;

constexpr auto clock_difference = std::chrono::hours(1);
constexpr std::chrono::days server_validity(397); // the most that browsers accept
constexpr std::size_t common_name_max = 64;       // X.520 upper bound
constexpr std::size_t names_max = 1'000;

ErrorInfo invalid(std::string message) {
    return ErrorInfo(make_error_code(errc::invalid_option), std::move(message));
}

// Building a certificate from our own values fails only when memory ends.
template <class T>
T require(T ok) {
    if (!ok) throw std::bad_alloc();
    return ok;
}

Ptr<EVP_PKEY> new_key() {
    Ptr<EC_KEY> ec(require(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1)));
    Ptr<EVP_PKEY> key(require(EVP_PKEY_new()));
    require(EC_KEY_generate_key(ec.get()) == 1 && EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) == 1);
    return key;
}

Ptr<ASN1_OCTET_STRING> key_identifier(const EVP_PKEY* key) {
    std::uint8_t* der = nullptr;
    const int size = i2d_PUBKEY(key, &der);
    const Ptr<std::uint8_t> owner(der);
    require(size > 0);
    const Sha256 digest = sha256(Bytes(der, static_cast<std::size_t>(size)));
    Ptr<ASN1_OCTET_STRING> id(require(ASN1_OCTET_STRING_new()));
    require(ASN1_OCTET_STRING_set(id.get(), digest.data(), 20) == 1);
    return id;
}

void set_common_name(X509_NAME* name, std::string_view text) {
    if (text.empty() || text.size() > common_name_max) return; // subjectAltName is what counts
    require(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                       reinterpret_cast<const std::uint8_t*>(text.data()),
                                       static_cast<int>(text.size()), -1, 0) == 1);
}

void set_time(X509* certificate, std::chrono::sys_seconds from, std::chrono::sys_seconds to) {
    const auto posix = [](std::chrono::sys_seconds t) {
        return static_cast<time_t>(t.time_since_epoch().count());
    };
    const Ptr<ASN1_TIME> begin(require(ASN1_TIME_set(nullptr, posix(from))));
    const Ptr<ASN1_TIME> end(require(ASN1_TIME_set(nullptr, posix(to))));
    require(X509_set1_notBefore(certificate, begin.get()) == 1 &&
            X509_set1_notAfter(certificate, end.get()) == 1);
}

void set_serial(X509* certificate) {
    std::array<std::uint8_t, 16> serial;
    random_bytes(serial);
    serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7f) | 0x40); // positive, and never shorter
    const Ptr<BIGNUM> number(require(BN_bin2bn(serial.data(), serial.size(), nullptr)));
    require(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr);
}

void add_extension(X509* certificate, int nid, void* value, bool critical) {
    require(X509_add1_ext_i2d(certificate, nid, value, critical ? 1 : 0, X509V3_ADD_APPEND) == 1);
}

void add_basic_constraints(X509* certificate, bool authority) {
    const Ptr<BASIC_CONSTRAINTS> constraints(require(BASIC_CONSTRAINTS_new()));
    constraints->ca = authority ? 0xff : 0;
    if (authority) {
        constraints->pathlen = require(ASN1_INTEGER_new());
        require(ASN1_INTEGER_set(constraints->pathlen, 0) == 1); // issues leaves only
    }
    add_extension(certificate, NID_basic_constraints, constraints.get(), true);
}

void add_key_usage(X509* certificate, std::initializer_list<int> bits) {
    const Ptr<ASN1_BIT_STRING> usage(require(ASN1_BIT_STRING_new()));
    for (const int bit : bits) require(ASN1_BIT_STRING_set_bit(usage.get(), bit, 1) == 1);
    add_extension(certificate, NID_key_usage, usage.get(), true);
}

void add_extended_key_usage(X509* certificate, int nid) {
    const Ptr<EXTENDED_KEY_USAGE> usage(require(EXTENDED_KEY_USAGE_new()));
    require(sk_ASN1_OBJECT_push(usage.get(), OBJ_nid2obj(nid)) !=
            0); // a static object: freeing it does nothing
    add_extension(certificate, NID_ext_key_usage, usage.get(), false);
}

// `issuer` is null for a root. What the issuer calls its key counts, not what we would call it.
void add_key_identifiers(X509* certificate, const EVP_PKEY* own, const X509* issuer) {
    const Ptr<ASN1_OCTET_STRING> subject = key_identifier(own);
    add_extension(certificate, NID_subject_key_identifier, subject.get(), false);
    const ASN1_OCTET_STRING* issuer_id = subject.get();
    if (issuer != nullptr) issuer_id = X509_get0_subject_key_id(const_cast<X509*>(issuer));
    if (issuer_id == nullptr) return;
    const Ptr<AUTHORITY_KEYID> authority(require(AUTHORITY_KEYID_new()));
    authority->keyid = require(ASN1_OCTET_STRING_dup(issuer_id));
    add_extension(certificate, NID_authority_key_identifier, authority.get(), false);
}

// Null with a problem text if a name cannot be used.
Ptr<GENERAL_NAME> general_name(const std::string& text, std::string& problem) {
    Ptr<GENERAL_NAME> name(require(GENERAL_NAME_new()));
    const std::vector<std::uint8_t> address = x509::ip_bytes(text);
    if (!address.empty()) {
        Ptr<ASN1_OCTET_STRING> value(require(ASN1_OCTET_STRING_new()));
        require(ASN1_OCTET_STRING_set(value.get(), address.data(), static_cast<int>(address.size())) == 1);
        GENERAL_NAME_set0_value(name.get(), GEN_IPADD, value.release());
        return name;
    }
    const Result<std::string> host = normalize_host(text, true);
    if (!host) {
        problem = "\"" + text + "\" cannot stand in a certificate: " + host.error().message();
        return nullptr;
    }
    Ptr<ASN1_IA5STRING> value(require(ASN1_IA5STRING_new()));
    require(ASN1_STRING_set(value.get(), host->data(), static_cast<int>(host->size())) == 1);
    GENERAL_NAME_set0_value(name.get(), GEN_DNS, value.release());
    return name;
}

// Returns what is wrong with the names, or "".
std::string add_alternative_names(X509* certificate, const std::vector<std::string>& names) {
    if (names.empty()) return {};
    const Ptr<GENERAL_NAMES> all(require(GENERAL_NAMES_new()));
    std::string problem;
    for (const std::string& text : names) {
        Ptr<GENERAL_NAME> name = general_name(text, problem);
        if (name == nullptr) return problem;
        require(sk_GENERAL_NAME_push(all.get(), name.get()) != 0);
        name.release(); // now owned by the stack
    }
    const bool nameless = X509_NAME_entry_count(X509_get_subject_name(certificate)) == 0;
    add_extension(certificate, NID_subject_alt_name, all.get(), nameless); // RFC 5280 4.2.1.6
    return {};
}

Ptr<X509> blank(const EVP_PKEY* key, std::chrono::sys_seconds from, std::chrono::sys_seconds to) {
    Ptr<X509> certificate(require(X509_new()));
    require(X509_set_version(certificate.get(), X509_VERSION_3) == 1);
    set_serial(certificate.get());
    set_time(certificate.get(), from, to);
    require(X509_set_pubkey(certificate.get(), const_cast<EVP_PKEY*>(key)) == 1);
    return certificate;
}

} // namespace

struct CertificateAuthority::Native {
    Ptr<X509> certificate;
    Ptr<EVP_PKEY> key;
    std::string certificate_pem;
    std::string key_pem;
    std::chrono::sys_seconds not_after;
};

CertificateAuthority::CertificateAuthority(std::unique_ptr<const Native> native) noexcept
    : native_(std::move(native)) {}
CertificateAuthority::CertificateAuthority(CertificateAuthority&&) noexcept = default;
CertificateAuthority& CertificateAuthority::operator=(CertificateAuthority&&) noexcept = default;
CertificateAuthority::~CertificateAuthority() = default;

const std::string& CertificateAuthority::certificate_pem() const noexcept { return native_->certificate_pem; }
const std::string& CertificateAuthority::key_pem() const noexcept { return native_->key_pem; }

Result<CertificateAuthority> CertificateAuthority::create(std::string_view common_name,
                                                          std::chrono::sys_seconds now,
                                                          std::chrono::days valid) {
    if (common_name.empty() || common_name.size() > common_name_max) {
        return invalid("the authority's common name must have 1 to 64 bytes");
    }
    if (valid <= std::chrono::days(0)) return invalid("the authority must be valid for at least a day");
    Ptr<EVP_PKEY> key = new_key();
    Ptr<X509> root = blank(key.get(), now - clock_difference, now + valid);
    set_common_name(X509_get_subject_name(root.get()), common_name);
    require(X509_set_issuer_name(root.get(), X509_get_subject_name(root.get())) == 1);
    add_basic_constraints(root.get(), true);
    add_key_usage(root.get(), {5, 6}); // keyCertSign, cRLSign (RFC 5280 4.2.1.3)
    add_key_identifiers(root.get(), key.get(), nullptr);
    require(X509_sign(root.get(), key.get(), EVP_sha256()) > 0);
    return from_pem(x509::to_pem(root.get()), x509::to_pem(key.get()));
}

Result<CertificateAuthority> CertificateAuthority::from_pem(std::string_view certificate,
                                                            std::string_view private_key) {
    Result<std::vector<Ptr<X509>>> certificates = x509::read_certificates(certificate);
    if (!certificates)
        return ErrorInfo(certificates.error().code(), "CA certificate: " + certificates.error().message());
    Result<Ptr<EVP_PKEY>> key = x509::read_private_key(private_key);
    if (!key) return ErrorInfo(key.error().code(), "CA key: " + key.error().message());
    auto native = std::make_unique<Native>();
    native->certificate = std::move(certificates->front());
    native->key = std::move(*key);
    const Ptr<EVP_PKEY> public_key(X509_get_pubkey(native->certificate.get()));
    if (public_key == nullptr || EVP_PKEY_cmp(public_key.get(), native->key.get()) != 1) {
        ERR_clear_error();
        return invalid("the CA key does not belong to the CA certificate");
    }
    const CertificateInfo info = x509::describe(native->certificate.get());
    if (!info.authority) return invalid("the certificate " + info.subject + " is no authority (CA:FALSE)");
    native->not_after = info.not_after;
    native->certificate_pem = x509::to_pem(native->certificate.get());
    native->key_pem = x509::to_pem(native->key.get());
    return CertificateAuthority(std::move(native));
}

Result<IssuedCertificate> CertificateAuthority::issue(const LeafRequest& request) const {
    if (request.names.empty() && !request.client)
        return invalid("a server certificate needs at least one name");
    if (request.names.size() > names_max) return invalid("more than 1000 names in one certificate");
    if (request.not_after <= request.not_before) return invalid("the certificate would end before it begins");
    const Ptr<EVP_PKEY> key = new_key();
    const Ptr<X509> leaf = blank(key.get(), request.not_before, request.not_after);
    const bool from_names = request.common_name.empty() && !request.names.empty();
    set_common_name(X509_get_subject_name(leaf.get()),
                    from_names ? request.names.front() : request.common_name);
    require(X509_set_issuer_name(leaf.get(), X509_get_subject_name(native_->certificate.get())) == 1);
    add_basic_constraints(leaf.get(), false);
    add_key_usage(leaf.get(), {0}); // digitalSignature
    add_extended_key_usage(leaf.get(), request.client ? NID_client_auth : NID_server_auth);
    add_key_identifiers(leaf.get(), key.get(), native_->certificate.get());
    if (std::string problem = add_alternative_names(leaf.get(), request.names); !problem.empty()) {
        return invalid(std::move(problem));
    }
    const EVP_MD* digest = EVP_PKEY_id(native_->key.get()) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
    require(X509_sign(leaf.get(), native_->key.get(), digest) > 0);
    return IssuedCertificate{x509::to_pem(leaf.get()), x509::to_pem(key.get())};
}

Result<IssuedCertificate> CertificateAuthority::issue_server(std::vector<std::string> names,
                                                             std::chrono::sys_seconds now) const {
    LeafRequest request;
    request.names = std::move(names);
    request.not_before = now - clock_difference;
    request.not_after = std::min<std::chrono::sys_seconds>(now + server_validity, native_->not_after);
    return issue(request);
}

} // namespace adit::inline v0::tls
