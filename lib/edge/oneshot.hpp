// One value from anywhere for one coroutine that waits, with a time limit.
#pragma once

#include <adit/asio.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace adit::inline v0::edge {

class OneShotBase {
public:
    virtual ~OneShotBase() = default;
    /// Ends the waiting without a value. Any thread.
    virtual void give_up() = 0;
};

/// set() may be called from any thread, before, inside or after wait(), also when the waiting coroutine and its executor
/// are gone; the first value counts. wait() is called once, on an executor that runs one handler at a time. Held by
/// shared_ptr.
template <class T>
class OneShot final : public OneShotBase, public std::enable_shared_from_this<OneShot<T>> {
public:
    /// False if it came too late and nobody will see it.
    bool set(T value) {
        const std::lock_guard lock(mutex_);
        if (done_) return false;
        value_.emplace(std::move(value));
        finish();
        return true;
    }
    void give_up() override {
        const std::lock_guard lock(mutex_);
        if (!done_) finish();
    }

    /// The value; nullopt if the time passed or it was given up. A value that comes later is dropped.
    asio::awaitable<std::optional<T>> wait(std::chrono::steady_clock::duration time) {
        const auto self = this->shared_from_this();
        asio::steady_timer timer(co_await asio::this_coro::executor, time);
        const Waiting waiting(*this, timer);
        for (;;) {
            {
                const std::lock_guard lock(mutex_);
                if (done_ || timer.expiry() <= std::chrono::steady_clock::now()) break;
            }
            std::error_code ignored;
            co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        }
        const std::lock_guard lock(mutex_);
        done_ = true;
        co_return std::exchange(value_, std::nullopt);
    }

private:
    /// The timer belongs to the coroutine and ends with it: whoever holds the answer may outlive the io_context.
    class Waiting {
    public:
        Waiting(OneShot& shot, asio::steady_timer& timer) : shot_(shot) {
            const std::lock_guard lock(shot_.mutex_);
            shot_.timer_ = &timer;
        }
        Waiting(const Waiting&) = delete;
        Waiting& operator=(const Waiting&) = delete;
        ~Waiting() {
            const std::lock_guard lock(shot_.mutex_);
            shot_.timer_ = nullptr;
            shot_.done_ = true;
        }

    private:
        OneShot& shot_;
    };

    void finish() {
        done_ = true;
        if (timer_ == nullptr) return;
        asio::post(timer_->get_executor(), [self = this->shared_from_this()] {
            const std::lock_guard lock(self->mutex_);
            if (self->timer_ != nullptr) self->timer_->cancel();
        });
    }

    std::mutex mutex_;
    asio::steady_timer* timer_ = nullptr; // of the coroutine that waits
    std::optional<T> value_;
    bool done_ = false;
};

/// Those a session waits for. Not thread-safe.
class OneShotList {
public:
    void add(std::weak_ptr<OneShotBase> shot) {
        std::erase_if(shots_, [](const auto& each) { return each.expired(); });
        shots_.push_back(std::move(shot));
    }
    void give_up_all() {
        for (const auto& each : std::exchange(shots_, {})) {
            if (auto shot = each.lock()) shot->give_up();
        }
    }

private:
    std::vector<std::weak_ptr<OneShotBase>> shots_;
};

} // namespace adit
