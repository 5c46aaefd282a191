// Lesson 6: cancel and timeout. Every operation can be cancelled as Asio does it, and every blocking one takes a time. Nothing
// is lost: a visitor after a cancelled accept is accepted, bytes after a cancelled read are read.
//
//   examples/run 06_cancel_and_timeout      then connect to the URL that it prints, with nc; wait; type a line
#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include <asio/cancellation_signal.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/write.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <exception>

using namespace asio::experimental::awaitable_operators;
using namespace std::chrono_literals;

// Callbacks: a cancellation slot. Coroutines have one too, which `||` uses.
void cancel_a_callback(adit::Listener& listener, asio::io_context& context) {
    asio::cancellation_signal signal;
    auto handler = [](std::error_code ec, const adit::Connection&) {
        std::printf("callback: %s\n", ec == asio::error::operation_aborted ? "cancelled" : ec.message().c_str());
    };
    auto on_context = asio::bind_executor(context, handler);
    listener.async_accept(asio::bind_cancellation_slot(signal.slot(), on_context));
    signal.emit(asio::cancellation_type::total);
    context.run();
    context.restart();
}

// Coroutines: the first of two ends the other, and the race waits for both. The winner is in a variant.
asio::awaitable<void> race_against_time(adit::Listener listener) {
    auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, 50ms);
    auto accepting = listener.async_accept(asio::use_awaitable);
    auto first = std::move(accepting) || timer.async_wait(asio::use_awaitable);
    auto nobody = co_await std::move(first);
    std::printf("coroutine: %s\n", nobody.index() == 1 ? "nobody came in time" : "somebody came");
    std::printf("online: %s\n", listener.url().c_str());
    std::fflush(stdout);

    adit::Connection connection = co_await listener.async_accept();
    std::array<char, 100> bytes;
    auto buffer = asio::buffer(bytes);
    timer.expires_after(500ms);
    auto reading = connection.async_read_some(buffer, asio::use_awaitable);
    auto second = std::move(reading) || timer.async_wait(asio::use_awaitable);
    auto silence = co_await std::move(second);
    std::printf("read: %s\n", silence.index() == 1 ? "the visitor said nothing in time" : "the visitor was quick");
    std::fflush(stdout);
    if (silence.index() == 0) co_return;

    std::size_t count = co_await connection.async_read_some(buffer);
    auto line = asio::buffer(bytes, count);
    co_await asio::async_write(connection, line, asio::use_awaitable);
}

int main() {
    auto edge = adit::edge::Server::start(adit::edge::ServerOptions().authtoken("lesson"));
    auto options = adit::SessionOptions().server(edge.agent_address()).roots_pem(edge.ca_pem()).authtoken("lesson");
    options.connect_timeout(5s); // for name, TCP, TLS and authentication together
    auto session = adit::Session::connect(options);
    auto listener = session.listen(adit::Endpoint("tcp://"));

    // Blocking: the time is an argument, or a property of a connection (read_timeout, write_timeout).
    std::error_code ec;
    listener.accept_for(50ms, ec);
    std::printf("blocking: %s\n", ec == adit::condition::timeout ? "nobody came in time" : ec.message().c_str());

    asio::io_context context;
    cancel_a_callback(listener, context);
    asio::co_spawn(context, race_against_time(listener), [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
    });
    context.run();
    session.close(5s); // what was written still goes out,
    edge.drain(5s);    // and on to the visitor
}
