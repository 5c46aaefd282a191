// Peers that make us work or remember for nothing (threats T6 and T7): each flood ends with GOAWAY at its budget,
// what it makes us hold stays small, and a peer that does the same slowly, or with real work beside it, goes on.
#include "visitor.hpp"

#include <malloc.h>

using namespace http2_test;

namespace {

constexpr auto calm = static_cast<std::uint32_t>(ErrorCode::enhance_your_calm);

std::size_t heap() { return mallinfo2().uordblks; }

struct Flood {
    const char* name;
    void (*one)(Peer&, int);
};

std::int32_t id_of(int i) { return 2 * i + 3; }

const Flood floods[] = {
    {"PING", [](Peer& p, int) { p.frame(NGHTTP2_PING, 0, 0, "12345678"); }},
    {"answers to PING", [](Peer& p, int) { p.frame(NGHTTP2_PING, ack, 0, "12345678"); }},
    {"SETTINGS", [](Peer& p, int) { p.settings(); }},
    {"SETTINGS that say something",
     [](Peer& p, int i) { p.settings({{4, static_cast<std::uint32_t>(1'000 + i % 2)}}); }},
    {"PRIORITY", [](Peer& p, int i) { p.frame(NGHTTP2_PRIORITY, 0, id_of(i), number(0) + "\x10"); }},
    {"PRIORITY_UPDATE", [](Peer& p, int) { p.frame(0x10, 0, 0, number(1) + "u=1"); }},
    {"empty DATA", [](Peer& p, int) { p.data(1, ""); }},
    {"DATA of padding", [](Peer& p, int) { p.data(1, std::string(1, '\4') + std::string(4, '\0'), padded); }},
    {"WINDOW_UPDATE of the connection", [](Peer& p, int) { p.window(0, 1); }},
    {"WINDOW_UPDATE of a stream", [](Peer& p, int) { p.window(1, 1); }},
    {"unknown frames", [](Peer& p, int) { p.frame(0xfa, 0, 0, "?"); }},
    {"RST_STREAM of a stream that is over", [](Peer& p, int) { p.reset(1); }},
    {"GOAWAY", [](Peer& p, int) { p.frame(NGHTTP2_GOAWAY, 0, 0, number(0) + number(0)); }},
};

} // namespace

TEST_CASE("frames that carry nothing end the session at their budget, and cost no memory") {
    for (const Flood& flood : floods) {
        CAPTURE(std::string(flood.name));
        Visitor v;
        v.peer.post(1);
        v.run();
        const std::size_t before = heap();
        int sent = 0;
        for (; sent < 2 * static_cast<int>(limits::http2_glitch_burst) && !v.session.failed(); ++sent) {
            flood.one(v.peer, sent);
            v.run();
            v.peer.forget();
        }
        CHECK(v.session.failed());
        CHECK_EQ(static_cast<std::uint32_t>(v.session.error()), calm);
        CHECK_GE(sent, limits::http2_glitch_burst - 10);
        CHECK_LE(sent, limits::http2_glitch_burst + 10);
        CHECK_LE(heap(), before + 65'536);
        CHECK(v.session.finished());
    }
}

TEST_CASE("the same frames slowly are no flood") {
    for (const Flood& flood : floods) {
        CAPTURE(std::string(flood.name));
        if (std::string_view(flood.name) == "GOAWAY") continue; // no new streams
        Visitor v;
        v.peer.post(1);
        v.run();
        for (int i = 0; i < 30'000; ++i) {
            v.now += std::chrono::milliseconds(4);
            flood.one(v.peer, i);
            if (i % 100 == 0) v.run(), v.peer.forget();
        }
        CHECK_FALSE(v.session.failed());
    }
}

TEST_CASE("frames that work brings with it are no flood") {
    Visitor v;
    v.handler.quiet = true;
    v.peer.settings({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1u << 30}});
    v.peer.window(0, 1u << 30);
    // As grpc-go does: each message is answered with WINDOW_UPDATE of both and a PING.
    v.peer.post(1);
    v.run();
    v.session.respond(1, Head::response(200), false);
    for (int i = 0; i < 30'000; ++i) {
        CHECK_EQ(v.session.write(1, as_bytes("a message")), 9);
        v.flush();
        v.peer.window(0, 9);
        v.peer.window(1, 9);
        v.peer.frame(NGHTTP2_PING, 0, 0, "12345678");
        v.run();
        v.peer.forget();
    }
    CHECK_FALSE(v.session.failed());
}

TEST_CASE("answers that the peer does not read are bounded") {
    for (const bool ping : {true, false}) {
        Visitor v;
        const std::size_t before = heap();
        for (int i = 0; i < 20'000 && !v.session.failed(); ++i) {
            if (ping) v.peer.frame(NGHTTP2_PING, 0, 0, "12345678"); else v.peer.settings();
            const std::string bytes = v.peer.take();
            v.session.receive(as_bytes(bytes), v.now); // no output() is called
        }
        CHECK(v.session.failed());
        CHECK_EQ(static_cast<std::uint32_t>(v.session.error()), calm);
        CHECK_LE(heap(), before + 1'000'000);
        CHECK_LE(v.session.counters().glitches, limits::http2_control_queued + 10);
        v.flush();
        CHECK_EQ(v.peer.frames.back().type, NGHTTP2_GOAWAY);
    }
}

TEST_CASE("rapid reset: GOAWAY at the budget, and never more work than the limit of streams") {
    Visitor v;
    v.handler.releases = false; // the work for a stream that was reset goes on
    std::size_t most = 0;
    int sent = 0;
    for (; sent < 5'000 && !v.session.failed(); ++sent) {
        v.peer.get(id_of(sent));
        v.peer.reset(id_of(sent));
        v.run();
        most = std::max(most, v.session.counters().streams);
    }
    CHECK_EQ(static_cast<std::uint32_t>(v.session.error()), calm);
    CHECK_LE(most, limits::http2_streams);
    CHECK_LE(sent, limits::http2_reset_burst + 1);
    CHECK_EQ(v.handler.heads.size(), limits::http2_streams); // requests that were told
    CHECK_GT(v.session.counters().streams_refused, 800);
    CHECK_EQ(v.session.counters().streams, limits::http2_streams);
    for (std::size_t i = 0; i < limits::http2_streams; ++i) v.session.release(id_of(static_cast<int>(i)));
    CHECK(v.session.idle());
}

TEST_CASE("a stream that was reset makes room when its work has ended") {
    Config config;
    config.max_streams = 2;
    Visitor v(config);
    v.handler.releases = false;
    for (const StreamId id : {1, 3}) v.peer.get(id), v.peer.reset(id);
    v.peer.post(5);
    v.peer.data(5, "under way"); // no error: it was refused
    v.run();
    CHECK_EQ(v.story(), "R7[5]");
    CHECK_FALSE(v.session.failed());
    v.session.release(1);
    v.peer.get(7);
    v.run();
    CHECK_EQ(v.log(), "[GET / a.test].!8[GET / a.test]3.3!83[GET / a.test]7.7");
}

TEST_CASE("now and then a reset is no flood, and streams that were answered pay for some") {
    Visitor v;
    for (int i = 0; i < 3'000; ++i) {
        v.now += std::chrono::milliseconds(31);
        v.peer.get(id_of(i));
        v.peer.reset(id_of(i));
        v.run();
    }
    CHECK_FALSE(v.session.failed());
    Visitor w;
    w.handler.then = [&](StreamId id) {
        if (id % 20 != 1) w.answer(id, 200, "x");
    };
    for (int i = 0; i < 20'000; ++i) { // each tenth
        w.peer.get(id_of(i));
        if (id_of(i) % 20 == 1) w.peer.reset(id_of(i));
        w.run();
        w.peer.forget();
    }
    CHECK_FALSE(w.session.failed());
}

TEST_CASE("MadeYouReset: what the peer makes us reset counts as if it had") {
    struct Primitive {
        const char* name;
        void (*one)(Peer&, StreamId);
    };
    const Primitive primitives[] = {
        {"WINDOW_UPDATE of 0", [](Peer& p, StreamId id) { p.window(id, 0); }},
        {"WINDOW_UPDATE beyond 2^31", [](Peer& p, StreamId id) { p.window(id, 0x7fffffff); }},
        {"DATA after END_STREAM",
         [](Peer& p, StreamId id) {
             p.data(id, "", end_stream);
             p.data(id, "x");
         }},
        {"HEADERS after END_STREAM",
         [](Peer& p, StreamId id) {
             p.data(id, "", end_stream);
             p.headers(id, {{"a", "b"}});
         }},
        {"PRIORITY of a wrong size", [](Peer& p, StreamId id) { p.frame(NGHTTP2_PRIORITY, 0, id, "1234"); }},
        {"PRIORITY on itself",
         [](Peer& p, StreamId id) { p.frame(NGHTTP2_PRIORITY, 0, id, number(static_cast<std::uint32_t>(id)) + "\1"); }},
        {"a body beyond its length", [](Peer& p, StreamId id) { p.data(id, "12345678901"); }},
        {"malformed trailers", [](Peer& p, StreamId id) { p.headers(id, {{":path", "/"}}); }},
    };
    for (const Primitive& primitive : primitives) {
        CAPTURE(std::string(primitive.name));
        Visitor v;
        v.handler.releases = false;
        int sent = 0;
        for (; sent < 5'000 && !v.session.failed(); ++sent) {
            v.peer.post(id_of(sent), "/", {{"content-length", "10"}});
            primitive.one(v.peer, id_of(sent));
            v.run();
            v.peer.forget();
        }
        CHECK(v.session.failed());
        CHECK_LE(sent, limits::http2_reset_burst + 1);
        CHECK_LE(v.handler.heads.size(), limits::http2_streams);
        CHECK_LE(v.session.counters().streams, limits::http2_streams);
    }
}

TEST_CASE("CONTINUATION: eight go on, the ninth is the end; also of a head that is ignored") {
    for (const bool ignored : {false, true}) {
        for (const int n : {8, 9}) {
            CAPTURE(ignored);
            CAPTURE(n);
            Config config;
            config.max_streams = 1;
            Visitor v(config);
            v.handler.releases = false;
            if (ignored) v.peer.get(1), v.peer.reset(1);
            const std::string block = v.peer.pack(Peer::request("GET", "/"));
            v.peer.frame(NGHTTP2_HEADERS, end_stream, 3, "");
            for (int i = 1; i < n; ++i) v.peer.frame(NGHTTP2_CONTINUATION, 0, 3, "");
            v.peer.frame(NGHTTP2_CONTINUATION, end_headers, 3, block);
            v.run(1); // a frame in pieces is one frame
            CHECK_EQ(v.session.failed(), n == 9);
            if (n == 9) CHECK_EQ(static_cast<std::uint32_t>(v.session.error()), calm);
        }
    }
}

TEST_CASE("an HPACK bomb: a head that unpacks to megabytes ends the session, and little of it is kept") {
    Visitor v;
    const std::string value(3'000, 'v');
    v.peer.get(1, "/", {{"bomb", value}}); // is in the dynamic table now
    v.run();
    std::string block = v.peer.pack(Peer::request("GET", "/"));
    const std::size_t before = heap();
    for (int i = 0; i < 10'000; ++i) block += v.peer.pack({{"bomb", value}}); // a byte each
    CHECK_LE(block.size(), 16'384);
    v.peer.frame(NGHTTP2_HEADERS, end_headers | end_stream, 3, block);
    v.run();
    CHECK(v.session.failed());
    CHECK_EQ(static_cast<std::uint32_t>(v.session.error()), calm);
    CHECK_LE(heap(), before + 400'000);
    CHECK_EQ(v.log(), "[GET / a.test].!11");
}

TEST_CASE("a table that the peer announces does not grow ours") {
    Visitor v;
    v.peer.settings({{NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 1u << 30}});
    v.run();
    const std::size_t before = heap();
    for (int i = 0; i < 200; ++i) {
        v.peer.get(2 * i + 1);
        v.run();
        Head head = Head::response(200);
        head.add("x-" + std::to_string(i), std::string(1'000, 'v'));
        v.session.respond(2 * i + 1, head, true);
        v.flush();
        v.peer.forget();
        v.handler.heads.clear();
        v.log();
    }
    CHECK_LE(heap(), before + 40'000);
}

TEST_CASE("a dribble of window is a flood of frames that we would send") {
    Visitor v;
    v.handler.quiet = true;
    v.peer.settings({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}});
    v.peer.get(1);
    v.run();
    v.session.respond(1, Head::response(200), false);
    v.session.write(1, as_bytes(std::string(60'000, 'x')));
    int sent = 0;
    for (; sent < 20'000 && !v.session.failed(); ++sent) {
        v.peer.window(1, 1);
        v.run();
        v.peer.forget();
    }
    CHECK_EQ(static_cast<std::uint32_t>(v.session.error()), calm);
    CHECK_LE(sent, limits::http2_glitch_burst);
}

TEST_CASE("errors of the connection end it with their code") {
    struct Error {
        const char* name;
        std::uint32_t code;
        void (*send)(Peer&);
    };
    const Error errors[] = {
        {"DATA of stream 0", 1, [](Peer& p) { p.data(0, "x"); }},
        {"HEADERS of stream 0", 1, [](Peer& p) { p.get(0); }},
        {"RST_STREAM of stream 0", 1, [](Peer& p) { p.reset(0); }},
        {"PRIORITY of stream 0", 1, [](Peer& p) { p.frame(NGHTTP2_PRIORITY, 0, 0, number(1) + "\1"); }},
        {"SETTINGS of a stream", 1, [](Peer& p) { p.frame(NGHTTP2_SETTINGS, 0, 1); }},
        {"PING of a stream", 1, [](Peer& p) { p.frame(NGHTTP2_PING, 0, 1, "12345678"); }},
        {"GOAWAY of a stream", 1, [](Peer& p) { p.frame(NGHTTP2_GOAWAY, 0, 1, number(0) + number(0)); }},
        {"an even stream", 1, [](Peer& p) { p.get(2); }},
        {"a lower stream", 1,
         [](Peer& p) {
             p.get(7);
             p.get(5);
         }},
        {"DATA of an idle stream", 1, [](Peer& p) { p.data(1, "x"); }},
        {"RST_STREAM of an idle stream", 1, [](Peer& p) { p.reset(1); }},
        {"WINDOW_UPDATE of an idle stream", 1, [](Peer& p) { p.window(1, 1); }},
        {"DATA of a stream that has ended", 5,
         [](Peer& p) {
             p.get(1);
             p.data(1, "x");
         }},
        {"HEADERS of a stream that has ended", 5,
         [](Peer& p) {
             p.get(1);
             p.headers(1, {{"a", "b"}});
         }},
        {"DATA of a stream that the peer reset", 5,
         [](Peer& p) {
             p.post(1);
             p.reset(1);
             p.data(1, "x");
         }},
        {"PUSH_PROMISE", 1, [](Peer& p) { p.frame(NGHTTP2_PUSH_PROMISE, end_headers, 1, number(2)); }},
        {"CONTINUATION alone", 1, [](Peer& p) { p.frame(NGHTTP2_CONTINUATION, end_headers, 1, ""); }},
        {"another frame within a head", 1,
         [](Peer& p) {
             p.frame(NGHTTP2_HEADERS, 0, 1, "");
             p.settings();
         }},
        {"CONTINUATION of another stream", 1,
         [](Peer& p) {
             p.frame(NGHTTP2_HEADERS, 0, 1, "");
             p.frame(NGHTTP2_CONTINUATION, 4, 3, "");
         }},
        {"a head that does not unpack", 9, [](Peer& p) { p.frame(NGHTTP2_HEADERS, 5, 1, "\xff\xff\xff\xff\xff"); }},
        {"a frame beyond 16 KiB", 6,
         [](Peer& p) {
             p.post(1);
             p.data(1, std::string(16'385, 'x'));
         }},
        {"PING of 7 bytes", 6, [](Peer& p) { p.frame(NGHTTP2_PING, 0, 0, "1234567"); }},
        {"SETTINGS of 5 bytes", 6, [](Peer& p) { p.frame(NGHTTP2_SETTINGS, 0, 0, "12345"); }},
        {"SETTINGS ack with a payload", 6, [](Peer& p) { p.frame(NGHTTP2_SETTINGS, ack, 0, "123456"); }},
        {"RST_STREAM of 3 bytes", 6,
         [](Peer& p) {
             p.get(1);
             p.frame(NGHTTP2_RST_STREAM, 0, 1, "123");
         }},
        {"WINDOW_UPDATE of 3 bytes", 6, [](Peer& p) { p.frame(NGHTTP2_WINDOW_UPDATE, 0, 0, "123"); }},
        {"a window beyond 2^31", 3, [](Peer& p) { p.window(0, 0x7fffffff); }},
        {"an initial window beyond 2^31", 3, [](Peer& p) { p.settings({{4, 0x80000000}}); }},
        {"a frame size below the least", 1, [](Peer& p) { p.settings({{5, 16'383}}); }},
        {"ENABLE_PUSH of 2", 1, [](Peer& p) { p.settings({{2, 2}}); }},
        {"padding beyond the frame", 1,
         [](Peer& p) {
             p.post(1);
             p.data(1, "\x05xx", padded);
         }},
    };
    for (const Error& error : errors) {
        CAPTURE(std::string(error.name));
        Visitor v;
        v.handler.releases = false;
        error.send(v.peer);
        v.run();
        CHECK(v.session.failed());
        CHECK_EQ(static_cast<std::uint32_t>(v.session.error()), error.code);
        REQUIRE(v.peer.last(NGHTTP2_GOAWAY));
        CHECK_EQ(v.peer.last(NGHTTP2_GOAWAY)->code(), error.code);
        CHECK(v.session.finished());
        CHECK_EQ(v.log().find("(x"), std::string::npos);
    }
}

TEST_CASE("more streams than allowed at once are refused") {
    Config config;
    config.max_streams = 3;
    Visitor v(config);
    for (const StreamId id : {1, 3, 5, 7}) v.peer.get(id);
    v.run();
    CHECK_LE(v.handler.heads.size(), 3);
    CHECK(v.session.failed()); // it knew the limit
}

TEST_CASE("what is not HTTP/2 is refused at once") {
    ServerLog handler;
    http2::ServerSession session(handler, {});
    session.receive(as_bytes("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"), {});
    CHECK(session.failed());
    CHECK_EQ(static_cast<std::uint32_t>(session.error()), 1);
    CHECK_EQ(handler.log, "");
}

TEST_CASE("a head that is not complete has one number, whatever its pieces, and the next one another") {
    Visitor v;
    CHECK(v.session.unfinished() == 0);
    const auto feed = [&](std::string_view bytes) { v.session.receive(as_bytes(bytes), v.now); };
    const std::string block = v.peer.pack(Peer::request("GET", "/"));
    v.peer.frame(NGHTTP2_HEADERS, end_stream, 1, block.substr(0, 2));
    v.peer.frame(NGHTTP2_CONTINUATION, 0, 1, block.substr(2, 1));
    v.peer.frame(NGHTTP2_CONTINUATION, end_headers, 1, block.substr(3));
    const std::string bytes = v.peer.take();
    feed(bytes.substr(0, 1));
    const auto first = v.session.unfinished();
    CHECK(first != 0);
    for (std::size_t i = 1; i + 1 < bytes.size(); ++i) {
        feed(bytes.substr(i, 1));
        CHECK(v.session.unfinished() == first);
    }
    feed(bytes.substr(bytes.size() - 1));
    CHECK(v.session.unfinished() == 0);
    v.peer.post(3);
    const std::string next = v.peer.take();
    feed(next.substr(0, next.size() - 1));
    CHECK(v.session.unfinished() != 0);
    CHECK(v.session.unfinished() != first);
    feed(next.substr(next.size() - 1));
    v.peer.data(3, "body");
    const std::string body = v.peer.take();
    feed(body.substr(0, body.size() - 1)); // bytes of a body have their own time
    CHECK(v.session.unfinished() == 0);
    feed(body.substr(body.size() - 1));
    v.peer.frame(NGHTTP2_PING, 0, 0, "12345678");
    feed(v.peer.take().substr(0, 12));
    CHECK(v.session.unfinished() != 0);
}
