#include "edge/agent_session.hpp"

#include "edge/agent_session_shot.hpp"
#include "edge/context.hpp"
#include "edge/spawn.hpp"

#include "base/ksuid.hpp"
#include "base/random.hpp"
#include "net/deadline.hpp"
#include "net/rpc.hpp"
#include "proto/codec.hpp"

#include <adit/limits.hpp>

#include <array>

namespace adit::inline v0::edge {
namespace {

using Clock = std::chrono::steady_clock;

// Our own heartbeat, commands and a few calls of the agent come on top of what is opened for visitors; Rust agents count
// all of them (agent-protocol 2.5).
constexpr std::size_t streams_reserved = 4;
constexpr auto stop_tunnel_time = std::chrono::seconds(5); // for an agent's end of a stream that nobody answers

} // namespace

AgentSession::AgentSession(EdgeContext& context, asio::any_io_executor executor, Endpoint remote, PreauthSlot slot)
    : context_(context), executor_(std::move(executor)), remote_(std::move(remote)),
      id_(make_id("ts_", std::chrono::system_clock::now(), fill_random)), preauth_slot_(std::move(slot)),
      auth_timer_(executor_) {}

AgentSession::~AgentSession() = default;

// --- life

void AgentSession::start(net::Tcp::socket socket, tls::Engine engine, Clock::time_point auth_deadline) {
    net::MuxOptions options{muxado::Config(muxado::Role::server)};
    options.core.grow = context_.settings.window_growth;
    options.core.max_local_streams = limits::streams_per_session - streams_reserved;
    // What an agent opens are calls: more than can wait are refused before they cost a buffer.
    options.core.max_remote_streams = limits::rpcs_per_session + limits::rpcs_per_session_waiting;
    options.core.remote_buffer_max = limits::rpc_bytes_per_session;
    options.heartbeat_interval = context_.settings.heartbeat_interval;
    options.heartbeat_tolerance = context_.settings.heartbeat_tolerance;
    options.quick_ack = true;
    auto session = net::MuxSession::create(std::move(socket), std::move(engine), options, weak_from_this());
    {
        const std::lock_guard lock(mutex_);
        mux_ = session;
    }
    self_ = shared_from_this();
    auth_deadline_ = auth_deadline;
    spawn(context_, executor_, watch_authentication());
    session->start();
}

asio::awaitable<void> AgentSession::watch_authentication() {
    const auto self = shared_from_this();
    std::error_code ignored;
    while (!authenticated() && mux()) {
        if (Clock::now() >= auth_deadline_) {
            ++context_.counters.auth_timed_out;
            drop(ErrorInfo(errc::auth_timeout, "the agent did not authenticate in time"));
            break;
        }
        auth_timer_.expires_at(auth_deadline_);
        co_await auth_timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

std::shared_ptr<net::MuxSession> AgentSession::mux() const {
    const std::lock_guard lock(mutex_);
    return mux_;
}

std::chrono::microseconds AgentSession::latency() const noexcept {
    return std::chrono::microseconds(latency_us_.load(std::memory_order_relaxed));
}

void AgentSession::on_heartbeat(Clock::duration latency) {
    latency_us_.store(std::chrono::duration_cast<std::chrono::microseconds>(latency).count(), std::memory_order_relaxed);
    answer_probes(true);
}

void AgentSession::probe(const std::shared_ptr<OneShot<bool>>& answer) {
    const auto session = mux();
    if (!session) {
        answer->set(false);
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(probes_, [](const auto& each) { return each.expired(); });
        probes_.push_back(answer);
    }
    session->beat();
    if (!mux()) answer_probes(false); // it ended meanwhile
}

void AgentSession::answer_probes(bool alive) {
    std::vector<std::weak_ptr<OneShot<bool>>> probes;
    {
        const std::lock_guard lock(mutex_);
        probes.swap(probes_);
    }
    for (const auto& each : probes) {
        if (const auto probe = each.lock()) probe->set(alive);
    }
}

void AgentSession::on_closed(const ErrorInfo& reason) {
    const auto self = std::exchange(self_, nullptr);
    if (authenticated()) context_.sessions.remove(*this);
    drop_endpoints();
    std::deque<std::weak_ptr<OneShot<bool>>> waiting;
    {
        const std::lock_guard lock(mutex_);
        mux_.reset();
        waiting.swap(visitors_);
    }
    for (const auto& weak : waiting) {
        if (const auto place = weak.lock()) place->give_up();
    }
    answer_probes(false);
    answers_.give_up_all();
    rpcs_waiting_.clear();
    preauth_slot_.release();
    auth_timer_.cancel();
    if (authenticated()) {
        context_.log("info", "agent " + id_ + " at " + to_text(remote_) + " is gone: " + reason.to_string());
    } else {
        context_.log("debug", "unknown agent at " + to_text(remote_) + " is gone: " + reason.to_string());
    }
}

void AgentSession::drop_endpoints() {
    std::multimap<std::string, EndpointPtr, std::less<>> binds;
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        binds.swap(binds_);
    }
    for (const auto& [bind_id, record] : binds) withdraw(record);
}

void AgentSession::drop(const ErrorInfo& reason) {
    drop_endpoints();
    if (const auto session = mux()) session->abort(reason);
}

void AgentSession::close() {
    drop_endpoints();
    if (const auto session = mux()) session->close();
}

// --- calls of the agent

void AgentSession::on_stream(MuxStreamPtr stream, std::uint32_t type) {
    if (!authenticated()) {
        on_stream_before_auth(std::move(stream), type);
        return;
    }
    switch (static_cast<RequestType>(type)) {
    case RequestType::auth:
    case RequestType::bind:
    case RequestType::unbind:
    case RequestType::start_tunnel_with_label:
    case RequestType::srv_info:
    case RequestType::patch_tunnel_state: break;
    default: stream->reset(muxado::ErrorCode::stream_refused); return;
    }
    if (rpcs_running_ < limits::rpcs_per_session) {
        start_rpc(std::move(stream), type);
    } else if (rpcs_waiting_.size() < limits::rpcs_per_session_waiting) {
        rpcs_waiting_.emplace_back(std::move(stream), type);
    } else {
        ++context_.counters.rpcs_refused;
        stream->reset(muxado::ErrorCode::stream_refused);
    }
}

/// Only what an agent needs to say who it is, and SrvInfo, which Go's diagnosis asks for without it.
void AgentSession::on_stream_before_auth(MuxStreamPtr stream, std::uint32_t type) {
    if (type == static_cast<std::uint32_t>(RequestType::auth) && !auth_started_) {
        auth_started_ = true;
        spawn(context_, executor_, serve_auth(std::move(stream)));
    } else if (type == static_cast<std::uint32_t>(RequestType::srv_info) && rpcs_running_ == 0) {
        start_rpc(std::move(stream), type);
    } else {
        stream->reset(muxado::ErrorCode::stream_refused);
    }
}

void AgentSession::start_rpc(MuxStreamPtr stream, std::uint32_t type) {
    ++rpcs_running_;
    spawn(context_, executor_, serve_rpc(std::move(stream), type));
}

void AgentSession::finish_rpc() {
    --rpcs_running_;
    if (rpcs_waiting_.empty()) return;
    auto [stream, type] = std::move(rpcs_waiting_.front());
    rpcs_waiting_.pop_front();
    start_rpc(std::move(stream), type);
}

asio::awaitable<void> AgentSession::serve_rpc(MuxStreamPtr stream, std::uint32_t type) {
    const auto self = shared_from_this();
    const Result<std::string> request = co_await net::read_request(stream, limits::rpc_time);
    std::string response;
    if (request) {
        std::string text = *request;
        response = co_await answer(type, std::move(text));
    } else {
        response = encode_error(request.error());
        context_.log("debug", "agent " + id_ + " sent a bad request: " + request.error().to_string());
    }
    co_await net::reply(stream, response);
    finish_rpc();
}

asio::awaitable<std::string> AgentSession::answer(std::uint32_t type, std::string request) {
    std::string response;
    switch (static_cast<RequestType>(type)) {
    case RequestType::bind: response = co_await bind(std::move(request)); break;
    case RequestType::start_tunnel_with_label: response = co_await bind_labels(std::move(request)); break;
    case RequestType::unbind: response = unbind(request); break;
    case RequestType::patch_tunnel_state: response = co_await patch(std::move(request)); break;
    case RequestType::srv_info: {
        SrvInfoResponse info;
        info.region = context_.settings.region;
        response = encode(info);
        break;
    }
    default: response = encode_error(0, "this session is authenticated already"); break;
    }
    co_return response;
}

// --- calls of the edge

asio::awaitable<ErrorInfo> AgentSession::command(RequestType type, std::string request) {
    const auto self = shared_from_this();
    const AuthRequestExtra& extra = auth_.extra;
    const std::optional<std::string>& refusal = type == RequestType::stop      ? extra.stop_unsupported_error
                                                : type == RequestType::restart ? extra.restart_unsupported_error
                                                                               : extra.update_unsupported_error;
    if (!refusal) co_return ErrorInfo(errc::unavailable, "the agent is too old to say whether it knows this command");
    if (!refusal->empty()) co_return ErrorInfo(errc::unavailable, "the agent does not support this command", *refusal);
    const auto session = mux();
    if (!session) co_return ErrorInfo(errc::session_lost, "the agent's session ended");
    const auto stream = session->open(static_cast<std::uint32_t>(type), as_bytes(request));
    if (!stream) co_return stream.error();
    const Result<std::string> response = co_await net::read_request(*stream, limits::rpc_time);
    // Go agents never end these streams (agent-protocol 3.10).
    (*stream)->reset(muxado::ErrorCode::stream_cancelled);
    if (!response) co_return response.error();
    const auto done = decode_empty_response(*response);
    if (!done) co_return ErrorInfo(errc::unavailable, "the agent refused the command", done.error().detail());
    co_return ErrorInfo();
}

asio::awaitable<void> AgentSession::send_stop_tunnel(std::string request) {
    const auto self = shared_from_this();
    const auto session = mux();
    if (!session) co_return;
    const auto opened = session->open(static_cast<std::uint32_t>(RequestType::stop_tunnel), as_bytes(request));
    if (!opened) co_return;
    const MuxStreamPtr stream = *opened;
    stream->finish_write();
    // Rust agents end the stream, Go agents keep it: it must not count for ever.
    const net::Deadline deadline(executor_, stop_tunnel_time, [stream] { stream->cancel_read(); });
    std::array<std::uint8_t, 64> ignored;
    const MutableBytes space(ignored);
    for (;;) {
        const net::IoResult got = co_await stream->read_some(space);
        if (!got.ok()) break;
    }
    stream->reset(muxado::ErrorCode::stream_cancelled);
}

} // namespace adit
