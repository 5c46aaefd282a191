// The same with plain sockets, an operation for an operation: it looks a name up, connects, accepts, reads and writes.
#include "asio_parts.hpp" // made by compile_time.py: what <adit/asio.hpp> includes of Asio

namespace {

using asio::ip::tcp;

asio::awaitable<void> serve(tcp::socket connection) {
    char bytes[1024];
    for (;;) {
        const std::size_t n = co_await connection.async_read_some(asio::buffer(bytes), asio::use_awaitable);
        co_await connection.async_write_some(asio::buffer(bytes, n), asio::use_awaitable);
    }
}

asio::awaitable<void> run() {
    auto executor = co_await asio::this_coro::executor;
    tcp::resolver resolver(executor);
    const auto found = co_await resolver.async_resolve("localhost", "443", asio::use_awaitable);
    tcp::socket session(executor);
    co_await session.async_connect(*found.begin(), asio::use_awaitable);
    tcp::acceptor listener(executor, tcp::endpoint(tcp::v4(), 0));
    for (;;) {
        tcp::socket connection = co_await listener.async_accept(asio::use_awaitable);
        asio::co_spawn(executor, serve(std::move(connection)), asio::detached);
    }
}

} // namespace

int main() {
    asio::io_context context;
    asio::co_spawn(context, run(), asio::detached);
    context.run();
}
