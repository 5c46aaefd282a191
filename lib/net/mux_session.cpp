#include "net/mux_session.hpp"

#include <algorithm>
#include <array>

namespace adit::inline v0::net {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t input_min = 4 * 1024;
constexpr std::size_t input_max = 256 * 1024;
constexpr std::size_t batch = 128 * 1024;      // plain text moved at once, and the most that waits behind a full socket
constexpr int turns = 4;                       // receive calls before others get their turn
constexpr auto rtt_interval = std::chrono::milliseconds(200);

/// Plain text on its way between the TLS engine and the core: used within one call, never across a wait.
MutableBytes staging() {
    static thread_local std::array<std::uint8_t, batch> bytes;
    return bytes;
}

} // namespace

MuxObserver::~MuxObserver() = default;
void MuxObserver::on_heartbeat(Clock::duration) {}
void MuxObserver::on_openable() {}

/// What has to be told once the mutex is free.
class MuxSession::Ready {
public:
    std::vector<std::pair<MuxStream::Handler, std::error_code>> ended;
    std::vector<std::tuple<MuxStream::Handler, std::error_code, std::size_t>> completed;
    std::vector<std::pair<std::shared_ptr<MuxStream>, std::uint32_t>> opened;
    std::vector<std::shared_ptr<MuxStream>> kept; // the last reference must not go while the mutex is held
    std::optional<Clock::duration> latency;
    bool openable = false;
    bool closed = false;
    ErrorInfo reason;
};

MuxSession::MuxSession(Tcp::socket socket, tls::Engine engine, const MuxOptions& options,
                       std::weak_ptr<MuxObserver> observer)
    : executor_(socket.get_executor()), socket_(std::move(socket)), engine_(std::move(engine)), options_(options),
      observer_(std::move(observer)), timer_(executor_), core_(options.core) {
    std::error_code ignored;
    peer_ = socket_.remote_endpoint(ignored);
    tune(socket_);
}

MuxSession::~MuxSession() = default;

std::shared_ptr<MuxSession> MuxSession::create(Tcp::socket socket, tls::Engine engine, const MuxOptions& options,
                                               std::weak_ptr<MuxObserver> observer) {
    const std::shared_ptr<MuxSession> session(
        new MuxSession(std::move(socket), std::move(engine), options, std::move(observer)));
    abandon_with_context(session->executor_, session);
    return session;
}

void MuxSession::start() {
    asio::post(executor_, [self = shared_from_this()] {
        if (self->options_.heartbeat_interval.count() > 0) {
            const std::lock_guard lock(self->mutex_);
            self->core_.start_heartbeat(self->options_.heartbeat_interval, self->options_.heartbeat_tolerance,
                                        Clock::now());
            self->schedule_flush_if_needed();
        }
        // The engine may hold bytes that came together with the end of the handshake.
        self->on_input();
    });
}

Result<std::shared_ptr<MuxStream>> MuxSession::open(std::uint32_t type, Bytes first) {
    const std::lock_guard lock(mutex_);
    if (ended_) return ended_;
    auto id = core_.open(type, first);
    if (!id) {
        if (id.error().code() == errc::limit_exceeded) open_refused_ = true;
        return id.error();
    }
    auto stream = std::make_shared<MuxStream>(shared_from_this(), *id);
    streams_.emplace(*id, stream);
    schedule_flush_if_needed();
    return stream;
}

std::size_t MuxSession::stream_count() const {
    const std::lock_guard lock(mutex_);
    const muxado::Counters counters = core_.counters();
    return counters.local_streams + counters.remote_streams;
}

std::size_t MuxSession::local_stream_count() const {
    const std::lock_guard lock(mutex_);
    return core_.counters().local_streams;
}

void MuxSession::beat() {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    core_.beat_now(Clock::now());
    schedule_flush_if_needed();
}

bool MuxSession::is_open() const {
    const std::lock_guard lock(mutex_);
    return !ended_;
}

void MuxSession::set_authenticated() {
    const std::lock_guard lock(mutex_);
    core_.set_authenticated();
}

void MuxSession::raise_window(std::uint32_t bytes) {
    const std::lock_guard lock(mutex_);
    core_.raise_window(bytes);
}

void MuxSession::set_peer_keeps_streams() {
    const std::lock_guard lock(mutex_);
    core_.set_peer_keeps_streams();
}

void MuxSession::close() noexcept {
    asio::post(executor_, [self = shared_from_this()] { self->begin_close(); });
}

void MuxSession::abort(const ErrorInfo& reason) noexcept {
    asio::post(executor_, [self = shared_from_this(), reason] { self->finish(reason); });
}

void MuxSession::begin_close() {
    if (finished_ || closing_) return;
    closing_ = true;
    {
        const std::lock_guard lock(mutex_);
        if (!ended_) ended_ = errc::session_closed;
        core_.goaway(muxado::ErrorCode::none);
        schedule_flush_if_needed();
    }
    timer_at_ = {};
    timer_.expires_after(limits::goaway_time);
    timer_.async_wait([self = shared_from_this()](const std::error_code& ec) {
        if (!ec) self->finish(ErrorInfo(errc::session_closed));
    });
}

// --- input

void MuxSession::wait_input() {
    if (finished_) return;
    socket_.async_wait(Tcp::socket::wait_read, [self = shared_from_this()](const std::error_code& ec) {
        if (!ec) self->on_input();
    });
}

void MuxSession::on_input() {
    if (finished_) return;
    Ready ready;
    bool drained = false;
    decrypt(ready);
    for (int turn = 0; turn < turns && !finished_; ++turn) {
        drained = !receive_some(ready);
        if (drained) break;
    }
    if (drained && !finished_) {
        engine_.release_buffers();
        if (options_.core.grow && Clock::now() - rtt_at_ > rtt_interval) {
            rtt_at_ = Clock::now();
            const std::lock_guard lock(mutex_);
            core_.set_rtt(path_time());
        }
    }
    run(ready);
    if (finished_) return;
    {
        // Posted behind the handlers just completed: what they write leaves in the same batch.
        const std::lock_guard lock(mutex_);
        schedule_flush_if_needed();
    }
    if (!engine_.output().empty() && !output_waiting_) flush();
    arm_timer();
    if (drained) {
        wait_input();
    } else if (!finished_) {
        asio::post(executor_, [self = shared_from_this()] { self->on_input(); });
    }
}

bool MuxSession::receive_some(Ready& ready) {
    const MutableBytes space = engine_.input_space(input_hint_);
    const IoResult got = receive_now(socket_, space.first(std::min(space.size(), input_max)));
    if (got.code() == asio::error::would_block) return false;
    if (options_.quick_ack) quick_ack(socket_);
    if (!got.ok()) {
        ready.closed = true;
        ready.reason = got.eof() ? ErrorInfo(errc::session_lost, "the peer closed the connection")
                                 : ErrorInfo(got.code(), "the connection broke");
        return false;
    }
    engine_.commit_input(got.size());
    if (got.size() >= input_hint_) {
        input_hint_ = std::min(input_hint_ * 2, input_max);
    } else if (got.size() < input_hint_ / 4) {
        input_hint_ = std::max(input_hint_ / 2, input_min);
    }
    decrypt(ready);
    return !ready.closed;
}

void MuxSession::decrypt(Ready& ready) {
    const MutableBytes plain = staging();
    for (;;) {
        const tls::ReadResult got = engine_.read(plain);
        if (got.size != 0) {
            const std::lock_guard lock(mutex_);
            core_.receive(plain.first(got.size), Clock::now());
            collect_events(ready);
        }
        if (got.status == tls::Status::ok) continue;
        if (got.status == tls::Status::want_input || ready.closed) return;
        ready.closed = true;
        ready.reason = got.status == tls::Status::closed
                           ? ErrorInfo(errc::session_lost, "the peer closed the connection")
                           : engine_.error();
        return;
    }
}

void MuxSession::collect_events(Ready& ready) {
    while (const auto event = core_.poll_event()) {
        switch (event->type) {
        case muxado::EventType::stream_opened: {
            auto stream = std::make_shared<MuxStream>(shared_from_this(), event->id);
            streams_.insert_or_assign(event->id, stream);
            ready.opened.emplace_back(std::move(stream), event->value);
            break;
        }
        case muxado::EventType::readable:
        case muxado::EventType::writable:
        case muxado::EventType::reset: {
            const auto found = streams_.find(event->id);
            if (found == streams_.end()) break;
            auto stream = found->second.lock();
            if (!stream) break;
            std::error_code code;
            std::size_t n = 0;
            if (stream->read_ && stream->try_read(code, n)) {
                ready.completed.emplace_back(std::move(stream->read_), code, n);
            }
            code = {};
            n = 0;
            if (stream->write_ && stream->try_write(code, n)) {
                ready.completed.emplace_back(std::move(stream->write_), code, n);
            }
            ready.kept.push_back(std::move(stream));
            break;
        }
        case muxado::EventType::heartbeat:
            ready.latency = event->latency;
            beat_time_ = std::min(beat_time_, std::chrono::duration_cast<std::chrono::microseconds>(event->latency));
            break;
        case muxado::EventType::closed:
            if (ready.closed || closing_) break; // our own goodbye ends once everything was sent, or by its timer
            ready.closed = true;
            ready.reason = core_.error().value_or(ErrorInfo(errc::session_lost));
            break;
        case muxado::EventType::openable:
            ready.openable = true;
            open_refused_ = false;
            break;
        case muxado::EventType::goaway: break;
        }
    }
}

void MuxSession::run(Ready& ready) {
    for (auto& [handler, code, n] : ready.completed) handler.complete(code, n);
    for (auto& [handler, code] : ready.ended) handler.complete(code, 0);
    ready.completed.clear();
    ready.ended.clear();
    ready.kept.clear();
    if (!ready.opened.empty() || ready.latency || ready.openable) {
        if (const auto observer = observer_.lock()) {
            for (auto& [stream, type] : ready.opened) observer->on_stream(std::move(stream), type);
            if (ready.latency) observer->on_heartbeat(*ready.latency);
            if (ready.openable) observer->on_openable();
        }
        ready.opened.clear();
        ready.latency.reset();
        ready.openable = false;
    }
    if (ready.closed) {
        ready.closed = false;
        // The core may still have a GOAWAY to say; it gets one chance, without waiting.
        if (!ending_) ending_ = closing_ ? ErrorInfo(errc::session_closed) : ready.reason;
        if (!output_waiting_) (void)send_output();
        finish(*ending_);
    }
}

// --- output

void MuxSession::schedule_flush_if_needed() {
    // A stream that ends without a frame may be what somebody waits for who could open none, or need a timer: flush() looks.
    if (flush_scheduled_ || !(core_.has_output() || open_refused_ || core_.has_untimed())) return;
    flush_scheduled_ = true;
    asio::post(executor_, [self = shared_from_this()] { self->flush(); });
}

void MuxSession::flush() {
    {
        const std::lock_guard lock(mutex_);
        flush_scheduled_ = false;
    }
    if (finished_ || output_waiting_) return;
    if (!send_output()) return;
    bool done = false;
    ErrorInfo reason(errc::session_closed);
    {
        const std::lock_guard lock(mutex_);
        done = core_.finished();
        if (!closing_) reason = core_.error().value_or(ErrorInfo(errc::session_lost));
    }
    if (done) {
        engine_.shutdown();
        (void)send_now(socket_, engine_.output());
        finish(reason);
        return;
    }
    arm_timer();
}

/// True once everything is with the kernel; false when it waits for the socket or the session ended.
bool MuxSession::send_output() {
    for (std::size_t sent_bytes = 0;;) {
        while (!engine_.output().empty()) {
            const IoResult sent = send_now(socket_, engine_.output());
            if (sent.ok()) {
                engine_.consume_output(sent.size());
                continue;
            }
            if (sent.code() == asio::error::would_block) {
                wait_output();
            } else {
                finish_unsendable(sent.code());
            }
            return false;
        }
        if (sent_bytes > 8 * batch) { // let others have their turn
            const std::lock_guard lock(mutex_);
            schedule_flush_if_needed();
            return false;
        }
        Ready ready;
        std::size_t n = 0;
        {
            const std::lock_guard lock(mutex_);
            n = core_.produce(staging());
            collect_events(ready);
        }
        sent_bytes += n;
        const bool broken = n != 0 && engine_.write(staging().first(n)) != tls::Status::ok;
        // finish() comes from the caller or the next input, never from inside this loop
        const bool closed = std::exchange(ready.closed, false);
        run(ready);
        if (broken) {
            finish(engine_.error());
            return false;
        }
        if (n == 0) {
            if (closed && !finished_) {
                asio::post(executor_, [self = shared_from_this(), reason = ready.reason] { self->finish(reason); });
            }
            return true;
        }
    }
}

/// The peer reads no more. What it said last, an alert or a GOAWAY, tells more than that.
void MuxSession::finish_unsendable(std::error_code code) {
    const bool first = !ending_;
    if (first) {
        ending_ = ErrorInfo(code, "the connection broke");
        Ready ready;
        while (!finished_ && receive_some(ready)) {}
        if (std::exchange(ready.closed, false)) ending_ = ready.reason;
        run(ready);
    }
    finish(*ending_);
}

void MuxSession::wait_output() {
    output_waiting_ = true;
    socket_.async_wait(Tcp::socket::wait_write, [self = shared_from_this()](const std::error_code& ec) {
        self->output_waiting_ = false;
        if (!ec) self->flush();
    });
}

// --- time and end

void MuxSession::arm_timer() {
    if (finished_ || closing_) return;
    std::optional<Clock::time_point> at;
    {
        const std::lock_guard lock(mutex_);
        at = core_.next_timeout();
    }
    // An earlier wake-up that finds nothing to do is cheaper than moving the timer for each frame.
    if (!at || (timer_at_ != Clock::time_point{} && timer_at_ <= *at)) return;
    timer_at_ = *at;
    timer_.expires_at(*at);
    timer_.async_wait([self = shared_from_this()](const std::error_code& ec) {
        if (!ec) self->on_timer();
    });
}

void MuxSession::on_timer() {
    if (finished_ || closing_) return;
    timer_at_ = {};
    Ready ready;
    {
        const std::lock_guard lock(mutex_);
        core_.on_timeout(Clock::now());
        collect_events(ready);
        schedule_flush_if_needed();
    }
    run(ready);
    arm_timer();
}

/// The kernel knows the way to a proxy or load balancer only; a heartbeat went all the way.
std::chrono::microseconds MuxSession::path_time() {
    const std::chrono::microseconds kernel = round_trip_time(socket_);
    return beat_time_ == std::chrono::microseconds::max() ? kernel : std::max(kernel, beat_time_);
}

std::error_code MuxSession::stream_error() const { return ended_ ? ended_ : make_error_code(errc::session_lost); }

void MuxSession::finish(const ErrorInfo& reason) {
    if (finished_) return;
    finished_ = true;
    Ready ready;
    std::vector<std::shared_ptr<MuxStream>> streams; // destroyed after the mutex is free
    {
        const std::lock_guard lock(mutex_);
        if (!ended_) ended_ = errc::session_lost;
        core_.transport_closed(reason);
        while (core_.poll_event()) {}
        for (auto& [id, weak] : streams_) {
            auto stream = weak.lock();
            if (!stream) continue;
            stream->end(ended_, ready.ended);
            streams.push_back(std::move(stream));
        }
    }
    timer_.cancel();
    linger(std::move(socket_));
    for (auto& [handler, code] : ready.ended) handler.complete(code, 0);
    if (const auto observer = observer_.lock()) observer->on_closed(reason);
}

void MuxSession::abandon() noexcept {
    finished_ = true;
    Ready ready; // its handlers are destroyed with it, once the mutex is free
    const std::lock_guard lock(mutex_);
    ended_ = asio::error::operation_aborted;
    for (auto& [id, weak] : streams_) {
        auto stream = weak.lock();
        if (!stream) continue;
        stream->end(ended_, ready.ended);
        ready.kept.push_back(std::move(stream));
    }
}

} // namespace adit
