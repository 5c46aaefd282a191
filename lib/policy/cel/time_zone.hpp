// Time zones, without the files of the system.
#pragma once

#include "policy/cel/value.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace adit::inline v0::cel {

/// Seconds east of UTC at that time: of "UTC", "+11:00", "-02:30", "02:00", or a zone of IANA such as
/// "Europe/Berlin". A zone has the rules that it keeps now, which are not those of its past. nullopt for
/// anything else.
std::optional<std::int64_t> zone_offset(std::string_view zone, Timestamp at) noexcept;

/// The same for a rule as POSIX writes it, "CET-1CEST,M3.5.0,M10.5.0/3"; nullopt if it is none.
std::optional<std::int64_t> rule_offset(std::string_view rule, Timestamp at) noexcept;

} // namespace adit::inline v0::cel
