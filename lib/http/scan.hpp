// Looks for line ends sixteen bytes at a time, with the vector types that g++ and clang have on every
// platform.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace adit::inline v0::scan {

using Block = std::uint8_t __attribute__((vector_size(16)));
using Halves = std::uint64_t __attribute__((vector_size(16)));
using Lanes = std::int8_t __attribute__((vector_size(16)));

inline Block load(const char* at) noexcept {
    Block block;
    std::memcpy(&block, at, sizeof block);
    return block;
}

/// The first CR or LF in [at, end), or end.
inline const char* find_line_end(const char* at, const char* end) noexcept {
    for (; end - at >= 16; at += 16) {
        const Block block = load(at);
        const auto found =
            reinterpret_cast<Halves>((block == '\r') | (block == '\n')); // 0xff in every lane that is one
        if ((found[0] | found[1]) == 0) continue;
        if constexpr (std::endian::native == std::endian::little) {
            return found[0] != 0 ? at + std::countr_zero(found[0]) / 8
                                 : at + 8 + std::countr_zero(found[1]) / 8;
        }
        break;
    }
    while (at != end && *at != '\r' && *at != '\n') ++at;
    return at;
}

/// How many bytes are CR, LF or NUL.
inline std::size_t count_breaks(const char* at, std::size_t size) noexcept {
    std::size_t count = 0;
    const char* const end = at + size;
    while (end - at >= 16) {
        Lanes lanes{}; // each counts down, so at most 127 blocks before they are summed up
        for (int i = 0; i < 127 && end - at >= 16; ++i, at += 16) {
            const Block block = load(at);
            lanes += reinterpret_cast<Lanes>((block == '\r') | (block == '\n') | (block == 0));
        }
        for (int i = 0; i < 16; ++i) count += static_cast<std::size_t>(-lanes[i]);
    }
    for (; at != end; ++at) count += *at == '\r' || *at == '\n' || *at == '\0' ? 1U : 0U;
    return count;
}

} // namespace adit::scan
