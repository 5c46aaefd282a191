// Opening, framing, reading and the limits of a session, in both roles.
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
        CHECK(said(session) ==
              "DATA SYN " + std::to_string(first) + " +4, DATA SYN " + std::to_string(first + 2) + " +4");
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
        for (std::size_t i = 8; i < in.size(); ++i) session.receive(data(3, {in[i]}, i == 8 ? syn : 0), t0);
        CHECK(events(session) == "opened 3 type 16909060, readable 3");
        CHECK(read_all(session, 3) == "hello");
    }
}

TEST_CASE("a session is fed byte by byte as well as at once") {
    const Buffer in = open(3, 0, bytes("{}")) + wndinc(3, 100) + frame(9, 5, 77, bytes("unknown type")) +
                      rst(99, 1) + open(5, 1) + data(5, bytes("abc"), fin) + data(3, {}, fin);
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

TEST_CASE("streams that we reset leave their place to others at once, and are remembered in a bounded number") {
    auto c = config(Role::client);
    c.max_remote_streams = 2;
    Session session(c);
    const StreamId last = 2 * (limits::streams_closing + 10);
    for (StreamId id = 2; id <= last; id += 2) {
        session.receive(open(id, 3), t0);
        REQUIRE(events(session) == "opened " + std::to_string(id) + " type 3");
        session.refuse(id);
        REQUIRE(session.counters().remote_streams == 0);
        drain(session);
    }
    session.receive(data(last, bytes("late")), t0);
    CHECK(said(session).empty()); // sent before the peer knew
    session.receive(data(2, bytes("late")), t0);
    CHECK(said(session) == "RST 2 code 4"); // forgotten
    CHECK(session.stats(last)->closing);
    CHECK_FALSE(session.stats(20));
    CHECK(session.stats(22)->closing);
    CHECK_FALSE(session.error());
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

TEST_CASE("who resets a stream may open another one at once, unless the peer may keep it") {
    auto c = config(Role::server);
    c.max_local_streams = 2;
    Session session(c);
    bool kept = false;
    SUBCASE("any peer") {}
    SUBCASE("a peer that keeps streams") {
        session.set_peer_keeps_streams();
        kept = true;
    }
    const auto a = session.open(3), b = session.open(3);
    REQUIRE(b);
    drain(session);
    REQUIRE_FALSE(session.open(3));
    session.reset(*a, ErrorCode::stream_cancelled);
    CHECK(events(session) == (kept ? "" : "openable"));
    CHECK(session.open(3).has_value() == !kept);
    drain(session);
    session.reset(*b, ErrorCode::stream_cancelled);
    session.receive(data(*b, {}, fin), t0);
    drain(session);
    CHECK(session.counters().local_streams == 1); // the one that was opened last, or is kept
}

TEST_CASE("a peer that keeps streams has the place of one that ended for a moment more") {
    auto c = config(Role::server);
    c.max_local_streams = 2;
    Session session(c);
    session.set_peer_keeps_streams();
    const auto a = session.open(3), b = session.open(3);
    REQUIRE(b);
    session.release(*a);
    drain(session);
    session.receive(data(*a, {}, fin), t0);
    CHECK(session.counters().local_streams == 1);
    CHECK_FALSE(session.open(3));
    CHECK(events(session).empty());
    session.on_timeout(t0); // its first look at the clock
    REQUIRE(session.next_timeout() == t0 + limits::peer_place_time);
    session.on_timeout(t0 + limits::peer_place_time - std::chrono::milliseconds(1));
    CHECK_FALSE(session.open(3));
    session.on_timeout(t0 + limits::peer_place_time);
    CHECK(events(session) == "openable");
    CHECK(session.open(3));
}

TEST_CASE("open refuses what can never work, and says why") {
    Session session(config(Role::client));
    CHECK(session.open(0xFFFF'FFFF).error().code() == errc::invalid_option);
    CHECK(session.open(0, zeros(limits::stream_write_buffer)).error().code() == errc::limit_exceeded);
    session.goaway(ErrorCode::none);
    CHECK(session.open(0).error().code() == errc::session_closed);
}

TEST_CASE(
    "more remote streams than allowed are refused one by one; released ones count until the peer finished") {
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
