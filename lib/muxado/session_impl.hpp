// The session's state, shared by session.cpp (the application's side), session_receive.cpp, session_send.cpp
// and session_life.cpp (streams and the session ending). Include only there.
#pragma once

#include "muxado/remote_ids.hpp"
#include "muxado/session.hpp"
#include "muxado/stream.hpp"
#include "muxado/stream_table.hpp"

#include <deque>
#include <string>
#include <vector>

namespace adit::inline v0::muxado {

/// What a writer may always hold, whatever the session's other streams hold, so that stalled streams cannot
/// stop the rest; also what it may hold beyond the peer's credit.
inline constexpr std::size_t write_reserve = 16'384;
/// Echo streams a peer may have; both SDKs use one.
inline constexpr std::size_t peer_heartbeats_max = 4;
/// Bytes of echo that may wait for the peer to read them.
inline constexpr std::size_t echo_queue_max = 4'096;
/// How long the id of a stream that we reset is remembered, if the peer says nothing more about it (as Go).
inline constexpr auto closing_time = std::chrono::seconds(5);
/// A DATA frame is cut to the end of the output buffer only if this much still fits.
inline constexpr std::size_t cut_min = 1'024;

struct Session::Impl {
    explicit Impl(const Config& config);

    // session_receive.cpp
    void receive(Bytes data);
    void receive_data(Bytes& data);
    void receive_control(Bytes& data);
    void receive_goaway_debug(Bytes& data);
    void begin_frame(const FrameHeader& header);
    void begin_data(const FrameHeader& header);
    bool open_remote(const FrameHeader& header);
    Stream* data_target(const FrameHeader& header);
    void deliver(Stream& stream, Bytes bytes);
    bool complete_type(Stream& stream);
    void end_data(StreamId id);
    void on_rst(StreamId id, std::uint32_t code);
    void on_wndinc(StreamId id, std::uint32_t increment);
    void on_goaway();
    void deliver_echo_request(Stream& stream, Bytes bytes);
    void deliver_echo(Stream& stream, Bytes bytes);

    // session_send.cpp
    std::size_t produce(MutableBytes out);
    bool has_output() const noexcept;
    std::size_t next_frame(MutableBytes room, bool first);
    std::size_t put_small(MutableBytes room, Bytes frame);
    std::size_t put_control(MutableBytes room);
    std::size_t put_credit(MutableBytes room);
    std::size_t put_data(Stream& stream, MutableBytes room, bool first);
    std::size_t put_goaway(MutableBytes room);
    StreamList<&Stream::send_link>& list_of(const Stream& stream) noexcept;
    std::size_t sendable(const Stream& stream) const noexcept;
    bool wants_to_send(const Stream& stream) const noexcept;
    void update_send(Stream& stream);
    void update_credit(Stream& stream);
    void pace_growth(Stream& stream);
    void grow_step();
    void after_fin_sent(Stream& stream);
    std::size_t write_room(const Stream& stream) const noexcept;
    std::size_t queue_out(Stream& stream, Bytes bytes);
    void shrink_out(Stream& stream, std::size_t before);
    void drop_out(Stream& stream);
    void offer_room(Stream& stream);

    // session_life.cpp
    Stream& add_stream(StreamId id, bool local);
    Stream* open_local(std::uint32_t type);
    Stream* application_stream(StreamId id) const noexcept;
    void remove(Stream& stream);
    void queue_rst(StreamId id, ErrorCode code, bool fin_first = false);
    void abort_stream(Stream& stream, ErrorCode code);
    void reset(Stream& stream, ErrorCode code);
    void release(Stream& stream);
    void enter_closing(Stream& stream);
    void uncount(Stream& stream);
    bool has_room() const noexcept;
    void expire_kept_places();
    void enter_fin_wait(Stream& stream);
    void expire_closing();
    void drop_in(Stream& stream);
    void took_in(const Stream& stream, std::size_t n) noexcept;
    void drop_events(Stream& stream);
    void tell_readable(Stream& stream);
    void was_read(Stream& stream) noexcept; // session.cpp
    void tell_reset(Stream& stream, ErrorCode code);
    void end(ErrorInfo info);
    void fail(ErrorCode code, ErrorInfo info);
    void fail_protocol(ErrorCode code, std::string_view what);
    void stop_output();
    void forget_unheld();
    void start_heartbeat(Duration interval, Duration tolerance);
    void beat();
    void on_timeout();
    std::optional<Time> next_timeout() const noexcept;
    std::optional<Event> poll_event();
    std::optional<Event> poll_stream_event();

    Config config;
    Counters count;
    Time now{};
    StreamTable streams;
    GrowthPolicy growth;
    std::uint32_t raised_window = 0;
    bool peer_keeps_streams = false;
    std::deque<std::optional<Time>> kept_places; ///< of streams that ended, and since when the time was told
    std::size_t remote_buffered = 0; ///< of count.buffered_in what came on the peer's streams
    std::size_t max_local_streams;
    StreamId next_id;
    RemoteIds remote_ids;

    // before authentication
    bool authenticated;
    std::size_t preauth_received = 0;
    std::size_t peer_heartbeats = 0;

    // parsing
    enum class Stage : std::uint8_t { header, data, control, skip, goaway_debug };
    Stage stage = Stage::header;
    FrameHeader frame;                            ///< the one being received
    std::uint32_t body_left = 0;                  ///< of it
    std::uint8_t partial[frame_header_size] = {}; ///< of a header or a control body
    std::size_t partial_size = 0;

    // output
    struct Control {
        StreamId id;
        ErrorCode code;
        bool fin_first;
    };
    std::vector<Control> controls;
    std::size_t controls_sent = 0; ///< of `controls`, from its front
    ByteQueue spill;               ///< the rest of a frame that did not fit
    std::vector<StreamId> growing; // each at most once, see Stream::growing
    std::optional<Time> growth_at;
    StreamList<&Stream::credit_link> credit_list;
    StreamList<&Stream::send_link> urgent_list; ///< heartbeats
    StreamList<&Stream::send_link> send_list;
    std::size_t over_reserve = 0; ///< bytes queued beyond write_reserve, summed over streams

    // events
    StreamList<&Stream::event_link> event_list;
    using ClosingList = StreamList<&Stream::closing_link>;
    ClosingList closing_list;  ///< of streams that we reset, in the order of their time
    ClosingList fin_wait_list; ///< of streams that wait for the peer's FIN, in the order of their time
    std::optional<Duration> heartbeat_event;
    bool open_refused = false;
    std::optional<ErrorCode> goaway_event;

    // heartbeat
    HeartbeatTimer heartbeat;
    StreamId heartbeat_id = 0;

    // the end
    std::optional<ErrorInfo> error;
    bool closed_told = false;
    std::optional<ErrorCode> goaway_due; ///< to be sent
    ErrorCode peer_goaway = ErrorCode::none;
    std::string debug;
};

} // namespace adit::inline v0::muxado
