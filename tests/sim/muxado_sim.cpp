// Runs the muxado simulations: muxado-sim [hostile] [--seeds N] [--first SEED], or with --seed SEED [--trace]
// one run. ADIT_SIM_SEEDS sets N where no argument does (300 by default).
#include "sim/muxado_hostile.hpp"
#include "sim/muxado_world.hpp"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

namespace {

using Number = unsigned long long;

struct Totals {
    std::map<std::string, int> endings;
    Number steps = 0, bytes = 0, failed = 0;
};

bool run_one(bool hostile, Number seed, bool trace, const char* program, Totals& totals) {
    std::string where;
    try {
        if (hostile) {
            totals.steps += adit::sim::run_hostile(seed);
            return true;
        }
        adit::sim::World world(seed, trace);
        try {
            world.run();
        } catch (...) {
            where = ", step " + std::to_string(world.step());
            throw;
        }
        ++totals.endings[world.ending()];
        totals.bytes += world.bytes_checked();
        totals.steps += world.step();
        return true;
    } catch (const std::exception& e) {
        std::printf("seed %llu%s: %s\nreplay: %s%s --seed %llu%s\n", seed, where.c_str(), e.what(), program,
                    hostile ? " hostile" : "", seed, hostile ? "" : " --trace");
        return false;
    }
}

int usage(const char* program) {
    std::fprintf(stderr, "usage: %s [hostile] [--seeds N] [--first SEED] | --seed SEED [--trace]\n", program);
    return 2;
}

} // namespace

int main(int argc, char** argv) {
    Number first = 1, seeds = 300;
    bool trace = false, hostile = false;
    if (const char* n = std::getenv("ADIT_SIM_SEEDS"); n != nullptr) seeds = std::strtoull(n, nullptr, 10);
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const bool has_number = i + 1 < argc;
        if (word == "--trace")
            trace = true;
        else if (word == "hostile")
            hostile = true;
        else if (!has_number)
            return usage(argv[0]);
        else if (word == "--seeds")
            seeds = std::strtoull(argv[++i], nullptr, 10);
        else if (word == "--first")
            first = std::strtoull(argv[++i], nullptr, 10);
        else if (word == "--seed")
            first = std::strtoull(argv[++i], nullptr, 10), seeds = 1;
        else
            return usage(argv[0]);
    }
    Totals totals;
    for (Number seed = first; seed < first + seeds; ++seed)
        if (!run_one(hostile, seed, trace, argv[0], totals)) ++totals.failed;
    std::printf("%llu seeds, %llu steps, %llu MiB compared, %llu failed", seeds, totals.steps,
                totals.bytes >> 20, totals.failed);
    for (const auto& [ending, count] : totals.endings) std::printf("; %s: %d", ending.c_str(), count);
    std::printf("\n");
    return totals.failed == 0 && seeds != 0 ? 0 : 1;
}
