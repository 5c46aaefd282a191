// Runs the session simulation: session-sim [--seeds N] [--first SEED], or with --seed SEED [--trace] one run.
// ADIT_SIM_SEEDS sets N where no argument does (2,000 by default). The first seed that breaks a law ends it.
#include "sim/session_run.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <unistd.h>

namespace {

using Number = unsigned long long;

#if defined(__has_feature)
#define ADIT_SIM_FEATURE(name) __has_feature(name)
#else
#define ADIT_SIM_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || ADIT_SIM_FEATURE(address_sanitizer) || ADIT_SIM_FEATURE(thread_sanitizer)
constexpr unsigned time_scale = 3;
constexpr Number default_seeds = 300;
#else
constexpr unsigned time_scale = 1;
constexpr Number default_seeds = 2'000;
#endif

int usage(const char* program) {
    std::fprintf(stderr, "usage: %s [--seeds N] [--first SEED] | --seed SEED [--trace]\n", program);
    return 2;
}

} // namespace

int main(int argc, char** argv) {
    Number first = 1, seeds = default_seeds;
    bool trace = false;
    if (const char* n = std::getenv("ADIT_SIM_SEEDS"); n != nullptr) seeds = std::strtoull(n, nullptr, 10);
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const bool has_number = i + 1 < argc;
        if (word == "--trace")
            trace = true;
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
    std::size_t cuts = 0, visitors = 0, reconnects = 0;
    std::chrono::steady_clock::duration longest{0};
    Number longest_seed = first;
    asio::io_context io;
    adit::sim::SimEdge edge(io, time_scale);
    for (Number seed = first; seed < first + seeds; ++seed) {
        const auto began = std::chrono::steady_clock::now();
        adit::sim::SessionRun run(io, edge, seed, time_scale, trace);
        try {
            run.run();
        } catch (const std::exception& e) {
            std::printf("seed %llu: %s\nreplay: %s --seed %llu --trace\n", seed, e.what(), argv[0], seed);
            std::fflush(stdout);
            ::_exit(1); // what is left of the run belongs to nobody
        }
        cuts += run.cuts();
        visitors += run.visitors();
        reconnects += run.reconnects();
        if (const auto took = std::chrono::steady_clock::now() - began; took > longest) {
            longest = took;
            longest_seed = seed;
        }
    }
    std::printf("%llu seeds, %zu cuts, %zu reconnects, %zu listeners served after them; the longest seed, %llu, took %lld ms\n", seeds,
                cuts, reconnects, visitors, longest_seed,
                static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(longest).count()));
    return seeds != 0 ? 0 : 1;
}
