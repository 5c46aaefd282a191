// What the engine is told about a visitor: plain values, filled in once a connection by whoever accepted it.
#pragma once

#include "base/ip_address.hpp"
#include "base/url.hpp"
#include "tls/certificate_facts.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace adit::inline v0::policy {

/// The time, as an argument: `wall` is what expressions see, `steady` is what windows are measured by.
struct Moment {
    std::chrono::system_clock::time_point wall;
    std::chrono::steady_clock::time_point steady;
};

using tls::CertificateFacts;

/// Of a handshake that ended here; where TLS passes through, only `sni` is known.
struct TlsFacts {
    std::string version;      ///< "1.2", "1.3"
    std::string cipher_suite; ///< RFC name, "TLS_AES_128_GCM_SHA256"
    std::string sni;
    std::string alpn;
    bool resumed = false;
    std::shared_ptr<const CertificateFacts> client; ///< null: it showed none
    std::shared_ptr<const CertificateFacts> server; ///< ours; may be null
};

/// One visitor connection at one endpoint.
struct ConnectionFacts {
    IpEndpoint client; ///< who connected (after PROXY protocol in); X-Forwarded-For is never looked at
    IpEndpoint server; ///< where it connected to
    std::chrono::system_clock::time_point start{};
    std::string region;
    std::string endpoint_id;
    EndpointUrl endpoint_url;                ///< scheme, host and port as visitors type them
    std::shared_ptr<const TlsFacts> tls;     ///< null without TLS
    std::uint64_t bytes_in = 0, bytes_out = 0; ///< so far; whoever counts may keep them up to date
};

} // namespace adit
