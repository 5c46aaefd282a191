// Inside of a session: nghttp2, the streams, and the budgets. session.cpp has what callers do, session_callbacks.cpp
// what nghttp2 says; server_session.cpp and client_session.cpp read heads.
#pragma once

#include "http/meaning.hpp"
#include "http2/field_block.hpp"
#include "http2/token_bucket.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace adit::inline v0::http2 {

struct NghttpDelete {
    void operator()(nghttp2_session* session) const noexcept { nghttp2_session_del(session); }
};

/// Lives from its HEADERS until it is closed and released; nghttp2 knows it while `open`.
struct Stream {
    StreamId id = 0;
    ByteQueue queue;                  ///< of our body, not framed
    std::unique_ptr<Fields> trailers; ///< to be sent behind it
    std::size_t unconsumed = 0;       ///< of the peer's body
    bool open = false;
    bool told = false;          ///< the handler knows it, or it was opened by a call
    bool released = false;
    bool head_sent = false;     ///< the final one; a body may follow
    bool head_received = false; ///< the final one
    bool finished = false;      ///< finish() was called, or the head was the end
    bool local_end = false;     ///< END_STREAM was framed
    bool remote_end = false;
    bool reset_sent = false;    ///< RST_STREAM was framed
    bool given_up = false;      ///< by us on request, not because of the peer
    bool over = false;          ///< nothing is called any more
    bool blocked = false;       ///< write() took less than it was given
    bool tunnel = false;        ///< CONNECT: both directions end on their own
    bool to_head = false;       ///< a request with method HEAD
    std::uint8_t interim = 0;   ///< interim heads received
};

/// The last few ids. A peer has at most Config::max_streams under way, so these are enough.
class RecentIds {
public:
    void add(StreamId id) noexcept { ids_[next_++ % ids_.size()] = id; }
    bool has(StreamId id) const noexcept { return std::ranges::find(ids_, id) != ids_.end(); }

private:
    std::array<StreamId, 128> ids_{};
    std::size_t next_ = 0;
};

struct Session::Impl {
    enum class Role : std::uint8_t { server, client };

    Impl(Role role, Handler& handler, const Config& config, Time now);
    virtual ~Impl() = default;

    // What differs between the roles.
    virtual void on_head_begin() = 0;
    /// A field of a head that passed nghttp2's checks; an error code resets the stream.
    virtual ErrorCode on_head_field(std::string_view name, std::string_view value) = 0;
    /// All fields came; `head_size` and `head_fields` may be beyond the limits.
    virtual ErrorCode on_head_end(Stream& stream, bool end) = 0;
    virtual void on_goaway_received(StreamId, ErrorCode) {}
    virtual void on_settings_received() {}
    virtual void on_stream_gone() {}

    // session_callbacks.cpp
    struct Callbacks;
    std::size_t scan(Bytes input);
    std::uint64_t unfinished() const noexcept;
    void frame_begun(const nghttp2_frame_hd& header);
    void closed_stream_frame(const nghttp2_frame_hd& header);
    bool headers_begun(const nghttp2_frame& frame);
    ErrorCode field(std::string_view name, std::string_view value);
    void frame_received(const nghttp2_frame& frame);
    void peer_ended(StreamId id, Fields* fields);
    bool listens(const Stream& stream) const noexcept;
    void body_received(StreamId id, Bytes bytes);
    void stream_closed(StreamId id, ErrorCode code);
    void frame_sent(const nghttp2_frame& frame);
    void local_ended(Stream& stream);
    void send_body(Stream& stream, Bytes header, std::size_t size);
    bool head_too_large() const noexcept {
        return head_size > config.header_list_max || head_fields > limits::http_headers_max;
    }
    /// A field that requests and responses share; false: its value cannot be.
    bool add_field(std::string_view name, std::string_view value);

    // session.cpp
    void receive(Bytes input, Time now);
    Bytes output();
    void gather();
    void notify();
    void fail(ErrorCode code, std::string_view why);
    void broken(int nghttp2_error);
    void end_streams(ErrorCode code);
    bool wants_write() const noexcept { return !failed && nghttp2_session_want_write(ng.get()) != 0; }
    std::size_t write_space(const Stream& stream) const noexcept;
    Stream* find(StreamId id) noexcept;
    const Stream* find(StreamId id) const noexcept { return const_cast<Impl*>(this)->find(id); }
    Stream& add_stream(StreamId id);
    void erase(Stream& stream);
    void consume(Stream& stream, std::size_t n);
    void end_body(Stream& stream, const Fields* trailers);
    void give_up(Stream& stream, ErrorCode code);
    void finish_drain();
    void drop_queue(Stream& stream) noexcept;
    /// False if the session failed by it.
    bool glitch();
    bool charge_reset();
    static nghttp2_data_provider body_of(Stream& stream) noexcept;

    Handler& handler;
    const Config config;
    const Role role;
    std::unique_ptr<nghttp2_session, NghttpDelete> ng;
    Time now;
    TokenBucket resets, glitches;

    std::vector<StreamId> ids; // as streams: looking for one must be cheap
    std::vector<std::unique_ptr<Stream>> streams;
    std::unique_ptr<Stream> spare;

    ByteQueue out; // whole frames
    std::size_t queued = 0, unconsumed = 0;
    std::size_t blocked = 0;       // streams with Stream::blocked
    std::vector<StreamId> sent;    // on_sent() is due

    // The head that is being received; there is only one at a time (RFC 9113 4.3).
    Head head;
    Fields trailers;
    std::string cookies;           // Cookie may come in pieces (RFC 9113 8.2.3)
    std::size_t head_size = 0, head_fields = 0;
    std::size_t continuations = 0;
    bool head_open = false;   // CONTINUATION is to come
    std::uint64_t units = 1;  // heads and other frames that began
    std::size_t frame_body = 0;    // of the DATA frame that is being received
    bool reading_trailers = false;

    FieldBlock block;
    std::string goodbye;           // our GOAWAY, the last frame; not in `out`, of which others may hold a view
    std::string why;
    std::exception_ptr thrown;     // by a handler, in a callback of nghttp2
    ErrorCode end_code = ErrorCode::no_error;
    bool failed = false;           // GOAWAY is the last that is sent
    bool ended = false;            // the transport is gone
    bool draining = false, drained = false;
    // The frame that is being received. nghttp2 has a callback for it too, but not for frames that it will ignore.
    std::array<std::uint8_t, 13> frame_head{}; // and the first bytes of a PRIORITY frame
    std::size_t frame_head_size = 0;
    std::size_t frame_left = 0;    // of its payload; at the beginning, of the client's magic
    // Streams that have ended, newest last. What comes for one that we gave up was under way; for any other it is an
    // error.
    StreamId last_id = 0;          // the highest that was opened
    RecentIds given_up, closed;
    Counters counters;
};

} // namespace adit
