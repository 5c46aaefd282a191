#include "http_log.hpp"
#include "support/doctest.hpp"

using namespace adit;
using namespace http_test;

namespace {

// Parses to the end of the first head.
Head head_of(std::string_view bytes) {
    RequestParser parser;
    const ParseResult r = parser.parse(as_bytes(bytes));
    REQUIRE(r.state == ParseState::head_complete);
    return std::move(parser.head());
}

} // namespace

TEST_CASE("a request head gives method, target, fields in order and with their spelling") {
    const Head head =
        head_of("GET /a?b HTTP/1.1\r\nHost: a.example\r\nX-One:  1 \r\nx-one: 2\r\nEmpty:\r\n\r\n");
    CHECK(head.is_request());
    CHECK(head.method() == "GET");
    CHECK(head.target() == "/a?b");
    CHECK(head.host() == "a.example");
    CHECK(head.version() == HttpVersion::http11);
    REQUIRE(head.size() == 4);
    CHECK(head[1].name == "X-One");
    CHECK(head[1].value == "1");
    CHECK(head[2].name == "x-one");
    CHECK(head[2].value == "2");
    CHECK(head[3].name == "Empty");
    CHECK(head[3].value == "");
    CHECK(head.find("X-ONE") == "1");
    CHECK(head.find(FieldId::host) == "a.example");
}

TEST_CASE("what a request means for the connection") {
    struct Row {
        std::string_view head;
        bool keep_alive, upgrade, expect_continue, chunked;
        std::optional<std::uint64_t> length;
    };
    const Row rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true, false, false, false, {}},
        {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", false, false, false, false, {}},
        {"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", false, false, false, false, {}},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false, false, false, false, {}},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: a\r\nConnection: b , Close\r\n\r\n",
         false,
         false,
         false,
         false,
         {}},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true, false, false, false, {}},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: x\r\n\r\n",
         true,
         true,
         false,
         false,
         {}},
        {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n", true, false, false, false, {}},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n", true, false, false, false, {}},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade:\r\n\r\n",
         true,
         false,
         false,
         false,
         {}},
        {"GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
         false,
         false,
         false,
         false,
         {}},
        {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n", true, false, true,
         false, 12},
        {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n", true, false, false,
         false, 0},
        {"PUT / HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", false, false,
         false, false, 1},
        {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", true, false, false, true, {}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.head);
        const Head head = head_of(row.head);
        CHECK(head.keep_alive() == row.keep_alive);
        CHECK(head.upgrade() == row.upgrade);
        CHECK(head.expect_continue() == row.expect_continue);
        CHECK(head.chunked() == row.chunked);
        CHECK(head.content_length() == row.length);
        CHECK(head.has_body() == (row.chunked || row.length.value_or(0) > 0));
    }
}

TEST_CASE("pipelined requests are read in their order, one at a time") {
    const std::string bytes =
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
        "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        "GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        "GET /5 HTTP/1.1\r\nHost: a\r\n\r\n";
    CHECK(requests(bytes) == "[GET /1].[POST /2](hello).[POST /3](hello).[GET /4].");
}

TEST_CASE("the parser stops at the end of a message and leaves the next one to the caller") {
    const std::string_view first = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
    const std::string both = std::string(first) + "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    RequestParser parser;
    ParseResult r = parser.parse(as_bytes(both));
    CHECK(r.state == ParseState::head_complete);
    CHECK(r.consumed == first.size());
    const Bytes rest = as_bytes(both).subspan(r.consumed);
    r = parser.parse(rest);
    CHECK(r.state == ParseState::message_complete);
    CHECK(r.consumed == 0);
    CHECK(parser.idle());
    CHECK(parser.head().target() == "/1"); // stays until there is input for the next
    CHECK(parser.parse({}).state == ParseState::need_more);
    CHECK(parser.head().target() == "/1");
    CHECK(parser.parse(rest).state == ParseState::head_complete);
    CHECK(parser.head().target() == "/2");
}

TEST_CASE("body parts are views into the input") {
    const std::string bytes = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n";
    RequestParser parser;
    Bytes input = as_bytes(bytes);
    input = input.subspan(parser.parse(input).consumed);
    const ParseResult r = parser.parse(input);
    CHECK(r.state == ParseState::body);
    CHECK(as_text(r.body) == "wxyz");
    CHECK(r.body.data() == input.data() + 3);
    CHECK(r.consumed == 7);
}

TEST_CASE("where the parser stands is told at every step") {
    RequestParser parser;
    const auto feed_text = [&](std::string_view text) { return parser.parse(as_bytes(text)); };
    CHECK(parser.idle());
    CHECK(parser.body_done());
    CHECK(parser.finish());

    CHECK(feed_text("POST / HTTP/1.1\r\n").state == ParseState::need_more);
    CHECK_FALSE(parser.idle());
    CHECK(parser.in_head());
    CHECK_FALSE(parser.body_done());
    CHECK_FALSE(parser.finish());

    CHECK(feed_text("Host: a\r\nContent-Length: 2\r\n\r\n").state == ParseState::head_complete);
    CHECK_FALSE(parser.in_head());
    CHECK_FALSE(parser.body_done());
    CHECK_FALSE(parser.finish());

    CHECK(feed_text("xy").state == ParseState::body);
    CHECK(parser.body_done()); // though the end was not asked for yet
    CHECK(parser.finish());
    CHECK(feed_text("").state == ParseState::message_complete);
    CHECK(parser.body_done());
    CHECK(parser.idle());
    CHECK(parser.finish());
}

TEST_CASE("an empty line before a request counts as its beginning") {
    RequestParser parser;
    CHECK(parser.parse(as_bytes("\r\n")).state == ParseState::need_more);
    CHECK(parser.in_head());
}

TEST_CASE("what follows an upgrade request is not HTTP until the upgrade is declined") {
    const std::string bytes =
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    CHECK(requests(bytes) == "[GET /ws].^GET /next HTTP/1.1\r\nHost: a\r\n\r\n");

    RequestParser parser;
    Bytes input = as_bytes(bytes);
    input = input.subspan(parser.parse(input).consumed);
    CHECK(parser.parse(input).state == ParseState::message_complete);
    CHECK(parser.parse(input).state == ParseState::upgrade);
    CHECK_FALSE(parser.idle());
    parser.decline_upgrade();
    CHECK(parser.idle());
    CHECK(parser.parse(input).state == ParseState::head_complete);
    CHECK(parser.head().target() == "/next");
}

TEST_CASE("an upgrade request with a body is read to its end before anything else") {
    CHECK(requests("POST /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: "
                   "3\r\n\r\nabcrest") == "[POST /ws](abc).^rest");
}

TEST_CASE("giving memory back keeps what the connection means") {
    RequestParser parser;
    const std::string_view close = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    CHECK(parser.parse(as_bytes(close)).state == ParseState::head_complete);
    parser.release_memory(); // not idle: nothing happens
    CHECK(parser.head().host() == "a");
    CHECK(parser.parse({}).state == ParseState::message_complete);
    parser.release_memory();
    CHECK(parser.head().empty());
    const ParseResult r = parser.parse(as_bytes(close)); // after close nothing is a request
    CHECK(r.state == ParseState::need_more);
    CHECK(r.consumed == close.size());
}

TEST_CASE("a connection carries many requests without growing") {
    RequestParser parser;
    for (int i = 0; i < 1'000; ++i) {
        const std::string bytes =
            "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
        Log log;
        std::string held;
        REQUIRE(feed(parser, bytes, log, held));
        CHECK(log.take() == "[POST /" + std::to_string(i) + "](x).");
        CHECK(parser.head().add("X-Added", "by the rules"));
    }
}

TEST_CASE("an error says what to do") {
    RequestParser parser;
    const ParseResult r = parser.parse(
        as_bytes("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"));
    CHECK(r.state == ParseState::error);
    CHECK(r.error.status == 400);
    CHECK(r.error.text.find("Content-Length") != std::string_view::npos);
    CHECK(r.error.text.find("send") != std::string_view::npos);
}
