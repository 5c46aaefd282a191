#include "tls/identity_native.hpp"

#include "tls/x509.hpp"

#include <openssl/pool.h>

#include <algorithm>
#include <cctype>

namespace adit::inline v0::tls {
namespace {

ErrorInfo invalid(std::string message) {
    return ErrorInfo(make_error_code(errc::invalid_option), std::move(message));
}

std::string label_of(std::size_t index, const X509* certificate) {
    return "certificate " + std::to_string(index + 1) + " (" +
           x509::name_text(X509_get_subject_name(certificate)) + ")";
}

// Empty if each certificate was issued by the next one.
std::string chain_problem(const std::vector<x509::Ptr<X509>>& chain) {
    for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
        X509* child = chain[i].get();
        X509* parent = chain[i + 1].get();
        const x509::Ptr<EVP_PKEY> key(X509_get_pubkey(parent));
        const bool issued = X509_NAME_cmp(X509_get_issuer_name(child), X509_get_subject_name(parent)) == 0 &&
                            key != nullptr && X509_verify(child, key.get()) == 1;
        ERR_clear_error();
        if (!issued) {
            return label_of(i + 1, parent) + " did not issue " + label_of(i, child) +
                   ": put the server's own certificate first, then each one's issuer";
        }
    }
    return {};
}

bool same_letters(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

ErrorInfo in_file(const std::string& path, const ErrorInfo& error) {
    return ErrorInfo(error.code(), path + ": " + error.message(), error.detail());
}

} // namespace

bool name_matches(std::string_view pattern, std::string_view host) noexcept {
    if (!host.empty() && host.back() == '.') host.remove_suffix(1);
    if (pattern.substr(0, 2) != "*.") return !pattern.empty() && same_letters(pattern, host);
    const std::string_view parent = pattern.substr(2);
    const std::size_t dot = host.find('.');
    // "*.com" is refused as OpenSSL, BoringSSL and webpki do: a wildcard needs two labels behind it.
    if (dot == 0 || dot == std::string_view::npos || parent.find('.') == std::string_view::npos) return false;
    return same_letters(parent, host.substr(dot + 1));
}

Result<CertificateInfo> read_certificate(std::string_view pem) {
    Result<std::vector<x509::Ptr<X509>>> certificates = x509::read_certificates(pem);
    if (!certificates) return certificates.error();
    return x509::describe(certificates->front().get());
}

Identity::Identity(std::unique_ptr<const Native> native) noexcept : native_(std::move(native)) {}
Identity::~Identity() = default;

Result<std::shared_ptr<const Identity>> Identity::from_pem(std::string_view certificates,
                                                           std::string_view private_key) {
    Result<std::vector<x509::Ptr<X509>>> chain = x509::read_certificates(certificates);
    if (!chain) return ErrorInfo(chain.error().code(), "certificate: " + chain.error().message());
    Result<x509::Ptr<EVP_PKEY>> key = x509::read_private_key(private_key);
    if (!key) return ErrorInfo(key.error().code(), "private key: " + key.error().message());

    const x509::Ptr<EVP_PKEY> leaf_key(X509_get_pubkey(chain->front().get()));
    if (leaf_key == nullptr)
        return invalid("the public key of " + label_of(0, chain->front().get()) + " does not parse");
    if (EVP_PKEY_cmp(leaf_key.get(), key->get()) != 1) {
        ERR_clear_error();
        return invalid("the private key does not belong to " + label_of(0, chain->front().get()) +
                       ", the first of the chain");
    }
    if (std::string problem = chain_problem(*chain); !problem.empty()) return invalid(std::move(problem));

    auto native = std::make_unique<Native>();
    native->info = x509::describe(chain->front().get());
    for (const x509::Ptr<X509>& certificate : *chain) {
        native->pem += x509::to_pem(certificate.get());
        std::uint8_t* der = nullptr;
        const int size = i2d_X509(certificate.get(), &der);
        const x509::Ptr<std::uint8_t> owner(der);
        x509::Ptr<CRYPTO_BUFFER> buffer(
            size <= 0 ? nullptr : CRYPTO_BUFFER_new(der, static_cast<std::size_t>(size), nullptr));
        if (buffer == nullptr) throw std::bad_alloc();
        native->chain.push_back(std::move(buffer));
        native->validities.push_back({label_of(native->validities.size(), certificate.get()),
                                      x509::time_of(X509_get0_notBefore(certificate.get())),
                                      x509::time_of(X509_get0_notAfter(certificate.get()))});
    }
    native->key = std::move(*key);
    return std::shared_ptr<const Identity>(new Identity(std::move(native)));
}

Result<std::shared_ptr<const Identity>> Identity::from_files(const std::string& certificate_file,
                                                             const std::string& key_file) {
    Result<std::string> certificates = x509::read_file(certificate_file);
    if (!certificates) return certificates.error();
    Result<std::string> key = x509::read_file(key_file);
    if (!key) return key.error();
    Result<std::shared_ptr<const Identity>> identity = from_pem(*certificates, *key);
    if (identity) return identity;
    const bool about_key = identity.error().message().starts_with("private key: ");
    return in_file(about_key ? key_file : certificate_file, identity.error());
}

Result<void> Identity::check_dates(std::chrono::sys_seconds now) const {
    for (const Validity& each : native_->validities) {
        if (now > each.until) return invalid(each.label + " expired at " + x509::date_text(each.until));
        if (now < each.from) return invalid(each.label + " is not valid before " + x509::date_text(each.from));
    }
    return {};
}

const CertificateInfo& Identity::info() const noexcept { return native_->info; }
const std::string& Identity::certificate_pem() const noexcept { return native_->pem; }
std::size_t Identity::chain_length() const noexcept { return native_->chain.size(); }

bool Identity::covers(std::string_view host) const noexcept {
    const std::vector<std::string>& names = native_->info.dns_names;
    if (std::any_of(names.begin(), names.end(),
                    [&](const std::string& name) { return name_matches(name, host); })) {
        return true;
    }
    const std::vector<std::uint8_t> address = x509::ip_bytes(host);
    if (address.empty()) return false;
    const std::vector<std::string>& addresses = native_->info.ip_addresses;
    return std::find(addresses.begin(), addresses.end(), x509::ip_text(address)) != addresses.end();
}

} // namespace adit::inline v0::tls
