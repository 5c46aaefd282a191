// Keys for TLS session tickets: a ring that turns, so that a stolen key opens little.
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

namespace adit::inline v0::tls {

/// Random AES-256-GCM keys. The newest seals; a ticket opens as long as its key is kept. Turns by itself with
/// the time it is given. Thread-safe: one ring serves all shards of one trust domain, and no two trust
/// domains may share one.
class ADIT_INTERNAL TicketKeys {
public:
    /// A new key every `turn`; `kept` keys in all, so that a ticket lives between (kept - 1) and kept turns.
    explicit TicketKeys(std::chrono::seconds turn = std::chrono::hours(6), std::size_t kept = 3);

    TicketKeys(const TicketKeys&) = delete;
    TicketKeys& operator=(const TicketKeys&) = delete;
    ~TicketKeys();

    /// `scope` is authenticated but not contained: open() must be given the same.
    std::vector<std::uint8_t> seal(Bytes plain, std::chrono::sys_seconds now, Bytes scope = {});
    /// Empty if no kept key made this ticket, it was changed or it is of another scope.
    std::optional<std::vector<std::uint8_t>> open(Bytes ticket, std::chrono::sys_seconds now, Bytes scope = {});
    /// A new key now, whatever the time; old ones stay until they fall out of the ring.
    void turn(std::chrono::sys_seconds now);

    /// What seal() adds to the plain text, in bytes.
    static constexpr std::size_t overhead = 16 + 12 + 16;
    /// How long a ticket may be told to live.
    std::chrono::seconds lifetime() const noexcept;

private:
    struct Key {
        std::array<std::uint8_t, 16> name;
        std::array<std::uint8_t, 32> secret;
        std::chrono::sys_seconds made;
    };
    void turn_if_due(std::chrono::sys_seconds now);
    void add_key(std::chrono::sys_seconds now);

    const std::chrono::seconds turn_;
    const std::size_t kept_;
    std::mutex mutex_;
    std::deque<Key> keys_; // newest first
};

} // namespace adit::inline v0::tls
