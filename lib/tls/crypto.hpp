// The few primitives the other layers need, so that no BoringSSL header leaves lib/tls: random bytes,
// SHA-256, HMAC, HKDF, and Sealer for tokens that only we can make and read. To compare secrets:
// constant_time_equal of base/random.hpp.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::tls {

using Sha256 = std::array<std::uint8_t, 32>;

/// Fills `out` from BoringSSL's generator, which is fed by the kernel's and needs no system call.
/// Thread-safe, cannot fail.
ADIT_INTERNAL void random_bytes(MutableBytes out) noexcept;

ADIT_INTERNAL Sha256 sha256(Bytes data) noexcept;
ADIT_INTERNAL Sha256 hmac_sha256(Bytes key, Bytes data) noexcept;

/// HKDF (RFC 5869) with SHA-256; `length` is at most 255 * 32.
ADIT_INTERNAL std::vector<std::uint8_t> hkdf_sha256(Bytes secret, Bytes salt, Bytes info, std::size_t length);

/// Seals small records into URL-safe text under one 256-bit key: XChaCha20-Poly1305 with a random 192-bit
/// nonce, so that any number of nodes may seal under the same key without a counter. Thread-safe after
/// construction.
class ADIT_INTERNAL Sealer {
public:
    using Key = std::array<std::uint8_t, 32>;

    explicit Sealer(const Key& key) noexcept : key_(key) {}
    Sealer(const Sealer&) = default;
    Sealer& operator=(const Sealer&) = default;
    ~Sealer();

    static Key random_key() noexcept;
    /// A key from text of any length with enough entropy (a configured secret); `purpose` separates uses of
    /// one secret.
    static Key key_from_secret(std::string_view secret, std::string_view purpose);

    /// base64url without padding. `associated` is authenticated but not contained: open() must be given the
    /// same.
    std::string seal(Bytes plain, Bytes associated) const;
    /// errc::invalid_option if the text was not sealed by this key with this `associated`, or was changed.
    Result<std::vector<std::uint8_t>> open(std::string_view sealed, Bytes associated) const;

private:
    Key key_;
};

} // namespace adit::inline v0::tls
