#include "http_log.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

using namespace adit;
using namespace http_test;
using namespace std::string_literals;

TEST_CASE("the end of a response is where RFC 9112 6.3 says") {
    struct Row {
        std::string what;
        std::vector<Asked> asked;
        std::string bytes;
        bool closed;
        std::string outcome;
    };
    const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const Row rows[] = {
        {"a length", {{}}, ok, false, "[200](ok)."},
        {"two answers", {{}, {}}, ok + ok, false, "[200](ok).[200](ok)."},
        {"length 0",
         {{}, {}},
         "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + ok,
         false,
         "[200].[200](ok)."},
        {"chunks",
         {{}, {}},
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nok\r\n0\r\nT: 1\r\n\r\n" + ok,
         false,
         "[200](ok){T: 1}.[200](ok)."},
        {"until the close", {{}}, "HTTP/1.1 200 OK\r\n\r\nall of it", true, "[200](all of it)."},
        {"until the close, nothing", {{}}, "HTTP/1.1 200 OK\r\n\r\n", true, "[200]."},
        {"until the close in HTTP/1.0", {{}}, "HTTP/1.0 200 OK\r\n\r\nall", true, "[200](all)."},
        {"not closed yet", {{}}, "HTTP/1.1 200 OK\r\n\r\nall", false, "[200](all)?"},
        {"HEAD with a length",
         {{"HEAD"}, {}},
         "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + ok,
         false,
         "[200].[200](ok)."},
        {"HEAD with chunks",
         {{"HEAD"}, {}},
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + ok,
         false,
         "[200].[200](ok)."},
        {"HEAD without framing", {{"HEAD"}, {}}, "HTTP/1.1 200 OK\r\n\r\n" + ok, false, "[200].[200](ok)."},
        {"204", {{}, {}}, "HTTP/1.1 204 No Content\r\n\r\n" + ok, false, "[204].[200](ok)."},
        {"304 with a length",
         {{}, {}},
         "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n" + ok,
         false,
         "[304].[200](ok)."},
        {"204 that announces a body is the last answer",
         {{}, {}},
         "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         false,
         "[204].!502"},
        {"100 first",
         {{}, {}},
         "HTTP/1.1 100 Continue\r\n\r\n" + ok + ok,
         false,
         "[100][200](ok).[200](ok)."},
        {"103 and 100 first",
         {{}},
         "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + ok,
         false,
         "[103][100][200](ok)."},
        {"1xx with framing has no body",
         {{}},
         "HTTP/1.1 103 x\r\nContent-Length: 5\r\n\r\n" + ok,
         false,
         "[103][200](ok)."},
        {"only interim, then the end", {{}}, "HTTP/1.1 100 Continue\r\n\r\n", true, "[100]!502"},
        {"101 as asked",
         {{"GET", true}},
         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nbytes",
         false,
         "[101]^bytes"},
        {"100, then 101",
         {{"GET", true}},
         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
         false,
         "[100][101]^"},
        {"101 not asked", {{}}, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nbytes", false, "!502"},
        {"101 without a name",
         {{"GET", true}},
         "HTTP/1.1 101 Switching Protocols\r\n\r\nbytes",
         false,
         "!502"},
        {"upgrade declined", {{"GET", true}, {}}, ok + ok, false, "[200](ok).[200](ok)."},
        {"CONNECT agreed",
         {{"CONNECT", true}},
         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes",
         false,
         "[200]^bytes"},
        {"CONNECT refused",
         {{"CONNECT", true}, {}},
         "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno" + ok,
         false,
         "[403](no).[200](ok)."},
        {"CONNECT answered by 101",
         {{"CONNECT", true}},
         "HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\n",
         false,
         "!502"},
        {"nobody asked", {}, ok, false, "!502"},
        {"one answer too many", {{}}, ok + ok, false, "[200](ok).!502"},
        {"more bytes than said", {{}}, ok + "x", false, "[200](ok).!502"},
        {"an answer after the last",
         {{}, {}},
         "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok" + ok,
         false,
         "[200](ok).!502"},
        {"an answer after the last of HTTP/1.0",
         {{}, {}},
         "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok" + ok,
         false,
         "[200](ok).!502"},
        {"no answer", {{}}, "", true, "!502"},
        {"cut in the head", {{}}, "HTTP/1.1 200 OK\r\n", true, "!502"},
        {"cut in the body", {{}}, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", true, "[200](ok)!502"},
        {"cut in chunks",
         {{}},
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
         true,
         "[200](ok)!502"},
        {"closed between answers", {{}}, ok, true, "[200](ok)."},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        CHECK(responses(row.asked, row.bytes, row.closed) == row.outcome);
    }
}

TEST_CASE("a response that could be read in two ways is refused") {
    const auto with = [](std::string_view lines) {
        return "HTTP/1.1 200 OK\r\n" + std::string(lines) + "\r\n\r\n0\r\n\r\n";
    };
    const std::string rows[] = {
        with("Content-Length: 5\r\nTransfer-Encoding: chunked"),
        with("Content-Length: 5\r\nContent-Length: 5"),
        with("Content-Length: 5, 5"),
        with("Content-Length: +5"),
        with("Content-Length: 0x5"),
        with("Content-Length: 5 5"),
        with("Content-Length:"),
        with("Content-Length : 5"),
        with("Transfer-Encoding: gzip"),
        with("Transfer-Encoding: gzip, chunked"),
        with("Transfer-Encoding: chunked, chunked"),
        with("Transfer-Encoding: identity"),
        with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        with("Transfer-Encoding: \vchunked"),
        with("X: a\r\n folded"),
        with("X: a\nY: b"),
        with("X: a\rY: b"),
        with("X: a\0b"s),
        with("X : a"),
        with("X Y: a"),
        with("no colon"),
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",
        "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 +20 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n"s,
        "http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "<html>hello</html>\r\n\r\n",
        "\x15\x03\x01\x00\x02\x02\x46",
    };
    for (const std::string& bytes : rows) {
        CAPTURE(bytes);
        CHECK(responses({{}}, bytes) == "!502");
    }
}

TEST_CASE("status, reason and what a response means for the connection") {
    struct Row {
        std::string_view head;
        int status;
        std::string_view reason;
        bool keep_alive;
        Framing framing;
    };
    const Row rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 200, "OK", true, Framing::length},
        {"HTTP/1.1 404 Not Found Here\r\nTransfer-Encoding: chunked\r\n\r\n", 404, "Not Found Here", true,
         Framing::chunked},
        {"HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\n", 200, "", true, Framing::length},
        {"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n", 200, "", true, Framing::length},
        {"HTTP/1.1 999 \xc3\xbc\t!\r\nContent-Length: 3\r\n\r\n", 999, "\xc3\xbc\t!", true, Framing::length},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\n", 200, "OK", false,
         Framing::length},
        {"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", 200, "OK", false, Framing::length},
        {"HTTP/1.1 200 OK\r\n\r\n", 200, "OK", false, Framing::until_close},
        {"HTTP/1.1 304 Not Modified\r\n\r\n", 304, "Not Modified", true, Framing::none},
        {"HTTP/1.1 204 No Content\r\n\r\n", 204, "No Content", true, Framing::none},
    };
    for (const Row& row : rows) {
        CAPTURE(row.head);
        ResponseParser parser;
        parser.expect("GET", false);
        REQUIRE(parser.parse(as_bytes(row.head)).state == ParseState::head_complete);
        CHECK_FALSE(parser.head().is_request());
        CHECK(parser.head().status() == row.status);
        CHECK(parser.head().reason() == row.reason);
        CHECK(parser.head().keep_alive() == row.keep_alive);
        CHECK(parser.head().framing() == row.framing);
    }
}

TEST_CASE("the length that an answer to HEAD or a 304 tells is kept, and frames nothing") {
    ResponseParser parser;
    parser.expect("HEAD", false);
    REQUIRE(parser.parse(as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n")).state ==
            ParseState::head_complete);
    CHECK(parser.head().content_length() == 77);
    CHECK_FALSE(parser.head().has_body());
    CHECK(parser.parse({}).state == ParseState::message_complete);
}

TEST_CASE("waiting says whether anything of the final answer came") {
    ResponseParser parser;
    CHECK(parser.idle());
    CHECK_FALSE(parser.waiting());
    parser.expect("GET", false);
    CHECK(parser.waiting());
    CHECK(parser.parse(as_bytes("HTTP/1.1 100 Continue\r\n\r\n")).state == ParseState::head_complete);
    CHECK(parser.waiting());
    CHECK(parser.parse(as_bytes("HTTP/1.1 200")).state == ParseState::need_more);
    CHECK_FALSE(parser.waiting());
    CHECK_FALSE(parser.idle());
}

TEST_CASE("a response may be over before its request was sent: the parsers do not know each other") {
    RequestParser request;
    const std::string head = "POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";
    REQUIRE(request.parse(as_bytes(head)).state == ParseState::head_complete);
    ResponseParser response;
    response.expect(request.head());
    const std::string early = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n";
    CHECK(response.parse(as_bytes(early)).state == ParseState::head_complete);
    CHECK(response.parse({}).state == ParseState::message_complete);
    CHECK(response.idle());
    CHECK_FALSE(request.body_done()); // so the connection must be closed
}

TEST_CASE("announcing a request before the last answer was read is an error") {
    ResponseParser parser;
    parser.expect("GET", false);
    parser.expect("GET", false);
    CHECK(parser.parse(as_bytes("HTTP/1.1 200 OK\r\n\r\n")).error.status == 502);
}

TEST_CASE("interim responses are bounded") {
    std::string bytes;
    for (std::size_t i = 0; i < limits::http_interim_max; ++i) bytes += "HTTP/1.1 103 x\r\n\r\n";
    const std::string log = run_responses({{}}, {bytes + "HTTP/1.1 204 x\r\n\r\n"});
    CHECK(log.ends_with("[103][204]."));
    CHECK(run_responses({{}}, {bytes + "HTTP/1.1 103 x\r\n\r\n"}).ends_with("[103]!502"));
}

TEST_CASE("a head of a response is bounded") {
    CHECK(run_responses({{}}, {"HTTP/1.1 200 OK\r\nX: " + std::string(limits::http_head_max, 'x')}) ==
          "!502");
}
