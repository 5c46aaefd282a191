#include "tls/signature.hpp"

#include "tls/boring.hpp"
#include "tls/x509.hpp"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/hmac.h>

#include <new>

namespace adit::inline v0::tls {
namespace {

const EVP_MD* md_of(Hash hash) {
    switch (hash) {
    case Hash::md5: return EVP_md5();
    case Hash::sha1: return EVP_sha1();
    case Hash::sha256: return EVP_sha256();
    case Hash::sha384: return EVP_sha384();
    case Hash::sha512: return EVP_sha512();
    }
    return nullptr;
}

} // namespace

std::vector<std::uint8_t> digest(Hash hash, Bytes data) {
    std::vector<std::uint8_t> out(EVP_MD_size(md_of(hash)));
    if (EVP_Digest(data.data(), data.size(), out.data(), nullptr, md_of(hash), nullptr) != 1)
        throw std::bad_alloc();
    return out;
}

std::vector<std::uint8_t> hmac(Hash hash, Bytes key, std::span<const Bytes> pieces) {
    bssl::ScopedHMAC_CTX context;
    std::vector<std::uint8_t> out(EVP_MD_size(md_of(hash)));
    unsigned size = 0;
    bool good = HMAC_Init_ex(context.get(), key.data(), key.size(), md_of(hash), nullptr) == 1;
    for (const Bytes piece : pieces)
        good = good && HMAC_Update(context.get(), piece.data(), piece.size()) == 1;
    // It fails only when memory ends; a wrong MAC must never be taken instead.
    if (!good || HMAC_Final(context.get(), out.data(), &size) != 1) throw std::bad_alloc();
    return out;
}

struct PublicKey::Key {
    bssl::UniquePtr<EVP_PKEY> key;
};

Result<PublicKey> PublicKey::checked(std::shared_ptr<const Key> key) {
    const auto refuse = [](std::string why) {
        ERR_clear_error();
        return ErrorInfo(make_error_code(errc::invalid_option), std::move(why));
    };
    if (!key->key) return refuse("this is no public key in DER (SubjectPublicKeyInfo)");
    if (std::string problem = x509::key_problem(key->key.get()); !problem.empty())
        return refuse(std::move(problem));
    return PublicKey(std::move(key));
}

Result<PublicKey> PublicKey::from_der(Bytes spki) {
    CBS input;
    CBS_init(&input, spki.data(), spki.size());
    auto key = std::make_shared<Key>();
    key->key.reset(EVP_parse_public_key(&input));
    if (CBS_len(&input) != 0) key->key.reset(); // something follows it
    return checked(std::move(key));
}

Result<PublicKey> PublicKey::from_certificate(std::string_view pem) {
    const auto certificates = x509::read_certificates(pem);
    if (!certificates) return certificates.error();
    auto key = std::make_shared<Key>();
    key->key.reset(X509_get_pubkey(certificates->front().get()));
    return checked(std::move(key));
}

bool PublicKey::verify(Hash hash, Bytes message, Bytes signature) const {
    bssl::ScopedEVP_MD_CTX context;
    EVP_PKEY* const key = key_->key.get();
    const EVP_MD* const md = EVP_PKEY_id(key) == EVP_PKEY_ED25519 ? nullptr : md_of(hash);
    const bool good = EVP_DigestVerifyInit(context.get(), nullptr, md, nullptr, key) == 1 &&
                      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                                       message.size()) == 1;
    ERR_clear_error();
    return good;
}

} // namespace adit::inline v0::tls
