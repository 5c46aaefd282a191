// Whom we trust: a set of root certificates.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace adit::inline v0::tls {

/// A set of trusted certificates; a cheap handle on immutable content that threads may share. Empty trusts
/// nobody. A listed certificate is trusted as it is: an intermediate, or a self-signed server certificate,
/// may be listed too.
class ADIT_INTERNAL TrustRoots {
public:
    TrustRoots();
    ~TrustRoots();
    TrustRoots(const TrustRoots&);
    TrustRoots& operator=(const TrustRoots&);

    /// The machine's own: SSL_CERT_FILE and SSL_CERT_DIR if set (and then nothing else), else the first
    /// bundle found in the places of Debian, Alpine, Red Hat, SUSE and others. Blocks that do not parse are
    /// skipped here.
    static Result<TrustRoots> system();
    /// A PEM file; errc::invalid_option names the file and what is wrong with it.
    static Result<TrustRoots> from_file(const std::string& path);
    /// PEM text with at least one certificate.
    static Result<TrustRoots> from_pem(std::string_view pem);

    /// Different certificates.
    std::size_t count() const noexcept;
    bool empty() const noexcept { return count() == 0; }

    struct Native;
    const Native* native() const noexcept { return native_.get(); } ///< for lib/tls only; null if empty

private:
    explicit TrustRoots(std::shared_ptr<const Native> native);
    std::shared_ptr<const Native> native_;
};

} // namespace adit::inline v0::tls
