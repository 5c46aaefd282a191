// The TLS contexts of an edge: with the certificate it was given, or one from its own authority.
#pragma once

#include "base/result.hpp"
#include "edge/context.hpp"

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

/// New handshakes get this certificate and none of the edge's own any more; connections that were made stay.
Result<void> reload(const TlsContexts& contexts, std::string_view chain_pem, std::string_view key_pem);

} // namespace adit
