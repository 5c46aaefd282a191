// What an edge needs to know.
#pragma once

#include <adit/config.hpp>
#include <adit/edge/directory.hpp>
#include <adit/edge/registry.hpp>
#include <adit/error.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::edge {

/// One entry of an action `log`.
class PolicyLog {
public:
    std::string phase;    ///< "on_tcp_connect", "on_http_request" or "on_http_response"
    std::string metadata; ///< a JSON object
};

/// One finished HTTP exchange or raw connection of a visitor.
class AccessRecord {
public:
    std::chrono::system_clock::time_point start;
    std::chrono::microseconds duration{0};
    std::string endpoint_id;    ///< empty if none matched
    std::string url;            ///< of the endpoint
    std::string remote_address; ///< of the visitor
    std::string method;         ///< empty for raw connections
    std::string host;
    std::string path;           ///< without the query
    int status = 0;             ///< 0 for raw connections
    int ngrok_error = 0;        ///< n of ERR_NGROK_n if the edge or a forwarder made the answer
    std::uint64_t bytes_in = 0; ///< from the visitor
    std::uint64_t bytes_out = 0;
    /// What the actions `log` of traffic policies said, in their order; of a connection's phase in the first record of it. Of
    /// each phase and policy at most limits::policy_logs_max entries of limits::policy_logs_bytes_max bytes.
    std::vector<PolicyLog> policy_logs;
    /// Not empty: a traffic policy failed on this request, and how. For the endpoint's owner; the visitor is told less.
    std::string policy_error;
};

/// Options of an edge; chained setters, every default visible here. Copyable, not thread-safe. Values that cannot work
/// are refused by Server::start with errc::invalid_option, and the detail names the option.
///
/// Addresses are "host:port" or "[v6]:port" with a literal IP; port 0 takes a free one, see Server::*_port().
class ADIT_API ServerOptions {
public:
    ServerOptions();
    ServerOptions(const ServerOptions&);
    ServerOptions(ServerOptions&&) noexcept;
    ServerOptions& operator=(const ServerOptions&);
    ServerOptions& operator=(ServerOptions&&) noexcept;
    ~ServerOptions();

    /// Random names are made below it, and chosen names may be it or below it. Default "localhost": names below it
    /// reach loopback on most systems without DNS.
    ServerOptions& base_domain(std::string_view name);
    /// Names outside the base domain that may be bound as well ("app.example.org", "*.example.org").
    ServerOptions& allow_domain(std::string_view name);

    ServerOptions& agent_address(std::string_view address); ///< default "127.0.0.1:0"
    /// Where agents reach this edge, a name or IP with its port ("edge.example.com:443"), in the order of preference; call it
    /// once for each. Told to agents when they authenticate: those that keep several legs (adit's own SDK, ngrok's for Go with
    /// multi-leg) open a second one to another address, and one lost leg loses no endpoint. None by default; at least two
    /// are of use. The agents' certificate must be good for each name, and all must lead to this edge.
    ServerOptions& advertise_agent_address(std::string_view address);
    ServerOptions& https_address(std::string_view address); ///< https and tls endpoints; default "127.0.0.1:0"
    ServerOptions& http_address(std::string_view address);  ///< http endpoints; default "127.0.0.1:0"
    /// Where tcp endpoints listen; default "127.0.0.1", any free ports.
    ServerOptions& tcp_host(std::string_view ip);
    /// The ports tcp endpoints may have, both included, from 1024 on; those that the edge itself listens on are left out. 0, 0
    /// (default): the system chooses, and agents may not (307).
    ServerOptions& tcp_ports(std::uint16_t first, std::uint16_t last);
    /// Listening sockets made by somebody else (systemd): name is "agent", "https" or "http". Owned by the edge then.
    ServerOptions& listen_fd(std::string_view name, int fd);
    /// Connections from this network (CIDR) to a listener come from a load balancer and begin with a PROXY protocol header,
    /// version 1 or 2: the address in it is the client's from then on, in limits, headers, logs and policies. A connection
    /// from there without a valid one (within limits::client_hello_time) is closed. From everywhere else it is no header but
    /// the client's own bytes. `listener` is "agent", "https", "http", or "tcp" for the ports of all tcp endpoints.
    ServerOptions& proxy_protocol(std::string_view listener, std::string_view cidr);
    /// The ports visitors use, if they are not those we listen on (a port map in front): shown in URLs.
    ServerOptions& public_ports(std::uint16_t https, std::uint16_t http);

    /// Certificate chain and key (PEM text) for the visitors of the base domain and for agents. Without it the edge makes
    /// its own CA and a certificate for the base domain, "*." below it, "localhost" and the loopback addresses.
    /// The leaf first, then each one's issuer. A key of another certificate, a wrong order, and a certificate that is
    /// expired or not valid yet are refused; the message says which.
    ServerOptions& certificate(std::string_view chain_pem, std::string_view key_pem);
    /// A further one, shown to visitors and agents that ask for one of its DNS names; of two with the same name the later.
    /// certificate() stays the one for all other names.
    ServerOptions& add_certificate(std::string_view chain_pem, std::string_view key_pem);
    /// The CA to issue that from (PEM text), so that it survives a restart. Without it a new one is made at start.
    ServerOptions& certificate_authority(std::string_view certificate_pem, std::string_view key_pem);
    /// Minimum TLS version for visitors: "1.2" (default) or "1.3". An endpoint may ask for another one.
    ServerOptions& min_tls_version(std::string_view version);
    /// Maximum TLS version for visitors: "1.2" or "1.3" (default). An endpoint may ask for another one.
    ServerOptions& max_tls_version(std::string_view version);
    /// Lets agents come to the HTTPS port as well, so that one port 443 serves all: those are agents that name this host in
    /// their TLS handshake, such as "connect.example.com". No endpoint can have that name. The certificates must be good
    /// for it; the edge's own are. Default: none.
    ServerOptions& agent_server_name(std::string_view name);

    /// A token that agents may use; `credential` names it in records (default: derived from a digest of it). None at
    /// all and no directory: every agent is refused.
    ServerOptions& authtoken(std::string_view token, std::string_view credential = {});
    /// Asked for every agent and bind instead of the list.
    ServerOptions& directory(std::shared_ptr<Directory> directory);
    ServerOptions& registry(std::shared_ptr<Registry> registry);
    /// Labelled binds that carry all of `labels` serve this URL.
    ServerOptions& route_labels(std::string_view url, std::vector<std::pair<std::string, std::string>> labels);

    /// 32 bytes that seal bind tokens. Give the same to a restarted edge, or to all edges of a cluster, and agents
    /// keep their URLs. Default: random at start.
    ServerOptions& seal_key(std::string_view bytes);
    /// Visitors from these networks (CIDR) may set X-Forwarded-* themselves.
    ServerOptions& trusted_proxy(std::string_view cidr);
    /// Whether the edge itself may connect to fetch certificates that sign webhooks: for the action verify-webhook with the
    /// provider sns, from https://sns.REGION.amazonaws.com, verified by the system's roots, kept for a day. Default true;
    /// without it, as without roots, endpoints with that provider are refused (2203).
    ServerOptions& fetch_certificates(bool on);
    ServerOptions& region(std::string_view name); ///< told to agents; default "local"
    ServerOptions& banner(std::string_view text);

    /// Sessions (legs) that agents with the same credential may have at a time; one more is refused with 108.
    ServerOptions& sessions_per_credential(std::size_t count);

    /// Event loops, one thread each. Default 1; 0: one per core.
    ServerOptions& threads(unsigned count);
    /// Receive windows beyond 256 KiB towards agents, while data flows (default true).
    ServerOptions& window_growth(bool on);

    /// Times; the defaults are those of <adit/limits.hpp>.
    ServerOptions& auth_time(std::chrono::milliseconds time);
    ServerOptions& heartbeat(std::chrono::milliseconds interval, std::chrono::milliseconds tolerance);
    /// A visitor's ClientHello must have come within that time, and the handshake must be over within the next one, which
    /// is also that of agents.
    ServerOptions& client_hello_time(std::chrono::milliseconds time);
    ServerOptions& tls_handshake_time(std::chrono::milliseconds time);
    ServerOptions& http_head_time(std::chrono::milliseconds time);
    /// A visitor's connection may be without a request for so long; then it is closed.
    ServerOptions& http_idle_time(std::chrono::milliseconds time);
    /// The agent may send nothing of an answer for so long, from the request on; then the visitor gets 504 (3005).
    ServerOptions& http_response_time(std::chrono::milliseconds time);
    ServerOptions& agent_stream_idle_time(std::chrono::milliseconds time);
    /// A request body, or an answer on its way to the visitor, may make no progress for so long; then the connection is
    /// closed. Bodies of requests that are being answered, and those to applications that speak HTTP/2, may pause: a call of
    /// gRPC streams both ways. Above 0.
    ServerOptions& http_stall_time(std::chrono::milliseconds time);

    /// Bytes of a request head with its first line, and of an answer's; a visitor beyond gets 431 or 414, an agent costs 502.
    /// 1 KiB to 16 MiB; default 1 MiB (limits::http_head_max). Heads over HTTP/2 have at most limits::http2_header_list_max.
    ServerOptions& http_head_max(std::size_t bytes);
    /// Fields of such a head; a visitor beyond gets 431. 10 to 10,000; default 1,000.
    ServerOptions& http_fields_max(std::size_t count);

    /// Bytes that the edge may hold of request bodies whose policy looks at the whole (verify-webhook), before it knows who
    /// sends them; one endpoint gets a quarter. Who does not fit gets 503 (720). Default 256 MiB (limits::policy_bodies_max).
    ServerOptions& policy_body_memory(std::size_t bytes);

    /// Called for every finished exchange, on an edge thread: must not block.
    ServerOptions& on_access(std::function<void(const AccessRecord&)> sink);
    /// Called with one line for the operator ("agent connected", ...), on an edge thread: must not block. Control characters
    /// of what agents sent are escaped ("\\x1b").
    ServerOptions& on_log(std::function<void(std::string_view level, std::string_view line)> sink);

    struct Data;
    /// For the library itself.
    const Data& data() const noexcept { return *data_; }

private:
    std::unique_ptr<Data> data_;
};

} // namespace adit
