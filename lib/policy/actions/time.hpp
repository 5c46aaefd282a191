// The clock of the actions that measure time: always an argument.
#pragma once

#include <chrono>

namespace adit::inline v0::policy {

using Time = std::chrono::steady_clock::time_point;

} // namespace adit::inline v0::policy
