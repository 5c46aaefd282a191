#include "client/roots.hpp"

#include <cstdlib>
#include <mutex>

namespace adit::inline v0 {
namespace {

/// Hundreds of certificates: parsing them for each connect would take milliseconds of the program's thread.
class SystemRoots {
public:
    static SystemRoots& instance() {
        static SystemRoots* const roots = new SystemRoots; // the background thread may outlive static objects
        return *roots;
    }

    Result<tls::TrustRoots> get() {
        const std::string source = environment("SSL_CERT_FILE") + "\n" + environment("SSL_CERT_DIR");
        const std::lock_guard lock(mutex_);
        if (!roots_.empty() && source == source_) return roots_;
        const Result<tls::TrustRoots> loaded = tls::TrustRoots::system();
        if (!loaded) return loaded.error(); // not kept: the machine may get its certificates yet
        roots_ = *loaded;
        source_ = source;
        return roots_;
    }

private:
    static std::string environment(const char* name) {
        const char* value = std::getenv(name);
        return value == nullptr ? std::string() : std::string(value);
    }

    std::mutex mutex_;
    tls::TrustRoots roots_;
    std::string source_;
};

Result<tls::TrustRoots> named(const char* option, Result<tls::TrustRoots> roots) {
    if (roots) return roots;
    const ErrorInfo& error = roots.error();
    return ErrorInfo(error.code(), std::string(option) + ": " + error.message(), error.detail());
}

} // namespace

Result<tls::TrustRoots> load_roots(const SessionOptions::Data& options) {
    switch (options.roots) {
    case SessionOptions::Data::Roots::file:
        return named("roots_file", tls::TrustRoots::from_file(options.roots_value));
    case SessionOptions::Data::Roots::pem: return named("roots_pem", tls::TrustRoots::from_pem(options.roots_value));
    case SessionOptions::Data::Roots::system: break;
    }
    return named("roots_system", SystemRoots::instance().get());
}

Result<tls::TrustRoots> load_proxy_roots(const SessionOptions::Data& options) {
    if (!options.proxy_roots.empty()) return named("proxy_roots_pem", tls::TrustRoots::from_pem(options.proxy_roots));
    return named("the proxy's roots", SystemRoots::instance().get());
}

} // namespace adit
