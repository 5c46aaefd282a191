#include "exchanges.hpp"

#include "inspector/filter.hpp"
#include "support/doctest.hpp"

#include <string>

using adit::inspector::Filter;
using adit::inspector::matches_pattern;
using adit::inspector::parse_duration;
using adit::inspector::percent_decode;
using adit::inspector::percent_encode;
using adit::inspector::Query;
using adit_test::exchange;
using namespace std::chrono_literals;

namespace {

adit::Result<Filter> parse(std::string_view query) {
    const auto parsed = Query::parse(query);
    REQUIRE(parsed);
    return Filter::parse(*parsed);
}

} // namespace

TEST_CASE("an exchange matches a filter when all of its conditions hold") {
    struct Row {
        std::string_view filter;
        bool matches;
    };
    // GET /api/users?id=7, 404, 250 ms, tunnel "web"
    const Row rows[] = {{"", true},
                        {"limit=3&summary=true", true},
                        {"tunnel_name=web", true},
                        {"tunnel_name=we", false},
                        {"method=GET", true},
                        {"method=HEAD,GET", true},
                        {"method=get", false},
                        {"method=POST", false},
                        {"path=users", true},
                        {"path=%2Fapi%2Fusers", true},
                        {"path=?id=7", true},
                        {"path=/admin", false},
                        {"path=/api/*", true},
                        {"path=*id=7", true},
                        {"path=/api", true},
                        {"path=/api*x", false},
                        {"status=404", true},
                        {"status=4xx", true},
                        {"status=200,400-499", true},
                        {"status=2xx,500-599", false},
                        {"status=none", false},
                        {"min_duration=250ms", true},
                        {"min_duration=0.2s&max_duration=300ms", true},
                        {"min_duration=251ms", false},
                        {"max_duration=249999us", false},
                        {"max_duration=250000000", true},
                        {"method=GET&status=200", false},
                        {"method=GET&status=404&path=users&min_duration=1ms&max_duration=1s&tunnel_name=web", true}};
    const auto seen = exchange("GET", "/api/users?id=7", 404, 250ms);
    for (const Row& row : rows) {
        CAPTURE(row.filter);
        const auto filter = parse(row.filter);
        REQUIRE(filter);
        CHECK(filter->matches(seen) == row.matches);
    }
    const auto unanswered = exchange("GET", "/", 0);
    CHECK(parse("status=none")->matches(unanswered));
    CHECK_FALSE(parse("status=2xx")->matches(unanswered));
}

TEST_CASE("a filter that cannot be read is refused by the name of its parameter") {
    for (const char* each : {"status=40", "status=0xx", "status=4xxx", "status=500-400", "status=-1", "status=abc", "status=,",
                             "min_duration=x", "min_duration=-1s", "max_duration=1h", "max_duration=", "min_duration=1e300s",
                             "max_duration=inf"}) {
        CAPTURE(each);
        const auto filter = parse(each);
        REQUIRE_FALSE(filter);
        CHECK(filter.error().code() == adit::errc::invalid_option);
        CHECK(filter.error().message().starts_with(std::string_view(each).substr(0, std::string_view(each).find('='))));
    }
}

TEST_CASE("a star stands for anything") {
    CHECK(matches_pattern("*", ""));
    CHECK(matches_pattern("a*b*c", "a--b--b-c"));
    CHECK_FALSE(matches_pattern("a*b*c", "a--b--b-"));
    CHECK(matches_pattern("**a", "ba"));
    CHECK_FALSE(matches_pattern("", "a"));
    const std::string stars = std::string(40, '*') + "b", text(10'000, 'a'); // ends soon
    CHECK_FALSE(matches_pattern("*a*a*a*a*a*a*a*a*a*b", text));
    CHECK_FALSE(matches_pattern(stars, text));
}

TEST_CASE("durations have the usual units") {
    CHECK(parse_duration("7") == 7ns);
    CHECK(parse_duration("1.5s") == 1500ms);
    CHECK(parse_duration("2m") == 2min);
    CHECK(parse_duration("10us") == 10us);
    CHECK_FALSE(parse_duration("s").has_value());
}

TEST_CASE("queries and their escapes") {
    const auto query = Query::parse("a=1&b=x%20y+z&&c&a=2&%C3%A4=%26");
    REQUIRE(query);
    CHECK(query->find("a") == "1");
    CHECK(query->find("b") == "x y z");
    CHECK(query->find("c") == "");
    CHECK(query->find("\xC3\xA4") == "&");
    CHECK_FALSE(query->find("d").has_value());
    for (const char* each : {"a=%", "a=%4", "a=%4g", "%zz=1"}) CHECK_FALSE(Query::parse(each).has_value());
    CHECK(percent_encode("a b/c~\xC3") == "a%20b%2Fc~%C3");
    CHECK(percent_decode("%41+", false) == "A+");
}
