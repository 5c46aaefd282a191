// A program as a user would write it, which has OpenSSL in the process as well: by libcurl, by libpq and by itself.
// All of them do real TLS handshakes, before, while and after adit's own BoringSSL does.
//
//   consumer HTTPS_PORT POSTGRESQL_PORT CA_FILE
#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include <asio/read_until.hpp>
#include <asio/write.hpp>

#include <curl/curl.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace {

void require(bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error(what);
}

std::size_t collect(char* data, std::size_t size, std::size_t count, void* body) {
    static_cast<std::string*>(body)->append(data, size * count);
    return size * count;
}

std::string get(const std::string& url, const std::string& ca_file) {
    std::string body;
    CURL* curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    require(code == CURLE_OK, "curl " + url + ": " + curl_easy_strerror(code));
    return body;
}

void use_libpq(const std::string& port, const std::string& ca_file) {
    const std::string where = "host=localhost user=test dbname=test gssencmode=disable sslmode=verify-full port=" + port +
                              " sslrootcert=" + ca_file;
    PGconn* connection = PQconnectdb(where.c_str());
    require(PQstatus(connection) == CONNECTION_OK, std::string("libpq: ") + PQerrorMessage(connection));
    require(PQsslInUse(connection) == 1, "libpq did not use TLS");
    require(std::string_view(PQsslAttribute(connection, "library")) == "OpenSSL", "libpq has another TLS library");
    PQfinish(connection);
}

// OpenSSL by name, as the program's own code would use it.
void use_openssl() {
    const std::string version = OpenSSL_version(OPENSSL_VERSION);
    require(version.starts_with("OpenSSL 3"), "the program's own OpenSSL calls went to: " + version);
    SSL_CTX* context = SSL_CTX_new(TLS_method());
    require(context != nullptr && SSL_CTX_set_default_verify_paths(context) == 1, "SSL_CTX of OpenSSL");
    SSL_CTX_free(context);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    require(EVP_Digest("adit", 4, digest, &size, EVP_sha256(), nullptr) == 1 && size == 32, "EVP_Digest of OpenSSL");
}

void answer(adit::Connection connection) {
    std::error_code ec;
    std::string request;
    asio::read_until(connection, asio::dynamic_buffer(request, 16 * 1024), "\r\n\r\n", ec);
    if (ec) return;
    const std::string response = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nfrom adit";
    asio::write(connection, asio::buffer(response), ec);
}

// OpenSSL (as libcurl) is the visitor of a tunnel whose both ends are in this process.
void use_adit(const std::string& https_url, const std::string& port, const std::string& ca_file) {
    auto edge = adit::edge::Server::start(adit::edge::ServerOptions().authtoken("token"));
    auto session = adit::Session::connect(
        adit::SessionOptions().server(edge.agent_address()).roots_pem(edge.ca_pem()).authtoken("token"));
    auto listener = session.listen(adit::Endpoint("https://consumer.localhost"));
    std::thread app([listener]() mutable {
        std::error_code ec;
        adit::Connection connection = listener.accept(ec);
        if (!ec) answer(std::move(connection));
    });
    const std::string edge_ca = ca_file + ".edge";
    std::ofstream(edge_ca) << edge.ca_pem();
    std::string body;
    try {
        body = get(listener.url() + "/", edge_ca);
        require(get(https_url, ca_file) == "from the peer", "the peer's answer beside a tunnel");
        use_libpq(port, ca_file);
    } catch (...) {
        listener.close();
        app.join();
        throw;
    }
    app.join();
    require(body == "from adit", "the answer through the tunnel: " + body);
}

} // namespace

int main(int argc, char** argv) {
    try {
        require(argc == 4, "usage: consumer HTTPS_PORT POSTGRESQL_PORT CA_FILE");
        const std::string url = std::string("https://localhost:") + argv[1] + "/";
        curl_global_init(CURL_GLOBAL_DEFAULT);
        for (int round = 0; round < 2; ++round) {
            use_openssl();
            require(get(url, argv[3]) == "from the peer", "the peer's answer");
            use_libpq(argv[2], argv[3]);
            use_adit(url, argv[2], argv[3]);
        }
        std::puts("OpenSSL and adit side by side: ok");
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "consumer: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
