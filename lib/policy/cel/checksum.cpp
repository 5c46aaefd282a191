#include "policy/cel/checksum.hpp"

#include <zlib.h>

#include <array>
#include <bit>
#include <cstddef>

namespace adit::inline v0::cel {

namespace {

constexpr std::array<std::uint64_t, 256> crc64_table = [] {
    std::array<std::uint64_t, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i) {
        std::uint64_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xD800000000000000U : crc >> 1;
        table[i] = crc;
    }
    return table;
}();

// The five primes of the algorithm.
constexpr std::uint64_t p1 = 0x9E3779B185EBCA87U, p2 = 0xC2B2AE3D27D4EB4FU, p3 = 0x165667B19E3779F9U,
                        p4 = 0x85EBCA77C2B2AE63U, p5 = 0x27D4EB2F165667C5U;

std::uint64_t little_endian(std::string_view data, std::size_t at, std::size_t bytes) noexcept {
    std::uint64_t out = 0;
    for (std::size_t i = bytes; i-- > 0;) out = out << 8 | static_cast<unsigned char>(data[at + i]);
    return out;
}

std::uint64_t mixed(std::uint64_t lane, std::uint64_t input) noexcept {
    return std::rotl(lane + input * p2, 31) * p1;
}

} // namespace

std::uint32_t crc32(std::string_view data) noexcept {
    return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()));
}

std::uint64_t crc64(std::string_view data) noexcept {
    std::uint64_t crc = ~std::uint64_t{0};
    for (const char c : data) crc = crc64_table[(crc ^ static_cast<unsigned char>(c)) & 0xFF] ^ crc >> 8;
    return ~crc;
}

std::uint64_t xxhash64(std::string_view data) noexcept {
    std::size_t at = 0;
    std::uint64_t hash = p5;
    if (data.size() >= 32) {
        std::array<std::uint64_t, 4> lanes{p1 + p2, p2, 0, 0 - p1};
        for (; at + 32 <= data.size(); at += 32) {
            for (std::size_t i = 0; i < 4; ++i)
                lanes[i] = mixed(lanes[i], little_endian(data, at + 8 * i, 8));
        }
        hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
               std::rotl(lanes[3], 18);
        for (const std::uint64_t lane : lanes) hash = (hash ^ mixed(0, lane)) * p1 + p4;
    }
    hash += data.size();
    for (; at + 8 <= data.size(); at += 8)
        hash = std::rotl(hash ^ mixed(0, little_endian(data, at, 8)), 27) * p1 + p4;
    for (; at + 4 <= data.size(); at += 4)
        hash = std::rotl(hash ^ little_endian(data, at, 4) * p1, 23) * p2 + p3;
    for (; at < data.size(); ++at) hash = std::rotl(hash ^ little_endian(data, at, 1) * p5, 11) * p1;
    hash = (hash ^ hash >> 33) * p2;
    hash = (hash ^ hash >> 29) * p3;
    return hash ^ hash >> 32;
}

} // namespace adit::inline v0::cel
