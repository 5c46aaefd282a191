// Turns BoringSSL's errors, alerts and verification results into ErrorInfo. Private to lib/tls.
#pragma once

#include "base/result.hpp"
#include "tls/context_native.hpp"

#include <cstdint>
#include <string>

namespace adit::inline v0::tls {

/// What happened on a connection, for the words.
struct Failure {
    std::uint32_t packed = 0; // BoringSSL's first error, 0 if none
    bool server = false;      // we are the server
    bool handshake = false;   // before the handshake was complete
    const Notes* notes = nullptr;
};

ErrorInfo explain(const Failure& failure);

} // namespace adit::inline v0::tls
