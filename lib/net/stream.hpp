// The byte stream that the edge and the forwarders are written on: TCP, TLS over TCP, or a muxado stream.
#pragma once

#include <adit/asio.hpp>
#include <adit/config.hpp>
#include <adit/error.hpp>
#include <adit/limits.hpp>

#include "base/bytes.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace adit::inline v0::net {

/// What one I/O step gave. A light Result for the hot path; the end of the stream is the code asio::error::eof.
class IoResult {
public:
    IoResult() = default;
    explicit IoResult(std::size_t n) : size_(n) {}
    explicit IoResult(std::error_code code) : code_(code) {}

    bool ok() const noexcept { return !code_; }
    bool eof() const noexcept { return code_ == asio::error::eof; }
    std::size_t size() const noexcept { return size_; }
    const std::error_code& code() const noexcept { return code_; }

private:
    std::error_code code_;
    std::size_t size_ = 0;
};

/// One reader and one writer at a time, all calls on executor()'s thread (a MuxStream also from any other thread).
/// A coroutine that waits in a stream must hold a shared_ptr to it.
class ADIT_INTERNAL Stream {
public:
    Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    virtual ~Stream();

    virtual asio::any_io_executor executor() = 0;
    /// Completes when read_some would not wait; holds no buffer meanwhile, so that idle connections cost little.
    virtual asio::awaitable<IoResult> wait_readable() = 0;
    /// Reads at least one byte, or gives eof.
    virtual asio::awaitable<IoResult> read_some(MutableBytes buffer) = 0;
    /// Writes all of both; they leave together. Returns when the stream took them (its buffers are bounded).
    virtual asio::awaitable<IoResult> write(Bytes first, Bytes second = {}) = 0;
    /// Orderly end of what we send: FIN, after what was written. The other direction stays open.
    virtual asio::awaitable<IoResult> shutdown_write() = 0;
    /// False once it is known that the peer reads no more.
    virtual bool is_write_open() const noexcept { return true; }
    /// Gives the connection up: outstanding operations complete with an error, the peer sees a reset where there is one.
    virtual void abort() noexcept = 0;
    /// Orderly end of both directions, in the background where it takes time.
    virtual void close() noexcept = 0;
};

/// Copies `from` to `to` until its end, then ends the sending side of `to`. `bytes` counts what was copied.
/// An error on either side aborts both.
ADIT_INTERNAL asio::awaitable<IoResult> pump(std::shared_ptr<Stream> from, std::shared_ptr<Stream> to,
                                             std::uint64_t& bytes);

/// Both directions at once, each half closed by itself; returns when both ended. Closes both streams.
/// `up` counts a to b, `down` counts b to a. Once b has ended, both are given up when a was silent for
/// `half_close_time` or b does not read any more; what was written to a still arrives.
ADIT_INTERNAL asio::awaitable<IoResult> pump_both(std::shared_ptr<Stream> a, std::shared_ptr<Stream> b,
                                                  std::uint64_t& up, std::uint64_t& down,
                                                  std::chrono::milliseconds half_close_time = limits::half_close_time);

} // namespace adit
