// User agent, system and program, as the edge sees them.
#include "client/self_description.hpp"

#include "support/doctest.hpp"

#include <regex>

using namespace adit;

TEST_CASE("the user agent has the program's entries in front of ours") {
    CHECK(user_agent({}) == "adit/" ADIT_VERSION);
    const auto options = SessionOptions().client_info("inner", "1", "first").client_info("outer", "2.0");
    CHECK(user_agent(options.data().client_infos) == "outer/2.0 inner/1 (first) adit/" ADIT_VERSION);
    CHECK(client_type(options.data().client_infos) == "outer");
    CHECK(client_version(options.data().client_infos) == "2.0");
    CHECK(client_type({}) == "adit");
    CHECK(client_version({}) == ADIT_VERSION);
}

TEST_CASE("characters that cannot stand in a user agent are replaced") {
    const auto agent = [](std::string_view name, std::string_view version, std::string_view comment = {}) {
        const auto options = SessionOptions().client_info(name, version, comment);
        const std::string text = user_agent(options.data().client_infos);
        return text.substr(0, text.find(" adit/"));
    };
    CHECK(agent("my/app", "1/2") == "my-app/1-2");
    CHECK(agent("my app", "1\r\n2") == "my#app/1##2");
    CHECK(agent("a\"b(c)", "1") == "a#b#c#/1");
    CHECK(agent("\xc3\xa4", "1") == "##/1");
    CHECK(agent("a", "1", "x (y) \\ z\n") == "a/1 (x #y# # z#)");
    CHECK(agent("!#$%&'*+-.^_`|~", "1") == "!#$%&'*+-.^_`|~/1");
}

TEST_CASE("system and program") {
    CHECK(system_name() == "linux");
    CHECK(std::regex_match(machine_name(), std::regex("[a-z0-9_]+")));
    CHECK(std::regex_match(default_forwards_to(), std::regex(R"(app://[^/]*//[^?]+\?pid=\d+)")));
}
