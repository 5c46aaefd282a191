// T17 and T16 (performance-and-reliability B.4): what a misbehaving peer gets. Equal to the Go reference
// where that is safe.
#include "muxado/session.hpp"

#include "support/doctest.hpp"
#include "unit/muxado/wire.hpp"

using namespace adit;
using namespace adit::test;
using muxado::Role;

namespace {
constexpr std::uint32_t window = limits::initial_window;

struct Row {
    const char* what;
    Buffer in;
    std::string answer; ///< all the session says
    bool dies;
};
} // namespace

TEST_CASE("the table of outcomes") {
    // Before each row the peer (a client) has stream 3 open, finished on stream 5, and we have stream 2 open.
    const Buffer reserved3 = header(0, 1, 0, 0x8000'0003);
    const Row rows[] = {
        // credit
        {"overrun by one byte", data(3, zeros(window - 4 + 1)), "RST 3 code 3", false},
        {"exactly the window", data(3, zeros(window - 4)), "", false},
        {"overrun after the window", data(3, zeros(window - 4)) + data(3, zeros(1)), "RST 3 code 3", false},
        {"what follows an overrun is not answered", data(3, zeros(window)) + data(3, zeros(9)),
         "RST 3 code 3", false},
        {"empty DATA without credit", data(3, zeros(window - 4)) + data(3, {}), "", false},
        {"a 16 MiB frame", data(3, zeros(0xFF'FFFF)), "RST 3 code 3", false},
        {"WNDINC 0", wndinc(3, 0), "GOAWAY last 5 code 1 +0", true},
        {"WNDINC 0 but for the reserved bit", wndinc(3, 0x8000'0000), "GOAWAY last 5 code 1 +0", true},
        {"WNDINC 0 on an unknown stream", wndinc(77, 0), "GOAWAY last 5 code 1 +0", true},
        {"credit up to 2^31-1", wndinc(3, 0x7FFF'FFFF - window), "", false},
        {"credit past 2^31-1", wndinc(3, 0x7FFF'FFFF - window + 1), "RST 3 code 3", false},
        {"credit past 2^31-1 in two steps", wndinc(3, 0x4000'0000) + wndinc(3, 0x4000'0000), "RST 3 code 3",
         false},
        {"the largest increment twice, on an unknown stream", wndinc(9, 0x7FFF'FFFF) + wndinc(9, 0x7FFF'FFFF),
         "", false},
        {"WNDINC on a finished stream", wndinc(5, 10), "", false},
        // closed and unknown streams
        {"DATA after FIN", data(5, zeros(3)), "RST 5 code 4", false},
        {"DATA with FIN after FIN", data(5, zeros(3), fin), "RST 5 code 4", false},
        {"empty FIN again, as Go does", data(5, {}, fin) + data(5, {}, fin), "", false},
        {"DATA after RST", rst(3, 6) + data(3, zeros(3)), "RST 3 code 4", false},
        {"DATA on a stream never opened", data(99, zeros(3)), "RST 99 code 4", false},
        {"empty DATA on a stream never opened", data(99, {}), "RST 99 code 4", false},
        {"empty FIN on a stream never opened", data(99, {}, fin), "", false},
        {"DATA on a stream of ours that is not open", data(8, zeros(3)), "RST 8 code 4", false},
        {"each DATA frame on an unknown stream", data(99, zeros(3)) + data(99, zeros(3)),
         "RST 99 code 4, RST 99 code 4", false},
        {"RST on an unknown stream", rst(99, 1), "", false},
        {"RST with an unknown code", rst(3, 0xFFFF'FFFF), "", false},
        {"RST twice", rst(3, 6) + rst(3, 6), "", false},
        // ids
        {"SYN with our parity", open(4, 1), "GOAWAY last 5 code 1 +0", true},
        {"SYN on an open stream", open(3, 1), "GOAWAY last 5 code 1 +0", true},
        {"SYN on a finished stream", open(5, 1), "GOAWAY last 5 code 1 +0", true},
        {"SYN on an id that was skipped, as Go may", open(9, 1) + open(7, 1), "", false},
        {"SYN on the highest id", open(0x7FFF'FFFF, 1), "", false},
        {"SYN going far down again", open(0x7FFF'FFFF, 1) + open(7, 1), "GOAWAY last 2147483647 code 1 +0",
         true},
        {"DATA on stream 0", data(0, zeros(3)), "GOAWAY last 5 code 1 +0", true},
        {"RST on stream 0", rst(0, 3), "GOAWAY last 5 code 1 +0", true},
        {"WNDINC on stream 0", wndinc(0, 3), "GOAWAY last 5 code 1 +0", true},
        {"the reserved bit in an id", reserved3, "GOAWAY last 5 code 1 +0", true},
        {"the reserved bit in the id of a WNDINC", wndinc(0x8000'0003, 5), "GOAWAY last 5 code 1 +0", true},
        // lengths and types
        {"RST of 3 bytes", frame(0, 0, 3, zeros(3)), "GOAWAY last 5 code 8 +0", true},
        {"RST of 5 bytes", frame(0, 0, 3, zeros(5)), "GOAWAY last 5 code 8 +0", true},
        {"WNDINC of 0 bytes", frame(2, 0, 3, {}), "GOAWAY last 5 code 8 +0", true},
        {"WNDINC of 16 MiB", frame(2, 0, 3, zeros(0xFF'FFFF)), "GOAWAY last 5 code 8 +0", true},
        {"GOAWAY of 7 bytes", frame(3, 0, 0, zeros(7)), "GOAWAY last 5 code 8 +0", true},
        {"GOAWAY on a stream", frame(3, 0, 3, zeros(8)), "GOAWAY last 5 code 1 +0", true},
        {"unknown types are skipped",
         frame(4, 3, 0, zeros(70'000)) + frame(15, 15, 0xFFFF'FFFF, {}) + data(99, {}), "RST 99 code 4",
         false},
        {"SYN on a WNDINC is ignored", frame(2, syn, 3, number(5)), "", false},
        {"flags that do not exist are ignored", frame(1, 0xC, 3, zeros(3)), "", false},
        // the type of a stream
        {"a split type", data(7, zeros(1), syn) + data(7, zeros(3)), "", false},
        {"a stream that ends before its type", data(7, zeros(1), syn) + data(7, zeros(2), fin),
         "RST 7 code 1", false},
    };
    for (const auto& row : rows) {
        // Whole, cut in two at odd places, and in small pieces: the outcome is the same.
        for (const std::size_t piece : {row.in.size(), std::size_t{11}, std::size_t{4'099}}) {
            if (row.in.size() > 1'000'000 && piece == 11) continue;
            CAPTURE(row.what);
            CAPTURE(piece);
            Session session(config(Role::server));
            REQUIRE(session.open(3));
            session.receive(open(3, 1) + open(5, 1) + data(5, {}, fin), t0);
            drain(session);
            events(session);
            for (std::size_t at = 0; at < row.in.size(); at += piece)
                session.receive(Bytes(row.in).subspan(at, std::min(piece, row.in.size() - at)), t0);
            CHECK(said(session) == row.answer);
            CHECK(session.error().has_value() == row.dies);
            CHECK(session.finished() == row.dies);
            CHECK(session.counters().buffered_in <= window);
            if (row.dies) {
                CHECK(session.error()->code() == errc::protocol_error);
                CHECK(events(session).ends_with("closed"));
                session.receive(open(101, 1), t0); // a dead session is deaf
                CHECK_FALSE(session.has_output());
            } else {
                session.receive(open(0x7FFF'FFF1, 1), t0); // and the others live on
                CHECK(session.stats(0x7FFF'FFF1).has_value());
                CHECK(session.write(2, as_bytes("x")) == 1);
                CHECK(said(session) == "DATA 2 +1");
            }
        }
    }
}

TEST_CASE("the application hears of a stream that the peer broke, once") {
    Session session(config(Role::server));
    session.receive(open(3, 1, bytes("before")), t0);
    events(session);
    session.receive(data(3, zeros(window)) + rst(3, 6) + data(3, zeros(9)), t0);
    CHECK(events(session) == "reset 3 code 3");
    CHECK(read_all(session, 3) == "before");
    CHECK(session.read_state(3) == muxado::ReadState::reset);
    CHECK(session.reset_code(3) == muxado::ErrorCode::flow_control);
    session.release(3);
    session.receive(data(3, {}, fin), t0);
    CHECK(session.counters().remote_streams == 0);
}

TEST_CASE("a session as a client refuses odd SYNs and takes even ones") {
    Session session(config(Role::client));
    session.receive(open(2, 3), t0);
    CHECK(events(session) == "opened 2 type 3");
    session.receive(open(5, 3), t0);
    CHECK(said(session) == "GOAWAY last 2 code 1 +0");
}

TEST_CASE("a flood that we would have to answer ends the session, in bounded memory") {
    auto c = config(Role::server);
    Session session(c);
    const Buffer provoke = data(99, {});
    std::size_t n = 0;
    while (!session.error() && n < 100'000) session.receive(provoke, t0), ++n;
    CHECK(n == limits::control_frames_queued + 1);
    REQUIRE(session.error());
    CHECK(session.error()->code() == errc::limit_exceeded);
    CHECK(said(session) == "GOAWAY last 0 code 10 +0");
}

TEST_CASE("answers that the peer takes are no flood") {
    Session session(config(Role::server));
    const Buffer provoke = data(99, {});
    for (std::size_t n = 0; n < 3 * limits::control_frames_queued; ++n) {
        session.receive(provoke, t0);
        if (n % 1'000 == 0) drain(session);
    }
    CHECK_FALSE(session.error());
}

TEST_CASE("streams opened and reset as fast as possible stay within the limit until the application let go") {
    Session session(config(Role::server));
    std::size_t opened = 0;
    for (StreamId id = 3; id < 20'003; id += 2) {
        session.receive(open(id, 1) + rst(id, 6), t0);
        REQUIRE(session.counters().remote_streams <= limits::streams_per_session_peer);
        drain(session);
    }
    std::vector<StreamId> ids;
    while (const auto event = session.poll_event())
        if (event->type == muxado::EventType::stream_opened) ++opened, ids.push_back(event->id);
    CHECK(opened == limits::streams_per_session_peer);
    for (const StreamId id : ids) session.release(id);
    CHECK(session.counters().remote_streams == 0);
    CHECK_FALSE(session.error());
}

TEST_CASE("before authentication a peer gets two streams and 64 KiB") {
    auto c = config(Role::server);
    c.authenticated = muxado::Config(Role::server).authenticated;
    REQUIRE_FALSE(c.authenticated);
    Session session(c);
    session.receive(open(3, 0xFFFF'FFFF, number(1)) + open(5, 0, bytes("{}")), t0);
    CHECK(events(session) == "opened 5 type 0, readable 5");
    CHECK(said(session) == "DATA 3 +4");
    SUBCASE("a third stream is refused, the session lives") {
        session.receive(open(7, 1), t0);
        CHECK(said(session) == "RST 7 code 5");
        session.set_authenticated();
        session.receive(open(9, 1), t0);
        CHECK(events(session) == "opened 9 type 1");
    }
    SUBCASE("a stream that is over makes place, as for SrvInfo and then Auth") {
        session.release(5);
        drain(session);
        session.receive(data(5, {}, fin) + open(7, 0), t0);
        CHECK(events(session) == "opened 7 type 0");
    }
    SUBCASE("65536 bytes are taken, frames and all, not one more") {
        const std::size_t used = 8 + 8 + 8 + 6;
        session.receive(data(5, zeros(65'536 - used - 8)), t0);
        CHECK_FALSE(session.error());
        SUBCASE("then the session ends") {
            session.receive(zeros(1), t0);
            REQUIRE(session.error());
            CHECK(session.error()->code() == errc::limit_exceeded);
            CHECK(said(session) == "GOAWAY last 5 code 10 +0");
        }
        SUBCASE("unless it is authenticated by then") {
            session.set_authenticated();
            session.receive(data(5, zeros(100'000)), t0);
            CHECK_FALSE(session.error());
        }
    }
}
