// What the contexts hold, and how the engine and the contexts' callbacks meet. Private to lib/tls.
#pragma once

#include "tls/boring.hpp"
#include "tls/context.hpp"

#include <exception>
#include <memory>
#include <string>

namespace adit::inline v0::tls {

struct ClientContext::Native {
    bssl::UniquePtr<SSL_CTX> ctx;
    ClientOptions options;
};

struct ServerContext::Native {
    bssl::UniquePtr<SSL_CTX> ctx;
    ServerOptions options;
    std::string alpn;         // as in the ALPN extension
    std::string ticket_scope; // what a ticket is bound to besides the server name
};

/// What the callbacks of a context note about one connection; the SSL object points to it (SSL_set_app_data).
struct Notes {
    std::string server_name;   // server: asked for; client: the host to verify
    bool name_refused = false; // no identity for server_name
    std::shared_ptr<const Identity> identity; // server: who answered
    bool bare = false;         // client: a certificate was asked for, and we have none
    long verify_error = X509_V_OK;
    CertificateInfo bad_certificate; // the one that verify_error is about
    bool own_failure = false;        // an exception in a callback, which cannot pass through C frames
    std::string own_text;            // its text
};

/// To be called in a catch block.
inline void note_exception(Notes& notes) noexcept {
    notes.own_failure = true;
    try {
        throw;
    } catch (const std::exception& e) {
        try {
            notes.own_text = e.what();
        } catch (...) {
            notes.own_text.clear(); // no memory for the text either
        }
    } catch (...) {
        notes.own_text.clear();
    }
}

inline Notes& notes_of(const SSL* ssl) noexcept { return *static_cast<Notes*>(SSL_get_app_data(ssl)); }

} // namespace adit::inline v0::tls
