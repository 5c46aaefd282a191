// Hashes, MACs and signatures as others made them: to check what a third party signed, such as a webhook. For
// our own tokens: Sealer of tls/crypto.hpp.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace adit::inline v0::tls {

enum class Hash : std::uint8_t { md5, sha1, sha256, sha384, sha512 };

ADIT_INTERNAL std::vector<std::uint8_t> digest(Hash hash, Bytes data);
/// HMAC (RFC 2104) of the pieces one after another. Compare it with constant_time_equal of base/random.hpp.
ADIT_INTERNAL std::vector<std::uint8_t> hmac(Hash hash, Bytes key, std::span<const Bytes> pieces);

/// A public key that checks signatures. Thread-safe after construction.
class ADIT_INTERNAL PublicKey {
public:
    /// DER of a SubjectPublicKeyInfo: RSA from 2048 bits, P-256, P-384 or Ed25519. errc::invalid_option says
    /// what is wrong.
    static Result<PublicKey> from_der(Bytes spki);
    /// The key of the first certificate of a PEM text. The certificate itself is not verified.
    static Result<PublicKey> from_certificate(std::string_view pem);

    /// RSA: PKCS#1 v1.5. P-256 and P-384: ECDSA in DER. Ed25519: `hash` does not matter.
    bool verify(Hash hash, Bytes message, Bytes signature) const;

private:
    struct Key;
    explicit PublicKey(std::shared_ptr<const Key> key) : key_(std::move(key)) {}
    static Result<PublicKey> checked(std::shared_ptr<const Key> key);

    std::shared_ptr<const Key> key_;
};

} // namespace adit::inline v0::tls
