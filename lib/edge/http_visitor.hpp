// A visitor's connection that speaks HTTP, of any version: the streams of agents that serve it, and who may end it.
#pragma once

#include <adit/asio.hpp>

#include "edge/agent_leg.hpp"
#include "edge/visitor_facts.hpp"
#include "edge/visitor_set.hpp"
#include "edge/visitor_signal.hpp"
#include "policy/run.hpp"

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace adit::inline v0::edge {

/// A policy at work on a connection, and what its connect phase decided.
class PolicyVisit {
public:
    PolicyVisit() = default;
    void decided(policy::Outcome outcome);
    std::shared_ptr<policy::Visit> visit;
    policy::Outcome::Kind kind = policy::Outcome::Kind::go_on;
    std::string url;           ///< forward
    bool may_continue = false; ///< forward
    std::string error;         ///< Outcome::error
    bool told = false;         ///< in an access record
};

class HttpVisitor : public std::enable_shared_from_this<HttpVisitor> {
public:
    HttpVisitor(const HttpVisitor&) = delete;
    HttpVisitor& operator=(const HttpVisitor&) = delete;
    virtual ~HttpVisitor();

    /// Serves the connection to its end; returns when nothing of it runs any more.
    virtual asio::awaitable<void> run() = 0;
    /// The answers from now on are the last; an idle connection is closed if no request comes soon.
    virtual void drain() = 0;
    virtual void abort() noexcept = 0;

    VisitorSet& set() const noexcept { return *set_; }
    EdgeContext& context() const noexcept { return set_->context; }
    const VisitorFacts& facts() const noexcept { return facts_; }
    bool draining() const noexcept { return draining_; }

    /// A kept stream for a request to this endpoint; null if there is none. What cannot be sent again does not get one that
    /// may be ending at the application's side right now.
    LegPtr take_leg(const EndpointRecord& endpoint, bool replayable);
    /// For the next request.
    void keep_leg(LegPtr leg);
    /// A kept one.
    void drop_leg(AgentLeg& leg) noexcept;
    /// The policy of an endpoint that has one, at work on this connection; its connect phase was run, and goes on if it
    /// forwards to nobody and may.
    PolicyVisit& visit(const EndpointRecord& endpoint);
    /// Runs a coroutine of this connection beside run(). What it throws (no memory, for instance) ends the connection.
    void start(asio::awaitable<void> coroutine);

protected:
    /// At most `kept_max` streams are kept for the next request.
    HttpVisitor(std::shared_ptr<VisitorSet> set, VisitorFacts facts, std::size_t kept_max);

    void drop_legs() noexcept;
    /// Until everything that start() began has ended.
    asio::awaitable<void> ended();

    bool draining_;

private:
    PolicyVisit& known_visit(const EndpointRecord& endpoint);

    const std::shared_ptr<VisitorSet> set_;
    const VisitorFacts facts_;
    const std::size_t kept_max_;
    std::vector<LegPtr> kept_; // the one that waits longest first
    std::vector<PolicyVisit> visits_; // at most limits::policy_hops
    std::size_t running_ = 0;
    VisitorSignal ended_;
};

} // namespace adit
