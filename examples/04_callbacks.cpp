// Lesson 4: callbacks with a strand. Four threads run the program's io_context; the visitors share a count without a mutex,
// because every handler that touches it runs on one strand.
//
//   examples/run 04_callbacks      serves until Enter
#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include <asio/read_until.hpp>
#include <asio/write.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using Strand = asio::strand<asio::io_context::executor_type>;

// One visitor, which its handlers keep alive. Read and deadline may fire at once: on two threads, but for the strand.
class Visitor : public std::enable_shared_from_this<Visitor> {
public:
    Visitor(adit::Connection connection, Strand strand, int& count)
        : connection_(std::move(connection)), strand_(strand), deadline_(strand), count_(count) {}

    void start() {
        deadline_.expires_after(std::chrono::seconds(5));
        deadline_.async_wait([self = shared_from_this()](std::error_code ec) {
            if (!ec) self->connection_.reset(); // the read completes with errc::connection_closed
        });
        auto buffer = asio::dynamic_buffer(request_, 16 * 1024);
        auto handler = [self = shared_from_this()](std::error_code ec, std::size_t) { self->on_request(ec); };
        asio::async_read_until(connection_, buffer, "\r\n\r\n", asio::bind_executor(strand_, std::move(handler)));
    }

private:
    void on_request(std::error_code ec) {
        if (ec) return; // the last handler goes, and the visitor with it
        const std::string body = "visitor " + std::to_string(++count_) + "\n";
        response_ = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        auto handler = [self = shared_from_this()](std::error_code, std::size_t) { self->deadline_.cancel(); };
        asio::async_write(connection_, asio::buffer(response_), asio::bind_executor(strand_, std::move(handler)));
    }

    adit::Connection connection_;
    Strand strand_;
    asio::steady_timer deadline_;
    int& count_;
    std::string request_, response_;
};

void accept_next(adit::Listener& listener, const Strand& strand, int& count) {
    auto handler = [&listener, strand, &count](std::error_code ec, adit::Connection connection) {
        if (ec) return; // the listener was closed
        std::make_shared<Visitor>(std::move(connection), strand, count)->start();
        accept_next(listener, strand, count);
    };
    listener.async_accept(asio::bind_executor(strand, std::move(handler)));
}

int main() {
    auto edge = adit::edge::Server::start(adit::edge::ServerOptions().authtoken("lesson"));
    auto options = adit::SessionOptions().server(edge.agent_address()).roots_pem(edge.ca_pem()).authtoken("lesson");
    auto session = adit::Session::connect(options);
    auto listener = session.listen(adit::Endpoint("http://callbacks.localhost"));

    asio::io_context context;
    int count = 0;
    accept_next(listener, asio::make_strand(context), count);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&context] { context.run(); });
    std::printf("online: %s\n", listener.url().c_str());
    std::fflush(stdout);

    std::getchar();
    listener.close(); // when the last visitor has gone nothing is left to do, and the threads return
    for (auto& thread : threads) thread.join();
    std::printf("%d visitors\n", count);
}
