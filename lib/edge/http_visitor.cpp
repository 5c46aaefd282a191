#include "edge/http_visitor.hpp"

#include "edge/agent_session.hpp"
#include "edge/context.hpp"
#include "edge/policy_facts.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::edge {
namespace {

using Clock = std::chrono::steady_clock;

/// A stream that was idle for longer may be ending at the application's side right now (5 s is a common keep-alive time).
constexpr auto reuse_unsafe_time = std::chrono::seconds(1);

} // namespace

HttpVisitor::HttpVisitor(std::shared_ptr<VisitorSet> set, VisitorFacts facts, std::size_t kept_max)
    : draining_(set->context.draining.load()), set_(std::move(set)), facts_(std::move(facts)), kept_max_(kept_max) {}

HttpVisitor::~HttpVisitor() = default;

LegPtr HttpVisitor::take_leg(const EndpointRecord& endpoint, bool replayable) {
    for (std::size_t i = kept_.size(); i-- > 0;) {
        const LegPtr leg = kept_[i];
        // The members of a pool take turns, request by request; the legs of one agent are one member.
        if (leg->endpoint.get() != &endpoint && leg->endpoint->id != endpoint.id) continue;
        if (leg->endpoint->app_protocol != endpoint.app_protocol) continue; // bound anew
        kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
        const bool fresh = replayable || Clock::now() - leg->idle_since < reuse_unsafe_time;
        if (fresh && leg->endpoint->online && leg->reusable()) return leg;
        leg->drop(true);
    }
    return nullptr;
}

void PolicyVisit::decided(policy::Outcome outcome) {
    kind = outcome.kind;
    url = std::move(outcome.url);
    may_continue = outcome.may_continue;
    error = std::move(outcome.error);
    told = false;
}

PolicyVisit& HttpVisitor::visit(const EndpointRecord& endpoint) {
    PolicyVisit& found = known_visit(endpoint);
    while (found.kind == policy::Outcome::Kind::forward && found.may_continue && !context().find_internal(endpoint, found.url))
        found.decided(found.visit->forward_failed(3200, "no endpoint is online at this URL", policy_now()));
    return found;
}

PolicyVisit& HttpVisitor::known_visit(const EndpointRecord& endpoint) {
    const auto same = [&](const PolicyVisit& each) { return each.visit->state() == endpoint.policy->state(); };
    if (const auto found = std::ranges::find_if(visits_, same); found != visits_.end()) return *found;
    PolicyVisit fresh;
    fresh.visit = std::make_shared<policy::Visit>(endpoint.policy->state(), policy_facts(context(), facts_, endpoint));
    if (fresh.visit->policy().has(policy::Phase::tcp_connect)) fresh.decided(fresh.visit->on_tcp_connect(policy_now()));
    if (visits_.size() >= limits::policy_hops) visits_.erase(visits_.begin());
    return visits_.emplace_back(std::move(fresh));
}

void HttpVisitor::keep_leg(LegPtr leg) {
    if (kept_.size() >= kept_max_) drop_leg(*kept_.front());
    kept_.push_back(leg);
    leg->begin_idle();
}

void HttpVisitor::drop_leg(AgentLeg& leg) noexcept {
    const auto found = std::ranges::find(kept_, &leg, &LegPtr::get);
    if (found == kept_.end()) return;
    const LegPtr held = std::move(*found);
    kept_.erase(found);
    held->drop(true);
}

void HttpVisitor::drop_legs() noexcept {
    while (!kept_.empty()) drop_leg(*kept_.back());
}

void HttpVisitor::start(asio::awaitable<void> coroutine) {
    ++running_;
    asio::co_spawn(set_->executor, std::move(coroutine), [self = shared_from_this()](const std::exception_ptr& error) {
        --self->running_;
        if (error) self->abort();
        self->ended_.notify();
    });
}

asio::awaitable<void> HttpVisitor::ended() {
    const std::shared_ptr<HttpVisitor> self = shared_from_this();
    while (running_ != 0) co_await ended_.wait();
}

} // namespace adit
