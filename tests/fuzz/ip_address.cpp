// IP addresses, endpoints and CIDR ranges: inet_pton() reads what we read, as the same bytes, and what we write we read.
#include "fuzz/fuzz.hpp"

#include "base/cidr.hpp"
#include "base/ip_address.hpp"

#include <arpa/inet.h>

#include <cstring>
#include <optional>

using namespace adit;

namespace {

std::optional<IpAddress> by_system(const std::string& text) {
    std::array<std::uint8_t, 4> v4{};
    std::array<std::uint8_t, 16> v6{};
    if (text.find('\0') != text.npos) return std::nullopt;
    if (inet_pton(AF_INET, text.c_str(), v4.data()) == 1) return IpAddress(v4);
    if (inet_pton(AF_INET6, text.c_str(), v6.data()) == 1) return IpAddress(v6);
    return std::nullopt;
}

void check_address(std::string_view text) {
    const auto address = IpAddress::parse(text);
    const auto expected = by_system(std::string(text));
    FUZZ_CHECK(address.has_value() == expected.has_value());
    if (!address) return;
    FUZZ_CHECK(*address == *expected);
    FUZZ_CHECK(IpAddress::parse(address->to_string()) == address);
    const auto own = Cidr::parse(text);
    FUZZ_CHECK(own && own->contains(*address));
    FUZZ_CHECK(own->prefix() == (address->is_v4() ? 32 : 128));
    const IpEndpoint endpoint(*address, 443);
    FUZZ_CHECK(IpEndpoint::parse(endpoint.to_string()) == endpoint);
}

// By its bits, one by one.
bool in_range(const Cidr& range, const IpAddress& address) {
    if (range.network().is_v4() != address.is_v4()) return false;
    const std::size_t first = address.is_v4() ? 96 : 0;
    for (std::size_t bit = first; bit < first + static_cast<std::size_t>(range.prefix()); ++bit) {
        const std::uint8_t mask = static_cast<std::uint8_t>(0x80u >> (bit % 8));
        if (((range.network().v6()[bit / 8] ^ address.v6()[bit / 8]) & mask) != 0) return false;
    }
    return true;
}

void check_range(std::string_view text) {
    const auto range = Cidr::parse(text);
    if (!range) return;
    FUZZ_CHECK(range->prefix() >= 0 && range->prefix() <= (range->network().is_v4() ? 32 : 128));
    FUZZ_CHECK(Cidr::parse(range->to_string()) == range);
    FUZZ_CHECK(range->contains(range->network()));
    fuzz::Dice dice(text);
    for (int i = 0; i < 8; ++i) { // near the range: one bit of its network changed
        std::array<std::uint8_t, 16> bytes = range->network().v6();
        const std::size_t bit = dice.below(128);
        bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (0x80u >> (bit % 8)));
        FUZZ_CHECK(range->contains(IpAddress(bytes)) == in_range(*range, IpAddress(bytes)));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::Exact exact(Bytes{data, size});
    check_address(exact.text());
    check_range(exact.text());
    const auto endpoint = IpEndpoint::parse(exact.text());
    if (endpoint) FUZZ_CHECK(IpEndpoint::parse(endpoint->to_string()) == endpoint);
    return 0;
}
