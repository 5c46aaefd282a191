#include "inspector/guard.hpp"
#include "inspector/options.hpp"
#include "support/doctest.hpp"

#include <string>

using adit::Head;
using adit::InspectorOptions;
using adit::inspector::check;
using adit::inspector::Guard;

namespace {

constexpr bool page = false, api = true;

Head request(std::string_view method, std::string_view host) {
    Head head = Head::request(method, "/");
    if (!host.empty()) head.add("Host", host);
    return head;
}

} // namespace

TEST_CASE("Host must be a name of this machine with the own port, or one that was allowed") {
    const Guard guard("127.0.0.5", 4040, {"inspect.lan", "::2"});
    for (const char* each : {"localhost:4040", "LOCALHOST:4040", "127.0.0.1:4040", "[::1]:4040", "127.0.0.5:4040",
                             "inspect.lan", "Inspect.LAN:4040", "inspect.lan:9000", "[::2]"}) {
        CAPTURE(each);
        CHECK(guard.check(request("GET", each), page));
        CHECK(guard.check(request("POST", each), api));
    }
    for (const char* each : {"", "localhost", "localhost:4041", "127.0.0.1", "evil.example:4040", "localhost.evil.example:4040",
                             "127.0.0.2:4040", "localhost.:4040", "evil.inspect.lan", "127.1:4040", "2130706433:4040",
                             "0.0.0.0:4040", ":4040", "[::ffff:127.0.0.1]:4040"}) {
        CAPTURE(each);
        CHECK_FALSE(guard.check(request("GET", each), page));
        CHECK_FALSE(guard.check(request("GET", each), api));
        CHECK(guard.check(request("POST", each), api).error().code() == adit::errc::refused);
    }
    CHECK(Guard("127.0.0.1", 80, {}).check(request("GET", "localhost"), page));
}

TEST_CASE("the pages of other sites may not use the API, and change nothing") {
    const Guard guard("127.0.0.1", 4040, {});
    struct Row {
        std::string_view method, site, origin;
        bool where, allowed;
    };
    const Row rows[] = {{"GET", "cross-site", "", page, true}, // a link to it
                        {"GET", "cross-site", "", api, false},
                        {"GET", "same-site", "", api, false}, // another port of localhost
                        {"GET", "same-origin", "", api, true},
                        {"GET", "none", "", api, true}, // typed
                        {"GET", "", "", api, true},     // a script
                        {"POST", "", "", api, true},
                        {"POST", "same-origin", "http://localhost:4040", api, true},
                        {"POST", "cross-site", "http://localhost:4040", api, false},
                        {"POST", "same-site", "", api, false},
                        {"POST", "", "http://evil.example", api, false},
                        {"POST", "", "null", api, false},
                        {"POST", "", "https://localhost:4040", api, false},
                        {"POST", "", "http://127.0.0.1:4040", api, false}, // not the page that asks
                        {"DELETE", "", "http://localhost:3000", api, false},
                        {"POST", "cross-site", "", page, false}};
    for (const Row& row : rows) {
        CAPTURE(row.method);
        CAPTURE(row.site);
        CAPTURE(row.origin);
        Head head = request(row.method, "localhost:4040");
        if (!row.site.empty()) head.add("Sec-Fetch-Site", row.site);
        if (!row.origin.empty()) head.add("Origin", row.origin);
        CHECK(static_cast<bool>(guard.check(head, row.where)) == row.allowed);
    }
}

TEST_CASE("options: loopback only, and every refusal names the option") {
    struct Good {
        std::string_view text, address;
        std::uint16_t port;
    };
    const Good good[] = {{"127.0.0.1:4040", "127.0.0.1", 4040}, {"localhost:1", "127.0.0.1", 1}, {"[::1]:0", "::1", 0},
                         {"::1", "::1", 4040},                  {"5050", "127.0.0.1", 5050},     {"127.9.9.9", "127.9.9.9", 4040}};
    for (const Good& row : good) {
        CAPTURE(row.text);
        const auto address = check(InspectorOptions().address(row.text));
        REQUIRE(address);
        CHECK(address->address().to_string() == row.address);
        CHECK(address->port() == row.port);
    }
    CHECK(check(InspectorOptions())->port() == 4040);
    const std::pair<std::string_view, InspectorOptions> bad[] = {
        {"address", InspectorOptions().address("0.0.0.0:4040")},
        {"address", InspectorOptions().address("[::]:4040")},
        {"address", InspectorOptions().address("192.168.1.1:4040")},
        {"address", InspectorOptions().address("inspect.example:4040")},
        {"address", InspectorOptions().address("")},
        {"address", InspectorOptions().address("70000")},
        {"allow_host", InspectorOptions().allow_host("")},
        {"allow_host", InspectorOptions().allow_host("a:80")},
        {"allow_host", InspectorOptions().allow_host("*")},
        {"max_exchanges", InspectorOptions().max_exchanges(0)},
        {"max_exchanges", InspectorOptions().max_exchanges(adit::limits::inspector_exchanges_max + 1)},
        {"max_body", InspectorOptions().max_body(adit::limits::inspector_body_max + 1)},
        {"max_memory", InspectorOptions().max_memory(adit::limits::inspector_memory_min - 1)},
        {"max_memory", InspectorOptions().max_memory(adit::limits::inspector_memory_max + 1)}};
    for (const auto& [name, options] : bad) {
        CAPTURE(name);
        const auto refused = check(options);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == adit::errc::invalid_option);
        CHECK(refused.error().message().starts_with(std::string(name) + ":"));
    }
    InspectorOptions many;
    for (std::size_t i = 0; i <= adit::limits::inspector_hosts_max; ++i) many.allow_host("h" + std::to_string(i));
    CHECK_FALSE(check(many));
}
