#include "tls/trust_roots_native.hpp"

#include "tls/x509.hpp"

#include <dirent.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <new>
#include <set>
#include <vector>

namespace adit::inline v0::tls {
namespace {

constexpr std::array bundle_files = {
    "/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Alpine, Arch
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Red Hat, Fedora
    "/etc/pki/tls/certs/ca-bundle.crt",                  // older Red Hat
    "/etc/ssl/ca-bundle.pem",                            // SUSE
    "/etc/ssl/cert.pem",                                 // Alpine, BSD, macOS
};
constexpr std::array bundle_directories = {"/etc/ssl/certs", "/etc/pki/tls/certs"};

ErrorInfo invalid(std::string message) {
    return ErrorInfo(make_error_code(errc::invalid_option), std::move(message));
}

// Collects certificates once each.
class Builder {
public:
    Builder() : native_(std::make_shared<TrustRoots::Native>()) {
        native_->store.reset(X509_STORE_new());
        if (native_->store == nullptr) throw std::bad_alloc();
    }

    void add(x509::Ptr<X509> certificate) {
        if (!seen_.insert(x509::describe(certificate.get()).fingerprint).second) return;
        if (X509_STORE_add_cert(native_->store.get(), certificate.get()) != 1) throw std::bad_alloc();
        native_->certificates.push_back(std::move(certificate));
    }
    // Takes what parses: one odd block must not take the whole machine's trust away.
    void add_what_parses(std::string_view pem) {
        Result<std::vector<x509::PemBlock>> blocks = x509::read_pem(pem);
        if (!blocks) return;
        for (const x509::PemBlock& block : *blocks) {
            if (!x509::is_certificate(block)) continue;
            if (x509::Ptr<X509> certificate = x509::parse_certificate(block.der)) add(std::move(certificate));
        }
        ERR_clear_error();
    }
    void add_directory(const std::string& path) {
        const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
        if (directory == nullptr) return;
        while (const dirent* entry = readdir(directory.get())) {
            if (entry->d_name[0] == '.') continue;
            Result<std::string> text = x509::read_file(path + "/" + entry->d_name);
            if (text) add_what_parses(*text);
        }
    }
    bool empty() const noexcept { return native_->certificates.empty(); }
    std::shared_ptr<const TrustRoots::Native> take() { return std::move(native_); }

private:
    std::shared_ptr<TrustRoots::Native> native_;
    std::set<std::string> seen_;
};

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

} // namespace

TrustRoots::TrustRoots() = default;
TrustRoots::~TrustRoots() = default;
TrustRoots::TrustRoots(const TrustRoots&) = default;
TrustRoots& TrustRoots::operator=(const TrustRoots&) = default;
TrustRoots::TrustRoots(std::shared_ptr<const Native> native) : native_(std::move(native)) {}

std::size_t TrustRoots::count() const noexcept {
    return native_ == nullptr ? 0 : native_->certificates.size();
}

Result<TrustRoots> TrustRoots::from_pem(std::string_view pem) {
    Result<std::vector<x509::Ptr<X509>>> certificates = x509::read_certificates(pem);
    if (!certificates)
        return ErrorInfo(certificates.error().code(), "trusted roots: " + certificates.error().message());
    Builder builder;
    for (x509::Ptr<X509>& certificate : *certificates) builder.add(std::move(certificate));
    return TrustRoots(builder.take());
}

Result<TrustRoots> TrustRoots::from_file(const std::string& path) {
    Result<std::string> text = x509::read_file(path);
    if (!text) return text.error();
    Result<TrustRoots> roots = from_pem(*text);
    if (!roots) return ErrorInfo(roots.error().code(), path + ": " + roots.error().message());
    return roots;
}

Result<TrustRoots> TrustRoots::system() {
    Builder builder;
    const std::string file = environment("SSL_CERT_FILE"), directories = environment("SSL_CERT_DIR");
    if (!file.empty() || !directories.empty()) {
        if (!file.empty()) {
            Result<std::string> text = x509::read_file(file);
            if (!text) return ErrorInfo(text.error().code(), "SSL_CERT_FILE: " + text.error().message());
            builder.add_what_parses(*text);
        }
        for (std::size_t begin = 0;
             begin < directories.size();) { // a list separated by colons, as OpenSSL reads it
            const std::size_t end = std::min(directories.find(':', begin), directories.size());
            builder.add_directory(directories.substr(begin, end - begin));
            begin = end + 1;
        }
        if (builder.empty())
            return invalid("no certificate in SSL_CERT_FILE=" + file + " or SSL_CERT_DIR=" + directories);
        return TrustRoots(builder.take());
    }
    for (const char* path : bundle_files) {
        Result<std::string> text = x509::read_file(path);
        if (text) builder.add_what_parses(*text);
        if (!builder.empty()) return TrustRoots(builder.take());
    }
    for (const char* path : bundle_directories) builder.add_directory(path);
    if (!builder.empty()) return TrustRoots(builder.take());
    return invalid("this machine has no root certificates: install ca-certificates, or set SSL_CERT_FILE");
}

} // namespace adit::inline v0::tls
