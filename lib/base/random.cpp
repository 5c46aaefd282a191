#include "base/random.hpp"

#include <cerrno>
#include <cstdlib>

#include <sys/random.h>

namespace adit::inline v0 {

void fill_random(MutableBytes out) {
    while (!out.empty()) {
        const ssize_t got = ::getrandom(out.data(), out.size(), 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            std::abort();
        }
        out = out.subspan(static_cast<std::size_t>(got));
    }
}

bool constant_time_equal(Bytes a, Bytes b) noexcept {
    if (a.size() != b.size()) return false;
    volatile std::uint8_t difference = 0; // volatile: the compiler may not leave the loop early
    for (std::size_t i = 0; i < a.size(); ++i)
        difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
    return difference == 0;
}

} // namespace adit::inline v0
