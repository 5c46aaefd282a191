// How streams begin and end, how the session ends, its events and its clock.
#include "muxado/session_impl.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::muxado {

namespace {
/// Eight pieces of growth a round trip.
Duration growth_pace(Duration rtt) { return std::max<Duration>(rtt / 8, std::chrono::milliseconds(1)); }

std::uint32_t random_value(const Config& config) {
    std::uint8_t bytes[4];
    config.random(bytes);
    return get_u32_be(bytes);
}
} // namespace

Session::Impl::Impl(const Config& c)
    : config(c), streams(random_value(c)), max_local_streams(c.max_local_streams),
      next_id(c.role == Role::client ? 3 : 2), remote_ids(c.role == Role::server),
      authenticated(c.authenticated) {
    // A frame holds at least a stream's type, and whole heartbeats.
    config.frame_payload_max =
        std::clamp<std::size_t>(c.frame_payload_max, 16, frame_length_max) & ~(heartbeat_size - 1);
    growth.grow = c.grow;
    growth.peer = c.peer_credit;
    growth.stream_max = std::clamp(c.stream_window_max, limits::initial_window, window_max / 4);
    growth.left = c.session_window_max;
}

// --- streams

Stream& Session::Impl::add_stream(StreamId id, bool local) {
    Stream& stream = streams.insert(std::make_unique<Stream>(id, local));
    if (raised_window != 0) stream.receive.raise_to(raised_window);
    ++(local ? count.local_streams : count.remote_streams);
    ++(local ? count.streams_opened_local : count.streams_opened_remote);
    return stream;
}

Stream* Session::Impl::open_local(std::uint32_t type) {
    Stream& stream = add_stream(next_id, true);
    next_id += 2;
    stream.type = type;
    stream.use = type == heartbeat_stream_type ? StreamUse::our_heartbeat : StreamUse::application;
    stream.syn_due = true;
    std::uint8_t prefix[4];
    put_u32_be(prefix, type);
    queue_out(stream, prefix);
    return &stream;
}

Stream* Session::Impl::application_stream(StreamId id) const noexcept {
    Stream* stream = streams.find(id);
    return stream != nullptr && stream->use == StreamUse::application && !stream->released ? stream : nullptr;
}

void Session::Impl::remove(Stream& stream) {
    drop_in(stream);
    drop_out(stream);
    drop_events(stream);
    credit_list.remove(stream);
    (stream.closing ? closing_list : fin_wait_list).remove(stream);
    stream.receive.close(growth);
    if (stream.use == StreamUse::peer_heartbeat) --peer_heartbeats;
    if (stream.closing) --count.closing_streams;
    uncount(stream);
    streams.erase(stream.id);
}

void Session::Impl::uncount(Stream& stream) {
    if (!std::exchange(stream.counted, false)) return;
    --(stream.local ? count.local_streams : count.remote_streams);
    if (!stream.local || !peer_keeps_streams || error) return;
    kept_places.emplace_back();
    ++count.kept_places;
}

/// Another stream may be opened.
bool Session::Impl::has_room() const noexcept { return count.local_streams + count.kept_places < max_local_streams; }

void Session::Impl::expire_kept_places() {
    for (auto place = kept_places.rbegin(); place != kept_places.rend() && !*place; ++place) *place = now;
    while (!kept_places.empty() && now - *kept_places.front() >= limits::peer_place_time) {
        kept_places.pop_front();
        --count.kept_places;
    }
}

void Session::Impl::queue_rst(StreamId id, ErrorCode code, bool fin_first) {
    if (error) return;
    if (controls.size() - controls_sent >= config.control_frames_queued)
        return fail(ErrorCode::enhance_your_calm,
                    {errc::limit_exceeded,
                     "the peer makes us answer more than it reads (too many RST frames queued)"});
    controls.push_back({id, code, fin_first});
}

/// The peer broke a rule on this stream: RST, and the application hears of it.
void Session::Impl::abort_stream(Stream& stream, ErrorCode code) {
    queue_rst(stream.id, code);
    drop_out(stream);
    credit_list.remove(stream);
    stream.rst_sent = stream.read_reset = stream.write_reset = true;
    if (stream.use == StreamUse::application && !stream.released) return tell_reset(stream, code);
    enter_closing(stream);
}

void Session::Impl::reset(Stream& stream, ErrorCode code) {
    const bool both_finished = stream.fin_in && stream.fin_sent;
    const bool peer_reset = stream.write_reset && !stream.rst_sent;
    if (error || stream.syn_due || both_finished || peer_reset) return remove(stream);
    if (peer_keeps_streams && !stream.rst_sent) {
        drop_out(stream);
        return release(stream);
    }
    if (!stream.rst_sent) queue_rst(stream.id, code, !stream.fin_sent);
    enter_closing(stream);
}

void Session::Impl::release(Stream& stream) {
    if (error) {
        const bool drains = goaway_due == ErrorCode::none && !stream.out.empty();
        if (!drains) return remove(stream);
        stream.released = stream.fin_due = true; // what was written before goaway() still goes out
        drop_in(stream);
        return drop_events(stream);
    }
    if (stream.rst_sent) return enter_closing(stream);
    if (stream.write_reset)
        return remove(stream); // with read_reset or with the peer's FIN: it is done with us
    const bool in_frame = stage == Stage::data && frame.id == stream.id;
    const std::uint64_t held = stream.receive.owed() + stream.receive.handed_out();
    stream.released = true;
    // A peer that still sends must hear that nobody reads, also one that waits for credit which will never
    // come.
    stream.rst_after_fin = !stream.in.empty() || in_frame || held >= limits::credit_step ||
                           stream.receive.credit() < limits::credit_step;
    stream.receive.settle(growth);
    stream.receive.consume(stream.in.size(), growth);
    drop_in(stream);
    drop_events(stream);
    stream.write_blocked = false;
    stream.fin_due = true;
    if (stream.fin_sent) {
        credit_list.remove(stream);
        return after_fin_sent(stream);
    }
    update_credit(stream);
    update_send(stream);
}

/// After our RST: the id stays, without buffers, so that what the peer sent before it knew is not answered
/// again.
void Session::Impl::enter_closing(Stream& stream) {
    if (stream.fin_in || error) return remove(stream);
    drop_in(stream);
    drop_out(stream);
    drop_events(stream);
    credit_list.remove(stream);
    stream.receive.close(growth);
    if (stream.use == StreamUse::peer_heartbeat) --peer_heartbeats;
    stream.use = StreamUse::unknown;
    fin_wait_list.remove(stream);
    stream.closing_since.reset();
    stream.closing = stream.released = stream.fin_sent = stream.write_reset = stream.read_reset = true;
    // A stream that we reset is none of those that may be open: the peer hears of it before it hears of the
    // next one.
    if (!stream.local || !peer_keeps_streams) uncount(stream);
    closing_list.push_back(stream);
    if (++count.closing_streams > limits::streams_closing) remove(*closing_list.front());
}

void Session::Impl::enter_fin_wait(Stream& stream) {
    if (config.fin_wait > Duration(0)) fin_wait_list.push_back(stream);
}

void Session::Impl::expire_closing() {
    expire_kept_places();
    for (ClosingList* list : {&closing_list, &fin_wait_list}) {
        // reset() and release() are not told the time: their streams get theirs here.
        for (Stream* s = list->back(); s != nullptr && !s->closing_since; s = ClosingList::previous(*s))
            s->closing_since = now;
    }
    while (!closing_list.empty() && now - *closing_list.front()->closing_since >= closing_time)
        remove(*closing_list.front());
    while (!fin_wait_list.empty() && now - *fin_wait_list.front()->closing_since >= config.fin_wait) {
        Stream& stream = *fin_wait_list.front();
        queue_rst(stream.id, ErrorCode::stream_closed);
        enter_closing(stream);
    }
}

void Session::Impl::drop_in(Stream& stream) {
    took_in(stream, stream.in.size());
    stream.in.clear();
}

/// Bytes left a receive buffer.
void Session::Impl::took_in(const Stream& stream, std::size_t n) noexcept {
    count.buffered_in -= n;
    if (!stream.local) remote_buffered -= n;
}

// --- events

void Session::Impl::drop_events(Stream& stream) {
    stream.event_opened = stream.event_readable = stream.event_writable = stream.event_reset = false;
    event_list.remove(stream);
}

void Session::Impl::tell_readable(Stream& stream) {
    if (stream.readable_told) return;
    stream.readable_told = stream.event_readable = true;
    event_list.push_back(stream);
}

void Session::Impl::tell_reset(Stream& stream, ErrorCode code) {
    if (std::exchange(stream.reset_told, true)) return; // the first reason is the reason
    stream.reset_code = code;
    stream.event_reset = true;
    event_list.push_back(stream);
}

std::optional<Event> Session::Impl::poll_stream_event() {
    while (Stream* stream = event_list.front()) {
        if (std::exchange(stream->event_opened, false))
            return Event{EventType::stream_opened, stream->id, stream->type, {}};
        if (std::exchange(stream->event_readable, false))
            return Event{EventType::readable, stream->id, 0, {}};
        if (std::exchange(stream->event_writable, false))
            return Event{EventType::writable, stream->id, 0, {}};
        if (std::exchange(stream->event_reset, false))
            return Event{EventType::reset, stream->id, static_cast<std::uint32_t>(stream->reset_code), {}};
        event_list.remove(*stream);
    }
    return std::nullopt;
}

std::optional<Event> Session::Impl::poll_event() {
    if (const auto latency = std::exchange(heartbeat_event, std::nullopt))
        return Event{EventType::heartbeat, 0, 0, *latency};
    if (open_refused && !error && has_room()) {
        open_refused = false;
        return Event{EventType::openable, 0, 0, {}};
    }
    if (auto event = poll_stream_event()) return event;
    if (const auto code = std::exchange(goaway_event, std::nullopt))
        return Event{EventType::goaway, 0, static_cast<std::uint32_t>(*code), {}};
    if (!error || std::exchange(closed_told, true)) return std::nullopt;
    if (!goaway_due) forget_unheld();
    return Event{EventType::closed, 0, 0, {}};
}

// --- the end

void Session::Impl::stop_output() {
    controls.clear();
    controls_sent = 0;
    streams.for_each([this](Stream& stream) {
        list_of(stream).remove(stream);
        credit_list.remove(stream);
        stream.out.clear();
        stream.write_blocked = false;
        stream.event_writable = false;
    });
    count.buffered_out = over_reserve = 0;
}

/// The session is over: only what the application holds, to read the rest of it, is kept.
void Session::Impl::forget_unheld() {
    std::vector<StreamId> ids;
    streams.for_each([&ids](const Stream& stream) {
        if (stream.use != StreamUse::application || stream.released) ids.push_back(stream.id);
    });
    for (const StreamId id : ids) remove(*streams.find(id));
}

void Session::Impl::end(ErrorInfo info) {
    if (error) return;
    error = std::move(info);
    stop_output();
}

void Session::Impl::fail(ErrorCode code, ErrorInfo info) {
    if (error) return;
    end(std::move(info));
    goaway_due = code;
}

void Session::Impl::fail_protocol(ErrorCode code, std::string_view what) {
    fail(code, {errc::protocol_error, "the peer broke the muxado protocol: " + std::string(what)});
}

void Session::transport_closed(const ErrorInfo& why) {
    Impl& s = *impl_;
    if (!s.error && s.stage == Impl::Stage::goaway_debug) s.on_goaway();
    s.end(why ? why : ErrorInfo(errc::session_lost, "the peer closed the transport"));
    s.stop_output();
    s.spill.clear();
    s.spill.release_if_empty();
    s.goaway_due.reset();
    s.forget_unheld();
}

void Session::goaway(ErrorCode code) {
    Impl& s = *impl_;
    if (s.error) return;
    s.error = ErrorInfo(errc::session_closed, "the session was closed by this program");
    if (code != ErrorCode::none) s.stop_output();
    s.goaway_due = code;
}

// --- the clock

void Session::start_heartbeat(Duration interval, Duration tolerance, Time now) {
    impl_->now = now;
    if (!impl_->error && !impl_->heartbeat.started()) impl_->start_heartbeat(interval, tolerance);
}

void Session::beat_now(Time now) {
    impl_->now = now;
    if (impl_->error) return;
    impl_->heartbeat.hurry(now);
    impl_->beat();
}

void Session::Impl::start_heartbeat(Duration interval, Duration tolerance) {
    heartbeat_id = open_local(heartbeat_stream_type)->id;
    heartbeat.start(interval, tolerance, now);
    beat();
}

void Session::Impl::beat() {
    if (!heartbeat.beat_due(now)) return;
    const std::uint32_t value = random_value(config);
    heartbeat.sent(value, now); // also if the peer took the stream away: the deadline then ends the session
    Stream* stream = streams.find(heartbeat_id);
    if (stream == nullptr || stream->closing) return;
    std::uint8_t bytes[heartbeat_size];
    put_u32_be(bytes, value);
    queue_out(*stream, bytes);
    update_send(*stream);
}

void Session::on_timeout(Time now) {
    impl_->now = now;
    impl_->on_timeout();
}

void Session::Impl::on_timeout() {
    expire_closing();
    if (error) return;
    if (heartbeat.expired(now))
        return fail(ErrorCode::session_closed,
                    {errc::heartbeat_timeout, "the peer did not answer a heartbeat in time"});
    beat();
    grow_step();
}

void Session::Impl::pace_growth(Stream& stream) {
    if (stream.growing) return;
    stream.growing = true;
    growing.push_back(stream.id);
    if (!growth_at) growth_at = now + growth_pace(growth.rtt);
}

void Session::Impl::grow_step() {
    if (!growth_at || now < *growth_at) return;
    std::erase_if(growing, [this](StreamId id) {
        Stream* stream = streams.find(id);
        if (stream == nullptr) return true;
        stream->growing = stream->receive.grow_step(now, growth);
        update_credit(*stream);
        return !stream->growing;
    });
    growth_at.reset();
    if (!growing.empty()) growth_at = now + growth_pace(growth.rtt);
}

bool Session::has_untimed() const noexcept {
    const auto untimed = [](const Impl::ClosingList& list) { return !list.empty() && !list.back()->closing_since; };
    const bool place = !impl_->kept_places.empty() && !impl_->kept_places.back();
    return place || untimed(impl_->closing_list) || untimed(impl_->fin_wait_list);
}

std::optional<Time> Session::next_timeout() const noexcept { return impl_->next_timeout(); }

std::optional<Time> Session::Impl::next_timeout() const noexcept {
    if (error) return std::nullopt;
    std::optional<Time> next = heartbeat.next_timeout();
    if (growth_at) next = next ? std::min(*next, *growth_at) : growth_at;
    if (!kept_places.empty()) { // while nobody waits for one, once for all
        if (!kept_places.back()) return now;
        const Time expiry = (open_refused ? *kept_places.front() : *kept_places.back()) + limits::peer_place_time;
        next = next ? std::min(*next, expiry) : expiry;
    }
    for (const auto& [list, wait] :
         {std::pair(&closing_list, Duration(closing_time)), std::pair(&fin_wait_list, config.fin_wait)}) {
        if (list->empty()) continue;
        if (!list->back()->closing_since) return now;
        const Time expiry = *list->front()->closing_since + wait;
        next = next ? std::min(*next, expiry) : expiry;
    }
    return next;
}

} // namespace adit::inline v0::muxado
