// Lesson 8: TCP. The edge opens a port for us, and the visitor's bytes arrive as they are, half closed ends included: a visitor
// sends what it has, ends its direction, and gets the sum.
//
//   examples/run 08_tcp      serves until Enter; try it with: printf 'one\ntwo\n' | nc -N HOST PORT
#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include <asio/use_future.hpp>
#include <asio/write.hpp>

#include <array>
#include <cstdio>
#include <exception>
#include <future>
#include <string>
#include <string_view>
#include <thread>

asio::awaitable<void> sum_up(adit::Connection connection) {
    std::array<char, 16 * 1024> bytes;
    auto buffer = asio::buffer(bytes);
    std::size_t total = 0, lines = 0;
    for (;;) {
        auto reading = connection.async_read_some(buffer, adit::as_tuple);
        auto [ec, count] = co_await std::move(reading);
        if (ec == asio::error::eof) break; // the visitor's end; our direction is still open
        if (ec) co_return;                 // reset, or the session was lost: errc::connection_reset, errc::session_lost
        total += count;
        for (const char byte : std::string_view(bytes.data(), count)) lines += byte == '\n' ? 1U : 0U;
    }
    const std::string answer = std::to_string(total) + " bytes, " + std::to_string(lines) + " lines from " +
                               connection.remote_endpoint().address().to_string() + "\n";
    auto text = asio::buffer(answer);
    co_await asio::async_write(connection, text, asio::use_awaitable);
    connection.shutdown(asio::ip::tcp::socket::shutdown_send); // says that it was all; destroying would say so too
}

asio::awaitable<void> serve(adit::Listener listener) {
    auto executor = co_await asio::this_coro::executor;
    for (;;) {
        auto accepting = listener.async_accept(adit::as_tuple);
        auto [ec, connection] = co_await std::move(accepting);
        if (ec) co_return; // closed, below
        std::printf("visitor %s\n", connection.remote_address().c_str());
        std::fflush(stdout);
        asio::co_spawn(executor, sum_up(std::move(connection)), asio::detached);
    }
}

int main() {
    auto edge = adit::edge::Server::start(adit::edge::ServerOptions().authtoken("lesson"));
    auto options = adit::SessionOptions().server(edge.agent_address()).roots_pem(edge.ca_pem()).authtoken("lesson");
    // A blocking session may have asynchronous users: they run where the program likes.
    auto session = adit::Session::connect(options);
    auto listener = session.listen(adit::Endpoint("tcp://")); // "tcp://host:22000" asks for a port, if the edge allows it
    asio::io_context context;
    std::future<void> served = asio::co_spawn(context, serve(listener), asio::use_future);
    std::thread worker([&context] { context.run(); });
    std::printf("online: %s\n", listener.url().c_str());
    std::fflush(stdout);

    std::getchar();
    listener.close();
    served.get();
    worker.join(); // visitors who are there are served to the end
    std::printf("served\n");
}
