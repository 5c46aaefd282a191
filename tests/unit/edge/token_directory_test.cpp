#include "edge/token_directory.hpp"

#include "edge/session_table.hpp"

#include "support/doctest.hpp"

#include <adit/limits.hpp>

using namespace adit;
using namespace adit::edge;

namespace {

AuthAnswer ask(TokenDirectory& directory, std::string token) {
    AuthQuery query;
    query.authtoken = std::move(token);
    AuthAnswer got;
    int calls = 0;
    directory.authenticate(query, [&](AuthAnswer answer) {
        ++calls;
        got = std::move(answer);
    });
    CHECK(calls == 1);
    return got;
}

} // namespace

TEST_CASE("a token of the list has its credential, others their number") {
    TokenDirectory directory;
    CHECK(directory.replace({{"token_A-1", "cr_a"}, {"token2", ""}}));
    CHECK(ask(directory, "token_A-1").credential == "cr_a");
    CHECK(ask(directory, "token2").credential.starts_with("cr_"));
    CHECK(ask(directory, "token2").credential.find("token2") == std::string::npos);
    CHECK(ask(directory, "token3").error.code() == ngrok_error(107));
    CHECK(ask(directory, "token_a-1").error.code() == ngrok_error(107));
    for (const char* shapeless : {"", "two words", "semi;colon", "\xc3\xa4", "a\n"}) {
        CHECK(ask(directory, shapeless).error.code() == ngrok_error(105));
    }
}

TEST_CASE("the list is replaced as a whole, or not at all") {
    TokenDirectory directory;
    CHECK(directory.replace({{"old", "cr_old"}}));
    CHECK(directory.replace({{"new", "cr_new"}, {"", "cr_none"}}).error().code() == errc::invalid_option);
    CHECK(ask(directory, "old").credential == "cr_old");
    CHECK(directory.replace({{"new", "cr_new"}}));
    CHECK(ask(directory, "old").error.code() == ngrok_error(107));
    CHECK(ask(directory, "new").credential == "cr_new");
    CHECK(directory.replace({}));
    CHECK(ask(directory, "new").error.code() == ngrok_error(107));
}

TEST_CASE("agents that are not authenticated are counted by address, IPv6 by its /64") {
    PreauthTable table;
    std::vector<PreauthSlot> slots;
    const auto enter = [&](const char* address) {
        slots.push_back(table.enter(*IpAddress::parse(address)));
        return static_cast<bool>(slots.back());
    };
    for (std::size_t i = 0; i < limits::preauth_per_address; ++i) CHECK(enter("192.0.2.1"));
    CHECK_FALSE(enter("192.0.2.1"));
    CHECK(enter("192.0.2.2"));
    for (std::size_t i = 0; i < limits::preauth_per_address; ++i) CHECK(enter(i % 2 == 0 ? "2001:db8::1" : "2001:db8::2:1"));
    CHECK_FALSE(enter("2001:db8::3"));
    CHECK(enter("2001:db8:0:1::1"));
    slots.erase(slots.begin());
    CHECK(enter("192.0.2.1"));
    CHECK_FALSE(enter("192.0.2.1"));
    PreauthSlot moved = std::move(slots[0]);
    slots.clear();
    CHECK(table.size() == 1);
    moved.release();
    CHECK(table.size() == 0);
    CHECK_FALSE(moved);
}

TEST_CASE("agents that are not authenticated have a bound in all") {
    PreauthTable table;
    std::vector<PreauthSlot> slots;
    for (std::size_t i = 0; i < limits::preauth_agents; ++i) {
        const std::array<std::uint8_t, 4> address = {10, 0, static_cast<std::uint8_t>(i >> 8),
                                                     static_cast<std::uint8_t>(i & 0xff)};
        slots.push_back(table.enter(IpAddress(address)));
        REQUIRE(slots.back());
    }
    CHECK_FALSE(table.enter(*IpAddress::parse("192.0.2.1")));
    slots.pop_back();
    CHECK(table.enter(*IpAddress::parse("192.0.2.1")));
}
