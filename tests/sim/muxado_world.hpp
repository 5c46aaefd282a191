// Two muxado sessions, the links between them, two applications that use them at random, and the laws that
// hold after every step.
#pragma once

#include "sim/link.hpp"
#include "sim/random.hpp"
#include "unit/muxado/wire.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace adit::sim {

/// A law was broken.
class Failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What the seed decides about a run before its first step ("swarm" testing: runs differ in kind, not only
/// in order).
struct Plan {
    explicit Plan(Random& random);

    std::size_t steps;
    std::size_t streams_max;
    bool refuses; ///< a side takes fewer streams than the other opens
    std::size_t remote_max;
    std::size_t payload_max; ///< of a DATA frame
    std::size_t write_max;   ///< of one write
    std::size_t stream_buffer, session_buffer;
    std::size_t piece_max;     ///< the link delivers at most this much at once
    std::size_t link_capacity; ///< bytes in flight before the sender waits
    Duration delay_max;
    bool heavy;            ///< few streams with so much to say that windows and buffers run full
    bool lazy;             ///< and readers that read seldom
    std::size_t quota_max; ///< what a writer still has to say when the faults stop
    bool bulk;             ///< amounts are spread evenly up to their maximum, else mostly small
    bool grow, raise, heartbeats, impatient, peer_keeps_streams;
    unsigned resets, releases, refusals, half_closes, stalls; ///< percent or permille weights
    bool cut, goodbye;                                        ///< the run ends so, at a random step
};

class World {
public:
    World(std::uint64_t seed, bool trace);

    /// The whole run; throws Failure.
    void run();
    std::size_t step() const { return step_; }
    std::uint64_t bytes_checked() const { return bytes_checked_; }
    const char* ending() const { return ending_; }

private:
    /// What the application of one side holds of a stream.
    struct Handle {
        bool may_read = true; ///< an event said so, or nothing was tried yet
        bool may_write = true;
        bool shut = false;
        std::size_t quota = 0;  ///< to be written before it is shut, in the end
        bool read_over = false; ///< saw the end or a reset
        bool write_over = false;
    };
    struct Side {
        explicit Side(const muxado::Config& c) : session(c) {}
        muxado::Session session;
        Link out;
        Meter produced, delivered; ///< of the frames this side sends, at either end of `out`
        std::map<muxado::StreamId, Handle> handles;
        bool lost = false; ///< saw `closed`
    };
    /// One direction of a stream, told by what both applications did.
    struct Flow {
        std::uint64_t written = 0, read = 0;
        bool finished = false;  ///< its writer shut it down or released the stream
        bool aborted = false;   ///< its writer reset or refused the stream
        bool abandoned = false; ///< its reader released, reset or refused the stream
    };
    struct Model {
        std::uint32_t type = 0;
        std::array<Flow, 2> flow; ///< by writer: 0 the client, 1 the server
    };

    muxado::Config config_of(int side);
    void random_step();
    void application_step(int side);
    void open(int side);
    void write(int side, muxado::StreamId id);
    void write_some(int side, muxado::StreamId id, std::size_t most);
    void read(int side, muxado::StreamId id, bool all);
    void check_end_of_reading(int side, muxado::StreamId id);
    void shut(int side, muxado::StreamId id);
    void drop(int side, muxado::StreamId id);
    void handle_events(int side);
    void on_opened(int side, muxado::StreamId id, std::uint32_t type);
    void on_reset(int side, muxado::StreamId id, std::uint32_t code);
    void produce(int side);
    void deliver(int side, std::size_t most);
    void clocks();
    void cut();
    void settle();
    void settle_applications(int side);
    void settle_until_quiet();
    void after_loss();

    void check_laws();
    void check_credit(int writer, muxado::StreamId id);
    void check_bounds(int side);
    void check_nothing_left();
    [[noreturn]] void fail(const std::string& what) const;
    void require(bool ok, const char* what) const {
        if (!ok) fail(what);
    }
    void trace(int side, const std::string& what) const;

    Side& at(int side) { return *sides_[static_cast<std::size_t>(side)]; }
    Flow& flow(muxado::StreamId id, int writer) { return models_[id].flow[static_cast<std::size_t>(writer)]; }
    std::size_t amount(std::size_t most);
    Bytes content(muxado::StreamId id, int writer, std::uint64_t offset, std::size_t most) const;

    std::uint64_t seed_;
    bool trace_;
    Random random_;
    Plan plan_;
    Time now_;
    std::size_t step_ = 0;
    std::size_t settle_rounds_ = 0;
    bool settling_ = false;
    bool over_ = false; ///< the link was cut, or somebody said goodbye or gave up
    const char* ending_ = "all streams finished";
    std::array<std::unique_ptr<Side>, 2> sides_;
    std::map<muxado::StreamId, Model> models_;
    Buffer ring_; ///< what all streams' bytes are cut from
    Buffer scratch_;
    std::uint64_t bytes_checked_ = 0;
};

} // namespace adit::sim
