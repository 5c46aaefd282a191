// How TLS ends at the edge for endpoints that want it in their own way, and the contexts for that.
#pragma once

#include "base/result.hpp"
#include "base/url.hpp"
#include "edge/settings.hpp"
#include "tls/context.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace adit::inline v0::edge {

/// What an endpoint asks of its visitors (behaviour S8.1c).
enum class ClientCertificates : std::uint8_t {
    none,
    require_and_verify, ///< one that chains to `client_cas`
    require_any,        ///< one of any issuer: whoever looks at it has to judge it
    request,            ///< none will do as well
};

/// What terminate-tls or the modules of a bind say about one endpoint.
class TlsSettings {
public:
    std::optional<tls::Version> min_version, max_version; ///< unset: the edge's
    /// PEM, both or neither; empty: the edge's certificate for the name.
    std::string certificate_pem, key_pem;
    std::vector<std::string> client_cas; ///< PEM texts of one or more certificates each
    ClientCertificates client_certificates = ClientCertificates::none;
    /// Unset: for https what the edge offers there, for tls and tcp none.
    std::optional<std::vector<std::string>> alpn;

    /// Nothing is asked for that the edge does not do anyway.
    bool plain() const noexcept;
};

/// "require-and-verify", "require-any", "request"; "" is the first of them.
std::optional<ClientCertificates> parse_client_certificates(std::string_view strategy) noexcept;

/// Makes a context for each distinct TlsSettings of a credential and gives the same one again while anybody holds it:
/// its address says what a connection was asked for. Thread-safe.
///
/// A session ticket of one context is not taken by another (threat T10); contexts that ask for client certificates
/// neither give nor take tickets, so that each of their connections shows its certificate again.
class EndpointTls {
public:
    using Clock = std::function<std::chrono::sys_seconds()>;

    /// `select` and `tickets`: the edge's.
    EndpointTls(const Settings& settings, tls::IdentitySelector select, std::shared_ptr<tls::TicketKeys> tickets,
                Clock clock);

    /// errc::invalid_option names what cannot work: versions, a certificate that does not parse, belongs to another
    /// key, is out of order or out of date, authorities that are missing or do not parse.
    Result<std::shared_ptr<const tls::ServerContext>> get(const TlsSettings& settings, UrlScheme scheme,
                                                          std::string_view credential);
    /// Contexts that are in use.
    std::size_t size() const;

private:
    Result<tls::ServerOptions> make_options(const TlsSettings& settings, UrlScheme scheme) const;

    const tls::Version min_version_, max_version_;
    const std::vector<std::string> https_alpn_;
    const tls::IdentitySelector select_;
    const std::shared_ptr<tls::TicketKeys> tickets_;
    const Clock clock_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::weak_ptr<const tls::ServerContext>>
        contexts_; // with dead ones, swept as it doubles
    std::size_t sweep_at_ = 64;
};

/// What https endpoints offer.
std::vector<std::string> https_alpn(const Settings& settings);

} // namespace adit::inline v0::edge
