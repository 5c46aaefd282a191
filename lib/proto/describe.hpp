// The one description of every message: which key belongs to which member, in the order of the wire, and what
// happens to a member without a value. The writer and the reader both walk it. A visitor has
//     always(key, value)          written even if empty: what official peers need present, or always send
//     omit_empty(key, value)      left out if empty, 0 or false
//     nullable(key, optional)     `null` if unset
//     optional(key, optional)     left out if unset
//     bytes(key, string)          base64, left out if empty
//     opts(protocol, opts)        "Opts" of a bind
//     unknown(members)            last: what is left
// Reading is the same for all: a missing or null member is empty.
#pragma once

#include "proto/messages.hpp"
#include "proto/proxy_header.hpp"

#include <concepts>
#include <type_traits>

namespace adit::inline v0 {

template <class M, class T>
concept Is = std::same_as<std::remove_const_t<M>, T>;

// ---- Opts

template <class V, class M>
    requires Is<M, CompressionOpts> || Is<M, WebsocketTcpConverterOpts>
void describe(V& v, M& m) {
    v.unknown(m.unknown);
}

template <class V, Is<CircuitBreakerOpts> M>
void describe(V& v, M& m) {
    v.omit_empty("error_threshold", m.error_threshold);
    v.unknown(m.unknown);
}

template <class V, Is<IpRestrictionOpts> M>
void describe(V& v, M& m) {
    v.omit_empty("allow_cidrs", m.allow_cidrs);
    v.omit_empty("deny_cidrs", m.deny_cidrs);
    v.unknown(m.unknown);
}

template <class V, Is<BasicAuthCredential> M>
void describe(V& v, M& m) {
    v.omit_empty("username", m.username);
    v.omit_empty("cleartext_password", m.cleartext_password);
    v.bytes("hashed_password", m.hashed_password);
    v.unknown(m.unknown);
}

template <class V, Is<BasicAuthOpts> M>
void describe(V& v, M& m) {
    v.omit_empty("credentials", m.credentials);
    v.unknown(m.unknown);
}

template <class V, class M>
    requires Is<M, OAuthOpts> || Is<M, OidcOpts>
void describe(V& v, M& m) {
    if constexpr (Is<M, OAuthOpts>)
        v.omit_empty("provider", m.provider);
    else
        v.omit_empty("issuer_url", m.issuer_url);
    v.omit_empty("client_id", m.client_id);
    v.omit_empty("client_secret", m.client_secret);
    v.bytes("sealed_client_secret", m.sealed_client_secret);
    v.omit_empty("allow_emails", m.allow_emails);
    v.omit_empty("allow_domains", m.allow_domains);
    v.omit_empty("scopes", m.scopes);
    v.unknown(m.unknown);
}

template <class V, Is<WebhookVerificationOpts> M>
void describe(V& v, M& m) {
    v.omit_empty("provider", m.provider);
    v.omit_empty("secret", m.secret);
    v.bytes("sealed_secret", m.sealed_secret);
    v.unknown(m.unknown);
}

template <class V, Is<MutualTlsOpts> M>
void describe(V& v, M& m) {
    v.bytes("mutual_tls_ca", m.mutual_tls_ca);
    v.unknown(m.unknown);
}

template <class V, Is<HeadersOpts> M>
void describe(V& v, M& m) {
    v.omit_empty("add", m.add);
    v.omit_empty("remove", m.remove);
    v.omit_empty("addParsed", m.add_parsed);
    v.unknown(m.unknown);
}

template <class V, Is<UserAgentFilterOpts> M>
void describe(V& v, M& m) {
    v.omit_empty("allow", m.allow);
    v.omit_empty("deny", m.deny);
    v.unknown(m.unknown);
}

template <class V, Is<TlsTerminationOpts> M>
void describe(V& v, M& m) {
    v.bytes("cert", m.cert);
    v.bytes("key", m.key);
    v.bytes("sealed_key", m.sealed_key);
    v.unknown(m.unknown);
}

template <class V, Is<HttpOpts> M>
void describe(V& v, M& m) {
    v.omit_empty("URL", m.url);
    v.always("Domain", m.domain);
    v.always("Hostname", m.hostname);
    v.always("Auth", m.auth);
    v.always("Subdomain", m.subdomain);
    v.always("HostHeaderRewrite", m.host_header_rewrite);
    v.nullable("LocalUrlScheme", m.local_url_scheme);
    v.always("ProxyProto", m.proxy_proto);
    v.nullable("Compression", m.compression);
    v.nullable("CircuitBreaker", m.circuit_breaker);
    v.nullable("IPRestriction", m.ip_restriction);
    v.nullable("BasicAuth", m.basic_auth);
    v.nullable("OAuth", m.oauth);
    v.nullable("OIDC", m.oidc);
    v.nullable("WebhookVerification", m.webhook_verification);
    v.nullable("MutualTLSCA", m.mutual_tls_ca);
    v.nullable("RequestHeaders", m.request_headers);
    v.nullable("ResponseHeaders", m.response_headers);
    v.nullable("WebsocketTCPConverter", m.websocket_tcp_converter);
    v.nullable("UserAgentFilter", m.user_agent_filter);
    v.optional("Policy", m.policy);
    v.nullable("TrafficPolicy", m.traffic_policy);
    v.unknown(m.unknown);
}

template <class V, Is<TcpOpts> M>
void describe(V& v, M& m) {
    v.omit_empty("URL", m.url);
    v.always("Addr", m.addr);
    v.always("ProxyProto", m.proxy_proto);
    v.nullable("IPRestriction", m.ip_restriction);
    v.optional("Policy", m.policy);
    v.nullable("TrafficPolicy", m.traffic_policy);
    v.unknown(m.unknown);
}

template <class V, Is<TlsOpts> M>
void describe(V& v, M& m) {
    v.omit_empty("URL", m.url);
    v.always("Domain", m.domain);
    v.always("Hostname", m.hostname);
    v.always("Subdomain", m.subdomain);
    v.always("ProxyProto", m.proxy_proto);
    v.always("MutualTLSAtAgent", m.mutual_tls_at_agent);
    v.nullable("MutualTLSAtEdge", m.mutual_tls_at_edge);
    v.nullable("TLSTermination", m.tls_termination);
    v.nullable("IPRestriction", m.ip_restriction);
    v.optional("Policy", m.policy);
    v.nullable("TrafficPolicy", m.traffic_policy);
    v.unknown(m.unknown);
}

// ---- Auth

template <class V, Is<AditExtension> M>
void describe(V& v, M& m) {
    v.always("Window", m.window);
    v.always("Features", m.features);
    v.unknown(m.unknown);
}

template <class V, Is<AuthRequestExtra> M>
void describe(V& v, M& m) {
    v.always("OS", m.os);
    v.always("Arch", m.arch);
    v.always("AuthToken", m.auth_token);
    v.always("Version", m.version);
    v.always("Hostname", m.hostname);
    v.always("UserAgent", m.user_agent);
    v.always("Metadata", m.metadata);
    v.always("Cookie", m.cookie);
    v.always("HeartbeatInterval", m.heartbeat_interval);
    v.always("HeartbeatTolerance", m.heartbeat_tolerance);
    v.nullable("UpdateUnsupportedError", m.update_unsupported_error);
    v.nullable("StopUnsupportedError", m.stop_unsupported_error);
    v.nullable("RestartUnsupportedError", m.restart_unsupported_error);
    v.always("ProxyType", m.proxy_type);
    v.always("MutualTLS", m.mutual_tls);
    v.always("ServiceRun", m.service_run);
    v.always("ConfigVersion", m.config_version);
    v.always("CustomInterface", m.custom_interface);
    v.always("CustomCAs", m.custom_cas);
    v.always("ClientType", m.client_type);
    v.optional("LegNumber", m.leg_number);
    v.optional("Adit", m.adit);
    v.unknown(m.unknown);
}

template <class V, Is<AuthRequest> M>
void describe(V& v, M& m) {
    v.always("Version", m.versions);
    v.always("ClientId", m.client_id);
    v.always("Extra", m.extra);
    v.unknown(m.unknown);
}

template <class V, Is<DeprecationWarning> M>
void describe(V& v, M& m) {
    v.always("NextMin", m.next_min);
    v.optional("NextDate", m.next_date);
    v.always("Msg", m.message);
    v.unknown(m.unknown);
}

template <class V, Is<ConnectAddress> M>
void describe(V& v, M& m) {
    v.always("Region", m.region);
    v.always("ServerAddr", m.server_addr);
    v.unknown(m.unknown);
}

template <class V, Is<AuthResponseExtra> M>
void describe(V& v, M& m) {
    v.always("Version", m.version);
    v.always("Region", m.region);
    v.always("Cookie", m.cookie);
    v.always("AccountName", m.account_name);
    v.always("SessionDuration", m.session_duration);
    v.always("PlanName", m.plan_name);
    v.always("Banner", m.banner);
    v.optional("DeprecationWarning", m.deprecation_warning);
    v.omit_empty("ConnectAddresses", m.connect_addresses);
    v.omit_empty("AgentSessionID", m.agent_session_id);
    v.optional("Adit", m.adit);
    v.unknown(m.unknown);
}

template <class V, Is<AuthResponse> M>
void describe(V& v, M& m) {
    v.always("Version", m.version);
    v.always("ClientId", m.client_id);
    v.always("Extra", m.extra);
    v.unknown(m.unknown);
}

// ---- Bind, StartTunnelWithLabel

template <class V, Is<BindRequestExtra> M>
void describe(V& v, M& m) {
    v.always("Token", m.token);
    v.always("IPPolicyRef", m.ip_policy_ref);
    v.always("Metadata", m.metadata);
    v.always("Bindings", m.bindings);
    v.always("PoolingEnabled", m.pooling_enabled);
    v.omit_empty("Name", m.name);
    v.omit_empty("Description", m.description);
    v.unknown(m.unknown);
}

template <class V, Is<BindRequest> M>
void describe(V& v, M& m) {
    v.always("Id", m.id);
    v.always("Proto", m.protocol);
    v.always("ForwardsTo", m.forwards_to);
    v.always("ForwardsProto", m.forwards_proto);
    v.opts(m.protocol, m.opts);
    v.always("Extra", m.extra);
    v.unknown(m.unknown);
}

template <class V, Is<BindResponseExtra> M>
void describe(V& v, M& m) {
    v.always("Token", m.token);
    v.omit_empty("TunnelID", m.tunnel_id);
    v.unknown(m.unknown);
}

template <class V, Is<BindResponse> M>
void describe(V& v, M& m) {
    v.always("Id", m.id);
    v.always("URL", m.url);
    v.always("Proto", m.protocol);
    v.opts(m.protocol, m.opts);
    v.always("Extra", m.extra);
    v.unknown(m.unknown);
}

template <class V, Is<StartTunnelWithLabelRequest> M>
void describe(V& v, M& m) {
    v.always("Labels", m.labels);
    v.always("ForwardsTo", m.forwards_to);
    v.always("ForwardsProto", m.forwards_proto);
    v.always("Metadata", m.metadata);
    v.unknown(m.unknown);
}

template <class V, class M>
    requires Is<M, StartTunnelWithLabelResponse> || Is<M, UnbindRequest>
void describe(V& v, M& m) {
    v.always("Id", m.id);
    v.unknown(m.unknown);
}

// ---- The rest

template <class V, class M>
    requires Is<M, SrvInfoRequest> || Is<M, StopRequest> || Is<M, RestartRequest> || Is<M, EmptyResponse>
void describe(V& v, M& m) {
    v.unknown(m.unknown);
}

template <class V, Is<SrvInfoResponse> M>
void describe(V& v, M& m) {
    v.always("Region", m.region);
    v.unknown(m.unknown);
}

template <class V, Is<PatchTunnelStateRequest> M>
void describe(V& v, M& m) {
    v.always("TunnelId", m.tunnel_id);
    v.optional("Name", m.name);
    v.optional("Description", m.description);
    v.optional("Metadata", m.metadata);
    v.optional("PoolingEnabled", m.pooling_enabled);
    v.optional("TrafficPolicy", m.traffic_policy);
    v.unknown(m.unknown);
}

template <class V, Is<UpdateRequest> M>
void describe(V& v, M& m) {
    v.always("Version", m.version);
    v.always("PermitMajorVersion", m.permit_major_version);
    v.unknown(m.unknown);
}

template <class V, Is<StopTunnelRequest> M>
void describe(V& v, M& m) {
    v.always("Id", m.id);
    v.always("Message", m.message);
    v.always("ErrorCode", m.error_code);
    v.unknown(m.unknown);
}

template <class V, Is<ProxyHeader> M>
void describe(V& v, M& m) {
    v.always("Id", m.id);
    v.always("ClientAddr", m.client_addr);
    v.always("Proto", m.protocol);
    v.always("EdgeType", m.edge_type);
    v.always("PassthroughTLS", m.passthrough_tls);
    v.unknown(m.unknown);
}

} // namespace adit::inline v0
