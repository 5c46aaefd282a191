// An edge and an application behind it in one process, for visitors who are slow on purpose: prints "HTTP-PORT", and ends
// when its standard input does. GET answers 1 MiB at /large and two bytes elsewhere; POST answers when its body is there.
#include <adit/adit.hpp>
#include <adit/edge.hpp>
#include <asio/write.hpp>

#include <sys/resource.h>

#include <cstdio>
#include <string>
#include <thread>

namespace {

std::size_t length_of(const std::string& head) {
    const std::size_t at = head.find("Content-Length: ");
    return at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
}

asio::awaitable<void> serve(adit::Connection connection) {
    const std::string large(1u << 20, 'x');
    std::string in;
    std::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    for (;;) {
        std::size_t end = std::string::npos;
        std::size_t wanted = 0;
        while ((end = in.find("\r\n\r\n")) == std::string::npos || in.size() < (wanted = end + 4 + length_of(in.substr(0, end + 2)))) {
            char buffer[16'384];
            auto room = asio::buffer(buffer);
            const std::size_t n = co_await connection.async_read_some(room, token);
            if (ec) co_return;
            in.append(buffer, n);
        }
        const bool is_large = in.starts_with("GET /large ");
        in.erase(0, wanted);
        const std::string body = is_large ? large : "ok";
        const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        auto bytes = asio::buffer(answer);
        co_await asio::async_write(connection, bytes, token);
        if (ec) co_return;
    }
}

asio::awaitable<void> accept_all(adit::Listener& listener) {
    std::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    for (;;) {
        adit::Connection connection = co_await listener.async_accept(token);
        if (ec) co_return;
        asio::co_spawn(executor, serve(std::move(connection)), asio::detached);
    }
}

} // namespace

int main() {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    adit::edge::ServerOptions options;
    options.base_domain("edge.test").authtoken("slow");
    adit::edge::Server server = adit::edge::Server::start(options);
    adit::SessionOptions agent;
    agent.server(server.agent_address()).roots_pem(server.ca_pem()).authtoken("slow");
    adit::Session session = adit::Session::connect(agent);
    adit::Listener listener = session.listen(adit::Endpoint("http://a.edge.test").backlog(500));
    asio::io_context io;
    asio::co_spawn(io, accept_all(listener), asio::detached);
    std::thread application([&] { io.run(); });
    std::printf("%u\n", static_cast<unsigned>(server.http_port()));
    std::fflush(stdout);
    while (std::getchar() != EOF) {}
    io.stop();
    application.join();
    return 0;
}
