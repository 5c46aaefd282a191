// base64url without padding (RFC 4648 5), strict. Private to lib/tls.
#pragma once

#include "base/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::tls {

std::string base64url_encode(Bytes bytes);
/// Empty for any other letter, padding, a length no encoder makes, or stray bits in the last letter.
std::optional<std::vector<std::uint8_t>> base64url_decode(std::string_view text);

} // namespace adit::inline v0::tls
