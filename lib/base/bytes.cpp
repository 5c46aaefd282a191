#include "base/bytes.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0 {

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
    data_.reset();
    capacity_ = begin_ = end_ = 0;
}

void ByteQueue::reserve_back(std::size_t n) {
    if (capacity_ - end_ >= n) return;
    const std::size_t used = size();
    // Moving the rest to the front is cheaper than growing as long as it is the smaller half.
    if (capacity_ - used >= n && used <= capacity_ / 2) {
        if (used != 0) std::memmove(data_.get(), data_.get() + begin_, used);
    } else {
        const std::size_t grown = std::max({std::size_t{512}, capacity_ * 2, used + n});
        auto fresh = std::make_unique_for_overwrite<std::uint8_t[]>(grown);
        if (used != 0) std::memcpy(fresh.get(), data_.get() + begin_, used);
        data_ = std::move(fresh);
        capacity_ = grown;
    }
    begin_ = 0;
    end_ = used;
}

} // namespace adit
