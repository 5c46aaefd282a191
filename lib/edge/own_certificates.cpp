#include "edge/own_certificates.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0::edge {
namespace {

/// Whether verifiers accept a wildcard for it: not right below a top-level name.
bool wildcard_serves(std::string_view name) {
    const auto dot = name.find('.');
    return dot == name.npos || name.find('.', dot + 1) != name.npos;
}

std::chrono::sys_seconds end_of(const tls::CertificateAuthority& authority) {
    const auto info = tls::read_certificate(authority.certificate_pem());
    return info ? info->not_after : std::chrono::sys_seconds::max();
}

} // namespace

Result<std::shared_ptr<OwnCertificates>> OwnCertificates::create(tls::CertificateAuthority authority,
                                                                 std::vector<std::string> names,
                                                                 std::vector<std::string> domains, Clock clock) {
    const std::shared_ptr<OwnCertificates> made(
        new OwnCertificates(std::move(authority), std::move(names), std::move(domains), std::move(clock)));
    auto common = made->issue(made->names_);
    if (!common) return common.error();
    made->common_ = *common;
    return made;
}

OwnCertificates::OwnCertificates(tls::CertificateAuthority authority, std::vector<std::string> names,
                                 std::vector<std::string> domains, Clock clock)
    : authority_(std::move(authority)), authority_end_(end_of(authority_)), names_(std::move(names)), domains_(std::move(domains)), clock_(std::move(clock)) {}

std::shared_ptr<const tls::Identity> OwnCertificates::get(std::string_view name) {
    const std::lock_guard lock(mutex_);
    if (!is_fresh(*common_)) {
        if (auto renewed = issue(names_)) common_ = *renewed;
    }
    if (!is_ours(name) || (common_->covers(name) && wildcard_serves(name))) return common_;
    const auto found = single_.find(std::string(name));
    if (found != single_.end() && is_fresh(*found->second)) return found->second;
    const auto issued = issue({std::string(name)});
    if (!issued) return common_; // a name that cannot stand in a certificate
    if (single_.size() >= limits::own_certificates_max) single_.clear();
    single_.insert_or_assign(std::string(name), *issued);
    return *issued;
}

bool OwnCertificates::is_ours(std::string_view name) const {
    return std::ranges::any_of(domains_, [name](std::string_view domain) {
        if (domain.starts_with("*.")) domain.remove_prefix(2);
        return name.size() > domain.size() + 1 && name.ends_with(domain) && name[name.size() - domain.size() - 1] == '.';
    });
}

bool OwnCertificates::is_fresh(const tls::Identity& identity) const {
    return identity.not_after() > clock_() + limits::own_certificate_renewal || identity.not_after() >= authority_end_;
}

Result<std::shared_ptr<const tls::Identity>> OwnCertificates::issue(std::vector<std::string> names) const {
    const auto issued = authority_.issue_server(std::move(names), clock_());
    if (!issued) return issued.error();
    return tls::Identity::from_pem(issued->certificate_pem, issued->key_pem);
}

} // namespace adit
