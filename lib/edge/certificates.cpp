#include "edge/certificates.hpp"

#include "edge/own_certificates.hpp"
#include "tls/ticket_keys.hpp"

#include <algorithm>
#include <chrono>

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
    if (!settings.agent_server_name.empty()) names.push_back(settings.agent_server_name);
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

/// Says how a certificate is picked: the given one, or those that the edge makes until one is given.
Result<tls::IdentitySelector> make_selector(OwnTls& made, const Settings& settings, const ServerOptions::Data& data) {
    const auto& store = made.contexts.certificates;
    if (!data.chain_pem.empty()) {
        std::vector<CertificatePem> texts = {{data.chain_pem, data.key_pem}};
        texts.insert(texts.end(), data.more_certificates.begin(), data.more_certificates.end());
        const auto given = read_certificates(texts);
        if (!given) return given.error();
        use_certificates(made.contexts, *given);
        return tls::selector_of(store);
    }
    auto authority = make_authority(data);
    if (!authority) return authority.error();
    made.ca_pem = authority->certificate_pem();
    std::vector<std::string> domains = settings.allowed_domains;
    domains.push_back(settings.base_domain);
    domains.emplace_back("localhost");
    auto certificates = OwnCertificates::create(std::move(*authority), own_names(settings), std::move(domains), now);
    if (!certificates) return certificates.error();
    return tls::IdentitySelector([own = *certificates, given = store](std::string_view name) {
        auto identity = given->select(name); // of a reload
        return identity ? identity : own->get(name);
    });
}

} // namespace

Result<OwnTls> make_tls(const Settings& settings, const ServerOptions::Data& data) {
    OwnTls made;
    made.contexts.certificates = std::make_shared<tls::CertStore>();
    auto selector = make_selector(made, settings, data);
    if (!selector) return selector.error();

    tls::ServerOptions options;
    options.select = std::move(*selector);
    auto agents = tls::ServerContext::create(options);
    if (!agents) return agents.error();

    options.min_version = settings.min_tls_version;
    options.max_version = settings.max_tls_version;
    options.tickets = std::make_shared<tls::TicketKeys>();
    made.contexts.endpoints = std::make_shared<EndpointTls>(settings, options.select, options.tickets, now);
    options.session_context = "tls endpoints";
    auto terminated = tls::ServerContext::create(options);
    if (!terminated) return terminated.error();

    options.alpn = https_alpn(settings);
    options.session_context = "https endpoints";
    auto visitors = tls::ServerContext::create(options);
    if (!visitors) return visitors.error();

    made.contexts.agents = std::move(*agents);
    made.contexts.terminated = std::move(*terminated);
    made.contexts.visitors = std::move(*visitors);
    return made;
}

Result<Identities> read_certificates(const std::vector<CertificatePem>& chains_and_keys) {
    Identities identities;
    for (const auto& [chain_pem, key_pem] : chains_and_keys) {
        const bool first = identities.empty();
        const std::string_view option = first ? "certificate" : "add_certificate";
        const std::string which = first ? "" : "of certificate " + std::to_string(identities.size() + 1) + ": ";
        const auto refused = [&](const std::string& why) { return ErrorInfo(errc::invalid_option, which + why, std::string(option)); };
        auto identity = tls::Identity::from_pem(chain_pem, key_pem);
        if (!identity) return refused(identity.error().message());
        if (const auto dates = (*identity)->check_dates(now()); !dates) return refused(dates.error().message());
        if (!first && (*identity)->info().dns_names.empty())
            return refused("it has no DNS name, so nobody could ask for it");
        identities.push_back(std::move(*identity));
    }
    if (identities.empty()) return ErrorInfo(errc::invalid_option, "at least one certificate is needed", "certificate");
    return identities;
}

void use_certificates(const TlsContexts& contexts, const Identities& identities) {
    std::vector<tls::CertStore::Entry> entries;
    for (const auto& identity : identities) {
        for (const std::string& name : identity->info().dns_names) entries.emplace_back(name, identity);
    }
    contexts.certificates->replace(entries, identities.front());
}

} // namespace adit
