#include "tls/digest.hpp"

#include <openssl/md5.h>
#include <openssl/sha.h>

namespace adit::inline v0::tls {

std::string digest(Digest kind, Bytes data) {
    const auto make = [&](auto* function, std::size_t size) {
        std::string out(size, '\0');
        function(data.data(), data.size(), reinterpret_cast<std::uint8_t*>(out.data()));
        return out;
    };
    switch (kind) {
    case Digest::md5: return make(MD5, MD5_DIGEST_LENGTH);
    case Digest::sha1: return make(SHA1, SHA_DIGEST_LENGTH);
    case Digest::sha256: return make(SHA256, SHA256_DIGEST_LENGTH);
    case Digest::sha512: return make(SHA512, SHA512_DIGEST_LENGTH);
    }
    return {};
}

} // namespace adit::inline v0::tls
