// One muxado session, either role, without I/O: bytes and the time in, bytes, events and timers out.
//
// The caller (lib/net) does, once a loop turn:
//     session.receive(what the transport read, now);
//     while (auto event = session.poll_event()) { ... read, write, open, release ... }
//     while (session.has_output()) { n = session.produce(buffer); hand n bytes to the transport; }
//     arm one timer for session.next_timeout() and call on_timeout(now) when it fires.
// Not safe to share between threads without a lock. Every call on a stream takes its id; an id that is not
// (or no longer) known is harmless: 0 bytes, state `gone`. No call ever calls back.
#pragma once

#include "base/random.hpp"
#include "base/result.hpp"
#include "muxado/frame.hpp"
#include "muxado/window.hpp"

#include <adit/limits.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace adit::inline v0::muxado {

enum class Role : std::uint8_t { client, server }; ///< client: odd ids from 3; server: even ids from 2

class Config {
public:
    explicit Config(Role r) : role(r), authenticated(r == Role::client) {}

    Role role;
    /// False: the preauth bounds hold until set_authenticated(). An edge starts so; an agent trusts its
    /// edge by TLS.
    bool authenticated;
    /// Grant more than the initial window while data flows (needs set_rtt()); off towards ngrok's own
    /// service.
    bool grow = false;
    PeerCredit peer_credit = PeerCredit::unknown;
    std::uint32_t stream_window_max = limits::stream_window_max;
    std::uint32_t session_window_max = limits::session_window_max;     ///< growth of all streams together
    std::size_t max_local_streams = limits::streams_per_session;       ///< open() fails beyond
    std::size_t max_remote_streams = limits::streams_per_session_peer; ///< RST 5 beyond
    /// Bytes that all streams of the peer together may have in our receive buffers; zero: their windows are the bound. The
    /// session fails beyond (ENHANCE_YOUR_CALM).
    std::size_t remote_buffer_max = 0;
    std::size_t frame_payload_max = limits::frame_payload_max;
    std::size_t stream_write_buffer = limits::stream_write_buffer;
    std::size_t session_write_buffer = limits::session_write_buffer;
    std::size_t control_frames_queued = limits::control_frames_queued;
    /// A stream that we released, and whose FIN we sent, is reset if the peer's FIN is not there after so long; zero: it is
    /// waited for as long as the session lives.
    Duration fin_wait = role == Role::client ? Duration(limits::fin_wait_time) : Duration(0);
    std::size_t preauth_streams = limits::preauth_streams;
    std::size_t preauth_bytes = limits::preauth_bytes;
    RandomSource random = fill_random; ///< heartbeat values
};

enum class EventType : std::uint8_t {
    stream_opened, ///< id, value = stream type: opened by the peer; the caller must release() or reset() it
    readable,      ///< id: bytes or the end can be read; again only after a read(), peek() or consume()
    writable,      ///< id: write() took less than it was given before, now there is room
    reset,         ///< id, value = ErrorCode: the peer gave it up; see read_state(), then release()
    openable,      ///< open() failed at max_local_streams before, now a stream may be opened
    heartbeat,     ///< latency: our heartbeat was answered
    goaway,        ///< value = ErrorCode: the peer said goodbye, see goaway_debug(); `closed` follows
    closed,        ///< the session is over, see error(); buffered bytes can still be read. The last event
};

struct Event {
    EventType type = EventType::closed;
    StreamId id = 0;
    std::uint32_t value = 0;
    Duration latency{};
};

enum class ReadState : std::uint8_t {
    data,  ///< bytes are there
    open,  ///< none now, more may come
    fin,   ///< the peer finished and everything was read
    reset, ///< the peer gave up (reset_code()) and everything that came before was read
    lost,  ///< the session is over and everything that came before was read
    gone,  ///< not a stream of ours (any more)
};

enum class WriteState : std::uint8_t {
    open,
    shut,  ///< shutdown_write() was called
    reset, ///< the peer gave up or no longer listens: reset_code()
    lost,  ///< the session is over or closing
    gone,
};

/// For tests and metrics.
struct StreamStats {
    std::uint32_t type = 0;
    bool local = false;
    bool released = false; ///< the application dropped it, the peer has not finished
    bool closing = false;  ///< we sent RST and remember the id for a while
    bool fin_in = false, fin_sent = false, read_reset = false, write_reset = false;
    std::uint64_t send_credit = 0;    ///< may be sent now
    std::size_t queued = 0;           ///< written, not framed yet
    std::size_t readable = 0;         ///< received, not read yet
    std::uint64_t receive_credit = 0; ///< the peer may still send, counting what produce() has framed
    std::uint64_t handed_out = 0;     ///< read, but its credit waits for the next read
    std::uint64_t owed = 0;           ///< credit to return, not framed yet
    std::uint64_t growth_owed = 0;    ///< growth decided, not framed yet
    std::uint64_t growth = 0;         ///< decided beyond the initial window, framed or not
    std::uint64_t window = 0;         ///< receive window aimed at
};

struct Counters {
    std::size_t local_streams = 0;   ///< alive, opened by us; heartbeat included, and what the peer may keep
    std::size_t kept_places = 0;     ///< of local streams that ended, and that the peer may count yet
    std::size_t remote_streams = 0;  ///< alive, opened by the peer
    std::size_t closing_streams = 0; ///< remembered for a while, because we reset them
    std::size_t buffered_in = 0;     ///< bytes in all receive buffers
    std::size_t buffered_out = 0;    ///< bytes in all send buffers
    std::size_t control_queued = 0;  ///< RST frames waiting
    std::uint64_t window_growth = 0; ///< bytes granted beyond the initial windows of live streams
    std::uint64_t bytes_in = 0, bytes_out = 0;
    std::uint64_t frames_in = 0, frames_out = 0;
    std::uint64_t data_frames_out = 0, wndinc_frames_out = 0, rst_frames_out = 0;
    std::uint64_t resets_in = 0;
    std::uint64_t streams_opened_local = 0, streams_opened_remote = 0;
    std::uint64_t streams_refused = 0; ///< RST 5 or 9 sent
};

class ADIT_INTERNAL Session {
public:
    explicit Session(const Config& config);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // --- transport side

    /// Takes what the peer sent, split anywhere. Everything is taken; buffers grow only within the windows.
    void receive(Bytes data, Time now);
    /// The transport ended (EOF or error). Buffered bytes can still be read; the event `closed` follows.
    void transport_closed(const ErrorInfo& why);
    /// Moves framed output to `out`, as much as fits; 0 only if there is none. A frame may be cut between
    /// two calls.
    std::size_t produce(MutableBytes out);
    bool has_output() const noexcept;
    /// The last byte ever was produced: close the transport.
    bool finished() const noexcept;

    // --- streams

    /// Opens a stream: SYN, the type and `first` then `more` leave in one frame as far as they fit in one.
    /// limit_exceeded: max_local_streams (then `openable` tells when), ids used up, or more than
    /// stream_write_buffer bytes; else the session's error, session_closed after goaway().
    Result<StreamId> open(std::uint32_t type, Bytes first = {}, Bytes more = {});
    /// Queues bytes; returns how many were taken. Fewer than given: wait for `writable`.
    std::size_t write(StreamId id, Bytes bytes);
    std::size_t write_space(StreamId id) const noexcept;
    WriteState write_state(StreamId id) const noexcept;
    /// Sends FIN after what is queued. The other direction stays open.
    void shutdown_write(StreamId id);

    /// Moves received bytes to `out`. The credit of these bytes goes back when the next read of this stream
    /// starts (also one that finds nothing) or credit() is called: a pump that writes before it reads again
    /// holds the peer and not our memory. So call read() first and wait for `readable` only after it
    /// returned 0.
    std::size_t read(StreamId id, MutableBytes out);
    /// Without a copy: the first contiguous piece (up to 16 KiB) of what was received, valid until the next
    /// call on this session; consume() takes bytes off and returns their credit at once.
    Bytes peek(StreamId id);
    /// The same for writev: fills `pieces` in order, returns how many were filled.
    std::size_t peek(StreamId id, std::span<Bytes> pieces);
    void consume(StreamId id, std::size_t n);
    void credit(StreamId id);
    std::size_t readable(StreamId id) const noexcept;
    ReadState read_state(StreamId id) const noexcept;
    /// Of a stream that was reset.
    ErrorCode reset_code(StreamId id) const noexcept;

    /// The application is done with the stream, as close(2): queued bytes and FIN still go out; what the peer
    /// still sends is answered with RST 4. No event of this id follows.
    void release(StreamId id);
    /// Aborts: drops all buffers, sends FIN and then RST (agent-protocol 2.5: Rust peers need both).
    /// Implies release(). See also set_peer_keeps_streams().
    void reset(StreamId id, ErrorCode code);
    /// Nobody accepts: RST 9 for this stream alone.
    void refuse(StreamId id);

    /// The peer's side of a stream lives until its application drops it, whatever we send, and after a RST it never says
    /// when that was (Rust, agent-protocol 2.5). So that its streams can be counted, reset() sends FIN alone and waits for
    /// the peer's, as release() does; RST follows if the peer still sends.
    void set_peer_keeps_streams();

    // --- session

    std::optional<Event> poll_event();
    /// Says goodbye: what can be sent now is sent (nothing but GOAWAY if `code` is an error), then GOAWAY as
    /// the last frame ever, without debug text. Nothing is received, opened or written any more.
    void goaway(ErrorCode code);
    /// Set once the session is over; the output then holds at most the rest of a frame and a GOAWAY.
    const std::optional<ErrorInfo>& error() const noexcept;
    /// Text of the peer's GOAWAY: do not trust it.
    std::string_view goaway_debug() const noexcept;

    /// Opens our heartbeat stream, beats at once and then every interval. heartbeat_timeout if no answer
    /// came for interval + tolerance; protocol_error if an answer has another value. The peer's heartbeats
    /// are always answered.
    void start_heartbeat(Duration interval, Duration tolerance, Time now);
    /// Beats now instead of at the next interval, if no beat is under way. After start_heartbeat().
    void beat_now(Time now);
    std::optional<Time> next_timeout() const noexcept;
    /// reset() or release() left a stream whose time has yet to begin: next_timeout() is due at once.
    bool has_untimed() const noexcept;
    void on_timeout(Time now);

    /// Lifts the preauth bounds.
    void set_authenticated() noexcept;
    /// Between two adit peers which agreed on it: streams opened from now on get a window of `per_stream`
    /// bytes in our receiving direction, granted as soon as a stream proves to be large. Implies
    /// PeerCredit::keeps.
    void raise_window(std::uint32_t per_stream) noexcept;
    /// Round trip of the transport, for growth; zero: unknown, no growth.
    void set_rtt(std::chrono::microseconds rtt) noexcept;
    void set_peer_credit(PeerCredit kind) noexcept;
    void set_max_local_streams(std::size_t n) noexcept;

    Counters counters() const noexcept;
    std::optional<StreamStats> stats(StreamId id) const noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace adit::inline v0::muxado
