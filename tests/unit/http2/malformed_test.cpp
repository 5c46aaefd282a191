// What RFC 9113 calls malformed, and what could smuggle a second request into HTTP/1.1 behind us (threat T2): the
// stream is reset with PROTOCOL_ERROR, the handler never hears of it, and the connection goes on.
#include "visitor.hpp"

using namespace http2_test;

namespace {

struct Case {
    const char* name;
    Pairs fields;
    const char* story = "R1[1]";
};

Pairs with(const char* name, const std::string& value) { return Peer::request("GET", "/", {{name, value}}); }

const std::string crlf = "\r\n";
const std::string nul(1, '\0');

const Case malformed[] = {
    // fields: RFC 9113 8.2.1
    {"upper-case name", with("X-Upper", "1")},
    {"one upper-case letter", with("x-uppeR", "1")},
    {"CR LF in a value", with("x-a", "b\r\ntransfer-encoding: chunked")},
    {"LF in a value", with("x-a", "b\nx: y")},
    {"CR in a value", with("x-a", "b\rx: y")},
    {"NUL in a value", with("x-a", "b" + nul + "c")},
    {"a whole request in a value", with("x-a", "b\r\n\r\nGET /admin HTTP/1.1\r\nHost: a.test\r\n\r\n")},
    {"blank before a value", with("x-a", " b")},
    {"blank behind a value", with("x-a", "b ")},
    {"tab before a value", with("x-a", "\tb")},
    {"DEL in a value", with("x-a", "b\x7f")},
    {"colon in a name", with("x-a: b", "c")},
    {"CR LF in a name", with("x-a: b\r\nx-c", "d")},
    {"LF in a name", with("x-a\nx-c", "d")},
    {"NUL in a name", with(("x" + nul + "a").c_str(), "d"), ""}, // C string: the name is "x", see below
    {"blank in a name", with("x a", "d")},
    {"blank behind a name", with("content-length ", "5")},
    {"tab in a name", with("x\ta", "d")},
    {"bytes beyond ASCII in a name", with("x-\xc3\xa4", "d")},
    {"empty name", with("", "d")},
    // of a connection: 8.2.2
    {"connection", with("connection", "close")},
    {"connection that lists", with("connection", "x-forwarded-for")},
    {"keep-alive", with("keep-alive", "timeout=5")},
    {"proxy-connection", with("proxy-connection", "keep-alive")},
    {"transfer-encoding", with("transfer-encoding", "chunked")},
    {"transfer-encoding identity", with("transfer-encoding", "identity")},
    {"upgrade", with("upgrade", "h2c")},
    {"te gzip", with("te", "gzip")},
    {"te trailers and more", with("te", "trailers, deflate")},
    // pseudo-header fields: 8.3
    {"no method", {{":scheme", "https"}, {":path", "/"}, {":authority", "a.test"}}},
    {"no scheme", {{":method", "GET"}, {":path", "/"}, {":authority", "a.test"}}},
    {"no path", {{":method", "GET"}, {":scheme", "https"}, {":authority", "a.test"}}},
    {"no authority and no host", {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}}},
    {"empty path", {{":method", "GET"}, {":scheme", "https"}, {":path", ""}, {":authority", "a.test"}}},
    {"empty method", {{":method", ""}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.test"}}},
    {"empty authority", {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", ""}}},
    {"two methods",
     {{":method", "GET"}, {":method", "POST"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.test"}}},
    {"two paths",
     {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":path", "/b"}, {":authority", "a.test"}}},
    {"two schemes",
     {{":method", "GET"}, {":scheme", "https"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a.test"}}},
    {"two authorities",
     {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.test"}, {":authority", "b.test"}}},
    {"pseudo behind a field",
     {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"x-a", "b"}, {":authority", "a.test"}}},
    {"unknown pseudo",
     {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.test"}, {":x", "y"}}},
    {"pseudo of a response",
     {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.test"}, {":status", "200"}}},
    {"protocol without CONNECT",
     {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.test"}, {":protocol", "websocket"}}},
    {"protocol that is no token",
     {{":method", "CONNECT"},
      {":scheme", "https"},
      {":path", "/"},
      {":authority", "a.test"},
      {":protocol", "web socket"}}},
    {"scheme of a file", {{":method", "GET"}, {":scheme", "file"}, {":path", "/"}, {":authority", "a.test"}}},
    {"scheme with a line", {{":method", "GET"}, {":scheme", "http\r\nx: y"}, {":path", "/"}, {":authority", "a.test"}}},
    {"method with a line", Peer::request("GET / HTTP/1.1\r\nHost: b.test\r\n\r\nGET", "/")},
    {"method with a blank", Peer::request("GET /admin", "/")},
    {"path with a line", Peer::request("GET", "/ HTTP/1.1\r\nhost: b.test\r\n\r\nGET /")},
    {"path with a blank", Peer::request("GET", "/ HTTP/1.1")},
    {"path with a fragment", Peer::request("GET", "/a#b")},
    {"path with bytes beyond ASCII", Peer::request("GET", "/\xc3\xa4")},
    {"path without a slash", Peer::request("GET", "admin")},
    {"path in absolute form", Peer::request("GET", "http://b.test/")},
    {"star of a GET", Peer::request("GET", "*")},
    {"authority with a user", {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "u@a.test"}}},
    {"authority with a path", {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.test/b"}}},
    {"authority with a line",
     {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.test\r\nx: y"}}},
    {"authority with a blank",
     {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.test b.test"}}},
    {"authority with no port", {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.test:"}}},
    {"authority with a large port",
     {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.test:65536"}}},
    // Host: 8.3.1
    {"another host", with("host", "b.test")},
    {"host with another port", with("host", "a.test:444")},
    {"host that is none", with("host", "a.test, b.test")},
    {"empty host", with("host", "")},
    {"two hosts", {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"host", "a.test"}, {"host", "a.test"}}},
    // CONNECT: 8.5
    {"CONNECT with a path",
     {{":method", "CONNECT"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.test:443"}}},
    {"CONNECT without a port", {{":method", "CONNECT"}, {":authority", "a.test"}}},
    {"CONNECT without an authority", {{":method", "CONNECT"}, {"host", "a.test:443"}}},
    {"CONNECT with a length", {{":method", "CONNECT"}, {":authority", "a.test:443"}, {"content-length", "0"}}},
    {"extended CONNECT without a path",
     {{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "https"}, {":authority", "a.test"}}},
    // length: 8.1.1
    {"length of nothing", with("content-length", "5")},
    {"two lengths", Peer::request("GET", "/", {{"content-length", "0"}, {"content-length", "0"}})},
    {"length with a sign", with("content-length", "+0")},
    {"length below zero", with("content-length", "-1")},
    {"length in hex", with("content-length", "0x0")},
    {"length as a list", with("content-length", "0, 0")},
    {"length that is none", with("content-length", "")},
    {"length beyond 64 bits", with("content-length", "99999999999999999999")},
};

} // namespace

TEST_CASE("a malformed request head resets its stream and is told to nobody") {
    for (const Case& c : malformed) {
        if (*c.story == '\0') continue;
        CAPTURE(std::string(c.name));
        Visitor v;
        v.peer.headers(1, c.fields);
        v.peer.get(3);
        v.run();
        CHECK_EQ(v.log(), "[GET / a.test]3.3");
        CHECK_EQ(v.story(), c.story);
        CHECK_FALSE(v.session.failed());
        CHECK_EQ(v.session.counters().resets_made, 1);
        CHECK_EQ(v.session.counters().streams, 1);
    }
    Visitor v;
    std::string name("x");
    name += nul + "a";
    v.peer.headers(1, Peer::request("GET", "/", {{name, "d"}}));
    v.run();
    CHECK_EQ(v.story(), "R1[1]");
    CHECK_EQ(v.log(), "");
}

TEST_CASE("a malformed field is found wherever HPACK puts it, and whatever follows") {
    for (const std::uint8_t flags : {NGHTTP2_NV_FLAG_NONE, NGHTTP2_NV_FLAG_NO_INDEX}) {
        Visitor v;
        for (const StreamId id : {1, 3, 5}) { // the second time out of the dynamic table
            const std::string block =
                v.peer.pack(Peer::request("POST", "/", {{"x-a", "b\r\nc: d"}, {"x-b", "c"}}), flags);
            v.peer.frame(NGHTTP2_HEADERS, end_headers, id, block);
            v.peer.data(id, "GET /admin HTTP/1.1\r\n\r\n", end_stream);
        }
        v.run(5);
        CHECK_EQ(v.log(), "");
        CHECK_EQ(v.story(), "R1[1] R1[3] R1[5]");
        CHECK(v.session.idle());
    }
}

TEST_CASE("a body that is not as long as its Content-Length resets the stream") {
    for (const bool more : {false, true}) {
        CAPTURE(more);
        Visitor v;
        v.peer.post(1, "/", {{"content-length", "5"}});
        v.peer.data(1, more ? "123456" : "1234", end_stream);
        v.run();
        CHECK_EQ(v.handler.heads[1].framing(), Framing::length);
        const std::string log = v.log();
        CHECK_EQ(log.substr(0, 15), "[POST / a.test]");
        CHECK_EQ(log.substr(log.size() - 2), "!1");
        CHECK_EQ(log.find("."), 9); // the one in a.test: no end was told
        CHECK_EQ(v.story(), "R1[1]");
    }
    Visitor v;
    v.peer.post(1, "/", {{"content-length", "5"}});
    v.peer.data(1, "12345");
    v.peer.headers(1, {{"x-a", "b"}});
    v.run();
    CHECK_EQ(v.log(), "[POST / a.test](12345){x-a: b}.");
}

TEST_CASE("malformed trailers reset the stream") {
    const Case trailers[] = {
        {"pseudo", {{":path", "/"}}},          {"upper case", {{"X-A", "b"}}},
        {"a line", {{"x-a", "b\r\nc: d"}}},    {"connection", {{"connection", "close"}}},
        {"coding", {{"transfer-encoding", "chunked"}}}, {"upgrade", {{"upgrade", "h2c"}}},
    };
    for (const Case& c : trailers) {
        CAPTURE(std::string(c.name));
        Visitor v;
        v.peer.post(1);
        v.peer.data(1, "b");
        v.peer.headers(1, c.fields);
        v.run();
        CHECK_EQ(v.log(), "[POST / a.test](b)!1");
        CHECK_EQ(v.story(), "R1[1]");
    }
    Visitor v;
    v.peer.post(1);
    v.peer.headers(1, {{"x-a", "b"}}, end_headers); // trailers that are not the end
    v.run();
    CHECK_EQ(v.log(), "[POST / a.test]!1");
    CHECK_EQ(v.story(), "R1[1]");
}

TEST_CASE("what is well-formed stays so") {
    Visitor v;
    v.peer.headers(1, Peer::request("OPTIONS", "*"));
    v.peer.headers(3, {{":method", "GET"}, {":scheme", "http"}, {":path", "/?a|b={}"}, {"host", "a.test:8080"}});
    v.peer.get(5, "/", {{"host", "A.test:443"}, {"te", "trailers"}, {"x-a", ""}, {"x-b", "\xc3\xa4 b"}});
    v.peer.headers(7, {{":method", "GET"},
                       {":scheme", "https"},
                       {":path", "/"},
                       {":authority", "[::1]:443"},
                       {"content-length", "0"}});
    v.run();
    CHECK_EQ(v.log(), "[OPTIONS * a.test].[GET /?a|b={} a.test:8080]3.3[GET / a.test]5.5[GET / [::1]:443]7.7");
    CHECK_EQ(v.handler.heads[5].count("host"), 1);
    CHECK_EQ(v.handler.heads[7].framing(), Framing::length);
    CHECK_EQ(v.story(), "");
}

TEST_CASE("an expectation: 100-continue is known, others get 417") {
    Visitor v;
    v.peer.post(1, "/", {{"expect", "100-Continue"}});
    v.peer.post(3, "/", {{"expect", "the worst"}});
    v.run();
    CHECK(v.handler.heads[1].expect_continue());
    CHECK_EQ(v.log(), "[POST / a.test]");
    CHECK_EQ(v.story(), "417[3]. R0[3]");
    CHECK_EQ(v.session.counters().streams, 1);
}

TEST_CASE("a head beyond its limit gets 431, whether by size or by count") {
    for (const bool many : {false, true}) {
        Visitor v;
        Pairs more;
        if (many) {
            for (std::size_t i = 0; i < limits::http_headers_max; ++i) more.emplace_back("x", "y");
        } else {
            for (int i = 0; i < 5; ++i) more.emplace_back("x-" + std::to_string(i), std::string(15'000, 'v'));
        }
        const std::string block = v.peer.pack(Peer::request("GET", "/", more));
        for (std::size_t at = 0; at < block.size(); at += 16'384) {
            const std::string_view part = std::string_view(block).substr(at, 16'384);
            const bool last = at + part.size() == block.size();
            v.peer.frame(at == 0 ? NGHTTP2_HEADERS : NGHTTP2_CONTINUATION,
                         static_cast<std::uint8_t>((at == 0 ? end_stream : 0) | (last ? end_headers : 0)), 1, part);
        }
        v.run();
        CHECK_EQ(v.log(), "");
        CHECK_EQ(v.story(), "431[1].");
        CHECK(v.session.idle());
        CHECK_FALSE(v.session.failed());
    }
}
