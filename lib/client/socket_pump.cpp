#include "client/socket_pump.hpp"

#include <adit/limits.hpp>

#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace adit::inline v0 {
namespace {

constexpr std::size_t buffer_size = limits::socket_pump_buffer;

using Buffer = std::unique_ptr<std::uint8_t[]>;

std::error_code last_error() {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return asio::error::would_block;
    return {errno, std::system_category()};
}

net::IoResult receive(int socket, MutableBytes bytes) {
    for (;;) {
        const ssize_t n = ::recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (n > 0) return net::IoResult(static_cast<std::size_t>(n));
        if (n == 0) return net::IoResult(asio::error::make_error_code(asio::error::eof));
        if (errno != EINTR) return net::IoResult(last_error());
    }
}

net::IoResult send(int socket, Bytes bytes) {
    for (;;) {
        const ssize_t n = ::send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0) return net::IoResult(static_cast<std::size_t>(n));
        if (errno != EINTR) return net::IoResult(last_error());
    }
}

} // namespace

Result<std::shared_ptr<SocketPump>> SocketPump::create(std::shared_ptr<net::SharedStream> stream,
                                                       std::shared_ptr<void> life) {
    Result<Background::Lease> lease = Background::acquire();
    if (!lease) return lease.error();
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return ErrorInfo(std::error_code(errno, std::system_category()), "no socket pair");
    try {
        return std::shared_ptr<SocketPump>(
            new SocketPump(std::move(stream), std::move(life), std::move(*lease), pair[0], pair[1]));
    } catch (const std::system_error& error) { // epoll has no room
        ::close(pair[0]);
        ::close(pair[1]);
        return ErrorInfo(error.code(), "no socket pair");
    } catch (...) {
        ::close(pair[0]);
        ::close(pair[1]);
        throw;
    }
}

SocketPump::SocketPump(std::shared_ptr<net::SharedStream> stream, std::shared_ptr<void> life, Background::Lease lease,
                       int ours, int theirs)
    : stream_(std::move(stream)), life_(std::move(life)), lease_(std::move(lease)),
      socket_(Background::executor(), asio::local::stream_protocol(), ours), theirs_(theirs) {}

SocketPump::~SocketPump() {
    if (theirs_ >= 0) ::close(theirs_);
}

int SocketPump::start() {
    const int theirs = std::exchange(theirs_, -1);
    const asio::any_io_executor executor = Background::executor();
    // Both start in one handler, so that neither ends the pump before the other runs.
    asio::post(executor, [pump = shared_from_this(), executor] {
        asio::co_spawn(executor, to_program(pump), asio::detached);
        asio::co_spawn(executor, to_peer(pump), asio::detached);
    });
    return theirs;
}

asio::awaitable<std::error_code> SocketPump::wait_local(Socket::wait_type what) {
    std::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    co_await socket_.async_wait(what, token);
    co_return ec;
}

asio::awaitable<std::error_code> SocketPump::write_local(Bytes bytes) {
    std::error_code ec;
    while (!bytes.empty()) {
        const net::IoResult sent = send(socket_.native_handle(), bytes);
        if (sent.ok()) {
            bytes = bytes.subspan(sent.size());
            continue;
        }
        if (sent.code() != asio::error::would_block) co_return sent.code();
        ec = co_await wait_local(Socket::wait_write);
        if (ec) co_return ec;
    }
    co_return ec;
}

asio::awaitable<void> SocketPump::to_program(std::shared_ptr<SocketPump> pump) {
    Buffer buffer;
    net::IoResult got;
    std::error_code local;
    for (;;) {
        if (!buffer) {
            got = co_await pump->stream_->wait_readable();
            if (!got.ok()) break;
            buffer = std::make_unique_for_overwrite<std::uint8_t[]>(buffer_size);
        }
        const MutableBytes space(buffer.get(), buffer_size);
        got = co_await pump->stream_->read_some(space);
        if (!got.ok()) break;
        local = co_await pump->write_local(space.first(got.size()));
        if (local) break;
        if (got.size() < buffer_size / 4) buffer.reset();
    }
    buffer.reset();
    std::error_code ignored;
    if (local) {
        // The program reads no more: what still comes must not hold up the peer, who may be reading.
        co_await pump->discard_from_peer();
    } else if (got.eof()) {
        pump->socket_.shutdown(Socket::shutdown_send, ignored);
        pump->all_received_ = true;
        if (pump->all_sent_) pump->end();
    } else {
        pump->end(); // the peer gave the connection up, or the session is over
    }
}

asio::awaitable<void> SocketPump::discard_from_peer() {
    const Buffer buffer = std::make_unique_for_overwrite<std::uint8_t[]>(4096);
    const MutableBytes space(buffer.get(), 4096);
    for (;;) {
        const net::IoResult got = co_await stream_->read_some(space);
        if (!got.ok()) co_return;
    }
}

asio::awaitable<void> SocketPump::to_peer(std::shared_ptr<SocketPump> pump) {
    Buffer buffer;
    net::IoResult got;
    net::IoResult sent;
    for (;;) {
        const std::error_code waited = co_await pump->wait_local(Socket::wait_read);
        if (waited) break;
        if (!buffer) buffer = std::make_unique_for_overwrite<std::uint8_t[]>(buffer_size);
        const MutableBytes space(buffer.get(), buffer_size);
        got = receive(pump->socket_.native_handle(), space);
        if (got.code() == asio::error::would_block) {
            buffer.reset();
            got = net::IoResult();
            continue;
        }
        if (!got.ok()) break;
        sent = co_await pump->stream_->write(space.first(got.size()));
        if (!sent.ok()) break;
        if (got.size() < buffer_size / 4) buffer.reset();
    }
    buffer.reset();
    std::error_code ignored;
    if (!sent.ok()) { // the peer reads no more: the program's next write fails
        pump->socket_.shutdown(Socket::shutdown_receive, ignored);
        co_return;
    }
    if (got.ok()) co_return; // the wait was ended by end()
    pump->stream_->finish_write();
    pump->all_sent_ = true;
    // shutdown(2) leaves the other direction open, close(2) does not: only then the socket hangs up.
    std::error_code hung_up;
    if (!pump->all_received_) hung_up = co_await pump->wait_local(Socket::wait_error);
    if (!hung_up) pump->end();
}

void SocketPump::end() noexcept {
    std::error_code ignored;
    socket_.close(ignored);
    stream_->close_holding(life_);
}

} // namespace adit
