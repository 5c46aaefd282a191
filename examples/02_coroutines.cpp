// Lesson 2: the same with coroutines on the program's own io_context, against an edge that runs elsewhere.
//
//   ADIT_SERVER=host:port ADIT_AUTHTOKEN=... ADIT_ROOTS=ca.pem examples/run 02_coroutines [URL]
#include <adit/adit.hpp>

#include <asio/read_until.hpp>
#include <asio/signal_set.hpp>
#include <asio/write.hpp>

#include <cstdio>
#include <string>

asio::awaitable<void> answer(adit::Connection connection) {
    std::string request;
    std::string response = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n";
    auto buffer = asio::dynamic_buffer(request, 16 * 1024);
    co_await asio::async_read_until(connection, buffer, "\r\n\r\n", asio::use_awaitable);
    auto bytes = asio::buffer(response);
    co_await asio::async_write(connection, bytes, asio::use_awaitable);
}

asio::awaitable<void> run(std::string url) {
    auto executor = co_await asio::this_coro::executor;
    auto options = adit::SessionOptions::from_env();
    auto endpoint = adit::Endpoint(url);
    adit::ErrorInfo error;
    auto connecting = adit::Session::async_connect(executor, options, error, adit::as_tuple);
    auto [failed, session] = co_await std::move(connecting);
    if (failed) {
        std::fprintf(stderr, "connect: %s\n", error.to_string().c_str());
        co_return;
    }
    auto listener = co_await session.async_listen(endpoint);
    std::printf("online: %s\n", listener.url().c_str());
    std::fflush(stdout);
    for (;;) {
        auto accepting = listener.async_accept(adit::as_tuple);
        auto [ended, connection] = co_await std::move(accepting);
        if (ended) co_return;
        // A connection that breaks ends its own coroutine only.
        asio::co_spawn(executor, answer(std::move(connection)), asio::detached);
    }
}

int main(int argc, char** argv) {
    asio::io_context context;
    asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&context](std::error_code, int) { context.stop(); });
    asio::co_spawn(context, run(argc > 1 ? argv[1] : "https://"), [&context](const std::exception_ptr& error) {
        try {
            if (error) std::rethrow_exception(error);
        } catch (const std::exception& problem) {
            std::fprintf(stderr, "%s\n", problem.what());
        }
        context.stop();
    });
    context.run();
}
