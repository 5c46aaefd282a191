#include "net/socket.hpp"

#include "net/deadline.hpp"

#include <adit/limits.hpp>

#include <cerrno>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace adit::inline v0::net {
namespace {

void set_option(Tcp::socket& socket, int level, int name, int value) noexcept {
    (void)::setsockopt(socket.native_handle(), level, name, &value, sizeof value);
}

std::error_code last_error() noexcept {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return asio::error::would_block;
    return {errno, std::system_category()};
}

asio::awaitable<void> discard(Tcp::socket socket) {
    const asio::any_io_executor executor = socket.get_executor();
    Deadline deadline(executor, limits::linger_time, [&socket] {
        std::error_code ignored;
        socket.close(ignored);
    });
    std::array<std::uint8_t, 4096> buffer;
    std::size_t left = limits::linger_bytes;
    while (left != 0) {
        const IoResult got = receive_now(socket, buffer);
        if (got.ok()) {
            left -= std::min(left, got.size());
            continue;
        }
        if (got.code() != asio::error::would_block) co_return;
        std::error_code ec;
        auto token = asio::redirect_error(asio::use_awaitable, ec);
        co_await socket.async_wait(Tcp::socket::wait_read, token);
        if (ec) co_return;
    }
}

} // namespace

void tune(Tcp::socket& socket) noexcept {
    std::error_code ignored;
    socket.non_blocking(true, ignored);
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 128 * 1024);
    set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    (void)::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
}

void quick_ack(Tcp::socket& socket) noexcept { set_option(socket, IPPROTO_TCP, TCP_QUICKACK, 1); }

std::chrono::microseconds round_trip_time(Tcp::socket& socket) noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
    return std::chrono::microseconds(info.tcpi_rtt);
}

IoResult receive_now(Tcp::socket& socket, MutableBytes buffer) noexcept {
    for (;;) {
        const ssize_t n = ::recv(socket.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (n > 0) return IoResult(static_cast<std::size_t>(n));
        if (n == 0) return IoResult(asio::error::make_error_code(asio::error::eof));
        if (errno != EINTR) return IoResult(last_error());
    }
}

IoResult send_now(Tcp::socket& socket, Bytes first, Bytes second) noexcept {
    iovec parts[2] = {{const_cast<std::uint8_t*>(first.data()), first.size()},
                      {const_cast<std::uint8_t*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = first.empty() ? parts + 1 : parts;
    message.msg_iovlen = first.empty() || second.empty() ? 1 : 2;
    for (;;) {
        const ssize_t n = ::sendmsg(socket.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0) return IoResult(static_cast<std::size_t>(n));
        if (errno != EINTR) return IoResult(last_error());
    }
}

void linger(Tcp::socket socket) noexcept {
    if (!socket.is_open()) return;
    std::error_code ignored;
    socket.shutdown(Tcp::socket::shutdown_send, ignored);
    try {
        const asio::any_io_executor executor = socket.get_executor();
        asio::co_spawn(executor, discard(std::move(socket)), asio::detached);
    } catch (...) { // no memory for the courtesy: the socket closes now
    }
}

TcpStream::TcpStream(Tcp::socket socket, ByteQueue prefix) : socket_(std::move(socket)), prefix_(std::move(prefix)) {
    tune(socket_);
}

TcpStream::~TcpStream() = default;

asio::any_io_executor TcpStream::executor() { return socket_.get_executor(); }

asio::awaitable<IoResult> TcpStream::wait_readable() {
    std::error_code ec;
    if (!prefix_.empty()) co_return IoResult();
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    co_await socket_.async_wait(Tcp::socket::wait_read, token);
    co_return IoResult(ec);
}

asio::awaitable<IoResult> TcpStream::read_some(MutableBytes buffer) {
    std::error_code ec;
    if (!prefix_.empty()) {
        const std::size_t n = prefix_.read(buffer);
        prefix_.release_if_empty();
        co_return IoResult(n);
    }
    for (;;) {
        const IoResult got = receive_now(socket_, buffer);
        if (got.code() != asio::error::would_block) co_return got;
        auto token = asio::redirect_error(asio::use_awaitable, ec);
        co_await socket_.async_wait(Tcp::socket::wait_read, token);
        if (ec) co_return IoResult(ec);
    }
}

asio::awaitable<IoResult> TcpStream::write(Bytes first, Bytes second) {
    std::error_code ec;
    std::size_t total = 0;
    while (!first.empty() || !second.empty()) {
        const IoResult sent = send_now(socket_, first, second);
        if (sent.ok()) {
            const std::size_t from_first = std::min(sent.size(), first.size());
            first = first.subspan(from_first);
            second = second.subspan(sent.size() - from_first);
            total += sent.size();
            continue;
        }
        if (sent.code() != asio::error::would_block) co_return sent;
        auto token = asio::redirect_error(asio::use_awaitable, ec);
        co_await socket_.async_wait(Tcp::socket::wait_write, token);
        if (ec) co_return IoResult(ec);
    }
    co_return IoResult(total);
}

asio::awaitable<IoResult> TcpStream::shutdown_write() {
    std::error_code ec;
    socket_.shutdown(Tcp::socket::shutdown_send, ec);
    co_return IoResult(ec);
}

void TcpStream::abort() noexcept {
    // Linger time zero makes close(2) send RST, which is what an abort means to a TCP peer.
    std::error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
}

void TcpStream::close() noexcept { linger(std::move(socket_)); }

Tcp::socket TcpStream::release(ByteQueue& prefix) {
    prefix = std::move(prefix_);
    return std::move(socket_);
}

} // namespace adit
