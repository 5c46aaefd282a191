// What the edge learned of a visitor where it ended his TLS.
#pragma once

#include "tls/certificate_facts.hpp"
#include "tls/context.hpp"
#include "tls/engine.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::edge {

/// Of one connection, once its handshake is complete; for routing, policy expressions (conn.tls) and the application.
struct TlsFacts {
    /// The endpoint's own (EndpointRecord::tls_context), null if it was the edge's for https endpoints. Who wants a
    /// request on this connection for an endpoint with another context gets 421.
    std::shared_ptr<const tls::ServerContext> context;
    std::string_view version; ///< "TLSv1.3"
    std::string_view cipher;  ///< "TLS_AES_128_GCM_SHA256"
    std::string alpn;         ///< "" if none was agreed
    std::string server_name;  ///< "" if none was asked for
    bool resumed = false;
    std::shared_ptr<const tls::Identity> server; ///< the certificate he was shown; certificate_facts() has its fields
    std::shared_ptr<const tls::CertificateFacts> client;     ///< the certificate the visitor showed; null if none
    bool client_verified = false;                            ///< it chains to the endpoint's authorities and is in date
    std::vector<std::pair<std::string, std::string>> fields; ///< about it, for the application's requests

    /// `engine`: its handshake is complete.
    static std::shared_ptr<const TlsFacts> of(const tls::Engine& engine,
                                              std::shared_ptr<const tls::ServerContext> context);
};

} // namespace adit::inline v0::edge
