// Why bytes are no acceptable message.
#pragma once

#include <adit/config.hpp>

#include <string_view>

namespace adit::inline v0 {

/// The status to answer with, and a sentence that says what to do. status 0: no error.
struct HttpError {
    int status = 0;
    std::string_view text; ///< static
    explicit operator bool() const noexcept { return status != 0; }
};

} // namespace adit
