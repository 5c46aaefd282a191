// Runs the muxado simulation: muxado-sim [--seeds N] [--first SEED], or muxado-sim --seed SEED [--trace] for one.
// ADIT_SIM_SEEDS sets N where no argument does (300 by default).
#include "sim/muxado_world.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

namespace {

bool run_one(std::uint64_t seed, bool trace, const char* program, std::map<std::string, int>& endings, std::uint64_t& bytes,
             std::uint64_t& steps) {
    adit::sim::World world(seed, trace);
    try {
        world.run();
    } catch (const std::exception& e) {
        std::printf("seed %llu, step %zu: %s\nreplay: %s --seed %llu --trace\n", static_cast<unsigned long long>(seed),
                    world.step(), e.what(), program, static_cast<unsigned long long>(seed));
        return false;
    }
    ++endings[world.ending()];
    bytes += world.bytes_checked();
    steps += world.step();
    return true;
}

} // namespace

int main(int argc, char** argv) {
    std::uint64_t first = 1, seeds = 300;
    bool trace = false;
    if (const char* n = std::getenv("ADIT_SIM_SEEDS"); n != nullptr) seeds = std::strtoull(n, nullptr, 10);
    for (int i = 1; i < argc; ++i) {
        const bool has_value = i + 1 < argc;
        if (std::strcmp(argv[i], "--trace") == 0) {
            trace = true;
        } else if (std::strcmp(argv[i], "--seeds") == 0 && has_value) {
            seeds = std::strtoull(argv[++i], nullptr, 10);
        } else if (std::strcmp(argv[i], "--first") == 0 && has_value) {
            first = std::strtoull(argv[++i], nullptr, 10);
        } else if (std::strcmp(argv[i], "--seed") == 0 && has_value) {
            first = std::strtoull(argv[++i], nullptr, 10);
            seeds = 1;
        } else {
            std::fprintf(stderr, "usage: %s [--seeds N] [--first SEED] | --seed SEED [--trace]\n", argv[0]);
            return 2;
        }
    }
    std::map<std::string, int> endings;
    std::uint64_t bytes = 0, steps = 0, failed = 0;
    for (std::uint64_t seed = first; seed < first + seeds; ++seed)
        if (!run_one(seed, trace, argv[0], endings, bytes, steps)) ++failed;
    std::printf("%llu seeds, %llu steps, %llu MiB compared, %llu failed;", static_cast<unsigned long long>(seeds),
                static_cast<unsigned long long>(steps), static_cast<unsigned long long>(bytes >> 20),
                static_cast<unsigned long long>(failed));
    for (const auto& [ending, count] : endings) std::printf(" %s: %d;", ending.c_str(), count);
    std::printf("\n");
    return failed == 0 && seeds != 0 ? 0 : 1;
}
