// Short connections: each sends one request, reads to the end and is over. Prints how many failed; 0 is success.
//
//   bench-connect PORT COUNT CLIENTS          raw TCP, asks the backend for one byte
//   bench-connect PORT COUNT CLIENTS HOST     GET / of that host, in plain HTTP
#include <adit/asio.hpp>

#include <asio/write.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using asio::ip::tcp;

class Load {
public:
    tcp::endpoint target;
    std::string request;
    std::string answer; ///< how what comes back starts
    std::size_t left = 0;
    std::size_t failed = 0;
};

asio::awaitable<bool> once(const Load& load) {
    tcp::socket socket(co_await asio::this_coro::executor);
    std::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    co_await socket.async_connect(load.target, token);
    if (ec) co_return false;
    socket.set_option(tcp::no_delay(true), ec);
    co_await asio::async_write(socket, asio::buffer(load.request), token);
    std::array<char, 4096> buffer;
    std::string start;
    while (!ec) {
        const std::size_t n = co_await socket.async_read_some(asio::buffer(buffer), token);
        if (start.size() < load.answer.size()) start.append(buffer.data(), n);
    }
    co_return ec == asio::error::eof && start.starts_with(load.answer);
}

asio::awaitable<void> client(Load& load) {
    while (load.left > 0) {
        --load.left;
        const bool good = co_await once(load);
        if (!good) ++load.failed;
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4 && argc != 5) return EXIT_FAILURE;
    Load load;
    load.target = tcp::endpoint(asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoul(argv[1])));
    load.left = std::stoul(argv[2]);
    load.request = "1\n";
    load.answer = "x";
    if (argc == 5) {
        load.request = std::string("GET /1 HTTP/1.1\r\nHost: ") + argv[4] + "\r\nConnection: close\r\n\r\n";
        load.answer = "HTTP/1.1 200";
    }
    asio::io_context context(1);
    for (unsigned long i = std::stoul(argv[3]); i > 0; --i) asio::co_spawn(context, client(load), asio::detached);
    context.run();
    std::printf("%zu\n", load.failed);
    return load.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
