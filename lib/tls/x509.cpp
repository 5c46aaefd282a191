#include "tls/x509.hpp"

#include "base/hex.hpp"
#include "base/ip_address.hpp"

#include <openssl/bn.h>
#include <openssl/digest.h>
#include <openssl/mem.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <new>
#include <optional>

namespace adit::inline v0::tls::x509 {
namespace {

std::string serial_text(const X509* certificate) {
    const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
    const Ptr<BIGNUM> number(ASN1_INTEGER_to_BN(serial, nullptr));
    if (number == nullptr) return {};
    const Ptr<char> text(BN_bn2hex(number.get()));
    std::string lower = text == nullptr ? std::string() : std::string(text.get());
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

void read_names(const X509* certificate, CertificateInfo& info) {
    const Ptr<GENERAL_NAMES> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    if (names == nullptr) return;
    for (std::size_t i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
        const ASN1_STRING* value = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
        const Bytes bytes(ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value)));
        if (name->type == GEN_IPADD) {
            if (std::string text = ip_text(bytes); !text.empty())
                info.ip_addresses.push_back(std::move(text));
            continue;
        }
        std::string text(as_text(bytes));
        if (text.find('\0') != std::string::npos)
            continue; // a classic forgery: "good.example\0.evil.example"
        std::transform(text.begin(), text.end(), text.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        info.dns_names.push_back(std::move(text));
    }
}

} // namespace

std::string name_text(const X509_NAME* name) {
    const Ptr<BIO> bio(BIO_new(BIO_s_mem()));
    if (bio == nullptr) throw std::bad_alloc();
    const std::uint8_t* data = nullptr;
    std::size_t size = 0;
    if (X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0 ||
        BIO_mem_contents(bio.get(), &data, &size) != 1) {
        ERR_clear_error();
        return "(unreadable name)";
    }
    return std::string(as_text(Bytes(data, size)));
}

std::chrono::sys_seconds time_of(const ASN1_TIME* time) {
    const Ptr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
    int days = 0, seconds = 0;
    if (epoch == nullptr || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) {
        ERR_clear_error();
        return {};
    }
    return std::chrono::sys_seconds(std::chrono::days(days)) + std::chrono::seconds(seconds);
}

std::string date_text(std::chrono::sys_seconds when) {
    const std::time_t time = static_cast<std::time_t>(when.time_since_epoch().count());
    std::tm parts = {};
    char text[32];
    if (gmtime_r(&time, &parts) == nullptr) return "?";
    return std::string(text, std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts));
}

CertificateInfo describe(const X509* certificate) {
    CertificateInfo info;
    info.subject = name_text(X509_get_subject_name(certificate));
    info.issuer = name_text(X509_get_issuer_name(certificate));
    info.serial = serial_text(certificate);
    std::uint8_t digest[SHA256_DIGEST_LENGTH];
    unsigned size = 0;
    if (X509_digest(certificate, EVP_sha256(), digest, &size) == 1)
        info.fingerprint = hex_encode(Bytes(digest, size));
    read_names(certificate, info);
    info.not_before = time_of(X509_get0_notBefore(certificate));
    info.not_after = time_of(X509_get0_notAfter(certificate));
    info.authority = (X509_get_extension_flags(const_cast<X509*>(certificate)) & EXFLAG_CA) != 0;
    ERR_clear_error();
    return info;
}

std::vector<std::uint8_t> ip_bytes(std::string_view text) {
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
        text = text.substr(1, text.size() - 2);
        if (text.find(':') == std::string_view::npos) return {};
    }
    const std::optional<IpAddress> address = IpAddress::parse(text);
    if (!address) return {};
    if (!address->is_v4()) return {address->v6().begin(), address->v6().end()};
    const std::array<std::uint8_t, 4> v4 = address->v4();
    return {v4.begin(), v4.end()};
}

std::string ip_text(Bytes address) {
    if (address.size() == 4) {
        std::array<std::uint8_t, 4> v4;
        std::copy(address.begin(), address.end(), v4.begin());
        return IpAddress(v4).to_string();
    }
    if (address.size() != 16) return {};
    std::array<std::uint8_t, 16> v6;
    std::copy(address.begin(), address.end(), v6.begin());
    return IpAddress(v6).to_string();
}

} // namespace adit::inline v0::tls::x509
