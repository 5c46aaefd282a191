// Exchanges to keep, filter and show.
#pragma once

#include "inspector/exchange.hpp"

#include <chrono>
#include <string_view>

namespace adit_test {

inline adit::inspector::Exchange exchange(std::string_view method, std::string_view target, int status = 200,
                                          std::chrono::nanoseconds duration = std::chrono::milliseconds(5)) {
    adit::inspector::Exchange out;
    static const auto name = std::make_shared<const std::string>("web");
    static const auto url = std::make_shared<const std::string>("https://app.example.com");
    out.tunnel_name = name;
    out.tunnel_url = url;
    out.duration = duration;
    out.request.head = adit::Head::request(method, target);
    out.request.head.add("Host", "app.example.com");
    out.request.complete = true;
    if (status == 0) return out;
    out.response.head = adit::Head::response(status);
    out.response.complete = true;
    out.answered = true;
    out.state = adit::inspector::State::complete;
    return out;
}

} // namespace adit_test
