#include "tls/ticket_keys.hpp"

#include "tls/boring.hpp"
#include "tls/crypto.hpp"

#include <openssl/aead.h>
#include <openssl/mem.h>

#include <algorithm>
#include <new>

namespace adit::inline v0::tls {
namespace {

constexpr std::size_t name_size = 16;
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;

std::vector<std::uint8_t> associated(Bytes key_name, Bytes scope) {
    std::vector<std::uint8_t> all(key_name.begin(), key_name.end()); // of a fixed size: the two do not run together
    all.insert(all.end(), scope.begin(), scope.end());
    return all;
}

} // namespace

TicketKeys::TicketKeys(std::chrono::seconds turn, std::size_t kept)
    : turn_(std::max(turn, std::chrono::seconds(1))), kept_(std::max<std::size_t>(kept, 1)) {}

TicketKeys::~TicketKeys() {
    for (Key& key : keys_) OPENSSL_cleanse(key.secret.data(), key.secret.size());
}

std::chrono::seconds TicketKeys::lifetime() const noexcept {
    const auto whole_turns = static_cast<std::chrono::seconds::rep>(std::max<std::size_t>(kept_ - 1, 1));
    return std::min<std::chrono::seconds>(turn_ * whole_turns,
                                          std::chrono::days(7)); // RFC 8446 4.6.1: 7 days at most
}

void TicketKeys::add_key(std::chrono::sys_seconds now) {
    Key key;
    random_bytes(key.name);
    random_bytes(key.secret);
    key.made = now;
    keys_.push_front(key);
    OPENSSL_cleanse(key.secret.data(), key.secret.size());
    while (keys_.size() > kept_) {
        OPENSSL_cleanse(keys_.back().secret.data(), keys_.back().secret.size());
        keys_.pop_back();
    }
}

void TicketKeys::turn_if_due(std::chrono::sys_seconds now) {
    // After a long silence the old keys have outlived their time as well.
    while (!keys_.empty() &&
           now - keys_.back().made >= turn_ * static_cast<std::chrono::seconds::rep>(kept_)) {
        OPENSSL_cleanse(keys_.back().secret.data(), keys_.back().secret.size());
        keys_.pop_back();
    }
    if (keys_.empty() || now - keys_.front().made >= turn_) add_key(now);
}

void TicketKeys::turn(std::chrono::sys_seconds now) {
    const std::lock_guard lock(mutex_);
    add_key(now);
}

std::vector<std::uint8_t> TicketKeys::seal(Bytes plain, std::chrono::sys_seconds now, Bytes scope) {
    std::vector<std::uint8_t> out(overhead + plain.size());
    bssl::ScopedEVP_AEAD_CTX context;
    {
        const std::lock_guard lock(mutex_);
        turn_if_due(now);
        const Key& key = keys_.front();
        std::copy(key.name.begin(), key.name.end(), out.begin());
        if (EVP_AEAD_CTX_init(context.get(), EVP_aead_aes_256_gcm(), key.secret.data(), key.secret.size(),
                              tag_size, nullptr) != 1) {
            throw std::bad_alloc();
        }
    }
    const MutableBytes nonce = MutableBytes(out).subspan(name_size, nonce_size);
    random_bytes(nonce);
    const std::vector<std::uint8_t> bound = associated(Bytes(out).first(name_size), scope);
    std::size_t size = 0;
    if (EVP_AEAD_CTX_seal(context.get(), out.data() + name_size + nonce_size, &size, plain.size() + tag_size,
                          nonce.data(), nonce.size(), plain.data(), plain.size(), bound.data(),
                          bound.size()) != 1) {
        throw std::bad_alloc();
    }
    return out;
}

std::optional<std::vector<std::uint8_t>> TicketKeys::open(Bytes ticket, std::chrono::sys_seconds now,
                                                           Bytes scope) {
    if (ticket.size() < overhead) return std::nullopt;
    const Bytes name = ticket.first(name_size);
    const Bytes nonce = ticket.subspan(name_size, nonce_size);
    const Bytes box = ticket.subspan(name_size + nonce_size);
    bssl::ScopedEVP_AEAD_CTX context;
    {
        const std::lock_guard lock(mutex_);
        turn_if_due(now);
        const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const Key& k) {
            return std::equal(name.begin(), name.end(), k.name.begin());
        });
        if (key == keys_.end()) return std::nullopt;
        if (EVP_AEAD_CTX_init(context.get(), EVP_aead_aes_256_gcm(), key->secret.data(), key->secret.size(),
                              tag_size, nullptr) != 1) {
            throw std::bad_alloc();
        }
    }
    const std::vector<std::uint8_t> bound = associated(name, scope);
    std::vector<std::uint8_t> plain(box.size());
    std::size_t size = 0;
    if (EVP_AEAD_CTX_open(context.get(), plain.data(), &size, plain.size(), nonce.data(), nonce.size(),
                          box.data(), box.size(), bound.data(), bound.size()) != 1) {
        ERR_clear_error();
        return std::nullopt;
    }
    plain.resize(size);
    return plain;
}

} // namespace adit::inline v0::tls
