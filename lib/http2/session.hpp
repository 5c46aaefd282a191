// What a session of HTTP/2 has in common for both roles, without I/O: bytes and the time in, bytes and calls of a
// handler out. server_session.hpp and client_session.hpp add the heads.
//
// The caller, one connection, does:
//     session.receive(what the transport read, now);             // calls the handler
//     for (Bytes out; !(out = session.output()).empty();) {       // many frames in one piece
//         hand `out` to the transport; session.consume_output(how much it took);
//     }
//     if (session.finished()) close the transport;
// and writes bodies with write() and finish() whenever it has some. Not safe to share between threads. A call for an
// id that is not (or no longer) known is harmless. The handler is called from receive(), output() and
// transport_closed() only; it may call everything but these three, consume_output() and the destructor.
#pragma once

#include "base/bytes.hpp"
#include "http/message.hpp"

#include <adit/limits.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace adit::inline v0::http2 {

using StreamId = std::int32_t; ///< odd: opened by the client
using Time = std::chrono::steady_clock::time_point;

/// RFC 9113 7. A peer may send any other number.
enum class ErrorCode : std::uint32_t {
    no_error = 0,
    protocol_error = 1,
    internal_error = 2,
    flow_control_error = 3,
    settings_timeout = 4,
    stream_closed = 5,
    frame_size_error = 6,
    refused_stream = 7,
    cancel = 8,
    compression_error = 9,
    connect_error = 10,
    enhance_your_calm = 11,
    inadequate_security = 12,
    http_1_1_required = 13,
};
std::string_view to_text(ErrorCode code) noexcept;

/// So much at once, and so much again each second.
struct Budget {
    std::uint32_t burst = 0;
    std::uint32_t per_second = 0;
};

struct Config {
    std::uint32_t max_streams = limits::http2_streams; ///< of the peer at once, what it reset included until release()
    std::uint32_t stream_window = limits::http2_stream_window; ///< bytes of a body that consume() was not told of yet
    std::uint32_t session_window = limits::http2_session_window; ///< the same of all streams
    std::uint32_t header_list_max = limits::http2_header_list_max;
    std::size_t stream_queue = limits::http2_stream_queue;   ///< written and not sent: write() takes less beyond
    std::size_t session_queue = limits::http2_session_queue; ///< the same of all streams, beyond one frame of each
    std::size_t output_max = limits::http2_output;           ///< bytes that output() gathers
    Budget resets = {limits::http2_reset_burst, limits::http2_reset_rate};     ///< by the peer, or made by it
    Budget glitches = {limits::http2_glitch_burst, limits::http2_glitch_rate}; ///< frames that carry nothing
    /// A server takes extended CONNECT (RFC 8441). A client does not look at it.
    bool connect_protocol = true;
};

/// For tests and metrics.
struct Counters {
    std::uint64_t streams_opened = 0;
    std::uint64_t streams_refused = 0; ///< REFUSED_STREAM was sent: too many whose work has not ended
    std::uint64_t resets_in = 0;       ///< RST_STREAM of the peer
    std::uint64_t resets_made = 0;     ///< that the peer's errors made us send
    std::uint64_t glitches = 0;
    std::size_t streams = 0;           ///< open, or not released
    std::size_t queued = 0;            ///< bytes of bodies written and not framed
    std::size_t unconsumed = 0;        ///< bytes of bodies received and not given to consume()
};

/// What both roles are told. `id` is known until release(id).
class Handler {
public:
    /// A part of the body, a view into what receive() was given. Its credit goes back by consume().
    virtual void on_body(StreamId id, Bytes bytes) = 0;
    /// The peer's side is complete. Trailers are empty if there are none; what may not trail is left out.
    virtual void on_end(StreamId id, Fields& trailers) = 0;
    /// The stream is over before it was complete: reset by the peer, or by us because the peer broke a rule, or the
    /// connection ended. Nothing else comes for it; what is written is dropped. release() is still owed.
    virtual void on_reset(StreamId id, ErrorCode code) = 0;
    /// write() took less than it was given before; now there is room.
    virtual void on_writable(StreamId id) = 0;
    /// All of our side, to its end, is in what output() gives. Not after on_reset().
    virtual void on_sent(StreamId id) = 0;

protected:
    ~Handler() = default;
};

/// See the top of this file.
class Session {
public:
    struct Impl; ///< of this layer alone
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // --- transport side

    /// Takes all of what the peer sent, split anywhere. A peer that breaks the protocol or goes beyond a budget gets
    /// GOAWAY: then failed(), what comes in is dropped, and on_reset() is called for each stream.
    void receive(Bytes input, Time now);
    /// What is to be sent next: whole frames up to about Config::output_max, streams in turns. Valid until the next
    /// call of output() or consume_output(). What was not consumed comes again, with more behind it.
    Bytes output();
    void consume_output(std::size_t n);
    bool has_output() const noexcept;
    /// Not 0: the peer is in the middle of a head (frames of it, or one of them, are to come), or of another frame without
    /// body bytes. The same number until that is complete, so that it can be given a time.
    std::uint64_t unfinished() const noexcept;
    /// Nothing more will be sent or understood, and output() is empty: close the transport.
    bool finished() const noexcept;
    /// The transport ended: on_reset() for each stream that is not over. Nothing is sent any more.
    void transport_closed();

    // --- streams

    /// Queues bytes of our body behind its head; returns how many were taken. Fewer than given: wait for
    /// on_writable(). 0 for a stream that is over.
    std::size_t write(StreamId id, Bytes bytes);
    /// How many bytes write() would take.
    std::size_t write_space(StreamId id) const noexcept;
    /// Bytes written that did not leave yet.
    std::size_t queued(StreamId id) const noexcept;
    /// Our body is complete: END_STREAM leaves with its last bytes, or with the trailers behind them. Pseudo-header
    /// fields and those of a connection are left out of the trailers.
    void finish(StreamId id);
    void finish(StreamId id, const Fields& trailers);
    /// These bytes of on_body() left our memory: the peer may send as many more.
    void consume(StreamId id, std::size_t n);
    /// Gives the stream up, both directions. No on_reset() follows; release() is still owed.
    void reset(StreamId id, ErrorCode code);
    /// The work for this stream has ended; nothing is called for it any more. What was written to its end still goes
    /// out; a stream that was not finished is reset. Exactly once for each stream that the handler was told of or
    /// that was opened here: until then it counts against Config::max_streams, whatever the peer does.
    void release(StreamId id);
    /// Neither reset nor closed nor released.
    bool alive(StreamId id) const noexcept;

    // --- session

    /// Tells the peer to open no more streams, in two steps so that none is lost: a warning, and the last id when the
    /// peer has answered (or at the next call of drain()). Streams under way go on; finished() when the last is over.
    void drain();
    bool draining() const noexcept;
    /// Ends the session now: GOAWAY is the last frame. on_reset() is not called.
    void terminate(ErrorCode code, std::string_view debug = {});
    /// The session ended by an error, of the peer or of terminate(): error() and why() say which.
    bool failed() const noexcept;
    ErrorCode error() const noexcept;
    std::string_view why() const noexcept; ///< for a log; "" if there is nothing to say
    /// No stream is open or unreleased.
    bool idle() const noexcept;
    Counters counters() const noexcept;

protected:
    explicit Session(std::unique_ptr<Impl> impl) noexcept;
    ~Session();

    std::unique_ptr<Impl> impl_;
};

} // namespace adit
