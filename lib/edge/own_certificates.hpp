// The certificates that an edge makes for itself while nobody gave it one.
#pragma once

#include "tls/certificate_authority.hpp"
#include "tls/identity.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace adit::inline v0::edge {

/// One certificate for all names and wildcards of the edge; and further ones for single names, made when a visitor asks,
/// where a wildcard is not accepted: OpenSSL takes none right below a top-level name ("*.localhost"), and nobody takes one
/// for names that are nested deeper. Each is made anew before it expires. Thread-safe.
class OwnCertificates {
public:
    using Clock = std::function<std::chrono::sys_seconds()>;

    /// `names`: of the common certificate; `domains`: single names below them are ours too.
    static Result<std::shared_ptr<OwnCertificates>> create(tls::CertificateAuthority authority, std::vector<std::string> names,
                                                           std::vector<std::string> domains, Clock clock);

    /// For a name that is not ours the common one; "" is no name.
    std::shared_ptr<const tls::Identity> get(std::string_view name);

private:
    OwnCertificates(tls::CertificateAuthority authority, std::vector<std::string> names, std::vector<std::string> domains,
                    Clock clock);

    bool is_ours(std::string_view name) const;
    bool is_fresh(const tls::Identity& identity) const;
    Result<std::shared_ptr<const tls::Identity>> issue(std::vector<std::string> names) const;

    const tls::CertificateAuthority authority_;
    const std::chrono::sys_seconds authority_end_; // none can be made that lasts longer
    const std::vector<std::string> names_;
    const std::vector<std::string> domains_;
    const Clock clock_;
    std::mutex mutex_;
    std::shared_ptr<const tls::Identity> common_;
    std::unordered_map<std::string, std::shared_ptr<const tls::Identity>> single_;
};

} // namespace adit
