// Hashes that users ask for by name, also those too weak for us.
#pragma once

#include <adit/config.hpp>

#include "base/bytes.hpp"

#include <cstdint>
#include <string>

namespace adit::inline v0::tls {

enum class Digest : std::uint8_t { md5, sha1, sha256, sha512 };

/// 16, 20, 32 or 64 bytes. Thread-safe, cannot fail.
ADIT_INTERNAL std::string digest(Digest kind, Bytes data);

} // namespace adit::inline v0::tls
