// A visitor's connection that speaks HTTP/2: each request is an Http2Request, an exchange of its own.
#pragma once

#include <adit/asio.hpp>

#include "edge/http2_request.hpp"
#include "edge/http_visitor.hpp"
#include "edge/visitor_progress.hpp"
#include "http2/server_session.hpp"
#include "net/socket.hpp"
#include "net/stream.hpp"

#include <cstdint>
#include <memory>
#include <unordered_map>

namespace adit::inline v0::edge {

class Http2Visitor final : public HttpVisitor, private http2::ServerHandler {
public:
    /// `socket` is the one inside of `stream`.
    Http2Visitor(std::shared_ptr<VisitorSet> set, std::shared_ptr<net::Stream> stream, net::Tcp::socket& socket,
                 VisitorFacts facts);
    ~Http2Visitor() override;

    asio::awaitable<void> run() override;
    void drain() override;
    void abort() noexcept override;

    // For Http2Request.
    http2::ServerSession& session() noexcept { return session_; }
    /// The session has something to send.
    void wake_writer();

private:
    // http2::ServerHandler
    void on_request(http2::StreamId id, Head& head, const http2::RequestInfo& info) override;
    void on_body(http2::StreamId id, Bytes bytes) override;
    void on_end(http2::StreamId id, Fields& trailers) override;
    void on_reset(http2::StreamId id, http2::ErrorCode code) override;
    void on_writable(http2::StreamId id) override;
    void on_sent(http2::StreamId id) override;

    static asio::awaitable<void> serve(std::shared_ptr<Http2Visitor> self, std::shared_ptr<Http2Request> request);
    static asio::awaitable<void> write(std::shared_ptr<Http2Visitor> self);
    void end_requests();
    asio::awaitable<bool> read();
    Http2Request* find(http2::StreamId id);
    void begin_idle();
    void on_idle_time();
    void on_head_time();
    void watch_head();
    void on_look();
    void close() noexcept;

    const std::shared_ptr<net::Stream> stream_;
    net::Tcp::socket& socket_; // to interrupt a wait, and to see progress
    http2::ServerSession session_;
    std::unordered_map<http2::StreamId, std::shared_ptr<Http2Request>> requests_;
    VisitorBuffer in_;
    VisitorSignal write_; // wakes write()
    Timeout idle_time_;
    Timeout head_time_;
    std::uint64_t head_ = 0; // what it runs for, see Session::unfinished()
    Timeout look_time_; // at `pace_`
    VisitorPace pace_;  // of what is written
    bool writing_ = false;
    bool closing_ = false;
};

} // namespace adit
