// HTTP CONNECT without a socket.
#include "proxy_handshake_support.hpp"

#include <adit/limits.hpp>

using namespace adit;
using namespace adit_test;

namespace {

auto start(std::string_view url = "http://p", std::string_view host = "edge.example.com", std::uint16_t port = 443) {
    return net::ProxyHandshake::create(proxy(url), host, port);
}

} // namespace

TEST_CASE("CONNECT names the target, and credentials only if there are any") {
    CHECK(said(*start()) == "CONNECT edge.example.com:443 HTTP/1.1\r\nHost: edge.example.com:443\r\n\r\n");
    CHECK(said(*start("http://Aladdin:open%20sesame@p", "2001:db8::1", 8443)) ==
          "CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n"
          "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"); // RFC 7617 2
}

TEST_CASE("every 2xx with its whole head is a tunnel, however it is cut, and what follows is left alone") {
    for (const char* head :
         {"HTTP/1.1 200 Connection established\r\n\r\n", "HTTP/1.0 200 OK\r\nVia: x\r\nContent-Length: 5\r\n\r\n",
          "HTTP/1.1 299\r\n\r\n", "HTTP/1.1 200 \n\n",
          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 P\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"}) {
        CAPTURE(head);
        const std::string text = head;
        for (std::size_t piece = 1; piece < 8; ++piece) {
            const auto handshake = start();
            CHECK(feed(*handshake, text + "tunnel", piece) == text.size());
            CHECK(handshake->done());
            CHECK_FALSE(handshake->error());
            CHECK(handshake->wanted() == 0);
        }
        const auto cut = start();
        CHECK(feed(*cut, text.substr(0, text.size() - 1), 1) == text.size() - 1);
        CHECK_FALSE(cut->done());
        CHECK_FALSE(cut->error());
    }
}

TEST_CASE("what the proxy refuses is told with its name and words, never with the credentials") {
    struct Row {
        const char* url;
        const char* answer;
        std::error_code code;
        const char* message;
        const char* said;
    };
    const Row rows[] = {
        {"http://p:3128", "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
         errc::invalid_option, "the proxy http://p:3128 wants a user and a password: write them into its URL",
         "HTTP/1.1 407 Proxy Authentication Required"},
        {"http://joe:s3cret@p:3128", "HTTP/1.1 407 No\r\n\r\n", errc::invalid_option,
         "the proxy http://p:3128 does not accept the user and password of its URL", "HTTP/1.1 407 No"},
        {"http://joe:s3cret@p", "HTTP/1.1 403 Forbidden\r\n\r\n", errc::refused,
         "the proxy http://p:80 refused to connect (HTTP status 403)", "HTTP/1.1 403 Forbidden"},
        {"http://p", "HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", errc::refused,
         "the proxy http://p:80 refused to connect (HTTP status 302)", "HTTP/1.1 302 Found"},
        {"http://p", "HTTP/1.1 101 Switching\r\n\r\n", errc::refused,
         "the proxy http://p:80 refused to connect (HTTP status 101)", "HTTP/1.1 101 Switching"},
        {"http://p", "HTTP/1.1 502 Bad Gateway\r\n\r\n", errc::unavailable,
         "the proxy http://p:80 could not connect (HTTP status 502)", "HTTP/1.1 502 Bad Gateway"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.answer);
        const auto handshake = start(row.url);
        feed(*handshake, row.answer, 3);
        CHECK_FALSE(handshake->done());
        CHECK(handshake->error().code() == row.code);
        CHECK(handshake->error().message() == row.message);
        CHECK(handshake->error().detail() == row.said);
        CHECK(handshake->error().to_string().find("s3cret") == std::string::npos);
    }
}

TEST_CASE("what is no HTTP answer is found out at its first wrong byte") {
    struct Row {
        const char* bytes;
        std::size_t taken;
    };
    const Row rows[] = {{"SSH-2.0-x\r\n", 1},        {"\x05\xff", 1},           {"HTTP/2 200\r\n", 6},
                        {"\r\nHTTP/1.1 200\r\n", 1}, {"HTTP/1.1 20\r\n", 13},   {"HTTP/1.1 2000 OK\r\n", 18},
                        {"HTTP/1.x 200 OK\r\n", 17}, {"HTTP/1.1200 OK\r\n", 16}};
    for (const Row& row : rows) {
        CAPTURE(row.bytes);
        const auto handshake = start();
        CHECK(feed(*handshake, row.bytes, 1) == row.taken);
        CHECK(handshake->error().code() == errc::unavailable);
        CHECK(handshake->error().message().find("is it an HTTP proxy?") != std::string::npos);
    }
}

TEST_CASE("a head ends at 16 KiB, in one line, in many, or in many heads") {
    const std::string line = "a: " + std::string(997, 'x') + "\r\n";
    std::string lines = "HTTP/1.1 200 OK\r\n";
    std::string interim;
    while (lines.size() < 2 * limits::proxy_answer_max) lines += line;
    while (interim.size() < 2 * limits::proxy_answer_max) interim += "HTTP/1.1 100 Continue\r\n\r\n";
    for (const std::string& endless : {"HTTP/1.1 200 " + std::string(40'000, 'x'), lines, interim}) {
        const auto handshake = start();
        CHECK(feed(*handshake, endless, 100) == limits::proxy_answer_max + 1);
        CHECK(handshake->error().code() == errc::limit_exceeded);
        CHECK(handshake->error().detail().size() <= 512);
    }
    const auto longest = start();
    const std::string head = "HTTP/1.1 200 OK\r\n";
    const std::string fits = head + "a: " + std::string(limits::proxy_answer_max - head.size() - 7, 'x') + "\r\n\r\n";
    CHECK(feed(*longest, fits, 1) == limits::proxy_answer_max);
    CHECK(longest->done());
}

TEST_CASE("a target that cannot be asked for is refused before a word is said (CONNECT)") {
    for (const std::string& host :
         {std::string(), std::string(256, 'h'), std::string("a b"), std::string("a\r\nX: y")}) {
        const auto handshake = start("http://p", host);
        CHECK(handshake->error().code() == errc::invalid_option);
        CHECK(said(*handshake).empty());
        CHECK(handshake->wanted() == 0);
    }
    CHECK_FALSE(start("http://p", std::string(255, 'h'))->error());
}
