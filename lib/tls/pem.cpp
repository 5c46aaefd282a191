#include "tls/x509.hpp"

#include <adit/limits.hpp>

#include <openssl/bytestring.h>
#include <openssl/ec_key.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/pool.h>
#include <openssl/rsa.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace adit::inline v0::tls::x509 {
namespace {

ErrorInfo invalid(std::string message) {
    return ErrorInfo(make_error_code(errc::invalid_option), std::move(message));
}

std::string bio_text(BIO* bio) {
    const std::uint8_t* data = nullptr;
    std::size_t size = 0;
    if (BIO_mem_contents(bio, &data, &size) != 1) throw std::bad_alloc();
    return std::string(as_text(Bytes(data, size)));
}

Ptr<EVP_PKEY> parse_key(const PemBlock& block) {
    CBS cbs;
    CBS_init(&cbs, block.der.data(), block.der.size());
    Ptr<EVP_PKEY> key;
    if (block.label == "PRIVATE KEY") {
        key.reset(EVP_parse_private_key(&cbs));
    } else if (block.label == "EC PRIVATE KEY") {
        Ptr<EC_KEY> ec(EC_KEY_parse_private_key(&cbs, nullptr));
        key.reset(EVP_PKEY_new());
        if (ec == nullptr || key == nullptr || EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) != 1) return nullptr;
    } else {
        Ptr<RSA> rsa(RSA_parse_private_key(&cbs));
        key.reset(EVP_PKEY_new());
        if (rsa == nullptr || key == nullptr || EVP_PKEY_set1_RSA(key.get(), rsa.get()) != 1) return nullptr;
    }
    return CBS_len(&cbs) == 0 ? std::move(key) : nullptr;
}

} // namespace

std::string last_reason() {
    const std::uint32_t packed = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = packed == 0 ? nullptr : ERR_reason_error_string(packed);
    return reason == nullptr ? "unknown reason" : reason;
}

Result<std::vector<PemBlock>> read_pem(std::string_view text) {
    if (text.size() > limits::pem_file_max) return invalid("the PEM text is larger than 16 MiB");
    Ptr<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    if (bio == nullptr) throw std::bad_alloc();
    std::vector<PemBlock> blocks;
    for (;;) {
        char* name = nullptr;
        char* header = nullptr;
        std::uint8_t* data = nullptr;
        long size = 0;
        ERR_clear_error();
        if (PEM_read_bio(bio.get(), &name, &header, &data, &size) != 1) {
            const std::uint32_t error = ERR_peek_last_error();
            if (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE) break;
            return invalid("PEM block " + std::to_string(blocks.size() + 1) +
                           " is damaged: " + last_reason());
        }
        const Ptr<char> name_owner(name), header_owner(header);
        const Ptr<std::uint8_t> data_owner(data);
        const std::string_view headers(header);
        blocks.push_back({name, {data, data + size}, headers.find("ENCRYPTED") != std::string_view::npos});
        OPENSSL_cleanse(data, static_cast<std::size_t>(size));
    }
    ERR_clear_error();
    return blocks;
}

bool is_certificate(const PemBlock& block) noexcept {
    return block.label == "CERTIFICATE" || block.label == "X509 CERTIFICATE";
}

bool is_private_key(const PemBlock& block) noexcept {
    return block.label == "PRIVATE KEY" || block.label == "EC PRIVATE KEY" ||
           block.label == "RSA PRIVATE KEY" || block.label == "ENCRYPTED PRIVATE KEY";
}

std::string to_pem(const X509* certificate) {
    Ptr<BIO> bio(BIO_new(BIO_s_mem()));
    if (bio == nullptr || PEM_write_bio_X509(bio.get(), const_cast<X509*>(certificate)) != 1)
        throw std::bad_alloc();
    return bio_text(bio.get());
}

std::string to_pem(const EVP_PKEY* key) {
    Ptr<BIO> bio(BIO_new(BIO_s_mem()));
    if (bio == nullptr || PEM_write_bio_PKCS8PrivateKey(bio.get(), const_cast<EVP_PKEY*>(key), nullptr,
                                                        nullptr, 0, nullptr, nullptr) != 1) {
        throw std::bad_alloc();
    }
    return bio_text(bio.get());
}

Ptr<X509> parse_certificate(Bytes der) {
    const Ptr<CRYPTO_BUFFER> buffer(CRYPTO_BUFFER_new(der.data(), der.size(), nullptr));
    if (buffer == nullptr) throw std::bad_alloc();
    return Ptr<X509>(X509_parse_from_buffer(buffer.get()));
}

Result<std::vector<Ptr<X509>>> read_certificates(std::string_view pem) {
    Result<std::vector<PemBlock>> blocks = read_pem(pem);
    if (!blocks) return blocks.error();
    std::vector<Ptr<X509>> certificates;
    for (std::size_t i = 0; i < blocks->size(); ++i) {
        if (!is_certificate((*blocks)[i])) continue;
        Ptr<X509> certificate = parse_certificate((*blocks)[i].der);
        if (certificate == nullptr) {
            return invalid("PEM block " + std::to_string(i + 1) +
                           " is not a valid certificate: " + last_reason());
        }
        certificates.push_back(std::move(certificate));
    }
    if (certificates.empty()) return invalid("no \"-----BEGIN CERTIFICATE-----\" block was found");
    return certificates;
}

Result<Ptr<EVP_PKEY>> read_private_key(std::string_view pem) {
    Result<std::vector<PemBlock>> blocks = read_pem(pem);
    if (!blocks) return blocks.error();
    for (PemBlock& block : *blocks) {
        if (!is_private_key(block)) continue;
        if (block.encrypted || block.label == "ENCRYPTED PRIVATE KEY") {
            return invalid("the private key is encrypted with a password: decrypt it first (openssl pkey -in "
                           "KEY -out PLAIN)");
        }
        Ptr<EVP_PKEY> key = parse_key(block);
        OPENSSL_cleanse(block.der.data(), block.der.size());
        if (key == nullptr) return invalid("the private key does not parse: " + last_reason());
        if (std::string problem = key_problem(key.get()); !problem.empty())
            return invalid("the private key " + problem);
        return key;
    }
    return invalid("no \"-----BEGIN PRIVATE KEY-----\" block was found");
}

std::string key_problem(const EVP_PKEY* key) {
    switch (EVP_PKEY_id(key)) {
    case EVP_PKEY_RSA:
        if (EVP_PKEY_bits(key) >= 2048) return {};
        return "is RSA with " + std::to_string(EVP_PKEY_bits(key)) + " bits: 2048 is the least that is safe";
    case EVP_PKEY_EC: {
        const int curve = EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)));
        if (curve == NID_X9_62_prime256v1 || curve == NID_secp384r1) return {};
        return "is on a curve that TLS peers do not accept: use P-256 or P-384";
    }
    case EVP_PKEY_ED25519: return {};
    default: return "is of a type that is not supported: use ECDSA P-256, P-384, RSA or Ed25519";
    }
}

Result<std::string> read_file(const std::string& path) {
    const auto system_error = [&path] {
        return invalid("cannot read " + path + ": " + std::strerror(errno));
    };
    // Whoever opens a pipe waits for its other end, and whoever reads a terminal for its user.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) return system_error();
    struct stat status{};
    const bool regular = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(::fdopen(descriptor, "rb"), std::fclose);
    if (file == nullptr) {
        ::close(descriptor);
        return system_error();
    }
    if (!regular) return invalid("cannot read " + path + ": it is not a regular file");
    std::string text;
    char chunk[16'384];
    for (;;) {
        const std::size_t n = std::fread(chunk, 1, sizeof(chunk), file.get());
        text.append(chunk, n);
        if (text.size() > limits::pem_file_max)
            return invalid(path + " is larger than 16 MiB: not a PEM file");
        if (n == sizeof(chunk)) continue;
        if (std::ferror(file.get()) != 0) return system_error();
        return text;
    }
}

} // namespace adit::inline v0::tls::x509
