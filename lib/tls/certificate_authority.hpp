// A small certificate authority: for an edge that has no certificate of its own yet, and for tests.
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::tls {

/// A certificate with its key, both as PEM, as Identity::from_pem() takes them.
struct IssuedCertificate {
    std::string certificate_pem;
    std::string key_pem;
};

/// What a leaf is to be valid for. All choices a test needs (expired, for another name, for clients) are made
/// here.
struct LeafRequest {
    /// DNS names, wildcards as "*.example.com", IP literals; at least one unless `client`.
    std::vector<std::string> names;
    std::chrono::sys_seconds not_before{};
    std::chrono::sys_seconds not_after{};
    bool client = false;     ///< clientAuth instead of serverAuth
    std::string common_name; ///< subject; the first name if empty
};

/// ECDSA P-256, SHA-256. Leaves carry subjectAltName, CA:FALSE, key usage, serverAuth, key identifiers and a
/// random 128-bit serial, so that OpenSSL in strict mode, BoringSSL, Go and rustls accept them. Immutable,
/// thread-safe.
class ADIT_INTERNAL CertificateAuthority {
public:
    /// A new self-signed root, valid from an hour before `now` (clocks differ) for `valid`.
    static Result<CertificateAuthority> create(std::string_view common_name, std::chrono::sys_seconds now,
                                               std::chrono::days valid = std::chrono::days(3650));
    /// One that was kept. errc::invalid_option if key and certificate do not belong together or it is no CA.
    static Result<CertificateAuthority> from_pem(std::string_view certificate, std::string_view private_key);

    CertificateAuthority(CertificateAuthority&&) noexcept;
    CertificateAuthority& operator=(CertificateAuthority&&) noexcept;
    ~CertificateAuthority();

    const std::string& certificate_pem() const noexcept; ///< what clients have to trust
    const std::string& key_pem() const noexcept;         ///< PKCS#8; keep it secret

    Result<IssuedCertificate> issue(const LeafRequest& request) const;
    /// A server certificate valid from an hour before `now` for 397 days.
    Result<IssuedCertificate> issue_server(std::vector<std::string> names,
                                           std::chrono::sys_seconds now) const;

private:
    struct Native;
    explicit CertificateAuthority(std::unique_ptr<const Native> native) noexcept;
    std::unique_ptr<const Native> native_;
};

} // namespace adit::inline v0::tls
