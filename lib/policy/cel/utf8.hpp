// Characters of UTF-8. Bytes that are not UTF-8 count as one character each, so that nothing is refused or
// lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace adit::inline v0::cel {

/// How many bytes the character at `at` (below the size) has: 1 to 4.
std::size_t utf8_length(std::string_view text, std::size_t at) noexcept;
/// The code point of the character at `at`; 0xFFFD for a wrong byte.
std::uint32_t utf8_code(std::string_view text, std::size_t at) noexcept;
std::size_t utf8_count(std::string_view text) noexcept;
bool utf8_valid(std::string_view text) noexcept;
/// The byte at which character number `count` starts; npos if there are fewer. The end counts as one.
std::size_t utf8_offset(std::string_view text, std::size_t count) noexcept;
/// A valid code point.
void utf8_append(std::string& out, std::uint32_t code);

} // namespace adit::inline v0::cel
