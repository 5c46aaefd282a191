// Sessions that do nothing, and sessions that are wanted at once.
//
//   bench-sessions SERVER TOKEN ROOTS       prints "ready", then one line for each line of standard input, until that ends:
//     open N        opens N sessions that stay: "ok"
//     hello         opens a session and a listener that answers every connection with one byte: "ok URL"
#include <adit/adit.hpp>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

namespace {

asio::awaitable<void> greet(std::shared_ptr<adit::Listener> listener) {
    const std::string answer = "x";
    std::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    while (!ec) {
        adit::Connection connection = co_await listener->async_accept(token);
        if (!ec) co_await asio::async_write(connection, asio::buffer(answer), token);
    }
}

asio::awaitable<void> run(adit::SessionOptions options) {
    const auto executor = co_await asio::this_coro::executor;
    asio::posix::stream_descriptor input(executor, ::dup(STDIN_FILENO));
    std::vector<adit::Session> sessions;
    std::vector<std::shared_ptr<adit::Listener>> listeners;
    std::string text;
    std::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    for (;;) {
        auto buffer = asio::dynamic_buffer(text, 1024);
        const std::size_t n = co_await asio::async_read_until(input, buffer, '\n', token);
        if (ec) co_return;
        std::istringstream words(text.substr(0, n));
        text.erase(0, n);
        std::string command, url;
        std::size_t count = 1;
        words >> command >> count;
        for (std::size_t i = 0; command == "open" && i < count; ++i) {
            auto session = co_await adit::Session::async_connect(executor, options);
            sessions.push_back(std::move(session));
        }
        if (command == "hello") {
            auto session = co_await adit::Session::async_connect(executor, options);
            const adit::Endpoint endpoint("tcp://");
            auto listener = co_await session.async_listen(endpoint);
            url = listener.url();
            sessions.push_back(std::move(session));
            listeners.push_back(std::make_shared<adit::Listener>(std::move(listener)));
            asio::co_spawn(executor, greet(listeners.back()), asio::detached);
        }
        std::printf("ok %s\n", url.c_str());
        std::fflush(stdout);
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) return EXIT_FAILURE;
    asio::io_context context(1);
    const auto options = adit::SessionOptions().server(argv[1]).authtoken(argv[2]).roots_file(argv[3]);
    asio::co_spawn(context, run(options), [&context](const std::exception_ptr& error) {
        try {
            if (error) std::rethrow_exception(error);
        } catch (const std::exception& problem) {
            std::fprintf(stderr, "bench-sessions: %s\n", problem.what());
        }
        context.stop();
    });
    std::printf("ready\n");
    std::fflush(stdout);
    context.run();
}
