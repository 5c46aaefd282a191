// Keys and self-signed certificates of kinds that our own authority never makes.
#pragma once

#include <openssl/base.h>
#ifndef OPENSSL_IS_BORINGSSL
#error "these are OpenSSL's headers"
#endif
#include <openssl/bn.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdint>
#include <string>

namespace tls_test {

inline std::string text_of(BIO* bio) {
    const std::uint8_t* data = nullptr;
    std::size_t size = 0;
    BIO_mem_contents(bio, &data, &size);
    return std::string(reinterpret_cast<const char*>(data), size);
}

inline bssl::UniquePtr<EVP_PKEY> rsa_key(int bits) {
    const bssl::UniquePtr<RSA> rsa(RSA_new());
    const bssl::UniquePtr<BIGNUM> exponent(BN_new());
    BN_set_word(exponent.get(), 65537);
    RSA_generate_key_ex(rsa.get(), bits, exponent.get(), nullptr);
    bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
    EVP_PKEY_set1_RSA(key.get(), rsa.get());
    return key;
}
inline bssl::UniquePtr<EVP_PKEY> ec_key(int curve) {
    const bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(curve));
    EC_KEY_generate_key(ec.get());
    bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
    EVP_PKEY_set1_EC_KEY(key.get(), ec.get());
    return key;
}
inline bssl::UniquePtr<EVP_PKEY> ed25519_key() {
    std::uint8_t seed[32];
    for (std::size_t i = 0; i < sizeof(seed); ++i) seed[i] = static_cast<std::uint8_t>(i);
    return bssl::UniquePtr<EVP_PKEY>(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed, sizeof(seed)));
}

inline std::string pkcs8_pem(EVP_PKEY* key, const char* password = nullptr) {
    const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
    const int size = password == nullptr ? 0 : static_cast<int>(std::char_traits<char>::length(password));
    PEM_write_bio_PKCS8PrivateKey(bio.get(), key, password == nullptr ? nullptr : EVP_aes_128_cbc(),
                                  const_cast<char*>(password), size, nullptr, nullptr);
    return text_of(bio.get());
}
/// "EC PRIVATE KEY" or "RSA PRIVATE KEY".
inline std::string traditional_pem(EVP_PKEY* key, const char* password = nullptr) {
    const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
    const EVP_CIPHER* cipher = password == nullptr ? nullptr : EVP_aes_128_cbc();
    auto* bytes = reinterpret_cast<std::uint8_t*>(const_cast<char*>(password));
    const int size = password == nullptr ? 0 : static_cast<int>(std::char_traits<char>::length(password));
    if (EVP_PKEY_id(key) == EVP_PKEY_EC) {
        PEM_write_bio_ECPrivateKey(bio.get(), EVP_PKEY_get0_EC_KEY(key), cipher, bytes, size, nullptr,
                                   nullptr);
    } else {
        PEM_write_bio_RSAPrivateKey(bio.get(), EVP_PKEY_get0_RSA(key), cipher, bytes, size, nullptr, nullptr);
    }
    return text_of(bio.get());
}

/// Signed by `issuer_key`, in the name `issuer`; no extensions at all.
inline std::string certificate_pem(EVP_PKEY* key, const char* subject, EVP_PKEY* issuer_key,
                                   const char* issuer) {
    const bssl::UniquePtr<X509> certificate(X509_new());
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 7);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    const auto set_name = [](X509_NAME* name, const char* text) {
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const std::uint8_t*>(text), -1,
                                   -1, 0);
    };
    set_name(X509_get_subject_name(certificate.get()), subject);
    set_name(X509_get_issuer_name(certificate.get()), issuer);
    X509_set_pubkey(certificate.get(), key);
    X509_sign(certificate.get(), issuer_key,
              EVP_PKEY_id(issuer_key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256());
    const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate.get());
    return text_of(bio.get());
}
inline std::string self_signed_pem(EVP_PKEY* key, const char* subject) {
    return certificate_pem(key, subject, key, subject);
}

} // namespace tls_test
