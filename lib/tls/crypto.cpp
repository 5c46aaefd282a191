#include "tls/crypto.hpp"

#include "tls/base64url.hpp"
#include "tls/boring.hpp"

#include <openssl/aead.h>
#include <openssl/hkdf.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace adit::inline v0::tls {
namespace {

constexpr std::uint8_t sealed_version = 1; // first byte of a sealed text, so that the form can change
constexpr std::size_t nonce_size = 24;     // XChaCha20: random nonces never meet
constexpr std::size_t tag_size = 16;

// One version byte in front of what the caller wants authenticated.
std::vector<std::uint8_t> authenticated(Bytes associated) {
    std::vector<std::uint8_t> all;
    all.reserve(1 + associated.size());
    all.push_back(sealed_version);
    all.insert(all.end(), associated.begin(), associated.end());
    return all;
}

bool init_aead(EVP_AEAD_CTX* context, const Sealer::Key& key) {
    return EVP_AEAD_CTX_init(context, EVP_aead_xchacha20_poly1305(), key.data(), key.size(), tag_size,
                             nullptr) == 1;
}

} // namespace

void random_bytes(MutableBytes out) noexcept { RAND_bytes(out.data(), out.size()); }

Sha256 sha256(Bytes data) noexcept {
    Sha256 digest;
    SHA256(data.data(), data.size(), digest.data());
    return digest;
}

Sha256 hmac_sha256(Bytes key, Bytes data) noexcept {
    Sha256 mac;
    unsigned size = 0;
    // It fails only when memory ends; a wrong MAC must never go out instead.
    if (HMAC(EVP_sha256(), key.data(), key.size(), data.data(), data.size(), mac.data(), &size) == nullptr)
        std::abort();
    return mac;
}

std::vector<std::uint8_t> hkdf_sha256(Bytes secret, Bytes salt, Bytes info, std::size_t length) {
    std::vector<std::uint8_t> out(length);
    if (HKDF(out.data(), length, EVP_sha256(), secret.data(), secret.size(), salt.data(), salt.size(),
             info.data(), info.size()) != 1) {
        ERR_clear_error();
        throw std::bad_alloc(); // longer than 255 blocks, or no memory
    }
    return out;
}

Sealer::~Sealer() { OPENSSL_cleanse(key_.data(), key_.size()); }

Sealer::Key Sealer::random_key() noexcept {
    Key key;
    random_bytes(key);
    return key;
}

Sealer::Key Sealer::key_from_secret(std::string_view secret, std::string_view purpose) {
    const std::vector<std::uint8_t> derived =
        hkdf_sha256(as_bytes(secret), {}, as_bytes(purpose), sizeof(Key));
    Key key;
    std::copy(derived.begin(), derived.end(), key.begin());
    return key;
}

std::string Sealer::seal(Bytes plain, Bytes associated) const {
    std::vector<std::uint8_t> out(1 + nonce_size + plain.size() + tag_size);
    out[0] = sealed_version;
    const MutableBytes nonce = MutableBytes(out).subspan(1, nonce_size);
    random_bytes(nonce);
    const std::vector<std::uint8_t> extra = authenticated(associated);
    bssl::ScopedEVP_AEAD_CTX context;
    std::size_t size = 0;
    if (!init_aead(context.get(), key_) ||
        EVP_AEAD_CTX_seal(context.get(), out.data() + 1 + nonce_size, &size, plain.size() + tag_size,
                          nonce.data(), nonce.size(), plain.data(), plain.size(), extra.data(),
                          extra.size()) != 1) {
        throw std::bad_alloc();
    }
    return base64url_encode(out);
}

Result<std::vector<std::uint8_t>> Sealer::open(std::string_view sealed, Bytes associated) const {
    const auto refuse = [](const char* why) {
        ERR_clear_error();
        return ErrorInfo(make_error_code(errc::invalid_option), why);
    };
    const std::optional<std::vector<std::uint8_t>> raw = base64url_decode(sealed);
    if (!raw || raw->size() < 1 + nonce_size + tag_size) return refuse("this is not a sealed token");
    if (raw->front() != sealed_version) return refuse("the sealed token is of another version");
    const Bytes nonce = Bytes(*raw).subspan(1, nonce_size);
    const Bytes box = Bytes(*raw).subspan(1 + nonce_size);
    const std::vector<std::uint8_t> extra = authenticated(associated);
    std::vector<std::uint8_t> plain(box.size());
    bssl::ScopedEVP_AEAD_CTX context;
    std::size_t size = 0;
    if (!init_aead(context.get(), key_) ||
        EVP_AEAD_CTX_open(context.get(), plain.data(), &size, plain.size(), nonce.data(), nonce.size(),
                          box.data(), box.size(), extra.data(), extra.size()) != 1) {
        return refuse("the sealed token was made under another key, for something else, or was changed");
    }
    plain.resize(size);
    return plain;
}

} // namespace adit::inline v0::tls
