// What an Identity holds, for the contexts and the engine. Private to lib/tls.
#pragma once

#include "tls/boring.hpp"
#include "tls/identity.hpp"

#include <openssl/pool.h>

#include <string>
#include <vector>

namespace adit::inline v0::tls {

/// When a certificate is valid, and what it is called in a message.
struct Validity {
    std::string label;
    std::chrono::sys_seconds from, until;
};

struct Identity::Native {
    CertificateInfo info;
    std::string pem;
    std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> chain; // leaf first
    std::vector<Validity> validities;                    // of the same
    bssl::UniquePtr<EVP_PKEY> key;
};

} // namespace adit::inline v0::tls
