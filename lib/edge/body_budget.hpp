// What the edge may hold of bodies that policies look at as a whole (verify-webhook): they come from visitors whom nobody
// knows yet.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace adit::inline v0::edge {

/// Bytes held, of the edge or of one endpoint. Thread-safe.
class BodyBudget {
public:
    /// False, and nothing taken, if that would be more than `most` in all.
    bool take(std::size_t bytes, std::size_t most) noexcept {
        std::size_t taken = taken_.load(std::memory_order_relaxed);
        do {
            if (bytes > most || taken > most - bytes) return false;
        } while (!taken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_relaxed));
        return true;
    }
    void give_back(std::size_t bytes) noexcept { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

private:
    std::atomic<std::size_t> taken_{0};
};

/// What one body has of both budgets.
class BodyHold {
public:
    BodyHold() = default;
    BodyHold(const BodyHold&) = delete;
    BodyHold& operator=(BodyHold&& other) noexcept {
        release();
        all_ = other.all_;
        endpoint_ = std::move(other.endpoint_);
        bytes_ = std::exchange(other.bytes_, 0);
        return *this;
    }
    ~BodyHold() { release(); }

    /// `all`, the edge's, outlives this; it has `most` bytes, of which one endpoint gets a part (limits::policy_bodies_share).
    /// False, and nothing changed, if that is too much.
    bool grow_to(std::size_t bytes, BodyBudget& all, std::shared_ptr<BodyBudget> endpoint, std::size_t most) noexcept;
    void release() noexcept;
    std::size_t bytes() const noexcept { return bytes_; }

private:
    BodyBudget* all_ = nullptr;
    std::shared_ptr<BodyBudget> endpoint_;
    std::size_t bytes_ = 0;
};

} // namespace adit
