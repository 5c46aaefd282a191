// Behaviour C.2: redirect, url-rewrite.
#include "policy/actions/url_rewrite.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

using namespace adit;
using namespace adit::policy;

namespace {

UrlPattern pattern(std::string_view from) {
    auto made = UrlPattern::create(from);
    REQUIRE_MESSAGE(made.has_value(), made.error().to_string());
    return std::move(*made);
}

} // namespace

TEST_CASE("the whole URL of a request") {
    struct Row {
        std::string scheme, host, target, url;
    };
    const Row rows[] = {
        {"https", "app.example", "/a?b=c", "https://app.example/a?b=c"},
        {"https", "app.example:443", "/", "https://app.example/"},
        {"https", "app.example:80", "/", "https://app.example:80/"},
        {"http", "app.example:80", "/", "http://app.example/"},
        {"HTTP", "app.example:8080", "/", "http://app.example:8080/"},
        {"https", "[2001:db8::1]:443", "/", "https://[2001:db8::1]/"},
        {"https", "app.example", "http://app.example/x?y", "https://app.example/x?y"},
        {"https", "app.example", "http://app.example?y", "https://app.example/?y"},
        {"https", "app.example", "*", "https://app.example"},
    };
    for (const Row& row : rows) CHECK(whole_url(row.scheme, row.host, row.target) == row.url);
}

TEST_CASE("matches are replaced anywhere in the URL") {
    struct Row {
        std::string from, url, to;
        std::optional<std::string> result;
    };
    const Row rows[] = {
        // the documentation of redirect and url-rewrite
        {"/api/v1/", "https://example.com/foobar/api/v1/users", "/api/v2/",
         "https://example.com/foobar/api/v2/users"},
        {"^/api/v1/", "https://example.com/api/v1/users", "/api/v2/", std::nullopt},
        {"^((?:https?)://[^/]+)/api/v1/(.*)$", "https://example.com/api/v1/a?b", "$1/api/v2/$2",
         "https://example.com/api/v2/a?b"},
        {"example.com/old", "https://example.com/old/foo", "new.example.com/blog",
         "https://new.example.com/blog/foo"},
        {"^https?://[^/]+/old/(.*)$", "https://example.com/old/foo", "https://new.example.com/new/$1",
         "https://new.example.com/new/foo"},
        {"/products/?([^/]+)?", "https://example.ngrok.app/products/123", "/products.php?query=$1",
         "https://example.ngrok.app/products.php?query=123"},
        {"/products/?([^/]+)?", "https://example.ngrok.app/products", "/products.php?query=$1",
         "https://example.ngrok.app/products.php?query="},
        // all of them
        {"a", "http://aaa/a", "b", "http://bbb/b"},
        {"x", "http://a/b", "y", std::nullopt},
        {"b", "http://a/b", "b", std::nullopt},           // the same
        {"(a)/(b)", "http://a/b", "$1/$2", std::nullopt}, // likewise
        {"^http:", "http://http:80/", "https:", "https://http:80/"},
        // groups
        {"(.)(.)(.)(.)(.)(.)(.)(.)(.)$", "http://h/123456789", "$9$8$7$6$5$4$3$2$1", "http://h/987654321"},
        {"h(.*)$", "http://h/1", "[$0]", "[http://h/1]"},
        {"/1$", "http://h/1", "/$1", "http://h/"},    // no such group
        {"(1)$", "http://h/1", "$12", "http://h/12"}, // one digit
        {"1$", "http://h/1", "$$1$x$", "http://h/$1$x$"},
        // empty matches, as Go's ReplaceAllString
        {"$", "http://h/", "end", "http://h/end"},
        {"x*", "ab", "-", "-a-b-"},
        {"b*", "abc", "-", "-a-c-"},
        {"a*", "baaac", "x", "xbxcx"},
        // case, flags
        {"(?i)/ADMIN", "http://h/admin", "/", "http://h/"},
        {"/ADMIN", "http://h/admin", "/", std::nullopt},
    };
    for (const Row& row : rows) {
        CAPTURE(row.from);
        CAPTURE(row.url);
        const auto result = pattern(row.from).replace(row.url, row.to);
        REQUIRE(result.has_value());
        CHECK(*result == row.result);
    }
}

TEST_CASE("a result that a small request made huge is refused") {
    const auto huge = pattern("(.*)").replace("http://h/" + std::string(30'000, 'a'), "$1$1$1");
    REQUIRE_FALSE(huge.has_value());
    CHECK(huge.error().code() == make_error_code(errc::limit_exceeded));
    CHECK_FALSE(
        pattern("a").replace("http://h/" + std::string(1'000, 'a'), std::string(1'000, 'b')).has_value());
}

TEST_CASE("what RE2 does not take is refused with 2261") {
    for (const char* bad :
         {"(", "a**", "(?=a)", "\\1", "[z-a]", "(?P<n>a", "(a)\\2", "a{1001}", "((a{100}){100}){100}"}) {
        CAPTURE(bad);
        const auto made = UrlPattern::create(bad);
        REQUIRE_FALSE(made.has_value());
        CHECK(made.error().code() == ngrok_error(2261));
    }
    CHECK_FALSE(UrlPattern::create(std::string(limits::policy_regex_max + 1, 'a')).has_value());
    CHECK(pattern("(a)(b)").replacement_problem("$0$1$2 $$3 $x") == "");
    CHECK(pattern("(a)(b)").replacement_problem("$1$3").find("$3") != std::string::npos);
}

TEST_CASE("a regular expression that backtracks elsewhere takes linear time") {
    const std::string url = "http://h/" + std::string(20'000, 'a');
    CHECK(pattern("(a*)*b").replace(url, "x")->has_value() == false);
}

TEST_CASE("a rewritten URL stays one that a request can have") {
    struct Row {
        std::string url, scheme, authority, target; // scheme "": refused
    };
    const Row rows[] = {
        {"https://app.example/a?b", "https", "app.example", "/a?b"},
        {"HTTP://app.example:8080", "http", "app.example:8080", "/"},
        {"http://app.example?x=/", "http", "app.example", "/?x=/"},
        {"http://[::1]:80/a#part", "http", "[::1]:80", "/a"},
        {"http://app.example//two", "http", "app.example", "//two"},
        {"/a", "", "", ""},
        {"ftp://app.example/", "", "", ""},
        {"javascript:alert(1)", "", "", ""},
        {"http:///a", "", "", ""},
        {"http://user@app.example/", "", "", ""},
        {"http://app.example:/", "", "", ""},
        {"http://app.example/a b", "", "", ""},
        {"http://app.example/a\r\nHost: x", "", "", ""},
        {"http://app.example/caf\xc3\xa9", "", "", ""},
        {"http://app example/", "", "", ""},
        {"", "", "", ""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.url);
        const auto parsed = parse_rewritten(row.url);
        REQUIRE(parsed.has_value() == !row.scheme.empty());
        if (!parsed) continue;
        CHECK(parsed->scheme == row.scheme);
        CHECK(parsed->authority == row.authority);
        CHECK(parsed->target == row.target);
    }
}

TEST_CASE("what Location may say") {
    for (const char* good : {"https://new.example/", "/relative", "?q", "mailto:a@b"})
        CHECK(location_problem(good) == "");
    for (const std::string& bad : {std::string(), std::string("a b"), std::string("/\r\nSet-Cookie: a"),
                                   std::string("/\xc3\xa9"), std::string(limits::rewritten_url_max + 1, 'a')})
        CHECK(location_problem(bad) != "");
}
