// Checksums that are no cryptography.
#pragma once

#include <cstdint>
#include <string_view>

namespace adit::inline v0::cel {

/// CRC-32 as of zlib and Ethernet.
std::uint32_t crc32(std::string_view data) noexcept;
/// CRC-64 with the polynomial of ISO 3309, reflected, as Go's crc64.ISO.
std::uint64_t crc64(std::string_view data) noexcept;
/// xxHash64 with seed 0 (xxhash.com).
std::uint64_t xxhash64(std::string_view data) noexcept;

} // namespace adit::inline v0::cel
