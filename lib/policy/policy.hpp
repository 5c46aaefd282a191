// A traffic policy, compiled: immutable, shared by all threads and visitors of an endpoint.
//
//   auto policy = policy::Policy::compile(text, options);       // or policy::compile_bind(opts, options), modules.hpp
//   if (!policy) return policy.error();                         // ngrok_error(2203), "line 7, column 9: on_http_request[0]..."
//   auto state = std::make_shared<policy::State>(*policy);      // one for an endpoint
//   policy::Visit visit(state, facts);                          // run.hpp: one for a visitor connection at that endpoint
//
// An endpoint without a policy has a null pointer and pays nothing.
#pragma once

#include "base/result.hpp"
#include "base/url.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::policy {

enum class Phase : std::uint8_t { tcp_connect, http_request, http_response };
/// "on_tcp_connect", ...
std::string_view to_string(Phase phase) noexcept;

/// The endpoint that a policy is for.
struct CompileOptions {
    UrlScheme protocol = UrlScheme::https;
    bool internal = false;  ///< its name ends in ".internal"
    bool must_end = false;  ///< a cloud endpoint: there is no agent behind it, so the policy has to answer (2235)
    /// Whether the edge can fetch certificates that sign webhooks (Outcome::Kind::need_certificate); asked only where an action
    /// needs that. Empty: it cannot.
    std::function<bool()> fetches_certificates;
};

enum class ClientVerification : std::uint8_t {
    none,               ///< no certificate is asked for
    request,            ///< asked for, and not checked
    require_any,        ///< there must be one; it is not checked
    require_and_verify, ///< there must be one that chains to `client_authorities`
};

/// What the action terminate-tls, or the TLS modules of a bind, ask for.
struct TlsTermination {
    std::string min_version = "1.2", max_version = "1.3"; ///< "1.2" or "1.3", in order
    std::string certificate, key;                         ///< PEM, checked; both empty: the edge's own
    std::string client_authorities;                       ///< PEM, checked
    ClientVerification verification = ClientVerification::none;
};

struct Program; // what the document became; lib/policy only

class Policy {
public:
    /// YAML or JSON text. Errors: ngrok_error of behaviour C.1, the message begins with "line L, column C: " and the path
    /// of the field. Thread-safe, does not throw but for lack of memory.
    static Result<std::shared_ptr<const Policy>> compile(std::string_view text, const CompileOptions& options);

    explicit Policy(std::unique_ptr<const Program> program) noexcept;
    ~Policy();
    Policy(const Policy&) = delete;
    Policy& operator=(const Policy&) = delete;

    /// Whether the phase has to be run at all. The response phase also has to where a circuit breaker counts answers.
    bool has(Phase phase) const noexcept;
    /// Null: nothing is said about TLS. On a tls or tcp endpoint it asks that TLS ends at the edge.
    const TlsTermination* tls() const noexcept;
    /// The request phase may ask for the body (Outcome::Kind::need_body).
    bool may_need_body() const noexcept;
    /// It reads conn.tls.client.*: fill TlsFacts::client only then.
    bool reads_client_certificate() const noexcept;
    bool reads_server_certificate() const noexcept;

    const Program& program() const noexcept { return *program_; } ///< lib/policy only

private:
    std::unique_ptr<const Program> program_;
};

/// What changes while a policy is at work at one endpoint: buckets of rate limits, circuit breakers. Thread-safe.
class State {
public:
    explicit State(std::shared_ptr<const Policy> policy);
    ~State();
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    const Policy& policy() const noexcept { return *policy_; }

    struct Native;
    Native& native() const noexcept { return *native_; } ///< lib/policy only

private:
    std::shared_ptr<const Policy> policy_;
    std::unique_ptr<Native> native_;
};

} // namespace adit
