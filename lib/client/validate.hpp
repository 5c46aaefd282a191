// What the checks of options have in common.
#pragma once

#include "client/options_data.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace adit::inline v0 {

inline ErrorInfo invalid(std::string_view option, std::string_view why) {
    return {errc::invalid_option, std::string(option) + ": " + std::string(why)};
}

inline ErrorInfo too_long(std::string_view option, std::size_t max) {
    return invalid(option, "longer than " + std::to_string(max) + " bytes");
}

inline bool has_control_or_space(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

/// The part of check(Endpoint::Data) about what the edge does with visitors, but for which endpoint has which option.
ErrorInfo check_modules(const Endpoint::Data& endpoint);

} // namespace adit
