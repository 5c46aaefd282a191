// What to put online: a URL, or labels, and how the edge shall treat it.
#pragma once

#include <adit/config.hpp>
#include <adit/error.hpp>
#include <adit/oauth_options.hpp>
#include <adit/oidc_options.hpp>
#include <adit/tls_server.hpp>

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
///
/// What cannot work is refused by listen() before anything is sent: errc::unsupported_url, or errc::invalid_option with
/// a message that starts with the option's name. So is an option that the URL's protocol, or a labelled endpoint, does
/// not have. What an edge does not offer, and what only it can judge, it refuses itself (ERR_NGROK_...).
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
    /// What the edge shall speak on the connections of an http(s) endpoint: "http1" (default), or "http2" with prior knowledge
    /// (RFC 9113 3.3), as gRPC needs it. Visitors come with any version.
    Endpoint& app_protocol(std::string_view text);
    /// PROXY protocol header in front of every connection: 0 none (default), 1 or 2.
    Endpoint& proxy_protocol(int version);
    /// Which network may reach it: "public" (default), "internal" or "kubernetes". Repeatable, each once: all are
    /// sent, in this order; many edges take one.
    Endpoint& binding(std::string_view text);
    /// Share the URL with other endpoints that also allow it.
    Endpoint& pooling(bool on);
    /// A traffic policy document, YAML or JSON, taken as it is.
    Endpoint& traffic_policy(std::string_view document);

    // What the edge does with visitors, one module each. ngrok's newer SDKs say the same in a traffic policy. Texts
    // that have no other bound have 1 to limits::module_text_max bytes of UTF-8 without control characters, a list at
    // most limits::module_entries_max entries.

    /// http, https, tls, tcp. Addresses or ranges ("203.0.113.7", "10.0.0.0/8", "2001:db8::/32") that may connect, and
    /// that may not: a visitor needs to match one that allows and none that denies. Repeatable. deny_cidr() alone would
    /// let nobody in and is refused: add allow_cidr("0.0.0.0/0") and allow_cidr("::/0").
    Endpoint& allow_cidr(std::string_view range);
    Endpoint& deny_cidr(std::string_view range);

    /// http, https. A user who may pass; repeatable up to limits::basic_auth_users_max. `user` has 1 to
    /// limits::basic_auth_user_max bytes and no colon, `password` limits::basic_auth_password_min to
    /// limits::basic_auth_password_max. The edge gets the password itself, inside the session's TLS.
    Endpoint& basic_auth(std::string_view user, std::string_view password);
    /// http, https. Sign in with a well-known provider, or one of your own. The last call wins.
    Endpoint& oauth(const OAuthOptions& options);
    Endpoint& oidc(const OidcOptions& options);
    /// http, https. Only requests that `provider` ("github", "stripe", ...) signed with `secret`; the last call wins.
    /// Which providers there are is the edge's matter. The secret may be empty for "sns" alone.
    Endpoint& webhook_verification(std::string_view provider, std::string_view secret);
    /// http, https. RE2 expressions on the User-Agent; repeatable. The edge checks their grammar. One that is allowed
    /// passes even if it is denied.
    Endpoint& allow_user_agent(std::string_view expression);
    Endpoint& deny_user_agent(std::string_view expression);

    /// http, https. Adds a header to requests for the application, or to responses for visitors; the same name (in any
    /// case) again replaces the value. Names are tokens (RFC 9110 5.1) and sent in lower case; a value has no control
    /// character but tabs, no blanks around it, and may be empty.
    Endpoint& request_header(std::string_view name, std::string_view value);
    Endpoint& response_header(std::string_view name, std::string_view value);
    /// http, https. Takes one away; repeatable.
    Endpoint& remove_request_header(std::string_view name);
    Endpoint& remove_response_header(std::string_view name);
    /// http, https. Compress responses for visitors that ask for it.
    Endpoint& compression();
    /// http, https. Answer 503 for a while once this ratio of responses, 0 to 1, is a 5xx.
    Endpoint& circuit_breaker(double ratio);
    /// http, https. The messages of a visitor's WebSocket arrive as the bytes of a TCP connection.
    Endpoint& websocket_tcp_conversion();

    /// https, and tls with tls_termination(). Visitors need a certificate that chains to one of these: PEM text with at
    /// least one certificate and no private key. Repeatable; limits::mutual_tls_ca_max bytes in all.
    Endpoint& mutual_tls_ca(std::string_view pem);
    /// tls. TLS ends at the edge, the application gets plain bytes; by default the edge passes TLS through untouched.
    /// With the edge's own certificate, or with this chain (leaf first) and its key, PEM texts of at most
    /// limits::tls_termination_pem_max bytes each, neither empty. The key travels to the edge inside the session's TLS.
    /// The last call wins.
    Endpoint& tls_termination();
    Endpoint& tls_termination(std::string_view cert_pem, std::string_view key_pem);
    /// tls. TLS ends in this program ("zero-knowledge": the edge sees ciphertext only): Connections are handed out once the
    /// visitor's handshake is done, and are the plain stream. See <adit/tls_server.hpp>. Not with tls_termination(). With
    /// proxy_protocol() the header, which the edge sends in front of the ClientHello, is read before the handshake and is
    /// what the Connection gives first, as on other endpoints.
    Endpoint& agent_tls_termination(const TlsServer& server);

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
