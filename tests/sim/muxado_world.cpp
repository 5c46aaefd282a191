#include "sim/muxado_world.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace adit::sim {

using namespace std::chrono_literals;
using muxado::ErrorCode;
using muxado::EventType;
using muxado::ReadState;
using muxado::StreamId;
using muxado::WriteState;

namespace {
constexpr std::size_t steps_min = 500;
constexpr std::size_t ring_size = 65'521; // a prime, so that offsets do not repeat with any buffer size
const char* name(int side) { return side == 0 ? "client" : "server"; }
} // namespace

Plan::Plan(Random& random) {
    steps = random.between(steps_min, 1'500);
    streams_max = random.chance(30) ? random.between(1, 4) : random.between(5, 40);
    payload_max = random.chance(20) ? random.between(1, 200) : limits::frame_payload_max;
    write_max = random.chance(20) ? 50 : random.chance(50) ? 3'000 : 120'000;
    if (payload_max < 200) write_max = std::min<std::size_t>(write_max, 3'000);
    heavy = payload_max >= 200 && random.chance(40);
    bulk = heavy || random.chance(50);
    piece_max = random.chance(20) ? random.between(1, 30) : random.chance(50) ? 1'460 : 200'000;
    link_capacity = random.chance(30) ? random.between(1, 20'000) : 1u << 20;
    if (heavy) {
        streams_max = random.between(1, 4);
        write_max = 120'000;
        link_capacity = std::max<std::size_t>(link_capacity, 20'000);
        piece_max = std::max<std::size_t>(piece_max, 20'000);
    }
    lazy = heavy && random.chance(40);
    refuses = random.chance(20);
    remote_max = refuses ? std::max<std::size_t>(streams_max / 2, 1) : 4 * streams_max + 8;
    quota_max = heavy ? 900'000 : write_max;
    stream_buffer = random.chance(30) ? random.between(100, 20'000) : limits::stream_write_buffer;
    session_buffer = random.chance(30) ? random.between(1, 60'000) : limits::session_write_buffer;
    delay_max = std::chrono::milliseconds(random.chance(30) ? 0 : random.between(1, 200));
    grow = random.chance(50);
    raise = random.chance(30);
    peer_keeps_streams = random.chance(30);
    heartbeats = random.chance(70);
    impatient = random.chance(10);
    resets = static_cast<unsigned>(random.chance(50) ? random.between(1, 10) : 0);
    releases = static_cast<unsigned>(heavy ? random.between(0, 4) : random.between(1, 12));
    if (heavy) resets /= 5;
    refusals = static_cast<unsigned>(random.chance(30) ? random.between(1, 30) : 0);
    half_closes = static_cast<unsigned>(heavy ? random.between(0, 1) : random.between(1, 12));
    stalls = static_cast<unsigned>(random.chance(40) ? random.between(1, 3) : 0);
    cut = random.chance(15);
    goodbye = !cut && random.chance(10);
}

World::World(std::uint64_t seed, bool trace)
    : seed_(seed), trace_(trace), random_(seed), plan_(random_), now_(test::t0), ring_(ring_size),
      scratch_(400'000) {
    for (auto& b : ring_) b = static_cast<std::uint8_t>(random_.next());
    for (int side : {0, 1}) {
        sides_[static_cast<std::size_t>(side)] = std::make_unique<Side>(config_of(side));
        auto& session = at(side).session;
        session.set_rtt(std::chrono::duration_cast<std::chrono::microseconds>(plan_.delay_max) + 1ms);
        if (plan_.peer_keeps_streams) session.set_peer_keeps_streams();
        if (plan_.raise) session.raise_window(static_cast<std::uint32_t>(random_.between(1, 2u << 20)));
        const Duration tolerance = plan_.impatient ? Duration(500ms) : Duration(24h);
        if (plan_.heartbeats) session.start_heartbeat(1s, tolerance, now_);
    }
}

muxado::Config World::config_of(int side) {
    auto c = test::config(side == 0 ? muxado::Role::client : muxado::Role::server);
    c.random = [r = Random(seed_ ^ static_cast<std::uint64_t>(side + 1))](MutableBytes out) mutable {
        for (auto& b : out) b = static_cast<std::uint8_t>(r.next());
    };
    c.grow = plan_.grow;
    c.peer_credit = random_.chance(50) ? muxado::PeerCredit::keeps : muxado::PeerCredit::unknown;
    c.max_local_streams = plan_.streams_max + 1; // and a heartbeat
    c.max_remote_streams = plan_.remote_max + 1;
    c.frame_payload_max = plan_.payload_max;
    c.stream_write_buffer = plan_.stream_buffer;
    c.session_write_buffer = plan_.session_buffer;
    return c;
}

Bytes World::content(StreamId id, int writer, std::uint64_t offset, std::size_t most) const {
    const auto at = static_cast<std::size_t>(
        (offset + id * 7919u + static_cast<std::uint64_t>(writer) * 31u) % ring_size);
    return Bytes(ring_).subspan(at, std::min(most, ring_size - at));
}

std::size_t World::amount(std::size_t most) {
    return plan_.bulk ? random_.between(0, most) : random_.size(most);
}

// --- the run

void World::run() {
    const std::size_t end = plan_.cut || plan_.goodbye ? random_.between(steps_min, plan_.steps) : plan_.steps;
    for (; step_ < end && !over_; ++step_) {
        random_step();
        check_laws();
    }
    if (!over_ && plan_.cut) cut();
    if (!over_ && plan_.goodbye) {
        const int side = static_cast<int>(random_.below(2));
        trace(side, "says goodbye");
        at(side).session.goaway(random_.chance(50) ? ErrorCode::none : ErrorCode::internal);
        ending_ = "goodbye";
        over_ = true;
    }
    settling_ = true;
    if (over_)
        after_loss();
    else
        settle();
}

void World::random_step() {
    const int side = static_cast<int>(random_.below(2));
    const std::size_t what = random_.below(100);
    if (what < 45) {
        application_step(side);
    } else if (what < 65) {
        produce(side);
    } else if (what < 90) {
        deliver(side, std::max<std::size_t>(amount(plan_.piece_max), 1));
    } else {
        now_ += std::chrono::microseconds(random_.size(50'000));
        if (random_.below(100) < plan_.stalls) {
            const auto pause = std::chrono::milliseconds(random_.between(1, plan_.impatient ? 5'000 : 1'000));
            at(side).out.stall_until(now_ + pause);
            trace(side, "link stalls");
        }
    }
    clocks();
    for (int each : {0, 1}) handle_events(each);
}

void World::clocks() {
    for (int side : {0, 1}) {
        const auto next = at(side).session.next_timeout();
        if (next && *next <= now_) at(side).session.on_timeout(now_);
    }
}

// --- the transport

void World::produce(int side) {
    Side& s = at(side);
    if (s.out.in_flight() >= plan_.link_capacity) return;
    std::size_t total = 0;
    // Up to the end of a frame, so that the books can be compared after the step; in pieces of any size.
    do {
        const std::size_t n =
            s.session.produce(MutableBytes(scratch_).first(std::max<std::size_t>(amount(200'000), 1)));
        require(n != 0 || !s.session.has_output(), "has_output() promises what produce() does not give");
        if (n == 0) break;
        s.produced.pass(Bytes(scratch_).first(n));
        s.out.send(Bytes(scratch_).first(n),
                   now_ + std::chrono::duration_cast<Duration>(plan_.delay_max *
                                                               static_cast<long>(random_.below(101)) / 100));
        total += n;
    } while (!s.produced.at_boundary());
    if (total != 0) trace(side, "sends " + std::to_string(total));
}

void World::deliver(int side, std::size_t most) {
    Side& s = at(side);
    const Buffer bytes = s.out.take(now_, most);
    if (bytes.empty()) return;
    trace(side, "delivers " + std::to_string(bytes.size()));
    s.delivered.pass(bytes);
    at(1 - side).session.receive(bytes, now_);
}

void World::cut() {
    trace(0, "link is cut");
    ending_ = "cut";
    over_ = true;
    // Some of what is on the way still arrives.
    for (int side : {0, 1}) {
        deliver(side, random_.size(100'000) + 1);
        at(side).out.cut();
    }
    for (int side : {0, 1}) at(side).session.transport_closed(ErrorInfo(errc::session_lost, "cut"));
}

// --- the applications

void World::application_step(int side) {
    Side& s = at(side);
    if (s.handles.empty() || random_.chance(15)) return open(side);
    auto chosen = s.handles.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(random_.below(s.handles.size())));
    const StreamId id = chosen->first;
    const std::size_t what = random_.below(100);
    if (what < plan_.resets + plan_.releases) return drop(side, id);
    if (what < plan_.resets + plan_.releases + plan_.half_closes) return shut(side, id);
    if (what < (plan_.lazy ? 96u : plan_.heavy ? 70u : 60u)) return write(side, id);
    read(side, id, false);
}

void World::open(int side) {
    Side& s = at(side);
    const auto type = static_cast<std::uint32_t>(random_.below(10));
    const std::size_t first = std::min(amount(plan_.write_max), plan_.stream_buffer - 4);
    // The content of a stream depends on its id, which open() gives: the next of this side's.
    StreamId next = side == 0 ? 3 : 2;
    if (plan_.heartbeats) next += 2;
    for (const auto& [id, model] : models_)
        if (static_cast<int>(id % 2) == 1 - side) next = std::max(next, id + 2);
    const Bytes a = content(next, side, 0, first);
    const Bytes b = content(next, side, a.size(), first - a.size());
    const auto id = s.session.open(type, a, b);
    if (!id) {
        require(id.error().code() == errc::limit_exceeded, "open() failed for another reason than the limit");
        const auto& counters = s.session.counters();
        require(counters.local_streams + counters.kept_places > plan_.streams_max, "open() refused below the limit");
        return;
    }
    require(*id == next, "ids do not count up by two");
    models_[next].type = type;
    flow(next, side).written = a.size() + b.size();
    s.handles[next].quota = random_.between(0, plan_.quota_max);
    trace(side, "opens " + std::to_string(next) + " with " + std::to_string(a.size() + b.size()));
}

void World::write(int side, StreamId id) { write_some(side, id, amount(plan_.write_max)); }

void World::write_some(int side, StreamId id, std::size_t most) {
    Side& s = at(side);
    Handle& handle = s.handles.at(id);
    if (handle.shut || handle.write_over || !handle.may_write) return;
    Flow& f = flow(id, side);
    const Bytes bytes = content(id, side, f.written, most);
    const std::size_t space = s.session.write_space(id);
    const std::size_t n = s.session.write(id, bytes);
    require(n == std::min(space, bytes.size()), "write() does not take what write_space() promised");
    f.written += n;
    handle.quota -= std::min(n, handle.quota);
    handle.may_write = n == bytes.size();
    trace(side, "writes " + std::to_string(n) + " of " + std::to_string(bytes.size()) + " on " +
                    std::to_string(id));
}

void World::read(int side, StreamId id, bool all) {
    Side& s = at(side);
    Handle& handle = s.handles.at(id);
    if (handle.read_over || !handle.may_read) return;
    Flow& f = flow(id, 1 - side);
    const bool peeks = random_.chance(30);
    do {
        const std::size_t wanted = std::max<std::size_t>(amount(200'000), 1);
        Bytes got;
        if (peeks) {
            got = s.session.peek(id);
            got = got.first(std::min(got.size(), wanted));
        } else {
            got = Bytes(scratch_).first(s.session.read(id, MutableBytes(scratch_).first(wanted)));
        }
        for (std::size_t at = 0; at < got.size();) {
            const Bytes expected = content(id, 1 - side, f.read + at, got.size() - at);
            require(std::memcmp(expected.data(), got.data() + at, expected.size()) == 0,
                    "a stream's bytes differ");
            at += expected.size();
        }
        f.read += got.size();
        bytes_checked_ += got.size();
        require(f.read <= f.written, "a stream has more bytes than were written");
        if (peeks) s.session.consume(id, got.size());
        if (s.session.readable(id) != 0) continue;
        if (!peeks && got.size() == wanted)
            continue; // full: a last call finds nothing and settles the credit
        if (!peeks) {
            require(s.session.read(id, MutableBytes(scratch_).first(1)) == 0, "bytes out of nowhere");
        }
        handle.may_read = false;
    } while (all && handle.may_read);
    check_end_of_reading(side, id);
}

void World::check_end_of_reading(int side, StreamId id) {
    Handle& handle = at(side).handles.at(id);
    const Flow& f = flow(id, 1 - side);
    switch (at(side).session.read_state(id)) {
    case ReadState::data:
    case ReadState::open: return;
    case ReadState::fin:
        // An abort is FIN and then RST: until the RST arrived it looks like an end.
        require(f.aborted || (f.finished && f.read == f.written), "a clean end without all bytes");
        break;
    case ReadState::reset: break; // its reason was checked with the event
    case ReadState::lost:
        require(over_ || at(side).session.error().has_value(), "lost without a loss");
        break;
    case ReadState::gone: fail("a stream that the application holds is gone");
    }
    handle.read_over = true;
}

void World::shut(int side, StreamId id) {
    Handle& handle = at(side).handles.at(id);
    if (handle.shut) return;
    at(side).session.shutdown_write(id);
    handle.shut = true;
    flow(id, side).finished = true;
    trace(side, "shuts " + std::to_string(id));
}

void World::drop(int side, StreamId id) {
    Side& s = at(side);
    const bool aborts =
        !settling_ && random_.below(plan_.resets + plan_.releases) < plan_.resets; // never both 0 here
    flow(id, 1 - side).abandoned = true;
    if (aborts) {
        flow(id, side).aborted = true;
        s.session.reset(id, ErrorCode::stream_cancelled);
    } else {
        flow(id, side).finished = true;
        s.session.release(id);
    }
    s.handles.erase(id);
    require(s.session.read_state(id) == ReadState::gone, "a dropped stream is not gone");
    trace(side, (aborts ? "resets " : "releases ") + std::to_string(id));
}

void World::handle_events(int side) {
    Side& s = at(side);
    while (const auto event = s.session.poll_event()) {
        require(!s.lost, "an event after `closed`");
        const auto handle = s.handles.find(event->id);
        const bool of_stream = event->type <= EventType::reset && event->type != EventType::stream_opened;
        require(!of_stream || handle != s.handles.end(),
                "an event of a stream that the application does not hold");
        switch (event->type) {
        case EventType::stream_opened: on_opened(side, event->id, event->value); break;
        case EventType::readable: handle->second.may_read = true; break;
        case EventType::writable: handle->second.may_write = true; break;
        case EventType::reset: on_reset(side, event->id, event->value); break;
        case EventType::openable:
            require(s.session.counters().local_streams <= plan_.streams_max, "openable without a place");
            break;
        case EventType::heartbeat: require(event->latency >= Duration::zero(), "a negative latency"); break;
        case EventType::goaway: break;
        case EventType::closed:
            s.lost = true;
            for (auto& [id, held] : s.handles) held.may_read = true;
            if (over_) break;
            require(s.session.error()->code() == errc::heartbeat_timeout && plan_.impatient,
                    "a session died of its own");
            ending_ = "heartbeat timeout";
            over_ = true;
            break;
        }
    }
}

void World::on_opened(int side, StreamId id, std::uint32_t type) {
    const auto model = models_.find(id);
    require(model != models_.end() && static_cast<int>(id % 2) == side,
            "a stream that the peer did not open");
    require(type == model->second.type, "a stream with another type");
    at(side).handles[id].quota = random_.between(0, plan_.quota_max);
    if (settling_ || !random_.chance(plan_.refusals)) return;
    flow(id, 1 - side).abandoned = true;
    flow(id, side).aborted = true;
    at(side).session.refuse(id);
    at(side).handles.erase(id);
    trace(side, "refuses " + std::to_string(id));
}

void World::on_reset(int side, StreamId id, std::uint32_t code) {
    Handle& handle = at(side).handles.at(id);
    handle.may_read = handle.write_over = true;
    const bool refused = code == static_cast<std::uint32_t>(ErrorCode::stream_refused) && plan_.refuses;
    if (refused) { // never seen by the other application
        flow(id, 1 - side).aborted = flow(id, side).abandoned = true;
    }
    trace(side, "sees reset " + std::to_string(code) + " of " + std::to_string(id));
    require(flow(id, side).abandoned, "a reset that nobody asked for");
}

void World::trace(int side, const std::string& what) const {
    if (trace_)
        std::printf("%6zu %10.6f %s %s\n", step_, std::chrono::duration<double>(now_ - test::t0).count(),
                    name(side), what.c_str());
}

void World::fail(const std::string& what) const { throw Failure(what); }

} // namespace adit::sim
