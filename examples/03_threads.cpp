// Lesson 3: blocking threads. Four share one listener: each accepts, serves its visitor to the end, and accepts again.
// Visitors beyond four wait in the listener's backlog; a silent one costs its thread five seconds and no more.
//
//   examples/run 03_threads      serves until Enter
#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include <asio/read_until.hpp>
#include <asio/write.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

void answer(adit::Connection connection, int number) {
    connection.read_timeout(5s);
    connection.write_timeout(5s);
    std::error_code ec; // a visitor that breaks off ends its own connection only
    std::string request;
    asio::read_until(connection, asio::dynamic_buffer(request, 16 * 1024), "\r\n\r\n", ec);
    if (ec) return;
    const std::string body = "thread " + std::to_string(number) + "\n";
    const std::string head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ";
    asio::write(connection, asio::buffer(head + std::to_string(body.size()) + "\r\n\r\n" + body), ec);
}

// Every thread has its own handle on the listener; all of them may wait in accept at once and are served in order.
void work(adit::Listener listener, int number) {
    for (;;) {
        std::error_code ec;
        adit::Connection connection = listener.accept(ec);
        if (ec == adit::condition::closed) return; // listener.close(), below
        if (ec) {
            std::fprintf(stderr, "accept: %s\n", listener.last_error().to_string().c_str());
            return;
        }
        answer(std::move(connection), number);
    }
}

int main() {
    // An edge in this process, so that the lesson runs by itself. In real life: SessionOptions::from_env().
    auto edge = adit::edge::Server::start(adit::edge::ServerOptions().authtoken("lesson"));
    auto options = adit::SessionOptions().server(edge.agent_address()).roots_pem(edge.ca_pem()).authtoken("lesson");
    auto session = adit::Session::connect(options);
    auto listener = session.listen(adit::Endpoint("http://threads.localhost"));

    std::vector<std::thread> threads;
    for (int number = 1; number <= 4; ++number) threads.emplace_back(work, listener, number);
    std::printf("online: %s\n", listener.url().c_str());
    std::fflush(stdout);

    std::getchar();
    listener.close(); // wakes every accept
    for (auto& thread : threads) thread.join();
    std::printf("all threads ended\n");
}
