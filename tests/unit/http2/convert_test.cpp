// From HTTP/2 to HTTP/1.1 and back: what the application reads, and what the visitor gets.
#include "http2/convert.hpp"

#include "http/header_rules.hpp"
#include "http/parser.hpp"
#include "http/writer.hpp"
#include "visitor.hpp"

using namespace http2_test;

namespace {

// The request as an application that speaks HTTP/1.1 gets it.
std::string sent_up(Head head) {
    VisitorInfo info;
    info.client_ip = "192.0.2.1";
    info.https = true;
    apply_request_rules(head, info);
    std::string text;
    CHECK(write_head(text, head));
    RequestParser parser;
    CHECK(parser.parse(as_bytes(text)).state == ParseState::head_complete); // and may read
    return text;
}

const std::string ours = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.test\r\n";

} // namespace

TEST_CASE("a request of HTTP/2 becomes one of HTTP/1.1 with one Host, one Cookie and one framing") {
    Visitor v;
    v.peer.get(
        1, "/a?b",
        {{"cookie", "a=1"}, {"accept", "x"}, {"cookie", "b=2"}, {"te", "trailers"}, {"x_forwarded_for", "6.6.6.6"}});
    v.peer.post(3);
    v.peer.post(5, "/", {{"content-length", "007"}, {"expect", "100-continue"}});
    v.peer.headers(7, Peer::request("POST", "/"));
    v.peer.headers(9, Peer::request("PUT", "/", {{"content-length", "0"}}));
    v.run();
    CHECK_EQ(sent_up(v.handler.heads[1]),
             "GET /a?b HTTP/1.1\r\nHost: a.test\r\naccept: x\r\ncookie: a=1; b=2\r\n" + ours + "\r\n");
    CHECK_EQ(sent_up(v.handler.heads[3]),
             "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n" + ours + "\r\n");
    const std::string fifth = sent_up(v.handler.heads[5]);
    CHECK_NE(fifth.find("ontent-length: 7\r\n"), std::string::npos);
    CHECK_NE(fifth.find("100-continue\r\n"), std::string::npos);
    CHECK_EQ(fifth.find("chunked"), std::string::npos);
    CHECK_EQ(sent_up(v.handler.heads[7]), "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n" + ours + "\r\n");
    CHECK_NE(sent_up(v.handler.heads[9]).find("content-length: 0\r\n"), std::string::npos);
}

TEST_CASE("a WebSocket of HTTP/2 is an Upgrade to the application, and its 101 a 200") {
    Visitor v;
    v.peer.headers(1,
                   {{":method", "CONNECT"},
                    {":protocol", "websocket"},
                    {":scheme", "https"},
                    {":path", "/chat"},
                    {":authority", "a.test"},
                    {"sec-websocket-version", "13"},
                    {"sec-websocket-key", "forged"}},
                   end_headers);
    v.run();
    Head& head = v.handler.heads[1];
    const std::array<std::uint8_t, 16> nonce = {'0', '1', '2', '3', '4', '5', '6', '7',
                                                '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
    CHECK_FALSE(http2::make_upgrade(head, "h2c", nonce));
    CHECK_FALSE(http2::make_upgrade(head, "two words", nonce));
    CHECK_EQ(head.method(), "CONNECT");
    REQUIRE(http2::make_upgrade(head, v.handler.protocol, nonce));
    const RequestFacts facts(head);
    CHECK(facts.upgrade);
    CHECK(facts.version == HttpVersion::http2);
    CHECK_EQ(sent_up(head), "GET /chat HTTP/1.1\r\nHost: a.test\r\nsec-websocket-version: 13\r\nUpgrade: websocket\r\n"
                            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n" + ours + "Connection: Upgrade\r\n\r\n");
    ResponseParser parser;
    parser.expect("GET", true);
    parser.parse(as_bytes("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                          "Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\n"));
    const ResponsePlan plan = apply_response_rules(parser.head(), facts, true);
    CHECK(plan.forward);
    CHECK(plan.tunnel);
    CHECK(v.session.respond(1, parser.head(), false));
    v.flush();
    CHECK_EQ(v.peer.last(NGHTTP2_HEADERS, 1)->fields, Pairs{{":status", "200"}, {"sec-websocket-protocol", "chat"}});
}

TEST_CASE("an answer of HTTP/1.1 goes to a visitor of HTTP/2 without its framing") {
    struct Row {
        const char* sent;
        Pairs fields;
        Framing framing;
    };
    const Row rows[] = {
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n",
         {{":status", "200"}, {"x-a", "b"}},
         Framing::chunked},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
         {{":status", "200"}, {"content-length", "5"}},
         Framing::length},
        {"HTTP/1.0 200 OK\r\n\r\n", {{":status", "200"}}, Framing::chunked},
        {"HTTP/1.1 200 OK\r\nConnection: close, x-a\r\nX-A: b\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\n\r\n",
         {{":status", "200"}},
         Framing::chunked},
        {"HTTP/1.1 204 No Content\r\n\r\n", {{":status", "204"}}, Framing::none},
        {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", {{":status", "103"}, {"link", "x"}}, Framing::none},
    };
    for (const Row& row : rows) {
        CAPTURE(std::string(row.sent));
        Visitor v;
        v.peer.get(1);
        v.run();
        const RequestFacts facts(v.handler.heads[1]);
        ResponseParser parser;
        parser.expect("GET", false);
        parser.parse(as_bytes(row.sent));
        const ResponsePlan plan = apply_response_rules(parser.head(), facts, true);
        CHECK(plan.forward);
        CHECK_EQ(static_cast<int>(plan.framing), static_cast<int>(row.framing));
        CHECK(v.session.respond(1, parser.head(), false));
        v.flush();
        REQUIRE(v.peer.last(NGHTTP2_HEADERS, 1));
        CHECK_EQ(v.peer.last(NGHTTP2_HEADERS, 1)->fields, row.fields);
    }
}
