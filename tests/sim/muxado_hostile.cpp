// One session against a peer that says anything: well-formed frames with wrong ids, lengths, flags and
// credit, cut anywhere, and now and then plain noise, while an application uses the session at random.
// Whatever is said, memory stays bounded, a broken session is deaf and says one GOAWAY, and nothing is left
// when everything was dropped.
#include "sim/muxado_hostile.hpp"

#include "sim/random.hpp"
#include "unit/muxado/wire.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace adit::sim {

using namespace std::chrono_literals;
using muxado::EventType;
using muxado::StreamId;
using test::Buffer;

namespace {

void require(bool ok, const char* what) {
    if (!ok) throw std::runtime_error(what);
}

class Hostile {
public:
    explicit Hostile(std::uint64_t seed) : random_(seed), config_(make_config()), session_(config_) {
        if (random_.chance(50)) session_.start_heartbeat(1s, 24h, now_);
        if (random_.chance(30)) session_.raise_window(1u << 20);
        session_.set_rtt(10ms);
    }

    std::size_t run() {
        constexpr std::size_t steps_min = 500;
        const std::size_t steps = random_.between(steps_min, 1'500);
        Buffer said;
        std::size_t step = 0;
        for (; step < steps; ++step) {
            const Buffer more = frame();
            said.insert(said.end(), more.begin(), more.end());
            if (random_.chance(70)) {
                const std::size_t n = random_.between(0, said.size());
                session_.receive(Bytes(said).first(n), now_);
                said.erase(said.begin(), said.begin() + static_cast<std::ptrdiff_t>(n));
            }
            now_ += std::chrono::microseconds(random_.size(100'000));
            if (session_.next_timeout() && *session_.next_timeout() <= now_) session_.on_timeout(now_);
            for (std::size_t n = random_.below(4); n > 0; --n) application();
            events();
            if (random_.chance(60)) produce();
            check();
            if (session_.error() && step >= steps_min && random_.chance(10)) break;
        }
        end();
        return step;
    }

private:
    muxado::Config make_config() {
        auto c = test::config(random_.chance(50) ? muxado::Role::client : muxado::Role::server);
        c.authenticated = random_.chance(80);
        c.grow = random_.chance(50);
        c.peer_credit = static_cast<muxado::PeerCredit>(random_.below(3));
        c.max_remote_streams = random_.between(1, 30);
        c.max_local_streams = random_.between(1, 10);
        c.control_frames_queued = random_.between(1, 200);
        c.session_window_max = 4u << 20;
        return c;
    }

    /// Mostly near the truth, so that a session is not broken by the first frame.
    Buffer frame() {
        const bool wild = random_.chance(2);
        if (wild && random_.chance(20)) {
            Buffer noise(random_.between(1, 40));
            for (auto& b : noise) b = static_cast<std::uint8_t>(random_.next());
            return noise;
        }
        const bool odd = config_.role == muxado::Role::server;
        auto id = static_cast<StreamId>(random_.between(1, 60));
        const std::size_t kind = random_.below(100);
        if (kind < 15) { // a new stream, most of the time with the right parity and an unused id
            if (!wild) id = next_id_ += 2;
            if (!wild && (id % 2 == 1) != odd) ++id, ++next_id_;
            return test::data(id, body(20), test::syn | (random_.chance(10) ? test::fin : 0));
        }
        if (kind < 60)
            return test::data(id, body(random_.chance(5) ? 400'000 : 20'000),
                              random_.chance(10) ? test::fin : 0);
        if (kind < 80) {
            const auto by = static_cast<std::uint32_t>(random_.size(wild ? 0xFFFF'FFFF : 300'000));
            return test::wndinc(wild ? id | (random_.chance(20) ? 0x8000'0000u : 0u) : id,
                                wild ? by : std::max(by, 1u));
        }
        if (kind < 90) return test::rst(id, static_cast<std::uint32_t>(random_.below(20)));
        if (!wild) return test::frame(4 + static_cast<unsigned>(random_.below(12)), 3, id, body(100));
        if (random_.chance(20)) return test::goaway(0, 1, body(3'000));
        return test::frame(static_cast<unsigned>(random_.below(16)), static_cast<unsigned>(random_.below(16)),
                           id, body(12));
    }
    Buffer body(std::size_t most) {
        Buffer b(random_.size(most));
        if (b.size() >= 4 && random_.chance(10))
            std::fill_n(b.begin(), 4, std::uint8_t{0xFF}); // a heartbeat stream
        return b;
    }

    void application() {
        const auto some = static_cast<std::uint32_t>(random_.below(4));
        if (held_.empty() || random_.chance(10)) {
            if (const auto id = session_.open(some, Buffer(random_.size(5'000)))) held_.insert(*id);
            return;
        }
        auto at = held_.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(random_.below(held_.size())));
        const StreamId id = *at;
        Buffer buffer(random_.size(100'000));
        switch (random_.below(8)) {
        case 0: session_.shutdown_write(id); break;
        case 1: session_.release(id), held_.erase(at); break;
        case 2: session_.reset(id, muxado::ErrorCode::internal), held_.erase(at); break;
        case 3: session_.consume(id, session_.peek(id).size()); break;
        case 4:
        case 5: require(session_.write(id, buffer) <= buffer.size(), "wrote more than it was given"); break;
        default:
            require(session_.read(id, buffer) <= buffer.size(), "read more than there is room for");
            break;
        }
    }

    void events() {
        while (const auto event = session_.poll_event()) {
            require(!closed_, "an event after `closed`");
            closed_ = event->type == EventType::closed;
            if (event->type == EventType::stream_opened)
                require(held_.insert(event->id).second, "opened twice");
            else if (event->id != 0)
                require(held_.contains(event->id), "an event of a stream that nobody holds");
        }
    }

    void produce() {
        Buffer out(random_.between(1, 200'000));
        const std::size_t n = session_.produce(out);
        require(n <= out.size() && (n != 0 || !session_.has_output()),
                "produce() gives nothing although it has something");
        reader_.add(Bytes(out).first(n));
        while (const auto f = reader_.next()) {
            require(!goaway_, "a frame after GOAWAY");
            goaway_ = f->type == 3;
            require(f->type < 4 && f->length < 65'536 && (f->id & 0x8000'0000) == 0,
                    "a frame that must never be sent");
            require(!f->data() || (f->flags & 3) != 3, "SYN and FIN in one frame");
            require(!f->wndinc() || (f->number() != 0 && f->number() <= limits::credit_step),
                    "a wrong increment");
            require(!goaway_ || (f->length == 8 && f->id == 0), "a wrong GOAWAY");
        }
    }

    void check() {
        const auto c = session_.counters();
        const std::size_t streams = c.local_streams + c.remote_streams;
        require(c.remote_streams <= config_.max_remote_streams, "too many remote streams");
        require(c.closing_streams <= limits::streams_closing, "too many streams are remembered");
        require(c.local_streams <= config_.max_local_streams + 1, "too many local streams");
        require(c.window_growth <= config_.session_window_max, "too much growth");
        require(c.buffered_in <= streams * std::size_t{limits::initial_window} + c.window_growth,
                "too much buffered");
        require(c.buffered_out <= config_.session_write_buffer + streams * 16'384, "too much queued");
        require(c.control_queued <= config_.control_frames_queued, "too many control frames");
        require(!session_.error() || c.buffered_out == 0, "a dead session holds output");
    }

    void end() {
        const bool broken = session_.error().has_value();
        while (session_.has_output()) produce();
        require(!broken || session_.finished(), "a broken session does not finish");
        session_.transport_closed({});
        events();
        require(closed_, "no `closed` event");
        for (const StreamId id : held_) session_.release(id);
        const auto c = session_.counters();
        require(c.local_streams + c.remote_streams + c.closing_streams == 0, "a stream is left");
        require(c.buffered_in + c.buffered_out + c.control_queued == 0, "a buffer is left");
        require(c.window_growth == 0, "growth is left");
    }

    Random random_;
    muxado::Config config_;
    muxado::Session session_;
    muxado::Time now_ = test::t0;
    StreamId next_id_ = 0;
    std::set<StreamId> held_;
    test::FrameReader reader_;
    bool closed_ = false, goaway_ = false;
};

} // namespace

std::size_t run_hostile(std::uint64_t seed) { return Hostile(seed).run(); }

} // namespace adit::sim
