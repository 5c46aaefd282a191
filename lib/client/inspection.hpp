// What a session keeps for an inspector: its forwarders, and who observes them.
#pragma once

#include "client/exchange_observer.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace adit::inline v0 {

/// Thread-safe.
class Inspection {
public:
    using Forwarders = std::vector<std::shared_ptr<detail::ForwarderImpl>>;

    /// What a request asks first: there is nobody, nearly always.
    bool is_on() const noexcept { return on_.load(std::memory_order_acquire); }
    /// Null if it has gone meanwhile.
    std::shared_ptr<ExchangeObserver> observer() const;
    /// False: there is one already.
    bool attach(std::weak_ptr<ExchangeObserver> observer);
    void detach() noexcept;
    void session_over() noexcept;

    void add(std::weak_ptr<detail::ForwarderImpl> forwarder);
    /// In their order; without those that nobody holds any more.
    Forwarders forwarders() const;

private:
    mutable std::mutex mutex_;
    std::atomic<bool> on_ = false;
    std::weak_ptr<ExchangeObserver> observer_;
    std::vector<std::weak_ptr<detail::ForwarderImpl>> forwarders_;
};

} // namespace adit
