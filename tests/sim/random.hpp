// Randomness that a seed reproduces on every machine: no std distribution, whose results are not specified.
#pragma once

#include <cstddef>
#include <cstdint>

namespace adit::sim {

/// splitmix64.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9E37'79B9'7F4A'7C15u;
        z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9u;
        z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EBu;
        return z ^ (z >> 31);
    }
    /// 0 to n-1; n > 0.
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }
    std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }
    bool chance(unsigned percent) { return below(100) < percent; }
    /// Mostly small, now and then up to `high`: every size class is as likely as the others.
    std::size_t size(std::size_t high) {
        std::size_t limit = high;
        for (std::size_t halvings = below(17); halvings > 0 && limit > 1; --halvings) limit /= 2;
        return between(0, limit);
    }

private:
    std::uint64_t state_;
};

} // namespace adit::sim
