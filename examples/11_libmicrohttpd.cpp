// Lesson 11: an existing libmicrohttpd server behind a listener. The daemon has no listening socket; it gets each connection
// as a descriptor, together with the visitor's address.
//
//   examples/run 11_libmicrohttpd      serves until Enter
#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include <microhttpd.h>

#include <cstdio>
#include <string>
#include <thread>

#include <arpa/inet.h>

// The server as it was.
MHD_Result answer(void*, MHD_Connection* connection, const char* url, const char*, const char*, const char*, size_t*,
                  void**) {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char address[INET_ADDRSTRLEN] = "";
    const auto* visitor = reinterpret_cast<const sockaddr_in*>(info->client_addr);
    if (visitor->sin_family == AF_INET) inet_ntop(AF_INET, &visitor->sin_addr, address, sizeof address);
    std::string body = "libmicrohttpd: " + std::string(url) + " for " + address + "\n";
    MHD_Response* response = MHD_create_response_from_buffer(body.size(), body.data(), MHD_RESPMEM_MUST_COPY);
    const MHD_Result queued = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return queued;
}

// What is new.
void serve(adit::Listener listener, MHD_Daemon* daemon) {
    for (;;) {
        std::error_code ec;
        adit::Connection connection = listener.accept(ec);
        if (ec) return; // closed, below
        const auto visitor = connection.remote_endpoint();
        const int descriptor = connection.release_socket(ec);
        if (ec) continue; // no descriptor is left; the visitor sees its connection end
        // The daemon owns the descriptor from here on, also when it refuses it.
        MHD_add_connection(daemon, descriptor, visitor.data(), static_cast<socklen_t>(visitor.size()));
    }
}

int main() {
    const unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET;
    MHD_Daemon* daemon =
        MHD_start_daemon(flags, 0, nullptr, nullptr, answer, nullptr, MHD_OPTION_CONNECTION_TIMEOUT, 30U, MHD_OPTION_END);
    if (daemon == nullptr) return 1;

    auto edge = adit::edge::Server::start(adit::edge::ServerOptions().authtoken("lesson"));
    auto options = adit::SessionOptions().server(edge.agent_address()).roots_pem(edge.ca_pem()).authtoken("lesson");
    auto session = adit::Session::connect(options);
    auto listener = session.listen(adit::Endpoint("http://microhttpd.localhost"));
    std::thread thread(serve, listener, daemon);
    std::printf("online: %s\n", listener.url().c_str());
    std::fflush(stdout);

    std::getchar();
    listener.close();
    thread.join();
    MHD_stop_daemon(daemon);
}
