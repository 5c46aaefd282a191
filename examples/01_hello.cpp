// Lesson 1: everything in one process. An edge on loopback, a session to it over real TLS, a listener on an https URL,
// and an accept loop that answers. In real life the edge runs elsewhere: see edge.cpp.
//
//   examples/run          serves until Ctrl-C
//   examples/run --once   ends after the request that it makes itself; 0 if that was answered
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

// Reads one request head and answers it.
void answer(adit::Connection connection) {
    std::error_code ec;
    std::string request;
    asio::read_until(connection, asio::dynamic_buffer(request, 16 * 1024), "\r\n\r\n", ec);
    if (ec) return;
    const std::string body = "Hello " + connection.remote_address() + ", this is C++ behind adit.\n";
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: ";
    asio::write(connection, asio::buffer(head + std::to_string(body.size()) + "\r\n\r\n" + body), ec);
}

void accept_loop(adit::Listener listener) {
    std::error_code ec;
    while (!ec) { // until the listener is closed
        adit::Connection connection = listener.accept(ec);
        if (!ec) std::thread(answer, std::move(connection)).detach();
    }
}

int run(bool once) {
    // Threads inherit the mask: Ctrl-C is then taken by sigwait below, at a place of our choosing.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ); // curl writes there too
    auto edge = adit::edge::Server::start(adit::edge::ServerOptions().authtoken("hello-token"));
    auto session = adit::Session::connect(
        adit::SessionOptions().server(edge.agent_address()).roots_pem(edge.ca_pem()).authtoken("hello-token"));
    auto listener = session.listen(adit::Endpoint("https://hello.localhost"));
    std::thread acceptor(accept_loop, listener);

    const auto roots = std::filesystem::temp_directory_path() / ("adit-hello-" + std::to_string(::getpid()) + ".pem");
    std::ofstream(roots) << edge.ca_pem();
    const std::string curl = "curl --silent --show-error --cacert " + roots.string() + " " + listener.url() + "/";
    std::printf("online: %s\ntry it: %s\n\n", listener.url().c_str(), curl.c_str());
    const bool answered = std::system(curl.c_str()) == 0; // the same request, made by us
    if (!once) {
        std::printf("\nserving; Ctrl-C ends it\n");
        int signal = 0;
        sigwait(&signals, &signal);
    }
    listener.close();
    acceptor.join();
    std::filesystem::remove(roots);
    return answered ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char** argv) {
    try {
        return run(argc > 1 && std::string(argv[1]) == "--once");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "hello: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
