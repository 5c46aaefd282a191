// What the contexts hold, and how the engine and the contexts' callbacks meet. Private to lib/tls.
#pragma once

#include "tls/boring.hpp"
#include "tls/context.hpp"

#include <string>

namespace adit::inline v0::tls {

struct ClientContext::Native {
    bssl::UniquePtr<SSL_CTX> ctx;
    ClientOptions options;
};

struct ServerContext::Native {
    bssl::UniquePtr<SSL_CTX> ctx;
    ServerOptions options;
    std::string alpn; // as in the ALPN extension
};

/// What the callbacks of a context note about one connection; the SSL object points to it (SSL_set_app_data).
struct Notes {
    std::string server_name;      // server: asked for; client: the host to verify
    bool name_refused = false;    // no identity for server_name
    long verify_error = X509_V_OK;
    CertificateInfo bad_certificate; // the one that verify_error is about
    std::exception_ptr thrown;       // by the selector, or no memory; rethrown behind the C frames
};

inline Notes& notes_of(const SSL* ssl) noexcept { return *static_cast<Notes*>(SSL_get_app_data(ssl)); }

} // namespace adit::inline v0::tls
