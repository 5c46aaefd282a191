#include "edge/http2_leg.hpp"

#include "base/base64.hpp"
#include "edge/agent_stream.hpp"
#include "edge/http_exchange.hpp"
#include "edge/http_visitor.hpp"
#include "tls/signature.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::edge {
namespace {

using Clock = std::chrono::steady_clock;

constexpr HttpError unwritable{400, "The request cannot be forwarded as it is."};
constexpr HttpError no_tunnels{502, "The application does not take WebSockets over HTTP/2 (RFC 8441)."};
constexpr std::string_view websocket_guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455 1.3

std::string accept_of(std::string_view key) {
    const auto hash = tls::digest(tls::Hash::sha1, as_bytes(std::string(key).append(websocket_guid)));
    return base64_encode(as_text(hash));
}

} // namespace

Http2Leg::Wire::Wire(Http2Leg& leg) : session(leg, Clock::now()) {}

Http2Leg::Http2Leg(HttpVisitor& visitor, const EndpointRecord& to)
    : AgentLeg(visitor), scheme_(to.forwards_to.starts_with("https://") ? "https" : "http"),
      wire_(std::make_shared<Wire>(*this)) {}

Http2Leg::~Http2Leg() = default;

// --- the stream

void Http2Leg::open(HttpVisitor& visitor, AgentStream opened, std::size_t sent) {
    AgentLeg::open(visitor, std::move(opened), sent);
    wire_->session.consume_output(std::min(sent, wire_->session.output().size()));
    visitor.start(write(self(), wire_, stream));
}

/// What the session has to send: the answers that HTTP/2 owes too, so no other coroutine can do it beside its work.
asio::awaitable<void> Http2Leg::write(std::shared_ptr<Http2Leg> self, WirePtr wire, std::shared_ptr<net::Stream> stream) {
    net::IoResult sent;
    while (!wire->over && !self->dropped()) {
        const Bytes out = wire->session.output();
        if (self->broken_ && self->parsed()) stream->abort(); // nothing more comes: read() shall see it
        if (out.empty()) {
            if (wire->session.finished()) break;
            co_await wire->wake.wait();
            continue;
        }
        sent = co_await stream->write(out);
        if (!sent.ok()) break;
        wire->session.consume_output(out.size());
        if (!self->framed_ || self->left_) continue;
        self->left_ = true;
        self->moved_.notify();
    }
    wire->over = true;
    self->moved_.notify();
    self->arrived_.notify();
}

void Http2Leg::wake() { wire_->wake.notify(); }

void Http2Leg::restart() {
    wire_->over = true;
    wake();
    if (stream) stream->close();
    wire_ = std::make_shared<Wire>(*this);
}

void Http2Leg::on_drop() noexcept {
    wire_->over = true;
    wake();
    moved_.notify();
    arrived_.notify();
}

bool Http2Leg::take_idle(Bytes input) {
    receive(input);
    return reusable();
}

bool Http2Leg::reusable() const noexcept { return !broken() && rest_.empty() && wire_->session.can_request(); }

void Http2Leg::release_memory() noexcept {
    events_ = {};
    heads_ = {};
    next_ = next_head_ = 0;
    head_.release();
    rest_.release_if_empty();
    incoming_.release_if_empty();
}

// --- the request

HttpError Http2Leg::put_head(const Head& head, const RequestFacts& facts) {
    events_.clear();
    heads_.clear();
    rest_.clear();
    protocol_.clear();
    accept_.clear();
    waiting_.reset();
    why_ = {};
    next_ = next_head_ = unconsumed_ = 0;
    id_ = 0;
    end_waits_ = framed_ = left_ = heard_ = refused_ = tunnel_ = ended_ = broken_ = false;
    if (head.upgrade()) {
        std::string_view list = head.find(FieldId::upgrade).value_or(std::string_view());
        std::string_view first;
        if (next_element(list, first)) protocol_ = first;
        if (const auto key = head.find("Sec-WebSocket-Key")) accept_ = accept_of(*key);
        if (wire_->session.ready()) return send_head(head, protocol_);
        waiting_ = head;
        return {};
    }
    if (!facts.takes_trailers) return send_head(head, {});
    Head with_te = head;
    with_te.add(FieldId::te, "trailers");
    return send_head(with_te, {});
}

HttpError Http2Leg::send_head(const Head& head, std::string_view protocol) {
    if (!protocol.empty() && !wire_->session.allows_connect_protocol()) return no_tunnels;
    has_body_ = head.has_body() || !protocol.empty();
    id_ = wire_->session.request(head, scheme_, !has_body_, protocol);
    return id_ == 0 ? unwritable : HttpError();
}

/// The application's SETTINGS came.
void Http2Leg::ask_for_tunnel() {
    const Head head = std::move(*waiting_);
    waiting_.reset();
    if (const HttpError error = send_head(head, protocol_)) fail(error.text);
}

void Http2Leg::put_body(Bytes bytes) {
    rest_.append(bytes);
    send_rest();
}

void Http2Leg::put_end(const Fields& trailers) {
    if (!has_body_ || !protocol_.empty()) return;
    rest_trailers_ = trailers;
    end_waits_ = true;
    send_rest();
}

/// As much as the session takes; on_writable() calls again.
void Http2Leg::send_rest() {
    http2::ClientSession& to = wire_->session;
    rest_.consume(to.write(id_, rest_.view()));
    if (!rest_.empty()) return;
    if (std::exchange(end_waits_, false)) to.finish(id_, rest_trailers_);
    moved_.notify();
}

Bytes Http2Leg::output() { return wire_->session.output(); }

asio::awaitable<bool> Http2Leg::flush() {
    wake();
    co_return !broken();
}

asio::awaitable<bool> Http2Leg::write_body(Bytes bytes) {
    const auto self = this->self();
    put_body(bytes);
    wake();
    while (!rest_.empty() && !broken()) co_await moved_.wait();
    co_return !broken();
}

// --- the answer

void Http2Leg::receive(Bytes input) {
    wire_->session.receive(input, Clock::now());
    if (waiting_ && wire_->session.ready()) ask_for_tunnel();
    if (waiting_ && wire_->session.failed()) on_reset(id_, wire_->session.error());
    wake();
}

ParseResult Http2Leg::parse(Bytes input) {
    using Kind = Event::Kind;
    ParseResult result;
    result.consumed = input.size();
    if (unconsumed_ != 0) wire_->session.consume(id_, std::exchange(unconsumed_, 0));
    if (!input.empty()) receive(input);
    if (next_ == events_.size()) {
        events_.clear();
        heads_.clear();
        next_ = next_head_ = 0;
        wake();
        return result;
    }
    const Event event = events_[next_++];
    switch (event.kind) {
    case Kind::head:
        head_ = std::move(heads_[next_head_++]);
        result.state = ParseState::head_complete;
        break;
    case Kind::body:
        result.state = ParseState::body;
        result.body = event.bytes;
        unconsumed_ = event.bytes.size();
        break;
    case Kind::tunnel: result.state = ParseState::upgrade; break;
    case Kind::end:
        wire_->session.release(id_);
        wake();
        result.state = ParseState::message_complete;
        break;
    case Kind::failed:
        result.state = ParseState::error;
        result.error = HttpError{502, why_};
        break;
    }
    return result;
}

/// The agent's stream ended.
ParseResult Http2Leg::finish() {
    id_ = 0; // on_reset() is no news
    wire_->session.transport_closed();
    ParseResult result;
    result.state = ParseState::error;
    result.error = HttpError{502, "The connection to the application ended before its answer was complete."};
    return result;
}

void Http2Leg::fail(std::string_view why) {
    broken_ = true;
    why_ = why;
    events_.push_back({Event::Kind::failed, {}});
    moved_.notify();
    arrived_.notify();
}

void Http2Leg::on_response(http2::StreamId id, Head& head, bool end) {
    if (id != id_) return;
    heard_ = true;
    const bool tunnel = head.upgrade();
    if (tunnel) { // as HTTP/1.1 says it
        Head switched = Head::response(101);
        for (const Field& field : head) {
            if (field.id != FieldId::content_length) switched.add(field.name, field.value);
        }
        switched.add(FieldId::upgrade, protocol_);
        switched.add(FieldId::connection, "Upgrade");
        if (!accept_.empty()) switched.set("Sec-WebSocket-Accept", accept_);
        switched.set_upgrade(true);
        head = std::move(switched);
        tunnel_ = true;
    }
    heads_.push_back(std::move(head));
    events_.push_back({Event::Kind::head, {}});
    if (tunnel) {
        events_.push_back({Event::Kind::tunnel, {}});
        ended_ = end;
    } else if (end) {
        trailers_ = Fields();
        events_.push_back({Event::Kind::end, {}});
    }
}

void Http2Leg::on_body(http2::StreamId id, Bytes bytes) {
    if (id != id_) return;
    if (tunnel_) {
        incoming_.append(bytes);
        arrived_.notify();
    } else {
        events_.push_back({Event::Kind::body, bytes});
    }
}

void Http2Leg::on_end(http2::StreamId id, Fields& trailers) {
    if (id != id_) return;
    trailers_ = std::move(trailers);
    ended_ = true;
    if (tunnel_) {
        arrived_.notify();
    } else {
        events_.push_back({Event::Kind::end, {}});
    }
}

void Http2Leg::on_reset(http2::StreamId id, http2::ErrorCode code) {
    if (id != id_) return;
    refused_ = code == http2::ErrorCode::refused_stream && !heard_;
    if (wire_->session.failed()) {
        fail(wire_->session.ready() ? "The application broke the rules of HTTP/2."
                                    : "The application does not speak HTTP/2; let its endpoint ask for HTTP/1.1.");
    } else {
        fail(refused_ ? "The application refused the request."
                      : "The application ended the request with an error of HTTP/2.");
    }
}

void Http2Leg::on_sent(http2::StreamId id) {
    if (id != id_) return;
    framed_ = true; // write() is about to send it
}

// --- bytes both ways

std::shared_ptr<net::Stream> Http2Leg::tunnel() { return std::make_shared<Http2Tunnel>(self()); }

/// Both directions need what comes from the application: its bytes, and its credit for the visitor's.
asio::awaitable<void> Http2Leg::run_tunnel(std::shared_ptr<HttpVisitor> visitor, std::shared_ptr<HttpExchange> exchange) {
    const auto self = this->self();
    const std::shared_ptr<net::Stream> from = stream;
    VisitorBuffer buffer(visitor->set());
    net::IoResult got;
    visitor->start(HttpExchange::tunnel_down(exchange, self));
    while (got.ok() && !dropped()) {
        buffer.release();
        got = co_await from->wait_readable();
        if (!got.ok() || dropped()) break;
        const MutableBytes space = buffer.space();
        got = co_await from->read_some(space);
        if (got.ok()) receive(space.first(got.size()));
    }
    wire_->session.transport_closed();
    arrived_.notify();
}

asio::awaitable<bool> Http2Leg::wait_incoming(bool& cut) {
    const auto self = this->self();
    while (incoming_.empty() && !ended_ && !broken()) co_await arrived_.wait();
    cut = incoming_.empty() && !ended_;
    co_return !incoming_.empty();
}

void Http2Leg::consumed(std::size_t n) {
    wire_->session.consume(id_, n);
    wake();
}

void Http2Leg::put_last() {
    wire_->session.finish(id_);
    wake();
}

asio::awaitable<void> Http2Leg::all_put() {
    const auto self = this->self();
    while (!left_ && !broken()) co_await moved_.wait();
}

void Http2Leg::give_up_tunnel() noexcept { drop(false); }

} // namespace adit
