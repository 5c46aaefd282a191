// What to put online: a URL, or labels, and how the edge shall treat it.
#pragma once

#include <adit/config.hpp>
#include <adit/error.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace adit::inline v0 {

/// One endpoint to listen on; chained setters. Copyable, not thread-safe. A moved-from object is as a new one.
///
/// The URL's scheme picks the protocol:
///     https://app.example.com   TLS ends at the edge, HTTP requests arrive in plain text (the default scheme)
///     http://app.example.com    plain HTTP on port 80
///     tls://app.example.com     routed by SNI, the TLS bytes arrive untouched
///     tcp://edge.example.com:22000, or tcp:// for any port
/// A URL that leaves out the host ("https://", "tcp://", or "") asks the edge for a random one.
class ADIT_API Endpoint {
public:
    Endpoint();
    explicit Endpoint(std::string_view url);
    Endpoint(const Endpoint&);
    Endpoint(Endpoint&&) noexcept;
    Endpoint& operator=(const Endpoint&);
    Endpoint& operator=(Endpoint&&) noexcept;
    ~Endpoint();

    /// An endpoint without a URL, which the edge's operator routes to by its labels (at least one).
    static Endpoint labeled(std::string_view key, std::string_view value);
    Endpoint& label(std::string_view key, std::string_view value);

    Endpoint& name(std::string_view text);
    Endpoint& description(std::string_view text); ///< at most limits::description_max bytes
    Endpoint& metadata(std::string_view text);    ///< at most limits::metadata_max bytes
    /// Shown by the edge as the target; default: "app://<host>/<program>?pid=<pid>".
    Endpoint& forwards_to(std::string_view text);
    /// "http1" (default) or "http2": what the edge shall speak on an http(s) connection.
    Endpoint& app_protocol(std::string_view text);
    /// PROXY protocol header in front of every connection: 0 none (default), 1 or 2.
    Endpoint& proxy_protocol(int version);
    /// Which network may reach it: "public" (default), "internal" or "kubernetes".
    Endpoint& binding(std::string_view text);
    /// Share the URL with other endpoints that also allow it.
    Endpoint& pooling(bool on);
    /// A traffic policy document, YAML or JSON, taken as it is.
    Endpoint& traffic_policy(std::string_view document);
    /// How many connections may wait for accept() (default limits::accept_backlog). One more is refused alone.
    Endpoint& backlog(std::size_t connections);

    struct Data;
    /// For the library itself.
    const Data& data() const noexcept;

private:
    Data& edit(); ///< makes a moved-from object new

    std::unique_ptr<Data> data_;
};

} // namespace adit
