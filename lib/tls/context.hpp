// What all TLS connections of one kind share: versions, ALPN, roots, identities. Built once, immutable, used
// by any thread.
#pragma once

#include "base/result.hpp"
#include "tls/identity.hpp"
#include "tls/ticket_keys.hpp"
#include "tls/trust_roots.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::tls {

enum class Version { tls12, tls13 };

/// The time certificates and ticket keys are judged by; empty means the system's clock. Called from any
/// thread.
using Clock = std::function<std::chrono::sys_seconds()>;

/// Picks the identity for a connection by the server name the client asked for (lower case, empty if it sent
/// none). Null refuses the handshake with the alert unrecognized_name; an exception fails it. Called from any
/// thread.
using IdentitySelector = std::function<std::shared_ptr<const Identity>(std::string_view server_name)>;

struct ClientOptions {
    TrustRoots roots;                         ///< must not be empty while `verify` is on
    std::shared_ptr<const Identity> identity; ///< shown when the server asks for a certificate; may be null
    std::vector<std::string> alpn;            ///< offered, in this order; empty: no ALPN extension
    Version min_version = Version::tls12;
    Version max_version = Version::tls13;
    bool verify = true; ///< off: any certificate is taken. For tests and diagnosis only.
    Clock clock;
};

/// What a server does about client certificates.
enum class ClientAuth {
    none,    ///< does not ask
    request, ///< asks; a client without one is let in, one with a bad one is not
    require, ///< a client must show one that chains to `client_roots`
    // These two let certificates of any issuer and date in, as long as the client has the key: look at
    // PeerCertificate::verified.
    request_any, ///< asks; a client without one is let in too
    require_any, ///< a client must show one
};

struct ServerOptions {
    IdentitySelector select;       ///< required
    std::vector<std::string> alpn; ///< our preference; without overlap the handshake fails (RFC 7301 3.2).
                                   ///< Empty: ALPN is ignored, which suits agents that offer none
    Version min_version = Version::tls12;
    Version max_version = Version::tls13;
    ClientAuth client_auth = ClientAuth::none;
    TrustRoots client_roots;             ///< required if `client_auth` is request or require
    std::shared_ptr<TicketKeys> tickets; ///< null: no resumption, no tickets sent (agents)
    /// Tickets are bound to this text, to the server name and to what is asked of clients, both by their seal and
    /// by what is sealed: one endpoint's ticket is never honoured by another, and none leads around a client
    /// certificate.
    std::string session_context;
    Clock clock;
};

class ADIT_INTERNAL ClientContext {
public:
    /// errc::invalid_option names the option that cannot work.
    static Result<std::shared_ptr<const ClientContext>> create(ClientOptions options);
    ClientContext(const ClientContext&) = delete;
    ClientContext& operator=(const ClientContext&) = delete;
    ~ClientContext();

    struct Native;
    const Native& native() const noexcept { return *native_; } ///< for lib/tls only

private:
    explicit ClientContext(std::unique_ptr<const Native> native) noexcept;
    std::unique_ptr<const Native> native_;
};

class ADIT_INTERNAL ServerContext {
public:
    /// errc::invalid_option names the option that cannot work.
    static Result<std::shared_ptr<const ServerContext>> create(ServerOptions options);
    ServerContext(const ServerContext&) = delete;
    ServerContext& operator=(const ServerContext&) = delete;
    ~ServerContext();

    ClientAuth client_auth() const noexcept;

    struct Native;
    const Native& native() const noexcept { return *native_; } ///< for lib/tls only

private:
    explicit ServerContext(std::unique_ptr<const Native> native) noexcept;
    std::unique_ptr<const Native> native_;
};

} // namespace adit::inline v0::tls
