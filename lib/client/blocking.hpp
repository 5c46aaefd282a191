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

/// Lives on the waiting thread's stack; the handler must be called exactly once and waited for.
template <class... Args>
class Blocking {
public:
    Blocking() = default;
    Blocking(const Blocking&) = delete;
    Blocking& operator=(const Blocking&) = delete;

    detail::AnyHandler<void(Args...)> handler() {
        return detail::AnyHandler<void(Args...)>::inline_function([this](Args... args) {
            // Notified with the lock held: afterwards this object may be gone.
            const std::lock_guard lock(mutex_);
            args_.emplace(std::move(args)...);
            done_.notify_one();
        });
    }

    void wait() {
        std::unique_lock lock(mutex_);
        done_.wait(lock, [this] { return args_.has_value(); });
    }
    /// False if the time passed first.
    bool wait_for(std::chrono::milliseconds time) {
        const auto bounded = std::min<std::chrono::milliseconds>(time, longest);
        std::unique_lock lock(mutex_);
        return done_.wait_for(lock, bounded, [this] { return args_.has_value(); });
    }

    /// After wait() or a true wait_for().
    template <std::size_t I>
    auto&& get() {
        return std::get<I>(*args_);
    }

private:
    static constexpr std::chrono::hours longest{24 * 365}; // now() plus milliseconds::max() overflows

    std::mutex mutex_;
    std::condition_variable done_;
    std::optional<std::tuple<Args...>> args_;
};

template <class... Results>
class BlockingCall : public Blocking<std::error_code, Results...> {
public:
    const std::error_code& code() noexcept { return this->template get<0>(); }
    template <std::size_t I>
    auto&& result() {
        return this->template get<I + 1>();
    }
};

} // namespace adit
