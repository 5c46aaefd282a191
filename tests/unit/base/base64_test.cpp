#include "base/base64.hpp"

#include "support/doctest.hpp"

#include <random>

using namespace adit;

TEST_CASE("base64 has the vectors of RFC 4648 section 10") {
    constexpr std::pair<std::string_view, std::string_view> table[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xfe\xfb", "//77"},
    };
    for (const auto& [bytes, text] : table) {
        CAPTURE(text);
        CHECK(base64_encode(bytes) == text);
        REQUIRE(base64_decode(text).has_value());
        CHECK(*base64_decode(text) == bytes);
    }
}

TEST_CASE("base64 refuses whatever is not exactly one encoding") {
    for (const std::string_view text :
         {"Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zh==", "Zm9=", "Zm9vYg", "Zm 9", "Zm9v\n", "Zm9v\nZm9",
          "-_-_", "Zg==Zg==", "Z=g=", "=Zg=", "Zm8=Zm8=", "Zm9\xc3"}) {
        CAPTURE(text);
        CHECK_FALSE(base64_decode(text).has_value());
    }
}

TEST_CASE("base64 round trips all lengths") {
    std::mt19937 random(1);
    for (std::size_t size = 0; size < 200; ++size) {
        std::string bytes(size, '\0');
        for (char& c : bytes) c = static_cast<char>(random());
        CAPTURE(size);
        CHECK(base64_decode(base64_encode(bytes)) == bytes);
    }
}
