// Which exchanges somebody wants to see. All conditions hold together.
#pragma once

#include "base/result.hpp"
#include "inspector/exchange.hpp"
#include "inspector/query.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::inspector {

class Filter {
public:
    /// tunnel_name   exactly
    /// method        "GET", "GET,HEAD"
    /// path          a part of the request's target; with '*' a pattern for all of it
    /// status        "404", "5xx", "400-499", "200,204", "none" (no answer)
    /// min_duration, max_duration   "250ms", "1.5s", "800us", a number of ns; both inclusive
    /// Others are not for the filter. Error: errc::invalid_option, the message names the parameter.
    static Result<Filter> parse(const Query& query);

    bool matches(const Exchange& exchange) const;

private:
    std::optional<std::string> tunnel_name_;
    std::vector<std::string> methods_;
    std::string path_;
    std::vector<std::pair<int, int>> statuses_; // from, to; 0, 0: no answer
    std::optional<std::chrono::nanoseconds> min_, max_;
};

/// "250ms", "1.5s", "2m", "10us", "7ns", "7".
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);
/// '*' stands for anything, also nothing.
bool matches_pattern(std::string_view pattern, std::string_view text) noexcept;

} // namespace adit
