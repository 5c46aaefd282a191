// Streams from opening to the end, in both roles, as the application and the peer see them.
#include "muxado/session.hpp"

#include "support/doctest.hpp"
#include "unit/muxado/wire.hpp"

using namespace adit;
using namespace adit::test;
using muxado::ErrorCode;
using muxado::ReadState;
using muxado::Role;
using muxado::WriteState;

TEST_CASE("the first stream of a client is 3, of a server 2, then every second") {
    for (const auto& [role, first] : {std::pair(Role::client, 3u), std::pair(Role::server, 2u)}) {
        Session session(config(role));
        CHECK(*session.open(0) == first);
        CHECK(*session.open(0) == first + 2);
        CHECK(said(session) == "DATA SYN " + std::to_string(first) + " +4, DATA SYN " + std::to_string(first + 2) + " +4");
    }
}

TEST_CASE("SYN, type and first bytes leave as one frame, and what is written before it leaves joins them") {
    Session session(config(Role::server));
    const auto id = session.open(3, as_bytes("header"), as_bytes("first"));
    REQUIRE(id);
    CHECK(session.write(*id, as_bytes("more")) == 4);
    const auto out = sent(session);
    REQUIRE(texts(out) == "DATA SYN 2 +19");
    CHECK(out[0].body == number(3) + bytes("headerfirstmore"));
}

TEST_CASE("SYN and FIN never share a frame") {
    Session session(config(Role::server));
    const auto id = session.open(3, as_bytes("x"));
    session.shutdown_write(*id);
    CHECK(said(session) == "DATA SYN 2 +5, DATA FIN 2 +0");
    CHECK(session.write_state(*id) == WriteState::shut);
}

TEST_CASE("a FIN shares the last DATA frame") {
    Session session(config(Role::server));
    const auto id = session.open(3);
    drain(session);
    session.write(*id, as_bytes("bye"));
    session.shutdown_write(*id);
    CHECK(said(session) == "DATA FIN 2 +3");
    CHECK(session.write(*id, as_bytes("late")) == 0);
}

TEST_CASE("a remote stream is announced once its four type bytes came, however they are split") {
    const Buffer in = open(3, 0x01020304, bytes("hello"));
    for (std::size_t cut = 0; cut <= in.size(); ++cut) {
        CAPTURE(cut);
        Session session(config(Role::server));
        session.receive(Bytes(in).first(cut), t0);
        const bool complete = cut >= 12;
        CHECK(events(session).starts_with("opened 3 type 16909060") == complete);
        session.receive(Bytes(in).subspan(cut), t0);
        if (!complete) CHECK(events(session) == "opened 3 type 16909060, readable 3");
        CHECK(session.readable(3) == 5);
        CHECK(read_all(session, 3) == "hello");
        CHECK(session.read_state(3) == ReadState::open);
    }
    SUBCASE("also over frames of one byte") {
        Session session(config(Role::server));
        for (std::size_t i = 8; i < in.size(); ++i)
            session.receive(data(3, {in[i]}, i == 8 ? syn : 0), t0);
        CHECK(events(session) == "opened 3 type 16909060, readable 3");
        CHECK(read_all(session, 3) == "hello");
    }
}

TEST_CASE("a session is fed byte by byte as well as at once") {
    const Buffer in = open(3, 0, bytes("{}")) + wndinc(3, 100) + frame(9, 5, 77, bytes("unknown type")) + rst(99, 1) +
                      open(5, 1) + data(5, bytes("abc"), fin) + data(3, {}, fin);
    Session whole(config(Role::server)), bytewise(config(Role::server));
    whole.receive(in, t0);
    for (const auto b : in) bytewise.receive({&b, 1}, t0);
    const auto expected = events(whole);
    CHECK(expected == "opened 3 type 0, readable 3, opened 5 type 1, readable 5");
    CHECK(events(bytewise) == expected);
    for (Session* s : {&whole, &bytewise}) {
        CHECK(read_all(*s, 3) == "{}");
        CHECK(read_all(*s, 5) == "abc");
        CHECK(s->read_state(3) == ReadState::fin);
        CHECK(s->stats(3)->send_credit == limits::initial_window + 100);
        CHECK(s->counters().frames_in == 7);
    }
}

TEST_CASE("output may be taken in pieces of any size") {
    Buffer expected;
    for (const std::size_t piece : {1u, 2u, 7u, 8u, 9u, 100u, 1'031u, 1'032u, 5'000u, 16'384u, 70'000u}) {
        CAPTURE(piece);
        Session session(config(Role::client));
        const auto a = session.open(1, as_bytes("first"));
        const auto b = session.open(2, zeros(20'000));
        session.write(*a, Buffer(40'000, 'a'));
        session.shutdown_write(*b);
        FrameReader reader;
        reader.add(drain(session, piece));
        std::string got_a;
        std::size_t got_b = 0;
        bool fin_b = false;
        while (const auto f = reader.next()) {
            REQUIRE(f->data());
            if (f->id == *a) got_a.append(f->body.begin(), f->body.end());
            if (f->id == *b) got_b += f->body.size();
            fin_b = fin_b || (f->id == *b && (f->flags & fin) != 0);
        }
        CHECK(reader.pending() == 0);
        CHECK(got_a == std::string("\0\0\0\1first", 9) + std::string(40'000, 'a'));
        CHECK(got_b == 20'004);
        CHECK(fin_b);
        CHECK_FALSE(session.has_output());
    }
}

TEST_CASE("a frame fills a TLS record, and a batch is filled with frames of several streams in turn") {
    Session session(config(Role::client));
    const auto a = session.open(1, zeros(50'000)), b = session.open(1, zeros(50'000));
    REQUIRE(b);
    Buffer batch(65'536);
    REQUIRE(session.produce(batch) == 65'536);
    const auto out = frames(batch);
    CHECK(texts(out) == "DATA SYN 3 +16376, DATA SYN 5 +16376, DATA 3 +16376, DATA 5 +16376");
    CHECK(session.write_space(*a) > 0);
}

TEST_CASE("control frames and heartbeats overtake bulk data") {
    Session session(config(Role::server));
    const auto bulk = session.open(3, zeros(200'000));
    REQUIRE(bulk);
    drain(session, 100);
    session.receive(open(3, 0xFFFF'FFFF, number(7)) + open(5, 1, zeros(40'000)) + wndinc(2, 10'000), t0);
    session.write(*bulk, zeros(100));
    session.reset(5, ErrorCode::stream_cancelled);
    const auto text = said(session);
    CHECK(text.starts_with("DATA FIN 5 +0, RST 5 code 6, DATA 3 +4, DATA 2 +"));
}

TEST_CASE("half-close leaves the other direction open") {
    Session session(config(Role::server));
    session.receive(open(3, 1, bytes("question")) + data(3, {}, fin), t0);
    CHECK(events(session) == "opened 3 type 1, readable 3");
    CHECK(read_all(session, 3) == "question");
    CHECK(session.read_state(3) == ReadState::fin);
    CHECK(session.write(3, as_bytes("answer")) == 6);
    session.shutdown_write(3);
    CHECK(said(session) == "DATA FIN 3 +6");
    CHECK(session.stats(3));
    session.release(3);
    CHECK_FALSE(session.stats(3));
    CHECK_FALSE(session.has_output());
    CHECK(session.counters().remote_streams == 0);
}

TEST_CASE("SYN and FIN in one frame of the peer are an opened and half-closed stream") {
    Session session(config(Role::server));
    session.receive(data(3, number(1) + bytes("x"), syn | fin), t0);
    CHECK(events(session) == "opened 3 type 1, readable 3");
    CHECK(read_all(session, 3) == "x");
    CHECK(session.read_state(3) == ReadState::fin);
    CHECK(session.write(3, as_bytes("y")) == 1);
    CHECK(said(session) == "DATA 3 +1");
}

TEST_CASE("a stream that ends before its type is dropped with a RST and the session lives") {
    struct Row {
        const char* what;
        Buffer in;
        const char* answer;
    };
    const Row rows[] = {
        {"FIN at once", data(3, {}, syn | fin), "RST 3 code 1"},
        {"FIN after three bytes", data(3, zeros(3), syn) + data(3, {}, fin), "RST 3 code 1"},
        {"RST after two bytes", data(3, zeros(2), syn) + rst(3, 6), ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        Session session(config(Role::server));
        session.receive(row.in, t0);
        CHECK(said(session) == row.answer);
        CHECK(events(session).empty());
        CHECK_FALSE(session.error());
        CHECK(session.counters().remote_streams == 0);
        session.receive(open(5, 1), t0);
        CHECK(events(session) == "opened 5 type 1");
    }
}

TEST_CASE("readable comes once until the stream was read") {
    Session session(config(Role::server));
    session.receive(open(3, 1), t0);
    CHECK(events(session) == "opened 3 type 1");
    session.receive(data(3, bytes("a")), t0);
    CHECK(events(session) == "readable 3");
    session.receive(data(3, bytes("b")), t0);
    CHECK(events(session).empty());
    CHECK(read_all(session, 3) == "ab");
    session.receive(data(3, bytes("c")), t0);
    CHECK(events(session) == "readable 3");
    CHECK(read_all(session, 3) == "c");
    SUBCASE("an event for bytes that were read before it was polled is not news") {
        session.receive(data(3, bytes("d")), t0);
        CHECK(read_all(session, 3) == "d");
        CHECK(events(session).empty());
    }
    SUBCASE("the end is news") {
        session.receive(data(3, {}, fin), t0);
        CHECK(events(session) == "readable 3");
    }
}

TEST_CASE("peek shows what consume takes") {
    Session session(config(Role::server));
    const Buffer body(40'000, 'p');
    session.receive(open(3, 1, body), t0);
    CHECK(session.peek(3).size() > 0);
    Bytes pieces[8];
    const std::size_t n = session.peek(3, pieces);
    std::size_t total = 0;
    for (std::size_t i = 0; i < n; ++i) total += pieces[i].size();
    CHECK(total == body.size());
    session.consume(3, 100);
    CHECK(session.readable(3) == body.size() - 100);
    session.consume(3, 1'000'000);
    CHECK(session.readable(3) == 0);
    CHECK(session.counters().buffered_in == 0);
    CHECK(session.peek(3).empty());
}

TEST_CASE("abort is an empty FIN and then a RST, and drops everything") {
    Session session(config(Role::server));
    const auto id = session.open(3, zeros(1'000));
    SUBCASE("nothing of a stream that was never sent") {
        session.reset(*id, ErrorCode::stream_cancelled);
        CHECK_FALSE(session.has_output());
        CHECK(session.counters().local_streams == 0);
    }
    SUBCASE("after its first frame") {
        drain(session);
        session.write(*id, zeros(50'000));
        session.receive(data(*id, zeros(500)), t0);
        session.reset(*id, ErrorCode::stream_cancelled);
        CHECK(session.counters().buffered_in == 0);
        CHECK(session.counters().buffered_out == 0);
        CHECK(said(session) == "DATA FIN 2 +0, RST 2 code 6");
        CHECK(session.read_state(*id) == ReadState::gone);
        CHECK(events(session).empty());
    }
    SUBCASE("without a second FIN after our own") {
        session.shutdown_write(*id);
        drain(session);
        session.reset(*id, ErrorCode::internal);
        CHECK(said(session) == "RST 2 code 2");
    }
    SUBCASE("in the middle of a frame that was cut, the frame is completed first") {
        Buffer some(10);
        REQUIRE(session.produce(some) == 10);
        session.reset(*id, ErrorCode::stream_cancelled);
        const Buffer rest = drain(session);
        CHECK(texts(frames(some + rest)) == "DATA SYN 2 +1004, DATA FIN 2 +0, RST 2 code 6");
    }
}

TEST_CASE("the id of an aborted stream is remembered until the peer reacts or five seconds passed") {
    using namespace std::chrono_literals;
    Session session(config(Role::server));
    const auto id = session.open(3);
    drain(session);
    session.receive(data(*id, bytes("x")), t0);
    session.reset(*id, ErrorCode::stream_cancelled);
    drain(session);
    REQUIRE(session.stats(*id));
    CHECK(session.stats(*id)->closing);
    session.receive(data(*id, bytes("sent before it knew")), t0);
    CHECK_FALSE(session.has_output()); // not answered again
    CHECK(session.counters().local_streams == 1);
    SUBCASE("the peer finishes") { session.receive(data(*id, bytes("x"), fin), t0); }
    SUBCASE("the peer resets") { session.receive(rst(*id, 4), t0); }
    SUBCASE("time passes") {
        REQUIRE(session.next_timeout());
        CHECK(*session.next_timeout() <= t0); // reset() was not told the time: now, please
        session.on_timeout(t0 + 1s);
        CHECK(session.next_timeout() == t0 + 6s);
        session.on_timeout(t0 + 5s);
        CHECK(session.stats(*id));
        session.on_timeout(t0 + 6s);
    }
    CHECK_FALSE(session.stats(*id));
    CHECK(session.counters().local_streams == 0);
    CHECK_FALSE(session.next_timeout());
    session.receive(data(*id, bytes("y")), t0 + 7s);
    CHECK(said(session) == "RST 2 code 4");
}

TEST_CASE("release sends what is queued, then FIN, and forgets the stream once the peer finished too") {
    Session session(config(Role::server));
    session.receive(open(3, 1, bytes("q")), t0);
    events(session);
    read_all(session, 3);
    session.write(3, as_bytes("answer"));
    session.release(3);
    CHECK(session.read_state(3) == ReadState::gone);
    CHECK(session.write(3, as_bytes("x")) == 0);
    CHECK(said(session) == "DATA FIN 3 +6");
    CHECK(session.stats(3)->released);
    SUBCASE("the peer finishes") {
        session.receive(data(3, {}, fin), t0);
        CHECK_FALSE(session.has_output());
    }
    SUBCASE("the peer resets") { session.receive(rst(3, 6), t0); }
    SUBCASE("the peer finishes with a few more bytes") {
        session.receive(data(3, bytes("more"), fin), t0);
        CHECK_FALSE(session.has_output());
    }
    SUBCASE("the peer goes on sending and is told once") {
        session.receive(data(3, bytes("more")) + data(3, bytes("more")), t0);
        CHECK(said(session) == "RST 3 code 4");
        session.receive(data(3, {}, fin), t0);
    }
    CHECK_FALSE(session.stats(3));
    CHECK(session.counters().remote_streams == 0);
    CHECK(events(session).empty());
}

TEST_CASE("release of a stream whose peer was still sending tells it so after the FIN") {
    Session session(config(Role::server));
    session.receive(open(3, 1, zeros(5'000)), t0);
    session.write(3, as_bytes("413"));
    SUBCASE("unread bytes") {}
    SUBCASE("everything read, but the peer waits for credit that will not come") {
        session.receive(data(3, zeros(200'000)), t0);
        Buffer buffer(205'000);
        REQUIRE(session.read(3, buffer) == 205'000);
    }
    SUBCASE("in the middle of a frame") {
        read_all(session, 3);
        session.receive(header(100, 1, 0, 3), t0);
    }
    session.release(3);
    CHECK(session.counters().buffered_in == 0);
    CHECK(said(session) == "DATA FIN 3 +3, RST 3 code 4");
    CHECK(session.stats(3)->closing);
}

TEST_CASE("two sides that let go of a stream with full buffers do not wait for each other for ever") {
    Session client(config(Role::client)), server(config(Role::server));
    const auto id = *client.open(1);
    server.receive(drain(client), t0);
    for (Session* s : {&client, &server})
        while (s->write(id, zeros(100'000)) != 0) {}
    auto exchange = [&] {
        server.receive(drain(client), t0);
        client.receive(drain(server), t0);
    };
    exchange();
    for (Session* s : {&client, &server}) {
        while (s->write(id, zeros(100'000)) != 0) {}
        REQUIRE(s->stats(id)->queued > 0);
        REQUIRE_FALSE(s->has_output());
    }
    client.release(id);
    server.release(id);
    for (int i = 0; i < 10; ++i) exchange();
    for (const int after : {1, 7}) // an aborted id is remembered for a while
        for (Session* s : {&client, &server}) s->on_timeout(t0 + std::chrono::seconds(after));
    CHECK_FALSE(client.stats(id));
    CHECK_FALSE(server.stats(id));
    CHECK(client.counters().buffered_out + server.counters().buffered_out == 0);
}

TEST_CASE("a RST of the peer wakes the application; what came before it can still be read") {
    Session session(config(Role::server));
    session.receive(open(3, 1, bytes("data")), t0);
    events(session);
    session.write(3, zeros(100));
    session.receive(rst(3, 6), t0);
    CHECK(events(session) == "reset 3 code 6");
    CHECK_FALSE(session.has_output());
    CHECK(session.counters().buffered_out == 0);
    CHECK(session.write_state(3) == WriteState::reset);
    CHECK(session.read_state(3) == ReadState::data);
    CHECK(read_all(session, 3) == "data");
    CHECK(session.read_state(3) == ReadState::reset);
    CHECK(session.reset_code(3) == ErrorCode::stream_cancelled);
    session.release(3);
    CHECK_FALSE(session.stats(3));
    CHECK_FALSE(session.has_output());
}

TEST_CASE("an abort, FIN and then RST, is not taken for a clean end") {
    Session session(config(Role::server));
    session.receive(open(3, 1, bytes("half")) + data(3, {}, fin) + rst(3, 6), t0);
    CHECK(events(session) == "opened 3 type 1, readable 3, reset 3 code 6");
    CHECK(read_all(session, 3) == "half");
    CHECK(session.read_state(3) == ReadState::reset);
}

TEST_CASE("STREAM_CLOSED after the peer's FIN only says that it no longer listens") {
    Session session(config(Role::server));
    session.receive(open(3, 1, bytes("whole")) + data(3, {}, fin) + rst(3, 4), t0);
    CHECK(events(session) == "opened 3 type 1, readable 3, reset 3 code 4");
    CHECK(session.write_state(3) == WriteState::reset);
    CHECK(read_all(session, 3) == "whole");
    CHECK(session.read_state(3) == ReadState::fin);
    session.release(3);
    CHECK_FALSE(session.stats(3));
}

TEST_CASE("refuse is a RST 9 for that stream alone") {
    Session session(config(Role::client));
    session.receive(open(2, 3) + open(4, 3), t0);
    CHECK(events(session) == "opened 2 type 3, opened 4 type 3");
    session.refuse(2);
    CHECK(said(session) == "DATA FIN 2 +0, RST 2 code 9");
    CHECK(session.write(4, as_bytes("ok")) == 2);
    CHECK(said(session) == "DATA 4 +2");
    CHECK(session.counters().streams_refused == 1);
}

TEST_CASE("open fails at the limit and `openable` tells when a place is free") {
    auto c = config(Role::server);
    c.max_local_streams = 2;
    Session session(c);
    const auto a = session.open(3), b = session.open(3);
    REQUIRE(b);
    const auto refused = session.open(3);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == errc::limit_exceeded);
    drain(session);
    session.release(*a);
    drain(session);
    CHECK(events(session).empty()); // the peer has not finished: it still counts for it
    session.receive(data(*a, {}, fin), t0);
    CHECK(events(session) == "openable");
    CHECK(events(session).empty());
    CHECK(session.open(3));
}

TEST_CASE("open refuses what can never work, and says why") {
    Session session(config(Role::client));
    CHECK(session.open(0xFFFF'FFFF).error().code() == errc::invalid_option);
    CHECK(session.open(0, zeros(limits::stream_write_buffer)).error().code() == errc::limit_exceeded);
    session.goaway(ErrorCode::none);
    CHECK(session.open(0).error().code() == errc::session_closed);
}

TEST_CASE("more remote streams than allowed are refused one by one; released ones count until the peer finished") {
    auto c = config(Role::server);
    c.max_remote_streams = 2;
    Session session(c);
    session.receive(open(3, 1) + open(5, 1) + open(7, 1) + data(7, bytes("x")), t0);
    CHECK(events(session) == "opened 3 type 1, opened 5 type 1");
    CHECK(said(session) == "RST 7 code 5, RST 7 code 4");
    session.release(3);
    session.receive(open(9, 1), t0);
    CHECK(said(session) == "RST 9 code 5, DATA FIN 3 +0");
    session.receive(data(3, {}, fin) + open(11, 1), t0);
    CHECK(events(session) == "opened 11 type 1");
}

TEST_CASE("a goodbye sends what can be sent, then GOAWAY of length 8 as the last frame") {
    Session session(config(Role::client));
    const auto id = session.open(1, as_bytes("hello"));
    session.receive(open(2, 3), t0);
    session.goaway(ErrorCode::none);
    CHECK(session.write(*id, as_bytes("late")) == 0);
    CHECK(session.write_state(*id) == WriteState::lost);
    CHECK_FALSE(session.finished());
    CHECK(said(session) == "DATA SYN 3 +9, GOAWAY last 2 code 0 +0");
    CHECK(session.finished());
    CHECK(session.error()->code() == errc::session_closed);
    session.receive(open(4, 3), t0);
    CHECK(events(session) == "opened 2 type 3, closed");
}

TEST_CASE("a goodbye for an error sends nothing but GOAWAY") {
    Session session(config(Role::client));
    REQUIRE(session.open(1, as_bytes("hello")));
    session.goaway(ErrorCode::internal);
    CHECK(said(session) == "GOAWAY last 0 code 2 +0");
}

TEST_CASE("a GOAWAY of the peer ends the session, with its text, in either implementation's framing") {
    struct Row {
        const char* what;
        Buffer in;
        const char* debug;
    };
    const Row rows[] = {
        {"Go: length is 8 and the text", goaway(4, 0, bytes("no error")), "no error"},
        {"no text", goaway(4, 0), ""},
        {"Rust: length is the text alone, so 8 bytes are left over",
         header(16, 3, 0, 0) + number(4) + number(0) + bytes("invalid frame ..") + bytes("12345678"), "invalid "},
        {"frames after it are not parsed", goaway(4, 0, bytes("no error")) + data(3, zeros(10)), "no error"},
        {"long text is cut", goaway(4, 0, zeros(5'000)), nullptr},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        for (const std::size_t cut : {row.in.size(), std::size_t{5}, std::size_t{17}}) {
            Session session(config(Role::server));
            session.receive(Bytes(row.in).first(std::min(cut, row.in.size())), t0);
            session.receive(Bytes(row.in).subspan(std::min(cut, row.in.size())), t0);
            CHECK(events(session) == "goaway code 0, closed");
            REQUIRE(session.error());
            CHECK(session.error()->code() == errc::session_lost);
            if (row.debug != nullptr) CHECK(session.goaway_debug() == row.debug);
            CHECK(session.goaway_debug().size() <= limits::goaway_debug_max);
            CHECK_FALSE(session.has_output());
            CHECK(session.finished());
        }
    }
}

TEST_CASE("when the transport ends, buffered bytes can be read and everything else is lost") {
    Session session(config(Role::server));
    session.receive(open(3, 1, bytes("tail")) + open(5, 1, bytes("all")) + data(5, {}, fin), t0);
    session.write(3, zeros(100));
    session.transport_closed(ErrorInfo(errc::session_lost, "test"));
    CHECK_FALSE(session.has_output());
    CHECK(session.finished());
    CHECK(events(session) == "opened 3 type 1, readable 3, opened 5 type 1, readable 5, closed");
    CHECK(session.error()->message() == "test");
    CHECK(read_all(session, 3) == "tail");
    CHECK(session.read_state(3) == ReadState::lost);
    CHECK(read_all(session, 5) == "all");
    CHECK(session.read_state(5) == ReadState::fin);
    session.release(3);
    session.reset(5, ErrorCode::internal);
    CHECK(session.counters().remote_streams == 0);
    SUBCASE("a GOAWAY that was cut off still counts") {
        Session cut(config(Role::server));
        cut.receive(Bytes(goaway(0, 2, bytes("text"))).first(18), t0);
        cut.transport_closed({});
        CHECK(events(cut) == "goaway code 2, closed");
        CHECK(cut.goaway_debug() == "te");
    }
}

TEST_CASE("calls with an id that is not ours are harmless") {
    Session session(config(Role::client));
    for (const StreamId id : {0u, 2u, 3u, 99u, 0x8000'0003u, 0xFFFF'FFFFu}) {
        Buffer buffer(10);
        CHECK(session.read(id, buffer) == 0);
        CHECK(session.write(id, buffer) == 0);
        CHECK(session.peek(id).empty());
        session.consume(id, 1);
        session.credit(id);
        session.shutdown_write(id);
        session.release(id);
        session.reset(id, ErrorCode::internal);
        session.refuse(id);
        CHECK(session.read_state(id) == ReadState::gone);
        CHECK(session.write_state(id) == WriteState::gone);
        CHECK(session.write_space(id) == 0);
        CHECK_FALSE(session.stats(id));
    }
    CHECK_FALSE(session.has_output());
}
