#include "http/upgrade.hpp"
#include "http_log.hpp"
#include "support/doctest.hpp"

using namespace adit;

namespace {

Head request_head(const std::string& lines, const std::string& method = "GET") {
    RequestParser parser;
    const std::string bytes = method + " / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n";
    REQUIRE(parser.parse(as_bytes(bytes)).state == ParseState::head_complete);
    return std::move(parser.head());
}

} // namespace

TEST_CASE("which requests upgrade, and which of them to WebSocket") {
    struct Row {
        std::string method;
        std::string lines;
        bool upgrade;
        bool websocket;
    };
    const Row rows[] = {
        {"GET", "Connection: Upgrade\r\nUpgrade: websocket\r\n", true, true},
        {"GET", "Connection: keep-alive, upgrade\r\nUpgrade: WebSocket\r\n", true, true},
        {"GET", "Connection: Upgrade\r\nUpgrade: something/1, websocket\r\n", true, true},
        {"GET", "Connection: Upgrade\r\nUpgrade: tcp\r\n", true, false},
        {"POST", "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n", true, false},
        {"POST", "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n", false, false},
        {"POST", "Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n", false, false},
        {"GET", "Connection: Upgrade\r\nUpgrade: h2c\r\n", false, false},
        {"GET", "Connection: Upgrade\r\nUpgrade: websocket, H2C\r\n", false, false},
        {"GET", "Upgrade: websocket\r\n", false, false},
        {"GET", "Connection: Upgrade\r\n", false, false},
        {"GET", "", false, false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.lines);
        const Head head = request_head(row.lines, row.method);
        CHECK(is_upgrade(head) == row.upgrade);
        CHECK(is_websocket(head) == row.websocket);
    }
}

TEST_CASE("only a 101 that names its protocol switches") {
    Head response = Head::response(101);
    CHECK_FALSE(is_switching(response));
    CHECK(response.add("Upgrade", ""));
    CHECK_FALSE(is_switching(response));
    CHECK(response.set("Upgrade", "websocket"));
    CHECK(is_switching(response));
    Head ok = Head::response(200);
    CHECK(ok.add("Upgrade", "websocket"));
    CHECK_FALSE(is_switching(ok));
}
