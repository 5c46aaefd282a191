#include "client/inspection.hpp"

#include "client/forwarder_impl.hpp"

#include <utility>

namespace adit::inline v0 {

ExchangeRecord::~ExchangeRecord() = default;
ExchangeObserver::~ExchangeObserver() = default;

std::shared_ptr<ExchangeObserver> Inspection::observer() const {
    const std::lock_guard lock(mutex_);
    return observer_.lock();
}

bool Inspection::attach(std::weak_ptr<ExchangeObserver> observer) {
    const std::lock_guard lock(mutex_);
    if (on_.load()) return false;
    observer_ = std::move(observer);
    on_.store(true, std::memory_order_release);
    return true;
}

void Inspection::detach() noexcept {
    const std::lock_guard lock(mutex_);
    on_.store(false, std::memory_order_release);
    observer_.reset();
}

void Inspection::session_over() noexcept {
    if (const auto observing = observer()) observing->session_over();
}

void Inspection::add(std::weak_ptr<detail::ForwarderImpl> forwarder) {
    const std::lock_guard lock(mutex_);
    if (forwarders_.size() == forwarders_.capacity()) { // as seldom as it grows
        std::erase_if(forwarders_, [](const auto& each) { return each.expired(); });
        if (forwarders_.size() > forwarders_.capacity() / 2) forwarders_.reserve(2 * forwarders_.capacity() + 1);
    }
    forwarders_.push_back(std::move(forwarder));
}

Inspection::Forwarders Inspection::forwarders() const {
    Forwarders alive; // their end is not for under the mutex
    const std::lock_guard lock(mutex_);
    for (const auto& each : forwarders_) {
        if (auto forwarder = each.lock()) alive.push_back(std::move(forwarder));
    }
    return alive;
}

} // namespace adit
