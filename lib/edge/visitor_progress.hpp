// How far a peer came in taking what we send.
#pragma once

#include <cstdint>

namespace adit::inline v0::edge {

/// Bytes that the peer of a TCP socket has acknowledged since the connection began; 0 if the kernel does not say.
std::uint64_t bytes_acknowledged(int fd) noexcept;

} // namespace adit
