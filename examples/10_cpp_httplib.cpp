// Lesson 10: an existing cpp-httplib server behind a listener. Routes and handlers stay as they are; connections reach it as
// httplib streams (of 0.11), not from a port, and it sees who the visitor is.
//
//   examples/run 10_cpp_httplib      serves until Enter
#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include <httplib.h>

#include <array>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

class ConnectionStream : public httplib::Stream {
public:
    explicit ConnectionStream(adit::Connection& connection) : connection_(connection) {}
    bool is_readable() const override { return true; } // read() waits, for at most the connection's read_timeout
    bool is_writable() const override { return true; }
    ssize_t read(char* to, size_t size) override { // buffered, for httplib reads heads byte by byte
        std::error_code ec;                        // 0 bytes at the visitor's end and at an error
        if (pending_.size() == 0) pending_ = asio::buffer(bytes_, connection_.read_some(asio::buffer(bytes_), ec));
        const std::size_t count = asio::buffer_copy(asio::buffer(to, size), pending_);
        pending_ += count;
        return static_cast<ssize_t>(count);
    }
    ssize_t write(const char* from, size_t size) override {
        std::error_code ec;
        const auto count = static_cast<ssize_t>(connection_.write_some(asio::buffer(from, size), ec));
        return ec ? -1 : count;
    }
    void get_remote_ip_and_port(std::string& ip, int& port) const override {
        ip = connection_.remote_endpoint().address().to_string();
        port = connection_.remote_endpoint().port();
    }
    void get_local_ip_and_port(std::string&, int&) const override {}
    socket_t socket() const override { return INVALID_SOCKET; }

private:
    adit::Connection& connection_;
    std::array<char, 4096> bytes_;
    asio::const_buffer pending_;
};

class Server : public httplib::Server { // in place of httplib::Server, and serve(connection) of listen()
public:
    void serve(adit::Connection& connection) {
        connection.read_timeout(std::chrono::seconds(keep_alive_timeout_sec_));
        ConnectionStream stream(connection);
        bool closed = false;
        while (!closed && process_request(stream, false, closed, nullptr)) {}
    }
};

void accept_loop(adit::Listener listener, Server* server) {
    httplib::ThreadPool pool(8);
    std::error_code ec;
    while (!ec) { // until the listener is closed
        auto connection = std::make_shared<adit::Connection>(listener.accept(ec));
        if (!ec) pool.enqueue([server, connection] { server->serve(*connection); });
    }
    pool.shutdown(); // after those who are there
}

int main() {
    Server server;
    server.Post("/hi/(.*)", [](const httplib::Request& request, httplib::Response& response) {
        response.set_content(request.matches.str(1) + ", " + request.remote_addr + ": " + request.body, "text/plain");
    });
    auto edge = adit::edge::Server::start(adit::edge::ServerOptions().authtoken("lesson"));
    auto options = adit::SessionOptions().server(edge.agent_address()).roots_pem(edge.ca_pem()).authtoken("lesson");
    auto session = adit::Session::connect(options);
    auto listener = session.listen(adit::Endpoint("http://httplib.localhost"));
    std::thread thread(accept_loop, listener, &server);
    std::cout << "online: " << listener.url() << std::endl;
    std::cin.get();
    listener.close();
    thread.join();
}
