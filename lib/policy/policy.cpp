#include "policy/policy.hpp"

#include "policy/compile.hpp"

#include <utility>

namespace adit::inline v0::policy {

std::string_view to_string(Phase phase) noexcept {
    switch (phase) {
    case Phase::tcp_connect: return "on_tcp_connect";
    case Phase::http_request: return "on_http_request";
    case Phase::http_response: return "on_http_response";
    }
    return "";
}

Result<std::shared_ptr<const Policy>> Policy::compile(std::string_view text, const CompileOptions& options) {
    auto root = read_document(text);
    if (!root) return root.error();
    auto program = std::make_unique<Program>();
    Compile compile(options, *program);
    compile_document(compile, *root);
    finish_document(compile);
    if (compile.failed()) return *compile.error;
    return std::make_shared<const Policy>(std::move(program));
}

Policy::Policy(std::unique_ptr<const Program> program) noexcept : program_(std::move(program)) {}
Policy::~Policy() = default;

bool Policy::has(Phase phase) const noexcept {
    return !program_->rules(phase).empty() || (phase == Phase::http_response && !program_->breakers.empty());
}
const TlsTermination* Policy::tls() const noexcept { return program_->tls ? &*program_->tls : nullptr; }
bool Policy::may_need_body() const noexcept { return program_->needs_body; }
bool Policy::reads_client_certificate() const noexcept { return program_->reads_client_certificate; }
bool Policy::reads_server_certificate() const noexcept { return program_->reads_server_certificate; }

State::State(std::shared_ptr<const Policy> policy) : policy_(std::move(policy)), native_(std::make_unique<Native>()) {
    const Program& program = policy_->program();
    // The settings were tried when the policy was compiled.
    for (const RateLimitSettings& each : program.rate_limits)
        native_->limiters.push_back(std::move(*RateLimiter::create(each.capacity, each.rate)));
    for (const CircuitBreakerSettings& each : program.breakers)
        native_->breakers.push_back(std::move(*CircuitBreaker::create(each)));
}
State::~State() = default;

} // namespace adit
