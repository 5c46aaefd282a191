// What nghttp2 tells, turned into calls of the handler; and what each frame costs its sender.
#include "http2/session_impl.hpp"

#include <algorithm>
#include <new>

namespace adit::inline v0::http2 {
namespace {

// What pays for glitches, in thousandths: a request may be followed by PRIORITY and WINDOW_UPDATE frames, a DATA
// frame of ours by a WINDOW_UPDATE of its stream and one of the session, and by a PING that measures the time it
// took.
constexpr std::uint64_t request_worth = 4'000;
constexpr std::uint64_t data_sent_worth = 3'000;
constexpr std::uint64_t data_received_worth = 1'000;
// A stream that was answered to its end pays for an eighth of one that is given up: a proxy's many visitors do both.
constexpr std::uint64_t completion_worth = 125;
// DATA of less than that, cut by the peer's window, is a dribble (CVE-2019-9511).
constexpr std::size_t dribble = 1'024;
// A head that unpacks to so many times what it may have is no mistake.
constexpr std::size_t bomb = 4;
constexpr std::size_t kept_queue = 4'096;
constexpr std::size_t kept_head = 8'192;

std::string_view view(const std::uint8_t* text, std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(text), size};
}

} // namespace

struct Session::Impl::Callbacks {
    static Impl& of(void* user) noexcept { return *static_cast<Impl*>(user); }

    // nghttp2 is C: nothing may be thrown through it.
    template <class Body> static int guarded(Impl& self, Body&& body) noexcept {
        try {
            const int result = body();
            return self.goodbye.empty() ? result : NGHTTP2_ERR_CALLBACK_FAILURE; // that is after fail()
        } catch (...) {
            self.thrown = std::current_exception();
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
    }
    static int reject(Impl& self, StreamId id, ErrorCode code) {
        self.given_up.add(id);
        nghttp2_submit_rst_stream(self.ng.get(), NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(code));
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }

    static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        Impl& self = of(user);
        return guarded(self, [&] { return self.headers_begun(*frame) ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; });
    }
    static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
        Impl& self = of(user);
        return guarded(self, [&] {
            const ErrorCode error = self.field(view(name, name_size), view(value, value_size));
            return error == ErrorCode::no_error ? 0 : reject(self, frame->hd.stream_id, error);
        });
    }
    // A name or value that cannot be forwarded; without this it would be left out in silence.
    static int invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t,
                              const std::uint8_t*, std::size_t, std::uint8_t, void*) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; // becomes PROTOCOL_ERROR
    }
    static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        Impl& self = of(user);
        return guarded(self, [&] { return self.frame_received(*frame), 0; });
    }
    static int data_chunk(nghttp2_session*, std::uint8_t, StreamId id, const std::uint8_t* data, std::size_t size,
                          void* user) {
        Impl& self = of(user);
        return guarded(self, [&] { return self.body_received(id, {data, size}), 0; });
    }
    static int invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
        Impl& self = of(user);
        self.given_up.add(frame->hd.stream_id);
        return guarded(self, [&] { return self.glitch(), 0; });
    }
    static int stream_closed(nghttp2_session*, StreamId id, std::uint32_t code, void* user) {
        Impl& self = of(user);
        return guarded(self, [&] { return self.stream_closed(id, static_cast<ErrorCode>(code)), 0; });
    }
    static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        Impl& self = of(user);
        return guarded(self, [&] {
            self.frame_sent(*frame);
            return 0;
        });
    }
    static int send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* header, std::size_t size,
                         nghttp2_data_source* source, void* user) {
        Impl& self = of(user);
        return guarded(self, [&] {
            self.send_body(*static_cast<Stream*>(source->ptr), Bytes(header, 9), size);
            (void)frame;
            return self.out.size() >= self.config.output_max ? NGHTTP2_ERR_PAUSE : 0;
        });
    }
    static nghttp2_session_callbacks* make() {
        nghttp2_session_callbacks* c = nullptr;
        if (nghttp2_session_callbacks_new(&c) != 0) throw std::bad_alloc();
        nghttp2_session_callbacks_set_on_begin_headers_callback(c, begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(c, header);
        nghttp2_session_callbacks_set_on_invalid_header_callback(c, invalid_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(c, frame_received);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, data_chunk);
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, invalid_frame);
        nghttp2_session_callbacks_set_on_stream_close_callback(c, stream_closed);
        nghttp2_session_callbacks_set_on_frame_send_callback(c, frame_sent);
        nghttp2_session_callbacks_set_send_data_callback(c, send_data);
        return c;
    }
    static nghttp2_option* options() {
        nghttp2_option* o = nullptr;
        if (nghttp2_option_new(&o) != 0) throw std::bad_alloc();
        nghttp2_option_set_no_auto_window_update(o, 1);
        nghttp2_option_set_no_closed_streams(o, 1);
        nghttp2_option_set_max_outbound_ack(o, limits::http2_control_queued);
        nghttp2_option_set_max_settings(o, limits::http2_settings_entries);
        nghttp2_option_set_max_deflate_dynamic_table_size(o, limits::http2_header_table);
        // Ours count both sides, and frames that come in many pieces once.
#ifdef ADIT_NGHTTP2_STREAM_RESET_RATE_LIMIT
        nghttp2_option_set_stream_reset_rate_limit(o, std::uint64_t{1} << 40, std::uint64_t{1} << 20);
#endif
#ifdef ADIT_NGHTTP2_MAX_CONTINUATIONS
        nghttp2_option_set_max_continuations(o, std::size_t{1} << 40);
#endif
        return o;
    }
};

Session::Impl::Impl(Role r, Handler& h, const Config& c, Time t)
    : handler(h), config(c), role(r), now(t), resets(c.resets, t), glitches(c.glitches, t) {
    static const nghttp2_session_callbacks* const callbacks = Callbacks::make();
    static const nghttp2_option* const options = Callbacks::options();
    nghttp2_session* session = nullptr;
    const auto make = role == Role::server ? nghttp2_session_server_new2 : nghttp2_session_client_new2;
    if (make(&session, callbacks, this, options) != 0) throw std::bad_alloc();
    ng.reset(session);
    if (role == Role::server) frame_left = NGHTTP2_CLIENT_MAGIC_LEN;

    std::vector<nghttp2_settings_entry> settings = {
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, config.header_list_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, config.stream_window},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    if (role == Role::server) {
        settings.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, config.max_streams});
        if (config.connect_protocol) settings.push_back({NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1});
    } else {
        settings.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
    }
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                          static_cast<std::int32_t>(config.session_window));
}

// How much of the input belongs to the frame that is being received. A frame is judged when its head is complete,
// before nghttp2 gets its last byte.
std::size_t Session::Impl::scan(Bytes input) {
    constexpr std::size_t head_size_of_frame = 9;
    if (frame_left > 0 && frame_head_size == 0) { // the magic
        const std::size_t n = std::min(frame_left, input.size());
        frame_left -= n;
        return n;
    }
    std::size_t at = 0;
    while (frame_head_size < head_size_of_frame && at < input.size()) frame_head[frame_head_size++] = input[at++];
    if (frame_head_size < head_size_of_frame) return at;
    const std::uint32_t length = get_u32_be(frame_head.data()) >> 8;
    const nghttp2_frame_hd header{length, static_cast<StreamId>(get_u32_be(frame_head.data() + 5) & 0x7fffffff),
                                  frame_head[3], frame_head[4], 0};
    if (at > 0) {
        frame_left = length;
        frame_begun(header);
    }
    const std::size_t n = std::min(frame_left, input.size() - at);
    if (header.type == NGHTTP2_PRIORITY) { // nghttp2 skips it unread
        for (std::size_t i = 0; i < n && frame_head_size < frame_head.size(); ++i)
            frame_head[frame_head_size++] = input[at + i];
        const bool complete = length == 5 && frame_head_size == frame_head.size(); // nghttp2 refuses another length
        const auto parent = static_cast<StreamId>(get_u32_be(frame_head.data() + head_size_of_frame) & 0x7fffffff);
        if (header.stream_id == 0 || (complete && parent == header.stream_id)) {
            fail(ErrorCode::protocol_error, "PRIORITY of stream 0 or of a stream that depends on itself");
        }
    }
    frame_left -= n;
    if (frame_left == 0) frame_head_size = 0;
    return at + n;
}

std::uint64_t Session::Impl::unfinished() const noexcept {
    constexpr std::size_t head_size_of_frame = 9;
    constexpr std::size_t type_at = 3;
    if (head_open) return units;
    if (frame_head_size == 0) { // between two frames, or before them
        const bool in_magic = frame_left > 0 && frame_left < NGHTTP2_CLIENT_MAGIC_LEN;
        return in_magic ? units : 0;
    }
    const bool is_data = frame_head_size > type_at && frame_head[type_at] == NGHTTP2_DATA;
    if (is_data) return 0;
    return frame_head_size < head_size_of_frame ? units + 1 : units;
}

void Session::Impl::frame_begun(const nghttp2_frame_hd& header) {
    frame_body = 0;
    if (header.type != NGHTTP2_CONTINUATION) {
        continuations = 0;
        ++units;
    }
    if (header.type == NGHTTP2_HEADERS || header.type == NGHTTP2_CONTINUATION)
        head_open = (header.flags & NGHTTP2_FLAG_END_HEADERS) == 0;
    const Stream* const stream = find(header.stream_id);
    const bool open = stream != nullptr && stream->open;
    switch (header.type) {
    case NGHTTP2_DATA:
    case NGHTTP2_HEADERS:
        if (!open && header.stream_id != 0 && header.stream_id <= last_id) return closed_stream_frame(header);
        if (header.type == NGHTTP2_DATA) {
            if (header.length > 0 || (header.flags & NGHTTP2_FLAG_END_STREAM) != 0) return;
            break; // an empty one
        }
        if (role == Role::server && !open && header.stream_id % 2 == 1) {
            last_id = header.stream_id;
            if (drained) given_up.add(last_id); // ignored
        }
        return;
    case NGHTTP2_RST_STREAM:
        if (open) return; // has its own budget
        break;
    case NGHTTP2_CONTINUATION:
        if (++continuations > limits::http2_continuations) {
            fail(ErrorCode::enhance_your_calm, "too many CONTINUATION frames");
            return;
        }
        break;
    default: break;
    }
    glitch();
}

// RFC 9113 5.1, 5.1.1.
void Session::Impl::closed_stream_frame(const nghttp2_frame_hd& header) {
    if (given_up.has(header.stream_id)) {
        glitch();
    } else if (header.type == NGHTTP2_DATA || closed.has(header.stream_id)) {
        fail(ErrorCode::stream_closed, "a frame for a closed stream");
    } else {
        fail(ErrorCode::protocol_error, "a stream id that is lower than the one before");
    }
}

bool Session::Impl::headers_begun(const nghttp2_frame& frame) {
    if (frame.hd.type != NGHTTP2_HEADERS) return true;
    head_size = head_fields = 0;
    Stream* stream = find(frame.hd.stream_id);
    reading_trailers = stream != nullptr && stream->head_received;
    if (reading_trailers) {
        trailers.clear();
        return true;
    }
    if (role == Role::server) {
        // A stream that was given up counts until its work has ended (CVE-2023-44487).
        if (streams.size() >= config.max_streams) {
            ++counters.streams_refused;
            Callbacks::reject(*this, frame.hd.stream_id, ErrorCode::refused_stream);
            return false;
        }
        add_stream(frame.hd.stream_id);
    }
    cookies.clear();
    head.clear();
    on_head_begin();
    return true;
}

ErrorCode Session::Impl::field(std::string_view name, std::string_view value) {
    head_size += name.size() + value.size() + 32; // RFC 9113 6.5.2
    ++head_fields;
    if (head_size > bomb * config.header_list_max) {
        fail(ErrorCode::enhance_your_calm, "a head of far more than SETTINGS_MAX_HEADER_LIST_SIZE");
    }
    if (head_too_large()) return ErrorCode::no_error; // what is known suffices to refuse it
    if (!reading_trailers) return on_head_field(name, value);
    trailers.add(name, value);
    return ErrorCode::no_error;
}

bool Session::Impl::add_field(std::string_view name, std::string_view value) {
    if (name == "cookie") {
        if (!cookies.empty()) cookies += "; ";
        cookies += value;
        return true;
    }
    return head.add(name, value);
}

void Session::Impl::frame_received(const nghttp2_frame& frame) {
    const bool end = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame.hd.type) {
    case NGHTTP2_DATA:
        if (frame_body > 0) {
            glitches.give(data_received_worth);
        } else if (!end && frame.hd.length > 0) {
            glitch(); // nothing but padding
        }
        if (end) peer_ended(frame.hd.stream_id, nullptr);
        break;
    case NGHTTP2_HEADERS: {
        Stream* const stream = find(frame.hd.stream_id);
        if (stream == nullptr) break;
        if (reading_trailers) {
            if (head_too_large()) {
                Callbacks::reject(*this, frame.hd.stream_id, ErrorCode::enhance_your_calm);
            } else {
                peer_ended(frame.hd.stream_id, &trailers);
            }
            break;
        }
        glitches.give(request_worth);
        if (end) stream->remote_end = true;
        const ErrorCode refusal = on_head_end(*stream, end);
        if (refusal != ErrorCode::no_error && !failed) Callbacks::reject(*this, frame.hd.stream_id, refusal);
        if (head_size > kept_head) { // most are much smaller
            head.release();
            std::string().swap(cookies);
        }
        break;
    }
    case NGHTTP2_RST_STREAM:
        if (const Stream* stream = find(frame.hd.stream_id); stream != nullptr && stream->open) {
            ++counters.resets_in;
            charge_reset();
        }
        break;
    case NGHTTP2_SETTINGS:
        if ((frame.hd.flags & NGHTTP2_FLAG_ACK) == 0) on_settings_received();
        break;
    case NGHTTP2_PING: // the peer has seen the warning of drain()
        if ((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0 && draining && !drained) finish_drain();
        break;
    case NGHTTP2_GOAWAY:
        on_goaway_received(frame.goaway.last_stream_id, static_cast<ErrorCode>(frame.goaway.error_code));
        break;
    default: break;
    }
}

void Session::Impl::peer_ended(StreamId id, Fields* fields) {
    Stream* const stream = find(id);
    if (stream == nullptr) return;
    stream->remote_end = true;
    if (!listens(*stream)) return;
    if (fields != nullptr) {
        fields->remove_if([](const Field& field) { return !may_trail(field); });
    } else {
        trailers.clear();
    }
    handler.on_end(id, trailers);
}

// Does the handler still want to know of the peer's body? Not behind an answer that did not wait for it.
bool Session::Impl::listens(const Stream& stream) const noexcept {
    const bool answered = role == Role::server && stream.local_end && !stream.tunnel;
    return stream.told && !stream.over && !stream.released && !answered;
}

void Session::Impl::body_received(StreamId id, Bytes bytes) {
    frame_body += bytes.size();
    Stream* const stream = find(id);
    if (stream == nullptr || !listens(*stream)) {
        nghttp2_session_consume(ng.get(), id, bytes.size());
        return;
    }
    stream->unconsumed += bytes.size();
    unconsumed += bytes.size();
    handler.on_body(id, bytes);
}

void Session::Impl::stream_closed(StreamId id, ErrorCode code) {
    Stream* const stream = find(id);
    if (stream == nullptr) return;
    stream->open = false;
    drop_queue(*stream);
    (stream->reset_sent ? given_up : closed).add(id);
    const bool complete = stream->remote_end && stream->local_end;
    if (complete) resets.give(completion_worth);
    // An answer that is complete is a good end, although the other side did not say everything.
    const bool answered = !stream->tunnel && (role == Role::server ? stream->local_end : stream->remote_end);
    const bool tell = stream->told && !stream->over && !stream->released && !complete && !answered;
    stream->over = true;
    if (!stream->told || stream->released) {
        erase(*stream);
    } else if (tell) {
        handler.on_reset(id, code);
    }
}

void Session::Impl::frame_sent(const nghttp2_frame& frame) {
    switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            if (Stream* const stream = find(frame.hd.stream_id)) local_ended(*stream);
        }
        break;
    case NGHTTP2_RST_STREAM: {
        Stream* const stream = find(frame.hd.stream_id);
        if (stream != nullptr) stream->reset_sent = true;
        const bool ours = (stream != nullptr && stream->given_up) || frame.rst_stream.error_code == NGHTTP2_NO_ERROR;
        if (ours) break;
        ++counters.resets_made; // MadeYouReset, CVE-2025-8671
        charge_reset();
        break;
    }
    case NGHTTP2_GOAWAY:
        if (frame.goaway.error_code != NGHTTP2_NO_ERROR) { // nghttp2 found an error of the connection
            failed = true;
            end_code = static_cast<ErrorCode>(frame.goaway.error_code);
            why = view(frame.goaway.opaque_data, frame.goaway.opaque_data_len);
        }
        break;
    default: break;
    }
}

void Session::Impl::local_ended(Stream& stream) {
    stream.local_end = true;
    sent.push_back(stream.id);
    // The answer is complete and did not wait for the rest of the request (RFC 9113 8.1).
    if (role == Role::server && !stream.remote_end && !stream.tunnel) {
        nghttp2_submit_rst_stream(ng.get(), NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_NO_ERROR);
    }
}

void Session::Impl::send_body(Stream& stream, Bytes header, std::size_t size) {
    out.append(header);
    out.append(stream.queue.view().first(size));
    stream.queue.consume(size);
    queued -= size;
    if (stream.queue.empty()) {
        if (stream.queue.capacity() > kept_queue) stream.queue.release_if_empty();
    } else if (size < dribble) {
        glitch(); // the peer opened its window by so little
        return;
    }
    if (size > 0) glitches.give(data_sent_worth);
}

} // namespace adit
