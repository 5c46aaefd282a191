// Base64 of RFC 4648 section 4: the standard alphabet, padded.
#pragma once

#include <adit/config.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace adit::inline v0 {

ADIT_INTERNAL std::string base64_encode(std::string_view bytes);

/// Strict: nullopt for a wrong length, another alphabet, white space, missing padding or padding bits that
/// are not 0.
ADIT_INTERNAL std::optional<std::string> base64_decode(std::string_view text);

} // namespace adit::inline v0
