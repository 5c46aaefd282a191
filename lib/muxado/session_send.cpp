// What we send: RST and credit first, then heartbeats, then the streams in turn, one frame each.
#include "muxado/session_impl.hpp"

#include <algorithm>

namespace adit::inline v0::muxado {

std::size_t Session::produce(MutableBytes out) { return impl_->produce(out); }
bool Session::has_output() const noexcept { return impl_->has_output(); }
bool Session::finished() const noexcept { return impl_->error && !impl_->has_output(); }

bool Session::Impl::has_output() const noexcept {
    if (!spill.empty() || goaway_due) return true;
    return controls_sent < controls.size() || !credit_list.empty() || !urgent_list.empty() ||
           !send_list.empty();
}

std::size_t Session::Impl::produce(MutableBytes out) {
    std::size_t done = spill.read(out);
    if (spill.empty()) spill.release_if_empty();
    while (done < out.size() && spill.empty()) {
        const std::size_t n = next_frame(out.subspan(done), done == 0);
        if (n == 0) break;
        done += n;
    }
    count.bytes_out += done;
    return done;
}

/// 0: nothing left, or the next frame is better begun in another buffer.
std::size_t Session::Impl::next_frame(MutableBytes room, bool first) {
    if (controls_sent < controls.size()) return put_control(room);
    if (!credit_list.empty()) {
        if (const std::size_t n = put_credit(room); n != 0) return n;
    }
    if (!urgent_list.empty()) return put_data(*urgent_list.front(), room, first);
    if (!send_list.empty()) return put_data(*send_list.front(), room, first);
    return goaway_due ? put_goaway(room) : 0;
}

/// Small frames are cut wherever the buffer ends.
std::size_t Session::Impl::put_small(MutableBytes room, Bytes bytes) {
    const std::size_t n = std::min(room.size(), bytes.size());
    std::copy_n(bytes.begin(), n, room.begin());
    spill.append(bytes.subspan(n));
    return n;
}

std::size_t Session::Impl::put_control(MutableBytes room) {
    const Control control = controls[controls_sent++];
    if (controls_sent == controls.size()) {
        controls.clear();
        controls_sent = 0;
        if (controls.capacity() > 64) controls.shrink_to_fit();
    }
    std::uint8_t bytes[2 * frame_header_size + control_body_size];
    std::size_t n = 0;
    if (control.fin_first) {
        put_frame_header(bytes, {0, FrameType::data, flag_fin, control.id});
        n = frame_header_size;
        ++count.frames_out;
        ++count.data_frames_out;
    }
    put_frame_header(bytes + n, {control_body_size, FrameType::rst, 0, control.id});
    put_u32_be(bytes + n + frame_header_size, static_cast<std::uint32_t>(control.code));
    ++count.frames_out;
    ++count.rst_frames_out;
    return put_small(room, {bytes, n + frame_header_size + control_body_size});
}

std::size_t Session::Impl::put_credit(MutableBytes room) {
    while (Stream* stream = credit_list.front()) {
        const std::uint32_t increment = stream->receive.next_increment();
        if (increment == 0) {
            credit_list.remove(*stream);
            continue;
        }
        std::uint8_t bytes[frame_header_size + control_body_size];
        put_frame_header(bytes, {control_body_size, FrameType::wndinc, 0, stream->id});
        put_u32_be(bytes + frame_header_size, increment);
        ++count.frames_out;
        ++count.wndinc_frames_out;
        return put_small(room, bytes);
    }
    return 0;
}

std::size_t Session::Impl::put_data(Stream& stream, MutableBytes room, bool first) {
    const std::size_t queued = stream.out.size();
    std::size_t payload = std::min(sendable(stream), config.frame_payload_max);
    MutableBytes target = room;
    bool spilled = false;
    if (frame_header_size + payload > room.size()) {
        // The SYN frame stays whole: type, header and first bytes belong together (agent-protocol 2.5).
        if (!stream.syn_due && payload > cut_min && room.size() >= frame_header_size + cut_min) {
            payload = room.size() - frame_header_size;
            if (stream.use != StreamUse::application) payload &= ~(heartbeat_size - 1);
        } else if (!first) {
            return 0;
        } else {
            spilled = true;
            target = spill.prepare(frame_header_size + payload);
        }
    }
    const bool fin = stream.fin_due && payload == queued && !stream.syn_due; // never SYN and FIN in one (2.5)
    const auto flags = static_cast<std::uint8_t>((fin ? flag_fin : 0) | (stream.syn_due ? flag_syn : 0));
    put_frame_header(target.data(), {static_cast<std::uint32_t>(payload), FrameType::data, flags, stream.id});
    stream.out.read(target.subspan(frame_header_size, payload));
    stream.send.take(payload);
    stream.syn_due = false;
    stream.fin_sent = fin;
    ++count.frames_out;
    ++count.data_frames_out;
    shrink_out(stream, queued);
    list_of(stream).remove(stream);
    update_send(stream); // to the end of the line, if it has more
    if (fin) after_fin_sent(stream);
    const std::size_t size = frame_header_size + payload;
    if (!spilled) return size;
    spill.commit(size);
    return spill.read(room);
}

std::size_t Session::Impl::put_goaway(MutableBytes room) {
    // Without debug text: Go's reader takes Length more bytes than there are (agent-protocol 2.6).
    std::uint8_t bytes[frame_header_size + goaway_body_size];
    put_frame_header(bytes, {goaway_body_size, FrameType::goaway, 0, 0});
    put_u32_be(bytes + frame_header_size, remote_ids.highest());
    put_u32_be(bytes + frame_header_size + 4, static_cast<std::uint32_t>(*goaway_due));
    goaway_due.reset();
    ++count.frames_out;
    return put_small(room, bytes);
}

// --- what a stream may send

StreamList<&Stream::send_link>& Session::Impl::list_of(const Stream& stream) noexcept {
    return stream.use == StreamUse::application ? send_list : urgent_list;
}

std::size_t Session::Impl::sendable(const Stream& stream) const noexcept {
    const std::size_t queued = stream.out.size();
    if (stream.use == StreamUse::application) return stream.send.sendable(queued);
    // Whole values only, but for the frame with the type: Rust's responder echoes what one read gives it
    // (2.9).
    return std::min<std::size_t>(queued, stream.send.credit()) & ~(heartbeat_size - 1);
}

bool Session::Impl::wants_to_send(const Stream& stream) const noexcept {
    if (stream.write_reset || stream.closing) return false;
    if (stream.out.empty()) return stream.fin_due && !stream.fin_sent;
    return sendable(stream) != 0;
}

void Session::Impl::update_send(Stream& stream) {
    if (!wants_to_send(stream)) return;
    list_of(stream).push_back(stream);
}

void Session::Impl::after_fin_sent(Stream& stream) {
    if (stream.use == StreamUse::peer_heartbeat) return remove(stream);
    if (!stream.released) return;
    credit_list.remove(stream);
    if (stream.fin_in) return remove(stream);
    if (!stream.rst_after_fin) return enter_fin_wait(stream);
    queue_rst(stream.id, ErrorCode::stream_closed);
    enter_closing(stream);
}

void Session::Impl::update_credit(Stream& stream) {
    if (error || stream.fin_in || stream.closing || stream.read_reset) return;
    // What arrives on a released stream is dropped, but credited as long as our own end waits for credit: if
    // both sides let go with full buffers, each would else wait for the other for ever.
    if (stream.released && stream.out.size() <= stream.send.credit()) return;
    if (stream.receive.due()) credit_list.push_back(stream);
}

// --- bounds of what writers may queue

std::size_t Session::Impl::write_room(const Stream& stream) const noexcept {
    const std::size_t queued = stream.out.size();
    const std::size_t most =
        std::min<std::size_t>(config.stream_write_buffer, stream.send.credit() + write_reserve);
    const std::size_t own = most > queued ? most - queued : 0;
    const std::size_t reserve = write_reserve > queued ? write_reserve - queued : 0;
    const std::size_t shared =
        config.session_write_buffer > over_reserve ? config.session_write_buffer - over_reserve : 0;
    return std::min(own, reserve + shared);
}

namespace {
std::size_t beyond_reserve(std::size_t queued) noexcept {
    return queued > write_reserve ? queued - write_reserve : 0;
}
} // namespace

/// The caller has checked the room.
std::size_t Session::Impl::queue_out(Stream& stream, Bytes bytes) {
    over_reserve -= beyond_reserve(stream.out.size());
    stream.out.append(bytes);
    over_reserve += beyond_reserve(stream.out.size());
    count.buffered_out += bytes.size();
    return bytes.size();
}

void Session::Impl::shrink_out(Stream& stream, std::size_t before) {
    const std::size_t queued = stream.out.size();
    count.buffered_out -= before - queued;
    over_reserve -= beyond_reserve(before) - beyond_reserve(queued);
    offer_room(stream);
}

void Session::Impl::drop_out(Stream& stream) {
    const std::size_t before = stream.out.size();
    stream.out.clear();
    list_of(stream).remove(stream);
    stream.write_blocked = false;
    stream.event_writable = false;
    shrink_out(stream, before);
}

/// Tells a writer that waits, once there is room worth waking for. Its own queue moving is enough to look:
/// what waits for the session's bound has something queued as well.
void Session::Impl::offer_room(Stream& stream) {
    if (error || !stream.write_blocked) return;
    if (!stream.out.empty() && write_room(stream) < write_reserve) return;
    stream.write_blocked = false;
    stream.event_writable = true;
    event_list.push_back(stream);
}

} // namespace adit::inline v0::muxado
