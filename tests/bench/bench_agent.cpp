// An agent on the public API that takes every connection to a local port.
//
//   bench-agent SERVER TOKEN ROOTS URL PORT               pumps its bytes, one dial each, as the official agents do
//   bench-agent SERVER TOKEN ROOTS URL PORT UPSTREAM      leaves it to a Forwarder: UPSTREAM is tcp or http
//   bench-agent SERVER TOKEN ROOTS URL PORT serve         answers itself what the backend answers to a request for one byte
//
// Prints "ready URL"; ends when standard input does.
#include <adit/adit.hpp>

#include <asio/connect.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <unistd.h>

namespace {

using asio::ip::tcp;

constexpr std::size_t buffer_size = 64 * 1024;

class Both {
public:
    Both(adit::Connection c, const asio::any_io_executor& executor) : visitor(std::move(c)), upstream(executor) {}
    adit::Connection visitor;
    tcp::socket upstream;
};

template <class From, class To>
asio::awaitable<void> copy([[maybe_unused]] std::shared_ptr<Both> alive, From& from, To& to) {
    const auto bytes = std::make_unique_for_overwrite<char[]>(buffer_size);
    std::error_code ec;
    for (;;) {
        auto read = from.async_read_some(asio::buffer(bytes.get(), buffer_size), asio::redirect_error(asio::use_awaitable, ec));
        const std::size_t n = co_await std::move(read);
        if (ec) break;
        auto write = asio::async_write(to, asio::buffer(bytes.get(), n), asio::redirect_error(asio::use_awaitable, ec));
        co_await std::move(write);
        if (ec) break;
    }
    std::error_code ignored;
    to.shutdown(tcp::socket::shutdown_send, ignored);
}

asio::awaitable<void> serve(std::shared_ptr<Both> both, tcp::endpoint target) {
    auto executor = co_await asio::this_coro::executor;
    std::error_code ec;
    co_await both->upstream.async_connect(target, asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return;
    both->upstream.set_option(tcp::no_delay(true), ec);
    asio::co_spawn(executor, copy(both, both->visitor, both->upstream), asio::detached);
    co_await copy(both, both->upstream, both->visitor);
}

asio::awaitable<void> answer(adit::Connection connection) {
    const bool http = connection.protocol() != "tcp";
    const std::string response = http ? "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx" : "x";
    const std::string end_of_request = http ? "\r\n\r\n" : "\n";
    std::string request;
    std::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    for (;;) {
        auto buffer = asio::dynamic_buffer(request, 4096);
        const std::size_t n = co_await asio::async_read_until(connection, buffer, end_of_request, token);
        if (ec) co_return;
        request.erase(0, n);
        co_await asio::async_write(connection, asio::buffer(response), token);
        if (ec || !http) co_return;
    }
}

asio::awaitable<void> run(adit::SessionOptions options, std::string url, tcp::endpoint target, bool serves) {
    auto executor = co_await asio::this_coro::executor;
    auto session = co_await adit::Session::async_connect(executor, options);
    auto endpoint = adit::Endpoint(url).backlog(1'024); // a burst waits, as it does at the others
    auto listener = co_await session.async_listen(endpoint);
    std::printf("ready %s\n", listener.url().c_str());
    std::fflush(stdout);
    for (;;) {
        adit::Connection connection = co_await listener.async_accept();
        if (serves) {
            asio::co_spawn(executor, answer(std::move(connection)), asio::detached);
            continue;
        }
        asio::co_spawn(executor, serve(std::make_shared<Both>(std::move(connection), executor), target), asio::detached);
    }
}

asio::awaitable<void> forward(adit::SessionOptions options, std::string url, std::string upstream) {
    auto executor = co_await asio::this_coro::executor;
    auto session = co_await adit::Session::async_connect(executor, options);
    const auto endpoint = adit::Endpoint(url).backlog(1'024);
    const adit::Upstream target(upstream);
    auto forwarder = co_await session.async_forward(endpoint, target);
    std::printf("ready %s\n", forwarder.url().c_str());
    std::fflush(stdout);
    (void)co_await forwarder.async_wait();
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 6 && argc != 7) return EXIT_FAILURE;
    asio::io_context context(1);
    auto options = adit::SessionOptions().server(argv[1]).authtoken(argv[2]).roots_file(argv[3]);
    const tcp::endpoint target(asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoul(argv[5])));
    const std::string mode = argc == 7 ? argv[6] : "";
    auto agent = mode.empty() || mode == "serve"
                     ? run(options, argv[4], target, mode == "serve")
                     : forward(options, argv[4], mode + "://127.0.0.1:" + argv[5]);
    asio::co_spawn(context, std::move(agent), [&context](const std::exception_ptr& error) {
        try {
            if (error) std::rethrow_exception(error);
        } catch (const std::exception& problem) {
            std::fprintf(stderr, "bench-agent: %s\n", problem.what());
        }
        context.stop();
    });
    asio::posix::stream_descriptor input(context, ::dup(STDIN_FILENO));
    std::array<char, 16> byte{};
    input.async_read_some(asio::buffer(byte), [&context](std::error_code, std::size_t) { context.stop(); });
    context.run();
}
