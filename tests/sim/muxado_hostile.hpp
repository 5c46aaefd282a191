// A session against a peer that says anything.
#pragma once

#include <cstddef>
#include <cstdint>

namespace adit::sim {

/// One run; returns its steps, throws if a law is broken.
std::size_t run_hostile(std::uint64_t seed);

} // namespace adit::sim
