// Lesson 5: forward. A web server on this machine becomes reachable on an https URL without a line of its own changed. Here
// the server and an edge run in this process too; in real life both are elsewhere: see edge.cpp.
//
//   examples/run 05_forward          serves until Ctrl-C
//   examples/run 05_forward --once   ends after the requests that it makes itself; 0 if they were answered
#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include <asio/read_until.hpp>
#include <asio/write.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <unistd.h>

using asio::ip::tcp;

// The server: any program that listens on a port. It knows nothing of adit.
asio::awaitable<void> answer(tcp::socket socket) {
    std::string request;
    std::string response;
    auto buffer = asio::dynamic_buffer(request, 16 * 1024);
    for (;;) { // the forwarder keeps the connection for its next request; its end is an exception, which ends this coroutine
        co_await asio::async_read_until(socket, buffer, "\r\n\r\n", asio::use_awaitable);
        const std::string line = request.substr(0, request.find('\r')) + "\n";
        response = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(line.size()) + "\r\n\r\n" + line;
        auto bytes = asio::buffer(response);
        co_await asio::async_write(socket, bytes, asio::use_awaitable);
        request.clear();
    }
}

asio::awaitable<void> serve(tcp::acceptor& acceptor) {
    for (;;) {
        tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
        asio::co_spawn(acceptor.get_executor(), answer(std::move(socket)), asio::detached);
    }
}

int run(bool once) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    asio::io_context context;
    tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));

    auto edge = adit::edge::Server::start(adit::edge::ServerOptions().authtoken("forward-token"));
    auto session = adit::Session::connect(
        adit::SessionOptions().server(edge.agent_address()).roots_pem(edge.ca_pem()).authtoken("forward-token"));
    auto upstream = adit::Upstream("localhost:" + std::to_string(acceptor.local_endpoint().port()));
    auto forwarder = session.forward(adit::Endpoint("https://forward.localhost"), upstream);
    asio::co_spawn(context, serve(acceptor), asio::detached);
    std::thread server([&context] { context.run(); });
    std::printf("%s -> %s\n", forwarder.url().c_str(), forwarder.upstream().c_str());
    std::fflush(stdout);
    const auto roots = std::filesystem::temp_directory_path() / ("adit-forward-" + std::to_string(::getpid()) + ".pem");
    std::ofstream(roots) << edge.ca_pem();
    const std::string url = forwarder.url();
    const std::string curl = "curl -sS --cacert " + roots.string() + " " + url + "/one " + url + "/two";
    const bool answered = std::system(curl.c_str()) == 0;
    if (!once) {
        int signal = 0;
        sigwait(&signals, &signal);
    }
    forwarder.close();
    const adit::ErrorInfo why = forwarder.wait();
    context.stop();
    server.join();
    std::printf("%llu requests; %s\n", static_cast<unsigned long long>(forwarder.counters().requests), why.message().c_str());
    std::filesystem::remove(roots);
    return answered ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char** argv) {
    try {
        return run(argc > 1 && std::string(argv[1]) == "--once");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return EXIT_FAILURE;
    }
}
