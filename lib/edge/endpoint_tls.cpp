#include "edge/endpoint_tls.hpp"

#include "tls/crypto.hpp"
#include "tls/identity.hpp"
#include "tls/ticket_keys.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0::edge {
namespace {

ErrorInfo invalid(std::string_view option, std::string message) {
    return ErrorInfo(errc::invalid_option, std::move(message), std::string(option));
}

tls::ClientAuth auth_of(ClientCertificates wanted) noexcept {
    switch (wanted) {
    case ClientCertificates::require_and_verify: return tls::ClientAuth::require;
    case ClientCertificates::require_any: return tls::ClientAuth::require_any;
    case ClientCertificates::request: return tls::ClientAuth::request_any;
    case ClientCertificates::none: break;
    }
    return tls::ClientAuth::none;
}

/// All that makes two endpoints different, each part with its length in front: no two settings run together to one
/// text.
class Key {
public:
    void add(std::string_view part) { text_.append(std::to_string(part.size())).append(":").append(part); }
    std::string digest() const {
        const tls::Sha256 sum = tls::sha256(as_bytes(text_));
        return std::string(as_text(sum));
    }

private:
    std::string text_;
};

std::string version_text(const std::optional<tls::Version>& version) {
    if (!version) return "";
    return *version == tls::Version::tls12 ? "1.2" : "1.3";
}

std::string key_of(const TlsSettings& settings, UrlScheme scheme, std::string_view credential) {
    Key key;
    key.add(credential);
    key.add(to_string(scheme));
    key.add(version_text(settings.min_version));
    key.add(version_text(settings.max_version));
    key.add(settings.certificate_pem);
    key.add(settings.key_pem);
    key.add(std::to_string(static_cast<int>(settings.client_certificates)));
    key.add(std::to_string(settings.client_cas.size()));
    for (const std::string& pem : settings.client_cas) key.add(pem);
    key.add(settings.alpn ? std::to_string(settings.alpn->size()) : "");
    for (const std::string& name : settings.alpn.value_or(std::vector<std::string>())) key.add(name);
    return key.digest();
}

Result<std::shared_ptr<const tls::Identity>> own_identity(const TlsSettings& settings, std::chrono::sys_seconds now) {
    if (settings.certificate_pem.empty() || settings.key_pem.empty())
        return invalid("server_certificate", "the endpoint's certificate and its private key belong together");
    if (std::max(settings.certificate_pem.size(), settings.key_pem.size()) > limits::tls_termination_pem_max)
        return invalid("server_certificate", "the endpoint's certificate or key is larger than " +
                                                 std::to_string(limits::tls_termination_pem_max) + " bytes");
    auto identity = tls::Identity::from_pem(settings.certificate_pem, settings.key_pem);
    if (!identity) return invalid("server_certificate", identity.error().message());
    if (const auto dates = (*identity)->check_dates(now); !dates)
        return invalid("server_certificate", dates.error().message());
    return std::shared_ptr<const tls::Identity>(std::move(*identity));
}

Result<tls::TrustRoots> client_roots(const TlsSettings& settings) {
    std::string all;
    for (std::size_t i = 0; i < settings.client_cas.size(); ++i) {
        const std::string& pem = settings.client_cas[i];
        if (all.size() + pem.size() > limits::mutual_tls_ca_max)
            return invalid("mutual_tls_certificate_authorities", "the certificate authorities have more than " +
                                                                     std::to_string(limits::mutual_tls_ca_max) +
                                                                     " bytes");
        if (const auto each = tls::TrustRoots::from_pem(pem); !each)
            return invalid("mutual_tls_certificate_authorities",
                           "certificate authority " + std::to_string(i + 1) + ": " + each.error().message());
        all.append(pem).append("\n");
    }
    if (all.empty()) return tls::TrustRoots();
    return tls::TrustRoots::from_pem(all);
}

} // namespace

bool TlsSettings::plain() const noexcept {
    return !min_version && !max_version && certificate_pem.empty() && key_pem.empty() && client_cas.empty() &&
           client_certificates == ClientCertificates::none && !alpn;
}

std::optional<ClientCertificates> parse_client_certificates(std::string_view strategy) noexcept {
    if (strategy.empty() || strategy == "require-and-verify") return ClientCertificates::require_and_verify;
    if (strategy == "require-any") return ClientCertificates::require_any;
    if (strategy == "request") return ClientCertificates::request;
    return std::nullopt;
}

std::vector<std::string> https_alpn(const Settings& settings) {
    if (settings.http2) return {"h2", "http/1.1"};
    return {"http/1.1"};
}

EndpointTls::EndpointTls(const Settings& settings, tls::IdentitySelector select,
                         std::shared_ptr<tls::TicketKeys> tickets, Clock clock)
    : min_version_(settings.min_tls_version), max_version_(settings.max_tls_version), https_alpn_(https_alpn(settings)),
      select_(std::move(select)), tickets_(std::move(tickets)), clock_(std::move(clock)) {}

Result<std::shared_ptr<const tls::ServerContext>> EndpointTls::get(const TlsSettings& settings, UrlScheme scheme,
                                                                   std::string_view credential) {
    const std::string key = key_of(settings, scheme, credential);
    {
        const std::lock_guard lock(mutex_);
        const auto found = contexts_.find(key);
        if (found != contexts_.end()) {
            if (auto context = found->second.lock()) return context;
        }
    }
    auto options = make_options(settings, scheme);
    if (!options) return options.error();
    options->session_context = key;
    auto made = tls::ServerContext::create(std::move(*options));
    if (!made) return made.error();
    const std::lock_guard lock(mutex_);
    auto& kept = contexts_[key];
    if (auto context = kept.lock()) return context; // another thread was quicker
    kept = *made;
    if (contexts_.size() > sweep_at_) {
        std::erase_if(contexts_, [](const auto& each) { return each.second.expired(); });
        sweep_at_ = std::max<std::size_t>(64, 2 * contexts_.size());
    }
    return std::move(*made);
}

Result<tls::ServerOptions> EndpointTls::make_options(const TlsSettings& settings, UrlScheme scheme) const {
    tls::ServerOptions options;
    // Who names one bound only does not get into conflict with the edge's other one.
    options.min_version =
        settings.min_version.value_or(std::min(min_version_, settings.max_version.value_or(min_version_)));
    options.max_version =
        settings.max_version.value_or(std::max(max_version_, settings.min_version.value_or(max_version_)));
    if (options.min_version > options.max_version)
        return invalid("min_version", "the minimum TLS version is above the maximum");
    options.select = select_;
    if (!settings.certificate_pem.empty() || !settings.key_pem.empty()) {
        auto identity = own_identity(settings, clock_());
        if (!identity) return identity.error();
        options.select = [own = std::move(*identity)](std::string_view) { return own; };
    }
    options.client_auth = auth_of(settings.client_certificates);
    if (options.client_auth != tls::ClientAuth::none) {
        auto roots = client_roots(settings);
        if (!roots) return roots.error();
        if (roots->empty() && options.client_auth == tls::ClientAuth::require)
            return invalid("mutual_tls_certificate_authorities",
                           "client certificates are to be verified: name the authorities that they may come from");
        options.client_roots = std::move(*roots);
    } else if (!settings.client_cas.empty()) {
        return invalid("mutual_tls_verification_strategy", "there are certificate authorities, but no client is asked");
    } else {
        options.tickets = tickets_;
    }
    options.alpn = settings.alpn                ? *settings.alpn
                   : scheme == UrlScheme::https ? https_alpn_
                                                : std::vector<std::string>();
    return options;
}

std::size_t EndpointTls::size() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(contexts_, [](const auto& each) { return !each.second.expired(); }));
}

} // namespace adit::inline v0::edge
