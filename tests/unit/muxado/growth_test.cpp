// Growth of receive windows over an emulated round trip, against models of the official senders: Rust clamps
// the credit it holds at 262144, Go adds it up (performance-and-reliability A.5).
#include "muxado/session.hpp"

#include "support/doctest.hpp"
#include "unit/muxado/wire.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

using namespace adit;
using namespace adit::test;
using namespace std::chrono_literals;
using muxado::Duration;
using muxado::PeerCredit;
using muxado::Role;
using muxado::Time;

namespace {

constexpr std::uint32_t window = limits::initial_window;

/// Things that happen at a time, in order of time and then of being scheduled.
class Clock {
public:
    Time now = t0;
    void at(Time when, std::function<void()> what) { queue_.emplace(when, std::move(what)); }
    bool step() {
        if (queue_.empty()) return false;
        auto first = queue_.extract(queue_.begin());
        now = first.key();
        first.mapped()();
        return true;
    }
    void run() {
        while (step()) {
        }
    }

private:
    std::multimap<Time, std::function<void()>> queue_;
};

enum class Model { rust, go };

/// An agent that sends a download on one stream through a link of a given delay and rate to an edge session,
/// whose reader (the visitor) takes bytes at a given rate.
class Download {
public:
    Download(Model model, const muxado::Config& c, Duration rtt, double link_rate, double reader_rate = 1e12)
        : edge(c), model_(model), delay_(rtt / 2), link_rate_(link_rate), reader_rate_(reader_rate) {
        id_ = *edge.open(3);
        drain(edge);
    }

    /// Sends `n` bytes and returns how long it took until the reader had them all.
    Duration burst(std::size_t n) {
        const Time start = clock.now;
        to_send_ += n;
        wanted_ += n;
        send();
        while (taken_ < wanted_) REQUIRE(clock.step()); // an empty queue would be a stall
        const Time end = clock.now;
        clock.run(); // credit on its way
        return end - start;
    }
    void pause(Duration d) { clock.now += d; }
    muxado::StreamStats stats() const { return *edge.stats(id_); }

    Clock clock;
    Session edge;
    std::uint32_t peer_credit = window;
    std::size_t most_buffered = 0;

private:
    void send() {
        const std::size_t largest = model_ == Model::rust ? 8'192 : 32'768;
        while (to_send_ != 0 && peer_credit != 0) {
            const std::size_t n = std::min({to_send_, largest, std::size_t{peer_credit}});
            to_send_ -= n;
            peer_credit -= static_cast<std::uint32_t>(n);
            link_free_ =
                std::max(link_free_, clock.now) +
                std::chrono::duration_cast<Duration>(std::chrono::duration<double>(double(n) / link_rate_));
            clock.at(link_free_ + delay_, [this, frame = data(id_, zeros(n))] { arrive(frame); });
        }
    }
    void arrive(const Buffer& frame) {
        edge.receive(frame, clock.now);
        REQUIRE(edge.stats(id_));
        REQUIRE(edge.read_state(id_) == muxado::ReadState::data);
        most_buffered = std::max(most_buffered, edge.counters().buffered_in);
        if (!reading_) read();
        flush();
    }
    void read() {
        const std::size_t n = std::min<std::size_t>(edge.readable(id_), 65'536);
        reading_ = n != 0;
        if (n == 0) return;
        const auto takes =
            std::chrono::duration_cast<Duration>(std::chrono::duration<double>(double(n) / reader_rate_));
        clock.at(clock.now + takes, [this, n] {
            edge.consume(id_, n);
            taken_ += n;
            flush();
            read();
        });
    }
    /// What the edge has to say leaves, and its timer is armed.
    void flush() {
        for (const auto& f : sent(edge)) {
            REQUIRE(f.wndinc());
            REQUIRE(f.number() <= limits::credit_step);
            clock.at(clock.now + delay_, [this, by = f.number()] { credited(by); });
        }
        const auto next = edge.next_timeout();
        if (!next || timer_ == next) return;
        timer_ = next;
        clock.at(std::max(*next, clock.now), [this] {
            timer_.reset();
            edge.on_timeout(clock.now);
            flush();
        });
    }
    /// Rust's reader task takes all the credit that has come before its writer runs, so what comes together is
    /// clamped together.
    void credited(std::uint32_t by) {
        peer_credit += by;
        if (model_ == Model::go) return send();
        peer_credit = std::min(peer_credit, window);
        if (std::exchange(woken_, true)) return;
        clock.at(clock.now + 300us, [this] {
            woken_ = false;
            send();
        });
    }

    Model model_;
    Duration delay_;
    double link_rate_, reader_rate_;
    StreamId id_ = 0;
    Time link_free_{};
    std::size_t to_send_ = 0, wanted_ = 0, taken_ = 0;
    bool reading_ = false;
    bool woken_ = false; ///< the model's writer
    std::optional<Time> timer_;
};

muxado::Config growing(PeerCredit kind) {
    auto c = config(Role::server);
    c.grow = true;
    c.peer_credit = kind;
    return c;
}
double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

constexpr auto rtt = 100ms;
constexpr double fast_link = 100e6; // bytes a second
constexpr std::size_t mib = 1u << 20;

} // namespace

TEST_CASE("without growth a download takes one window per round trip, from either sender, and never stalls") {
    for (const Model model : {Model::rust, Model::go}) {
        Download d(model, config(Role::server), rtt, fast_link);
        d.edge.set_rtt(rtt);
        const double rate = 8.0 * mib / seconds(d.burst(8 * mib));
        CHECK(rate > 0.85 * window / seconds(rtt));
        CHECK(rate < 1.05 * window / seconds(rtt));
        CHECK(d.stats().growth == 0);
    }
}

TEST_CASE("with growth both official senders go at least five times faster over 100 ms") {
    for (const Model model : {Model::rust, Model::go}) {
        for (const PeerCredit kind : {PeerCredit::unknown, PeerCredit::keeps, PeerCredit::clamps}) {
            if (model == Model::rust && kind == PeerCredit::keeps) continue; // told wrongly
            if (model == Model::go && kind == PeerCredit::clamps) continue;
            CAPTURE(static_cast<int>(model));
            CAPTURE(static_cast<int>(kind));
            Download d(model, growing(kind), rtt, fast_link);
            d.edge.set_rtt(rtt);
            const double rate = 32.0 * mib / seconds(d.burst(32 * mib));
            CHECK(rate > 5 * window / seconds(rtt));
            CHECK(d.stats().window <= limits::stream_window_max);
        }
    }
}

TEST_CASE("a clamping sender that lost its surplus in a pause speeds up again with every burst") {
    for (const Duration pause : {Duration(450ms), Duration(5s)}) {
        Download d(Model::rust, growing(PeerCredit::clamps), rtt, fast_link);
        d.edge.set_rtt(rtt);
        // After a pause too short to write the old surplus off, growth may be repeated once; then it is a
        // matter of longer ones.
        const int bursts = pause > 1s ? 12 : 2;
        for (int i = 0; i < bursts; ++i) {
            CAPTURE(i);
            const double rate = 32.0 * mib / seconds(d.burst(32 * mib));
            CHECK(rate > 5 * window / seconds(rtt));
            CHECK(d.peer_credit <= window);
            d.pause(pause);
        }
        CHECK(d.edge.counters().window_growth <= 2 * std::uint64_t{limits::stream_window_max});
    }
}

TEST_CASE(
    "a sender of unknown kind is never given more than twice the largest window, however often it pauses") {
    Download d(Model::go, growing(PeerCredit::unknown), rtt, fast_link);
    d.edge.set_rtt(rtt);
    for (int i = 0; i < 40; ++i) {
        d.burst(2 * mib);
        d.pause(3s);
        REQUIRE(d.peer_credit == d.stats().receive_credit); // it kept everything, and we know
        REQUIRE(d.peer_credit <= window + 2 * limits::stream_window_max);
    }
}

TEST_CASE("a slow reader holds the sender to the initial window") {
    Download d(Model::go, growing(PeerCredit::keeps), rtt, fast_link, 200e3);
    d.edge.set_rtt(rtt);
    d.burst(4 * mib);
    CHECK(d.stats().growth == 0);
    CHECK(d.most_buffered <= window);
}

TEST_CASE("a window that is far too large for its reader shrinks by withheld credit, only for a sender that "
          "keeps credit") {
    for (const PeerCredit kind : {PeerCredit::keeps, PeerCredit::unknown}) {
        muxado::Config c = growing(kind);
        Session session(c);
        session.set_rtt(1ms);
        session.receive(open(3, 1), t0);
        Time now = t0;
        auto flow = [&](Duration per_frame) {
            for (int i = 0; i < 4'000; ++i) {
                session.receive(data(3, zeros(16'384)), now);
                REQUIRE(session.read_state(3) == muxado::ReadState::data);
                session.consume(3, 16'384);
                if (const auto due = session.next_timeout(); due && *due <= now) session.on_timeout(now);
                drain(session);
                now += per_frame;
            }
        };
        flow(10us); // 1.6 GB/s
        const auto grown = *session.stats(3);
        CHECK(grown.window == limits::stream_window_max);
        CHECK(grown.growth == limits::stream_window_max - window);
        flow(3900us); // 4 MB/s: thousands of round trips for half the window
        const auto shrunk = *session.stats(3);
        if (kind == PeerCredit::keeps) {
            CHECK(shrunk.window <= 2 * window);
            CHECK(shrunk.receive_credit + shrunk.owed + shrunk.growth_owed == window + shrunk.growth);
            CHECK(shrunk.growth < grown.growth / 8);
        } else {
            CHECK(shrunk.receive_credit + shrunk.owed + shrunk.growth_owed == window + shrunk.growth);
            CHECK(shrunk.growth >= grown.growth);
        }
    }
}

TEST_CASE("growth of all streams together stays within the session's budget and comes back when they end") {
    auto c = growing(PeerCredit::keeps);
    c.session_window_max = 1'000'000;
    Session session(c);
    session.set_rtt(rtt);
    Time now = t0;
    for (StreamId id = 3; id < 23; id += 2) session.receive(open(id, 1), now);
    for (int turn = 0; turn < 100; ++turn) {
        now += 1ms;
        for (StreamId id = 3; id < 23; id += 2) {
            session.receive(data(id, zeros(16'384)), now);
            session.consume(id, 16'384);
        }
        drain(session);
        CHECK(session.counters().window_growth <= 1'000'000);
    }
    CHECK(session.counters().window_growth == 1'000'000);
    for (StreamId id = 3; id < 23; id += 2) session.reset(id, muxado::ErrorCode::stream_cancelled);
    CHECK(session.counters().window_growth == 0);
}

TEST_CASE("growth needs to be switched on and the round trip to be known") {
    for (const bool on : {false, true}) {
        auto c = config(Role::server);
        c.grow = on;
        Session session(c);
        if (!on) session.set_rtt(rtt);
        session.receive(open(3, 1), t0);
        for (int i = 0; i < 100; ++i) {
            session.receive(data(3, zeros(16'384)), t0 + i * 1us);
            session.consume(3, 16'384);
            drain(session);
        }
        CHECK(session.stats(3)->growth == 0);
    }
}

TEST_CASE("a raised window is granted to both ends of later streams once they prove to be large") {
    auto c = config(Role::server);
    Session session(c);
    session.receive(open(3, 1), t0);
    session.raise_window(4u << 20);
    const auto ours = session.open(3);
    session.receive(open(5, 1), t0);
    drain(session);
    struct Row {
        StreamId id;
        bool raised;
    };
    for (const auto& [id, raised] : {Row{3, false}, Row{5, true}, Row{*ours, true}}) {
        CAPTURE(id);
        session.receive(data(id, zeros(1'000)), t0);
        CHECK_FALSE(session.has_output()); // small ones are not worth a frame
        session.receive(data(id, zeros(40'000)), t0);
        std::uint64_t sum = 0;
        for (const auto& f : sent(session)) {
            REQUIRE(f.wndinc());
            CHECK(f.id == id);
            CHECK(f.number() <= limits::credit_step);
            sum += f.number();
        }
        const std::uint64_t type = id == *ours ? 0 : 4;
        CHECK(sum == (raised ? (4u << 20) - window + type : 0));
        CHECK(session.stats(id)->window == (raised ? 4u << 20 : window));
    }
    session.raise_window(0xFFFF'FFFF);
    session.receive(open(7, 1, zeros(40'000)), t0);
    CHECK(session.stats(7)->window == limits::stream_window_max);
}

TEST_CASE("two adit sessions with raised windows pass the old limit of 262144 bytes in flight") {
    Session agent(config(Role::client)), edge(config(Role::server));
    agent.raise_window(1u << 20);
    edge.raise_window(1u << 20);
    const auto id = *edge.open(3);
    agent.receive(drain(edge), t0);
    std::size_t in_flight = 0;
    // The agent sends all it may and the edge's credit comes back after the edge saw the first part.
    for (int turn = 0; turn < 3; ++turn) {
        Buffer flight;
        for (;;) {
            const std::size_t n = agent.write(id, zeros(100'000));
            const Buffer out = drain(agent);
            flight = flight + out;
            if (n == 0 && out.empty()) break;
        }
        in_flight = std::max(in_flight, flight.size());
        edge.receive(flight, t0);
        while (edge.readable(id) != 0) edge.consume(id, 1u << 20);
        agent.receive(drain(edge), t0);
    }
    CHECK(in_flight > 1'000'000);
    CHECK_FALSE(edge.error());
    CHECK_FALSE(agent.error());
}
