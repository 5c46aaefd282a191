// A visitor's connection that speaks HTTP/1: requests in their order, with requests ahead of their time left in the buffer.
#pragma once

#include <adit/asio.hpp>

#include "edge/http_exchange.hpp"
#include "edge/http_visitor.hpp"
#include "edge/request_channel.hpp"
#include "edge/visitor_progress.hpp"
#include "http/parser.hpp"
#include "net/socket.hpp"
#include "net/stream.hpp"

#include <cstdint>
#include <memory>

namespace adit::inline v0::edge {

class Http1Visitor final : public HttpVisitor, private RequestChannel {
public:
    /// `socket` is the one inside of `stream`.
    Http1Visitor(std::shared_ptr<VisitorSet> set, std::shared_ptr<net::Stream> stream, net::Tcp::socket& socket,
                 VisitorFacts facts);
    ~Http1Visitor() override;

    asio::awaitable<void> run() override;
    void drain() override;
    void abort() noexcept override;

private:
    /// What run() waits for at the visitor, which says what is done when the time for it is up.
    enum class Wait : std::uint8_t { none, request, head, body, answer, end };

    // RequestChannel
    std::shared_ptr<void> owner() override { return shared_from_this(); }
    Head& head() noexcept override { return parser_.head(); }
    std::uint64_t head_bytes() const noexcept override { return head_bytes_; }
    const Fields& trailers() const noexcept override { return parser_.trailers(); }
    BodyPiece next_body() override;
    asio::awaitable<BodyWait> wait_body(bool asked) override;
    asio::awaitable<void> watch() override;
    bool put_head(const Head& head, const ResponsePlan& plan) override;
    asio::awaitable<bool> put_body(Bytes bytes) override;
    void put_end(const Fields& trailers) override;
    asio::awaitable<bool> flush() override;
    bool writing() const noexcept override { return writing_; }
    asio::awaitable<void> answered(bool keep, bool request_done) override;
    void exchange_ended() override;
    void break_off() noexcept override;
    void hurry() noexcept override;
    ByteQueue take_early_bytes() override;
    std::shared_ptr<net::Stream> tunnel_stream() override { return stream_; }

    // http1_visitor.cpp
    asio::awaitable<bool> read_head();
    asio::awaitable<bool> await_request();
    asio::awaitable<bool> write(Bytes first, Bytes second);
    asio::awaitable<void> discard_request();
    void begin_idle();

    // http1_visitor_time.cpp
    void wait_at_most(TimeoutKind kind, Wait what);
    void wait_over() noexcept;
    void on_wait_time();
    void begin_wait(Wait what);
    void watch_pace();
    void on_look();
    void end_slow_body() noexcept;
    std::uint64_t bytes_taken() noexcept;
    void interrupt() noexcept;

    const std::shared_ptr<net::Stream> stream_;
    net::Tcp::socket& socket_; // to interrupt a wait, and to see progress

    RequestParser parser_;
    ByteQueue in_;         // not parsed yet; at most one read
    ByteQueue out_;        // head and framing of the answer
    VisitorBuffer body_;   // held while a body streams
    Bytes body_unread_;    // in `body_`, not parsed yet
    std::size_t body_read_ = 0; // at the last time
    std::size_t taken_ = 0; // of in_, by the piece that next_body() gave
    Framing framing_ = Framing::none; // of the answer
    HttpExchange exchange_;

    Timeout wait_time_; // what run() waits for
    Timeout look_time_; // at `up_` and `down_`
    VisitorPace up_;    // of the request's body
    VisitorPace down_;  // of what is written
    std::uint64_t head_bytes_ = 0;
    Wait wait_ = Wait::none;
    bool interrupted_ = false; // the time for wait_ is up, or the edge drains
    bool watching_ = false;    // run() waits for the visitor while an answer is under way
    bool readable_ = false;    // the visitor sent something that was not read yet
    bool writing_ = false;     // and he has to take it
    bool closing_ = false;     // nothing more is read as a request
    bool discard_ = false;     // an answer overtook its request: read and forget the rest of it
};

} // namespace adit
