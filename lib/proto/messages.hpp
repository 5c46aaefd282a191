// The messages of the agent protocol (agent-protocol 3) as plain classes. proto/codec.hpp turns them into
// JSON and back.
#pragma once

#include <adit/config.hpp>
#include <adit/limits.hpp>

#include "proto/opts.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0 {

/// The first four bytes of a stream, big-endian (agent-protocol 3.2). Another value may arrive: treat it as
/// unknown.
enum class RequestType : std::uint32_t {
    auth = 0,
    bind = 1,
    unbind = 2,
    proxy = 3, ///< a visitor's connection (proto/proxy_header.hpp)
    restart = 4,
    stop = 5,
    update = 6,
    start_tunnel_with_label = 7,
    srv_info = 8,
    stop_tunnel = 9,
    patch_tunnel_state = 10,
    heartbeat = 0xffff'ffff,
};

/// What official agents send in the *UnsupportedError fields, and answer to a command, without a handler for
/// it.
inline constexpr std::string_view command_unsupported =
    "the agent has not defined a callback for this operation";

/// Our own extension, between two adit peers only: a member "Adit" in the Extra of the Auth request and, if
/// the request had one, of the answer:
///     "Extra": {..., "Adit": {"Window": 1048576, "Features": ["x"]}}
/// Window: bytes; the stream window that the sender of the message grants from now on for what it receives
/// (at least limits::initial_window); an agent grants no more than its edge does. Features: names of further
/// agreements; both sides use those that both named. Others ignore it: official agents and edges tolerate
/// unknown members everywhere (agent-protocol 3.1).
class AditExtension {
public:
    AditExtension() = default;
    std::uint32_t window = limits::initial_window;
    std::vector<std::string> features;
    UnknownMembers unknown;
};

// ---- Auth (0), agent-protocol 3.4

class AuthRequestExtra {
public:
    AuthRequestExtra() = default;
    std::string os;
    std::string arch;
    std::string auth_token;
    std::string version; ///< of the agent
    std::string hostname;
    std::string user_agent;
    std::string metadata;
    std::string cookie; ///< "" at first, then what the last answer gave
    // Decoded: 0 if the agent did not say.
    std::chrono::nanoseconds heartbeat_interval{limits::heartbeat_interval};
    std::chrono::nanoseconds heartbeat_tolerance{limits::heartbeat_tolerance};
    // "" = supported; a text = not, and why; unset (null) = a very old agent. The edge asks these before a
    // command.
    std::optional<std::string> update_unsupported_error = std::string(command_unsupported);
    std::optional<std::string> stop_unsupported_error = std::string(command_unsupported);
    std::optional<std::string> restart_unsupported_error = std::string(command_unsupported);
    std::string proxy_type;
    bool mutual_tls = false;
    bool service_run = false;
    std::string config_version;
    bool custom_interface = false;
    bool custom_cas = false;
    std::string client_type;
    std::optional<std::uint32_t> leg_number; ///< Go agents only
    std::optional<AditExtension> adit;
    UnknownMembers unknown;
};

class AuthRequest {
public:
    AuthRequest() = default;
    std::vector<std::string> versions{"3", "2"};
    std::string client_id; ///< "" at first, then what the first answer gave
    AuthRequestExtra extra;
    UnknownMembers unknown;
};

class DeprecationWarning {
public:
    DeprecationWarning() = default;
    std::string next_min;
    std::optional<std::string>
        next_date; ///< RFC 3339; "" is never written, a Go agent would refuse the whole answer
    std::string message;
    UnknownMembers unknown;
};

class ConnectAddress {
public:
    ConnectAddress() = default;
    std::string region;
    std::string server_addr; ///< "host:port"
    UnknownMembers unknown;
};

class AuthResponseExtra {
public:
    AuthResponseExtra() = default;
    std::string version; ///< of the edge
    std::string region;
    std::string cookie;
    std::string account_name;
    std::int64_t session_duration = 0; ///< seconds; 0 = without end
    std::string plan_name;
    std::string banner;
    std::optional<DeprecationWarning> deprecation_warning;
    std::vector<ConnectAddress> connect_addresses; ///< for agents with several legs
    std::string agent_session_id;
    std::optional<AditExtension> adit;
    UnknownMembers unknown;
};

class AuthResponse {
public:
    AuthResponse() = default;
    std::string version = "3";
    std::string client_id;
    AuthResponseExtra extra;
    UnknownMembers unknown;
};

// ---- Bind (1), agent-protocol 3.5

class BindRequestExtra {
public:
    BindRequestExtra() = default;
    std::string token; ///< "" at first, then what the first answer gave
    std::string ip_policy_ref;
    std::string metadata;
    std::vector<std::string> bindings; ///< "public", "internal", "kubernetes"; empty = not said
    bool pooling_enabled = false;
    std::string name;        ///< Go agents only; left out if empty
    std::string description; ///< Go agents only; left out if empty
    UnknownMembers unknown;
};

class BindRequest {
public:
    BindRequest() = default;
    std::string id;       ///< "": the edge chooses; at a rebind the id in use
    std::string protocol; ///< "http", "https", "tcp", "tls": decides which class `opts` holds
    std::string forwards_to;
    std::string forwards_proto; ///< "", "http1", "http2"
    BindOpts opts;
    BindRequestExtra extra;
    UnknownMembers unknown;
};

class BindResponseExtra {
public:
    BindResponseExtra() = default;
    std::string token;
    std::string tunnel_id; ///< left out if empty
    UnknownMembers unknown;
};

class BindResponse {
public:
    BindResponse() = default;
    /// The answer to `request`: its protocol and Opts, with `url` in them (agent-protocol 3.5, "simplest safe
    /// edge").
    ADIT_INTERNAL BindResponse(const BindRequest& request, std::string id, std::string url,
                               std::string token);

    std::string id;
    std::string url;
    std::string protocol;
    BindOpts opts; ///< an agent sends them back when it binds again
    BindResponseExtra extra;
    UnknownMembers unknown;
};

// ---- StartTunnelWithLabel (7), agent-protocol 3.6

class StartTunnelWithLabelRequest {
public:
    StartTunnelWithLabelRequest() = default;
    std::map<std::string, std::string> labels;
    std::string forwards_to;
    std::string forwards_proto;
    std::string metadata;
    UnknownMembers unknown;
};

class StartTunnelWithLabelResponse {
public:
    StartTunnelWithLabelResponse() = default;
    std::string id;
    UnknownMembers unknown;
};

// ---- Unbind (2), SrvInfo (8), PatchTunnelState (10), agent-protocol 3.7 to 3.9

class UnbindRequest {
public:
    UnbindRequest() = default;
    std::string id;
    UnknownMembers unknown;
};

class SrvInfoRequest {
public:
    SrvInfoRequest() = default;
    UnknownMembers unknown;
};

class SrvInfoResponse {
public:
    SrvInfoResponse() = default;
    std::string region;
    UnknownMembers unknown;
};

/// An unset member stays as it is.
class PatchTunnelStateRequest {
public:
    PatchTunnelStateRequest() = default;
    std::string tunnel_id;
    std::optional<std::string> name;
    std::optional<std::string> description;
    std::optional<std::string> metadata;
    std::optional<bool> pooling_enabled;
    std::optional<std::string> traffic_policy;
    UnknownMembers unknown;
};

/// Success without anything to say: the answer to Unbind, PatchTunnelState, Stop, Restart and Update.
class EmptyResponse {
public:
    EmptyResponse() = default;
    UnknownMembers unknown;
};

// ---- Commands from the edge, agent-protocol 3.10 and 3.11

class StopRequest {
public:
    StopRequest() = default;
    UnknownMembers unknown;
};

class RestartRequest {
public:
    RestartRequest() = default;
    UnknownMembers unknown;
};

class UpdateRequest {
public:
    UpdateRequest() = default;
    std::string version;
    bool permit_major_version = false;
    UnknownMembers unknown;
};

/// Nobody answers it.
class StopTunnelRequest {
public:
    StopTunnelRequest() = default;
    std::string id;
    std::string message;
    std::string error_code; ///< "ERR_NGROK_n"; "" if none
    UnknownMembers unknown;
};

} // namespace adit::inline v0
