// Lesson 7: TLS that ends in this program. The edge passes the visitors' TLS on by its server name and cannot read a byte of
// it; the key stays here, and certificates are swapped while connections live.
//
//   examples/run 07_tls_in_app          serves until Enter
//   examples/run 07_tls_in_app --once   ends after the requests that it makes itself; 0 if they were answered
#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include <asio/read_until.hpp>
#include <asio/write.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include <unistd.h>

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

// A self-signed certificate, as one has for a first try.
bool make_certificate(const fs::path& to, const std::string& who) {
    const std::string command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" +
                                who + " -addext subjectAltName=DNS:secret.localhost -keyout " + (to / "key").string() +
                                " -out " + (to / "cert").string() + " 2>/dev/null";
    return std::system(command.c_str()) == 0;
}

void answer(adit::Connection connection) { // plain text: the library has ended TLS
    std::error_code ec;
    std::string request;
    asio::read_until(connection, asio::dynamic_buffer(request, 16 * 1024), "\r\n\r\n", ec);
    const std::string body = connection.server_name() + " over " + connection.tls_version() + "\n";
    const std::string head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ";
    asio::write(connection, asio::buffer(head + std::to_string(body.size()) + "\r\n\r\n" + body), ec);
}

int main(int argc, char** argv) {
    const fs::path place = fs::temp_directory_path() / ("adit-tls-" + std::to_string(::getpid()));
    fs::create_directory(place);
    if (!make_certificate(place, "first")) return EXIT_FAILURE;
    auto edge = adit::edge::Server::start(adit::edge::ServerOptions().authtoken("tls-token"));
    auto session = adit::Session::connect(
        adit::SessionOptions().server(edge.agent_address()).roots_pem(edge.ca_pem()).authtoken("tls-token"));
    auto tls = adit::TlsServer(text_of(place / "cert"), text_of(place / "key")).alpn({"http/1.1"});
    auto listener = session.listen(adit::Endpoint("tls://secret.localhost").agent_tls_termination(tls));
    std::thread acceptor([listener]() mutable {
        std::error_code ec;
        while (!ec) {
            adit::Connection connection = listener.accept(ec);
            if (!ec) std::thread(answer, std::move(connection)).detach();
        }
    });
    const std::string curl = "curl -sS -w 'certificate: %{certs}' --cacert " + (place / "cert").string() + " https" +
                             listener.url().substr(3) + " | grep -E 'over|Issuer'";
    std::printf("%s\n", listener.url().c_str());
    std::fflush(stdout);
    bool answered = std::system(curl.c_str()) == 0;
    answered = make_certificate(place, "second") && answered;
    tls.certificate(text_of(place / "cert"), text_of(place / "key")); // from now on
    answered = std::system(curl.c_str()) == 0 && answered;
    if (argc < 2 || std::string(argv[1]) != "--once") (void)std::getchar();
    listener.close();
    acceptor.join();
    fs::remove_all(place);
    return answered ? EXIT_SUCCESS : EXIT_FAILURE;
}
