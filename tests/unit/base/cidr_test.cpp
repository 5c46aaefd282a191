#include "base/cidr.hpp"

#include "support/doctest.hpp"

using namespace adit;

TEST_CASE("ranges are read, cleared behind the prefix, and written") {
    constexpr std::pair<std::string_view, std::string_view> table[] = {
        {"10.0.0.0/8", "10.0.0.0/8"},
        {"10.1.2.3/8", "10.0.0.0/8"},
        {"1.2.3.4", "1.2.3.4/32"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"255.255.255.255/1", "128.0.0.0/1"},
        {"192.168.1.129/25", "192.168.1.128/25"},
        {"::/0", "::/0"},
        {"2001:db8:ffff::1/33", "2001:db8:8000::/33"},
        {"::1", "::1/128"},
        {"::ffff:10.0.0.1/104", "10.0.0.0/8"},
    };
    for (const auto& [text, written] : table) {
        CAPTURE(text);
        const auto range = Cidr::parse(text);
        REQUIRE(range.has_value());
        CHECK(range->to_string() == written);
        CHECK(Cidr::parse(written) == range);
    }
}

TEST_CASE("what is not a range is refused") {
    for (const std::string_view text :
         {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+1", "10.0.0.0/08",
          "10.0.0.0/8/8", "10.0.0/8", "10.0.0.0/8 ", "::/129", "[::]/8", "::/x", "10.0.0.0/2147483647",
          "10.0.0.0/99999999999", "name/8"}) {
        CAPTURE(text);
        CHECK_FALSE(Cidr::parse(text).has_value());
    }
}

TEST_CASE("a range holds what is in it and nothing else") {
    struct Row {
        std::string_view range;
        std::string_view inside;
        std::string_view outside;
    };
    constexpr Row table[] = {
        {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
        {"10.0.0.0/8", "::ffff:10.1.1.1", "::10.1.1.1"},
        {"1.2.3.4", "1.2.3.4", "1.2.3.5"},
        {"0.0.0.0/0", "203.0.113.9", "2001:db8::1"},
        {"::/0", "2001:db8::1", "203.0.113.9"},
        {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
    };
    for (const Row& row : table) {
        CAPTURE(row.range);
        const auto range = Cidr::parse(row.range);
        REQUIRE(range.has_value());
        CHECK(range->contains(*IpAddress::parse(row.inside)));
        CHECK_FALSE(range->contains(*IpAddress::parse(row.outside)));
    }
}
