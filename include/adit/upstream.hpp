// Where a Forwarder sends what arrives at an endpoint.
#pragma once

#include <adit/config.hpp>
#include <adit/error.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace adit::inline v0 {

/// A local (or any other) service; chained setters, every default visible here. Copyable, not thread-safe. A moved-from
/// object is as a new one.
///
///     http://localhost:8080    HTTP/1.1, port 80 if none is given
///     https://app.lan          the same over TLS, port 443
///     tcp://localhost:22       bytes
///     tls://db.lan:5433        bytes over TLS, port 443
///     unix:/run/app.sock       a local socket: HTTP for http(s) endpoints, bytes for others
///     8080, localhost:8080     http for http(s) endpoints (https for port 443), tcp for tcp and tls endpoints
///
/// An http(s) endpoint with an http, https or unix upstream is proxied request by request over a pool of kept connections;
/// everything else is passed on as bytes, half closed ends included. A visitor's TLS that was ended neither at the edge nor
/// here (tls endpoints without tls_termination() and agent_tls_termination()) is never wrapped a second time.
///
/// A value that cannot work is refused by forward() before anything is sent: errc::unsupported_url for the address,
/// errc::invalid_option for the rest; the message says what is wrong.
class ADIT_API Upstream {
public:
    Upstream(); ///< none: forward() refuses it
    explicit Upstream(std::string_view address);
    Upstream(const Upstream&);
    Upstream(Upstream&&) noexcept;
    Upstream& operator=(const Upstream&);
    Upstream& operator=(Upstream&&) noexcept;
    ~Upstream();

    // TLS towards https and tls upstreams. The certificate must chain to the system's roots and name the address's host.
    /// Trusts these roots instead of the system's; the last call wins. A file is read by forward(), at most
    /// limits::pem_file_max bytes.
    Upstream& roots_pem(std::string_view pem_text);
    Upstream& roots_file(std::string_view path);
    /// Shown when the upstream asks for a certificate: PEM, the chain leaf first, and its key.
    Upstream& client_certificate(std::string_view certificate_pem, std::string_view key_pem);
    /// The name to verify and to send as SNI; default: the host of the address.
    Upstream& server_name(std::string_view name);
    /// false: any certificate is taken, so whoever is in between reads along. Default true.
    Upstream& verify(bool on);

    // HTTP.
    /// Host becomes the upstream's own "host:port" instead of what the visitor sent. Default false.
    Upstream& rewrite_host(bool on = true);
    /// Host becomes this text.
    Upstream& host_header(std::string_view host);
    /// "http1" (default) or "http2": the edge then sends HTTP/2, which is passed on as bytes, h2c to plain upstreams and
    /// ALPN "h2" in TLS, so that gRPC passes. Sets Endpoint::app_protocol, and follows it.
    Upstream& app_protocol(std::string_view text);
    /// Kept connections without a request, at most limits::upstream_idle_max; 0 keeps none. Default
    /// limits::upstream_idle_connections. Those of endpoints with a PROXY protocol header serve one visitor each.
    Upstream& max_idle_connections(std::size_t count);
    /// How long one is kept; default limits::upstream_idle_time.
    Upstream& idle_time(std::chrono::milliseconds time);
    /// For the head of an answer once the request was sent; the visitor then gets 504. 0 (default): as long as the edge
    /// waits.
    Upstream& response_timeout(std::chrono::milliseconds time);

    /// For name, TCP and TLS together; more than 0, at most limits::option_time_max. Default limits::upstream_dial_time.
    Upstream& dial_timeout(std::chrono::milliseconds time);

    struct Data;
    /// For the library itself.
    const Data& data() const noexcept;

private:
    Data& edit(); ///< makes a moved-from object new

    std::unique_ptr<Data> data_;
};

} // namespace adit
