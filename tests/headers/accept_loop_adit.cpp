// An application of adit: it connects, listens, accepts, reads and writes. See compile_time.py.
#include <adit/adit.hpp>

namespace {

asio::awaitable<void> serve(adit::Connection connection) {
    char bytes[1024];
    for (;;) {
        const std::size_t n = co_await connection.async_read_some(asio::buffer(bytes));
        co_await connection.async_write_some(asio::buffer(bytes, n));
    }
}

asio::awaitable<void> run() {
    auto executor = co_await asio::this_coro::executor;
    const auto options = adit::SessionOptions::from_env();
    adit::Session session = co_await adit::Session::async_connect(executor, options);
    const adit::Endpoint endpoint("https://");
    adit::Listener listener = co_await session.async_listen(endpoint);
    for (;;) {
        adit::Connection connection = co_await listener.async_accept();
        asio::co_spawn(executor, serve(std::move(connection)), asio::detached);
    }
}

} // namespace

int main() {
    asio::io_context context;
    asio::co_spawn(context, run(), asio::detached);
    context.run();
}
