// Stream id -> stream: open addressing with a seeded multiplicative hash, so that a peer cannot choose ids
// that collide.
#pragma once

#include "muxado/stream.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace adit::inline v0::muxado {

class StreamTable {
public:
    explicit StreamTable(std::uint32_t seed) : multiplier_((std::uint64_t{seed} << 32) | 0x7F4A'7C15u) {}

    std::size_t size() const noexcept { return size_; }

    Stream* find(StreamId id) const noexcept {
        if (slots_.empty()) return nullptr;
        std::size_t i = home(id);
        while (slots_[i].id != id) {
            if (slots_[i].id == 0) return nullptr;
            i = following(i);
        }
        return slots_[i].stream.get();
    }

    /// The id is not 0 and not in the table.
    Stream& insert(std::unique_ptr<Stream> stream) {
        if ((size_ + 1) * 2 > slots_.size()) grow();
        ++size_;
        return place(std::move(stream));
    }

    void erase(StreamId id) noexcept {
        if (slots_.empty()) return;
        std::size_t hole = home(id);
        while (slots_[hole].id != id) {
            if (slots_[hole].id == 0) return;
            hole = following(hole);
        }
        slots_[hole] = {};
        --size_;
        // Close the gap: what would not be found across the hole any more moves into it.
        const std::size_t mask = slots_.size() - 1;
        for (std::size_t i = following(hole); slots_[i].id != 0; i = following(i)) {
            if (((i - home(slots_[i].id)) & mask) < ((i - hole) & mask)) continue;
            slots_[hole] = std::exchange(slots_[i], Slot{});
            hole = i;
        }
    }

    template <class Function>
    void for_each(Function function) {
        for (auto& slot : slots_)
            if (slot.id != 0) function(*slot.stream);
    }

private:
    struct Slot {
        StreamId id = 0; ///< 0: free
        std::unique_ptr<Stream> stream;
    };

    std::size_t home(StreamId id) const noexcept {
        return static_cast<std::size_t>((id * multiplier_) >> shift_);
    }
    std::size_t following(std::size_t i) const noexcept { return (i + 1) & (slots_.size() - 1); }

    Stream& place(std::unique_ptr<Stream> stream) noexcept {
        std::size_t i = home(stream->id);
        while (slots_[i].id != 0) i = following(i);
        slots_[i].id = stream->id;
        slots_[i].stream = std::move(stream);
        return *slots_[i].stream;
    }

    void grow() {
        auto old = std::exchange(slots_, std::vector<Slot>(slots_.empty() ? 16 : slots_.size() * 2));
        shift_ = 64 - std::countr_zero(slots_.size());
        for (auto& slot : old)
            if (slot.id != 0) place(std::move(slot.stream));
    }

    std::uint64_t multiplier_; ///< odd
    int shift_ = 63;
    std::vector<Slot> slots_; ///< a power of two of them
    std::size_t size_ = 0;
};

} // namespace adit::inline v0::muxado
