// The TLS contexts of an edge: with the certificate it was given, or one from its own authority.
#pragma once

#include "base/result.hpp"
#include "edge/context.hpp"
#include "tls/identity.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::edge {

class OwnTls {
public:
    TlsContexts contexts;
    std::string ca_pem; ///< of the edge's own CA; "" if all certificates were given
};

/// errc::invalid_option names the option.
Result<OwnTls> make_tls(const Settings& settings, const ServerOptions::Data& data);

using Identities = std::vector<std::shared_ptr<const tls::Identity>>;

/// PEM texts of a chain and of its key.
using CertificatePem = std::pair<std::string, std::string>;

/// Checks certificates that shall be used from now on: the first for all names that the others do not have.
/// errc::invalid_option names the option, and says which certificate it is about if there are several.
Result<Identities> read_certificates(const std::vector<CertificatePem>& chains_and_keys);
/// New handshakes get these certificates and none of the former ones or the edge's own any more; connections that were
/// made stay.
void use_certificates(const TlsContexts& contexts, const Identities& identities);

} // namespace adit::inline v0::edge
