#include "base/ksuid.hpp"

#include "support/doctest.hpp"

#include <algorithm>

using namespace adit;

namespace {

std::chrono::system_clock::time_point at(std::int64_t seconds) {
    return std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
}

std::array<std::uint8_t, 16> all(std::uint8_t byte) {
    std::array<std::uint8_t, 16> bytes{};
    bytes.fill(byte);
    return bytes;
}

} // namespace

TEST_CASE("a KSUID has the known smallest and largest values") {
    CHECK(ksuid(at(1'400'000'000), all(0)) == "000000000000000000000000000");
    CHECK(ksuid(at(1'400'000'000 + 0xffff'ffffLL), all(0xff)) == "aWgEPTl1tmebfsQzFP4bxwgy80V");
    CHECK(ksuid(at(1'400'000'000), all(0xff)) == "000007n42DGM5Tflk9n8mt7Fhc7");
}

TEST_CASE("a KSUID has the documented value of its format's example") {
    // Raw 0669F7EFB5A1CD34B5F99D1154FB6853345C9735: seconds 107608047, the rest random.
    const std::array<std::uint8_t, 16> random{0xb5, 0xa1, 0xcd, 0x34, 0xb5, 0xf9, 0x9d, 0x11,
                                              0x54, 0xfb, 0x68, 0x53, 0x34, 0x5c, 0x97, 0x35};
    CHECK(ksuid(at(1'400'000'000 + 107'608'047), random) == "0ujtsYcgvSTl8PAuAdqWYSMnLOv");
}

TEST_CASE("KSUIDs sort by time, and times outside are clamped") {
    std::string last;
    for (std::int64_t seconds = 1'400'000'000; seconds < 1'400'100'000; seconds += 997) {
        const std::string id = ksuid(at(seconds), all(0x5a));
        CHECK(last < id);
        last = id;
    }
    CHECK(ksuid(at(0), all(1)) == ksuid(at(1'400'000'000), all(1)));
    CHECK(ksuid(at(9'000'000'000), all(1)) == ksuid(at(1'400'000'000 + 0xffff'ffffLL), all(1)));
}

TEST_CASE("an id is its prefix and 27 characters from the given source") {
    int calls = 0;
    const RandomSource source = [&calls](MutableBytes out) {
        ++calls;
        std::ranges::fill(out, std::uint8_t{0xff});
    };
    CHECK(make_id("ep_", at(1'400'000'000), source) == "ep_000007n42DGM5Tflk9n8mt7Fhc7");
    CHECK(calls == 1);
    CHECK(make_id("tn_", at(1'700'000'000), fill_random) != make_id("tn_", at(1'700'000'000), fill_random));
}
