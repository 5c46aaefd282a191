// The library's background thread: it runs the sessions of Session::connect and the pumps of release_socket(), and lives
// as long as one of them.
#pragma once

#include <adit/asio.hpp>

#include "base/result.hpp"

#include <chrono>
#include <utility>

namespace adit::inline v0 {

class Background {
public:
    /// Keeps the thread alive. Movable; may be released on any thread, also on the background thread itself.
    class Lease {
    public:
        Lease() = default;
        Lease(Lease&& other) noexcept
            : held_(std::exchange(other.held_, false)), closing_(std::exchange(other.closing_, false)) {}
        Lease& operator=(Lease&& other) noexcept {
            if (this == &other) return *this;
            release();
            held_ = std::exchange(other.held_, false);
            closing_ = std::exchange(other.closing_, false);
            return *this;
        }
        ~Lease() { release(); }

        explicit operator bool() const noexcept { return held_; }
        /// What holds the lease is about to end by itself: a program that exits waits for it (limits::exit_time).
        void closing() noexcept;
        void release() noexcept;

    private:
        friend class Background;
        explicit Lease(bool held) noexcept : held_(held) {}
        bool held_ = false;
        bool closing_ = false;
    };

    /// Starts the thread if it does not run. Error: the system's, when it cannot.
    static Result<Lease> acquire();
    /// Never dangles: the context outlives everything, only its thread comes and goes.
    static asio::any_io_executor executor();
    static bool runs_on_this_thread() noexcept;
    /// Runs what was posted while no thread was there.
    static void run_posted() noexcept;

    /// For tests: true once no thread is left.
    static bool wait_stopped(std::chrono::milliseconds time);
};

} // namespace adit
