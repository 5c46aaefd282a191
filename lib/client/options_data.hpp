// What the setters of SessionOptions and Endpoint fill in, and what of it cannot work.
#pragma once

#include <adit/endpoint.hpp>
#include <adit/limits.hpp>
#include <adit/session_options.hpp>
#include <adit/tls_server.hpp>

#include "base/result.hpp"
#include "proto/opts.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace adit::inline v0 {

/// One entry of the user agent.
class ClientInfo {
public:
    ClientInfo(std::string_view n, std::string_view v, std::string_view c) : name(n), version(v), comment(c) {}
    std::string name, version, comment;
};

struct SessionOptions::Data {
    enum class Roots : std::uint8_t { system, file, pem };

    Data() = default;

    std::string server;
    std::string authtoken;
    Roots roots = Roots::system;
    std::string roots_value; // path or PEM text
    bool client_certificate = false; // set, perhaps to what cannot work
    std::string client_certificate_pem;
    std::string client_key_pem;
    std::string proxy;        // URL; empty: none
    std::string proxy_source; // the option or variable it came from
    bool proxy_from_environment = false;
    std::string no_proxy;     // hosts that are reached without it
    std::string proxy_roots;  // PEM text; empty: the system's
    Dialer dialer;
    std::string interface_or_address; // to bind to
    std::string server_name;
    std::string metadata;
    std::vector<ClientInfo> client_infos; // newest first
    std::chrono::milliseconds heartbeat_interval{limits::heartbeat_interval};
    std::chrono::milliseconds heartbeat_tolerance{limits::heartbeat_tolerance};
    std::chrono::milliseconds connect_timeout{30'000};
    std::optional<bool> window_growth; // unset: as the server likes it
    bool reconnect = true;
    EventHandler on_event;
    CommandHandler on_stop, on_restart, on_update;
    std::chrono::milliseconds heartbeat_min{limits::heartbeat_min};     // the same for all programs; tests have less time
    std::chrono::milliseconds reconnect_delay{limits::reconnect_delay}; // the same for all programs; tests have less time
    std::chrono::milliseconds rpc_time{limits::rpc_time};  // the same for all programs; tests have less time
    std::chrono::milliseconds tls_handshake_time{limits::tls_handshake_time}; // likewise
    std::chrono::milliseconds tls_close_time{limits::half_close_time};        // likewise
};

struct OAuthOptions::Data {
    Data() = default;
    OAuthOpts opts;
};

struct OidcOptions::Data {
    Data() = default;
    OidcOpts opts;
};

/// Names in lower case.
class HeaderChanges {
public:
    HeaderChanges() = default;
    void set(std::string_view name, std::string_view value);
    void drop(std::string_view name);
    bool empty() const { return add.empty() && remove.empty(); }

    std::vector<std::pair<std::string, std::string>> add; // a name once
    std::vector<std::string> remove;
};

struct Endpoint::Data {
    Data() = default;

    std::string url;
    bool labeled = false;
    std::map<std::string, std::string, std::less<>> labels;
    std::string name;
    std::string description;
    std::string metadata;
    std::optional<std::string> forwards_to;
    std::string app_protocol;
    int proxy_protocol = 0;
    std::vector<std::string> bindings;
    bool pooling = false;
    std::optional<std::string> traffic_policy;
    std::size_t backlog = limits::accept_backlog;

    std::optional<CompressionOpts> compression;
    std::optional<CircuitBreakerOpts> circuit_breaker;
    std::optional<IpRestrictionOpts> ip_restriction;
    std::optional<BasicAuthOpts> basic_auth;
    std::optional<OAuthOpts> oauth;
    std::optional<OidcOpts> oidc;
    std::optional<WebhookVerificationOpts> webhook_verification;
    std::optional<WebsocketTcpConverterOpts> websocket_tcp_converter;
    std::optional<UserAgentFilterOpts> user_agent_filter;
    HeaderChanges request_headers;
    HeaderChanges response_headers;
    std::vector<std::string> mutual_tls_ca; // one text a call
    std::optional<TlsTerminationOpts> tls_termination;
    bool own_certificate = false; // tls_termination has texts, perhaps empty ones
    std::optional<TlsServer> agent_tls;
};

/// Where a session connects to.
class ServerTarget {
public:
    ServerTarget() = default;
    std::string host;
    std::uint16_t port = 0;
    std::string verify_name; ///< to check the certificate for, and SNI
    bool window_growth = true;
    std::string text() const;
};

/// errc::no_server, or errc::invalid_option with a message that names the option.
Result<ServerTarget> check(const SessionOptions::Data& options);
/// errc::unsupported_url, or errc::invalid_option with a message that names the option.
Result<void> check(const Endpoint::Data& endpoint);

} // namespace adit
