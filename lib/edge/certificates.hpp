// The TLS contexts of an edge: with the certificate it was given, or one from its own authority.
#pragma once

#include "base/result.hpp"
#include "edge/context.hpp"
#include "tls/identity.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace adit::inline v0::edge {

class OwnTls {
public:
    TlsContexts contexts;
    std::string ca_pem; ///< of the edge's own CA; "" if all certificates were given
};

/// errc::invalid_option names the option.
Result<OwnTls> make_tls(const Settings& settings, const ServerOptions::Data& data);

/// Checks a certificate that shall be used from now on. errc::invalid_option names the option.
Result<std::shared_ptr<const tls::Identity>> read_certificate(std::string_view chain_pem, std::string_view key_pem);
/// New handshakes get this certificate and none of the edge's own any more; connections that were made stay.
void use_certificate(const TlsContexts& contexts, const std::shared_ptr<const tls::Identity>& identity);

} // namespace adit
