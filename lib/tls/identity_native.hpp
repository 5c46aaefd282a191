// What an Identity holds, for the contexts and the engine. Private to lib/tls.
#pragma once

#include "tls/boring.hpp"
#include "tls/identity.hpp"

#include <openssl/pool.h>

#include <string>
#include <vector>

namespace adit::inline v0::tls {

struct Identity::Native {
    CertificateInfo info;
    std::string pem;
    std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> chain; // leaf first
    bssl::UniquePtr<EVP_PKEY> key;
};

} // namespace adit::inline v0::tls
