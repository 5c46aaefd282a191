// Byte views and the one growable byte queue that the cores use.
#pragma once

#include <adit/config.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace adit::inline v0 {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

inline Bytes as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline void put_u32_be(std::uint8_t* out, std::uint32_t v) noexcept {
    out[0] = static_cast<std::uint8_t>(v >> 24);
    out[1] = static_cast<std::uint8_t>(v >> 16);
    out[2] = static_cast<std::uint8_t>(v >> 8);
    out[3] = static_cast<std::uint8_t>(v);
}
inline std::uint32_t get_u32_be(const std::uint8_t* in) noexcept {
    return (std::uint32_t{in[0]} << 24) | (std::uint32_t{in[1]} << 16) | (std::uint32_t{in[2]} << 8) | in[3];
}

/// A contiguous FIFO of bytes: append at the back, consume from the front. It holds no memory while empty once
/// `release_if_empty()` was called, so that an idle connection costs nothing. The caller bounds its size.
class ADIT_INTERNAL ByteQueue {
public:
    ByteQueue() = default;
    ByteQueue(ByteQueue&& other) noexcept;
    ByteQueue& operator=(ByteQueue&& other) noexcept;
    ~ByteQueue() = default;

    std::size_t size() const noexcept { return end_ - begin_; }
    bool empty() const noexcept { return begin_ == end_; }
    std::size_t capacity() const noexcept { return capacity_; }
    Bytes view() const noexcept { return {data_.get() + begin_, size()}; }

    void append(Bytes bytes);
    /// At least `n` writable bytes behind the data; what was filled is added by commit().
    MutableBytes prepare(std::size_t n);
    void commit(std::size_t n) noexcept { end_ += n; }
    void consume(std::size_t n) noexcept;
    /// Moves up to out.size() bytes to `out`; returns how many.
    std::size_t read(MutableBytes out) noexcept;
    void clear() noexcept { begin_ = end_ = 0; }
    void release_if_empty() noexcept;

private:
    void reserve_back(std::size_t n);

    std::unique_ptr<std::uint8_t[]> data_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

} // namespace adit
