// An edge on loopback for scripted agents.
#pragma once

#include <adit/edge.hpp>

#include "support/doctest.hpp"
#include "support/raw_agent.hpp"
#include "support/visitor.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace adit_test {

/// What the edge told its operator.
class LogBook {
public:
    void add(std::string_view line);
    /// Waits for the n-th line that contains `text`, counted from the start.
    void wait_for(std::string_view text, std::size_t times = 1);
    std::size_t count(std::string_view text);

private:
    std::size_t count_locked(std::string_view text) const;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> lines_;
};

/// Credentials "cr_a" (token "token-a") and "cr_b" (token "token-b"), base domain "localhost".
class AgentEdge {
public:
    using Change = std::function<void(adit::edge::ServerOptions&)>;
    explicit AgentEdge(const Change& change = {});

    std::unique_ptr<RawAgent> connect() { return std::make_unique<RawAgent>(server.agent_port(), server.ca_pem()); }
    /// Connected and authenticated.
    std::unique_ptr<RawAgent> login(std::string_view token = "token-a");
    /// A TLS connection to the agents' port that speaks nothing yet.
    NetVisitor tls_to_agents() { return NetVisitor::tls(server.agent_port(), TlsOptions("127.0.0.1", server.ca_pem())); }
    /// "https://name.localhost" with the port that visitors type.
    std::string https_url(std::string_view name) const;
    std::vector<std::string> urls() const;

    std::shared_ptr<LogBook> log = std::make_shared<LogBook>(); // outlives the server
    adit::edge::Server server;
};

/// Polls without sleeping until it holds; fails the test after 20 s.
void eventually(const std::function<bool()>& condition);

/// The port of "tcp://localhost:22000".
std::uint16_t port_of(std::string_view url);

} // namespace adit_test
