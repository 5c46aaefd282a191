#include "exchanges.hpp"

#include "inspector/replay.hpp"
#include "support/doctest.hpp"

#include <string>

using adit::inspector::Exchange;
using adit::inspector::Message;
using adit::inspector::plan_replay;
using adit::inspector::ReplayOrder;

namespace {

Exchange recorded() {
    Exchange exchange = adit_test::exchange("POST", "/a?b");
    exchange.request.head.add("X-Mine", "1");
    exchange.request.head.add("Content-Length", "4");
    exchange.request.head.set_framing(adit::Framing::length);
    exchange.request.body = "body";
    exchange.request.body_size = 4;
    return exchange;
}

std::string sent(const Exchange& exchange, const ReplayOrder& order = {}) {
    const auto message = plan_replay(exchange, order);
    return message ? message->raw() : "refused: " + message.error().message();
}

} // namespace

TEST_CASE("a request is sent again as it was") {
    CHECK(sent(recorded()) == "POST /a?b HTTP/1.1\r\nHost: app.example.com\r\nX-Mine: 1\r\nContent-Length: 4\r\n\r\nbody");
    CHECK(sent(adit_test::exchange("GET", "/")) == "GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n");
    Exchange chunked = recorded();
    chunked.request.head.remove("Content-Length");
    chunked.request.head.add("Transfer-Encoding", "chunked");
    chunked.request.head.set_framing(adit::Framing::chunked);
    CHECK(sent(chunked) == "POST /a?b HTTP/1.1\r\nHost: app.example.com\r\nX-Mine: 1\r\nContent-Length: 4\r\n\r\nbody"); // in one piece
    chunked.request.trailers.add("X-Sum", "9");
    CHECK(sent(chunked) == "POST /a?b HTTP/1.1\r\nHost: app.example.com\r\nX-Mine: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "4\r\nbody\r\n0\r\nX-Sum: 9\r\n\r\n");
}

TEST_CASE("edits replace what was recorded, and framing stays ours") {
    ReplayOrder order;
    order.method = "PUT";
    order.path = "/other";
    order.body = "longer body";
    CHECK(sent(recorded(), order) ==
          "PUT /other HTTP/1.1\r\nHost: app.example.com\r\nX-Mine: 1\r\nContent-Length: 11\r\n\r\nlonger body");
    order.headers = ReplayOrder::Pairs{{"X-New", "2"}, {"content-length", "1"}, {"Transfer-Encoding", "chunked"},
                                       {"Connection", "close"}, {"Expect", "100-continue"}};
    CHECK(sent(recorded(), order) ==
          "PUT /other HTTP/1.1\r\nX-New: 2\r\ncontent-length: 11\r\nHost: app.example.com\r\n\r\nlonger body");
    order.headers = ReplayOrder::Pairs{{"Host", "x"}};
    order.trailers = ReplayOrder::Pairs{{"T", "3"}};
    CHECK(sent(recorded(), order) ==
          "PUT /other HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nlonger body\r\n0\r\nT: 3\r\n\r\n");
    ReplayOrder empty;
    empty.body = "";
    CHECK(sent(recorded(), empty).ends_with("Content-Length: 0\r\n\r\n"));
    empty.method = "GET";
    CHECK(sent(recorded(), empty) == "GET /a?b HTTP/1.1\r\nHost: app.example.com\r\nX-Mine: 1\r\n\r\n");
}

TEST_CASE("what cannot be sent is refused with the reason") {
    struct Row {
        ReplayOrder order;
        std::string_view reason;
    };
    std::vector<Row> rows(7);
    rows[0].order.method = "A B";
    rows[0].reason = "method";
    rows[1].order.method = "CONNECT";
    rows[1].reason = "method";
    rows[2].order.path = "relative";
    rows[2].reason = "path";
    rows[3].order.path = "/a b";
    rows[3].reason = "path";
    rows[4].order.path = "/a\r\nX: y";
    rows[4].reason = "path";
    rows[5].order.headers = ReplayOrder::Pairs{{"A", "b\r\nX: y"}};
    rows[5].reason = "field 'A'";
    rows[6].order.headers = ReplayOrder::Pairs{{"A:", "b"}};
    rows[6].reason = "field 'A:'";
    for (const Row& row : rows) {
        CAPTURE(row.reason);
        const auto refused = plan_replay(recorded(), row.order);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == adit::errc::invalid_option);
        CHECK(refused.error().message().find(row.reason) != std::string::npos);
    }
    Exchange cut = recorded();
    cut.request.body_size = 5;
    CHECK(sent(cut).find("up to 4 bytes only") != std::string::npos);
    Exchange pending = recorded();
    pending.request.complete = false;
    CHECK(sent(pending).find("not come completely") != std::string::npos);
    ReplayOrder with_body;
    with_body.body = "all";
    CHECK(sent(cut, with_body).ends_with("\r\n\r\nall"));
    CHECK(sent(pending, with_body).ends_with("\r\n\r\nall"));
    Exchange upgrade = adit_test::exchange("GET", "/");
    upgrade.request.head.add("Connection", "Upgrade");
    upgrade.request.head.add("Upgrade", "websocket");
    upgrade.request.head.set_upgrade(true);
    CHECK(sent(upgrade).find("another protocol") != std::string::npos);
}
