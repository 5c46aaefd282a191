// The server's side of TLS, for endpoints whose TLS ends in this program.
#pragma once

#include <adit/config.hpp>
#include <adit/error.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0 {

enum class TlsVersion { tls12, tls13 };

/// Whether clients must show a certificate. One that is shown must be good in either case.
enum class ClientCertificate { required, optional };

/// Certificates and rules for visitors of a tls endpoint that Endpoint::agent_tls_termination() attaches them to. The edge
/// passes their TLS on by its server name and sees nothing but ciphertext; no key leaves this program.
///
///     auto tls = adit::TlsServer(chain_pem, key_pem).client_ca(ca_pem).alpn({"h2", "http/1.1"});
///     auto listener = session.listen(adit::Endpoint("tls://app.example.com").agent_tls_termination(tls));
///     tls.certificate(new_chain_pem, new_key_pem); // at any time: the next handshakes use it
///
/// A handle: copies share what they stand for, and one may serve many endpoints. Every change holds for the handshakes that
/// begin after it; connections that are open keep what they agreed on. TLS 1.2 and 1.3, ECDHE and AEAD only. There are no
/// session tickets: every connection is a full handshake, so that a change holds for everybody.
///
/// A value that cannot work is refused at once, changes nothing, and the error's message (errc::invalid_option) starts with
/// the name of the function. The forms without an ErrorInfo throw SystemError.
///
/// Thread safety: distinct handles and shared handles are safe, also while handshakes run; assigning, moving and destroying
/// one handle object is not.
class ADIT_API TlsServer {
public:
    /// Without a certificate: listen() refuses it until it has one.
    TlsServer();
    /// As certificate().
    TlsServer(std::string_view chain_pem, std::string_view key_pem);
    TlsServer(const TlsServer&) noexcept;
    TlsServer(TlsServer&&) noexcept;
    TlsServer& operator=(const TlsServer&) noexcept;
    TlsServer& operator=(TlsServer&&) noexcept;
    ~TlsServer();

    /// The certificate chain, leaf first, and its key, not encrypted: RSA of at least 2048 bits, ECDSA P-256 or P-384, or
    /// Ed25519. Shown to all clients for whose server name add_certificate() has none. Replaces what was there.
    TlsServer& certificate(std::string_view chain_pem, std::string_view key_pem);
    void certificate(std::string_view chain_pem, std::string_view key_pem, ErrorInfo& error);
    /// One more, for clients that ask for one of its DNS names; "*.example.com" stands for one label, an exact name wins.
    /// Replaces what was there for the same names.
    TlsServer& add_certificate(std::string_view chain_pem, std::string_view key_pem);
    void add_certificate(std::string_view chain_pem, std::string_view key_pem, ErrorInfo& error);
    /// Takes away what add_certificate() has for this name, written as in the certificate.
    TlsServer& remove_certificate(std::string_view name);

    /// Clients are asked for a certificate, which must chain to one of these and be for client authentication: PEM text
    /// with at least one certificate. The last call wins. Before the first one nobody is asked.
    TlsServer& client_ca(std::string_view pem, ClientCertificate need = ClientCertificate::required);
    void client_ca(std::string_view pem, ClientCertificate need, ErrorInfo& error);

    /// Protocols for ALPN (RFC 7301), the best first: "h2", "http/1.1". A client that offers some, but none of these, is
    /// refused; one that offers none is not. Empty (default): ALPN is ignored.
    TlsServer& alpn(const std::vector<std::string>& protocols);
    /// Default TLS 1.2.
    TlsServer& min_version(TlsVersion version);

    struct State;
    /// For the library itself.
    const std::shared_ptr<State>& state() const noexcept { return state_; }

private:
    std::shared_ptr<State> state_;
};

} // namespace adit
