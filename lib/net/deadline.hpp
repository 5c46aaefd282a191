// A bound on the time of what happens in a scope.
#pragma once

#include <adit/asio.hpp>
#include <adit/config.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace adit::inline v0::net {

/// Calls `on_expire` on the executor once `time` has passed, unless it was destroyed before. Not thread-safe: used and
/// destroyed on the executor's thread (or strand). on_expire must make the guarded operation complete (abort, cancel).
class ADIT_INTERNAL Deadline {
public:
    Deadline(const asio::any_io_executor& executor, std::chrono::steady_clock::duration time,
             std::function<void()> on_expire);
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;
    ~Deadline();

    /// Starts anew from now.
    void restart(std::chrono::steady_clock::duration time);
    bool expired() const noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace adit
