// Lesson 13: an existing Boost.Beast server behind a listener. Beast runs on Boost.Asio, adit on standalone Asio. Both may be in
// one program, but older Boosts (1.74 of Debian 12) clash with standalone Asio inside of one source file. So the server stays in
// its own (beast/server.cpp), and connections cross over as descriptors: local stream sockets, for Beast.
//
//   examples/run 13_beast      serves until Enter
#include "beast/server.hpp"

#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include <cstdio>
#include <functional>
#include <thread>

// In place of the accept loop on a port.
void accept_loop(adit::Listener listener, BeastServer& server) {
    for (;;) {
        std::error_code ec;
        adit::Connection connection = listener.accept(ec);
        if (ec) return; // closed, below
        const int descriptor = connection.release_socket(ec);
        if (!ec) server.serve(descriptor);
        else std::fprintf(stderr, "%s: %s\n", connection.remote_address().c_str(), ec.message().c_str());
    }
}

int main() {
    BeastServer server;
    auto edge = adit::edge::Server::start(adit::edge::ServerOptions().authtoken("lesson"));
    auto options = adit::SessionOptions().server(edge.agent_address()).roots_pem(edge.ca_pem()).authtoken("lesson");
    auto session = adit::Session::connect(options);
    auto listener = session.listen(adit::Endpoint("http://beast.localhost"));
    std::thread thread(accept_loop, listener, std::ref(server));
    std::printf("online: %s\n", listener.url().c_str());
    std::fflush(stdout);

    std::getchar();
    listener.close();
    thread.join();
}
