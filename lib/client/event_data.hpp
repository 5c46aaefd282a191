// What an Event holds.
#pragma once

#include <adit/event.hpp>

#include <utility>

namespace adit::inline v0 {

struct Event::Data {
    explicit Data(Kind k) : kind(k) {}

    Kind kind;
    std::uint32_t leg = 0;
    ErrorInfo reason;
    std::chrono::milliseconds next_try{-1};
    std::chrono::microseconds latency{0};
    std::string url;
    std::string listener_id;
    std::string remote_address;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::chrono::milliseconds duration{0};
};

} // namespace adit
