// What is kept of one HTTP exchange.
#pragma once

#include "http/message.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace adit::inline v0 {
namespace detail {
class ForwarderImpl;
}
namespace inspector {

/// A request or a response. The body is without its chunks, its begin if it is long.
class Message {
public:
    Head head;
    std::string body;
    std::uint64_t body_size = 0; ///< of all of it, so far
    Fields trailers;
    bool complete = false;

    bool truncated() const noexcept { return body_size > body.size(); }
    /// As on the wire, but for a chunked body, which stands in one chunk. A truncated body ends where it was cut.
    std::string raw() const;
};

enum class State : std::uint8_t { pending, complete, upgraded, failed };
std::string_view to_string(State state) noexcept;

class Exchange {
public:
    std::chrono::system_clock::time_point start;
    std::chrono::steady_clock::duration duration{}; ///< so far
    State state = State::pending;
    std::shared_ptr<const std::string> tunnel_name, tunnel_url; ///< of the endpoint, many exchanges share them
    std::weak_ptr<detail::ForwarderImpl> forwarder;
    std::string remote_address;
    std::string proxy_header; ///< what stood in front of the connection to the upstream
    Message request;
    Message response;
    bool answered = false; ///< there is a response
    int error_number = 0;  ///< of the ERR_NGROK page that the visitor got
    std::string error;     ///< why it failed
    std::uint64_t replay_of = 0;

    /// What it holds, about.
    std::size_t memory() const noexcept;
};

/// An exchange in the store. `number` counts from 1.
class Entry {
public:
    Entry(std::uint64_t n, Exchange e) : number(n), exchange_(std::move(e)) {}
    const std::uint64_t number;

    /// Thread-safe: one at a time looks at it or changes it. Not from inside another, nor with the store's mutex held.
    template <class Function>
    auto with(Function&& function) {
        const std::lock_guard lock(mutex_);
        return function(exchange_);
    }

private:
    friend class Store;
    std::mutex mutex_;
    Exchange exchange_;
    // The store's mutex guards these.
    std::uint64_t version_ = 0;
    std::size_t memory_ = 0;
    bool kept_ = false;
};

} // namespace inspector
} // namespace adit
