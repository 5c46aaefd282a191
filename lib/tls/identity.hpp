// Who we are towards a peer: a certificate chain with its private key; and what there is to know about a
// certificate.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::tls {

/// What a certificate says, as text and dates. A plain value.
struct CertificateInfo {
    std::string subject;                ///< RFC 2253, such as "CN=app.example.com,O=Example"
    std::string issuer;                 ///< likewise
    std::string serial;                 ///< lower-case hex
    std::string fingerprint;            ///< SHA-256 of the certificate, lower-case hex
    std::vector<std::string> dns_names; ///< subjectAltName dNSName, lower case, wildcards as "*.example.com"
    std::vector<std::string> ip_addresses; ///< subjectAltName iPAddress as text
    std::chrono::sys_seconds not_before{};
    std::chrono::sys_seconds not_after{};
    bool authority = false; ///< basicConstraints CA:TRUE
};

/// Reads the first certificate of a PEM text.
ADIT_INTERNAL Result<CertificateInfo> read_certificate(std::string_view pem);

/// Whether a pattern of a certificate ("app.example.com", "*.example.com") covers a host name; a wildcard
/// stands for exactly one label (RFC 6125 6.4.3). Both in any case, a trailing dot of the host is ignored.
ADIT_INTERNAL bool name_matches(std::string_view pattern, std::string_view host) noexcept;

/// A certificate chain and the private key of its first certificate. Immutable, shared between contexts and
/// threads.
class ADIT_INTERNAL Identity {
public:
    /// `certificates`: the leaf first, each next one the issuer of the one before; `private_key`: PKCS#8, SEC
    /// 1 or PKCS#1, not encrypted, of type RSA (2048 bits or more), ECDSA P-256 or P-384, or Ed25519. Any
    /// order of text around the PEM blocks is ignored; both may be the same text. Errors
    /// (errc::invalid_option) name what is wrong: no block found, a block that does not parse (its number),
    /// the key of another certificate, a chain out of order. Dates are not checked: see info().
    static Result<std::shared_ptr<const Identity>> from_pem(std::string_view certificates,
                                                            std::string_view private_key);
    /// The same from files; errors name the file.
    static Result<std::shared_ptr<const Identity>> from_files(const std::string& certificate_file,
                                                              const std::string& key_file);

    Identity(const Identity&) = delete;
    Identity& operator=(const Identity&) = delete;
    ~Identity();

    /// Of the leaf.
    const CertificateInfo& info() const noexcept;
    /// errc::invalid_option if a certificate of the chain is expired or not valid yet; says which, and since or until when.
    Result<void> check_dates(std::chrono::sys_seconds now) const;
    std::chrono::sys_seconds not_before() const noexcept { return info().not_before; }
    std::chrono::sys_seconds not_after() const noexcept { return info().not_after; }
    /// The whole chain, leaf first; never the key.
    const std::string& certificate_pem() const noexcept;
    std::size_t chain_length() const noexcept;
    /// Whether the leaf is valid for this DNS name or IP literal.
    bool covers(std::string_view host) const noexcept;

    struct Native;
    const Native& native() const noexcept { return *native_; } ///< for lib/tls only

private:
    explicit Identity(std::unique_ptr<const Native> native) noexcept;
    std::unique_ptr<const Native> native_;
};

} // namespace adit::inline v0::tls
