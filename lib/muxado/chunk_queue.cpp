#include "muxado/chunk_queue.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define ADIT_CHUNK_CACHE 0 // a cached chunk would hide a use after free
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADIT_CHUNK_CACHE 0
#endif
#endif
#ifndef ADIT_CHUNK_CACHE
#define ADIT_CHUNK_CACHE 1
#endif

namespace adit::inline v0::muxado {

struct ChunkQueue::Chunk {
    Chunk* next = nullptr;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t capacity = 0;

    std::uint8_t* data() noexcept { return reinterpret_cast<std::uint8_t*>(this + 1); }
    Bytes view() noexcept { return {data() + begin, std::size_t{end} - begin}; }
    std::size_t room() const noexcept { return std::size_t{capacity} - end; }
};

namespace {

// Queues that outlive the caches of their thread (statics of the main thread) must not touch them.
thread_local bool caches_closed = false;

// Returning chunks to malloc lets it trim the heap, and every burst then pays for page faults again.
template <std::size_t slots>
class ChunkCache {
public:
    ~ChunkCache() {
        caches_closed = true;
        for (; count_ != 0; --count_) ::operator delete(slots_[count_ - 1]);
    }
    void* take() noexcept { return count_ != 0 ? slots_[--count_] : nullptr; }
    bool keep(void* p) noexcept {
        if (count_ == slots) return false;
        slots_[count_++] = p;
        return true;
    }

private:
    void* slots_[slots];
    std::size_t count_ = 0;
};

thread_local ChunkCache<64> large_chunks;   // 1 MiB a thread
thread_local ChunkCache<256> medium_chunks; // 1 MiB a thread

void* take(std::size_t capacity) noexcept {
    if (!ADIT_CHUNK_CACHE || caches_closed) return nullptr;
    if (capacity == ChunkQueue::large_chunk) return large_chunks.take();
    return capacity == ChunkQueue::medium_chunk ? medium_chunks.take() : nullptr;
}

bool keep(void* chunk, std::size_t capacity) noexcept {
    if (!ADIT_CHUNK_CACHE || caches_closed) return false;
    if (capacity == ChunkQueue::large_chunk) return large_chunks.keep(chunk);
    return capacity == ChunkQueue::medium_chunk && medium_chunks.keep(chunk);
}

} // namespace

void ChunkQueue::add_chunk(std::size_t for_bytes) {
    std::size_t capacity = large_chunk;
    if (head_ == nullptr && for_bytes <= medium_chunk) capacity = for_bytes <= small_chunk ? small_chunk : medium_chunk;
    void* memory = take(capacity);
    if (memory == nullptr) memory = ::operator new(sizeof(Chunk) + capacity);
    auto* chunk = new (memory) Chunk;
    chunk->capacity = static_cast<std::uint32_t>(capacity);
    (tail_ != nullptr ? tail_->next : head_) = chunk;
    tail_ = chunk;
}

void ChunkQueue::drop_front() noexcept {
    Chunk* chunk = head_;
    head_ = chunk->next;
    if (head_ == nullptr) tail_ = nullptr;
    const std::size_t capacity = chunk->capacity;
    chunk->~Chunk();
    if (keep(chunk, capacity)) return;
    ::operator delete(chunk);
}

void ChunkQueue::append(Bytes bytes) {
    while (!bytes.empty()) {
        if (tail_ == nullptr || tail_->room() == 0) add_chunk(bytes.size());
        const std::size_t n = std::min(bytes.size(), tail_->room());
        std::memcpy(tail_->data() + tail_->end, bytes.data(), n);
        tail_->end += static_cast<std::uint32_t>(n);
        size_ += n;
        bytes = bytes.subspan(n);
    }
}

Bytes ChunkQueue::front() const noexcept { return head_ != nullptr ? head_->view() : Bytes{}; }

std::size_t ChunkQueue::pieces(std::span<Bytes> pieces) const noexcept {
    std::size_t n = 0;
    for (Chunk* chunk = head_; chunk != nullptr && n < pieces.size(); chunk = chunk->next)
        pieces[n++] = chunk->view();
    return n;
}

void ChunkQueue::consume(std::size_t n) noexcept {
    n = std::min(n, size_);
    size_ -= n;
    while (n != 0) {
        const std::size_t here = std::min(n, std::size_t{head_->end} - head_->begin);
        head_->begin += static_cast<std::uint32_t>(here);
        n -= here;
        if (head_->begin == head_->end) drop_front();
    }
}

std::size_t ChunkQueue::read(MutableBytes out) noexcept {
    std::size_t done = 0;
    while (done < out.size() && head_ != nullptr) {
        const Bytes piece = head_->view();
        const std::size_t n = std::min(piece.size(), out.size() - done);
        std::memcpy(out.data() + done, piece.data(), n);
        done += n;
        consume(n);
    }
    return done;
}

void ChunkQueue::clear() noexcept {
    while (head_ != nullptr) drop_front();
    size_ = 0;
}

} // namespace adit::inline v0::muxado
