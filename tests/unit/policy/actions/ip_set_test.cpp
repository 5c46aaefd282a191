// Behaviour A.2, threat T13.
#include "policy/actions/ip_set.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <cstdio>
#include <random>

using namespace adit;
using namespace adit::policy;

namespace {

IpAddress ip(std::string_view text) {
    const auto address = IpAddress::parse(text);
    REQUIRE_MESSAGE(address.has_value(), text);
    return *address;
}

IpSet set_of(const std::vector<std::string>& allow, const std::vector<std::string>& deny) {
    auto set = IpSet::create(allow, deny);
    REQUIRE_MESSAGE(set.has_value(), set.error().to_string());
    return std::move(*set);
}

// An independent model: every range is compared bit by bit with the address as it was written, 4 or 16 bytes.
struct Model {
    struct Range {
        std::vector<int> bits; // the prefix
        bool v4;
        std::string text;
    };
    std::vector<Range> ranges;

    static std::vector<int> bits_of(const std::vector<int>& bytes) {
        std::vector<int> bits;
        for (const int byte : bytes) {
            for (int i = 7; i >= 0; --i) bits.push_back((byte >> i) & 1);
        }
        return bits;
    }
    // The longest prefix that matches, -1 for none.
    int longest(const std::vector<int>& address_bytes) const {
        const std::vector<int> address = bits_of(address_bytes);
        int best = -1;
        for (const Range& range : ranges) {
            if (range.v4 != (address.size() == 32)) continue;
            if (std::equal(range.bits.begin(), range.bits.end(), address.begin()))
                best = std::max(best, static_cast<int>(range.bits.size()));
        }
        return best;
    }
};

std::string text_of(const std::vector<int>& bytes) {
    std::string out;
    char part[8];
    for (std::size_t i = 0; i < bytes.size(); i += bytes.size() == 4 ? 1u : 2u) {
        if (i > 0) out += bytes.size() == 4 ? '.' : ':';
        if (bytes.size() == 4) {
            std::snprintf(part, sizeof part, "%d", bytes[i]);
        } else {
            std::snprintf(part, sizeof part, "%02x%02x", static_cast<unsigned>(bytes[i]),
                          static_cast<unsigned>(bytes[i + 1]));
        }
        out += part;
    }
    return out;
}

} // namespace

TEST_CASE("an address is allowed if it is in an allowed range and in no denied one") {
    struct Row {
        std::vector<std::string> allow, deny;
        std::string source;
        bool allowed;
        std::string matched;
    };
    const Row rows[] = {
        {{"10.0.0.0/8"}, {}, "10.1.2.3", true, "10.0.0.0/8"},
        {{"10.0.0.0/8"}, {}, "11.1.2.3", false, ""},
        {{"10.0.0.0/8"}, {"10.1.0.0/16"}, "10.1.2.3", false, "10.1.0.0/16"},
        {{"10.1.0.0/16"}, {"10.0.0.0/8"}, "10.1.2.3", false, "10.0.0.0/8"}, // a narrower allow does not win
        {{"10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0"}, {}, "10.1.2.3", true, "10.1.0.0/16"},
        {{"10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0"}, {}, "10.2.2.3", true, "10.0.0.0/8"},
        {{"10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0"}, {}, "9.2.2.3", true, "0.0.0.0/0"},
        {{}, {}, "10.1.2.3", false, ""},
        {{}, {"1.1.1.1"}, "10.1.2.3", false, ""}, // only denied ranges: nobody (393)
        {{"0.0.0.0/0"}, {"1.1.1.1"}, "1.1.1.1", false, "1.1.1.1/32"},
        {{"0.0.0.0/0"}, {"1.1.1.1"}, "1.1.1.2", true, "0.0.0.0/0"},
        {{"0.0.0.0/0"}, {}, "255.255.255.255", true, "0.0.0.0/0"},
        {{"0.0.0.0/0"}, {}, "::1", false, ""}, // another family
        {{"::/0"}, {}, "127.0.0.1", false, ""},
        {{"::/0"}, {}, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true, "::/0"},
        {{"2001:db8::/32"}, {"2001:db8:0:1::/64"}, "2001:db8:0:1::5", false, "2001:db8:0:1::/64"},
        {{"2001:db8::/32"}, {"2001:db8:0:1::/64"}, "2001:db8:0:2::5", true, "2001:db8::/32"},
        // a range at the very end of another
        {{"10.0.0.0/8", "10.255.255.255"}, {}, "10.255.255.255", true, "10.255.255.255/32"},
        {{"10.0.0.0/8", "10.255.255.255"}, {}, "10.255.255.254", true, "10.0.0.0/8"},
        {{"10.0.0.0/8", "10.255.255.255"}, {}, "11.0.0.0", false, ""},
        {{"10.0.0.0/8", "10.255.255.255", "11.0.0.0/8"}, {}, "11.0.0.0", true, "11.0.0.0/8"},
        // mapped addresses are IPv4, on either side
        {{"10.0.0.0/8"}, {}, "::ffff:10.1.2.3", true, "10.0.0.0/8"},
        {{"0.0.0.0/0"}, {"::ffff:10.0.0.0/104"}, "10.1.2.3", false, "10.0.0.0/8"},
        {{"0.0.0.0/0"}, {"10.1.2.3"}, "::ffff:a01:203", false, "10.1.2.3/32"},
        // bits behind the prefix do not matter
        {{"10.1.2.3/8"}, {}, "10.9.9.9", true, "10.0.0.0/8"},
        {{"192.0.2.0/31"}, {}, "192.0.2.1", true, "192.0.2.0/31"},
        {{"192.0.2.0/31"}, {}, "192.0.2.2", false, ""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.source);
        CAPTURE(row.matched);
        const IpDecision decision = set_of(row.allow, row.deny).decide(ip(row.source));
        CHECK(decision.allowed == row.allowed);
        CHECK((decision.matched ? decision.matched->to_string() : "") == row.matched);
    }
}

TEST_CASE("what is no range is refused with 2217 and its text, too many with 2218") {
    for (const char* bad :
         {"", "10.0.0.0/33", "10.0.0/8", "010.0.0.1", "10.0.0.1/08", "::/129", "fe80::1%eth0", "0x0a000001",
          "10.0.0.1-10.0.0.9", "app.example", "10.0.0.0/-1", "10.0.0.0/8 "}) {
        CAPTURE(bad);
        const auto set = IpSet::create(std::vector<std::string>{"10.0.0.0/8"}, std::vector<std::string>{bad});
        REQUIRE_FALSE(set.has_value());
        CHECK(set.error().code() == ngrok_error(2217));
        CHECK(set.error().detail() == bad);
        CHECK(set.error().message().starts_with("deny"));
    }
    const std::vector<std::string> many(limits::ip_set_ranges_max + 1, "10.0.0.0/8");
    CHECK(IpSet::create(many, {}).error().code() == ngrok_error(2218));
    CHECK(IpSet::create({}, many).error().code() == ngrok_error(2218));
}

TEST_CASE("property: the set decides as a model that compares bits (T13)") {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        const auto pick = [&](int most) {
            return static_cast<int>(random() % static_cast<unsigned>(most + 1));
        };
        // Few different bytes, so that ranges overlap and touch; the first and the last ones of all among
        // them.
        const int choices[] = {0, 1, 2, 127, 128, 254, 255};
        const auto address = [&](bool v4) {
            std::vector<int> bytes(v4 ? 4 : 16);
            const bool ends = pick(1) == 0; // bytes 0 and 255 alone: where ranges begin and end
            for (int& byte : bytes) byte = choices[ends ? pick(1) * 6 : pick(6)];
            if (!v4 && pick(2) == 0) std::fill(bytes.begin() + 2, bytes.end() - 1, 0);
            if (!v4) bytes[0] |= 0x20; // not the mapped range, which is tested by the rows above
            return bytes;
        };
        Model allow_model, deny_model;
        std::vector<std::string> allow, deny;
        const int count = pick(40);
        for (int i = 0; i < count; ++i) {
            const bool v4 = pick(1) == 0;
            const std::vector<int> bytes = address(v4);
            // Whole addresses too, which may be the last ones of a range.
            const int most = v4 ? 32 : 128;
            const int prefix = pick(2) == 0 ? most : pick(most);
            const bool mapped = v4 && pick(3) == 0;
            const std::string text = mapped ? "::ffff:" + text_of(bytes) + "/" + std::to_string(prefix + 96)
                                            : text_of(bytes) + "/" + std::to_string(prefix);
            std::vector<int> bits = Model::bits_of(bytes);
            bits.resize(static_cast<std::size_t>(prefix));
            const bool allows = pick(2) > 0;
            (allows ? allow_model : deny_model).ranges.push_back({bits, v4, text});
            (allows ? allow : deny).push_back(text);
        }
        const IpSet set = set_of(allow, deny);
        for (int i = 0; i < 100; ++i) {
            const bool v4 = pick(1) == 0;
            const std::vector<int> bytes = address(v4);
            const std::string text = (v4 && pick(1) == 0 ? "::ffff:" : "") + text_of(bytes);
            CAPTURE(text);
            const int denied = deny_model.longest(bytes);
            const int allowed = allow_model.longest(bytes);
            const IpDecision decision = set.decide(ip(text));
            CHECK(decision.allowed == (allowed >= 0 && denied < 0));
            const int matched = denied >= 0 ? denied : allowed;
            REQUIRE(decision.matched.has_value() == (matched >= 0));
            if (matched >= 0) {
                CHECK(decision.matched->prefix() == matched);
                CHECK(decision.matched->contains(ip(text)));
            }
        }
    }
}
