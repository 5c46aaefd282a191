// The options of an edge after they were checked, as the code uses them. Immutable while the edge runs.
#pragma once

#include <adit/asio.hpp>

#include "base/cidr.hpp"
#include "base/result.hpp"
#include "base/url.hpp"
#include "edge/options_data.hpp"
#include "http/head_reader.hpp"
#include "tls/context.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::edge {

/// Labelled binds that carry all of `labels` serve `url`.
class LabelRoute {
public:
    LabelRoute(EndpointUrl u, std::map<std::string, std::string> l) : url(std::move(u)), labels(std::move(l)) {}
    EndpointUrl url;
    std::map<std::string, std::string> labels;
};

/// What agents and visitors connect to.
enum class ListenerKind : std::uint8_t { agent, https, http, tcp };

class Settings {
public:
    /// errc::invalid_option; the detail names the option.
    static Result<Settings> parse(const ServerOptions::Data& data);

    /// "localhost": normalised, without a wildcard.
    std::string base_domain;
    std::vector<std::string> allowed_domains; ///< normalised, may start with "*."
    asio::ip::tcp::endpoint agent_address, https_address, http_address;
    std::vector<std::string> advertised_agent_addresses; ///< "host:port", host normalised
    asio::ip::address tcp_host;
    std::uint16_t tcp_first_port = 0, tcp_last_port = 0;
    std::optional<int> agent_fd, https_fd, http_fd;
    /// The ports visitors type. Filled by Server::start from the sockets where no option said otherwise.
    std::uint16_t public_https_port = 0, public_http_port = 0;
    /// Those that the edge listens on for agents and visitors, filled in by Server::start.
    std::vector<std::uint16_t> own_ports;
    tls::Version min_tls_version = tls::Version::tls12, max_tls_version = tls::Version::tls13;
    bool http2 = true; ///< https endpoints offer h2
    std::string agent_server_name; ///< normalised; agents that ask for it may come to the HTTPS port. "": they may not
    std::vector<LabelRoute> label_routes;
    std::vector<Cidr> trusted_proxies;
    std::array<std::vector<Cidr>, 4> balancers; ///< by ListenerKind
    std::string region, banner;
    unsigned threads = 1;
    bool window_growth = true;
    std::chrono::milliseconds auth_time{}, heartbeat_interval{}, heartbeat_tolerance{};
    std::chrono::milliseconds client_hello_time{}, tls_handshake_time{};
    std::chrono::milliseconds http_head_time{}, http_idle_time{}, http_response_time{}, agent_stream_idle_time{};
    std::chrono::milliseconds http_stall_time{};
    std::size_t policy_body_memory = 0;
    HeadLimits http_head;
    CertificateFetching certificate_fetching;
    std::size_t sessions_per_credential = limits::sessions_per_credential;

    /// Whether endpoints may have this (normalised) host: the base domain, below it, or an allowed name.
    bool allows_host(std::string_view host) const noexcept;
    /// Whether a tcp endpoint may not have this port, on whatever address, because the edge listens on it or visitors of other
    /// endpoints come to it (threat T30).
    bool is_own_port(std::uint16_t port) const noexcept;
    /// Whether this address is a balancer's, whose connections to the listener begin with a PROXY protocol header.
    bool is_balancer(ListenerKind listener, const IpAddress& address) const noexcept;
    /// Whether this address may set X-Forwarded-* itself.
    bool trusts(const IpAddress& address) const noexcept;
};

} // namespace adit
