// The real edge, without threads of its own: gateway and ingresses on the io_context of the simulation.
#pragma once

#include "edge/context.hpp"
#include "edge/gateway.hpp"
#include "edge/ingress.hpp"

#include "support/cut_proxy.hpp"

#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>

namespace adit::sim {

/// Counts what is held.
class CountingRegistry final : public edge::Registry {
public:
    void claim(const edge::Claim& claim, std::function<void(ErrorInfo, edge::Lease)> done) override;
    void renew(const edge::Claim& claim, std::uint64_t epoch, std::function<void(ErrorInfo, edge::Lease)> done) override;
    void release(const edge::Claim& claim, std::uint64_t epoch) override;
    std::size_t held() const { return held_.size(); }

private:
    const std::shared_ptr<edge::Registry> real_ = edge::Registry::in_memory();
    std::set<std::pair<std::string, std::uint64_t>> held_; // key and epoch
};

/// Made once, used by all seeds: what one leaves behind the next one finds.
class SimEdge {
public:
    /// Times of the product, in their ratio, so much shorter.
    static constexpr std::chrono::milliseconds beat{20}, beat_tolerance{40};

    /// `job`: edges of several processes have different ports for tcp endpoints.
    SimEdge(asio::io_context& io, unsigned time_scale, unsigned job);
    SimEdge(const SimEdge&) = delete;
    SimEdge& operator=(const SimEdge&) = delete;
    ~SimEdge();

    edge::EdgeContext& context() noexcept { return context_; }
    const std::string& ca_pem() const noexcept { return ca_pem_; }
    std::uint16_t http_port() const noexcept { return http_->port(); }
    adit_test::CutProxy& way(std::size_t i) noexcept { return i == 0 ? *first_ : *second_; }
    std::string address(std::size_t i) { return "127.0.0.1:" + std::to_string(way(i).port()); }
    std::uint16_t upstream_port() const noexcept { return upstream_.local_endpoint().port(); }

    /// Every agent's link ends without a word and nobody listens, until revive().
    void kill();
    void revive();
    bool is_down() const noexcept { return gateway_ == nullptr; }
    /// GOAWAY to all agents.
    void say_goodbye() { if (gateway_) gateway_->close_sessions(); }
    /// The operator disconnects the n-th session.
    void disconnect(std::size_t n);
    /// The operator stops the n-th endpoint; gives its URL.
    std::string stop_endpoint(std::size_t n);

    /// "" if no agent, endpoint, claim or visitor is left; else what is.
    std::string rest() const;

private:
    void accept_upstream();

    edge::EdgeContext context_;
    asio::io_context& io_;
    std::string ca_pem_;
    std::shared_ptr<CountingRegistry> registry_ = std::make_shared<CountingRegistry>();
    std::uint16_t agent_port_ = 0;
    std::shared_ptr<edge::Gateway> gateway_;
    std::shared_ptr<edge::Ingress> http_;
    std::unique_ptr<adit_test::CutProxy> first_, second_;
    asio::ip::tcp::acceptor upstream_;
    std::size_t upstreams_ = 0;
    std::size_t idle_tasks_ = 0;
};

} // namespace adit::sim
