// What the peer sends. The table of what happens to wrong input is in tests/unit/muxado/violations_test.cpp.
#include "muxado/session_impl.hpp"

#include <algorithm>

namespace adit::inline v0::muxado {

void Session::receive(Bytes data, Time now) {
    impl_->now = now;
    impl_->receive(data);
}

void Session::Impl::receive(Bytes data) {
    if (error) return;
    count.bytes_in += data.size();
    if (!authenticated) {
        preauth_received += data.size();
        if (preauth_received > config.preauth_bytes)
            return fail(ErrorCode::enhance_your_calm,
                        {errc::limit_exceeded, "the peer sent too much before it was authenticated"});
    }
    while (!data.empty() && !error) {
        switch (stage) {
        case Stage::header:
            if (partial_size == 0 && data.size() >= frame_header_size) {
                const FrameHeader header = get_frame_header(data.data());
                data = data.subspan(frame_header_size);
                begin_frame(header);
            } else {
                partial[partial_size++] = data.front();
                data = data.subspan(1);
                if (partial_size == frame_header_size) begin_frame(get_frame_header(partial));
            }
            break;
        case Stage::data: receive_data(data); break;
        case Stage::control: receive_control(data); break;
        case Stage::goaway_debug: receive_goaway_debug(data); break;
        case Stage::skip: {
            const auto n = static_cast<std::uint32_t>(std::min<std::size_t>(body_left, data.size()));
            data = data.subspan(n);
            body_left -= n;
            if (body_left == 0) stage = Stage::header;
            break;
        }
        }
    }
}

void Session::Impl::begin_frame(const FrameHeader& header) {
    ++count.frames_in;
    frame = header;
    body_left = header.length;
    partial_size = 0;
    const bool on_stream = header.id != 0 && (header.id & reserved_bit) == 0;
    switch (header.type) {
    case FrameType::data:
        if (!on_stream) return fail_protocol(ErrorCode::protocol, "DATA with a stream id that cannot be");
        return begin_data(header);
    case FrameType::rst:
    case FrameType::wndinc:
        if (!on_stream)
            return fail_protocol(ErrorCode::protocol, "RST or WNDINC with a stream id that cannot be");
        if (header.length != control_body_size)
            return fail_protocol(ErrorCode::frame_size, "RST or WNDINC of a wrong length");
        stage = Stage::control;
        return;
    case FrameType::goaway:
        if (header.id != 0) return fail_protocol(ErrorCode::protocol, "GOAWAY on a stream");
        if (header.length < goaway_body_size)
            return fail_protocol(ErrorCode::frame_size, "GOAWAY of a wrong length");
        stage = Stage::control;
        return;
    }
    stage = header.length != 0 ? Stage::skip : Stage::header; // types 4 to 15
}

void Session::Impl::receive_control(Bytes& data) {
    const std::size_t size = frame.type == FrameType::goaway ? goaway_body_size : control_body_size;
    const std::size_t n = std::min(size - partial_size, data.size());
    std::copy_n(data.begin(), n, partial + partial_size);
    partial_size += n;
    data = data.subspan(n);
    if (partial_size < size) return;
    partial_size = 0;
    stage = Stage::header;
    if (frame.type == FrameType::rst) return on_rst(frame.id, get_u32_be(partial));
    if (frame.type == FrameType::wndinc) return on_wndinc(frame.id, get_u32_be(partial));
    peer_goaway = error_code_from_wire(get_u32_be(partial + 4));
    body_left -= goaway_body_size;
    stage = Stage::goaway_debug;
    receive_goaway_debug(data);
}

// Rust's Length omits the 8 fixed bytes (agent-protocol 2.6): part of its text is left over, and nothing
// after a GOAWAY is parsed.
void Session::Impl::receive_goaway_debug(Bytes& data) {
    const std::size_t wanted = std::min<std::size_t>(body_left, limits::goaway_debug_max - debug.size());
    const std::size_t n = std::min(wanted, data.size());
    debug.append(as_text(data.first(n)));
    body_left -= static_cast<std::uint32_t>(n);
    data = {};
    if (n == wanted) on_goaway();
}

void Session::Impl::on_goaway() {
    goaway_event = peer_goaway;
    error =
        ErrorInfo(errc::session_lost,
                  "the peer ended the session (GOAWAY: " + std::string(to_string(peer_goaway)) + ")", debug);
    stop_output();
}

// --- DATA

void Session::Impl::begin_data(const FrameHeader& header) {
    Stream* stream = data_target(header);
    if (error) return;
    stage = stream != nullptr ? Stage::data : Stage::skip;
    if (body_left != 0) return;
    stage = Stage::header;
    if (stream != nullptr) end_data(header.id);
}

/// The stream that takes this frame's body, or null if it is to be skipped.
Stream* Session::Impl::data_target(const FrameHeader& header) {
    if (header.syn() && !open_remote(header)) return nullptr;
    Stream* stream = streams.find(header.id);
    const bool empty_fin = header.length == 0 && header.fin();
    if (stream == nullptr) {
        if (!empty_fin) queue_rst(header.id, ErrorCode::stream_closed);
        return nullptr;
    }
    if (stream->closing) { // sent before the peer knew of our RST
        if (header.fin()) remove(*stream);
        return nullptr;
    }
    if (stream->rst_sent) {
        stream->fin_in = stream->fin_in || header.fin();
        return nullptr;
    }
    if (stream->fin_in || stream->read_reset) { // Go repeats an empty FIN
        if (!empty_fin) abort_stream(*stream, ErrorCode::stream_closed);
        return nullptr;
    }
    if (stream->released && stream->fin_sent) {
        if (header.fin()) {
            remove(*stream);
        } else if (header.length != 0) {
            queue_rst(stream->id, ErrorCode::stream_closed);
            enter_closing(*stream);
        }
        return nullptr;
    }
    if (stream->released && header.length != 0) stream->rst_after_fin = true;
    stream->receive.on_arrival(header.length, now, growth);
    if (stream->receive.grows()) pace_growth(*stream);
    update_credit(*stream);
    if (header.length > stream->receive.credit()) {
        abort_stream(*stream, ErrorCode::flow_control);
        return nullptr;
    }
    return stream;
}

bool Session::Impl::open_remote(const FrameHeader& header) {
    const bool odd = (header.id & 1) != 0;
    if (odd != (config.role == Role::server)) {
        fail_protocol(ErrorCode::protocol, "SYN with an id of our own parity");
        return false;
    }
    if (!remote_ids.use(header.id)) {
        fail_protocol(ErrorCode::protocol, "SYN with an id that was used before");
        return false;
    }
    const std::size_t most = authenticated ? config.max_remote_streams
                                           : std::min(config.max_remote_streams, config.preauth_streams);
    if (count.remote_streams >= most) {
        ++count.streams_refused;
        queue_rst(header.id, ErrorCode::stream_refused);
        return false;
    }
    add_stream(header.id, false);
    return true;
}

void Session::Impl::receive_data(Bytes& data) {
    const auto n = static_cast<std::uint32_t>(std::min<std::size_t>(body_left, data.size()));
    Stream* stream = streams.find(frame.id); // the application may have dropped it in the middle of the frame
    if (stream != nullptr && !stream->read_reset) deliver(*stream, data.first(n));
    data = data.subspan(n);
    body_left -= n;
    if (body_left != 0 || error) return;
    stage = Stage::header;
    end_data(frame.id);
}

void Session::Impl::deliver(Stream& stream, Bytes bytes) {
    stream.receive.receive(static_cast<std::uint32_t>(bytes.size()));
    if (stream.released) {
        stream.receive.consume(bytes.size(), growth);
        return update_credit(stream);
    }
    if (stream.use == StreamUse::unknown) {
        std::size_t n = 0;
        for (; n < bytes.size() && stream.type_bytes < 4; ++n, ++stream.type_bytes)
            stream.type = (stream.type << 8) | bytes[n];
        stream.receive.consume(n, growth);
        bytes = bytes.subspan(n);
        if (stream.type_bytes < 4) return;
        if (!complete_type(stream)) return;
    }
    switch (stream.use) {
    case StreamUse::application:
        if (bytes.empty()) return;
        stream.in.append(bytes);
        count.buffered_in += bytes.size();
        if (!stream.local) remote_buffered += bytes.size();
        if (config.remote_buffer_max != 0 && remote_buffered > config.remote_buffer_max)
            return fail(ErrorCode::enhance_your_calm,
                        {errc::limit_exceeded, "the peer sends more than is read of its streams"});
        return tell_readable(stream);
    case StreamUse::peer_heartbeat: return deliver_echo_request(stream, bytes);
    case StreamUse::our_heartbeat: return deliver_echo(stream, bytes);
    case StreamUse::unknown: return;
    }
}

/// False if the stream was refused, and may be gone.
bool Session::Impl::complete_type(Stream& stream) {
    if (stream.type != heartbeat_stream_type) {
        stream.use = StreamUse::application;
        stream.event_opened = true;
        event_list.push_back(stream);
        return true;
    }
    if (peer_heartbeats >= peer_heartbeats_max) {
        ++count.streams_refused;
        abort_stream(stream, ErrorCode::stream_refused);
        return false;
    }
    ++peer_heartbeats;
    stream.use = StreamUse::peer_heartbeat;
    return true;
}

void Session::Impl::end_data(StreamId id) {
    Stream* stream = frame.fin() ? streams.find(id) : nullptr;
    if (stream == nullptr) return;
    if (stream->closing) return remove(*stream);
    stream->fin_in = true;
    credit_list.remove(*stream); // nobody needs credit after a FIN
    if (stream->released) {
        if (stream->fin_sent) remove(*stream);
        return;
    }
    switch (stream->use) {
    case StreamUse::unknown: // both SDKs give up the session here; dropping the stream is enough
        queue_rst(id, ErrorCode::protocol);
        return remove(*stream);
    case StreamUse::application: return tell_readable(*stream);
    case StreamUse::peer_heartbeat: stream->fin_due = true; return update_send(*stream);
    case StreamUse::our_heartbeat: return; // no echo will come any more: the deadline ends the session
    }
}

// --- heartbeats

void Session::Impl::deliver_echo_request(Stream& stream, Bytes bytes) {
    stream.receive.consume(bytes.size(), growth);
    while (const auto value = stream.units.next(bytes)) {
        if (stream.out.size() + heartbeat_size > echo_queue_max) // it asks and does not read the answers
            return abort_stream(stream, ErrorCode::enhance_your_calm);
        std::uint8_t echo[heartbeat_size];
        put_u32_be(echo, *value);
        queue_out(stream, echo);
    }
    update_credit(stream);
    update_send(stream);
}

void Session::Impl::deliver_echo(Stream& stream, Bytes bytes) {
    stream.receive.consume(bytes.size(), growth);
    update_credit(stream);
    while (const auto value = stream.units.next(bytes)) {
        const auto latency = heartbeat.answered(*value, now);
        if (!latency) return fail_protocol(ErrorCode::protocol, "heartbeat answered with another value");
        heartbeat_event = *latency;
    }
}

// --- control frames

void Session::Impl::on_rst(StreamId id, std::uint32_t code) {
    ++count.resets_in;
    Stream* stream = streams.find(id);
    if (stream == nullptr) return;
    if (stream->closing || stream->released || stream->use != StreamUse::application) return remove(*stream);
    drop_out(*stream);
    stream->write_reset = true;
    const ErrorCode reason = error_code_from_wire(code);
    // STREAM_CLOSED after a FIN says that the peer no longer listens; what it sent before stays whole.
    if (!(stream->fin_in && reason == ErrorCode::stream_closed)) {
        stream->read_reset = true;
        credit_list.remove(*stream);
    }
    tell_reset(*stream, reason);
}

void Session::Impl::on_wndinc(StreamId id, std::uint32_t increment) {
    increment &= window_max;
    if (increment == 0) return fail_protocol(ErrorCode::protocol, "WNDINC of 0");
    Stream* stream = streams.find(id);
    if (stream == nullptr || stream->fin_sent || stream->write_reset) return; // late credit is usual
    if (!stream->send.add(increment)) return abort_stream(*stream, ErrorCode::flow_control);
    update_send(*stream);
    offer_room(*stream);
}

} // namespace adit::inline v0::muxado
