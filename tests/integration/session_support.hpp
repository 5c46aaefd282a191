// What the tests of sessions at a real edge share.
#pragma once

#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include "client/options_data.hpp"

#include "support/cut_proxy.hpp"
#include "support/doctest.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace adit_test {

/// The events of a session, in order; waits fail after 20 s.
class EventLog {
public:
    using Event = adit::Event;

    adit::EventHandler handler() {
        return [log = log_](const Event& event) { // owns it: a closing session may still tell something
            const std::lock_guard lock(log->mutex);
            log->events.emplace_back(event, std::chrono::steady_clock::now());
            log->changed.notify_all();
        };
    }
    /// The `count`th of a kind, and when it came.
    std::pair<Event, std::chrono::steady_clock::time_point> wait(Event::Kind kind, std::size_t count = 1) {
        std::unique_lock lock(log_->mutex);
        const bool came = log_->changed.wait_for(lock, std::chrono::seconds(20), [&] { return log_->count(kind) >= count; });
        REQUIRE_MESSAGE(came, "only " << log_->count(kind) << " of " << count << " events " << adit::to_string(kind));
        for (const auto& entry : log_->events)
            if (entry.first.kind() == kind && --count == 0) return entry;
        throw std::logic_error("not reached");
    }
    std::size_t count(Event::Kind kind) const {
        const std::lock_guard lock(log_->mutex);
        return log_->count(kind);
    }

private:
    class Log {
    public:
        std::size_t count(Event::Kind kind) const {
            return static_cast<std::size_t>(std::ranges::count(events, kind, [](const auto& e) { return e.first.kind(); }));
        }
        std::mutex mutex;
        std::condition_variable changed;
        std::deque<std::pair<Event, std::chrono::steady_clock::time_point>> events;
    };
    std::shared_ptr<Log> log_ = std::make_shared<Log>();
};

/// Polls until it holds; fails the test after 20 s.
inline void eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        REQUIRE_MESSAGE(std::chrono::steady_clock::now() < deadline, "it did not happen in time");
        std::this_thread::yield();
    }
}

/// That dials again sooner after a loss than programs do.
inline adit::SessionOptions quick(adit::SessionOptions options, std::chrono::milliseconds time = std::chrono::milliseconds(5)) {
    const_cast<adit::SessionOptions::Data&>(options.data()).reconnect_delay = time; // it has no setter
    return options;
}

inline std::uint16_t port_of(const std::string& url) {
    return static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
}

} // namespace adit_test
