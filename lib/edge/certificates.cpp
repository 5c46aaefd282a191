#include "edge/certificates.hpp"

#include "tls/certificate_authority.hpp"
#include "tls/identity.hpp"
#include "tls/ticket_keys.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <unordered_map>

namespace adit::inline v0::edge {
namespace {

std::chrono::sys_seconds now() {
    return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
}

ErrorInfo for_option(std::string_view option, const ErrorInfo& error) {
    return ErrorInfo(errc::invalid_option, error.message(), std::string(option));
}

/// What visitors and agents may call this edge.
std::vector<std::string> own_names(const Settings& settings) {
    std::vector<std::string> names = {settings.base_domain, "*." + settings.base_domain, "localhost", "*.localhost",
                                      "127.0.0.1", "::1"};
    names.insert(names.end(), settings.allowed_domains.begin(), settings.allowed_domains.end());
    for (const auto& address : {settings.agent_address.address(), settings.https_address.address()}) {
        if (!address.is_unspecified()) names.push_back(address.to_string());
    }
    std::vector<std::string> unique;
    for (std::string& name : names) {
        if (std::ranges::find(unique, name) == unique.end()) unique.push_back(std::move(name));
    }
    return unique;
}

Result<tls::CertificateAuthority> make_authority(const ServerOptions::Data& data) {
    if (data.ca_pem.empty()) return tls::CertificateAuthority::create("adit edge CA", now());
    auto kept = tls::CertificateAuthority::from_pem(data.ca_pem, data.ca_key_pem);
    if (!kept) return for_option("certificate_authority", kept.error());
    return kept;
}

/// Certificates for single names, made when a visitor asks: OpenSSL accepts no wildcard right below a top-level name
/// ("*.localhost"), and nobody accepts one for names that are nested deeper. Thread-safe.
class Mint {
public:
    Mint(tls::CertificateAuthority authority, const Settings& settings)
        : authority_(std::move(authority)), domains_(settings.allowed_domains) {
        domains_.push_back(settings.base_domain);
        domains_.emplace_back("localhost");
    }

    /// Null for a name that is not ours or that cannot stand in a certificate.
    std::shared_ptr<const tls::Identity> get(std::string_view name) {
        if (!ours(name)) return nullptr;
        const std::lock_guard lock(mutex_);
        const auto found = made_.find(std::string(name));
        if (found != made_.end() && found->second->not_after() > now() + renew_before) return found->second;
        auto issued = authority_.issue_server({std::string(name)}, now());
        if (!issued) return nullptr;
        auto identity = tls::Identity::from_pem(issued->certificate_pem, issued->key_pem);
        if (!identity) return nullptr;
        if (made_.size() >= kept_max) made_.clear();
        made_.insert_or_assign(std::string(name), *identity);
        return *identity;
    }

private:
    static constexpr auto renew_before = std::chrono::days(30);
    static constexpr std::size_t kept_max = 1'024; // far more names than an edge with its own CA has

    bool ours(std::string_view name) const {
        return std::ranges::any_of(domains_, [name](std::string_view domain) {
            if (domain.starts_with("*.")) domain.remove_prefix(2);
            return name.size() > domain.size() + 1 && name.ends_with(domain) &&
                   name[name.size() - domain.size() - 1] == '.';
        });
    }

    const tls::CertificateAuthority authority_;
    std::vector<std::string> domains_;
    std::mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<const tls::Identity>> made_;
};

/// The store's exact names and wildcards, but a minted certificate where a wildcard would not be accepted; only as long as
/// nobody gave the edge a certificate.
tls::IdentitySelector minting_selector(std::shared_ptr<tls::CertStore> store, std::shared_ptr<Mint> mint,
                                       std::shared_ptr<const std::atomic<bool>> own) {
    return [store = std::move(store), mint = std::move(mint), own = std::move(own)](std::string_view name) {
        if (!own->load()) return store->select(name);
        const auto dot = name.find('.');
        const bool wildcard_serves = dot == name.npos || name.find('.', dot + 1) != name.npos;
        auto identity = store->find(name);
        if (identity && wildcard_serves) return identity;
        if (auto minted = mint->get(name)) return minted;
        return store->select(name);
    };
}

/// Fills the store and says how a certificate is picked.
Result<tls::IdentitySelector> fill_store(OwnTls& made, const Settings& settings, const ServerOptions::Data& data) {
    const auto& store = made.contexts.certificates;
    if (!data.chain_pem.empty()) {
        if (auto loaded = reload(made.contexts, data.chain_pem, data.key_pem); !loaded) return loaded.error();
        return tls::selector_of(store);
    }
    auto authority = make_authority(data);
    if (!authority) return authority.error();
    const auto issued = authority->issue_server(own_names(settings), now());
    if (!issued) return issued.error();
    made.ca_pem = authority->certificate_pem();
    if (auto loaded = reload(made.contexts, issued->certificate_pem, issued->key_pem); !loaded) return loaded.error();
    *made.contexts.own_certificate = true;
    return minting_selector(store, std::make_shared<Mint>(std::move(*authority), settings),
                            made.contexts.own_certificate);
}

} // namespace

Result<OwnTls> make_tls(const Settings& settings, const ServerOptions::Data& data) {
    OwnTls made;
    made.contexts.certificates = std::make_shared<tls::CertStore>();
    made.contexts.own_certificate = std::make_shared<std::atomic<bool>>(false);
    auto selector = fill_store(made, settings, data);
    if (!selector) return selector.error();

    tls::ServerOptions options;
    options.select = std::move(*selector);
    auto agents = tls::ServerContext::create(options);
    if (!agents) return agents.error();

    options.min_version = settings.min_tls_version;
    options.tickets = std::make_shared<tls::TicketKeys>();
    options.session_context = "tls endpoints";
    auto terminated = tls::ServerContext::create(options);
    if (!terminated) return terminated.error();

    options.alpn = {"http/1.1"};
    options.session_context = "https endpoints";
    auto visitors = tls::ServerContext::create(options);
    if (!visitors) return visitors.error();

    made.contexts.agents = std::move(*agents);
    made.contexts.terminated = std::move(*terminated);
    made.contexts.visitors = std::move(*visitors);
    return made;
}

Result<void> reload(const TlsContexts& contexts, std::string_view chain_pem, std::string_view key_pem) {
    auto identity = tls::Identity::from_pem(chain_pem, key_pem);
    if (!identity) return for_option("certificate", identity.error());
    std::vector<tls::CertStore::Entry> entries;
    for (const std::string& name : (*identity)->info().dns_names) entries.emplace_back(name, *identity);
    contexts.certificates->replace(entries, *identity);
    *contexts.own_certificate = false;
    return {};
}

} // namespace adit
