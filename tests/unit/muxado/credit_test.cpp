// Credit: what is returned when, what is sent when, and the bounds of what writers may queue.
#include "muxado/window.hpp"

#include "support/doctest.hpp"
#include "unit/muxado/wire.hpp"

#include <set>

using namespace adit;
using namespace adit::test;
using muxado::Role;
using muxado::WriteState;

namespace {
constexpr std::uint32_t window = limits::initial_window;

std::uint64_t granted(const std::vector<Frame>& list) {
    std::uint64_t sum = 0;
    for (const auto& f : list)
        if (f.wndinc()) {
            CHECK(f.number() >= 1);
            CHECK(f.number() <= limits::credit_step);
            sum += f.number();
        }
    return sum;
}
std::size_t data_bytes(const std::vector<Frame>& list) {
    std::size_t sum = 0;
    for (const auto& f : list) sum += f.data() ? f.body.size() : 0;
    return sum;
}
} // namespace

TEST_CASE("a send window adds up, and refuses a sum past 2^31-1") {
    muxado::SendWindow w;
    CHECK(w.credit() == window);
    CHECK(w.add(muxado::window_max - window));
    CHECK(w.credit() == muxado::window_max);
    CHECK_FALSE(w.add(1));
    CHECK_FALSE(w.add(muxado::window_max));
    w.take(muxado::window_max);
    CHECK(w.credit() == 0);
    CHECK(w.add(muxado::window_max));
}

TEST_CASE("a send window gives all, a part that is worth it, or nothing") {
    struct Row {
        std::uint32_t credit;
        std::size_t queued, sendable;
    };
    const Row rows[] = {{0, 1, 0},
                        {0, 0, 0},
                        {1, 1, 1},
                        {99, 100, 0},
                        {8'191, 8'191, 8'191},
                        {8'191, 8'192, 0},
                        {8'192, 9'000, 8'192},
                        {window, 1'000'000, window}};
    for (const auto& row : rows) {
        CAPTURE(row.credit);
        muxado::SendWindow w;
        w.take(window - row.credit);
        CHECK(w.sendable(row.queued) == row.sendable);
    }
}

TEST_CASE("a write-only peer is never sent more than it granted, and no crumbs") {
    Session session(config(Role::client));
    const auto id = session.open(1);
    std::size_t total = 0;
    for (;;) {
        const std::size_t n = session.write(*id, zeros(50'000));
        total += n;
        if (n < 50'000) break;
    }
    CHECK(data_bytes(sent(session)) == window);
    CHECK(session.stats(*id)->send_credit == 0);
    while (const std::size_t n = session.write(*id, zeros(50'000))) total += n;
    CHECK(total + 4 - window == 16'384); // held beyond the credit
    // The crumbs which a Rust peer returns while it reads type, length and header (feasibility 5.3).
    for (const std::uint32_t crumb : {4u, 8u, 99u, 4'000u}) {
        session.receive(wndinc(*id, crumb), t0);
        CHECK_FALSE(session.has_output());
    }
    session.receive(wndinc(*id, 8'192), t0);
    CHECK(said(session) == "DATA 3 +12303");
    SUBCASE("but the last bytes go as soon as they fit") {
        const std::size_t rest = session.stats(*id)->queued;
        session.receive(wndinc(*id, static_cast<std::uint32_t>(rest)), t0);
        session.shutdown_write(*id);
        CHECK(said(session) == "DATA FIN 3 +" + std::to_string(rest));
    }
}

TEST_CASE("credit is returned in batches of at most 64 KiB, and only when the next read starts") {
    Session session(config(Role::server));
    session.receive(open(3, 1, zeros(200'000)), t0);
    Buffer buffer(100'000);
    REQUIRE(session.read(3, buffer) == 100'000);
    CHECK_FALSE(session.has_output()); // the application may still hold these bytes
    CHECK(session.stats(3)->handed_out == 100'000);
    REQUIRE(session.read(3, buffer) == 100'000);
    const auto first = sent(session);
    CHECK(texts(first) == "WNDINC 3 by 65536, WNDINC 3 by 34468"); // with the type's 4 bytes
    CHECK(session.read(3, buffer) == 0); // finds nothing, but says that the last bytes are done with
    CHECK(texts(sent(session)) == "WNDINC 3 by 65536, WNDINC 3 by 34464");
    CHECK(session.stats(3)->receive_credit == window);
}

TEST_CASE("credit() and consume() return credit at once") {
    Session session(config(Role::server));
    session.receive(open(3, 1, zeros(60'000)), t0);
    Buffer buffer(20'000);
    session.read(3, buffer);
    CHECK_FALSE(session.has_output());
    session.credit(3);
    CHECK(said(session) == "WNDINC 3 by 20004");
    session.consume(3, 40'000);
    CHECK(said(session) == "WNDINC 3 by 40000");
}

TEST_CASE("small reads are not answered one by one") {
    Session session(config(Role::server));
    session.receive(open(3, 1), t0);
    events(session);
    Buffer buffer(100);
    std::size_t frames_sent = 0;
    std::uint64_t sum = 0;
    for (int i = 0; i < 10'000; ++i) {
        session.receive(data(3, zeros(100)), t0);
        session.read(3, buffer);
        const auto out = sent(session);
        frames_sent += out.size();
        sum += granted(out);
    }
    CHECK(frames_sent < 64);
    const auto stats = *session.stats(3);
    CHECK(sum + stats.owed + stats.handed_out == 1'000'004);
    CHECK(stats.owed < window / 16); // what may stay with us for good
}

TEST_CASE("a finished, reset, released or lost stream gets no credit") {
    Session session(config(Role::server));
    session.receive(open(3, 1, zeros(100'000)), t0);
    SUBCASE("finished") { session.receive(data(3, {}, fin), t0); }
    SUBCASE("reset") { session.receive(rst(3, 6), t0); }
    SUBCASE("lost") { session.transport_closed({}); }
    read_all(session, 3);
    CHECK(said(session).empty());
}

TEST_CASE("a writer is told when there is room again, once") {
    Session session(config(Role::client));
    const auto id = session.open(1);
    REQUIRE(session.write(*id, zeros(300'000)) == window - 4);
    CHECK(session.write(*id, zeros(1)) == 0);
    CHECK(events(session).empty());
    drain(session);
    CHECK(events(session) == "writable 3");
    CHECK(session.write_space(*id) == 16'384); // without credit only a little is held
    CHECK(session.write(*id, zeros(300'000)) == 16'384);
    session.receive(wndinc(*id, 65'536), t0);
    CHECK(events(session) == "writable 3");
    CHECK(events(session).empty());
    SUBCASE("not a writer that has finished") {
        session.write(*id, zeros(300'000));
        session.shutdown_write(*id);
        drain(session);
        CHECK(events(session).empty());
    }
    SUBCASE("not one whose peer gave up") {
        session.write(*id, zeros(300'000));
        session.receive(rst(*id, 6), t0);
        CHECK(events(session) == "reset 3 code 6");
    }
}

TEST_CASE("stalled streams fill the session's buffer but do not stop the others") {
    auto c = config(Role::client);
    c.session_write_buffer = 300'000;
    Session session(c);
    std::vector<StreamId> stalled;
    for (int i = 0; i < 40; ++i) {
        stalled.push_back(*session.open(1));
        while (session.write(stalled.back(), zeros(100'000)) != 0) {
        }
    }
    CHECK(session.counters().buffered_out <= 300'000 + 40 * 16'384);
    drain(session); // the transport takes it all; the peers grant nothing more
    for (const StreamId id : stalled)
        while (session.write(id, zeros(100'000)) != 0) drain(session);
    CHECK(session.counters().buffered_out <= 40 * 16'384);
    const auto id = session.open(1);
    std::size_t done = 0;
    for (int turn = 0; turn < 3; ++turn) {
        done += session.write(*id, zeros(100'000));
        drain(session);
    }
    CHECK(done == window - 4 + 16'384);
}

TEST_CASE("writers that wait for the session's bound are woken when it is half empty") {
    auto c = config(Role::client);
    c.session_write_buffer = 100'000;
    Session session(c);
    std::set<StreamId> waiting;
    for (int i = 0; i < 10; ++i) {
        const auto id = session.open(1);
        if (session.write(*id, zeros(60'000)) < 60'000) waiting.insert(*id);
    }
    CHECK(waiting.size() >= 8);
    drain(session);
    std::set<StreamId> woken;
    while (const auto event = session.poll_event())
        if (event->type == muxado::EventType::writable) woken.insert(event->id);
    CHECK(woken == waiting);
    CHECK(session.counters().buffered_out == 0);
}

TEST_CASE("the session's accounts are empty when its streams are gone") {
    Session session(config(Role::server));
    for (StreamId id = 3; id < 103; id += 2) {
        session.receive(open(id, 1, zeros(3'000 + id)), t0);
        session.write(id, zeros(40'000));
        if (id % 3 == 0) session.reset(id, muxado::ErrorCode::internal);
        if (id % 3 == 1) session.release(id);
        if (id % 3 == 2) session.receive(rst(id, 6), t0), session.release(id);
        session.receive(data(id, {}, fin), t0);
    }
    drain(session);
    const auto counters = session.counters();
    CHECK(counters.remote_streams == 0);
    CHECK(counters.buffered_in == 0);
    CHECK(counters.buffered_out == 0);
    CHECK(counters.window_growth == 0);
}
