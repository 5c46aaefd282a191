// What must hold after every step, and how a run comes to rest.
#include "sim/muxado_world.hpp"

#include <algorithm>

namespace adit::sim {

using namespace std::chrono_literals;
using muxado::StreamId;

void World::check_laws() {
    for (int side : {0, 1}) check_bounds(side);
    if (over_) return;
    for (const auto& [id, model] : models_)
        for (int writer : {0, 1}) check_credit(writer, id);
    if (!plan_.heartbeats) return;
    check_credit(0, 3);
    check_credit(1, 3);
    check_credit(0, 2);
    check_credit(1, 2);
}

/// Credit is neither lost nor made: what the writer may send, what is on its way in either direction, and
/// what the reader holds or owes add up to what was granted.
void World::check_credit(int writer, StreamId id) {
    Side& w = at(writer);
    Side& r = at(1 - writer);
    const auto sending = w.session.stats(id);
    const auto receiving = r.session.stats(id);
    if (receiving && !receiving->released && !receiving->closing) {
        const auto& s = *receiving;
        const std::uint64_t kept = s.receive_credit + s.owed + s.growth_owed + s.handed_out + s.readable;
        require(kept == limits::initial_window + s.growth, "the reader's credit does not add up");
        require(s.readable <= limits::initial_window + s.growth,
                "a receive buffer is larger than its window");
    }
    if (!sending || sending->closing || sending->fin_sent || sending->write_reset) return;
    const std::uint64_t on_way = w.produced.of(id).payload - w.delivered.of(id).payload;
    const std::uint64_t returning = r.produced.of(id).credit - r.delivered.of(id).credit;
    const bool opened_by_writer = static_cast<int>(id % 2) == 1 - writer;
    if (opened_by_writer && !w.delivered.of(id).opened) {
        require(sending->send_credit + on_way == limits::initial_window, "credit before the stream arrived");
        return;
    }
    if (!receiving || receiving->released || receiving->closing || receiving->read_reset) return;
    require(sending->send_credit + on_way + returning == receiving->receive_credit,
            "credit is not conserved");
}

void World::check_bounds(int side) {
    const auto c = at(side).session.counters();
    require(c.local_streams <= plan_.streams_max + 1, "too many local streams");
    require(c.remote_streams <= plan_.remote_max + 1, "too many remote streams");
    require(c.control_queued <= limits::control_frames_queued, "too many control frames");
    require(c.window_growth <= limits::session_window_max, "too much growth");
    const std::size_t streams = c.local_streams + c.remote_streams;
    const std::size_t first_bytes =
        c.local_streams * std::min(plan_.write_max, plan_.stream_buffer); // open() takes them whole
    require(c.buffered_out <= plan_.session_buffer + streams * 16'384 + first_bytes,
            "send buffers are over their bound");
    require(c.buffered_in <= streams * std::uint64_t{limits::initial_window} + c.window_growth,
            "receive buffers are over their bound");
}

/// Faults stop, nothing new begins, and everything must come to its end by the events alone.
void World::settle() {
    settle_until_quiet();
    // Ids of aborted streams are forgotten after five seconds; heartbeats go on.
    for (int i = 0; i < 3 && !over_; ++i) {
        now_ += 3s;
        clocks();
        settle_until_quiet();
    }
    if (over_) return after_loss(); // an impatient heartbeat that was late already
    check_nothing_left();
}

void World::settle_until_quiet() {
    for (bool moved = true; moved && !over_;) {
        require(++settle_rounds_ < 500'000, "it never comes to rest");
        moved = false;
        for (int side : {0, 1}) {
            settle_applications(side);
            if (at(side).session.has_output()) produce(side);
            if (at(side).out.empty()) continue;
            now_ = std::max(now_, at(side).out.next_due());
            deliver(side, std::max<std::size_t>(plan_.piece_max, 1'460));
            moved = true;
        }
        clocks();
        for (int side : {0, 1}) handle_events(side);
        check_laws();
        ++step_;
        for (int side : {0, 1}) {
            moved = moved || at(side).session.has_output();
            for (const auto& [id, handle] : at(side).handles)
                moved = moved || handle.may_read || (handle.may_write && !handle.shut);
        }
    }
}

void World::settle_applications(int side) {
    auto& handles = at(side).handles;
    for (auto next = handles.begin(); next != handles.end();) {
        const StreamId id = next->first;
        Handle& handle = (next++)->second;
        while (handle.quota != 0 && handle.may_write && !handle.write_over && !handle.shut && !over_)
            write_some(side, id, handle.quota);
        const bool said_all = handle.quota == 0 || handle.write_over || handle.shut || over_;
        if (said_all && !handle.shut) shut(side, id);
        read(side, id, true);
        if (handle.read_over && said_all) drop(side, id);
    }
}

/// The link is gone or a session ended: what arrived can be read, then everything can be dropped and
/// nothing is left.
void World::after_loss() {
    for (int round = 0; round < 20'000; ++round) {
        bool moved = false;
        for (int side : {0, 1}) {
            if (at(side).session.has_output()) produce(side);
            if (at(side).out.empty()) continue;
            now_ = std::max(now_, at(side).out.next_due());
            deliver(side, plan_.piece_max);
            moved = true;
        }
        for (int side : {0, 1}) handle_events(side);
        if (!moved && !at(0).session.has_output() && !at(1).session.has_output()) break;
    }
    for (int side : {0, 1}) {
        // Whoever ended it closes the transport.
        at(side).session.transport_closed({});
        handle_events(side);
        require(at(side).lost, "no `closed` event");
        require(!at(side).session.has_output() && at(side).session.finished(), "output after the end");
        settle_applications(side);
        check_bounds(side);
    }
    check_nothing_left();
}

void World::check_nothing_left() {
    for (int side : {0, 1}) {
        Side& s = at(side);
        const auto c = s.session.counters();
        const std::size_t heartbeats = plan_.heartbeats ? 1 : 0;
        require(s.handles.empty(), "a stream never ended for its application");
        require(c.buffered_in == 0 && c.buffered_out == 0, "bytes are left in buffers");
        require(c.control_queued == 0, "control frames are left");
        require(c.window_growth == 0, "growth of streams that are gone");
        const std::size_t kept = over_ ? 0 : heartbeats;
        require(c.local_streams == kept && c.remote_streams == kept,
                "a stream is left, or a heartbeat stream is lost");
        require(c.closing_streams == 0, "a stream is remembered for ever");
        if (over_) continue;
        require(!s.session.error(), "a session died");
        for (const auto& [id, model] : models_) {
            const Flow& f = model.flow[static_cast<std::size_t>(side)];
            require(f.finished || f.aborted || f.abandoned, "a stream was neither finished nor dropped");
        }
    }
    if (over_) return;
    for (const auto& [id, model] : models_)
        for (const Flow& f : model.flow) require(f.read <= f.written, "more read than written");
}

} // namespace adit::sim
