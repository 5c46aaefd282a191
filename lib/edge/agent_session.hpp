// One leg of an agent: its muxado session, its authentication, its endpoints and the streams visitors get on it.
#pragma once

#include <adit/asio.hpp>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "edge/endpoint.hpp"
#include "edge/idle_streams.hpp"
#include "edge/oneshot.hpp"
#include "edge/session_table.hpp"
#include "net/mux_session.hpp"
#include "net/stream.hpp"
#include "proto/messages.hpp"

#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::edge {

class AuthAnswer;
class BindPlan;
class EdgeContext;

/// Lives on its shard: whatever the agent asks for runs there as a coroutine. The members marked "any thread" take a
/// mutex that is never held while calling out.
class AgentSession final : public net::MuxObserver, public std::enable_shared_from_this<AgentSession> {
public:
    using Endpoint = asio::ip::tcp::endpoint;

    AgentSession(EdgeContext& context, asio::any_io_executor executor, Endpoint remote, PreauthSlot slot);
    ~AgentSession() override;

    // --- for visitors; any thread

    /// How much of a visitor's first bytes leaves with the opening of his stream, which so never waits for the agent.
    static constexpr std::size_t opening_max = 64 * 1024;

    /// Opens a stream to the agent for one visitor connection: stream type, proxy header (agent-protocol 4), the PROXY
    /// protocol header if the bind asked for one, and up to opening_max bytes of `first` leave together; the caller writes
    /// the rest. `visitor` is his address, `local` the one he connected to. The caller keeps `first` alive until this
    /// completes. Above limits::agent_streams_tight streams that wait for a request are given up, the oldest first, and
    /// those whose visitor is slow.
    /// At limits::streams_per_session it waits up to limits::agent_stream_wait for another stream to end. Errors:
    /// errc::limit_exceeded after that, ngrok_error(3209) if the session ended.
    asio::awaitable<Result<std::shared_ptr<net::Stream>>> open_connection(EndpointPtr endpoint, Endpoint visitor,
                                                                          Endpoint local, Bytes first);
    /// Streams of both directions that the agent has to keep, heartbeats and RPCs included. Compare with
    /// limits::agent_streams_tight.
    std::size_t stream_count() const;
    /// Those of them that visitors have, and calls of the edge to the agent.
    std::size_t visitor_streams() const;
    /// Streams that can be given up: those kept for the next request of their visitor, and those whose visitor is slow.
    IdleStreams& idle_streams() noexcept { return idle_streams_; }
    /// One with a slow visitor was added to them: it makes room for who waits.
    void slow_stream_found();
    /// For a stream, because there are as many as may be.
    bool nobody_waits() const;
    /// The shard's executor: calls of the edge to the agent run there.
    asio::any_io_executor executor() const { return executor_; }

    // --- for the gateway; on the shard

    /// Takes the authenticated TLS connection over and serves it until it ends.
    void start(net::Tcp::socket socket, tls::Engine engine, std::chrono::steady_clock::time_point auth_deadline);

    // --- for the server and the other sessions; any thread

    const std::string& id() const noexcept { return id_; }
    const Endpoint& remote() const noexcept { return remote_; }
    bool authenticated() const noexcept { return authenticated_.load(std::memory_order_acquire); }
    // Valid and constant once authenticated() is true.
    const std::string& client_id() const noexcept { return client_id_; }
    const std::string& credential() const noexcept { return credential_; }
    const AuthRequest& auth_request() const noexcept { return auth_; }
    std::uint32_t leg() const noexcept { return auth_.extra.leg_number.value_or(0); }
    std::chrono::microseconds latency() const noexcept;

    /// Sets `answer` to true as soon as the agent answers a heartbeat, to false if the session ends before.
    void probe(const std::shared_ptr<OneShot<bool>>& answer);

    /// Takes all its endpoints offline at once and ends the link, without a word, in the background.
    void drop(const ErrorInfo& reason);
    /// The same with a goodbye.
    void close();
    /// Takes one endpoint offline; false if it is not one of this session.
    bool take_offline(const EndpointPtr& record);
    /// The same with all endpoints of one bind: labels may serve several URLs. False if there is none.
    bool take_bind_offline(std::string_view bind_id);

    /// Stop, Restart or Update (agent-protocol 3.10); on the shard.
    asio::awaitable<ErrorInfo> command(RequestType type, std::string request);
    /// Tells the agent why one endpoint ended (agent-protocol 3.11); on the shard. Nobody answers.
    asio::awaitable<void> send_stop_tunnel(std::string request);

private:
    using MuxStreamPtr = std::shared_ptr<net::MuxStream>;
    using PlanPtr = std::shared_ptr<const BindPlan>;
    using RecordPtr = std::shared_ptr<EndpointRecord>;
    enum class Line : std::uint8_t { first, behind, full, closed };

    // net::MuxObserver
    void on_stream(MuxStreamPtr stream, std::uint32_t type) override;
    void on_closed(const ErrorInfo& reason) override;
    void on_heartbeat(std::chrono::steady_clock::duration latency) override;
    void on_openable() override;

    // agent_session.cpp
    void on_stream_before_auth(MuxStreamPtr stream, std::uint32_t type);
    void start_rpc(MuxStreamPtr stream, std::uint32_t type);
    void finish_rpc();
    asio::awaitable<void> serve_rpc(MuxStreamPtr stream, std::uint32_t type);
    asio::awaitable<std::string> answer(std::uint32_t type, std::string request);
    asio::awaitable<void> watch_authentication();
    void answer_probes(bool alive);
    template <class T>
    std::shared_ptr<OneShot<T>> make_shot();
    void drop_endpoints();

    // agent_auth.cpp
    asio::awaitable<void> serve_auth(MuxStreamPtr stream);
    asio::awaitable<std::string> authenticate(std::string request);
    std::chrono::steady_clock::duration time_for_directory() const;
    std::string refuse_agent(const ErrorInfo& error);
    std::string accept_agent(const AuthAnswer& answer);
    std::string choose_client_id() const;
    void take_over();

    // agent_bind.cpp
    asio::awaitable<std::string> bind(std::string request);
    asio::awaitable<std::string> bind_labels(std::string request);
    std::string unbind(const std::string& request);
    Result<PlanPtr> plan_bind(const BindRequest& request) const;
    std::string bind_answer(const BindRequest& request, const EndpointRecord& record) const;

    // agent_patch.cpp
    asio::awaitable<std::string> patch(std::string request);
    ErrorInfo patch_endpoint(std::string_view endpoint_id, const PatchTunnelStateRequest& change,
                             const PolicyPtr& policy);
    ErrorInfo patch_legs(const PatchTunnelStateRequest& change, const PolicyPtr& policy);
    asio::awaitable<ErrorInfo> set_pooling(std::string endpoint_id, bool on);
    asio::awaitable<ErrorInfo> renew_pooling(EndpointPtr record, bool on);
    EndpointPtr endpoint_of(std::string_view endpoint_id) const;
    std::vector<std::shared_ptr<AgentSession>> legs();

    // agent_endpoint.cpp
    asio::awaitable<Result<EndpointPtr>> put_online(PlanPtr plan);
    asio::awaitable<Result<EndpointPtr>> try_online(PlanPtr plan, EndpointUrl url);
    asio::awaitable<Result<std::uint16_t>> acquire_port(std::uint16_t wanted);
    asio::awaitable<ErrorInfo> authorize(PlanPtr plan, EndpointUrl url);
    asio::awaitable<ErrorInfo> claim(RecordPtr record);
    asio::awaitable<void> keep_lease(EndpointPtr record, std::chrono::seconds time);
    EndpointPtr current(const EndpointRecord& record) const;
    Result<RecordPtr> make_record(const BindPlan& plan);
    Result<void> publish(const EndpointPtr& record);
    void withdraw(const EndpointPtr& record);

    // agent_takeover.cpp
    asio::awaitable<void> displace(RecordPtr record, bool by_name);
    asio::awaitable<bool> is_anyone_alive(std::vector<EndpointPtr> holders);
    void take_from(const EndpointPtr& former);
    void evict_former(const EndpointRecord& record);

    // agent_connection.cpp
    Result<std::shared_ptr<net::Stream>> try_open(const std::string& head);
    asio::awaitable<Result<std::shared_ptr<net::Stream>>> wait_and_open(std::string head);
    Line join_line(const std::shared_ptr<OneShot<bool>>& place, bool front);
    void leave_line(const std::shared_ptr<OneShot<bool>>& place);
    void wake_waiting_visitor();
    void make_room();
    void give_up(IdleStreams::Kind kind);

    std::shared_ptr<net::MuxSession> mux() const;

    EdgeContext& context_;
    const asio::any_io_executor executor_;
    const Endpoint remote_;
    const std::string id_;
    PreauthSlot preauth_slot_;
    asio::steady_timer auth_timer_;
    std::chrono::steady_clock::time_point auth_deadline_{};
    std::shared_ptr<AgentSession> self_; // from start() to on_closed(): nobody else owns a session
    std::atomic<bool> authenticated_{false};
    std::atomic<std::int64_t> latency_us_{0};
    std::string client_id_;
    std::string credential_;
    std::string account_;
    AuthRequest auth_;
    bool auth_started_ = false;
    // On the shard.
    std::size_t rpcs_running_ = 0;
    std::deque<std::pair<MuxStreamPtr, std::uint32_t>> rpcs_waiting_;
    OneShotList answers_; // of directory and registry, to be given up when the session ends

    IdleStreams idle_streams_;
    mutable std::mutex mutex_;
    std::shared_ptr<net::MuxSession> mux_; // null before start and after the end
    std::multimap<std::string, EndpointPtr, std::less<>> binds_; // by bind id; labels may serve several routes
    std::deque<std::weak_ptr<OneShot<bool>>> visitors_; // that wait for a stream
    std::vector<std::weak_ptr<OneShot<bool>>> probes_; // for the next heartbeat that is answered
    bool ended_ = false;                                // no bind may succeed any more
};

} // namespace adit
