// The application's side of a session: open, write, read, drop.
#include "muxado/session.hpp"

#include "muxado/session_impl.hpp"

#include <algorithm>

namespace adit::inline v0::muxado {

Session::Session(const Config& config) : impl_(std::make_unique<Impl>(config)) {}
Session::~Session() = default;

Result<StreamId> Session::open(std::uint32_t type, Bytes first, Bytes more) {
    Impl& s = *impl_;
    if (s.error) return *s.error;
    if (type == heartbeat_stream_type)
        return ErrorInfo(errc::invalid_option, "heartbeats are opened by start_heartbeat()");
    if (4 + first.size() + more.size() > s.config.stream_write_buffer)
        return ErrorInfo(errc::limit_exceeded,
                         "too many first bytes: open the stream with fewer and write the rest");
    if (s.next_id > stream_id_max)
        return ErrorInfo(errc::limit_exceeded, "this session has used up its stream ids: open a new session");
    if (!s.has_room()) {
        s.open_refused = true;
        return ErrorInfo(errc::limit_exceeded, "this session has as many streams open as it may");
    }
    Stream& stream = *s.open_local(type);
    s.queue_out(stream, first);
    s.queue_out(stream, more);
    s.update_send(stream);
    return stream.id;
}

std::size_t Session::write(StreamId id, Bytes bytes) {
    Impl& s = *impl_;
    Stream* stream = s.application_stream(id);
    if (stream == nullptr || s.error || stream->fin_due || stream->write_reset) return 0;
    const std::size_t room = s.write_room(*stream);
    const std::size_t n = std::min(room, bytes.size());
    s.queue_out(*stream, bytes.first(n));
    s.update_send(*stream);
    if (n < bytes.size()) stream->write_blocked = true;
    return n;
}

std::size_t Session::write_space(StreamId id) const noexcept {
    const Stream* stream = impl_->application_stream(id);
    if (stream == nullptr || impl_->error || stream->fin_due || stream->write_reset) return 0;
    return impl_->write_room(*stream);
}

WriteState Session::write_state(StreamId id) const noexcept {
    const Stream* stream = impl_->application_stream(id);
    if (stream == nullptr) return WriteState::gone;
    if (stream->write_reset) return WriteState::reset;
    if (impl_->error) return WriteState::lost;
    return stream->fin_due ? WriteState::shut : WriteState::open;
}

void Session::shutdown_write(StreamId id) {
    Stream* stream = impl_->application_stream(id);
    if (stream == nullptr || impl_->error || stream->fin_due || stream->write_reset) return;
    stream->fin_due = true;
    stream->write_blocked = false;
    impl_->update_send(*stream);
}

// --- reading

std::size_t Session::read(StreamId id, MutableBytes out) {
    Impl& s = *impl_;
    Stream* stream = s.application_stream(id);
    if (stream == nullptr) return 0;
    stream->receive.settle(s.growth);
    s.update_credit(*stream);
    const std::size_t n = stream->in.read(out);
    s.took_in(*stream, n);
    stream->receive.hand_out(n);
    s.was_read(*stream);
    return n;
}

Bytes Session::peek(StreamId id) {
    Stream* stream = impl_->application_stream(id);
    if (stream == nullptr) return {};
    impl_->was_read(*stream);
    return stream->in.front();
}

std::size_t Session::peek(StreamId id, std::span<Bytes> pieces) {
    Stream* stream = impl_->application_stream(id);
    if (stream == nullptr) return 0;
    impl_->was_read(*stream);
    return stream->in.pieces(pieces);
}

void Session::consume(StreamId id, std::size_t n) {
    Impl& s = *impl_;
    Stream* stream = s.application_stream(id);
    if (stream == nullptr) return;
    n = std::min(n, stream->in.size());
    stream->in.consume(n);
    s.took_in(*stream, n);
    stream->receive.settle(s.growth);
    stream->receive.consume(n, s.growth);
    s.update_credit(*stream);
    s.was_read(*stream);
}

void Session::credit(StreamId id) {
    Stream* stream = impl_->application_stream(id);
    if (stream == nullptr) return;
    stream->receive.settle(impl_->growth);
    impl_->update_credit(*stream);
}

/// The application looked: the next arrival is news again.
void Session::Impl::was_read(Stream& stream) noexcept {
    stream.readable_told = false;
    if (stream.in.empty() && !stream.fin_in) stream.event_readable = false;
}

std::size_t Session::readable(StreamId id) const noexcept {
    const Stream* stream = impl_->application_stream(id);
    return stream != nullptr ? stream->in.size() : 0;
}

ReadState Session::read_state(StreamId id) const noexcept {
    const Stream* stream = impl_->application_stream(id);
    if (stream == nullptr) return ReadState::gone;
    if (!stream->in.empty()) return ReadState::data;
    if (stream->read_reset) return ReadState::reset;
    if (stream->fin_in) return ReadState::fin;
    return impl_->error ? ReadState::lost : ReadState::open;
}

ErrorCode Session::reset_code(StreamId id) const noexcept {
    const Stream* stream = impl_->application_stream(id);
    return stream != nullptr ? stream->reset_code : ErrorCode::none;
}

// --- dropping

void Session::release(StreamId id) {
    if (Stream* stream = impl_->application_stream(id)) impl_->release(*stream);
}

void Session::reset(StreamId id, ErrorCode code) {
    if (Stream* stream = impl_->application_stream(id)) impl_->reset(*stream, code);
}

void Session::refuse(StreamId id) {
    Stream* stream = impl_->application_stream(id);
    if (stream == nullptr) return;
    ++impl_->count.streams_refused;
    impl_->reset(*stream, ErrorCode::accept_queue_full);
}

// --- the session

std::optional<Event> Session::poll_event() { return impl_->poll_event(); }
const std::optional<ErrorInfo>& Session::error() const noexcept { return impl_->error; }
std::string_view Session::goaway_debug() const noexcept { return impl_->debug; }
void Session::set_authenticated() noexcept { impl_->authenticated = true; }
void Session::set_peer_credit(PeerCredit kind) noexcept { impl_->growth.peer = kind; }
void Session::set_rtt(std::chrono::microseconds rtt) noexcept { impl_->growth.rtt = rtt; }
void Session::set_max_local_streams(std::size_t n) noexcept { impl_->max_local_streams = n; }

void Session::set_peer_keeps_streams() { impl_->peer_keeps_streams = true; }

void Session::raise_window(std::uint32_t per_stream) noexcept {
    impl_->growth.peer = PeerCredit::keeps;
    impl_->raised_window = std::min(per_stream, impl_->growth.stream_max);
}

Counters Session::counters() const noexcept {
    Counters c = impl_->count;
    c.control_queued = impl_->controls.size() - impl_->controls_sent;
    c.window_growth = impl_->config.session_window_max - impl_->growth.left;
    return c;
}

std::optional<StreamStats> Session::stats(StreamId id) const noexcept {
    const Stream* stream = impl_->streams.find(id);
    if (stream == nullptr) return std::nullopt;
    StreamStats stats;
    stats.type = stream->type;
    stats.local = stream->local;
    stats.released = stream->released;
    stats.closing = stream->closing;
    stats.fin_in = stream->fin_in;
    stats.fin_sent = stream->fin_sent;
    stats.read_reset = stream->read_reset;
    stats.write_reset = stream->write_reset;
    stats.send_credit = stream->send.credit();
    stats.queued = stream->out.size();
    stats.readable = stream->in.size();
    stats.receive_credit = stream->receive.credit();
    stats.handed_out = stream->receive.handed_out();
    stats.owed = stream->receive.owed();
    stats.growth_owed = stream->receive.growth_owed();
    stats.growth = stream->receive.growth();
    stats.window = stream->receive.window();
    return stats;
}

} // namespace adit::inline v0::muxado
