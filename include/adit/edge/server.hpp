// The edge as an object: start it, and agents and visitors can connect.
#pragma once

#include <adit/config.hpp>
#include <adit/edge/options.hpp>
#include <adit/error.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::edge {

/// A session of an agent, as of the moment of the call.
class SessionView {
public:
    std::string id;         ///< "ts_..."; the argument of the commands below
    std::string client_id;  ///< what the agent knows itself by; survives its reconnects, and its legs share it
    std::uint32_t leg = 0;  ///< of an agent that keeps several connections; each is a session of its own here
    std::string credential;
    std::string remote_address;
    std::string user_agent;
    std::string metadata;
    std::size_t streams = 0;
    std::chrono::microseconds latency{0}; ///< of the last heartbeat; zero before the first
};

/// An endpoint that is online, as of the moment of the call.
class EndpointView {
public:
    std::string id;  ///< "ep_..."
    std::string url;
    std::string session_id;
    std::string bind_id; ///< the id the agent uses
    bool internal = false; ///< reached by other endpoints of its account only
    bool pooled = false;   ///< shares its URL
    std::string forwards_to;
    std::string name;
    std::string description;
    std::string metadata;
};

/// A running edge with its own threads. Copies share it; the last handle to go stops it at once.
/// Thread safety: shared and distinct handles are safe; every call may be made from any thread but the edge's own
/// callbacks may not call stop() or drain().
class ADIT_API Server {
public:
    Server() noexcept; ///< none
    Server(const Server&) noexcept;
    Server(Server&&) noexcept;
    Server& operator=(const Server&) noexcept;
    Server& operator=(Server&&) noexcept;
    ~Server();

    /// Binds the addresses and serves. Errors: errc::invalid_option, the system's for the addresses (with the address
    /// in the message).
    static Server start(const ServerOptions& options);
    static Server start(const ServerOptions& options, ErrorInfo& error);

    bool running() const noexcept;
    std::uint16_t agent_port() const noexcept;
    std::uint16_t https_port() const noexcept;
    std::uint16_t http_port() const noexcept;
    /// "127.0.0.1:<port>", or with the IPv6 address where agent_address() is one, for an agent on this machine. The edge's own certificates have that address; one that was given
    /// by certificate() must have it for such an agent, and agent_address() must be loopback or all addresses.
    std::string agent_address() const;
    /// PEM of the CA that signs the edge's own certificates; empty if all certificates were given.
    std::string ca_pem() const;

    std::vector<SessionView> sessions() const;
    std::vector<EndpointView> endpoints() const;

    /// Commands to one agent (agent-protocol 3.10). They block until it answered, at most limits::rpc_time. Errors:
    /// ngrok_error(333) for an unknown id, errc::unavailable with the agent's text as detail if it has no handler or
    /// refused, errc::timed_out, errc::session_lost, errc::would_deadlock on a thread of the edge.
    ErrorInfo stop_agent(std::string_view session_id);
    ErrorInfo restart_agent(std::string_view session_id);
    ErrorInfo update_agent(std::string_view session_id, std::string_view version, bool permit_major_version);
    /// Takes one endpoint offline and tells the agent why (StopTunnel). The agent does not answer, and may bind again. What
    /// an agent is told about is a bind: the other URLs of a labelled one that serves several go with it.
    /// `ngrok_error` is the n of an ERR_NGROK_n, or 0. ngrok_error(333) for an unknown id. Does not block.
    ErrorInfo stop_endpoint(std::string_view endpoint_id, std::string_view message, int ngrok_error);
    /// Drops an agent's link without a word, as a network failure would. It may come back.
    ErrorInfo disconnect(std::string_view session_id);

    /// Certificates and tokens may be replaced while running; existing sessions go on. errc::invalid_option changes
    /// nothing. A certificate takes the place of all that the edge made itself; tokens are only for an edge without a
    /// directory of its own.
    ErrorInfo reload_certificate(std::string_view chain_pem, std::string_view key_pem);
    /// All of them at once, each a chain and its key: the first answers for all names that the others do not have, as with
    /// ServerOptions::certificate() and add_certificate(). An endpoint's own certificate stays its owner's business.
    ErrorInfo reload_certificates(const std::vector<std::pair<std::string, std::string>>& chain_and_key_pem);
    ErrorInfo reload_authtokens(const std::vector<std::pair<std::string, std::string>>& token_and_credential);
    /// Both of them, or neither.
    ErrorInfo reload(const std::vector<std::pair<std::string, std::string>>& chain_and_key_pem,
                     const std::vector<std::pair<std::string, std::string>>& token_and_credential);
    ErrorInfo reload(std::string_view chain_pem, std::string_view key_pem,
                     const std::vector<std::pair<std::string, std::string>>& token_and_credential);

    /// Refuses new agents, endpoints (742) and visitors, lets requests and raw connections finish for at most `time`, then
    /// stops. Answers from now on say that they are the last of their connection; a kept connection without a request ends
    /// after limits::drain_idle_time, so that none is cut that was on its way. From then on agents that serve nobody are told
    /// goodbye (GOAWAY), which makes them connect again, to another edge if their address leads to one; the rest at the end
    /// (at most half a second more). They are not told to restart, which would end their programs. Blocks; stop() from
    /// another thread ends it early.
    void drain(std::chrono::milliseconds time);
    /// Stops at once. Blocks until the threads ended.
    void stop() noexcept;

private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace adit
