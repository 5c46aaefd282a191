// A stream to the agent for one visitor (agent-protocol 4).
#include "edge/agent_session.hpp"

#include "edge/context.hpp"

#include "proto/proxy_header.hpp"
#include "proto/proxy_protocol.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0::edge {
namespace {

constexpr int given_up_for_one = 2; // idle streams for each that is opened: their number shrinks while visitors come

ErrorInfo session_gone() { return ErrorInfo(ngrok_error(3209), "the agent's session ended"); }

/// Only labelled binds look at it; their routes say what they are.
EdgeType edge_type(const EndpointRecord& endpoint) {
    if (!endpoint.labeled) return EdgeType::undefined;
    switch (endpoint.protocol()) {
    case UrlScheme::tcp: return EdgeType::tcp;
    case UrlScheme::tls: return EdgeType::tls;
    default: return EdgeType::https;
    }
}

bool at_cap(const Result<std::shared_ptr<net::Stream>>& stream) {
    return !stream && stream.error().code() == errc::limit_exceeded;
}

std::string connection_head(const EndpointRecord& endpoint, const asio::ip::tcp::endpoint& visitor,
                            const asio::ip::tcp::endpoint& local) {
    ProxyHeader header;
    header.id = endpoint.bind_id;
    header.client_addr = to_text(visitor);
    header.protocol = to_string(endpoint.protocol());
    header.edge_type = edge_type(endpoint);
    header.passthrough_tls = endpoint.protocol() == UrlScheme::tls && !endpoint.terminate_tls;
    std::string head = encode(header);
    if (endpoint.proxy_protocol != ProxyProtocolVersion::none) {
        head += encode_proxy_protocol(endpoint.proxy_protocol,
                                      ProxiedEnds(to_ip_endpoint(visitor), to_ip_endpoint(local)));
    }
    return head;
}

} // namespace

std::size_t AgentSession::stream_count() const {
    const auto session = mux();
    return session ? session->stream_count() : 0;
}

std::size_t AgentSession::visitor_streams() const {
    const auto session = mux();
    const std::size_t count = session ? session->local_stream_count() : 0;
    return count > 1 ? count - 1 : 0; // our heartbeat
}

Result<std::shared_ptr<net::Stream>> AgentSession::try_open(const std::string& head) {
    const auto session = mux();
    if (!session) return session_gone();
    auto opened = session->open(static_cast<std::uint32_t>(RequestType::proxy), as_bytes(head));
    if (opened) return std::shared_ptr<net::Stream>(std::move(*opened));
    if (opened.error().code() == errc::limit_exceeded) return opened.error();
    return session_gone();
}

asio::awaitable<Result<std::shared_ptr<net::Stream>>> AgentSession::open_connection(EndpointPtr endpoint,
                                                                                    Endpoint visitor, Endpoint local,
                                                                                    Bytes first) {
    const auto self = shared_from_this();
    std::string head = connection_head(*endpoint, visitor, local);
    head += as_text(first.first(std::min(first.size(), opening_max)));
    Result<std::shared_ptr<net::Stream>> stream(errc::limit_exceeded);
    if (nobody_waits()) stream = try_open(head);
    make_room();
    if (at_cap(stream)) stream = co_await wait_and_open(std::move(head));
    co_return stream;
}

/// Also called by who waits at the cap: their streams end in the background, and then there is room for him.
void AgentSession::make_room() {
    if (stream_count() <= limits::agent_streams_tight) return;
    for (int i = 0; i < given_up_for_one; ++i) give_up(IdleStreams::Kind::idle);
    give_up(IdleStreams::Kind::slow);
}

void AgentSession::give_up(IdleStreams::Kind kind) {
    const auto stream = idle_streams_.take_oldest(kind);
    if (!stream) return;
    if (kind == IdleStreams::Kind::slow) ++context_.counters.streams_taken;
    stream->give_up();
}

void AgentSession::slow_stream_found() {
    if (stream_count() > limits::agent_streams_tight && !nobody_waits()) give_up(IdleStreams::Kind::slow);
}

/// Visitors wait in a line. Whenever somebody waits, either MuxObserver::on_openable is still to come (an open() failed),
/// or one of them was woken and tries: he tries again, or wakes the next.
asio::awaitable<Result<std::shared_ptr<net::Stream>>> AgentSession::wait_and_open(std::string head) {
    const auto self = shared_from_this();
    const auto deadline = std::chrono::steady_clock::now() + limits::agent_stream_wait;
    ++context_.counters.streams_waited;
    Result<std::shared_ptr<net::Stream>> stream(errc::limit_exceeded);
    for (bool woken = false;; woken = true) {
        const auto place = std::make_shared<OneShot<bool>>();
        const Line line = join_line(place, woken);
        if (!woken) make_room(); // for who became idle since the first look
        if (line == Line::closed) co_return session_gone();
        if (line == Line::full) break;
        if (line == Line::first) stream = try_open(head); // after joining, so that no call is missed
        const auto left = deadline - std::chrono::steady_clock::now();
        if (!at_cap(stream) || left.count() <= 0) {
            leave_line(place);
            break;
        }
        const std::optional<bool> called = co_await place->wait(left);
        if (!called) {
            leave_line(place);
            break;
        }
    }
    if (stream) wake_waiting_visitor(); // there may be room for one more
    if (at_cap(stream) && !mux()) co_return session_gone();
    if (at_cap(stream)) ++context_.counters.streams_refused;
    co_return stream;
}

bool AgentSession::nobody_waits() const {
    const std::lock_guard lock(mutex_);
    return visitors_.empty();
}

/// Who was called and found no room again goes to the front.
AgentSession::Line AgentSession::join_line(const std::shared_ptr<OneShot<bool>>& place, bool front) {
    const std::lock_guard lock(mutex_);
    if (!mux_) return Line::closed;
    if (visitors_.size() >= limits::agent_stream_waiters) return Line::full;
    visitors_.insert(front ? visitors_.begin() : visitors_.end(), place);
    return front || visitors_.size() == 1 ? Line::first : Line::behind;
}

void AgentSession::leave_line(const std::shared_ptr<OneShot<bool>>& place) {
    {
        const std::lock_guard lock(mutex_);
        if (std::erase_if(visitors_, [&](const auto& each) { return each.lock() == place; }) != 0) return;
    }
    wake_waiting_visitor(); // he was called and does not need it
}

void AgentSession::wake_waiting_visitor() {
    for (;;) {
        std::shared_ptr<OneShot<bool>> place;
        {
            const std::lock_guard lock(mutex_);
            if (visitors_.empty()) return;
            place = visitors_.front().lock();
            visitors_.pop_front();
        }
        if (place && place->set(true)) return;
    }
}

void AgentSession::on_openable() { wake_waiting_visitor(); }

} // namespace adit
