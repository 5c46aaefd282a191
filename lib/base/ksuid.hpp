// Identifiers that sort by time: a prefix and a KSUID ("ep_" + 27 characters).
#pragma once

#include <adit/config.hpp>

#include "base/random.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace adit::inline v0 {

/// 32 bits of seconds since 2014-05-13T16:53:20Z and 128 random bits, as 27 characters of base 62. Times
/// outside of these 136 years are clamped.
ADIT_INTERNAL std::string ksuid(std::chrono::system_clock::time_point time,
                                const std::array<std::uint8_t, 16>& random);

/// `prefix` ("ep_", "sess_", "tn_") and a new KSUID.
ADIT_INTERNAL std::string make_id(std::string_view prefix, std::chrono::system_clock::time_point now,
                                  const RandomSource& random);

} // namespace adit::inline v0
