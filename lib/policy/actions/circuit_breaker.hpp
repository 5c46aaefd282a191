// An upstream that fails gets a rest (behaviour C.2 circuit-breaker).
#pragma once

#include "base/result.hpp"
#include "policy/actions/time.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>

namespace adit::inline v0::policy {

struct CircuitBreakerSettings {
    double error_threshold = 0.5; ///< 0 to 1: the ratio of failures that trips it; at 0 one failure does
    std::uint32_t volume_threshold = 10; ///< but not before so many answers came within the window
    std::chrono::milliseconds window_duration{10'000};  ///< 1 s to 2 min
    std::chrono::milliseconds tripped_duration{10'000}; ///< 1 s to 2 min
};

/// Closed: all requests pass and are counted in ten buckets of the window. Open for tripped_duration: none
/// passes (503, 3202). Then half-open: one request passes as a probe; its success closes the breaker with an
/// empty window, its failure opens it again; a probe that is not reported within tripped_duration, or
/// abandoned, makes room for another. Thread-safe.
class CircuitBreaker {
public:
    enum class State : std::uint8_t { closed, open, half_open };
    enum class Outcome : std::uint8_t {
        success,
        failure,   ///< a 5xx answer, or none at all
        abandoned, ///< the visitor went away first: says nothing about the upstream
    };
    /// Belongs to one request; hand it back with its outcome.
    struct Pass {
        bool allowed = false;
        std::uint64_t number = 0;            ///< 0 in a closed breaker, else of the probe
        std::uint64_t generation = 0;        ///< which closed phase it belongs to
        std::chrono::seconds retry_after{0}; ///< if not allowed, rounded up
    };

    /// 2215 if a setting is out of its range.
    static Result<std::unique_ptr<CircuitBreaker>> create(const CircuitBreakerSettings& settings);

    Pass admit(Time now);
    /// Once for each pass that was allowed. Answers to requests of an earlier phase change nothing.
    void report(const Pass& pass, Outcome outcome, Time now);
    State state(Time now) const;

private:
    explicit CircuitBreaker(const CircuitBreakerSettings& settings);
    struct Bucket {
        std::uint64_t all = 0;
        std::uint64_t failed = 0;
    };
    static constexpr std::size_t buckets = 10;

    void turn(Time now);
    void trip(Time now);
    void close();

    const CircuitBreakerSettings settings_;
    mutable std::mutex mutex_;
    std::array<Bucket, buckets> window_{};
    Bucket sum_;
    Time bucket_start_{};
    std::size_t current_ = 0;
    bool open_ = false;
    Time open_until_{};
    std::uint64_t probe_ = 0; // under way; 0 for none
    Time probe_until_{};
    std::uint64_t probes_ = 0;
    std::uint64_t generation_ = 1;
};

} // namespace adit::inline v0::policy
