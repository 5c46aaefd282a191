// A muxado session on a live TLS connection: the one adapter between lib/muxado and the network, for both sides.
//
// One mutex guards the muxado core and is never held while calling out; the TLS engine and the socket belong to the
// executor (a strand, or the one thread of a shard). Any thread may use a MuxStream.
#pragma once

#include <adit/asio.hpp>
#include <adit/connection.hpp>
#include <adit/detail/any_handler.hpp>

#include "base/result.hpp"
#include "muxado/session.hpp"
#include "net/handler_holder.hpp"
#include "net/shared_stream.hpp"
#include "net/socket.hpp"
#include "net/stream.hpp"
#include "tls/engine.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace adit::inline v0::net {

class MuxStream;

/// What a session tells its owner; every call comes on the session's executor with no lock held.
class ADIT_INTERNAL MuxObserver {
public:
    virtual ~MuxObserver();
    /// The peer opened a stream of `type` (heartbeats are answered by the core and not shown).
    virtual void on_stream(std::shared_ptr<MuxStream> stream, std::uint32_t type) = 0;
    /// Last call, exactly once: the link is gone. errc::session_closed if we closed it.
    virtual void on_closed(const ErrorInfo& reason) = 0;
    virtual void on_heartbeat(std::chrono::steady_clock::duration latency);
    /// open() failed at the stream limit before; now there is room.
    virtual void on_openable();
};

class MuxOptions {
public:
    muxado::Config core;
    std::chrono::milliseconds heartbeat_interval{10'000};  ///< zero: send none (the peer's are always answered)
    std::chrono::milliseconds heartbeat_tolerance{15'000};
    bool quick_ack = false;                                ///< for legs of agents
};

class ADIT_INTERNAL MuxSession final : public HandlerHolder, public std::enable_shared_from_this<MuxSession> {
public:
    /// The engine's handshake is done. The socket's executor must run one handler at a time.
    static std::shared_ptr<MuxSession> create(Tcp::socket socket, tls::Engine engine, const MuxOptions& options,
                                              std::weak_ptr<MuxObserver> observer);
    ~MuxSession() override;

    /// Starts reading and heartbeats. Once, on the executor or before it runs.
    void start();
    asio::any_io_executor executor() const { return executor_; }

    /// Opens a typed stream whose type and first bytes leave as one frame. Errors: errc::limit_exceeded at the stream
    /// limit, the session's error once it ended.
    Result<std::shared_ptr<MuxStream>> open(std::uint32_t type, Bytes first = {});
    /// Streams open in both directions, heartbeats included.
    std::size_t stream_count() const;
    /// Those of them that this side opened, the heartbeat included.
    std::size_t local_stream_count() const;
    bool is_open() const;
    /// Sends a heartbeat now, if none is under way: MuxObserver::on_heartbeat follows if the peer is there.
    void beat();

    void set_authenticated();
    /// Both ends agreed on larger windows (agent-protocol 3.4, our extension): for streams opened from now on.
    void raise_window(std::uint32_t bytes);
    /// See muxado::Session.
    void set_peer_keeps_streams();

    /// Sends what is queued, GOAWAY and close_notify, then closes; streams complete with errc::session_closed.
    void close() noexcept;
    /// Ends at once for `reason`; streams complete with errc::session_lost.
    void abort(const ErrorInfo& reason) noexcept;
    void abandon() noexcept override;

    const tls::Engine& engine() const noexcept { return engine_; }
    Tcp::endpoint peer() const { return peer_; }

private:
    friend class MuxStream;
    class Ready;
    MuxSession(Tcp::socket socket, tls::Engine engine, const MuxOptions& options, std::weak_ptr<MuxObserver> observer);

    // on the executor
    void wait_input();
    void on_input();
    bool receive_some(Ready& ready);
    void decrypt(Ready& ready);
    void flush();
    bool send_output();
    void wait_output();
    void arm_timer();
    void on_timer();
    void begin_close();
    void finish(const ErrorInfo& reason);
    void finish_unsendable(std::error_code code);
    void run(Ready& ready);

    // with the mutex held
    void schedule_flush_if_needed();
    void collect_events(Ready& ready);
    std::error_code stream_error() const;
    std::chrono::microseconds path_time();

    const asio::any_io_executor executor_;
    Tcp::socket socket_;
    tls::Engine engine_;
    MuxOptions options_;
    std::weak_ptr<MuxObserver> observer_;
    Tcp::endpoint peer_;
    asio::steady_timer timer_;
    std::chrono::steady_clock::time_point timer_at_{};
    std::chrono::steady_clock::time_point rtt_at_{};
    std::size_t input_hint_ = 4096;
    bool output_waiting_ = false;
    bool finished_ = false;
    bool closing_ = false;
    std::optional<ErrorInfo> ending_; // why, while the last bytes are sent

    mutable std::mutex mutex_;
    muxado::Session core_;
    std::unordered_map<muxado::StreamId, std::weak_ptr<MuxStream>> streams_;
    bool flush_scheduled_ = false;
    std::chrono::microseconds beat_time_ = std::chrono::microseconds::max(); ///< the quickest heartbeat so far
    bool open_refused_ = false; // at the stream limit; until `openable`
    std::error_code ended_; ///< what streams answer with once the session is over
};

/// One stream. Thread-safe; one read and one write at a time. Destroying it releases the stream (FIN, or RST while the
/// peer still sends).
class ADIT_INTERNAL MuxStream final : public SharedStream, public std::enable_shared_from_this<MuxStream> {
public:
    MuxStream(std::shared_ptr<MuxSession> session, muxado::StreamId id);
    ~MuxStream() override;

    muxado::StreamId id() const noexcept { return id_; }
    const std::shared_ptr<MuxSession>& session() const noexcept { return session_; }

    /// What the owner read and wrote so far.
    std::uint64_t bytes_received() const;
    std::uint64_t bytes_sent() const;

    void start_read(asio::mutable_buffer buffer, Handler handler) override;
    void start_write(const detail::ConstBuffers& buffers, Handler handler) override;
    void start_wait_readable(Handler handler) override;
    void cancel_read(std::error_code code = asio::error::operation_aborted) noexcept override;
    void cancel_write(std::error_code code = asio::error::operation_aborted) noexcept override;
    /// FIN after what was written.
    void finish_write() noexcept override;
    /// Empty DATA+FIN and RST.
    void reset(muxado::ErrorCode code) noexcept override;
    /// A write ends when the core has its bytes: none wait here.
    void close_holding(std::shared_ptr<void> held) noexcept override;

    /// What can be had, or written, without waiting: at least one byte, else asio::error::would_block. With no read, or no
    /// write, outstanding; a wait for readability may be. Calls nobody.
    IoResult read_now(MutableBytes buffer);
    IoResult write_now(Bytes bytes);

    asio::any_io_executor executor() override;
    asio::awaitable<IoResult> wait_readable() override;
    asio::awaitable<IoResult> read_some(MutableBytes buffer) override;
    asio::awaitable<IoResult> write(Bytes first, Bytes second = {}) override;
    asio::awaitable<IoResult> shutdown_write() override;
    bool is_write_open() const noexcept override;
    void abort() noexcept override;
    void close() noexcept override;

private:
    friend class MuxSession;

    enum class ReadKind : std::uint8_t { bytes, wait };

    void start(asio::mutable_buffer buffer, ReadKind kind, Handler handler);
    // with the session's mutex held
    bool try_read(std::error_code& code, std::size_t& n);
    bool try_write(std::error_code& code, std::size_t& n);
    bool take(asio::mutable_buffer buffer, ReadKind kind, std::error_code& code, std::size_t& n);
    bool give(const detail::ConstBuffers& buffers, std::error_code& code, std::size_t& n);
    void end(std::error_code code, std::vector<std::pair<Handler, std::error_code>>& ended);

    const std::shared_ptr<MuxSession> session_;
    const muxado::StreamId id_;
    // guarded by the session's mutex
    Handler read_;
    Handler write_;
    asio::mutable_buffer read_buffer_;
    detail::ConstBuffers write_buffers_;
    ReadKind read_kind_ = ReadKind::bytes;
    std::uint64_t received_ = 0;
    std::uint64_t sent_ = 0;
    std::error_code closed_; ///< set once we ended it ourselves
};

} // namespace adit
