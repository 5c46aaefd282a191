#include "policy/cel/time_zone.hpp"

#include "policy/cel/calendar.hpp"
#include "policy/cel/zone_rules.hpp"

#include <charconv>

namespace adit::inline v0::cel {

namespace {

constexpr std::int64_t day = 86'400;

// Reads a rule from its front; every method is false, or nullopt, for what does not fit.
class RuleReader {
public:
    explicit RuleReader(std::string_view text) noexcept : rest_(text) {}

    bool at_end() const noexcept { return rest_.empty(); }

    bool mark(char c) noexcept {
        if (rest_.empty() || rest_[0] != c) return false;
        rest_.remove_prefix(1);
        return true;
    }

    bool name() noexcept {
        if (mark('<')) {
            const std::size_t end = rest_.find('>');
            if (end == std::string_view::npos) return false;
            rest_.remove_prefix(end + 1);
            return true;
        }
        const std::size_t end = rest_.find_first_of("+-0123456789,");
        const std::size_t size = end == std::string_view::npos ? rest_.size() : end;
        rest_.remove_prefix(size);
        return size >= 3;
    }

    std::optional<int> number() noexcept {
        int out = 0;
        const auto [end, code] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out);
        if (code != std::errc() || out > 1'000) return std::nullopt;
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
        return out;
    }

    // [+-]h[:mm[:ss]] in seconds.
    std::optional<std::int64_t> time() noexcept {
        const bool negative = mark('-');
        if (!negative) mark('+');
        std::int64_t seconds = 0;
        std::int64_t unit = 3'600;
        do {
            const std::optional<int> part = number();
            if (!part || *part < 0) return std::nullopt;
            seconds += *part * unit;
            unit /= 60;
        } while (unit > 0 && mark(':'));
        return negative ? -seconds : seconds;
    }

    // ",Mm.w.d[/time]": the seconds of local time since 1970 at which it is in that year.
    std::optional<std::int64_t> change(int year) noexcept {
        if (!mark(',') || !mark('M')) return std::nullopt;
        const std::optional<int> month = number();
        if (!month || *month < 1 || *month > 12 || !mark('.')) return std::nullopt;
        const std::optional<int> week = number();
        if (!week || *week < 1 || *week > 5 || !mark('.')) return std::nullopt;
        const std::optional<int> weekday = number();
        if (!weekday || *weekday < 0 || *weekday > 6) return std::nullopt;
        std::int64_t seconds = 2 * 3'600;
        if (mark('/')) {
            const std::optional<std::int64_t> given = time();
            if (!given) return std::nullopt;
            seconds = *given;
        }
        const auto number_of_month = static_cast<unsigned>(*month);
        const std::int64_t first = days_of(year, number_of_month, 1);
        const std::int64_t first_weekday = ((first + 4) % 7 + 7) % 7; // 1970-01-01 was a Thursday
        std::int64_t day_of_month = (*weekday - first_weekday + 7) % 7 + 7 * (*week - 1); // from 0
        if (day_of_month >= days_in(year, number_of_month)) day_of_month -= 7; // week 5 is the last one
        return (first + day_of_month) * day + seconds;
    }

private:
    std::string_view rest_;
};

std::optional<std::int64_t> fixed_offset(std::string_view zone) noexcept {
    if (zone.empty() || zone == "UTC" || zone == "Z") return 0;
    const std::string_view digits = zone.substr(zone[0] == '-' || zone[0] == '+' ? 1 : 0);
    if (digits.size() != 5 || digits[2] != ':') return std::nullopt;
    for (const std::size_t i : {0u, 1u, 3u, 4u}) {
        if (digits[i] < '0' || digits[i] > '9') return std::nullopt;
    }
    const int hours = (digits[0] - '0') * 10 + (digits[1] - '0');
    const int minutes = (digits[3] - '0') * 10 + (digits[4] - '0');
    if (hours > 23 || minutes > 59) return std::nullopt;
    return std::int64_t{hours * 3'600 + minutes * 60} * (zone[0] == '-' ? -1 : 1);
}

bool names(std::string_view list, std::string_view name) noexcept {
    for (std::size_t at = list.find(name); at != std::string_view::npos; at = list.find(name, at + 1)) {
        const bool starts = at == 0 || list[at - 1] == ' ';
        if (starts && (at + name.size() == list.size() || list[at + name.size()] == ' ')) return true;
    }
    return false;
}

} // namespace

std::optional<std::int64_t> rule_offset(std::string_view rule, Timestamp at) noexcept {
    RuleReader in(rule);
    if (!in.name()) return std::nullopt;
    const std::optional<std::int64_t> west = in.time();
    if (!west) return std::nullopt;
    const std::int64_t standard = -*west;
    if (in.at_end()) return standard;
    if (!in.name()) return std::nullopt;
    std::int64_t summer = standard + 3'600;
    if (RuleReader ahead = in; !ahead.mark(',')) {
        const std::optional<std::int64_t> summer_west = in.time();
        if (!summer_west) return std::nullopt;
        summer = -*summer_west;
    }
    const int year = Calendar(at, standard).year;
    const std::optional<std::int64_t> start = in.change(year);
    if (!start) return std::nullopt;
    const std::optional<std::int64_t> end = in.change(year);
    if (!end || !in.at_end()) return std::nullopt;
    const std::int64_t from = *start - standard; // told in the time that is kept until then
    const std::int64_t until = *end - summer;
    const bool is_summer = from < until ? at.seconds >= from && at.seconds < until
                                        : at.seconds >= from || at.seconds < until; // south of the equator
    return is_summer ? summer : standard;
}

std::optional<std::int64_t> zone_offset(std::string_view zone, Timestamp at) noexcept {
    if (const auto fixed = fixed_offset(zone)) return fixed;
    if (zone.empty() || zone.find(' ') != std::string_view::npos) return std::nullopt;
    for (const ZoneRule& rule : zone_rules) {
        if (names(rule.names, zone)) return rule_offset(rule.rule, at);
    }
    return std::nullopt;
}

} // namespace adit::inline v0::cel
