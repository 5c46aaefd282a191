#include "net/tls_mux_stream.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace adit::inline v0::net {
namespace {

constexpr std::size_t hint_min = 4 * 1024;
constexpr std::size_t hint_max = 128 * 1024;
constexpr std::size_t skip_max = 16 * 1024; // read and dropped when we close, so that a close_notify is not answered by RST

asio::const_buffer buffer_of(Bytes bytes) { return asio::buffer(bytes.data(), bytes.size()); }

} // namespace

SharedStream::~SharedStream() = default;

/// The handler of a wait on the muxado stream. If it goes uncalled, as with its io_context, so do those who wait for it.
class TlsMuxStream::Resume {
public:
    using Method = void (TlsMuxStream::*)(std::error_code, std::size_t);

    Resume(std::shared_ptr<TlsMuxStream> stream, bool input) : stream_(std::move(stream)), input_(input) {}
    Resume(Resume&&) noexcept = default;
    Resume& operator=(Resume&&) = delete;
    ~Resume() {
        if (stream_) stream_->abandon();
    }

    void operator()(std::error_code code, std::size_t n) {
        const auto stream = std::exchange(stream_, nullptr);
        if (input_) {
            stream->on_input(code);
        } else {
            stream->on_output(code, n);
        }
    }

private:
    std::shared_ptr<TlsMuxStream> stream_;
    bool input_;
};

/// What has to be done once the mutex is free.
class TlsMuxStream::Todo {
public:
    void end_read(Handler handler, std::error_code code, std::size_t n = 0) {
        read = std::move(handler);
        read_code = code;
        read_size = n;
    }
    void end_write(Handler handler, std::error_code code, std::size_t n = 0) {
        write = std::move(handler);
        write_code = code;
        write_size = n;
    }

    Handler read, write;
    std::error_code read_code, write_code;
    std::size_t read_size = 0, write_size = 0;
    bool wait_input = false;
    bool wait_output = false;
    bool close = false;
    std::shared_ptr<void> held;
};

TlsMuxStream::TlsMuxStream(std::shared_ptr<MuxStream> stream, tls::Engine engine, ByteQueue prefix,
                           std::chrono::milliseconds close_time)
    : stream_(std::move(stream)), engine_(std::move(engine)), prefix_(std::move(prefix)), input_hint_(hint_min),
      close_time_(close_time) {}

TlsMuxStream::~TlsMuxStream() = default;

asio::awaitable<Result<void>> TlsMuxStream::handshake() {
    std::size_t received = 0;
    for (;;) {
        const tls::Status status = engine_.handshake();
        while (!engine_.output().empty()) {
            const Bytes output = engine_.output();
            const IoResult sent = co_await stream_->write(output);
            engine_.consume_output(output.size());
            if (!sent.ok() && status != tls::Status::failed)
                co_return Result<void>(ErrorInfo(sent.code(), "the connection broke in the TLS handshake"));
        }
        if (status == tls::Status::ok) co_return Result<void>();
        if (status == tls::Status::failed) co_return Result<void>(engine_.error());
        if (received > limits::tls_handshake_bytes)
            co_return Result<void>(ErrorInfo(errc::limit_exceeded, "the client's TLS handshake is too long"));
        IoResult got = co_await stream_->wait_readable();
        if (got.ok()) got = fill();
        if (got.eof())
            co_return Result<void>(ErrorInfo(errc::tls_handshake_failed, "the client closed in the TLS handshake"));
        if (!got.ok() && got.code() != asio::error::would_block)
            co_return Result<void>(ErrorInfo(got.code(), "the connection broke in the TLS handshake"));
        received += got.size();
    }
}

// --- operations

void TlsMuxStream::start(asio::mutable_buffer buffer, ReadKind kind, Handler handler) {
    auto slot = handler.slot();
    if (slot.is_connected()) {
        slot.assign([weak = weak_from_this()](asio::cancellation_type) {
            if (const auto self = weak.lock()) self->cancel_read();
        });
    }
    Todo todo;
    {
        const std::lock_guard lock(mutex_);
        if (read_) { // two reads at once
            todo.end_read(std::move(handler), errc::invalid_option);
        } else {
            read_ = std::move(handler);
            read_buffer_ = buffer;
            read_kind_ = kind;
            serve(todo);
        }
    }
    run(todo);
}

void TlsMuxStream::start_read(asio::mutable_buffer buffer, Handler handler) {
    start(buffer, ReadKind::bytes, std::move(handler));
}

void TlsMuxStream::start_wait_readable(Handler handler) { start({}, ReadKind::wait, std::move(handler)); }

void TlsMuxStream::start_write(const detail::ConstBuffers& buffers, Handler handler) {
    auto slot = handler.slot();
    if (slot.is_connected()) {
        slot.assign([weak = weak_from_this()](asio::cancellation_type) {
            if (const auto self = weak.lock()) self->cancel_write();
        });
    }
    Todo todo;
    {
        const std::lock_guard lock(mutex_);
        if (write_) {
            todo.end_write(std::move(handler), errc::invalid_option);
        } else {
            write_ = std::move(handler);
            write_buffers_ = buffers;
            serve(todo);
        }
    }
    run(todo);
}

void TlsMuxStream::cancel_read(std::error_code code) noexcept {
    Todo todo;
    {
        const std::lock_guard lock(mutex_);
        todo.end_read(std::move(read_), code);
    }
    run(todo);
}

void TlsMuxStream::cancel_write(std::error_code code) noexcept {
    Todo todo;
    {
        const std::lock_guard lock(mutex_);
        const std::size_t n = std::exchange(sealed_, 0);
        todo.end_write(std::move(write_), n != 0 ? std::error_code() : code, n);
    }
    run(todo);
}

void TlsMuxStream::finish_write() noexcept {
    Todo todo;
    {
        const std::lock_guard lock(mutex_);
        if (closed_ || write_shut_) return;
        write_shut_ = true;
        engine_.shutdown();
        serve(todo); // a write that waits fails
    }
    run(todo);
}

void TlsMuxStream::reset(muxado::ErrorCode code) noexcept {
    Todo todo;
    {
        const std::lock_guard lock(mutex_);
        if (!closed_) closed_ = errc::connection_closed;
        closing_ = false;
        sealed_ = 0;
        todo.held = std::move(held_);
        todo.end_read(std::move(read_), errc::connection_closed);
        todo.end_write(std::move(write_), errc::connection_closed);
    }
    stream_->reset(code);
    run(todo);
}

void TlsMuxStream::close_holding(std::shared_ptr<void> held) noexcept {
    Todo todo;
    {
        const std::lock_guard lock(mutex_);
        if (closing_ && !held_) held_ = std::move(held); // by who read and wrote it as a Stream
        if (closed_) return;
        closed_ = errc::connection_closed;
        closing_ = true;
        sealed_ = 0;
        held_ = std::move(held);
        todo.end_read(std::move(read_), errc::connection_closed);
        todo.end_write(std::move(write_), errc::connection_closed);
        engine_.shutdown();
        serve(todo);
        if (closing_) arm_close_time();
    }
    run(todo);
}

/// With the mutex held: who holds the timer may call it.
void TlsMuxStream::arm_close_time() {
    progress_ = false;
    if (!close_timer_) close_timer_.emplace(stream_->executor());
    close_timer_->expires_after(close_time_);
    close_timer_->async_wait([weak = weak_from_this()](const std::error_code& ec) {
        const auto self = weak.lock();
        if (self && !ec) self->on_close_time();
    });
}

void TlsMuxStream::on_close_time() {
    {
        const std::lock_guard lock(mutex_);
        if (!closing_) return;
        if (progress_) return arm_close_time();
    }
    abort(); // what waits goes, and so do we
}

void TlsMuxStream::abort() noexcept { reset(muxado::ErrorCode::stream_cancelled); }

bool TlsMuxStream::is_write_open() const noexcept {
    const std::lock_guard lock(mutex_);
    return !closed_ && !write_shut_ && !write_end_ && stream_->is_write_open();
}

// --- what happens below

void TlsMuxStream::on_input(std::error_code code) {
    Todo todo;
    {
        const std::lock_guard lock(mutex_);
        input_waiting_ = false;
        if (code && code != asio::error::eof && !read_end_) read_end_ = code;
        serve(todo);
    }
    run(todo);
}

void TlsMuxStream::on_output(std::error_code code, std::size_t n) {
    Todo todo;
    {
        const std::lock_guard lock(mutex_);
        output_waiting_ = false;
        unsent_.consume(n);
        progress_ = true;
        if (code) {
            write_end_ = code;
            drop_output();
        }
        serve(todo);
    }
    run(todo);
}

/// The context is going, and nothing can be posted any more.
void TlsMuxStream::abandon() noexcept {
    Handler read, write; // their end is not for under the mutex
    std::shared_ptr<void> held;
    const std::lock_guard lock(mutex_);
    held = std::move(held_);
    read = std::move(read_);
    write = std::move(write_);
}

void TlsMuxStream::run(Todo& todo) {
    if (todo.read) todo.read.complete(todo.read_code, todo.read_size);
    if (todo.write) todo.write.complete(todo.write_code, todo.write_size);
    if (todo.close) stream_->close();
    if (todo.wait_input) stream_->start_wait_readable(Handler::inline_function(Resume(shared_from_this(), true)));
    if (todo.wait_output) {
        const detail::ConstBuffers buffers(buffer_of(unsent_.view())); // nobody else touches it while output_waiting_
        stream_->start_write(buffers, Handler::inline_function(Resume(shared_from_this(), false)));
    }
}

void TlsMuxStream::serve(Todo& todo) {
    if (read_) {
        std::error_code code;
        std::size_t n = 0;
        if (try_read(code, n)) {
            todo.end_read(std::move(read_), code, n);
        } else {
            want_input(todo);
        }
    }
    flush(todo); // reading may have something to say: a key update, an alert
    if (write_) {
        std::error_code code;
        std::size_t n = 0;
        if (try_write(todo, code, n)) todo.end_write(std::move(write_), code, n);
    }
    if (closing_) skip_input(todo);
}

void TlsMuxStream::want_input(Todo& todo) {
    if (input_waiting_) return;
    input_waiting_ = todo.wait_input = true;
    engine_.release_buffers();
    input_hint_ = hint_min;
}

IoResult TlsMuxStream::fill() {
    const IoResult got = stream_->read_now(engine_.input_space(input_hint_).first(input_hint_));
    if (!got.ok()) return got;
    engine_.commit_input(got.size());
    if (got.size() == input_hint_ && input_hint_ < hint_max) input_hint_ *= 2;
    return got;
}

bool TlsMuxStream::try_read(std::error_code& code, std::size_t& n) {
    if (closed_) {
        code = closed_;
        return true;
    }
    const bool wait = read_kind_ == ReadKind::wait;
    if (!wait && read_buffer_.size() == 0) return true;
    if (!prefix_.empty()) {
        if (wait) return true;
        n = prefix_.read(MutableBytes(static_cast<std::uint8_t*>(read_buffer_.data()), read_buffer_.size()));
        prefix_.release_if_empty();
        return true;
    }
    for (;;) {
        if (wait) {
            if (engine_.input_pending() != 0) return true;
        } else {
            const tls::ReadResult got =
                engine_.read(MutableBytes(static_cast<std::uint8_t*>(read_buffer_.data()), read_buffer_.size()));
            n = got.size;
            if (n != 0) return true;
            if (got.status == tls::Status::closed) read_end_ = asio::error::eof;
            if (got.status == tls::Status::failed) read_end_ = engine_.error().code();
        }
        if (read_end_) {
            code = read_end_;
            return true;
        }
        const IoResult more = fill();
        if (more.ok()) continue;
        if (more.code() == asio::error::would_block) return false;
        // An end without close_notify is a truncation (RFC 8446 6.1), not an end of data.
        read_end_ = more.eof() ? make_error_code(errc::stream_truncated) : more.code();
    }
}

bool TlsMuxStream::try_write(Todo& todo, std::error_code& code, std::size_t& n) {
    if (closed_) {
        code = closed_;
    } else if (write_end_) {
        code = write_end_;
        sealed_ = 0;
    } else if (sealed_ != 0) {
        if (output_waiting_) return false;
        n = std::exchange(sealed_, 0);
    } else if (write_shut_) {
        code = asio::error::broken_pipe;
    } else if (output_waiting_) {
        return false; // what was sealed before waits for the visitor
    } else if (!seal(n)) {
        code = engine_.error().code();
        flush(todo); // an alert
    } else {
        // A session that says goodbye sends what the muxado stream took, so nothing else counts as written.
        flush(todo);
        if (write_end_) {
            code = write_end_;
            n = 0;
        } else if (output_waiting_) {
            sealed_ = std::exchange(n, 0);
            return sealed_ == 0;
        }
    }
    return true;
}

bool TlsMuxStream::seal(std::size_t& n) {
    Bytes held; // records are filled across the seams of pairs
    for (const asio::const_buffer& buffer : write_buffers_) {
        if (n == limits::tls_write_batch) break;
        const std::size_t size = std::min(buffer.size(), limits::tls_write_batch - n);
        const Bytes bytes(static_cast<const std::uint8_t*>(buffer.data()), size);
        n += size;
        if (held.empty()) {
            held = bytes;
            continue;
        }
        if (engine_.write(held, bytes) != tls::Status::ok) return false;
        held = {};
    }
    return engine_.write(held) == tls::Status::ok;
}

void TlsMuxStream::flush(Todo& todo) {
    while (!output_waiting_) {
        const bool waited = !unsent_.empty();
        const Bytes output = waited ? unsent_.view() : engine_.output();
        if (output.empty()) break;
        const IoResult sent = stream_->write_now(output);
        if (sent.ok()) {
            if (waited) {
                unsent_.consume(sent.size());
            } else {
                engine_.consume_output(sent.size());
            }
        } else if (sent.code() == asio::error::would_block) {
            if (!waited) {
                unsent_.append(output);
                engine_.consume_output(output.size());
            }
            output_waiting_ = todo.wait_output = true;
            return;
        } else {
            write_end_ = sent.code();
            drop_output();
        }
    }
    if (output_waiting_) return;
    unsent_.release_if_empty();
    if (write_shut_ && !fin_sent_ && !closed_) {
        fin_sent_ = true;
        stream_->finish_write();
    }
}

void TlsMuxStream::drop_output() noexcept {
    unsent_.clear();
    engine_.consume_output(engine_.output().size());
}

/// Closed by us: what the visitor still says is of no use. It must not hold up that it takes the rest, also if it says all
/// of it before it reads; once that is done, only what is there already is kept from being answered by a reset.
void TlsMuxStream::skip_input(Todo& todo) {
    std::array<std::uint8_t, 4096> buffer;
    IoResult got;
    for (std::size_t skipped = 0; got.ok() && (output_waiting_ || skipped < skip_max); skipped += got.size())
        got = stream_->read_now(buffer);
    if (!output_waiting_) {
        closing_ = false;
        todo.close = true;
        todo.held = std::move(held_);
        if (close_timer_) close_timer_->cancel();
    } else if (got.code() == asio::error::would_block && !input_waiting_) {
        input_waiting_ = todo.wait_input = true;
    }
}

// --- coroutines

asio::any_io_executor TlsMuxStream::executor() { return stream_->executor(); }

asio::awaitable<IoResult> TlsMuxStream::wait_readable() {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    auto start = [self = shared_from_this()](Handler handler) { self->start_wait_readable(std::move(handler)); };
    auto operation = detail::initiate<void(std::error_code, std::size_t)>(executor, std::move(start), as_tuple);
    const auto result = co_await std::move(operation);
    co_return IoResult(std::get<0>(result));
}

asio::awaitable<IoResult> TlsMuxStream::read_some(MutableBytes buffer) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    auto start = [self = shared_from_this(), buffer](Handler handler) {
        self->start_read(asio::buffer(buffer.data(), buffer.size()), std::move(handler));
    };
    auto operation = detail::initiate<void(std::error_code, std::size_t)>(executor, std::move(start), as_tuple);
    const auto result = co_await std::move(operation);
    if (std::get<0>(result)) co_return IoResult(std::get<0>(result));
    co_return IoResult(std::get<1>(result));
}

asio::awaitable<IoResult> TlsMuxStream::write(Bytes first, Bytes second) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    const std::size_t total = first.size() + second.size();
    while (!first.empty() || !second.empty()) {
        const std::array<asio::const_buffer, 2> both = {buffer_of(first), buffer_of(second)};
        const detail::ConstBuffers buffers(both);
        auto start = [self = shared_from_this(), buffers](Handler handler) {
            self->start_write(buffers, std::move(handler));
        };
        auto operation = detail::initiate<void(std::error_code, std::size_t)>(executor, std::move(start), as_tuple);
        const auto result = co_await std::move(operation);
        if (std::get<0>(result)) co_return IoResult(std::get<0>(result));
        const std::size_t n = std::get<1>(result);
        const std::size_t from_first = std::min(n, first.size());
        first = first.subspan(from_first);
        second = second.subspan(n - from_first);
    }
    co_return IoResult(total);
}

asio::awaitable<IoResult> TlsMuxStream::shutdown_write() {
    finish_write();
    co_return IoResult();
}

} // namespace adit
