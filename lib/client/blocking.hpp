// Blocking forms: a thread that waits for the handler of the asynchronous one.
#pragma once

#include <adit/detail/any_handler.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

namespace adit::inline v0 {

/// Lives on the waiting thread's stack; the handler must be called exactly once and finished() waited for.
template <class... Results>
class BlockingCall {
public:
    BlockingCall() = default;
    BlockingCall(const BlockingCall&) = delete;
    BlockingCall& operator=(const BlockingCall&) = delete;

    detail::AnyHandler<void(std::error_code, Results...)> handler() {
        return detail::AnyHandler<void(std::error_code, Results...)>::inline_function(
            [this](std::error_code code, Results... results) {
                // Notified with the lock held: afterwards this object may be gone.
                const std::lock_guard lock(mutex_);
                code_ = code;
                results_.emplace(std::move(results)...);
                done_.notify_one();
            });
    }

    void wait() {
        std::unique_lock lock(mutex_);
        done_.wait(lock, [this] { return results_.has_value(); });
    }
    /// False if the time passed first.
    bool wait_for(std::chrono::milliseconds time) {
        const auto bounded = std::min<std::chrono::milliseconds>(time, longest);
        std::unique_lock lock(mutex_);
        return done_.wait_for(lock, bounded, [this] { return results_.has_value(); });
    }

    /// After wait() or a true wait_for().
    const std::error_code& code() const noexcept { return code_; }
    template <std::size_t I>
    auto&& result() {
        return std::get<I>(*results_);
    }

private:
    static constexpr std::chrono::hours longest{24 * 365}; // now() plus milliseconds::max() overflows

    std::mutex mutex_;
    std::condition_variable done_;
    std::error_code code_;
    std::optional<std::tuple<Results...>> results_;
};

} // namespace adit
