// Base16 of RFC 4648 section 8, in lower case.
#pragma once

#include "base/bytes.hpp"

#include <string>
#include <string_view>

namespace adit::inline v0 {

/// Two digits for one byte.
inline void append_hex(std::string& out, std::uint8_t byte) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += digits[byte >> 4];
    out += digits[byte & 15];
}

inline std::string hex_encode(Bytes bytes) {
    std::string text;
    text.reserve(2 * bytes.size());
    for (const std::uint8_t byte : bytes) append_hex(text, byte);
    return text;
}

} // namespace adit
