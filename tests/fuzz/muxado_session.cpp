// A peer's bytes into a muxado session: what the application sees and what is answered do not depend on the cuts; with an
// application that echoes, memory stays within the windows, every frame that leaves is one that may, and nothing is left
// when all was dropped. First byte: bit 0 the role, bit 1 authenticated, bit 2 growing windows.
#include "fuzz/fuzz.hpp"

#include "muxado/session.hpp"
#include "unit/muxado/wire.hpp"

#include <set>

using namespace adit;
using muxado::EventType;
using muxado::StreamId;

namespace {

muxado::Config config_of(std::uint8_t choice) {
    muxado::Config config((choice & 1) != 0 ? muxado::Role::client : muxado::Role::server);
    config.authenticated = (choice & 2) != 0;
    config.grow = (choice & 4) != 0;
    config.max_remote_streams = 8;
    config.random = [](MutableBytes bytes) { std::fill(bytes.begin(), bytes.end(), std::uint8_t{0x5a}); };
    return config;
}

std::string hex(Bytes bytes) {
    std::string text;
    for (const std::uint8_t byte : bytes) text.append({"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]});
    return text;
}

// Everything arrives before the application looks.
std::string received(std::uint8_t choice, const fuzz::Pieces& pieces) {
    muxado::Session session(config_of(choice));
    for (const std::string_view piece : pieces) session.receive(fuzz::Exact(piece).bytes(), muxado::Time());
    std::set<StreamId> streams;
    std::string text;
    while (const auto event = session.poll_event()) {
        if (event->type == EventType::stream_opened) {
            FUZZ_CHECK(streams.insert(event->id).second);
            text += "open " + std::to_string(event->id) + " " + std::to_string(event->value) + "\n";
        } else if (event->type == EventType::goaway || event->type == EventType::closed) {
            text += std::to_string(static_cast<int>(event->type)) + " " + std::to_string(event->value) + "\n";
        }
    }
    for (const StreamId id : streams) {
        std::vector<std::uint8_t> buffer(session.readable(id));
        FUZZ_CHECK(session.read(id, buffer) == buffer.size());
        text += std::to_string(id) + " " + hex(buffer) + " " + std::to_string(static_cast<int>(session.read_state(id))) + "\n";
    }
    if (session.error()) text += session.error()->message();
    return text;
}

class Echo {
public:
    explicit Echo(std::uint8_t choice, std::string_view bytes) : config_(config_of(choice)), session_(config_), dice_(bytes) {}

    void run(std::string_view bytes) {
        session_.start_heartbeat(std::chrono::seconds(1), std::chrono::hours(1), now_);
        session_.set_rtt(std::chrono::milliseconds(10));
        for (const std::string_view piece : fuzz::cut(bytes, dice_, 64)) {
            session_.receive(fuzz::Exact(piece).bytes(), now_);
            now_ += std::chrono::milliseconds(dice_.below(500));
            if (const auto due = session_.next_timeout(); due && *due <= now_) session_.on_timeout(now_);
            events();
            if (dice_.below(4) == 0) echo();
            if (dice_.below(3) != 0) produce();
            check();
        }
        end();
    }

private:
    void events() {
        while (const auto event = session_.poll_event()) {
            FUZZ_CHECK(!closed_);
            closed_ = event->type == EventType::closed;
            if (event->type == EventType::stream_opened) FUZZ_CHECK(held_.insert(event->id).second);
            else if (event->id != 0) FUZZ_CHECK(held_.contains(event->id));
        }
    }
    void echo() {
        if (held_.empty()) return;
        auto at = held_.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(dice_.below(held_.size())));
        const StreamId id = *at;
        const Bytes some = session_.peek(id);
        session_.consume(id, session_.write(id, std::vector<std::uint8_t>(some.begin(), some.end())));
        switch (session_.read_state(id)) {
        case muxado::ReadState::fin: session_.shutdown_write(id); break;
        case muxado::ReadState::reset: break;
        default:
            if (dice_.below(6) != 0) return;
            session_.reset(id, muxado::ErrorCode::internal);
        }
        session_.release(id);
        held_.erase(at);
    }
    void produce() {
        std::vector<std::uint8_t> out(1 + dice_.below(4'000));
        const std::size_t size = session_.produce(out);
        FUZZ_CHECK(size <= out.size() && (size > 0 || !session_.has_output()));
        reader_.add(Bytes(out).first(size));
        while (const auto frame = reader_.next()) {
            FUZZ_CHECK(!goaway_ && frame->type < 4 && (frame->id & muxado::reserved_bit) == 0);
            FUZZ_CHECK(frame->length <= config_.frame_payload_max + 8);
            goaway_ = frame->type == 3;
            if (frame->wndinc()) FUZZ_CHECK(frame->number() != 0);
        }
    }
    void check() {
        const muxado::Counters c = session_.counters();
        const std::size_t streams = c.local_streams + c.remote_streams;
        FUZZ_CHECK(c.remote_streams <= config_.max_remote_streams && c.closing_streams <= limits::streams_closing);
        FUZZ_CHECK(c.buffered_in <= streams * std::size_t{limits::initial_window} + c.window_growth);
        FUZZ_CHECK(c.control_queued <= config_.control_frames_queued);
        FUZZ_CHECK(!session_.error() || c.buffered_out == 0);
    }
    void end() {
        const bool broken = session_.error().has_value();
        while (session_.has_output()) produce();
        FUZZ_CHECK(!broken || session_.finished());
        session_.transport_closed({});
        events();
        FUZZ_CHECK(closed_);
        for (const StreamId id : held_) session_.release(id);
        const muxado::Counters c = session_.counters();
        FUZZ_CHECK(c.local_streams + c.remote_streams + c.closing_streams == 0);
        FUZZ_CHECK(c.buffered_in + c.buffered_out + c.control_queued == 0 && c.window_growth == 0);
    }

    muxado::Config config_;
    muxado::Session session_;
    fuzz::Dice dice_;
    muxado::Time now_{};
    std::set<StreamId> held_;
    test::FrameReader reader_;
    bool closed_ = false, goaway_ = false;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::uint8_t choice = data[0];
    const std::string_view bytes = as_text({data + 1, size - 1});
    fuzz::same_at_every_cut(bytes, [&](const fuzz::Pieces& pieces) { return received(choice, pieces); });
    Echo(choice, bytes).run(bytes);
    return 0;
}
