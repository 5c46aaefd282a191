#include "base/random.hpp"

#include "support/doctest.hpp"

#include <algorithm>
#include <array>

using namespace adit;

TEST_CASE("random bytes fill the whole buffer and differ") {
    std::array<std::uint8_t, 4096> a{};
    std::array<std::uint8_t, 4096> b{};
    fill_random(a);
    fill_random(b);
    CHECK(a != b);
    // 4096 zero bytes at any place would be 16 on average; none in the last 256 bytes but zeros means
    // unfilled.
    CHECK(std::ranges::count(a, 0) < 64);
    CHECK(std::any_of(a.end() - 256, a.end(), [](std::uint8_t byte) { return byte != 0; }));
    fill_random({});
}

TEST_CASE("secrets are compared as a whole") {
    CHECK(constant_time_equal(as_bytes(""), as_bytes("")));
    CHECK(constant_time_equal(as_bytes("token"), as_bytes("token")));
    for (const std::string_view other : {"", "toke", "tokens", "Token", "tokeN", "tok\0n"}) {
        CAPTURE(other);
        CHECK_FALSE(constant_time_equal(as_bytes("token"), as_bytes(other)));
    }
}
