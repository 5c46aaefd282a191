// A stream of an agent that serves the requests of one visitor's connection, one after the other.
#pragma once

#include <adit/asio.hpp>

#include "edge/endpoint.hpp"
#include "edge/idle_streams.hpp"
#include "edge/visitor_timeouts.hpp"
#include "http/parser.hpp"
#include "net/stream.hpp"

#include <chrono>
#include <memory>

namespace adit::inline v0::edge {

class AgentSession;
class AgentStream;
class HttpExchange;
class HttpVisitor;

/// Confined to the visitor's shard, but for give_up() and the destructor.
class AgentLeg final : public IdleStream {
public:
    AgentLeg(HttpVisitor& visitor, AgentStream opened);
    ~AgentLeg() override;

    /// Takes another stream in the place of the one that ended.
    void renew(AgentStream opened);
    /// Reads answers and hands them to the exchange in progress, until the stream ends or is given up.
    static asio::awaitable<void> read(std::shared_ptr<HttpVisitor> visitor, std::shared_ptr<AgentLeg> leg);
    void give_up() noexcept override;

    // For HttpVisitor and HttpExchange.
    void begin(std::shared_ptr<HttpExchange> user) noexcept;
    void begin_idle();
    /// Ends the stream: with FIN, or a reset if something broke.
    void drop(bool orderly) noexcept;
    bool dropped() const noexcept { return dropped_; }

    std::shared_ptr<net::Stream> stream;
    std::shared_ptr<AgentSession> session;
    EndpointPtr endpoint;
    ResponseParser parser;
    std::chrono::steady_clock::time_point idle_since{};
    bool used = false;       // it answered a request before this one
    bool keep_alive = false; // the last answer allows another request

private:
    const std::weak_ptr<HttpVisitor> visitor_;
    const asio::any_io_executor executor_; // of the visitor
    std::shared_ptr<HttpExchange> exchange_; // null while idle
    Timeout idle_time_;
    bool dropped_ = false;
};

using LegPtr = std::shared_ptr<AgentLeg>;

} // namespace adit
