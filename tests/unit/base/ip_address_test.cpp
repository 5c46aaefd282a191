#include "base/ip_address.hpp"

#include "support/doctest.hpp"

using namespace adit;

TEST_CASE("addresses are read and written in their shortest form") {
    constexpr std::pair<std::string_view, std::string_view> table[] = {
        {"0.0.0.0", "0.0.0.0"},
        {"192.168.1.255", "192.168.1.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"::ffff:1.2.3.4", "1.2.3.4"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    for (const auto& [text, written] : table) {
        CAPTURE(text);
        const auto address = IpAddress::parse(text);
        REQUIRE(address.has_value());
        CHECK(address->to_string() == written);
    }
    CHECK(IpAddress::parse("::ffff:1.2.3.4") == IpAddress::parse("1.2.3.4"));
    CHECK(IpAddress::parse("1.2.3.4")->v4() == std::array<std::uint8_t, 4>{1, 2, 3, 4});
    CHECK(IpAddress().to_string() == "0.0.0.0");
}

TEST_CASE("what is not an address is refused") {
    using namespace std::string_view_literals;
    for (const std::string_view text :
         {""sv, "1.2.3"sv, "1.2.3.4.5"sv, "256.1.1.1"sv, "01.2.3.4"sv, "1.2.3.4 "sv, " 1.2.3.4"sv,
          "1.2.3.-4"sv, "0x1.2.3.4"sv, ":"sv, ":::"sv, "1::2::3"sv, "[::1]"sv, "fe80::1%eth0"sv, "12345::"sv,
          "::1\0"sv, "1.2.3.4\0.5"sv, "a.b.c.d"sv, "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"sv}) {
        CAPTURE(text);
        CHECK_FALSE(IpAddress::parse(text).has_value());
    }
}

TEST_CASE("endpoints have a port, and brackets exactly around IPv6") {
    for (const std::string_view text : {"1.2.3.4:0", "1.2.3.4:65535", "[::1]:80", "[2001:db8::1]:443"}) {
        CAPTURE(text);
        REQUIRE(IpEndpoint::parse(text).has_value());
        CHECK(IpEndpoint::parse(text)->to_string() == text);
    }
    for (const std::string_view text :
         {"", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:+1", "::1:80",
          "[1.2.3.4]:80", "[::1]", "[::1]80", "name:80", "1.2.3.4:80 "}) {
        CAPTURE(text);
        CHECK_FALSE(IpEndpoint::parse(text).has_value());
    }
}
