// The seam for randomness, and comparing secrets.
#pragma once

#include <adit/config.hpp>

#include "base/bytes.hpp"

#include <functional>

namespace adit::inline v0 {

/// Fills all the bytes. The cores take one, so that a test can give them a seeded one.
using RandomSource = std::function<void(MutableBytes)>;

/// The default source: getrandom(2). Ends the process if the kernel has none, as nothing safe could follow.
ADIT_INTERNAL void fill_random(MutableBytes out);

/// Whether both are equal, in a time that depends on their sizes only.
ADIT_INTERNAL bool constant_time_equal(Bytes a, Bytes b) noexcept;

} // namespace adit::inline v0
