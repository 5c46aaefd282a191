// An agent's stream whose application speaks HTTP/1.1.
#pragma once

#include "edge/agent_leg.hpp"

namespace adit::inline v0::edge {

class Http1Leg final : public AgentLeg {
public:
    explicit Http1Leg(HttpVisitor& visitor);
    void open(HttpVisitor& visitor, AgentStream opened, std::size_t sent) override;

    HttpError put_head(const Head& head, const RequestFacts& facts) override;
    bool takes_body() const noexcept override { return out_.size() < out_max_; }
    void put_body(Bytes bytes) override;
    void put_end(const Fields& trailers) override;
    Bytes output() override { return out_.view(); }
    std::size_t backlog() const noexcept override { return out_.size(); }
    asio::awaitable<bool> flush() override;
    asio::awaitable<bool> write_body(Bytes bytes) override;
    void restart() override;

    ParseResult parse(Bytes input) override { return parser_.parse(input); }
    ParseResult finish() override { return parser_.finish(); }
    Head& head() noexcept override { return parser_.head(); }
    const Fields& trailers() const noexcept override { return parser_.trailers(); }
    bool heard() const noexcept override { return true; }
    bool reusable() const noexcept override { return true; }
    std::shared_ptr<net::Stream> tunnel() override { return stream; }

private:
    asio::awaitable<void> run_tunnel(std::shared_ptr<HttpVisitor> visitor, std::shared_ptr<HttpExchange> exchange) override;
    bool take_idle(Bytes) override { return false; }
    void release_memory() noexcept override;

    ResponseParser parser_;
    ByteQueue out_; // head and framing
    std::size_t out_max_ = 0;
    bool chunked_ = false;
};

} // namespace adit
