#include "net/tls_stream.hpp"

#include <array>
#include <utility>

namespace adit::inline v0::net {
namespace {

constexpr std::size_t first_input = 16 * 1024 + 512; // one full record
constexpr std::size_t write_batch = 128 * 1024;      // plain text sealed before it is sent

} // namespace

TlsStream::TlsStream(Tcp::socket socket, tls::Engine engine, ByteQueue prefix)
    : socket_(std::move(socket)), engine_(std::move(engine)) {
    tune(socket_);
    if (!prefix.empty()) {
        const MutableBytes space = engine_.input_space(prefix.size());
        engine_.commit_input(prefix.read(space));
    }
}

TlsStream::~TlsStream() = default;

asio::awaitable<Result<void>> TlsStream::handshake() {
    std::error_code ec;
    for (;;) {
        const tls::Status status = engine_.handshake();
        const IoResult sent = co_await flush();
        if (status == tls::Status::ok && sent.ok()) co_return Result<void>();
        if (status == tls::Status::failed) co_return Result<void>(engine_.error());
        if (!sent.ok()) co_return Result<void>(ErrorInfo(sent.code(), "the connection broke in the TLS handshake"));
        if (status == tls::Status::closed) {
            co_return Result<void>(ErrorInfo(errc::tls_handshake_failed, "the peer closed in the TLS handshake"));
        }
        const IoResult got = fill();
        if (got.ok()) continue;
        if (got.code() != asio::error::would_block) {
            co_return Result<void>(ErrorInfo(got.eof() ? make_error_code(errc::tls_handshake_failed) : got.code(),
                                             "the connection ended in the TLS handshake"));
        }
        auto token = asio::redirect_error(asio::use_awaitable, ec);
        co_await socket_.async_wait(Tcp::socket::wait_read, token);
        if (ec) co_return Result<void>(ErrorInfo(ec, "the TLS handshake was interrupted"));
    }
}

asio::any_io_executor TlsStream::executor() { return socket_.get_executor(); }

IoResult TlsStream::fill() {
    const IoResult got = receive_now(socket_, engine_.input_space(input_hint_));
    if (!got.ok()) return got;
    engine_.commit_input(got.size());
    if (got.size() >= input_hint_ && input_hint_ < write_batch) input_hint_ *= 2;
    return got;
}

asio::awaitable<IoResult> TlsStream::wait_readable() {
    std::error_code ec;
    if (engine_.input_pending() != 0) co_return IoResult();
    engine_.release_buffers();
    input_hint_ = first_input;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    co_await socket_.async_wait(Tcp::socket::wait_read, token);
    co_return IoResult(ec);
}

asio::awaitable<IoResult> TlsStream::read_some(MutableBytes buffer) {
    std::error_code ec;
    for (;;) {
        const tls::ReadResult got = engine_.read(buffer);
        if (!engine_.output().empty() && !writing_) { // a key update, or the alert of a failure
            const IoResult sent = co_await flush();
            if (!sent.ok()) co_return sent;
        }
        if (got.size != 0) co_return IoResult(got.size);
        if (got.status == tls::Status::closed) co_return IoResult(asio::error::make_error_code(asio::error::eof));
        if (got.status == tls::Status::failed) co_return IoResult(engine_.error().code());
        const IoResult more = fill();
        if (more.ok()) continue;
        // A transport that ends without close_notify is a truncation (RFC 8446 6.1), not an end of data.
        if (more.eof() && !truncation_ends_) co_return IoResult(make_error_code(errc::tls_error));
        if (more.code() != asio::error::would_block) co_return more;
        auto token = asio::redirect_error(asio::use_awaitable, ec);
        co_await socket_.async_wait(Tcp::socket::wait_read, token);
        if (ec) co_return IoResult(ec);
    }
}

bool TlsStream::is_quiet() {
    std::array<std::uint8_t, 1> byte;
    for (;;) {
        const tls::ReadResult got = engine_.read(byte);
        if (got.size != 0 || got.status != tls::Status::want_input) return false;
        const IoResult more = fill();
        if (!more.ok()) return more.code() == asio::error::would_block;
    }
}

asio::awaitable<IoResult> TlsStream::write(Bytes first, Bytes second) {
    const std::size_t total = first.size() + second.size();
    while (!first.empty() || !second.empty()) {
        // As one: a record is filled across the seam.
        const Bytes from_first = first.first(std::min(write_batch, first.size()));
        const Bytes from_second = second.first(std::min(write_batch - from_first.size(), second.size()));
        if (engine_.write(from_first, from_second) != tls::Status::ok) co_return IoResult(make_error_code(errc::tls_error));
        first = first.subspan(from_first.size());
        second = second.subspan(from_second.size());
        const IoResult sent = co_await flush();
        if (!sent.ok()) co_return sent;
    }
    co_return IoResult(total);
}

asio::awaitable<IoResult> TlsStream::flush() {
    std::error_code ec;
    writing_ = true;
    while (!engine_.output().empty()) {
        const IoResult sent = send_now(socket_, engine_.output());
        if (sent.ok()) {
            engine_.consume_output(sent.size());
            continue;
        }
        ec = sent.code();
        if (ec == asio::error::would_block) {
            auto token = asio::redirect_error(asio::use_awaitable, ec);
            co_await socket_.async_wait(Tcp::socket::wait_write, token);
        }
        if (ec) break;
    }
    writing_ = false;
    co_return IoResult(ec);
}

asio::awaitable<IoResult> TlsStream::shutdown_write() {
    engine_.shutdown();
    const IoResult sent = co_await flush();
    std::error_code ec = sent.code();
    if (!ec) socket_.shutdown(Tcp::socket::shutdown_send, ec);
    co_return IoResult(ec);
}

void TlsStream::abort() noexcept {
    std::error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
}

void TlsStream::close() noexcept {
    if (!socket_.is_open()) return;
    // Unsent output means a peer that does not read: it gets no close_notify either.
    if (engine_.output().empty()) {
        engine_.shutdown();
        (void)send_now(socket_, engine_.output());
    }
    linger(std::move(socket_));
}

std::pair<Tcp::socket, tls::Engine> TlsStream::release() { return {std::move(socket_), std::move(engine_)}; }

} // namespace adit
