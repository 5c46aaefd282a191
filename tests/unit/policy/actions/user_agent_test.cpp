// Behaviour C.5: the User-Agent filter.
#include "policy/actions/user_agent.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

using namespace adit;
using namespace adit::policy;

namespace {

UserAgentFilter filter(const std::vector<std::string>& allow, const std::vector<std::string>& deny) {
    auto made = UserAgentFilter::create(allow, deny);
    REQUIRE_MESSAGE(made.has_value(), made.error().to_string());
    return std::move(*made);
}

bool allows(const UserAgentFilter& filter, const char* user_agent) {
    Fields request;
    if (user_agent != nullptr) REQUIRE(request.add("User-Agent", user_agent));
    return filter.allows(request);
}

} // namespace

TEST_CASE("who passes the filter") {
    struct Row {
        std::vector<std::string> allow, deny;
        const char* user_agent; // nullptr: none
        bool passes;
    };
    const std::vector<std::string> not_google = {"(?i)google", "[Bb]ing"};
    const Row rows[] = {
        {{"foo.*"}, {".*"}, "foobar", true}, // as the official SDKs' tests
        {{"foo.*"}, {".*"}, "bar", false},
        {{"(?i)google-images"}, not_google, "Google-Images/1.0", true}, // ngrok's documentation
        {{"(?i)google-images"}, not_google, "Googlebot/2.1", false},
        {{"(?i)google-images"}, not_google, "bingbot", false},
        {{"(?i)google-images"}, not_google, "curl/8.5.0", true}, // matches neither
        {{"foo"}, {}, "bar", true},                              // nothing is denied
        {{}, {"^curl/"}, "curl/8.5.0", false},
        {{}, {"^curl/"}, "not curl/8.5.0", true},
        {{}, {"CURL"}, "curl/8.5.0", true}, // with case
        {{}, {"x"}, nullptr, false},        // none is denied by default,
        {{"^$"}, {"x"}, nullptr, true},     // but may be allowed
        {{"foo"}, {}, nullptr, false},
        {{}, {"^.*bot.*$"}, "a\xff\xfe bot \xff", false}, // bytes that are no UTF-8
    };
    for (const Row& row : rows) {
        CAPTURE((row.user_agent == nullptr ? "none" : row.user_agent));
        CHECK(allows(filter(row.allow, row.deny), row.user_agent) == row.passes);
    }
}

TEST_CASE("the first User-Agent counts, and a huge one does not pass") {
    const UserAgentFilter only = filter({"good"}, {"."});
    Fields two;
    two.add("User-Agent", "bad");
    two.add("User-Agent", "good");
    CHECK_FALSE(only.allows(two));
    const std::string huge = std::string(limits::user_agent_max, 'a') + "good";
    CHECK_FALSE(allows(only, huge.c_str()));
}

TEST_CASE("what RE2 does not take is refused with 2090, too many with 2218") {
    for (const char* bad : {"(", "(?=a)", "a**"}) {
        CHECK(UserAgentFilter::create(std::vector<std::string>{bad}, {}).error().code() == ngrok_error(2090));
        CHECK(UserAgentFilter::create({}, std::vector<std::string>{"a", bad}).error().detail() == bad);
    }
    const std::vector<std::string> many(limits::module_entries_max + 1, "a");
    CHECK(UserAgentFilter::create(many, {}).error().code() == ngrok_error(2218));
}
