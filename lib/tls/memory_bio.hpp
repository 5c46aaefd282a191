// Two flat byte queues that BoringSSL reads and writes instead of a socket. Private to lib/tls.
#pragma once

#include "base/bytes.hpp"
#include "tls/boring.hpp"

namespace adit::inline v0::tls {

struct MemoryBio {
    ByteQueue input;  // cipher text from the peer
    ByteQueue output; // cipher text to the peer
};

/// `pipe` must outlive the BIO. The caller owns the one reference.
BIO* new_memory_bio(MemoryBio& pipe);

} // namespace adit::inline v0::tls
