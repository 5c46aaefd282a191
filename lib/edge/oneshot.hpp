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

/// set() may be called from any thread, also before or inside wait(); the first value counts. wait() is called once, by a
/// coroutine on `executor`, which must run one handler at a time. Held by shared_ptr.
template <class T>
class OneShot final : public OneShotBase, public std::enable_shared_from_this<OneShot<T>> {
public:
    explicit OneShot(const asio::any_io_executor& executor) : timer_(executor) {}

    /// False if it came too late and nobody will see it.
    bool set(T value) {
        {
            const std::lock_guard lock(mutex_);
            if (done_) return false;
            done_ = true;
            value_.emplace(std::move(value));
        }
        wake();
        return true;
    }
    void give_up() override {
        {
            const std::lock_guard lock(mutex_);
            if (done_) return;
            done_ = true;
        }
        wake();
    }

    /// The value; nullopt if the time passed or it was given up. A value that comes later is dropped.
    asio::awaitable<std::optional<T>> wait(std::chrono::steady_clock::duration time) {
        auto self = this->shared_from_this();
        timer_.expires_after(time);
        for (;;) {
            {
                const std::lock_guard lock(mutex_);
                if (done_ || timer_.expiry() <= std::chrono::steady_clock::now()) break;
            }
            std::error_code ignored;
            co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        }
        const std::lock_guard lock(mutex_);
        done_ = true;
        co_return std::exchange(value_, std::nullopt);
    }

private:
    void wake() {
        asio::post(timer_.get_executor(), [self = this->shared_from_this()] { self->timer_.cancel(); });
    }

    asio::steady_timer timer_;
    std::mutex mutex_;
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
