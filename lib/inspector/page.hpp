// The page, embedded when the library is built (embed-page makes page.cpp of page.html).
#pragma once

#include <string_view>

namespace adit::inline v0::inspector {

std::string_view page() noexcept;
/// Its Content-Security-Policy: its own script and style by their hashes, and nothing else.
std::string_view page_policy() noexcept;

} // namespace adit
