// The certificate that the visitor of a connection showed.
#pragma once

#include <adit/config.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0 {

/// What a client showed of itself when TLS ended in this program. A copy, not thread-safe. The texts are the visitor's
/// words: an authority vouches for them only if verified().
class PeerCertificate {
public:
    PeerCertificate() = default;

    /// False: none was shown, and all else is empty.
    explicit operator bool() const noexcept { return !chain_pem_.empty(); }
    /// It chains to TlsServer::client_ca() and was valid when the handshake happened.
    bool verified() const noexcept { return verified_; }
    /// As it was sent, leaf first.
    const std::string& chain_pem() const noexcept { return chain_pem_; }

    // Of the leaf.
    const std::string& subject() const noexcept { return subject_; }         ///< RFC 2253: "CN=alice,O=Example"
    const std::string& issuer() const noexcept { return issuer_; }           ///< likewise
    const std::string& serial() const noexcept { return serial_; }           ///< lower-case hex
    const std::string& fingerprint() const noexcept { return fingerprint_; } ///< SHA-256, lower-case hex
    const std::vector<std::string>& dns_names() const noexcept { return dns_names_; } ///< of subjectAltName
    std::chrono::system_clock::time_point not_before() const noexcept { return not_before_; }
    std::chrono::system_clock::time_point not_after() const noexcept { return not_after_; }

    // For the library itself.
    PeerCertificate& chain(std::string_view pem, bool verified) {
        chain_pem_ = pem;
        verified_ = verified;
        return *this;
    }
    PeerCertificate& names(std::string_view subject, std::string_view issuer, std::vector<std::string> dns_names) {
        subject_ = subject;
        issuer_ = issuer;
        dns_names_ = std::move(dns_names);
        return *this;
    }
    PeerCertificate& numbers(std::string_view serial, std::string_view fingerprint) {
        serial_ = serial;
        fingerprint_ = fingerprint;
        return *this;
    }
    PeerCertificate& valid(std::chrono::system_clock::time_point from, std::chrono::system_clock::time_point to) {
        not_before_ = from;
        not_after_ = to;
        return *this;
    }

private:
    bool verified_ = false;
    std::string chain_pem_, subject_, issuer_, serial_, fingerprint_;
    std::vector<std::string> dns_names_;
    std::chrono::system_clock::time_point not_before_, not_after_;
};

} // namespace adit
