// The modules that official SDKs send with a bind, and its traffic policy, as one compiled policy: there is no second path.
//
// Order of the modules' rules (behaviour C.5): who may come in first, what changes the message last.
//   handshake        mutual_tls_ca / mutual_tls_at_edge, tls_termination  -> terminate-tls
//   on_tcp_connect   [policy]  (tcp and tls: ip_restriction before it)
//   on_http_request  ip_restriction, user_agent_filter, basic_auth (auth), webhook_verification, circuit_breaker,
//                    request_headers (remove, then add), [policy]
//   on_http_response [policy], response_headers (remove, then add), compression
#pragma once

#include "policy/policy.hpp"
#include "proto/opts.hpp"

namespace adit::inline v0::policy {

/// Null if nothing of a policy is asked for. Errors of category ngrok: 9025 for the old and the new policy field at once,
/// 9026 for an invalid policy, with "ERR_NGROK_2203: line ..." inside of its text, and for a module that this version does
/// not have, with its name; 359, 360, 362 and 393 for values of modules.
Result<std::shared_ptr<const Policy>> compile_bind(const BindOpts& opts, const CompileOptions& options);

} // namespace adit
