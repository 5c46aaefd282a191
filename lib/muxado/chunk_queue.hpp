// The buffer of one direction of a stream: a FIFO of bytes in chunks, so that nothing is ever moved once it
// was copied in.
#pragma once

#include "base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace adit::inline v0::muxado {

/// Holds no memory while empty. A small first chunk for what is usual (an RPC, a request head) or a medium one (a
/// short answer), then 16 KiB each: a TLS record's worth. Drained chunks beyond the small ones are kept for the next
/// queue by a small cache of the thread.
class ADIT_INTERNAL ChunkQueue {
public:
    static constexpr std::size_t small_chunk = 1'000;
    static constexpr std::size_t medium_chunk = 4'000;
    static constexpr std::size_t large_chunk = 16'384;

    ChunkQueue() = default;
    ChunkQueue(ChunkQueue&& other) noexcept
        : head_(std::exchange(other.head_, nullptr)), tail_(std::exchange(other.tail_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}
    ChunkQueue& operator=(ChunkQueue&& other) noexcept {
        std::swap(head_, other.head_);
        std::swap(tail_, other.tail_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~ChunkQueue() { clear(); }

    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    /// The first contiguous piece.
    Bytes front() const noexcept;
    /// Fills `pieces` with what is there, in order; returns how many.
    std::size_t pieces(std::span<Bytes> pieces) const noexcept;

    void append(Bytes bytes);
    void consume(std::size_t n) noexcept;
    /// Moves up to out.size() bytes to `out`; returns how many.
    std::size_t read(MutableBytes out) noexcept;
    void clear() noexcept;

private:
    struct Chunk;
    void add_chunk(std::size_t for_bytes);
    void drop_front() noexcept;

    Chunk* head_ = nullptr;
    Chunk* tail_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace adit::inline v0::muxado
