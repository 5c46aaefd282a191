// A stream of an agent that serves the requests of one visitor's connection, one after the other.
#pragma once

#include <adit/asio.hpp>

#include "edge/body_budget.hpp"
#include "edge/endpoint.hpp"
#include "edge/idle_streams.hpp"
#include "edge/visitor_timeouts.hpp"
#include "http/header_rules.hpp"
#include "http/parser.hpp"
#include "net/stream.hpp"

#include <chrono>
#include <memory>

namespace adit::inline v0::edge {

class AgentSession;
class AgentStream;
class HttpExchange;
class HttpVisitor;

/// Its life; Http1Leg and Http2Leg know how requests and answers look. Confined to the visitor's shard, but for give_up() and
/// the destructor.
class AgentLeg : public IdleStream {
public:
    /// One that has no stream yet, for what the endpoint's application speaks.
    static std::shared_ptr<AgentLeg> make(HttpVisitor& visitor, const EndpointRecord& endpoint);
    ~AgentLeg() override;

    /// Takes a stream, also in the place of one that ended. It was opened with the first `sent` bytes of output().
    virtual void open(HttpVisitor& visitor, AgentStream opened, std::size_t sent);
    /// Reads answers and hands them to the exchange in progress, until the stream ends or is given up.
    static asio::awaitable<void> read(std::shared_ptr<HttpVisitor> visitor, std::shared_ptr<AgentLeg> leg);
    void give_up() noexcept override;

    // For HttpVisitor and HttpExchange.
    void begin(std::shared_ptr<HttpExchange> user) noexcept;
    void begin_idle();
    /// The visitor of the exchange in progress keeps it waiting, or does no more.
    void set_slow(bool slow);
    /// Ends the stream: with FIN, or a reset if something broke.
    void drop(bool orderly) noexcept;
    bool dropped() const noexcept { return dropped_; }

    // The request. What is put waits for flush(), or for open().
    /// An error: it cannot be sent, and why.
    virtual HttpError put_head(const Head& head, const RequestFacts& facts) = 0;
    /// Another piece of the body may be put.
    virtual bool takes_body() const noexcept = 0;
    virtual void put_body(Bytes bytes) = 0;
    virtual void put_end(const Fields& trailers) = 0;
    /// What a stream is to be opened with. Not after open().
    virtual Bytes output() = 0;
    /// Bytes that flush() waits to get rid of.
    virtual std::size_t backlog() const noexcept = 0;
    /// False: the stream takes no more. AgentLeg::read() sees why.
    virtual asio::awaitable<bool> flush() = 0;
    /// As put_body(), and waits until there is room for another piece.
    virtual asio::awaitable<bool> write_body(Bytes bytes) = 0;
    /// For another stream, everything from put_head() on comes again.
    virtual void restart() = 0;

    // The answer, as ResponseParser says it.
    virtual ParseResult parse(Bytes input) = 0;
    virtual ParseResult finish() = 0;
    virtual Head& head() noexcept = 0;
    virtual const Fields& trailers() const noexcept = 0;
    /// The application began to answer.
    virtual bool heard() const noexcept = 0;
    /// The application said that it did not look at the request.
    virtual bool refused() const noexcept { return false; }
    /// What is wrong with what it says, if the stream was given up for that.
    virtual std::string_view why() const noexcept { return {}; }
    /// After the end of an answer: the stream can serve another request.
    virtual bool reusable() const noexcept = 0;

    /// Bytes both ways, after the state `upgrade`.
    virtual std::shared_ptr<net::Stream> tunnel() = 0;

    std::shared_ptr<net::Stream> stream;
    std::shared_ptr<AgentSession> session;
    EndpointPtr endpoint;
    std::chrono::steady_clock::time_point idle_since{};
    BodyHold held; // for a body that was put as a whole
    bool used = false;       // it answered a request before this one
    bool keep_alive = false; // the last answer allows another request

protected:
    explicit AgentLeg(HttpVisitor& visitor);

    /// Brings the agent's direction of a tunnel until it ends.
    virtual asio::awaitable<void> run_tunnel(std::shared_ptr<HttpVisitor> visitor, std::shared_ptr<HttpExchange> exchange) = 0;
    /// What comes while no request is under way. False: the stream is of no use any more.
    virtual bool take_idle(Bytes input) = 0;
    virtual void release_memory() noexcept = 0;
    virtual void on_drop() noexcept {}

private:
    const std::weak_ptr<HttpVisitor> visitor_;
    const asio::any_io_executor executor_; // of the visitor
    std::shared_ptr<HttpExchange> exchange_; // null while idle
    Timeout idle_time_;
    bool slow_ = false;
    bool dropped_ = false;
};

using LegPtr = std::shared_ptr<AgentLeg>;

} // namespace adit
