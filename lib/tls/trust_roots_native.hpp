// What TrustRoots holds, for the contexts. Private to lib/tls.
#pragma once

#include "tls/boring.hpp"
#include "tls/trust_roots.hpp"

#include <vector>

namespace adit::inline v0::tls {

struct TrustRoots::Native {
    std::vector<bssl::UniquePtr<X509>> certificates;
    bssl::UniquePtr<X509_STORE> store; // reference-counted and locked by BoringSSL: contexts share it
};

} // namespace adit::inline v0::tls
