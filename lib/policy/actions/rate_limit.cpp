#include "policy/actions/rate_limit.hpp"

#include "base/bytes.hpp"
#include "tls/crypto.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace adit::inline v0::policy {
namespace {

constexpr std::uint64_t capacity_max = 2'000'000'000;
constexpr std::chrono::seconds rate_min{60};
constexpr std::chrono::seconds rate_max{24 * 60 * 60};
constexpr std::chrono::seconds rate_step{10};
constexpr std::size_t shards = 16; // threads rarely wait for each other

// What a visitor chooses decides the key: a digest takes 16 bytes of any key, and nobody can make two meet.
using Digest = std::array<std::uint8_t, 16>;
struct DigestHash {
    std::size_t operator()(const Digest& digest) const noexcept {
        std::size_t hash;
        std::memcpy(&hash, digest.data(), sizeof hash);
        return hash;
    }
};

Digest digest_of(std::span<const std::string_view> key) {
    std::string all; // each value with its length in front, so that ("a", "bc") is not ("ab", "c")
    for (const std::string_view value : key) {
        std::uint8_t size[4];
        put_u32_be(size, static_cast<std::uint32_t>(value.size()));
        all.append(reinterpret_cast<const char*>(size), sizeof size).append(value);
    }
    const tls::Sha256 whole = tls::sha256(as_bytes(all));
    Digest digest;
    std::copy_n(whole.begin(), digest.size(), digest.begin());
    return digest;
}

// Requests close to each other. They are counted until the last of them is out of the window: never too many
// pass, and a burst is exact.
struct Slot {
    Time first;
    Time last;
    std::uint64_t count = 0;
};

struct Bucket {
    explicit Bucket(const Digest& digest) : key(digest) {}

    Digest key;
    Time used{};
    std::uint64_t total = 0; // of all slots
    std::vector<Slot> slots; // at most limits::rate_limit_slots + 1
};

struct Shard {
    mutable std::mutex mutex;
    std::list<Bucket> buckets; // the one used last in front
    std::unordered_map<Digest, std::list<Bucket>::iterator, DigestHash> by_key;
};

} // namespace

struct RateLimiter::State {
    State(std::uint64_t most, std::chrono::seconds window)
        : capacity(most), rate(window), width(rate / limits::rate_limit_slots) {}

    RateDecision take(Bucket& bucket, Time now) const;
    Bucket& find(Shard& shard, const Digest& key, Time now) const;

    const std::uint64_t capacity;
    const Time::duration rate;
    const Time::duration width; // of a slot
    std::array<Shard, shards> all;
};

RateDecision RateLimiter::State::take(Bucket& bucket, Time now) const {
    const auto alive = std::find_if(bucket.slots.begin(), bucket.slots.end(),
                                    [&](const Slot& slot) { return slot.last + rate > now; });
    for (auto slot = bucket.slots.begin(); slot != alive; ++slot) bucket.total -= slot->count;
    bucket.slots.erase(bucket.slots.begin(), alive);
    if (bucket.total >= capacity) {
        const auto wait = std::chrono::ceil<std::chrono::seconds>(bucket.slots.front().last + rate - now);
        return {false, std::max(wait, std::chrono::seconds(1))};
    }
    if (bucket.slots.empty() || now >= bucket.slots.back().first + width)
        bucket.slots.push_back({now, now, 0});
    Slot& slot = bucket.slots.back();
    slot.last = std::max(slot.last, now);
    ++slot.count;
    ++bucket.total;
    return {};
}

Bucket& RateLimiter::State::find(Shard& shard, const Digest& key, Time now) const {
    const auto known = shard.by_key.find(key);
    if (known != shard.by_key.end()) {
        shard.buckets.splice(shard.buckets.begin(), shard.buckets, known->second);
    } else {
        // Two go at most for one that comes, so that memory of a burst of keys is given back without a pause.
        for (int i = 0; i < 2 && !shard.buckets.empty(); ++i) {
            const Bucket& oldest = shard.buckets.back();
            const bool full = shard.buckets.size() >= limits::rate_limit_keys_max / shards;
            if (!full && oldest.used + rate > now) break;
            shard.by_key.erase(oldest.key);
            shard.buckets.pop_back();
        }
        shard.buckets.emplace_front(key);
        shard.by_key.emplace(key, shard.buckets.begin());
    }
    Bucket& bucket = shard.buckets.front();
    bucket.used = std::max(bucket.used, now);
    return bucket;
}

RateLimiter::RateLimiter(std::unique_ptr<State> state) : state_(std::move(state)) {}
RateLimiter::RateLimiter(RateLimiter&&) noexcept = default;
RateLimiter& RateLimiter::operator=(RateLimiter&&) noexcept = default;
RateLimiter::~RateLimiter() = default;

Result<RateLimiter> RateLimiter::create(std::uint64_t capacity, std::chrono::seconds rate) {
    if (capacity < 1 || capacity > capacity_max) {
        return ErrorInfo(ngrok_error(2215), "capacity must be from 1 to 2,000,000,000");
    }
    if (rate < rate_min || rate > rate_max || rate % rate_step != std::chrono::seconds(0)) {
        return ErrorInfo(ngrok_error(2215), "rate must be from 60s to 24h, and a multiple of 10s");
    }
    return RateLimiter(std::make_unique<State>(capacity, rate));
}

RateDecision RateLimiter::take(std::span<const std::string_view> key, Time now) {
    const Digest digest = digest_of(key);
    Shard& shard = state_->all[digest.back() % shards];
    const std::lock_guard lock(shard.mutex);
    return state_->take(state_->find(shard, digest, now), now);
}

std::size_t RateLimiter::size() const {
    std::size_t sum = 0;
    for (const Shard& shard : state_->all) {
        const std::lock_guard lock(shard.mutex);
        sum += shard.buckets.size();
    }
    return sum;
}

} // namespace adit::inline v0::policy
