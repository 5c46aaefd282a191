// Which ERR_NGROK number tells a visitor why his request found no agent.
#pragma once

#include <adit/error.hpp>

namespace adit::inline v0::edge {

inline int ngrok_number(const ErrorInfo& error) noexcept {
    if (error.code().category() == ngrok_category()) return error.code().value();
    if (error.code() == errc::limit_exceeded) return 724;
    return 3210;
}

} // namespace adit
