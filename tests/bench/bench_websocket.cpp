// Visitors' WebSockets: each sends a message of 64 bytes every so often and gets it back. Proxies do not look into frames,
// so a message is its bytes alone.
//
//   bench-websocket PORT HOST CONNECTIONS MESSAGES RATE     over TLS; MESSAGES in all, RATE of all a second
//
// Prints "ready", starts at a line on standard input, and prints the latencies' "P50 P99" in microseconds, counted from the
// moment when a message was due.
#include "net/tls_stream.hpp"
#include "tls/context.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace adit;
using Clock = std::chrono::steady_clock;

constexpr std::size_t message_size = 64;

class Load {
public:
    net::Tcp::endpoint target;
    std::string host;
    std::shared_ptr<const tls::ClientContext> tls;
    std::vector<std::shared_ptr<net::TlsStream>> open;
    std::vector<std::uint32_t> latencies; ///< microseconds
    std::size_t each = 0;                 ///< messages of a connection
    Clock::duration pause{};              ///< between two of one connection
    Clock::time_point start;
    std::size_t failed = 0;
};

asio::awaitable<bool> read_exactly(std::shared_ptr<net::TlsStream> stream, MutableBytes into) {
    while (!into.empty()) {
        const net::IoResult got = co_await stream->read_some(into);
        if (!got.ok()) co_return false;
        into = into.subspan(got.size());
    }
    co_return true;
}

asio::awaitable<bool> connect(Load& load) {
    net::Tcp::socket socket(co_await asio::this_coro::executor);
    std::error_code ec;
    co_await socket.async_connect(load.target, asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return false;
    net::tune(socket);
    auto engine = tls::Engine::client(load.tls, load.host);
    if (!engine) co_return false;
    const auto stream = std::make_shared<net::TlsStream>(std::move(socket), std::move(*engine));
    const Result<void> shaken = co_await stream->handshake();
    if (!shaken) co_return false;
    const std::string request = "GET /echo HTTP/1.1\r\nHost: " + load.host +
                                "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    const net::IoResult sent = co_await stream->write(as_bytes(request));
    if (!sent.ok()) co_return false;
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
        std::array<std::uint8_t, 1> byte{};
        const bool more = co_await read_exactly(stream, byte);
        if (!more) co_return false;
        head.push_back(static_cast<char>(byte[0]));
    }
    if (!head.starts_with("HTTP/1.1 101")) co_return false;
    if (head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == std::string::npos) co_return false;
    load.open.push_back(stream);
    co_return true;
}

asio::awaitable<void> connect_some(Load& load, std::size_t count) {
    while (count-- > 0) {
        const bool good = co_await connect(load);
        if (!good) ++load.failed;
    }
}

asio::awaitable<void> talk(Load& load, std::size_t index) {
    const std::shared_ptr<net::TlsStream> stream = load.open[index];
    asio::steady_timer timer(co_await asio::this_coro::executor);
    std::array<std::uint8_t, message_size> message{}, answer{};
    message.fill(static_cast<std::uint8_t>(index));
    auto due = load.start + load.pause * static_cast<Clock::rep>(index) / static_cast<Clock::rep>(load.open.size());
    for (std::size_t i = 0; i < load.each; ++i, due += load.pause) {
        std::error_code ec;
        timer.expires_at(due);
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        message[0] = static_cast<std::uint8_t>(i);
        const net::IoResult sent = co_await stream->write(message);
        bool good = sent.ok();
        if (good) good = co_await read_exactly(stream, answer);
        if (!good || answer != message) {
            ++load.failed;
            break;
        }
        const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - due);
        load.latencies.push_back(static_cast<std::uint32_t>(took.count()));
    }
    stream->close();
}

/// Runs what was spawned; how much of it failed ends the program.
void run(asio::io_context& context, const Load& load) {
    context.restart();
    context.run();
    if (load.failed == 0) return;
    std::fprintf(stderr, "bench-websocket: %zu connections failed\n", load.failed);
    std::exit(EXIT_FAILURE);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 6) return EXIT_FAILURE;
    Load load;
    load.target = net::Tcp::endpoint(asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoul(argv[1])));
    load.host = argv[2];
    tls::ClientOptions options;
    options.verify = false; // as h2load
    options.alpn = {"http/1.1"};
    load.tls = *tls::ClientContext::create(std::move(options));
    const std::size_t connections = std::stoul(argv[3]), messages = std::stoul(argv[4]), rate = std::stoul(argv[5]);
    load.each = messages / connections;
    load.pause = Clock::duration(std::chrono::seconds(connections)) / static_cast<Clock::rep>(rate);

    asio::io_context context(1);
    constexpr std::size_t at_once = 10;
    for (std::size_t i = 0; i < at_once; ++i) {
        asio::co_spawn(context, connect_some(load, (connections + i) / at_once), asio::detached);
    }
    run(context, load);
    std::printf("ready\n");
    std::fflush(stdout);
    if (std::getchar() == EOF) return EXIT_FAILURE;
    load.start = Clock::now();
    load.latencies.reserve(messages);
    for (std::size_t i = 0; i < load.open.size(); ++i) asio::co_spawn(context, talk(load, i), asio::detached);
    run(context, load);
    std::ranges::sort(load.latencies);
    std::printf("%u %u\n", load.latencies[load.latencies.size() / 2], load.latencies[load.latencies.size() * 99 / 100]);
}
