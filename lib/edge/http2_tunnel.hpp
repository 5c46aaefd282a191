// The two bodies of an HTTP/2 stream as a stream of bytes: what follows an extended CONNECT (RFC 8441).
#pragma once

#include <adit/asio.hpp>

#include "base/bytes.hpp"
#include "edge/visitor_signal.hpp"
#include "net/stream.hpp"

#include <cstddef>
#include <memory>
#include <utility>

namespace adit::inline v0::edge {

/// Who has the HTTP/2 stream.
class Http2TunnelEnd {
public:
    Http2TunnelEnd() = default;
    Http2TunnelEnd(const Http2TunnelEnd&) = delete;
    Http2TunnelEnd& operator=(const Http2TunnelEnd&) = delete;

    virtual asio::any_io_executor tunnel_executor() = 0;
    /// False: nothing more comes; `cut` says that it did not end in order.
    virtual asio::awaitable<bool> wait_incoming(bool& cut) = 0;
    /// What came. Bounded by the stream's window, which is opened again by consumed().
    virtual ByteQueue& incoming() noexcept = 0;
    virtual void consumed(std::size_t n) = 0;
    /// Waits until the session took all of it; false: it cannot any more.
    virtual asio::awaitable<bool> put(Bytes bytes) = 0;
    virtual void put_last() = 0;
    /// Returns when everything up to put_last() left, or cannot any more.
    virtual asio::awaitable<void> all_put() = 0;
    virtual void give_up_tunnel() noexcept = 0;

protected:
    ~Http2TunnelEnd() = default;
};

class Http2Tunnel final : public net::Stream {
public:
    explicit Http2Tunnel(std::shared_ptr<Http2TunnelEnd> end) : end_(std::move(end)) {}

    asio::any_io_executor executor() override { return end_->tunnel_executor(); }
    asio::awaitable<net::IoResult> wait_readable() override;
    asio::awaitable<net::IoResult> read_some(MutableBytes buffer) override;
    asio::awaitable<net::IoResult> write(Bytes first, Bytes second) override;
    asio::awaitable<net::IoResult> shutdown_write() override;
    void abort() noexcept override { end_->give_up_tunnel(); }
    void close() noexcept override { end_->put_last(); }

private:
    const std::shared_ptr<Http2TunnelEnd> end_;
};

} // namespace adit
