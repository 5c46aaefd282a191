#include "inspector/filter.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace adit::inline v0::inspector {
namespace {

ErrorInfo wrong(std::string_view name, std::string_view value, std::string_view expected) {
    return {errc::invalid_option, std::string(name) + ": '" + std::string(value) + "' is not " + std::string(expected)};
}

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size() || value < 100 || value > 999) return std::nullopt;
    return value;
}

std::optional<std::pair<int, int>> parse_status(std::string_view text) {
    if (text == "none") return std::pair(0, 0);
    if (text.size() == 3 && text[0] >= '1' && text[0] <= '9' && text.substr(1) == "xx") {
        const int from = (text[0] - '0') * 100;
        return std::pair(from, from + 99);
    }
    const std::size_t dash = text.find('-');
    const auto from = number(text.substr(0, dash));
    const auto to = dash == std::string_view::npos ? from : number(text.substr(dash + 1));
    if (!from || !to || *from > *to) return std::nullopt;
    return std::pair(*from, *to);
}

std::vector<std::string_view> split(std::string_view list) {
    std::vector<std::string_view> out;
    while (!list.empty()) {
        out.push_back(list.substr(0, list.find(',')));
        list.remove_prefix(std::min(list.size(), out.back().size() + 1));
    }
    return out;
}

} // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
    double value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (ec != std::errc() || !std::isfinite(value) || value < 0) return std::nullopt;
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    static constexpr std::pair<std::string_view, double> units[] = {{"", 1},    {"ns", 1},    {"us", 1e3},
                                                                    {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}};
    const auto found = std::ranges::find(units, unit, &std::pair<std::string_view, double>::first);
    if (found == std::end(units) || value * found->second > 9e18) return std::nullopt;
    return std::chrono::nanoseconds(static_cast<std::int64_t>(value * found->second));
}

// Greedy with one place to go back to, so that it takes at most the product of both sizes.
bool matches_pattern(std::string_view pattern, std::string_view text) noexcept {
    std::size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

Result<Filter> Filter::parse(const Query& query) {
    Filter filter;
    if (const auto name = query.find("tunnel_name")) filter.tunnel_name_ = *name;
    if (const auto path = query.find("path")) filter.path_ = *path;
    if (const auto methods = query.find("method"))
        for (const std::string_view each : split(*methods)) filter.methods_.emplace_back(each);
    if (const auto statuses = query.find("status")) {
        for (const std::string_view each : split(*statuses)) {
            const auto range = parse_status(each);
            if (!range) return wrong("status", each, "a status (404, 5xx, 400-499, none)");
            filter.statuses_.push_back(*range);
        }
    }
    for (const auto& [name, member] : {std::pair("min_duration", &filter.min_), std::pair("max_duration", &filter.max_)}) {
        const auto text = query.find(name);
        if (!text) continue;
        *member = parse_duration(*text);
        if (!*member) return wrong(name, *text, "a time (250ms, 1.5s)");
    }
    return filter;
}

bool Filter::matches(const Exchange& exchange) const {
    const Head& request = exchange.request.head;
    if (tunnel_name_ && *tunnel_name_ != *exchange.tunnel_name) return false;
    if (!methods_.empty() && std::ranges::find(methods_, request.method()) == methods_.end()) return false;
    if (path_.find('*') != std::string::npos) {
        if (!matches_pattern(path_, request.target())) return false;
    } else if (request.target().find(path_) == std::string_view::npos) {
        return false;
    }
    const int status = exchange.answered ? exchange.response.head.status() : 0;
    const auto in_range = [status](const auto& range) { return range.first <= status && status <= range.second; };
    if (!statuses_.empty() && std::ranges::none_of(statuses_, in_range)) return false;
    return (!min_ || exchange.duration >= *min_) && (!max_ || exchange.duration <= *max_);
}

} // namespace adit
