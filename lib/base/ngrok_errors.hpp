// The ERR_NGROK_n table (behaviour.md D.5): what each number means and whether trying again can help.
#pragma once

#include <adit/config.hpp>

#include <cstdint>
#include <string_view>

namespace adit::inline v0 {

/// What trying again can do. slow: after a long wait only (behaviour.md D.5).
enum class Retry : std::uint8_t { never, slow, again };

struct NgrokErrorEntry {
    int number;
    std::string_view text; ///< one sentence, in our words
    Retry retry;           ///< never: permanent until something is changed
    bool authentication;   ///< the credential was refused
    int http_status;       ///< status of the page for a visitor; 0 if it never reaches one
};

/// nullptr for a number that the table does not have.
ADIT_INTERNAL const NgrokErrorEntry* find_ngrok_error(int number) noexcept;

} // namespace adit
