// What a document became: rules with compiled expressions and actions.
#pragma once

#include "policy/actions/circuit_breaker.hpp"
#include "policy/actions/rate_limit.hpp"
#include "policy/cel/program.hpp"
#include "policy/policy.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::policy {

struct Scope;
struct WebhookCertificate;

/// What an action wants done next.
enum class Flow : std::uint8_t {
    next, ///< the next action
    stop, ///< Scope::outcome says what is to be done
    wait, ///< likewise, and then this same action goes on: with_body()
};

/// An action with its configuration. Immutable, used by any thread. Does not throw but for lack of memory.
class Action {
public:
    Action() = default;
    Action(const Action&) = delete;
    Action& operator=(const Action&) = delete;
    virtual ~Action() = default;

    virtual Flow run(Scope& scope) const = 0;
    /// After Flow::wait. It may wait once more, for a certificate.
    virtual Flow with_body(Scope& scope, std::string_view body, const WebhookCertificate* certificate) const;
};

struct Rule {
    struct Condition {
        std::string source;
        cel::Program program;
    };
    std::string name;
    std::vector<Condition> conditions; ///< all of them
    std::vector<std::unique_ptr<const Action>> actions;
    bool ends = false; ///< when it applies, traffic goes no further
};

struct RateLimitSettings {
    std::uint64_t capacity = 0;
    std::chrono::seconds rate{};
};

struct Program {
    std::vector<Rule>& rules(Phase phase) noexcept { return phases[static_cast<std::size_t>(phase)]; }
    const std::vector<Rule>& rules(Phase phase) const noexcept { return phases[static_cast<std::size_t>(phase)]; }

    std::array<std::vector<Rule>, 3> phases;
    std::optional<TlsTermination> tls;
    std::vector<RateLimitSettings> rate_limits; ///< by the slot that an action knows
    std::vector<CircuitBreakerSettings> breakers;
    bool needs_body = false;
    bool reads_results = false;
    bool reads_client_certificate = false;
    bool reads_server_certificate = false;
};

struct State::Native {
    std::vector<RateLimiter> limiters;
    std::vector<std::unique_ptr<CircuitBreaker>> breakers;
};

} // namespace adit
