// The stream that a Connection stands on: a muxado stream, or TLS inside of one.
#pragma once

#include <adit/connection.hpp>
#include <adit/detail/any_handler.hpp>

#include "muxado/frame.hpp"
#include "net/stream.hpp"

#include <memory>

namespace adit::inline v0::net {

/// A Stream that any thread may use, and whose operations may also be started with a handler. One read and one write at a
/// time; cancellation as Connection documents it.
class ADIT_INTERNAL SharedStream : public Stream {
public:
    using Handler = detail::AnyHandler<void(std::error_code, std::size_t)>;

    ~SharedStream() override;

    /// Completes by the handler, posted.
    virtual void start_read(asio::mutable_buffer buffer, Handler handler) = 0;
    virtual void start_write(const detail::ConstBuffers& buffers, Handler handler) = 0;
    virtual void start_wait_readable(Handler handler) = 0;
    /// Ends the outstanding read or write with `code`.
    virtual void cancel_read(std::error_code code = asio::error::operation_aborted) noexcept = 0;
    virtual void cancel_write(std::error_code code = asio::error::operation_aborted) noexcept = 0;
    /// The orderly end of what we send, after what was written. Returns at once.
    virtual void finish_write() noexcept = 0;
    /// Gives the stream up: outstanding operations complete with errc::connection_closed.
    virtual void reset(muxado::ErrorCode code) noexcept = 0;
    /// close(); `held` goes once all that was written is on its way, or cannot be sent any more.
    virtual void close_holding(std::shared_ptr<void> held) noexcept = 0;
};

} // namespace adit
