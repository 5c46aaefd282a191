#include "tls/certificate_facts.hpp"

#include "tls/x509.hpp"

#include <openssl/base64.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/obj.h>

#include <algorithm>

namespace adit::inline v0::tls {
namespace {

std::string oid_text(const ASN1_OBJECT* object) {
    char text[128];
    const int size = OBJ_obj2txt(text, sizeof(text), object, 1);
    if (size <= 0 || static_cast<std::size_t>(size) >= sizeof(text)) {
        ERR_clear_error();
        return "?"; // longer than any in use
    }
    return std::string(text, static_cast<std::size_t>(size));
}

std::string utf8(const ASN1_STRING* value) {
    std::uint8_t* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, value);
    if (size < 0) {
        ERR_clear_error();
        return {};
    }
    const x509::Ptr<std::uint8_t> owner(text);
    return std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
}

std::vector<std::string>* list_of(DistinguishedName& name, int attribute) noexcept {
    switch (attribute) {
    case NID_countryName: return &name.country;
    case NID_localityName: return &name.locality;
    case NID_organizationName: return &name.organization;
    case NID_organizationalUnitName: return &name.organizational_unit;
    case NID_postalCode: return &name.postal_code;
    case NID_stateOrProvinceName: return &name.province;
    case NID_streetAddress: return &name.street_address;
    default: return nullptr;
    }
}

DistinguishedName read_name(X509_NAME* from) {
    DistinguishedName name;
    for (int i = 0; i < X509_NAME_entry_count(from); ++i) {
        const X509_NAME_ENTRY* entry = X509_NAME_get_entry(from, i);
        const int attribute = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
        const ASN1_STRING* value = X509_NAME_ENTRY_get_data(entry);
        if (attribute == NID_commonName) {
            name.common_name = utf8(value);
        } else if (std::vector<std::string>* list = list_of(name, attribute)) {
            list->push_back(utf8(value));
        }
    }
    return name;
}

void read_alternative_names(const X509* certificate, CertificateFacts& facts) {
    const x509::Ptr<GENERAL_NAMES> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    if (names == nullptr) return;
    for (std::size_t i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type == GEN_EMAIL) facts.email_addresses.push_back(utf8(name->d.rfc822Name));
        if (name->type == GEN_URI) facts.uris.push_back(utf8(name->d.uniformResourceIdentifier));
    }
}

std::string algorithm_text(const X509* certificate) {
    struct Known {
        int nid;
        const char* text;
    };
    static constexpr Known known[] = {
        {NID_ecdsa_with_SHA256, "ECDSA-SHA256"},
        {NID_ecdsa_with_SHA384, "ECDSA-SHA384"},
        {NID_ecdsa_with_SHA512, "ECDSA-SHA512"},
        {NID_ecdsa_with_SHA1, "ECDSA-SHA1"},
        {NID_sha256WithRSAEncryption, "SHA256-RSA"},
        {NID_sha384WithRSAEncryption, "SHA384-RSA"},
        {NID_sha512WithRSAEncryption, "SHA512-RSA"},
        {NID_sha1WithRSAEncryption, "SHA1-RSA"},
        {NID_rsassaPss, "RSAPSS"},
        {NID_ED25519, "Ed25519"},
    };
    const X509_ALGOR* algorithm = nullptr;
    X509_get0_signature(nullptr, &algorithm, certificate);
    const ASN1_OBJECT* object = nullptr;
    X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
    const int nid = OBJ_obj2nid(object);
    for (const Known& each : known) {
        if (each.nid == nid) return each.text;
    }
    return oid_text(object);
}

void read_extensions(const X509* certificate, CertificateFacts& facts) {
    for (int i = 0; i < X509_get_ext_count(certificate); ++i) {
        X509_EXTENSION* extension = X509_get_ext(certificate, i);
        const ASN1_STRING* value = X509_EXTENSION_get_data(extension);
        const Bytes der(ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value)));
        facts.extensions.push_back({oid_text(X509_EXTENSION_get_object(extension)),
                                    X509_EXTENSION_get_critical(extension) != 0, std::string(as_text(der))});
    }
}

std::string encoded(std::string_view text, bool element) {
    static constexpr char hex[] = "0123456789ABCDEF";
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        // A blank is fine inside, but one at an end would be cut off as white space of the field.
        const bool blank = c == ' ' && i != 0 && i + 1 != text.size();
        if ((byte > 0x20 && byte < 0x7f && c != '%' && !(element && c == ',')) || blank) {
            out += c;
        } else {
            out.append(1, '%').append(1, hex[byte >> 4]).append(1, hex[byte & 15]);
        }
    }
    return out;
}

std::string joined(const std::vector<std::string>& elements) {
    std::string out;
    for (const std::string& each : elements) out.append(out.empty() ? "" : ",").append(encoded(each, true));
    return out;
}

// The body of the PEM block is the DER in base64 already.
std::string byte_sequence(std::string_view pem) {
    std::string out = ":";
    bool body = false;
    while (!pem.empty()) {
        const std::size_t end = std::min(pem.find('\n'), pem.size());
        const std::string_view line = pem.substr(0, end);
        pem.remove_prefix(std::min(end + 1, pem.size()));
        if (line.starts_with("-----")) {
            if (body) break;
            body = true;
        } else if (body) {
            out += line;
        }
    }
    return out + ":";
}

} // namespace

Result<CertificateFacts> certificate_facts(std::string_view pem) {
    const Result<std::vector<x509::Ptr<X509>>> certificates = x509::read_certificates(pem);
    if (!certificates) return certificates.error();
    X509* certificate = certificates->front().get();
    CertificateFacts facts;
    facts.info = x509::describe(certificate);
    facts.subject = read_name(X509_get_subject_name(certificate));
    facts.issuer = read_name(X509_get_issuer_name(certificate));
    facts.signature_algorithm = algorithm_text(certificate);
    facts.pem = x509::to_pem(certificate);
    read_alternative_names(certificate, facts);
    read_extensions(certificate, facts);
    ERR_clear_error();
    return facts;
}

std::vector<std::pair<std::string, std::string>> certificate_fields(const CertificateFacts& facts, bool verified) {
    std::vector<std::pair<std::string, std::string>> fields;
    fields.emplace_back("Client-Cert", byte_sequence(facts.pem));
    if (!verified) return fields;
    const auto add = [&fields](const char* name, std::string value) {
        if (!value.empty()) fields.emplace_back(name, std::move(value));
    };
    add("ngrok-mtls-subject-cn", encoded(facts.subject.common_name, false));
    add("ngrok-mtls-subject-alt-name-dns", joined(facts.info.dns_names));
    add("ngrok-mtls-email-addresses", joined(facts.email_addresses));
    add("ngrok-mtls-serial-number", facts.info.serial);
    return fields;
}

} // namespace adit::inline v0::tls
