// What a TlsServer stands for.
#pragma once

#include <adit/tls_server.hpp>

#include "tls/cert_store.hpp"
#include "tls/context.hpp"

#include <memory>
#include <mutex>

namespace adit::inline v0 {

/// Thread-safe. The certificates are asked for by each handshake; a change of anything else makes a new context.
struct TlsServer::State {
    State();

    /// For a handshake that begins now.
    std::shared_ptr<const tls::ServerContext> context() const;
    bool has_certificate() const;
    /// Takes on what `change` does to the options, or nothing.
    template <class Change>
    Result<void> change(const Change& edit);

    const std::shared_ptr<tls::CertStore> certificates = std::make_shared<tls::CertStore>();

private:
    mutable std::mutex mutex_;
    tls::ServerOptions options_;
    std::shared_ptr<const tls::ServerContext> context_;
};

} // namespace adit
