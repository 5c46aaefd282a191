// TLS inside of a muxado stream, the server's side: a visitor's TLS that the edge passed through.
#pragma once

#include "base/bytes.hpp"
#include "net/mux_session.hpp"
#include "net/shared_stream.hpp"
#include "tls/engine.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

namespace adit::inline v0::net {

/// The engine is guarded by a mutex of its own, which is held while bytes are sealed and opened and while the muxado
/// session's is taken, but never while calling out. Waits for more bytes, or for room, are operations on the muxado stream.
class ADIT_INTERNAL TlsMuxStream final : public SharedStream, public std::enable_shared_from_this<TlsMuxStream> {
public:
    /// `prefix`: plain bytes that are read before what comes out of TLS.
    /// `close_time`: after a close, a visitor that takes nothing of the rest for so long loses it.
    TlsMuxStream(std::shared_ptr<MuxStream> stream, tls::Engine engine, ByteQueue prefix,
                 std::chrono::milliseconds close_time);
    ~TlsMuxStream() override;

    /// Must succeed before anything else. Who gives it up resets the muxado stream (Deadline); after a failure an alert
    /// was written, and that stream is the caller's again. Errors: the engine's; errc::limit_exceeded; the stream's.
    asio::awaitable<Result<void>> handshake();
    /// For what was agreed in the handshake, before anybody else has this stream.
    const tls::Engine& engine() const noexcept { return engine_; }

    void start_read(asio::mutable_buffer buffer, Handler handler) override;
    /// Ends once the muxado stream took all of what was sealed for it. Cancelled before that it has not failed: sealed
    /// bytes cannot be taken back.
    void start_write(const detail::ConstBuffers& buffers, Handler handler) override;
    void start_wait_readable(Handler handler) override;
    void cancel_read(std::error_code code = asio::error::operation_aborted) noexcept override;
    void cancel_write(std::error_code code = asio::error::operation_aborted) noexcept override;
    /// close_notify and FIN.
    void finish_write() noexcept override;
    void reset(muxado::ErrorCode code) noexcept override;

    asio::any_io_executor executor() override;
    asio::awaitable<IoResult> wait_readable() override;
    asio::awaitable<IoResult> read_some(MutableBytes buffer) override;
    asio::awaitable<IoResult> write(Bytes first, Bytes second = {}) override;
    asio::awaitable<IoResult> shutdown_write() override;
    bool is_write_open() const noexcept override;
    void abort() noexcept override;
    /// What was written is still sent, with close_notify and FIN behind it.
    void close() noexcept override { close_holding(nullptr); }
    void close_holding(std::shared_ptr<void> held) noexcept override;

private:
    class Resume;
    class Todo;
    enum class ReadKind : std::uint8_t { bytes, wait };

    void start(asio::mutable_buffer buffer, ReadKind kind, Handler handler);
    void on_input(std::error_code code);
    void on_output(std::error_code code, std::size_t n);
    void abandon() noexcept;
    void on_close_time();
    void run(Todo& todo);

    // with the mutex held
    void serve(Todo& todo);
    void flush(Todo& todo);
    void drop_output() noexcept;
    void skip_input(Todo& todo);
    void want_input(Todo& todo);
    void arm_close_time();
    IoResult fill();
    bool try_read(std::error_code& code, std::size_t& n);
    bool try_write(Todo& todo, std::error_code& code, std::size_t& n);
    bool seal(std::size_t& n);

    const std::shared_ptr<MuxStream> stream_;

    mutable std::mutex mutex_;
    tls::Engine engine_;
    ByteQueue prefix_;
    ByteQueue unsent_; // sealed, on its way to the muxado stream: it must not move meanwhile
    std::size_t input_hint_;
    Handler read_;
    Handler write_;
    asio::mutable_buffer read_buffer_;
    detail::ConstBuffers write_buffers_;
    std::size_t sealed_ = 0; // of the write that waits: its plain bytes, if what was sealed is on its way
    ReadKind read_kind_ = ReadKind::bytes;
    bool input_waiting_ = false;  // on the muxado stream
    bool output_waiting_ = false; // likewise, with unsent_
    bool write_shut_ = false;     // by finish_write()
    bool fin_sent_ = false;
    std::error_code read_end_;  // how what the visitor sends ended
    std::error_code write_end_; // why nothing can be sent any more
    std::error_code closed_;    // set once we ended it ourselves
    bool closing_ = false;      // closed, and not all of it is sent
    bool progress_ = false;     // something of it was, since the timer started
    std::shared_ptr<void> held_;
    std::optional<asio::steady_timer> close_timer_;
    const std::chrono::milliseconds close_time_;
};

} // namespace adit
