// Runs the session simulation: session-sim [--seeds N] [--first SEED] [--jobs N], or with --seed SEED [--trace] one run.
// ADIT_SIM_SEEDS sets N where no argument does (2,000 by default, 300 under a
// sanitizer). The first seed that breaks a law ends its job.
#include "sim/session_run.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <sys/types.h>
#include <sys/wait.h>
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

// Seeds mostly wait for times to pass, so several processes run them at once; none has more than one thread.
constexpr unsigned default_jobs = 8;

class Totals {
public:
    std::size_t cuts = 0, reconnects = 0, served = 0;
    long long longest_ms = 0;
    Number longest_seed = 0;

    void add(const Totals& other) {
        cuts += other.cuts;
        reconnects += other.reconnects;
        served += other.served;
        if (other.longest_ms < longest_ms) return;
        longest_ms = other.longest_ms;
        longest_seed = other.longest_seed;
    }
};

int usage(const char* program) {
    std::fprintf(stderr, "usage: %s [--seeds N] [--first SEED] [--jobs N] | --seed SEED [--trace]\n", program);
    return 2;
}

/// Every `jobs`th seed; ends the process when one breaks a law.
Totals run_seeds(Number first, Number end, unsigned job, unsigned jobs, bool trace, const char* program) {
    Totals totals;
    asio::io_context io;
    adit::sim::SimEdge edge(io, time_scale, job);
    for (Number seed = first + job; seed < end; seed += jobs) {
        const auto began = std::chrono::steady_clock::now();
        adit::sim::SessionRun run(io, edge, seed, time_scale, trace);
        try {
            run.run();
        } catch (const std::exception& e) {
            std::printf("seed %llu: %s\nreplay: %s --seed %llu --trace\n", seed, e.what(), program, seed);
            std::fflush(stdout);
            ::_exit(1); // what is left of the run belongs to nobody
        }
        Totals its;
        its.cuts = run.cuts();
        its.reconnects = run.reconnects();
        its.served = run.visitors();
        its.longest_ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began).count();
        its.longest_seed = seed;
        totals.add(its);
    }
    return totals;
}

/// In a process of its own, whose totals come by the pipe.
pid_t start_job(Number first, Number end, unsigned job, unsigned jobs, const char* program, int pipe) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    const Totals totals = run_seeds(first, end, job, jobs, false, program);
    const bool written = ::write(pipe, &totals, sizeof totals) == static_cast<ssize_t>(sizeof totals);
    std::exit(written ? 0 : 1);
}

} // namespace

int main(int argc, char** argv) {
    Number first = 1, seeds = default_seeds, jobs = default_jobs;
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
        else if (word == "--jobs")
            jobs = std::strtoull(argv[++i], nullptr, 10);
        else if (word == "--seed")
            first = std::strtoull(argv[++i], nullptr, 10), seeds = 1;
        else
            return usage(argv[0]);
    }
    if (seeds == 0 || jobs == 0 || jobs > default_jobs) return usage(argv[0]);
    Totals totals;
    bool failed = false;
    if (seeds == 1 || trace || jobs == 1) {
        totals = run_seeds(first, first + seeds, 0, 1, trace, argv[0]);
    } else {
        int ends[2];
        if (::pipe(ends) != 0) return 1;
        std::vector<pid_t> children;
        for (unsigned job = 0; job < jobs; ++job)
            children.push_back(start_job(first, first + seeds, job, static_cast<unsigned>(jobs), argv[0], ends[1]));
        ::close(ends[1]);
        for (const pid_t child : children) {
            int status = 0;
            const bool fine = ::waitpid(child, &status, 0) == child && status == 0;
            if (!fine) std::printf("a job ended with the status 0x%x\n", static_cast<unsigned>(status));
            failed = failed || !fine;
        }
        for (Totals its; ::read(ends[0], &its, sizeof its) == static_cast<ssize_t>(sizeof its);) totals.add(its);
    }
    std::printf("%llu seeds, %zu cuts, %zu reconnects, %zu listeners served after them; the longest seed, %llu, took %lld ms%s\n",
                seeds, totals.cuts, totals.reconnects, totals.served, totals.longest_seed, totals.longest_ms,
                failed ? "; at least one failed" : "");
    return failed ? 1 : 0;
}
