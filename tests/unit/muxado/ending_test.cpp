// How streams and sessions end: finish, release, abort, refuse, goodbye, loss.
#include "muxado/session.hpp"

#include "support/doctest.hpp"
#include "unit/muxado/wire.hpp"

using namespace adit;
using namespace adit::test;
using muxado::ErrorCode;
using muxado::ReadState;
using muxado::Role;
using muxado::WriteState;

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
    CHECK(session.counters().local_streams == 0); // its place is free
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

TEST_CASE("a client does not wait for the end of a peer that it has left for ever") {
    using namespace std::chrono_literals;
    Session session(config(Role::client));
    session.receive(open(2, 3, bytes("q")), t0);
    read_all(session, 2);
    session.write(2, as_bytes("bye"));
    session.release(2);
    CHECK(said(session) == "DATA FIN 2 +3");
    REQUIRE(session.next_timeout());
    session.on_timeout(t0 + 1s);
    CHECK(session.next_timeout() == t0 + 1s + limits::fin_wait_time);
    SUBCASE("the peer finishes in time") { session.receive(data(2, {}, fin), t0 + 2s); }
    SUBCASE("the peer stays") {
        session.on_timeout(t0 + limits::fin_wait_time);
        CHECK_FALSE(session.has_output());
        session.on_timeout(t0 + 1s + limits::fin_wait_time);
        CHECK(said(session) == "RST 2 code 4");
        CHECK(session.stats(2)->closing); // remembered, as every stream that was reset
        session.on_timeout(t0 + 1min);
        session.on_timeout(t0 + 2min);
    }
    CHECK_FALSE(session.stats(2));
    CHECK(session.counters().remote_streams == 0);
    CHECK_FALSE(session.has_output());
    CHECK_FALSE(session.next_timeout());
}

TEST_CASE("a server waits for the end of what it left: until then the peer holds the stream") {
    Session session(config(Role::server));
    const auto id = session.open(3, as_bytes("q"));
    drain(session);
    session.release(*id);
    CHECK(said(session) == "DATA FIN 2 +0");
    CHECK_FALSE(session.next_timeout());
    session.on_timeout(t0 + std::chrono::hours(1));
    CHECK_FALSE(session.has_output());
    CHECK(session.counters().local_streams == 1);
    session.receive(data(*id, {}, fin), t0 + std::chrono::hours(1));
    CHECK(session.counters().local_streams == 0);
}

TEST_CASE("a peer that keeps streams after a RST gets FIN alone, and the stream counts until its own") {
    Session session(config(Role::server));
    session.set_peer_keeps_streams();
    const auto id = session.open(3, as_bytes("q"));
    drain(session);
    session.write(*id, zeros(50'000));
    SUBCASE("it was silent") {
        session.reset(*id, ErrorCode::stream_cancelled);
        CHECK(session.counters().buffered_out == 0);
        CHECK(said(session) == "DATA FIN 2 +0");
        session.on_timeout(t0 + std::chrono::hours(1));
        CHECK(session.counters().local_streams == 1);
        SUBCASE("until it finishes") { session.receive(data(*id, {}, fin), t0); }
        SUBCASE("and RST when it still sends, which makes it let go") {
            session.receive(data(*id, bytes("more")), t0);
            CHECK(said(session) == "RST 2 code 4");
            session.on_timeout(t0);
            session.on_timeout(t0 + std::chrono::seconds(5));
        }
    }
    SUBCASE("it was sending") {
        session.receive(data(*id, bytes("answer")), t0);
        session.reset(*id, ErrorCode::stream_cancelled);
        CHECK(said(session) == "DATA FIN 2 +0, RST 2 code 4");
        session.on_timeout(t0);
        session.on_timeout(t0 + std::chrono::seconds(5));
    }
    CHECK(session.counters().local_streams == 0);
    CHECK(events(session).empty());
}

TEST_CASE("what the peer may have in all receive buffers together has a bound, our own streams apart") {
    muxado::Config limited = config(Role::server);
    limited.remote_buffer_max = 300'000;
    Session session(limited);
    const auto own = *session.open(3);
    drain(session);
    session.receive(data(own, zeros(200'000)), t0);
    session.receive(open(3, 1, zeros(150'000)) + open(5, 1, zeros(150'000)), t0);
    CHECK_FALSE(session.error());
    SUBCASE("one byte more") {
        session.receive(open(7, 1, zeros(1)), t0);
        REQUIRE(session.error());
        CHECK(session.error()->code() == errc::limit_exceeded);
        CHECK(said(session).starts_with("GOAWAY last"));
    }
    SUBCASE("what was read, or belongs to a stream that is gone, makes room") {
        Buffer buffer(100'000);
        CHECK(session.read(3, buffer) == 100'000);
        session.release(5);
        session.receive(open(7, 1, zeros(250'000)), t0);
        CHECK_FALSE(session.error());
    }
}

TEST_CASE("two sides that let go of a stream with full buffers do not wait for each other for ever") {
    Session client(config(Role::client)), server(config(Role::server));
    const auto id = *client.open(1);
    server.receive(drain(client), t0);
    for (Session* s : {&client, &server})
        while (s->write(id, zeros(100'000)) != 0) {
        }
    auto exchange = [&] {
        server.receive(drain(client), t0);
        client.receive(drain(server), t0);
    };
    exchange();
    for (Session* s : {&client, &server}) {
        while (s->write(id, zeros(100'000)) != 0) {
        }
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

TEST_CASE("what was written before a goodbye goes out although the stream is released after it") {
    Session session(config(Role::client));
    const auto id = session.open(1, as_bytes("hello"));
    session.goaway(ErrorCode::none);
    CHECK(events(session) == "closed");
    session.release(*id);
    CHECK(said(session) == "DATA SYN 3 +9, DATA FIN 3 +0, GOAWAY last 0 code 0 +0");
    session.transport_closed({});
    CHECK(session.counters().local_streams == 0);
    CHECK(events(session).empty());
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
         header(16, 3, 0, 0) + number(4) + number(0) + bytes("invalid frame ..") + bytes("12345678"),
         "invalid "},
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
