#include "base/bytes.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace adit::inline v0 {
namespace {

// The large blocks of a busy connection come and go with each batch. malloc would return them to the kernel and fault
// them in again, so a thread keeps the last few.
constexpr std::size_t stock_min = 16'384;
constexpr std::size_t stock_max = 131'072;
#if defined(__SANITIZE_ADDRESS__)
constexpr bool keeps_blocks = false; // AddressSanitizer shall see what is used after its end
#elif defined(__has_feature)
constexpr bool keeps_blocks = !__has_feature(address_sanitizer);
#else
constexpr bool keeps_blocks = true;
#endif

struct Block {
    std::uint8_t* data;
    std::size_t capacity;
};
struct Stock {
    std::array<Block, 4> blocks;
    std::size_t count;
    bool closed; // the thread ends: other thread-local objects may still have queues
};
constinit thread_local Stock stock{};

struct StockEnd {
    ~StockEnd() {
        while (stock.count > 0) delete[] stock.blocks[--stock.count].data;
        stock.closed = true;
    }
};

void give_back(std::unique_ptr<std::uint8_t[]> data, std::size_t capacity) noexcept {
    if (!keeps_blocks || capacity < stock_min || capacity > stock_max) return;
    static thread_local const StockEnd end;
    if (!stock.closed && stock.count < stock.blocks.size()) stock.blocks[stock.count++] = {data.release(), capacity};
}

/// `capacity` may become larger, up to twice: who holds it for long shall not hold much more than he needs.
std::unique_ptr<std::uint8_t[]> take(std::size_t& capacity) {
    for (std::size_t i = stock.count; capacity >= stock_min && i-- > 0;) {
        Block& block = stock.blocks[i];
        if (block.capacity < capacity || block.capacity / 2 > capacity) continue;
        std::unique_ptr<std::uint8_t[]> data(block.data);
        capacity = block.capacity;
        block = stock.blocks[--stock.count];
        return data;
    }
    return std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
}

} // namespace

ByteQueue::ByteQueue(ByteQueue&& other) noexcept
    : data_(std::move(other.data_)), capacity_(std::exchange(other.capacity_, 0)),
      begin_(std::exchange(other.begin_, 0)), end_(std::exchange(other.end_, 0)) {}

ByteQueue& ByteQueue::operator=(ByteQueue&& other) noexcept {
    if (this != &other) {
        data_ = std::move(other.data_);
        capacity_ = std::exchange(other.capacity_, 0);
        begin_ = std::exchange(other.begin_, 0);
        end_ = std::exchange(other.end_, 0);
    }
    return *this;
}

void ByteQueue::append(Bytes bytes) {
    if (bytes.empty()) return;
    reserve_back(bytes.size());
    std::memcpy(data_.get() + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
}

MutableBytes ByteQueue::prepare(std::size_t n) {
    reserve_back(n);
    return {data_.get() + end_, capacity_ - end_};
}

void ByteQueue::consume(std::size_t n) noexcept {
    begin_ += std::min(n, size());
    if (begin_ == end_) begin_ = end_ = 0;
}

std::size_t ByteQueue::read(MutableBytes out) noexcept {
    const std::size_t n = std::min(out.size(), size());
    if (n != 0) std::memcpy(out.data(), data_.get() + begin_, n);
    consume(n);
    return n;
}

void ByteQueue::release_if_empty() noexcept {
    if (!empty()) return;
    give_back(std::move(data_), capacity_);
    capacity_ = begin_ = end_ = 0;
}

void ByteQueue::reserve_back(std::size_t n) {
    if (capacity_ - end_ >= n) return;
    const std::size_t used = size();
    // Moving the rest to the front is cheaper than growing as long as it is the smaller half.
    if (capacity_ - used >= n && used <= capacity_ / 2) {
        if (used != 0) std::memmove(data_.get(), data_.get() + begin_, used);
    } else {
        std::size_t grown = std::max({std::size_t{512}, capacity_ * 2, used + n});
        auto fresh = take(grown);
        if (used != 0) std::memcpy(fresh.get(), data_.get() + begin_, used);
        data_.swap(fresh);
        give_back(std::move(fresh), capacity_);
        capacity_ = grown;
    }
    begin_ = 0;
    end_ = used;
}

} // namespace adit
