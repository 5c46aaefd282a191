// The upstream of every contender: on one port HTTP ("GET /N" answers N bytes, keep-alive; a WebSocket gets back what it
// sends), on the other raw TCP (send "N\n", receive N bytes). One thread. Prints "ready HTTP_PORT RAW_PORT"; ends when
// standard input does.
#include <adit/asio.hpp>

#include "base/base64.hpp"
#include "tls/signature.hpp"

#include <asio/posix/stream_descriptor.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <unistd.h>

namespace {

using asio::ip::tcp;

const std::vector<char>& block() {
    static const std::vector<char> bytes(256 * 1024, 'x');
    return bytes;
}

asio::awaitable<void> send(tcp::socket& socket, std::string head, std::size_t size) {
    std::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    while (!head.empty() || size != 0) {
        const std::size_t n = std::min(size, block().size());
        const std::array<asio::const_buffer, 2> parts = {asio::buffer(head), asio::buffer(block().data(), n)};
        co_await asio::async_write(socket, parts, token);
        if (ec) co_return;
        head.clear();
        size -= n;
    }
}

/// What Sec-WebSocket-Accept says (RFC 6455 4.2.2); empty: the request is for no WebSocket. Heads are as our loads and
/// haproxy write them.
std::string accept_key(std::string_view head) {
    for (const std::string_view name : {"Sec-WebSocket-Key: ", "sec-websocket-key: "}) {
        const auto at = head.find(name);
        if (at == std::string_view::npos) continue;
        const std::string key = std::string(head.substr(at + name.size(), 24)) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        const auto digest = adit::tls::digest(adit::tls::Hash::sha1, adit::as_bytes(key));
        return adit::base64_encode(adit::as_text(digest));
    }
    return {};
}

asio::awaitable<void> echo(tcp::socket& socket, std::string first) {
    std::array<char, 4096> bytes{};
    std::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    co_await asio::async_write(socket, asio::buffer(first), token);
    while (!ec) {
        const std::size_t n = co_await socket.async_read_some(asio::buffer(bytes), token);
        if (!ec) co_await asio::async_write(socket, asio::buffer(bytes.data(), n), token);
    }
}

asio::awaitable<void> serve(tcp::socket socket, bool http) {
    std::string input;
    std::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    const std::string end_of_request = http ? "\r\n\r\n" : "\n";
    for (;;) {
        auto buffer = asio::dynamic_buffer(input, 64 * 1024);
        const std::size_t n = co_await asio::async_read_until(socket, buffer, end_of_request, token);
        if (ec) co_return;
        const std::string key = http ? accept_key(std::string_view(input).substr(0, n)) : std::string();
        if (!key.empty()) {
            std::string first = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                "Sec-WebSocket-Accept: " + key + "\r\n\r\n" + input.substr(n);
            co_await echo(socket, std::move(first));
            co_return;
        }
        const std::size_t size = std::strtoull(input.c_str() + (http ? sizeof "GET /" - 1 : 0), nullptr, 10);
        input.erase(0, n);
        std::string head;
        if (http) {
            head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
        }
        co_await send(socket, std::move(head), size);
        if (!http) co_return;
    }
}

asio::awaitable<void> accept(tcp::acceptor& acceptor, bool http) {
    auto executor = co_await asio::this_coro::executor;
    for (;;) {
        tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
        socket.set_option(tcp::no_delay(true));
        asio::co_spawn(executor, serve(std::move(socket), http), asio::detached);
    }
}

} // namespace

int main() {
    asio::io_context context(1);
    const tcp::endpoint any(asio::ip::address_v4::loopback(), 0);
    tcp::acceptor http(context, any), raw(context, any);
    asio::co_spawn(context, accept(http, true), asio::detached);
    asio::co_spawn(context, accept(raw, false), asio::detached);
    std::printf("ready %u %u\n", http.local_endpoint().port(), raw.local_endpoint().port());
    std::fflush(stdout);
    asio::posix::stream_descriptor input(context, ::dup(STDIN_FILENO));
    std::array<char, 16> byte{};
    input.async_read_some(asio::buffer(byte), [&context](std::error_code, std::size_t) { context.stop(); });
    context.run();
}
