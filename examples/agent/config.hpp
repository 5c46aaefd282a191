// What the agent is told: by ngrok's configuration file, versions 2 and 3, and by flags.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agent {

/// Wrong input of the user; the text says where and what.
class Problem : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Sign-in by a provider (OAuth) or an issuer (OpenID Connect).
struct Login {
    std::string provider; ///< or the issuer's URL; empty: none
    std::string client_id, client_secret;
    std::vector<std::string> emails, domains, scopes;
};

/// One endpoint with its upstream, in the words of a flag or of a file.
struct Tunnel {
    std::string name;
    std::string proto = "http"; ///< "http", "tcp" or "tls"
    std::string upstream;       ///< "8080", "localhost:8080", "https://localhost:8443"
    std::string url, hostname, remote_address;
    std::vector<std::string> schemes, labels, bindings;
    std::string description, metadata, traffic_policy, traffic_policy_file;
    bool pooling = false;

    std::string app_protocol, host_header;
    std::string proxy_protocol; ///< "", "1" or "2"
    bool verify_upstream = true;
    std::string upstream_cas;

    std::vector<std::string> basic_auth, allow_cidrs, deny_cidrs, allow_user_agents, deny_user_agents;
    std::vector<std::string> add_request_headers, remove_request_headers, add_response_headers, remove_response_headers;
    Login oauth, oidc;
    std::string webhook_provider, webhook_secret;
    bool compression = false, websocket_tcp = false;
    double circuit_breaker = 0;
    std::optional<bool> inspect;
    std::string terminate_at; ///< tls: "edge", "agent" or "upstream"; empty: "agent" with a certificate, else "upstream"
    std::string certificate, key;            ///< files, or their PEM text
    std::vector<std::string> mutual_tls_cas; ///< likewise
};

/// Everything else. What is empty was not said.
struct Settings {
    std::string authtoken, server, server_name, roots, metadata, proxy, interface;
    std::optional<std::chrono::milliseconds> connect_timeout, heartbeat_interval, heartbeat_tolerance;
    std::string log, log_level, log_format; ///< "stdout", "stderr", "false" or a path; "info"; "term", "logfmt" or "json"
    std::string console = "iftty";
    std::string web_address; ///< of the inspector; empty or "false": there is none
    std::vector<std::string> web_hosts;
    std::optional<long long> inspect_bytes; ///< 0: the default, -1: no inspector
    bool remote_management = true;
    std::vector<std::string> ignored; ///< keys that are ngrok's, but mean nothing here

    std::vector<Tunnel> endpoints; ///< version 3
    std::map<std::string, Tunnel> tunnels;

    /// Endpoints and tunnels, by name; all of them if `names` is empty. A name that is not there is a Problem.
    std::vector<Tunnel> pick(const std::vector<std::string>& names) const;
};

/// Reads a file into `settings`: what it says takes the place of what is there. Problem: "FILE:LINE: ...".
void read_config(const std::string& path, Settings& settings);

/// Where ngrok's agent keeps it; empty without a home.
std::string default_config_path();

std::string read_file(const std::string& path);

/// PEM text as it is, else the file of this name.
std::string read_pem(const std::string& path_or_text);

} // namespace agent
