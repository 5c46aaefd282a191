#include "http2/client_session.hpp"

#include "peer.hpp"
#include "support/doctest.hpp"

#include <functional>

using namespace http2_test;
using http2::Config;
using http2::ErrorCode;
using http2::StreamId;

namespace {

// As ServerLog of visitor.hpp: "[200]" a response.
class ClientLog : public http2::ClientHandler {
public:
    void on_response(StreamId id, Head& head, bool end) override {
        log.append("[").append(std::to_string(head.status())).append("]") += std::to_string(id);
        if (end) log += '.';
        last = head;
    }
    void on_body(StreamId id, Bytes bytes) override {
        if (!quiet) log.append("(").append(as_text(bytes)).append(")") += std::to_string(id);
        body += as_text(bytes);
        if (eager) session->consume(id, bytes.size());
    }
    void on_end(StreamId id, Fields& trailers) override {
        for (const Field& field : trailers)
            log.append("{").append(field.name).append(": ").append(field.value).append("}");
        log.append(".") += std::to_string(id);
        if (releases) session->release(id);
    }
    void on_reset(StreamId id, ErrorCode code) override {
        log.append("!").append(std::to_string(static_cast<std::uint32_t>(code))).append("/") += std::to_string(id);
        session->release(id);
    }
    void on_writable(StreamId id) override {
        if (writable) writable(id);
    }
    void on_sent(StreamId id) override { log.append("s") += std::to_string(id); }
    void on_ready() override { log += "ready"; }
    void on_goaway(StreamId id, ErrorCode) override { log.append("bye") += std::to_string(id); }

    http2::ClientSession* session = nullptr;
    std::string log, body;
    Head last;
    std::function<void(StreamId)> writable;
    bool eager = true, quiet = false, releases = true;
};

class Agent { // with an application behind it that is played by `peer`
public:
    explicit Agent(const Config& config = {}, bool greet = true) : session(handler, {}, config) {
        handler.session = &session;
        const Bytes out = session.output();
        magic = as_text(out.first(24));
        peer.read(out.subspan(24));
        session.consume_output(out.size());
        if (greet) peer.settings({{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}});
        if (greet) peer.frame(NGHTTP2_SETTINGS, ack, 0);
        run();
    }
    void run() {
        const std::string bytes = peer.take();
        session.receive(as_bytes(bytes), {});
        for (Bytes out; !(out = session.output()).empty();) {
            peer.read(out);
            session.consume_output(out.size());
        }
    }
    std::string log() { return std::exchange(handler.log, {}); }
    std::string story() {
        std::string text = peer.story();
        peer.forget();
        return text;
    }
    void respond(StreamId id, const Pairs& fields, bool end = false) {
        peer.headers(id, fields, static_cast<std::uint8_t>(end_headers | (end ? end_stream : 0)));
    }
    ClientLog handler;
    http2::ClientSession session;
    Peer peer;
    std::string magic;
};

Head get(std::string_view method = "GET") {
    Head head = Head::request(method, "/a");
    head.add("Host", "a.test");
    return head;
}

} // namespace

TEST_CASE("a client begins with the magic and SETTINGS that forbid push") {
    Agent a;
    CHECK_EQ(a.magic, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    REQUIRE_GE(a.peer.frames.size(), 2);
    CHECK_EQ(a.peer.frames[0].type, NGHTTP2_SETTINGS);
    CHECK_NE(a.peer.frames[0].payload.find(std::string("\0\2\0\0\0\0", 6)), std::string::npos);
    CHECK(a.session.ready());
}

TEST_CASE("a request's head goes out as RFC 9113 wants it") {
    Agent a;
    Head head = get();
    head.add("X-One", "1");
    head.add("TE", "trailers");
    for (const char* name : {"Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "HTTP2-Settings"})
        head.add(name, "v");
    a.peer.forget();
    CHECK_EQ(a.session.request(head, "https", true), 1);
    a.run();
    REQUIRE_EQ(a.peer.frames.size(), 1);
    CHECK_EQ(a.peer.frames[0].fields, Pairs{{":method", "GET"},
                                            {":scheme", "https"},
                                            {":path", "/a"},
                                            {":authority", "a.test"},
                                            {"x-one", "1"},
                                            {"te", "trailers"}});
    CHECK(a.peer.frames[0].ends());
    CHECK_EQ(a.session.request(Head::request("GET", "/"), "https", true), 0); // no Host
    CHECK_EQ(a.session.request(Head::request("G T", "/"), "https", true), 0);
}

TEST_CASE("interim and final response, body and trailers, as gRPC has them, both ways at once") {
    Agent a;
    a.peer.forget();
    const StreamId id = a.session.request(get("POST"), "http", false);
    CHECK_EQ(a.session.write(id, as_bytes("one")), 3);
    a.run();
    CHECK_EQ(a.story(), "{:method: POST:scheme: http:path: /a:authority: a.test}[1] D3[1]");
    a.respond(id, {{":status", "103"}, {"link", "x"}});
    a.respond(id, {{":status", "200"}, {"content-type", "application/grpc"}});
    a.peer.data(id, "uno");
    a.run();
    CHECK_EQ(a.log(), "[103]1[200]1(uno)1");
    CHECK_EQ(a.handler.last.framing(), Framing::chunked);
    CHECK_EQ(a.handler.last.version(), HttpVersion::http2);
    CHECK_EQ(a.session.write(id, as_bytes("two")), 3);
    Fields trailers;
    trailers.add("X-Sum", "6");
    a.session.finish(id, trailers);
    a.run();
    CHECK_EQ(a.story(), "D3[1] {x-sum: 6}[1].");
    a.peer.headers(id, {{"grpc-status", "0"}});
    a.run();
    CHECK_EQ(a.log(), "s1{grpc-status: 0}.1");
    CHECK(a.session.idle());
}

TEST_CASE("what a response's head means for its body") {
    struct Row {
        const char* method;
        Pairs fields;
        bool end;
        Framing framing;
    };
    const Row rows[] = {
        {"GET", {{":status", "200"}}, false, Framing::chunked},
        {"GET", {{":status", "200"}}, true, Framing::none},
        {"GET", {{":status", "200"}, {"content-length", "5"}}, false, Framing::length},
        {"GET", {{":status", "200"}, {"content-length", "0"}}, true, Framing::length},
        {"HEAD", {{":status", "200"}, {"content-length", "5"}}, true, Framing::none},
        {"GET", {{":status", "304"}, {"content-length", "5"}}, true, Framing::none},
        {"GET", {{":status", "204"}}, true, Framing::none},
    };
    for (const Row& row : rows) {
        Agent a;
        const StreamId id = a.session.request(get(row.method), "https", true);
        a.run();
        a.log();
        a.respond(id, row.fields, row.end);
        a.run();
        CHECK_EQ(a.log(), "[" + row.fields[0].second + "]1" + (row.end ? "." : ""));
        CHECK_EQ(static_cast<int>(a.handler.last.framing()), static_cast<int>(row.framing));
        if (row.fields.size() > 1) CHECK_EQ(a.handler.last.content_length(), row.fields[1].second == "5" ? 5 : 0);
    }
}

TEST_CASE("malformed responses reset their stream") {
    const Pairs malformed[] = {
        {{"x-a", "b"}},
        {{":status", "20"}},
        {{":status", "0x1"}},
        {{":status", "099"}},
        {{":status", "101"}},
        {{":status", "200"}, {":status", "200"}},
        {{":status", "200"}, {":path", "/"}},
        {{":status", "200"}, {"connection", "close"}},
        {{":status", "200"}, {"transfer-encoding", "chunked"}},
        {{":status", "200"}, {"X-A", "b"}},
        {{":status", "200"}, {"x-a", "b\r\nset-cookie: c"}},
        {{":status", "200"}, {"x a", "b"}},
        {{":status", "200"}, {"content-length", "1"}, {"content-length", "1"}},
        {{":status", "200"}, {"content-length", "x"}},
    };
    for (const Pairs& fields : malformed) {
        Agent a;
        const StreamId id = a.session.request(get(), "https", true);
        a.run();
        a.story();
        a.respond(id, fields);
        a.run();
        CHECK_EQ(a.story(), "R1[1]");
        CHECK_EQ(a.log(), "s1!1/1");
        CHECK(a.session.idle());
    }
    Agent a;
    const StreamId id = a.session.request(get(), "https", true);
    a.run();
    for (std::size_t i = 0; i < limits::http_interim_max + 1; ++i) a.respond(id, {{":status", "100"}});
    a.run();
    CHECK_NE(a.log().find("!11/1"), std::string::npos);
}

TEST_CASE("bodies wait for windows in both directions") {
    Agent a;
    a.handler.eager = false;
    a.handler.quiet = true;
    const std::string body(300'000, 'u');
    std::size_t at = 0;
    const StreamId id = a.session.request(get("POST"), "https", false);
    a.handler.writable = [&](StreamId) {
        at += a.session.write(id, as_bytes(std::string_view(body).substr(at)));
        if (at == body.size()) a.session.finish(id);
    };
    a.handler.writable(id);
    a.run();
    CHECK_EQ(a.peer.body(id).size(), 65'535);
    CHECK_LE(a.session.counters().queued, limits::http2_stream_queue);
    for (int i = 0; i < 40; ++i) {
        a.peer.window(0, 10'000);
        a.peer.window(id, 10'000);
        a.run();
    }
    CHECK(a.peer.body(id) == body);

    a.respond(id, {{":status", "200"}});
    for (int i = 0; i < 16; ++i) a.peer.data(id, std::string(16'384, 'd'));
    a.run();
    CHECK_EQ(a.session.counters().unconsumed, 262'144);
    a.peer.forget();
    a.session.consume(id, 200'000);
    a.run();
    REQUIRE(a.peer.last(NGHTTP2_WINDOW_UPDATE, id));
    a.peer.data(id, std::string(16'384, 'd'));
    a.peer.data(id, "", end_stream);
    a.run();
    CHECK_FALSE(a.session.failed());
    CHECK_EQ(a.handler.body.size(), 262'144 + 16'384);
    CHECK(a.session.idle());
}

TEST_CASE("requests wait for the agent's limit, and on_ready() says when") {
    Agent a;
    a.peer.settings({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}});
    a.run();
    CHECK_EQ(a.session.request(get(), "https", true), 1);
    CHECK_EQ(a.session.request(get(), "https", true), 3);
    CHECK_EQ(a.session.request(get(), "https", true), 0);
    a.run();
    CHECK_EQ(a.log(), "s1s3");
    a.respond(1, {{":status", "204"}}, true);
    a.run();
    CHECK_EQ(a.log(), "[204]1.");
    a.session.release(1);
    CHECK_EQ(a.log(), "ready");
    CHECK_EQ(a.session.request(get(), "https", true), 5);
}

TEST_CASE("resets of either side, and a response that comes before the request's end") {
    Agent a;
    for (int i = 0; i < 4; ++i) a.session.request(get("POST"), "https", false);
    a.run();
    a.story();
    a.peer.reset(1, NGHTTP2_REFUSED_STREAM);
    a.session.reset(3, ErrorCode::cancel);
    a.session.release(3);
    a.session.release(5); // not finished
    a.respond(7, {{":status", "413"}}, true);
    a.peer.reset(7, NGHTTP2_NO_ERROR);
    a.run();
    CHECK_EQ(a.log(), "!7/1[413]7.");
    CHECK_EQ(a.story(), "R8[3] R8[5]");
    CHECK_EQ(a.session.write(7, as_bytes("more")), 0);
    a.session.release(7);
    CHECK(a.session.idle());
    CHECK_EQ(a.session.counters().resets_made, 0);
}

TEST_CASE("GOAWAY: those that were not worked on are told so, the others go on") {
    Agent a;
    for (int i = 0; i < 3; ++i) a.session.request(get(), "https", true);
    a.run();
    a.log();
    a.peer.frame(NGHTTP2_GOAWAY, 0, 0, number(1) + number(0));
    a.run();
    const std::string log = a.log();
    CHECK_NE(log.find("bye1"), std::string::npos);
    CHECK_NE(log.find("!7/3"), std::string::npos);
    CHECK_NE(log.find("!7/5"), std::string::npos);
    CHECK_EQ(a.session.request(get(), "https", true), 0);
    CHECK_FALSE(a.session.finished());
    a.respond(1, {{":status", "204"}}, true);
    a.run();
    a.session.release(1);
    CHECK(a.session.finished());
}

TEST_CASE("extended CONNECT, when the agent's application allows it") {
    Agent none({}, false);
    CHECK_FALSE(none.session.ready());
    CHECK_EQ(none.session.request(get(), "https", false, "websocket"), 0);
    Agent a;
    a.peer.forget();
    Head head = get();
    head.add("Upgrade", "websocket");
    head.add("Connection", "Upgrade");
    head.add("Sec-WebSocket-Key", "x");
    head.add("Sec-WebSocket-Version", "13");
    const StreamId id = a.session.request(head, "https", false, "websocket");
    REQUIRE_EQ(id, 1);
    a.run();
    CHECK_EQ(a.peer.frames[0].fields, Pairs{{":method", "CONNECT"},
                                            {":scheme", "https"},
                                            {":path", "/a"},
                                            {":authority", "a.test"},
                                            {":protocol", "websocket"},
                                            {"sec-websocket-version", "13"}});
    a.respond(id, {{":status", "200"}});
    a.peer.data(id, "down");
    a.run();
    CHECK_EQ(a.log(), "[200]1(down)1");
    CHECK(a.handler.last.upgrade());
    CHECK_EQ(a.handler.last.framing(), Framing::none);
    CHECK_EQ(a.session.write(id, as_bytes("up")), 2);
    a.peer.data(id, "", end_stream);
    a.run();
    CHECK_EQ(a.log(), ".1");
}

TEST_CASE("an agent that floods, pushes or speaks something else ends its session") {
    struct Row {
        const char* name;
        std::uint32_t code;
        void (*send)(Peer&);
    };
    const Row rows[] = {
        {"PUSH_PROMISE", 1, [](Peer& p) { p.frame(NGHTTP2_PUSH_PROMISE, end_headers, 1, number(2)); }},
        {"HTTP/1.1", 1, [](Peer& p) { p.bytes("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"); }},
        {"PING", 11, [](Peer& p) { for (int i = 0; i < 11'000; ++i) p.frame(NGHTTP2_PING, 0, 0, "12345678"); }},
        {"DATA of no stream", 1, [](Peer& p) { p.data(9, "x"); }},
        {"a response to nothing", 1, [](Peer& p) { p.headers(9, {{":status", "200"}}); }},
        {"DATA behind the end", 5, [](Peer& p) { p.headers(1, {{":status", "200"}}); p.data(1, "x"); }},
    };
    for (const Row& row : rows) {
        CAPTURE(std::string(row.name));
        Agent a;
        a.handler.releases = false;
        a.session.request(get(), "https", true);
        a.run();
        row.send(a.peer);
        a.run();
        CHECK(a.session.failed());
        const auto code = static_cast<std::uint32_t>(a.session.error());
        CHECK((code == row.code || (std::string_view(row.name) == "HTTP/1.1" && code == 6)));
        CHECK(a.session.finished());
    }
}
