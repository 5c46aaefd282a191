// Bind options (agent-protocol 3.5). Members are named after their JSON keys. An optional module that is
// unset is `null` on the wire; inside a module, members with their zero value are left out.
#pragma once

#include "proto/json_text.hpp"
#include "proto/proxy_protocol.hpp"

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace adit::inline v0 {

// Every class declares its default constructor: none is an aggregate (design.md 4).

class CompressionOpts {
public:
    CompressionOpts() = default;
    UnknownMembers unknown;
};

class CircuitBreakerOpts {
public:
    CircuitBreakerOpts() = default;
    double error_threshold = 0; ///< ratio of 5xx answers, 0 to 1
    UnknownMembers unknown;
};

class IpRestrictionOpts {
public:
    IpRestrictionOpts() = default;
    std::vector<std::string> allow_cidrs;
    std::vector<std::string> deny_cidrs;
    UnknownMembers unknown;
};

class BasicAuthCredential {
public:
    BasicAuthCredential() = default;
    std::string username;
    std::string cleartext_password;
    std::string hashed_password; ///< bytes; base64 on the wire
    UnknownMembers unknown;
};

class BasicAuthOpts {
public:
    BasicAuthOpts() = default;
    std::vector<BasicAuthCredential> credentials;
    UnknownMembers unknown;
};

class OAuthOpts {
public:
    OAuthOpts() = default;
    std::string provider;
    std::string client_id;
    std::string client_secret;
    std::string sealed_client_secret; ///< bytes; base64 on the wire
    std::vector<std::string> allow_emails;
    std::vector<std::string> allow_domains;
    std::vector<std::string> scopes;
    UnknownMembers unknown;
};

class OidcOpts {
public:
    OidcOpts() = default;
    std::string issuer_url;
    std::string client_id;
    std::string client_secret;
    std::string sealed_client_secret; ///< bytes; base64 on the wire
    std::vector<std::string> allow_emails;
    std::vector<std::string> allow_domains;
    std::vector<std::string> scopes;
    UnknownMembers unknown;
};

class WebhookVerificationOpts {
public:
    WebhookVerificationOpts() = default;
    std::string provider;
    std::string secret;
    std::string sealed_secret; ///< bytes; base64 on the wire
    UnknownMembers unknown;
};

class MutualTlsOpts {
public:
    MutualTlsOpts() = default;
    std::string mutual_tls_ca; ///< one or more PEM certificates; base64 on the wire
    UnknownMembers unknown;
};

class HeadersOpts {
public:
    HeadersOpts() = default;
    std::vector<std::string> add; ///< "name:value"
    std::vector<std::string> remove;
    std::map<std::string, std::string> add_parsed;
    UnknownMembers unknown;
};

class WebsocketTcpConverterOpts {
public:
    WebsocketTcpConverterOpts() = default;
    UnknownMembers unknown;
};

class UserAgentFilterOpts {
public:
    UserAgentFilterOpts() = default;
    std::vector<std::string> allow; ///< RE2
    std::vector<std::string> deny;  ///< RE2
    UnknownMembers unknown;
};

/// Unset: the agent gets the TLS bytes. Set and empty: the edge terminates with a certificate of its own.
class TlsTerminationOpts {
public:
    TlsTerminationOpts() = default;
    std::string cert;       ///< PEM; base64 on the wire
    std::string key;        ///< PEM; base64 on the wire
    std::string sealed_key; ///< bytes; base64 on the wire
    UnknownMembers unknown;
};

/// For Proto "http" and "https".
class HttpOpts {
public:
    HttpOpts() = default;
    std::string
        url; ///< Go agents send the user's text here; an edge answers with the whole URL. Left out if empty
    std::string domain;
    std::string hostname;
    std::string auth; ///< "user:password", from old agents
    std::string subdomain;
    bool host_header_rewrite = false;
    std::optional<std::string> local_url_scheme;
    ProxyProtocolVersion proxy_proto = ProxyProtocolVersion::none;
    std::optional<CompressionOpts> compression;
    std::optional<CircuitBreakerOpts> circuit_breaker;
    std::optional<IpRestrictionOpts> ip_restriction;
    std::optional<BasicAuthOpts> basic_auth;
    std::optional<OAuthOpts> oauth;
    std::optional<OidcOpts> oidc;
    std::optional<WebhookVerificationOpts> webhook_verification;
    std::optional<MutualTlsOpts> mutual_tls_ca;
    std::optional<HeadersOpts> request_headers;
    std::optional<HeadersOpts> response_headers;
    std::optional<WebsocketTcpConverterOpts> websocket_tcp_converter;
    std::optional<UserAgentFilterOpts> user_agent_filter;
    std::optional<JsonValue> policy;           ///< the old policy document, from old agents
    std::optional<std::string> traffic_policy; ///< JSON or YAML text; unset and "" both mean none
    UnknownMembers unknown;
};

/// For Proto "tcp".
class TcpOpts {
public:
    TcpOpts() = default;
    std::string url;  ///< as in HttpOpts
    std::string addr; ///< "host:port", or "" for any
    ProxyProtocolVersion proxy_proto = ProxyProtocolVersion::none;
    std::optional<IpRestrictionOpts> ip_restriction;
    std::optional<JsonValue> policy;
    std::optional<std::string> traffic_policy;
    UnknownMembers unknown;
};

/// For Proto "tls".
class TlsOpts {
public:
    TlsOpts() = default;
    std::string url; ///< as in HttpOpts
    std::string domain;
    std::string hostname;
    std::string subdomain;
    ProxyProtocolVersion proxy_proto = ProxyProtocolVersion::none;
    bool mutual_tls_at_agent = false;
    std::optional<MutualTlsOpts> mutual_tls_at_edge;
    std::optional<TlsTerminationOpts> tls_termination;
    std::optional<IpRestrictionOpts> ip_restriction;
    std::optional<JsonValue> policy;
    std::optional<std::string> traffic_policy;
    UnknownMembers unknown;
};

using BindOpts = std::variant<HttpOpts, TcpOpts, TlsOpts>;

} // namespace adit::inline v0
