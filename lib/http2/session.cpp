#include "http2/session.hpp"

#include "http2/session_impl.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace adit::inline v0::http2 {
namespace {

constexpr std::size_t frame_body_max = 16'384; // of ours, whatever the peer would take: streams take turns
constexpr std::size_t kept_memory = 4'096;     // of a buffer that is empty
// More frames than that wait in nghttp2 only if the peer makes us answer and does not read.
constexpr std::size_t frames_queued_max = limits::http2_control_queued;

ErrorCode code_of(int nghttp2_error) noexcept {
    switch (nghttp2_error) {
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC: return ErrorCode::protocol_error;
    case NGHTTP2_ERR_CALLBACK_FAILURE:
    case NGHTTP2_ERR_NOMEM: return ErrorCode::internal_error;
    default: return ErrorCode::enhance_your_calm; // FLOODED, TOO_MANY_SETTINGS, ...
    }
}

} // namespace

std::string_view to_text(ErrorCode code) noexcept {
    switch (code) {
    case ErrorCode::no_error: return "NO_ERROR";
    case ErrorCode::protocol_error: return "PROTOCOL_ERROR";
    case ErrorCode::internal_error: return "INTERNAL_ERROR";
    case ErrorCode::flow_control_error: return "FLOW_CONTROL_ERROR";
    case ErrorCode::settings_timeout: return "SETTINGS_TIMEOUT";
    case ErrorCode::stream_closed: return "STREAM_CLOSED";
    case ErrorCode::frame_size_error: return "FRAME_SIZE_ERROR";
    case ErrorCode::refused_stream: return "REFUSED_STREAM";
    case ErrorCode::cancel: return "CANCEL";
    case ErrorCode::compression_error: return "COMPRESSION_ERROR";
    case ErrorCode::connect_error: return "CONNECT_ERROR";
    case ErrorCode::enhance_your_calm: return "ENHANCE_YOUR_CALM";
    case ErrorCode::inadequate_security: return "INADEQUATE_SECURITY";
    case ErrorCode::http_1_1_required: return "HTTP_1_1_REQUIRED";
    }
    return "an unknown error code";
}

// --- streams

Stream* Session::Impl::find(StreamId id) noexcept {
    for (std::size_t i = ids.size(); i-- > 0;) { // the newest is asked for most
        if (ids[i] == id) return streams[i].get();
    }
    return nullptr;
}

Stream& Session::Impl::add_stream(StreamId id) {
    ids.reserve(ids.size() + 1);
    streams.push_back(spare ? std::move(spare) : std::make_unique<Stream>());
    ids.push_back(id);
    Stream& stream = *streams.back();
    stream.id = id;
    stream.open = true;
    ++counters.streams_opened;
    return stream;
}

void Session::Impl::erase(Stream& stream) {
    drop_queue(stream);
    if (stream.blocked) --blocked;
    const auto at = std::ranges::find(ids, stream.id) - ids.begin();
    std::unique_ptr<Stream> gone = std::move(streams[static_cast<std::size_t>(at)]);
    ids.erase(ids.begin() + at);
    streams.erase(streams.begin() + at);
    if (!spare) { // a connection with one request at a time needs no memory for the next
        ByteQueue memory = std::move(gone->queue);
        *gone = Stream();
        if (memory.capacity() <= kept_memory) gone->queue = std::move(memory);
        spare = std::move(gone);
    }
    on_stream_gone();
}

void Session::Impl::drop_queue(Stream& stream) noexcept {
    queued -= stream.queue.size();
    stream.queue.clear();
}

// Each stream has room for a frame, so that no other can lock it out.
std::size_t Session::Impl::write_space(const Stream& stream) const noexcept {
    if (failed || ended || !stream.open || stream.over || stream.finished || !stream.head_sent) return 0;
    const std::size_t mine = stream.queue.size();
    const std::size_t own = frame_body_max - std::min(mine, frame_body_max);
    const std::size_t shared = std::min(config.stream_queue - std::min(mine, config.stream_queue),
                                        config.session_queue - std::min(queued, config.session_queue));
    return std::max(own, shared);
}

void Session::Impl::consume(Stream& stream, std::size_t n) {
    n = std::min(n, stream.unconsumed);
    if (n == 0) return;
    stream.unconsumed -= n;
    unconsumed -= n;
    if (!failed && !ended) nghttp2_session_consume(ng.get(), stream.id, n);
}

void Session::Impl::end_body(Stream& stream, const Fields* fields) {
    if (!stream.open || stream.finished || !stream.head_sent) return;
    stream.finished = true;
    if (fields != nullptr && !fields->empty()) stream.trailers = std::make_unique<Fields>(*fields);
    if (!failed && !ended) nghttp2_session_resume_data(ng.get(), stream.id);
}

void Session::Impl::give_up(Stream& stream, ErrorCode code) {
    drop_queue(stream);
    stream.over = stream.given_up = true;
    if (stream.open && !failed && !ended) {
        nghttp2_submit_rst_stream(ng.get(), NGHTTP2_FLAG_NONE, stream.id, static_cast<std::uint32_t>(code));
    }
}

void Session::Impl::finish_drain() {
    draining = drained = true;
    const StreamId last = nghttp2_session_get_last_proc_stream_id(ng.get());
    nghttp2_submit_goaway(ng.get(), NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
}

// Body and trailers of one stream: nghttp2 asks when it is its turn and the windows are open.
nghttp2_data_provider Session::Impl::body_of(Stream& stream) noexcept {
    nghttp2_data_provider provider{};
    provider.source.ptr = &stream;
    provider.read_callback = [](nghttp2_session* session, StreamId id, std::uint8_t*, std::size_t length,
                                std::uint32_t* flags, nghttp2_data_source* source, void* user) -> ssize_t {
        Stream& s = *static_cast<Stream*>(source->ptr);
        if (s.queue.empty() && !s.finished) return NGHTTP2_ERR_DEFERRED;
        const std::size_t n = std::min({length, s.queue.size(), frame_body_max});
        *flags = NGHTTP2_DATA_FLAG_NO_COPY;
        if (s.finished && n == s.queue.size()) {
            *flags |= NGHTTP2_DATA_FLAG_EOF;
            if (s.trailers) {
                Impl& self = *static_cast<Impl*>(user);
                self.block.clear();
                self.block.add(*s.trailers, true);
                if (self.block.size() > 0) {
                    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
                    if (nghttp2_submit_trailer(session, id, self.block.data(), self.block.size()) != 0) {
                        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
                    }
                }
            }
        }
        return static_cast<ssize_t>(n);
    };
    return provider;
}

// --- budgets

bool Session::Impl::glitch() {
    if (failed) return false;
    ++counters.glitches;
    if (glitches.take(now)) return true;
    fail(ErrorCode::enhance_your_calm, "too many frames that carry nothing");
    return false;
}

bool Session::Impl::charge_reset() {
    if (failed) return false;
    if (resets.take(now)) return true;
    fail(ErrorCode::enhance_your_calm, "too many streams were given up");
    return false;
}

// GOAWAY is made by hand: nghttp2 would first send what else it has, and may not be able to go on.
void Session::Impl::fail(ErrorCode code, std::string_view reason) {
    if (failed || ended) return;
    failed = true;
    end_code = code;
    why = reason;
    const std::string_view debug = reason.substr(0, limits::goaway_debug_max);
    std::uint8_t frame[17] = {};
    put_u32_be(frame, static_cast<std::uint32_t>(8 + debug.size()) << 8 | NGHTTP2_GOAWAY);
    put_u32_be(frame + 9, static_cast<std::uint32_t>(nghttp2_session_get_last_proc_stream_id(ng.get())));
    put_u32_be(frame + 13, static_cast<std::uint32_t>(code));
    goodbye.append(as_text(frame)).append(debug);
}

// on_reset() for each that the handler still waits for. It may release streams, also others.
void Session::Impl::end_streams(ErrorCode code) {
    const std::vector<StreamId> all = ids;
    for (const StreamId id : all) {
        Stream* const stream = find(id);
        if (stream == nullptr) continue;
        stream->open = false;
        drop_queue(*stream);
        if (!stream->told || stream->released) {
            erase(*stream);
        } else if (!stream->over) {
            stream->over = true;
            handler.on_reset(id, code);
        }
    }
}

// --- transport side

void Session::Impl::receive(Bytes input, Time time) {
    now = std::max(now, time);
    while (!input.empty() && !failed && !ended && nghttp2_session_want_read(ng.get()) != 0) {
        const Bytes part = input.first(scan(input));
        if (failed) break;
        const ssize_t taken = nghttp2_session_mem_recv(ng.get(), part.data(), part.size());
        if (taken < 0) broken(static_cast<int>(taken));
        if (nghttp2_session_get_outbound_queue_size(ng.get()) > frames_queued_max) {
            fail(ErrorCode::enhance_your_calm, "too many answers wait to be read");
        }
        input = input.subspan(part.size());
    }
    if (failed && !ended) end_streams(end_code);
}

// nghttp2 cannot go on: the peer went too far, or memory ended, or a handler threw.
void Session::Impl::broken(int nghttp2_error) {
    fail(code_of(nghttp2_error), nghttp2_strerror(nghttp2_error));
    if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
    if (nghttp2_error == NGHTTP2_ERR_NOMEM) throw std::bad_alloc();
}

Bytes Session::Impl::output() {
    if (!failed && !ended) gather();
    if (!goodbye.empty() && !ended) {
        out.append(as_bytes(goodbye));
        goodbye.clear();
    }
    return out.view();
}

void Session::Impl::gather() {
    // All at once instead of growing.
    if (out.empty() && queued > kept_memory) out.prepare(std::min(queued, config.output_max) + frame_body_max);
    while (!failed && out.size() < config.output_max) {
        const std::uint8_t* data = nullptr;
        const std::size_t before = out.size();
        const ssize_t n = nghttp2_session_mem_send(ng.get(), &data);
        if (n < 0) broken(static_cast<int>(n));
        if (n > 0 && goodbye.empty()) out.append({data, static_cast<std::size_t>(n)});
        if (n == 0 && out.size() == before) {
            if (sent.empty() && blocked == 0) break;
            notify(); // what it writes may leave with the rest
            if (!wants_write()) break;
        }
    }
    if (failed) {
        end_streams(end_code);
    } else {
        notify();
    }
}

void Session::Impl::notify() {
    while (!sent.empty()) {
        std::vector<StreamId> done;
        done.swap(sent);
        for (const StreamId id : done) {
            Stream* const stream = find(id);
            if (stream != nullptr && stream->told && !stream->released && !stream->given_up) handler.on_sent(id);
        }
        if (sent.empty()) {
            done.clear();
            sent.swap(done); // keeps the memory
        }
    }
    if (blocked == 0) return;
    const std::vector<StreamId> all = ids;
    for (const StreamId id : all) {
        Stream* const stream = find(id);
        if (stream == nullptr || !stream->blocked || write_space(*stream) < frame_body_max) continue;
        stream->blocked = false;
        --blocked;
        if (!stream->released) handler.on_writable(id);
    }
}

// --- what callers see

Session::Session(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Session::~Session() = default;

void Session::receive(Bytes input, Time now) { impl_->receive(input, now); }
Bytes Session::output() { return impl_->output(); }
std::uint64_t Session::unfinished() const noexcept { return impl_->unfinished(); }
bool Session::has_output() const noexcept {
    return !impl_->ended && (!impl_->out.empty() || !impl_->goodbye.empty() || impl_->wants_write());
}

void Session::consume_output(std::size_t n) {
    impl_->out.consume(n);
    if (impl_->out.empty() && impl_->out.capacity() > kept_memory) impl_->out.release_if_empty();
}

bool Session::finished() const noexcept {
    const Impl& self = *impl_;
    if (self.ended) return true;
    if (!self.out.empty() || !self.goodbye.empty()) return false;
    nghttp2_session* const ng = self.ng.get();
    return self.failed || (nghttp2_session_want_read(ng) == 0 && nghttp2_session_want_write(ng) == 0);
}

void Session::transport_closed() {
    if (impl_->ended) return;
    impl_->ended = true;
    impl_->out.clear();
    impl_->end_streams(impl_->failed ? impl_->end_code : ErrorCode::cancel);
}

std::size_t Session::write(StreamId id, Bytes bytes) {
    Stream* const stream = impl_->find(id);
    if (stream == nullptr || bytes.empty()) return 0;
    const std::size_t n = std::min(bytes.size(), impl_->write_space(*stream));
    if (n < bytes.size() && !stream->blocked && stream->open && !stream->over) {
        stream->blocked = true;
        ++impl_->blocked;
    }
    if (n == 0) return 0;
    const bool waits = stream->queue.empty();
    stream->queue.append(bytes.first(n));
    impl_->queued += n;
    if (waits) nghttp2_session_resume_data(impl_->ng.get(), id);
    return n;
}

std::size_t Session::write_space(StreamId id) const noexcept {
    const Stream* const stream = impl_->find(id);
    return stream == nullptr ? 0 : impl_->write_space(*stream);
}

std::size_t Session::queued(StreamId id) const noexcept {
    const Stream* const stream = impl_->find(id);
    return stream == nullptr ? 0 : stream->queue.size();
}

void Session::finish(StreamId id) {
    if (Stream* const stream = impl_->find(id)) impl_->end_body(*stream, nullptr);
}

void Session::finish(StreamId id, const Fields& trailers) {
    if (Stream* const stream = impl_->find(id)) impl_->end_body(*stream, &trailers);
}

void Session::consume(StreamId id, std::size_t n) {
    if (Stream* const stream = impl_->find(id)) impl_->consume(*stream, n);
}

void Session::reset(StreamId id, ErrorCode code) {
    Stream* const stream = impl_->find(id);
    if (stream != nullptr && !stream->over) impl_->give_up(*stream, code);
}

void Session::release(StreamId id) {
    Stream* const stream = impl_->find(id);
    if (stream == nullptr || stream->released) return;
    stream->released = true;
    impl_->consume(*stream, stream->unconsumed);
    if (!stream->open) {
        impl_->erase(*stream);
    } else if (!stream->over && !stream->finished) {
        impl_->give_up(*stream, ErrorCode::cancel);
    }
}

bool Session::alive(StreamId id) const noexcept {
    const Stream* const stream = impl_->find(id);
    return stream != nullptr && stream->open && !stream->over && !stream->released && !impl_->failed;
}

void Session::drain() {
    Impl& self = *impl_;
    if (self.failed || self.ended || self.drained) return;
    if (!self.draining && self.role == Impl::Role::server) {
        self.draining = true;
        nghttp2_submit_shutdown_notice(self.ng.get());
        nghttp2_submit_ping(self.ng.get(), NGHTTP2_FLAG_NONE, nullptr);
        return;
    }
    self.finish_drain();
}

bool Session::draining() const noexcept { return impl_->draining; }

void Session::terminate(ErrorCode code, std::string_view debug) {
    impl_->fail(code, debug);
    for (const auto& stream : impl_->streams) stream->over = true;
}

bool Session::failed() const noexcept { return impl_->failed; }
ErrorCode Session::error() const noexcept { return impl_->end_code; }
std::string_view Session::why() const noexcept { return impl_->why; }
bool Session::idle() const noexcept { return impl_->streams.empty(); }

Counters Session::counters() const noexcept {
    Counters counters = impl_->counters;
    counters.streams = impl_->streams.size();
    counters.queued = impl_->queued;
    counters.unconsumed = impl_->unconsumed;
    return counters;
}

} // namespace adit
