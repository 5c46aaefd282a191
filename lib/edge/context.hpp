// What everything of one server shares. It outlives all sessions, visitors and coroutines of the server.
#pragma once

#include <adit/asio.hpp>
#include <adit/edge/directory.hpp>
#include <adit/edge/options.hpp>
#include <adit/edge/registry.hpp>

#include "edge/body_budget.hpp"
#include "edge/endpoint.hpp"
#include "edge/endpoint_tls.hpp"
#include "edge/session_table.hpp"
#include "edge/settings.hpp"
#include "edge/tcp_ports.hpp"
#include "edge/webhook_certificates.hpp"
#include "tls/cert_store.hpp"
#include "tls/context.hpp"
#include "tls/crypto.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace adit::inline v0::edge {

/// Open visitor connections of the whole edge, bounded by limits::visitors_max. Thread-safe.
class VisitorCount {
public:
    /// False at the bound: close the connection. Else leave() must follow.
    bool enter() noexcept;
    void leave() noexcept;
    std::size_t size() const noexcept { return count_.load(std::memory_order_relaxed); }
    /// Blocks until there are none or the time came.
    void wait_until_empty(std::chrono::steady_clock::time_point deadline);

private:
    std::atomic<std::size_t> count_{0};
    std::mutex mutex_;
    std::condition_variable empty_;
};

/// What was refused or went wrong, for tests and later metrics. Relaxed increments from any thread.
struct Counters {
    std::atomic<std::uint64_t> agents_accepted{0};
    std::atomic<std::uint64_t> agents_refused{0};    ///< too many of one address, or of all, before authentication
    std::atomic<std::uint64_t> agent_tls_failed{0};
    std::atomic<std::uint64_t> auth_refused{0};
    std::atomic<std::uint64_t> auth_timed_out{0};
    std::atomic<std::uint64_t> rpcs_refused{0};      ///< more than limits::rpcs_per_session_waiting
    std::atomic<std::uint64_t> accept_failed{0};     ///< EMFILE and the like
    std::atomic<std::uint64_t> streams_waited{0};    ///< visitors that found limits::streams_per_session reached
    std::atomic<std::uint64_t> streams_refused{0};   ///< and gave up after limits::agent_stream_wait
    std::atomic<std::uint64_t> streams_taken{0};     ///< from slow visitors, for others
    std::atomic<std::uint64_t> visitors_accepted{0};
    std::atomic<std::uint64_t> visitors_refused{0};  ///< at limits::visitors_max
    std::atomic<std::uint64_t> proxy_headers_refused{0}; ///< connections of balancers that begin with none, or a bad one
};

/// The TLS contexts of an edge; all read their certificates from one store.
struct TlsContexts {
    std::shared_ptr<tls::CertStore> certificates;
    std::shared_ptr<EndpointTls> endpoints;               ///< those that want it in their own way
    std::shared_ptr<const tls::ServerContext> visitors;   ///< https endpoints; https_alpn()
    std::shared_ptr<const tls::ServerContext> terminated; ///< tls endpoints that end here; no ALPN
    std::shared_ptr<const tls::ServerContext> agents;     ///< no ALPN, no tickets
};

class EdgeContext {
public:
    EdgeContext(Settings checked, const tls::Sealer& seal);
    EdgeContext(const EdgeContext&) = delete;
    EdgeContext& operator=(const EdgeContext&) = delete;

    Settings settings;
    const tls::Sealer sealer; ///< bind tokens and cookies
    TlsContexts tls;
    const std::shared_ptr<WebhookCertificates> certificates;
    EndpointTable endpoints;
    SessionTable sessions;
    PreauthTable preauth;
    TcpPorts tcp_ports;
    VisitorCount visitors;
    BodyBudget bodies;
    Counters counters;
    std::shared_ptr<Directory> directory;
    std::shared_ptr<Registry> registry;
    std::string node; ///< names this edge in registry claims
    std::vector<asio::any_io_executor> shards;
    /// Set by drain() and stop(): no new agent, no new endpoint; visitors' connections end after the request in progress.
    std::atomic<bool> draining{false};

    std::atomic<std::size_t> tasks{0}; ///< coroutines of spawn() that have not ended

    std::function<void(const AccessRecord&)> access_sink;
    std::function<void(std::string_view, std::string_view)> log_sink;

    /// The internal endpoint that `from` hands a visitor on to by this URL; null if there is none.
    EndpointPtr find_internal(const EndpointRecord& from, std::string_view url) const;

    /// The sinks are the embedder's code: what they throw ends here.
    void access(const AccessRecord& record) const noexcept;
    /// `level`: "debug", "info", "warn", "error".
    void log(std::string_view level, std::string_view line) const noexcept;
    /// Calls the embedder's directory or registry; an exception of it is logged, as if it never answered.
    void call_out(const std::function<void()>& call) const noexcept;
};

/// An Asio endpoint as our own type, IPv4-mapped addresses as IPv4.
IpEndpoint to_ip_endpoint(const asio::ip::tcp::endpoint& endpoint);
/// The inverse; IPv4 as IPv4.
asio::ip::tcp::endpoint to_tcp_endpoint(const IpEndpoint& endpoint);
/// "203.0.113.9:51234", "[2001:db8::1]:443".
std::string to_text(const asio::ip::tcp::endpoint& endpoint);

} // namespace adit
