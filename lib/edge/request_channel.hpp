// One request of a visitor and the way back to him, whatever version of HTTP he speaks. HttpExchange is written on it.
#pragma once

#include <adit/asio.hpp>

#include "base/bytes.hpp"
#include "edge/access_line.hpp"
#include "http/header_rules.hpp"
#include "http/message.hpp"
#include "net/stream.hpp"

#include <cstdint>
#include <memory>

namespace adit::inline v0::edge {

/// What is there of a request's body.
class BodyPiece {
public:
    BodyPiece() = default;
    Bytes bytes;           ///< good until the next call
    bool complete = false; ///< the request ended; `bytes` is empty
    HttpError error;       ///< set: what came is no acceptable request
};

enum class BodyWait : std::uint8_t {
    more,     ///< ask next_body() again
    too_slow, ///< it did not come in time
    gone,     ///< the visitor left
    over,     ///< the exchange ended meanwhile
};

/// All calls on the visitor's shard. What is put is written in order; put_head() and put_end() only collect, flush() and
/// put_body() wait until the visitor took what was collected. False: he is gone, and HttpExchange::visitor_gone() was called.
class RequestChannel {
public:
    explicit RequestChannel(const EdgeContext& context) noexcept : access(context) {}
    RequestChannel(const RequestChannel&) = delete;
    RequestChannel& operator=(const RequestChannel&) = delete;
    virtual ~RequestChannel() = default;

    /// What keeps this object alive.
    virtual std::shared_ptr<void> owner() = 0;

    // The request.
    virtual Head& head() noexcept = 0;
    /// As it came.
    virtual std::uint64_t head_bytes() const noexcept = 0;
    /// Once it is complete.
    virtual const Fields& trailers() const noexcept = 0;
    /// The next piece that came already; nothing in it: wait. The piece before counts as taken.
    virtual BodyPiece next_body() = 0;
    /// `asked`: the visitor waits for the application's 100 Continue, so the time is not his.
    virtual asio::awaitable<BodyWait> wait_body(bool asked) = 0;
    /// Returns when the exchange ended or became a tunnel; sees it when the visitor leaves before.
    virtual asio::awaitable<void> watch() = 0;

    // The answer.
    /// False: it cannot be written.
    virtual bool put_head(const Head& head, const ResponsePlan& plan) = 0;
    virtual asio::awaitable<bool> put_body(Bytes bytes) = 0;
    virtual void put_end(const Fields& trailers) = 0;
    virtual asio::awaitable<bool> flush() = 0;
    /// A put_body() or flush() waits for the visitor.
    virtual bool writing() const noexcept = 0;
    /// The answer was written to its end. Not `keep`: it is the last one. `request_done`: nothing of the request is to come.
    virtual asio::awaitable<void> answered(bool keep, bool request_done) = 0;
    /// The exchange ended, answered or not; its access line is written.
    virtual void exchange_ended() = 0;
    /// It cannot be answered (any more): the visitor shall see that something broke.
    virtual void break_off() noexcept = 0;
    /// A slow visitor's time is up, if he is that still: his wait_body() gives too_slow, or he is gone.
    virtual void hurry() noexcept = 0;

    // After an answer whose plan says `tunnel`.
    /// What the visitor sent behind his request.
    virtual ByteQueue take_early_bytes() = 0;
    virtual std::shared_ptr<net::Stream> tunnel_stream() = 0;

    AccessLine access;
};

} // namespace adit
