#include "policy/cel/utf8.hpp"

namespace adit::inline v0::cel {

namespace {

unsigned byte_at(std::string_view text, std::size_t at) noexcept {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

bool continues(unsigned byte) noexcept { return (byte & 0xC0) == 0x80; }

// 0 for what is not UTF-8: RFC 3629 4, so neither overlong forms nor surrogates.
std::size_t valid_length(std::string_view text, std::size_t at) noexcept {
    const unsigned first = byte_at(text, at);
    const unsigned second = byte_at(text, at + 1);
    if (first < 0x80) return 1;
    if (first < 0xC2 || first > 0xF4 || !continues(second)) return 0;
    if (first < 0xE0) return 2;
    if (!continues(byte_at(text, at + 2))) return 0;
    if (first < 0xF0) {
        if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
        return 3;
    }
    if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
    return continues(byte_at(text, at + 3)) ? 4 : 0;
}

} // namespace

std::size_t utf8_length(std::string_view text, std::size_t at) noexcept {
    const std::size_t length = valid_length(text, at);
    return length == 0 ? 1 : length;
}

std::uint32_t utf8_code(std::string_view text, std::size_t at) noexcept {
    const unsigned first = byte_at(text, at);
    const auto tail = [&](std::size_t i) { return byte_at(text, at + i) & 0x3F; };
    switch (valid_length(text, at)) {
    case 1: return first;
    case 2: return (first & 0x1F) << 6 | tail(1);
    case 3: return (first & 0x0F) << 12 | tail(1) << 6 | tail(2);
    case 4: return (first & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3);
    default: return 0xFFFD;
    }
}

std::size_t utf8_count(std::string_view text) noexcept {
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); at += utf8_length(text, at)) ++count;
    return count;
}

bool utf8_valid(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = valid_length(text, at);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

std::size_t utf8_offset(std::string_view text, std::size_t count) noexcept {
    std::size_t at = 0;
    for (; count > 0; --count) {
        if (at >= text.size()) return std::string_view::npos;
        at += utf8_length(text, at);
    }
    return at;
}

void utf8_append(std::string& out, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

} // namespace adit::inline v0::cel
