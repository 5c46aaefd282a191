// What the setters of ServerOptions collect, as given. edge/settings.hpp is its checked form.
#pragma once

#include <adit/edge/options.hpp>
#include <adit/limits.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace adit::inline v0::edge {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// How certificates that sign webhooks are fetched.
struct CertificateFetching {
    bool on = true;
    // For tests; they have no setters.
    std::string roots_pem; ///< trusted instead of the system's roots
    std::string address;   ///< "host:port" that is dialled instead of the provider's host
    std::chrono::milliseconds time = limits::webhook_certificate_time;
};

struct ServerOptions::Data {
    std::string base_domain = "localhost";
    std::vector<std::string> allowed_domains;

    std::string agent_address = "127.0.0.1:0";
    std::vector<std::string> advertised_agent_addresses;
    std::string https_address = "127.0.0.1:0";
    std::string http_address = "127.0.0.1:0";
    std::string tcp_host = "127.0.0.1";
    std::uint16_t tcp_first_port = 0;
    std::uint16_t tcp_last_port = 0;
    std::vector<std::pair<std::string, std::string>> balancers; // listener, network
    std::vector<std::pair<std::string, int>> listen_fds;
    std::uint16_t public_https_port = 0;
    std::uint16_t public_http_port = 0;

    std::string chain_pem, key_pem;
    std::vector<std::pair<std::string, std::string>> more_certificates; // chain, key
    std::string ca_pem, ca_key_pem;
    std::string min_tls_version = "1.2", max_tls_version = "1.3";
    std::string agent_server_name;

    std::vector<std::pair<std::string, std::string>> authtokens; // token, credential
    std::shared_ptr<Directory> directory;
    std::shared_ptr<Registry> registry;
    std::vector<std::pair<std::string, Labels>> label_routes; // URL, labels

    std::string seal_key;
    bool seal_key_given = false;
    std::vector<std::string> trusted_proxies;
    std::string region = "local";
    std::string banner;

    std::size_t sessions_per_credential = limits::sessions_per_credential;
    unsigned threads = 1;
    bool window_growth = true;

    std::chrono::milliseconds auth_time = limits::preauth_time;
    std::chrono::milliseconds heartbeat_interval = limits::heartbeat_interval;
    std::chrono::milliseconds heartbeat_tolerance = limits::heartbeat_tolerance;
    std::chrono::milliseconds client_hello_time = limits::client_hello_time;
    std::chrono::milliseconds tls_handshake_time = limits::tls_handshake_time;
    std::chrono::milliseconds http_head_time = limits::http_head_time;
    std::chrono::milliseconds http_idle_time = limits::http_idle_time;
    std::chrono::milliseconds http_response_time = limits::http_response_time;
    std::chrono::milliseconds agent_stream_idle_time = limits::agent_stream_idle_time;
    std::chrono::milliseconds http_stall_time = limits::visitor_stall_time;
    std::size_t policy_body_memory = limits::policy_bodies_max;
    CertificateFetching certificate_fetching;
    std::size_t http_head_max = limits::http_head_max;
    std::size_t http_fields_max = limits::http_headers_max;

    std::function<void(const AccessRecord&)> access_sink;
    std::function<void(std::string_view, std::string_view)> log_sink;
};

} // namespace adit
