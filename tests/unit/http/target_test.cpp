#include "http/target.hpp"
#include "support/doctest.hpp"

using namespace adit;

TEST_CASE("a target is taken apart by its form") {
    const auto absolute = parse_target("GET", "HTTPS://a.example:444/p?q");
    REQUIRE(absolute);
    CHECK(absolute->form == TargetForm::absolute);
    CHECK(absolute->scheme == "HTTPS");
    CHECK(absolute->authority == "a.example:444");
    CHECK(absolute->path == "/p?q");
    const auto bare = parse_target("GET", "http://a?q");
    REQUIRE(bare);
    CHECK(bare->authority == "a");
    CHECK(bare->path == "?q");
    CHECK(parse_target("GET", "/p")->form == TargetForm::origin);
    CHECK(parse_target("OPTIONS", "*")->form == TargetForm::asterisk);
    CHECK(parse_target("CONNECT", "a:1")->form == TargetForm::authority);
}

TEST_CASE("authorities agree when host and effective port do") {
    CHECK(same_authority("A.example", "a.EXAMPLE", "http"));
    CHECK(same_authority("a:80", "a", "http"));
    CHECK(same_authority("a", "a:443", "https"));
    CHECK(same_authority("[::1]:80", "[::1]", "http"));
    CHECK_FALSE(same_authority("a:80", "a", "https"));
    CHECK_FALSE(same_authority("a:81", "a", "http"));
    CHECK_FALSE(same_authority("a", "b", "http"));
    CHECK_FALSE(same_authority("a", "", "http"));
}
