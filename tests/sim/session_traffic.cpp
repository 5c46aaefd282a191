#include "sim/session_traffic.hpp"

#include <asio/read.hpp>
#include <asio/write.hpp>

#include <array>

namespace adit::sim {
namespace {

using asio::ip::tcp;

constexpr std::string_view body = "served";

std::string pattern(std::size_t size, std::uint64_t number) {
    std::string text(size, '\0');
    Random random(number);
    for (char& c : text) c = static_cast<char>(random.next());
    return text;
}

} // namespace

asio::awaitable<void> mirror(Connection connection, CallPtr call) {
    std::array<char, 8192> buffer{};
    std::error_code ec;
    const auto space = asio::buffer(buffer);
    for (;;) {
        const std::size_t n = co_await connection.async_read_some(space, asio::redirect_error(asio::use_awaitable, ec));
        if (ec) break;
        std::size_t sent = 0;
        while (sent < n && !ec) {
            const auto rest = asio::buffer(buffer.data() + sent, n - sent);
            sent += co_await connection.async_write_some(rest, asio::redirect_error(asio::use_awaitable, ec));
        }
        if (ec) break;
    }
    call->done();
}

asio::awaitable<void> answer_http(Connection connection, CallPtr call) {
    std::array<char, 4096> buffer{};
    std::string head;
    std::error_code ec;
    const auto space = asio::buffer(buffer);
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n" + std::string(body);
    for (;;) {
        const std::size_t n = co_await connection.async_read_some(space, asio::redirect_error(asio::use_awaitable, ec));
        if (ec) break;
        head.append(buffer.data(), n);
        if (!head.ends_with("\r\n\r\n")) continue;
        head.clear();
        const auto bytes = asio::buffer(answer);
        co_await connection.async_write_some(bytes, asio::redirect_error(asio::use_awaitable, ec));
        if (ec) break;
    }
    call->done();
}

asio::awaitable<void> visit_http(std::uint16_t port, std::string host, std::shared_ptr<int> outcome, CallPtr call) {
    std::error_code ec;
    tcp::socket socket(co_await asio::this_coro::executor);
    const tcp::endpoint address(asio::ip::address_v4::loopback(), port);
    co_await socket.async_connect(address, asio::redirect_error(asio::use_awaitable, ec));
    const std::string request = "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
    const auto bytes = asio::buffer(request);
    if (!ec) co_await asio::async_write(socket, bytes, asio::redirect_error(asio::use_awaitable, ec));
    std::string answer;
    const auto into = asio::dynamic_buffer(answer, 65'536);
    if (!ec) co_await asio::async_read(socket, into, asio::redirect_error(asio::use_awaitable, ec));
    const bool served = answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(body);
    *outcome = served ? 1 : -1;
    call->done();
}

asio::awaitable<void> visit_tcp(std::uint16_t port, std::size_t size, std::uint64_t number, std::shared_ptr<int> outcome,
                                Calls& calls) {
    const CallPtr call = calls.begin("visitor");
    std::error_code ec;
    tcp::socket socket(co_await asio::this_coro::executor);
    const tcp::endpoint address(asio::ip::address_v4::loopback(), port);
    co_await socket.async_connect(address, asio::redirect_error(asio::use_awaitable, ec));
    const std::string sent = pattern(size, number);
    const auto bytes = asio::buffer(sent);
    if (!ec) co_await asio::async_write(socket, bytes, asio::redirect_error(asio::use_awaitable, ec));
    if (!ec) (void)socket.shutdown(tcp::socket::shutdown_send, ec);
    std::string came;
    const auto into = asio::dynamic_buffer(came, size + 1);
    if (!ec) co_await asio::async_read(socket, into, asio::redirect_error(asio::use_awaitable, ec));
    if (!sent.starts_with(came)) calls.broken.push_back("a visitor got other bytes back than he sent");
    // An empty visit proves nothing: it looks the same when nobody is there.
    *outcome = size > 0 && came == sent ? 1 : -1;
    call->done();
}

} // namespace adit::sim
