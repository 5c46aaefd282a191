#include "muxado/heartbeat.hpp"

#include "support/doctest.hpp"
#include "unit/muxado/wire.hpp"

using namespace adit;
using namespace adit::test;
using namespace std::chrono_literals;
using muxado::Role;

TEST_CASE("a heartbeat value is found whatever the split") {
    muxado::HeartbeatUnits units;
    const Buffer in = number(0x01020304) + number(0xFFFF'FFFF) + number(7);
    std::vector<std::uint32_t> got;
    for (std::size_t cut = 1; cut < in.size(); ++cut) {
        for (Bytes part : {Bytes(in).first(cut), Bytes(in).subspan(cut)})
            while (const auto value = units.next(part)) got.push_back(*value);
        CHECK(got == std::vector<std::uint32_t>{0x01020304, 0xFFFF'FFFF, 7});
        got.clear();
    }
}

TEST_CASE("a heartbeat in a hurry comes at once, one at a time, and shifts the interval") {
    muxado::HeartbeatTimer timer;
    timer.start(10s, 15s, t0);
    timer.sent(1, t0);
    timer.hurry(t0 + 1s); // the answer to the one under way says as much
    CHECK_FALSE(timer.beat_due(t0 + 1s));
    CHECK(timer.answered(1, t0 + 2s));
    CHECK_FALSE(timer.beat_due(t0 + 2s));
    timer.hurry(t0 + 3s);
    CHECK(timer.beat_due(t0 + 3s));
    timer.sent(2, t0 + 3s);
    CHECK(timer.answered(2, t0 + 3s));
    CHECK(timer.next_timeout() == t0 + 13s);
}

TEST_CASE("a heartbeat timer beats once an interval, waits for the answer, and expires after interval and "
          "tolerance") {
    muxado::HeartbeatTimer timer;
    CHECK_FALSE(timer.next_timeout());
    timer.start(10s, 15s, t0);
    CHECK(timer.beat_due(t0));
    timer.sent(77, t0);
    CHECK_FALSE(timer.beat_due(t0 + 20s)); // one at a time
    CHECK(timer.next_timeout() == t0 + 25s);
    CHECK(timer.answered(77, t0 + 2s) == muxado::Duration(2s));
    CHECK(timer.next_timeout() == t0 + 10s);
    CHECK_FALSE(timer.beat_due(t0 + 9s));
    CHECK(timer.beat_due(t0 + 10s));
    timer.sent(78, t0 + 10s);
    CHECK_FALSE(timer.expired(t0 + 26s)); // 25 s after the last answer
    CHECK(timer.expired(t0 + 27s));
}

TEST_CASE("a wrong, repeated or unasked answer is not an answer") {
    muxado::HeartbeatTimer timer;
    timer.start(10s, 15s, t0);
    CHECK_FALSE(timer.answered(0, t0));
    timer.sent(5, t0);
    CHECK_FALSE(timer.answered(6, t0));
    CHECK(timer.answered(5, t0));
    CHECK_FALSE(timer.answered(5, t0));
}

TEST_CASE("our heartbeat opens a stream, beats at once and reports the latency") {
    muxado::Session session(config(Role::client));
    session.start_heartbeat(10s, 15s, t0);
    CHECK(session.next_timeout() == t0 + 25s);
    auto out = sent(session);
    REQUIRE(texts(out) == "DATA SYN 3 +8");
    CHECK(out[0].number() == 0xFFFF'FFFF);
    const std::uint32_t value = out[0].number(4);
    session.receive(data(3, number(value)), t0 + 30ms);
    auto event = session.poll_event();
    REQUIRE(event);
    CHECK(event->type == muxado::EventType::heartbeat);
    CHECK(event->latency == 30ms);
    CHECK(events(session).empty());
    CHECK(session.next_timeout() == t0 + 10s);
    session.on_timeout(t0 + 10s);
    out = sent(session);
    REQUIRE(texts(out) == "DATA 3 +4"); // and never a FIN
    CHECK(out[0].number() != value);
}

TEST_CASE("a heartbeat that is answered with another value ends the session") {
    struct Row {
        const char* what;
        Buffer answer;
    };
    const Row rows[] = {{"another value", data(3, number(0xDEADBEEF))},
                        {"zeros as a wedged agent", data(3, zeros(64))}};
    for (const auto& row : rows) {
        CAPTURE(row.what);
        muxado::Session session(config(Role::client));
        session.start_heartbeat(10s, 15s, t0);
        drain(session);
        session.receive(row.answer, t0);
        REQUIRE(session.error());
        CHECK(session.error()->code() == errc::protocol_error);
        CHECK(said(session) == "GOAWAY last 0 code 1 +0");
        CHECK(session.finished());
    }
}

TEST_CASE(
    "a peer that stops answering is dropped after interval and tolerance, whatever it does to the stream") {
    for (const Buffer& silence : {Buffer{}, data(3, {}, fin), rst(3, 6)}) {
        muxado::Session session(config(Role::client));
        session.start_heartbeat(10s, 15s, t0);
        drain(session);
        session.receive(silence, t0 + 1s);
        int wakes = 0;
        while (!session.error()) {
            const auto next = session.next_timeout();
            REQUIRE(next);
            REQUIRE(++wakes < 10); // it sleeps and does not spin
            session.on_timeout(*next);
            REQUIRE(*next <= t0 + 25s);
        }
        CHECK(session.error()->code() == errc::heartbeat_timeout);
        CHECK(said(session) == "GOAWAY last 0 code 14 +0");
        CHECK_FALSE(session.next_timeout());
        CHECK(events(session) == "closed");
    }
}

TEST_CASE(
    "the peer's heartbeats are echoed exactly, in whole values, and are not the application's business") {
    for (const std::size_t cut : {1u, 3u, 8u, 9u, 12u, 13u, 19u, 22u}) {
        CAPTURE(cut);
        muxado::Session session(config(Role::server));
        const Buffer in = open(3, 0xFFFF'FFFF) + data(3, number(0xCDD310E4)) + data(3, bytes("ab"));
        session.receive(Bytes(in).first(cut), t0);
        session.receive(Bytes(in).subspan(cut), t0);
        CHECK(events(session).empty());
        auto out = sent(session);
        REQUIRE(texts(out) == "DATA 3 +4");
        CHECK(out[0].number() == 0xCDD310E4);
        session.receive(data(3, bytes("cdxyz")), t0);
        out = sent(session);
        REQUIRE(texts(out) == "DATA 3 +4");
        CHECK(out[0].body == bytes("abcd"));
        session.receive(data(3, {}, fin), t0);
        CHECK(said(session) == "DATA FIN 3 +0");
        CHECK(session.counters().remote_streams == 0);
    }
}

TEST_CASE("an echo waits for a whole value of credit") {
    muxado::Session session(config(Role::server));
    session.receive(open(3, 0xFFFF'FFFF), t0);
    std::size_t echoed = 0;
    for (std::uint32_t n = 0; n < limits::initial_window / 4; ++n) {
        session.receive(data(3, number(n)), t0);
        for (const auto& f : sent(session))
            if (f.data()) echoed += f.body.size();
    }
    CHECK(echoed == limits::initial_window);
    session.receive(data(3, number(1)), t0);
    CHECK(said(session).find("DATA") == std::string::npos);
    session.receive(wndinc(3, 3), t0);
    CHECK_FALSE(session.has_output());
    session.receive(wndinc(3, 4), t0);
    CHECK(said(session) == "DATA 3 +4");
}

TEST_CASE("a peer that asks for echoes without end is cut off, and so is one with many heartbeat streams") {
    muxado::Session session(config(Role::server));
    session.receive(open(3, 0xFFFF'FFFF, zeros(5'000)), t0);
    CHECK(said(session) == "RST 3 code 10");
    session.receive(
        open(5, 0xFFFF'FFFF) + open(7, 0xFFFF'FFFF) + open(9, 0xFFFF'FFFF) + open(11, 0xFFFF'FFFF), t0);
    session.receive(open(13, 0xFFFF'FFFF), t0);
    CHECK(said(session) == "RST 13 code 5");
    session.receive(rst(5, 0) + open(15, 0xFFFF'FFFF, number(1)), t0);
    CHECK(said(session) == "DATA 15 +4");
    CHECK_FALSE(session.error());
}
