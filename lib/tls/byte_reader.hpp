// Reads big-endian TLS structures; every step says whether there was enough. Private to lib/tls.
#pragma once

#include "base/bytes.hpp"

#include <optional>

namespace adit::inline v0::tls {

class ByteReader {
public:
    explicit ByteReader(Bytes data) noexcept : data_(data) {}

    bool empty() const noexcept { return data_.empty(); }
    Bytes rest() const noexcept { return data_; }

    std::optional<Bytes> bytes(std::size_t n) noexcept {
        if (data_.size() < n) return std::nullopt;
        const Bytes head = data_.first(n);
        data_ = data_.subspan(n);
        return head;
    }
    std::optional<std::uint8_t> u8() noexcept {
        const std::optional<Bytes> b = bytes(1);
        if (!b) return std::nullopt;
        return (*b)[0];
    }
    std::optional<std::uint16_t> u16() noexcept {
        const std::optional<Bytes> b = bytes(2);
        if (!b) return std::nullopt;
        return static_cast<std::uint16_t>(((*b)[0] << 8) | (*b)[1]);
    }
    /// What a length of one byte, or of two, announces.
    std::optional<ByteReader> block8() noexcept {
        const std::optional<std::uint8_t> n = u8();
        return n ? block(*n) : std::nullopt;
    }
    std::optional<ByteReader> block16() noexcept {
        const std::optional<std::uint16_t> n = u16();
        return n ? block(*n) : std::nullopt;
    }

private:
    std::optional<ByteReader> block(std::size_t n) noexcept {
        const std::optional<Bytes> b = bytes(n);
        if (!b) return std::nullopt;
        return ByteReader(*b);
    }
    Bytes data_;
};

} // namespace adit::inline v0::tls
