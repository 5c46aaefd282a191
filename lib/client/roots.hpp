// The roots that a session trusts.
#pragma once

#include "client/options_data.hpp"
#include "tls/trust_roots.hpp"

namespace adit::inline v0 {

/// What the options name. The system's roots are read once (again if SSL_CERT_FILE or SSL_CERT_DIR changed), a file each
/// time. errc::invalid_option names the option. Thread-safe; waits for the disk.
Result<tls::TrustRoots> load_roots(const SessionOptions::Data& options);
/// The roots for a proxy of kind https: those of proxy_roots_pem, else the system's.
Result<tls::TrustRoots> load_proxy_roots(const SessionOptions::Data& options);

} // namespace adit
