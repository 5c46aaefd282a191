// Helpers on X.509 and PEM that identity, roots, authority and engine share. Private to lib/tls.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "tls/boring.hpp"
#include "tls/identity.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::tls::x509 {

template <class T>
using Ptr = bssl::UniquePtr<T>;

/// One "-----BEGIN label-----" block.
struct PemBlock {
    std::string label;
    std::vector<std::uint8_t> der;
    bool encrypted = false; // has a "Proc-Type: 4,ENCRYPTED" header
};

/// All blocks of a text, text between them ignored; a damaged block is an error that gives its number.
Result<std::vector<PemBlock>> read_pem(std::string_view text);
bool is_certificate(const PemBlock& block) noexcept;
bool is_private_key(const PemBlock& block) noexcept;
std::string to_pem(const X509* certificate);
std::string to_pem(const EVP_PKEY* key); // PKCS#8

/// Null if it does not parse to the last byte.
Ptr<X509> parse_certificate(Bytes der);
/// All certificates of a PEM text, at least one; errors give the block's number.
Result<std::vector<Ptr<X509>>> read_certificates(std::string_view pem);
/// The first private key of a PEM text; errors say what is wrong with it.
Result<Ptr<EVP_PKEY>> read_private_key(std::string_view pem);
/// What a peer of today accepts: RSA from 2048 bits, P-256, P-384, Ed25519. Empty if fine, else what is
/// wrong.
std::string key_problem(const EVP_PKEY* key);

CertificateInfo describe(const X509* certificate);
std::string name_text(const X509_NAME* name);
std::chrono::sys_seconds time_of(const ASN1_TIME* time);
std::string date_text(std::chrono::sys_seconds when); // "2026-01-31 23:59:59 UTC"

/// 4 or 16 bytes if the text is an IP literal (brackets allowed), else empty.
std::vector<std::uint8_t> ip_bytes(std::string_view text);
std::string ip_text(Bytes address);

/// A whole regular file up to limits::pem_file_max; errors name the file. Never waits for a pipe or a device.
Result<std::string> read_file(const std::string& path);

/// The text of BoringSSL's last error on this thread, such as "BAD_DECRYPT"; empties its queue.
std::string last_reason();

} // namespace adit::inline v0::tls::x509
