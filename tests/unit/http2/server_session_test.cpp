#include "visitor.hpp"

using namespace http2_test;

TEST_CASE("the first output is SETTINGS with our bounds, and a larger window of the connection") {
    ServerLog handler;
    http2::ServerSession session(handler, {});
    Peer peer;
    peer.read(session.output());
    REQUIRE_EQ(peer.frames.size(), 2);
    CHECK_EQ(peer.frames[0].type, NGHTTP2_SETTINGS);
    std::map<unsigned, std::uint32_t> settings;
    for (std::size_t at = 0; at < peer.frames[0].payload.size(); at += 6) {
        const std::uint8_t* entry = as_bytes(peer.frames[0].payload).data() + at;
        settings[unsigned{entry[0]} << 8 | entry[1]] = get_u32_be(entry + 2);
    }
    CHECK_EQ(settings[NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS], limits::http2_streams);
    CHECK_EQ(settings[NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE], limits::http2_stream_window);
    CHECK_EQ(settings[NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE], limits::http2_header_list_max);
    CHECK_EQ(settings[NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL], 1);
    CHECK_EQ(settings[NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES], 1);
    CHECK_EQ(settings.count(NGHTTP2_SETTINGS_ENABLE_PUSH), 0);
    CHECK_EQ(peer.frames[1].type, NGHTTP2_WINDOW_UPDATE);
    CHECK_EQ(get_u32_be(as_bytes(peer.frames[1].payload).data()), limits::http2_session_window - 65'535);
}

TEST_CASE("a GET is told once, and its answer leaves as HEADERS and DATA in one piece") {
    for (const std::size_t piece : {1u << 20, 1u, 7u}) {
        Visitor v;
        v.peer.get(1, "/a?b=c", {{"user-agent", "x"}, {"cookie", "a=1"}, {"accept", "*/*"}, {"cookie", "b=2"}});
        v.run(piece);
        CHECK_EQ(v.log(), "[GET /a?b=c a.test].");
        const Head& head = v.handler.heads[1];
        CHECK_EQ(head.version(), HttpVersion::http2);
        CHECK_EQ(head.framing(), Framing::none);
        CHECK_EQ(head[0].name, "Host");
        CHECK_EQ(head.find("cookie"), "a=1; b=2");
        CHECK_EQ(head.count("cookie"), 1);
        CHECK_EQ(v.handler.scheme, "https");
        CHECK(v.answer(1, 200, "hello"));
        v.flush();
        CHECK_EQ(v.story(), "200[1] D5[1].");
        CHECK_EQ(v.log(), "s");
        CHECK(v.session.idle());
        CHECK_EQ(v.session.counters().streams, 0);
    }
}

TEST_CASE("an answer's head has lower-case names and nothing of a connection of HTTP/1.1") {
    Visitor v;
    v.peer.get(1);
    v.run();
    Head head = Head::response(404);
    for (const char* name : {"X-One", "Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Proxy-Connection"}) {
        head.add(name, "v");
    }
    CHECK(v.session.respond(1, head, true));
    CHECK_FALSE(v.session.respond(1, head, true)); // once only
    v.flush();
    const Frame* answer = v.peer.last(NGHTTP2_HEADERS, 1);
    REQUIRE(answer);
    CHECK_EQ(answer->fields, Pairs{{":status", "404"}, {"x-one", "v"}});
    CHECK(answer->ends());
}

TEST_CASE("a POST with a body and trailers; credit goes back when it was consumed and not before") {
    Visitor v;
    v.handler.eager = false;
    v.handler.quiet = true;
    v.peer.post(1, "/up");
    const std::string piece(16'384, 'x');
    for (int i = 0; i < 15; ++i) v.peer.data(1, piece);
    v.run();
    CHECK_EQ(v.handler.heads[1].framing(), Framing::chunked);
    CHECK_EQ(v.session.counters().unconsumed, 15 * piece.size());
    v.peer.forget();
    v.run();
    CHECK_EQ(v.peer.count(NGHTTP2_WINDOW_UPDATE), 0);
    v.session.consume(1, 10 * piece.size());
    v.flush();
    const Frame* update = v.peer.last(NGHTTP2_WINDOW_UPDATE, 1);
    REQUIRE(update);
    CHECK_EQ(get_u32_be(as_bytes(update->payload).data()), 10 * piece.size());
    v.peer.headers(1, {{"x-sum", "1"}, {"content-type", "no"}, {"x_y", "no"}});
    v.run();
    CHECK_EQ(v.log(), "[POST /up a.test]{x-sum: 1}.");
    CHECK_EQ(v.handler.bodies[1].size(), 15 * piece.size());
    v.session.consume(1, 1u << 30); // no more than came
    CHECK_EQ(v.session.counters().unconsumed, 0);
}

TEST_CASE("the peer's body beyond the window is a flow control error") {
    Visitor v;
    v.handler.eager = false;
    v.handler.quiet = true;
    v.peer.post(1);
    for (int i = 0; i < 17; ++i) v.peer.data(1, std::string(16'384, 'x'));
    v.run();
    CHECK_EQ(v.story(), "R3[1]");
    CHECK_EQ(v.log(), "[POST / a.test]!3");
    CHECK_EQ(v.session.counters().unconsumed, 0); // the handler released it
}

TEST_CASE("interim answers come before the final one; HEAD, 204 and 304 have no body") {
    Visitor v;
    v.peer.get(1);
    v.peer.headers(3, Peer::request("HEAD", "/"));
    v.peer.get(5);
    v.run();
    Head hints = Head::response(103);
    hints.add("Link", "</a>");
    CHECK(v.session.respond(1, hints, false));
    CHECK(v.session.respond(1, Head::response(100), false));
    CHECK_FALSE(v.session.respond(1, Head::response(101), false));
    CHECK_FALSE(v.session.respond(1, hints, true));
    CHECK(v.session.respond(1, Head::response(200), true));
    CHECK_FALSE(v.session.respond(1, hints, false));
    CHECK(v.session.respond(3, Head::response(200), false));
    CHECK_EQ(v.session.write(3, as_bytes("x")), 0);
    CHECK(v.session.respond(5, Head::response(304), false));
    v.flush();
    CHECK_EQ(v.story(), "103[1] 100[1] 200[1]. 200[3]. 304[5].");
}

TEST_CASE("trailers behind a body, and behind none, as gRPC has them") {
    Visitor v;
    v.peer.get(1);
    v.peer.get(3);
    v.run();
    Fields trailers;
    trailers.add("Grpc-Status", "0");
    trailers.add("Connection", "close");
    for (const StreamId id : {1, 3}) CHECK(v.session.respond(id, Head::response(200), false));
    CHECK_EQ(v.session.write(1, as_bytes("abc")), 3);
    v.session.finish(1, trailers);
    v.session.finish(3, trailers);
    v.flush();
    CHECK_EQ(v.story(), "200[1] 200[3] D3[1] {grpc-status: 0}[1]. {grpc-status: 0}[3].");
    CHECK_EQ(v.log(), "[GET / a.test].[GET / a.test]3.3ss3");
}

TEST_CASE("an answer waits for the peer's window, and is not kept beyond the bound") {
    Visitor v;
    v.handler.quiet = true;
    v.peer.get(1);
    v.run();
    const std::string body(1u << 20, 'b');
    std::size_t at = 0;
    const auto write = [&](StreamId id) {
        at += v.session.write(id, as_bytes(std::string_view(body).substr(at)));
        if (at == body.size()) v.session.finish(id);
    };
    v.handler.writable = write;
    CHECK(v.session.respond(1, Head::response(200), false));
    write(1);
    CHECK_EQ(at, limits::http2_stream_queue);
    v.flush();
    CHECK_EQ(v.peer.body(1).size(), 65'535); // the first window of RFC 9113
    CHECK_LE(v.session.counters().queued, limits::http2_stream_queue);
    for (int i = 0; i < 100 && !v.session.idle(); ++i) {
        v.peer.window(0, 20'000);
        v.peer.window(1, 20'000);
        v.run();
        CHECK_LE(v.session.counters().queued, limits::http2_stream_queue);
    }
    CHECK(v.session.idle());
    CHECK(v.peer.body(1) == body);
    CHECK_LE(v.largest_output, limits::http2_output + 16'384 + 9);
}

TEST_CASE("big answers take turns with small ones") {
    Visitor v;
    v.peer.settings({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1u << 30}});
    v.peer.window(0, 1u << 30);
    v.peer.get(1);
    v.peer.get(3);
    v.peer.get(5, "/", {{"priority", "u=3"}});
    v.run();
    v.peer.forget();
    const std::string big(60'000, 'b');
    v.answer(1, 200, big);
    v.answer(3, 200, big);
    v.answer(5, 200, std::string(10, 's'));
    v.flush();
    CHECK_EQ(v.story(), "200[1] 200[3] 200[5] D16384[1] D16384[3] D10[5]. D16384[1] D16384[3] D16384[1] D16384[3] "
                        "D10848[1]. D10848[3].");
}

TEST_CASE("a hundred requests at once, answered in another order") {
    Visitor v;
    v.handler.releases = false;
    for (int i = 0; i < 100; ++i) v.peer.get(2 * i + 1, "/" + std::to_string(i));
    v.run(1'000);
    CHECK_EQ(v.session.counters().streams, 100);
    for (int i = 99; i >= 0; --i) v.answer(2 * i + 1, 200, "body " + std::to_string(i));
    v.flush();
    for (int i = 0; i < 100; ++i) {
        CHECK_EQ(v.peer.body(2 * i + 1), "body " + std::to_string(i));
        v.session.release(2 * i + 1);
    }
    CHECK(v.session.idle());
    v.peer.get(201);
    v.run();
    CHECK(v.session.alive(201));
}

TEST_CASE("an answer that does not wait for the request's end: the visitor is told to stop") {
    Visitor v;
    v.handler.quiet = true;
    v.peer.post(1, "/", {{"content-length", "5000000"}});
    v.peer.data(1, std::string(10'000, 'x'));
    v.run();
    v.answer(1, 413, "too large");
    v.flush();
    CHECK_EQ(v.story(), "413[1] D9[1]. R0[1]");
    CHECK_EQ(v.log(), "[POST / a.test]s");
    for (int i = 0; i < 3; ++i) v.peer.data(1, std::string(16'384, 'x')); // was under way
    v.run();
    CHECK_EQ(v.story(), "");
    CHECK_EQ(v.log(), "");
    CHECK_EQ(v.session.counters().resets_made, 0);
    CHECK(v.session.idle());
}

TEST_CASE("both sides may give a stream up; release() ends what was not finished") {
    Visitor v;
    for (const StreamId id : {1, 3, 5, 7}) v.peer.get(id);
    v.run();
    v.log();
    v.peer.reset(1);
    v.run();
    CHECK_EQ(v.log(), "!8");
    v.session.reset(3, ErrorCode::internal_error);
    v.session.release(3);
    v.session.respond(5, Head::response(200), false);
    v.session.write(5, as_bytes("half"));
    v.session.release(5);
    v.session.respond(7, Head::response(200), false);
    v.session.write(7, as_bytes("whole"));
    v.session.finish(7);
    v.session.release(7);
    v.flush();
    CHECK_EQ(v.peer.last(NGHTTP2_RST_STREAM, 3)->code(), NGHTTP2_INTERNAL_ERROR);
    CHECK_EQ(v.peer.last(NGHTTP2_RST_STREAM, 5)->code(), NGHTTP2_CANCEL);
    CHECK_EQ(v.peer.body(7), "whole");
    CHECK_EQ(v.peer.last(NGHTTP2_RST_STREAM, 7), nullptr);
    CHECK_EQ(v.log(), "");
    CHECK(v.session.idle());
    CHECK_EQ(v.session.counters().queued, 0);
    CHECK_EQ(v.session.counters().resets_made, 0); // these were our wish
    for (const StreamId id : {1, 99}) { // calls for what is gone
        CHECK_EQ(v.session.write(id, as_bytes("x")), 0);
        CHECK_FALSE(v.session.respond(id, Head::response(200), true));
        v.session.finish(id), v.session.consume(id, 1), v.session.reset(id, ErrorCode::cancel), v.session.release(id);
    }
}

TEST_CASE("a handler may answer and end streams from inside of its calls") {
    Visitor v;
    v.handler.then = [&](StreamId id) {
        if (id == 3) return v.session.reset(3, ErrorCode::refused_stream), v.session.release(3);
        v.answer(id, 200, "now");
    };
    for (const StreamId id : {1, 3, 5}) v.peer.get(id);
    v.run();
    CHECK_EQ(v.story(), "200[1] R7[3] 200[5] D3[1]. D3[5].");
    CHECK(v.session.idle());
}

TEST_CASE("extended CONNECT is a request with a protocol, and bytes go both ways; plain CONNECT says so") {
    Visitor v;
    v.peer.headers(1, {{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "https"}, {":path", "/chat"},
                       {":authority", "a.test"}, {"sec-websocket-version", "13"}}, end_headers);
    v.run();
    CHECK_EQ(v.log(), "[CONNECT /chat a.test]");
    CHECK_EQ(v.handler.protocol, "websocket");
    CHECK_EQ(v.handler.heads[1].framing(), Framing::none);
    Head switching = Head::response(101);
    switching.add("Upgrade", "websocket");
    switching.add("Sec-WebSocket-Accept", "x");
    CHECK_FALSE(v.session.respond(1, switching, false)); // nobody said that it opens the tunnel
    CHECK_FALSE(v.session.respond(1, Head::response(200), false));
    switching.set_upgrade(true);
    CHECK(v.session.respond(1, switching, false));
    CHECK_EQ(v.session.write(1, as_bytes("down")), 4);
    v.peer.data(1, "up");
    v.run();
    CHECK_EQ(v.log(), "(up)");
    v.session.finish(1); // the other direction goes on
    v.handler.releases = false;
    v.flush();
    REQUIRE(v.peer.last(NGHTTP2_HEADERS, 1));
    CHECK_EQ(v.peer.last(NGHTTP2_HEADERS, 1)->fields.size(), 1);
    CHECK_EQ(v.story(), "200[1] D4[1] D0[1].");
    v.peer.data(1, "more", end_stream);
    v.run();
    CHECK_EQ(v.log(), "s(more).");
    v.session.release(1);
    CHECK(v.session.idle());
    v.log();
    v.handler.releases = true;
    v.peer.headers(3, {{":method", "CONNECT"}, {":authority", "b.test:443"}}, end_headers);
    v.run();
    CHECK_EQ(v.log(), "[CONNECT b.test:443 b.test:443]3");
    CHECK_EQ(v.handler.protocol, "");
    v.answer(3, 405, "no"); // and the stream is over, although the visitor's side was not
    v.flush();
    CHECK_EQ(v.story(), "405[3] D2[3]. R0[3]");
}

TEST_CASE("drain: a warning, the last id when the peer has answered, and the end when the last stream is over") {
    Visitor v;
    v.peer.get(1);
    v.run();
    v.session.drain();
    v.flush();
    REQUIRE(v.peer.last(NGHTTP2_GOAWAY));
    CHECK_EQ(get_u32_be(as_bytes(v.peer.last(NGHTTP2_GOAWAY)->payload).data()), 0x7fffffff);
    v.peer.forget();
    v.peer.get(3); // was under way
    v.run();
    v.peer.frame(NGHTTP2_PING, ack, 0, std::string(8, '\0'));
    v.run();
    REQUIRE(v.peer.last(NGHTTP2_GOAWAY));
    CHECK_EQ(get_u32_be(as_bytes(v.peer.last(NGHTTP2_GOAWAY)->payload).data()), 3);
    v.peer.get(5); // the peer knows better
    v.run();
    CHECK_EQ(v.log(), "[GET / a.test].[GET / a.test]3.3");
    CHECK_FALSE(v.session.finished());
    v.answer(1, 200, "a");
    v.answer(3, 200, "b");
    v.flush();
    CHECK(v.session.finished());
    CHECK_FALSE(v.session.failed());
}

TEST_CASE("terminate: GOAWAY is the last frame, also while output waits to be taken") {
    Visitor v;
    v.peer.get(1);
    v.run();
    v.answer(1, 200, "answer");
    const Bytes waiting = v.session.output();
    const std::string before(as_text(waiting));
    v.session.terminate(ErrorCode::internal_error, "a reason");
    CHECK_EQ(as_text(waiting), before); // somebody is writing it
    v.peer.read(waiting);
    v.session.consume_output(waiting.size());
    CHECK(v.session.has_output());
    CHECK_FALSE(v.session.finished());
    v.flush();
    CHECK_EQ(v.peer.frames.back().type, NGHTTP2_GOAWAY);
    CHECK_EQ(v.peer.frames.back().code(), NGHTTP2_INTERNAL_ERROR);
    CHECK_EQ(v.peer.frames.back().payload.substr(8), "a reason");
    CHECK(v.session.finished());
    CHECK_EQ(v.session.why(), "a reason");
    v.peer.get(3);
    v.run();
    CHECK_EQ(v.log(), "[GET / a.test].s");
}

TEST_CASE("the transport's end resets what is not over") {
    Visitor v;
    v.peer.get(1);
    v.peer.post(3);
    v.run();
    v.log();
    v.session.transport_closed();
    CHECK_EQ(v.log(), "!8!83");
    CHECK(v.session.finished());
    CHECK(v.session.idle());
    CHECK(v.session.output().empty());
}

TEST_CASE("what a handler throws comes out of receive()") {
    Visitor v;
    v.handler.then = [](StreamId) { throw 7; };
    v.peer.get(1);
    CHECK_THROWS_AS(v.run(), int);
    CHECK(v.session.failed());
}
