#include "net/mux_session.hpp"

namespace adit::inline v0::net {
namespace {

class Completion {
public:
    Completion(MuxStream::Handler h, std::error_code c, std::size_t n) : handler(std::move(h)), code(c), size(n) {}
    ~Completion() {
        if (handler) handler.complete(code, size);
    }
    Completion(const Completion&) = delete;
    Completion& operator=(const Completion&) = delete;

    MuxStream::Handler handler;
    std::error_code code;
    std::size_t size;
};

} // namespace

MuxStream::MuxStream(std::shared_ptr<MuxSession> session, muxado::StreamId id) : session_(std::move(session)), id_(id) {}

MuxStream::~MuxStream() {
    const std::lock_guard lock(session_->mutex_);
    session_->streams_.erase(id_);
    session_->core_.release(id_);
    session_->schedule_flush_if_needed();
}

bool MuxStream::try_read(std::error_code& code, std::size_t& n) {
    return take(read_buffer_, read_kind_, code, n);
}

bool MuxStream::take(asio::mutable_buffer buffer, ReadKind kind, std::error_code& code, std::size_t& n) {
    if (closed_) {
        code = closed_;
        return true;
    }
    muxado::Session& core = session_->core_;
    if (kind == ReadKind::bytes) {
        n = core.read(id_, MutableBytes(static_cast<std::uint8_t*>(buffer.data()), buffer.size()));
        received_ += n;
        if (n != 0) return true;
    }
    switch (core.read_state(id_)) {
    case muxado::ReadState::data: return true;
    case muxado::ReadState::open:
        // A waiting reader took what it had: the peer gets its credit back now.
        if (kind == ReadKind::wait) core.credit(id_);
        return false;
    case muxado::ReadState::fin: code = asio::error::eof; return true;
    case muxado::ReadState::reset: code = errc::connection_reset; return true;
    case muxado::ReadState::lost: code = session_->stream_error(); return true;
    case muxado::ReadState::gone: code = errc::connection_closed; return true;
    }
    return false;
}

bool MuxStream::try_write(std::error_code& code, std::size_t& n) { return give(write_buffers_, code, n); }

bool MuxStream::give(const detail::ConstBuffers& buffers, std::error_code& code, std::size_t& n) {
    if (closed_) {
        code = closed_;
        return true;
    }
    muxado::Session& core = session_->core_;
    for (const asio::const_buffer& buffer : buffers) {
        const Bytes bytes(static_cast<const std::uint8_t*>(buffer.data()), buffer.size());
        const std::size_t taken = core.write(id_, bytes);
        n += taken;
        if (taken < bytes.size()) break;
    }
    sent_ += n;
    if (n != 0) return true;
    switch (core.write_state(id_)) {
    case muxado::WriteState::open: return buffers.begin() == buffers.end();
    case muxado::WriteState::shut: code = asio::error::broken_pipe; return true;
    case muxado::WriteState::reset: code = errc::connection_reset; return true;
    case muxado::WriteState::lost: code = session_->stream_error(); return true;
    case muxado::WriteState::gone: code = errc::connection_closed; return true;
    }
    return false;
}

std::uint64_t MuxStream::bytes_received() const {
    const std::lock_guard lock(session_->mutex_);
    return received_;
}

std::uint64_t MuxStream::bytes_sent() const {
    const std::lock_guard lock(session_->mutex_);
    return sent_;
}

IoResult MuxStream::read_now(MutableBytes buffer) {
    const std::lock_guard lock(session_->mutex_);
    std::error_code code;
    std::size_t n = 0;
    const asio::mutable_buffer space = asio::buffer(buffer.data(), buffer.size());
    if (!take(space, ReadKind::bytes, code, n)) code = asio::error::would_block;
    session_->schedule_flush_if_needed();
    return code ? IoResult(code) : IoResult(n);
}

IoResult MuxStream::write_now(Bytes bytes) {
    const std::lock_guard lock(session_->mutex_);
    std::error_code code;
    std::size_t n = 0;
    const detail::ConstBuffers buffers(asio::buffer(bytes.data(), bytes.size()));
    if (!give(buffers, code, n)) code = asio::error::would_block;
    session_->schedule_flush_if_needed();
    return code ? IoResult(code) : IoResult(n);
}

void MuxStream::start(asio::mutable_buffer buffer, ReadKind kind, Handler handler) {
    auto slot = handler.slot();
    if (slot.is_connected()) {
        slot.assign([weak = weak_from_this()](asio::cancellation_type) {
            if (const auto self = weak.lock()) self->cancel_read();
        });
    }
    Completion done({}, {}, 0);
    const std::lock_guard lock(session_->mutex_);
    if (read_) { // two reads at once
        done.handler = std::move(handler);
        done.code = errc::invalid_option;
        return;
    }
    read_buffer_ = buffer;
    read_kind_ = kind;
    const bool empty = kind == ReadKind::bytes && buffer.size() == 0;
    if (empty || try_read(done.code, done.size)) {
        done.handler = std::move(handler);
    } else {
        read_ = std::move(handler);
    }
    session_->schedule_flush_if_needed();
}

void MuxStream::start_read(asio::mutable_buffer buffer, Handler handler) {
    start(buffer, ReadKind::bytes, std::move(handler));
}

void MuxStream::start_wait_readable(Handler handler) { start({}, ReadKind::wait, std::move(handler)); }

void MuxStream::start_write(const detail::ConstBuffers& buffers, Handler handler) {
    auto slot = handler.slot();
    if (slot.is_connected()) {
        slot.assign([weak = weak_from_this()](asio::cancellation_type) {
            if (const auto self = weak.lock()) self->cancel_write();
        });
    }
    Completion done({}, {}, 0);
    const std::lock_guard lock(session_->mutex_);
    if (write_) {
        done.handler = std::move(handler);
        done.code = errc::invalid_option;
        return;
    }
    write_buffers_ = buffers;
    if (try_write(done.code, done.size)) {
        done.handler = std::move(handler);
        session_->schedule_flush_if_needed();
    } else {
        write_ = std::move(handler);
    }
}

void MuxStream::cancel_read(std::error_code code) noexcept {
    Completion done({}, code, 0);
    const std::lock_guard lock(session_->mutex_);
    done.handler = std::move(read_);
}

void MuxStream::cancel_write(std::error_code code) noexcept {
    Completion done({}, code, 0);
    const std::lock_guard lock(session_->mutex_);
    done.handler = std::move(write_);
}

void MuxStream::end(std::error_code code, std::vector<std::pair<Handler, std::error_code>>& ended) {
    if (read_) ended.emplace_back(std::move(read_), code);
    if (write_) ended.emplace_back(std::move(write_), code);
}

void MuxStream::finish_write() noexcept {
    const std::lock_guard lock(session_->mutex_);
    session_->core_.shutdown_write(id_);
    session_->schedule_flush_if_needed();
}

void MuxStream::reset(muxado::ErrorCode code) noexcept {
    Completion read({}, errc::connection_closed, 0);
    Completion write({}, errc::connection_closed, 0);
    const std::lock_guard lock(session_->mutex_);
    if (!closed_) {
        closed_ = errc::connection_closed;
        session_->core_.reset(id_, code);
        session_->schedule_flush_if_needed();
    }
    read.handler = std::move(read_);
    write.handler = std::move(write_);
}

void MuxStream::close() noexcept {
    Completion read({}, errc::connection_closed, 0);
    Completion write({}, errc::connection_closed, 0);
    const std::lock_guard lock(session_->mutex_);
    if (!closed_) {
        closed_ = errc::connection_closed;
        session_->core_.release(id_);
        session_->schedule_flush_if_needed();
    }
    read.handler = std::move(read_);
    write.handler = std::move(write_);
}

void MuxStream::close_holding(std::shared_ptr<void> held) noexcept {
    close();
    held.reset();
}

bool MuxStream::is_write_open() const noexcept {
    const std::lock_guard lock(session_->mutex_);
    return !closed_ && session_->core_.write_state(id_) == muxado::WriteState::open;
}

void MuxStream::abort() noexcept { reset(muxado::ErrorCode::stream_cancelled); }

asio::any_io_executor MuxStream::executor() { return session_->executor(); }

asio::awaitable<IoResult> MuxStream::wait_readable() {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    {
        const std::lock_guard lock(session_->mutex_);
        if (session_->core_.read_state(id_) == muxado::ReadState::data && !closed_) co_return IoResult();
    }
    auto start = [self = shared_from_this()](Handler handler) { self->start_wait_readable(std::move(handler)); };
    auto operation = detail::initiate<void(std::error_code, std::size_t)>(executor, std::move(start), as_tuple);
    const auto result = co_await std::move(operation);
    co_return IoResult(std::get<0>(result));
}

asio::awaitable<IoResult> MuxStream::read_some(MutableBytes buffer) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    const IoResult there = read_now(buffer);
    if (there.code() != asio::error::would_block) co_return there;
    auto start = [self = shared_from_this(), buffer](Handler handler) {
        self->start_read(asio::buffer(buffer.data(), buffer.size()), std::move(handler));
    };
    auto operation = detail::initiate<void(std::error_code, std::size_t)>(executor, std::move(start), as_tuple);
    const auto result = co_await std::move(operation);
    if (std::get<0>(result)) co_return IoResult(std::get<0>(result));
    co_return IoResult(std::get<1>(result));
}

asio::awaitable<IoResult> MuxStream::write(Bytes first, Bytes second) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    const std::size_t total = first.size() + second.size();
    while (!first.empty() || !second.empty()) {
        std::size_t n = 0;
        {
            const std::lock_guard lock(session_->mutex_);
            if (!closed_ && !write_) {
                n = session_->core_.write(id_, first);
                if (n == first.size()) n += session_->core_.write(id_, second);
                sent_ += n;
                if (n != 0) session_->schedule_flush_if_needed();
            }
        }
        if (n == 0) {
            const std::array<asio::const_buffer, 2> both = {asio::buffer(first.data(), first.size()),
                                                            asio::buffer(second.data(), second.size())};
            const detail::ConstBuffers buffers(both);
            auto start = [self = shared_from_this(), buffers](Handler handler) {
                self->start_write(buffers, std::move(handler));
            };
            auto operation = detail::initiate<void(std::error_code, std::size_t)>(executor, std::move(start), as_tuple);
            const auto result = co_await std::move(operation);
            if (std::get<0>(result)) co_return IoResult(std::get<0>(result));
            n = std::get<1>(result);
        }
        const std::size_t from_first = std::min(n, first.size());
        first = first.subspan(from_first);
        second = second.subspan(n - from_first);
    }
    co_return IoResult(total);
}

asio::awaitable<IoResult> MuxStream::shutdown_write() {
    finish_write();
    co_return IoResult();
}

} // namespace adit
