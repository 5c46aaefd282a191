// One request on a visitor's HTTP/2 connection.
#pragma once

#include <adit/asio.hpp>

#include "edge/http2_tunnel.hpp"
#include "edge/http_exchange.hpp"
#include "edge/request_channel.hpp"
#include "edge/visitor_progress.hpp"
#include "http2/session.hpp"

#include <memory>

namespace adit::inline v0::edge {

class Http2Visitor;

class Http2Request final : public RequestChannel,
                           public Http2TunnelEnd,
                           public std::enable_shared_from_this<Http2Request> {
public:
    /// `ended`: there is no body. The visitor outlives the request.
    Http2Request(Http2Visitor& visitor, http2::StreamId id, Head& head, bool ended);
    ~Http2Request() override;

    HttpExchange& exchange() noexcept { return exchange_; }
    http2::StreamId id() const noexcept { return id_; }

    // What the session says.
    void body(Bytes bytes);
    void end(Fields& fields);
    void writable() { writable_.notify(); }
    void sent();
    /// The visitor takes it back, or the connection ended.
    void gone();

    /// Returns when all of the answer left, or nothing can any more.
    asio::awaitable<void> all_sent();

    // RequestChannel
    std::shared_ptr<void> owner() override { return shared_from_this(); }
    Head& head() noexcept override { return head_; }
    std::uint64_t head_bytes() const noexcept override { return head_bytes_; }
    const Fields& trailers() const noexcept override { return trailers_; }
    BodyPiece next_body() override;
    asio::awaitable<BodyWait> wait_body(bool asked) override;
    asio::awaitable<void> watch() override;
    bool put_head(const Head& head, const ResponsePlan& plan) override;
    asio::awaitable<bool> put_body(Bytes bytes) override;
    void put_end(const Fields& trailers) override;
    asio::awaitable<bool> flush() override;
    bool writing() const noexcept override { return writing_; }
    asio::awaitable<void> answered(bool keep, bool request_done) override;
    void exchange_ended() override { arrived_.notify(); } // serve() may wait for more of the body
    void break_off() noexcept override;
    void hurry() noexcept override;
    ByteQueue take_early_bytes() override { return ByteQueue(); }
    std::shared_ptr<net::Stream> tunnel_stream() override;

    // Http2TunnelEnd
    asio::any_io_executor tunnel_executor() override;
    asio::awaitable<bool> wait_incoming(bool& cut) override;
    ByteQueue& incoming() noexcept override { return body_; }
    void consumed(std::size_t n) override;
    asio::awaitable<bool> put(Bytes bytes) override;
    void put_last() override;
    asio::awaitable<void> all_put() override { co_return; } // all_sent() comes behind the exchange
    void give_up_tunnel() noexcept override { break_off(); }

private:
    Bytes put_now(Bytes bytes);
    asio::awaitable<bool> wait_writable();
    bool still_there() noexcept;
    void end_slow_body();
    void watch_pace();
    void on_look();
    std::uint64_t bytes_taken() const noexcept;

    Http2Visitor& visitor_;
    const http2::StreamId id_;
    Head head_;
    std::uint64_t head_bytes_ = 0;
    ByteQueue body_;         // bounded by the stream's window
    ByteQueue piece_;        // of it, that next_body() gave
    Fields trailers_;
    VisitorSignal arrived_;  // of the body
    VisitorSignal writable_;
    HttpExchange exchange_;
    Timeout asked_time_; // for a body that the application has to ask for
    Timeout look_time_;  // at `up_` and `down_`
    VisitorPace up_;     // of the request's body
    VisitorPace down_;   // of the answer
    std::uint64_t put_bytes_ = 0; // of it, that the session took
    bool reading_ = false; // wait_body() waits for the visitor
    bool ending_ = false;  // all of the answer was put
    bool ended_ = false;     // the request is complete
    bool gone_ = false;
    bool too_slow_ = false;
    bool writing_ = false;
    bool no_body_ = false;   // of the answer
    bool sent_ = false;      // all of it left
};

} // namespace adit
