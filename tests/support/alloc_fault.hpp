// Memory that runs out at a chosen allocation of the calling thread. Linking alloc_fault.cpp replaces operator new.
#pragma once

#include <cstddef>

namespace adit_test {

/// While it lives, the allocation number `after` (0: the next one) of this thread and all later ones throw bad_alloc.
class AllocFault {
public:
    explicit AllocFault(std::size_t after) noexcept;
    AllocFault(const AllocFault&) = delete;
    AllocFault& operator=(const AllocFault&) = delete;
    ~AllocFault();
    /// An allocation has failed.
    static bool hit() noexcept;
};

} // namespace adit_test
