// SOCKS5 without a socket.
#include "proxy_handshake_support.hpp"

#include <adit/asio.hpp>

using namespace adit;
using namespace adit_test;
using namespace std::string_literals;

namespace {

auto start(std::string_view url = "socks5h://p", std::string_view host = "edge.example.com", std::uint16_t port = 443) {
    return net::ProxyHandshake::create(proxy(url), host, port);
}

const std::string by_name = "\x05\x01\x00\x03\x10"s + "edge.example.com" + "\x01\xbb"s;

} // namespace

TEST_CASE("without credentials: method, request, reply, however they are cut, and what follows is left alone") {
    struct Row {
        const char* host;
        std::string request;
        std::string reply; // with each form of the address that nobody needs
    };
    const Row rows[] = {
        {"edge.example.com", by_name, "\x05\x00\x00\x01\x7f\x00\x00\x01\x04\xd2"s},
        {"192.0.2.1", "\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb"s, "\x05\x00\x00\x03\x04name\x04\xd2"s},
        {"2001:db8::1", "\x05\x01\x00\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\xbb"s,
         "\x05\x00\x00\x04"s + std::string(16, 'v') + "\x04\xd2"s},
        {"edge.example.com", by_name, "\x05\x00\x00\x03\x00\x04\xd2"s},
    };
    for (const Row& row : rows) {
        CAPTURE(row.host);
        for (std::size_t piece = 1; piece < 12; ++piece) {
            const auto handshake = start("socks5h://p", row.host);
            CHECK(said(*handshake) == "\x05\x01\x00"s);
            CHECK(feed(*handshake, "\x05\x00"s, piece) == 2);
            CHECK(said(*handshake) == row.request);
            CHECK(feed(*handshake, row.reply + "tunnel", piece) == row.reply.size());
            CHECK(handshake->done());
            CHECK_FALSE(handshake->error());
        }
        const auto cut = start("socks5h://p", row.host);
        feed(*cut, "\x05\x00"s + row.reply.substr(0, row.reply.size() - 1), 1);
        CHECK_FALSE(cut->done());
        CHECK_FALSE(cut->error());
    }
}

TEST_CASE("credentials are offered, and sent only if the proxy chooses them") {
    const auto asked = start("socks5h://us%65r:p%40ss@p");
    CHECK(said(*asked) == "\x05\x02\x00\x02"s);
    feed(*asked, "\x05\x02"s, 1);
    CHECK(said(*asked) == "\x01\x04user\x04p@ss"s);
    feed(*asked, "\x01\x00"s, 1);
    CHECK(said(*asked) == by_name);
    const auto open = start("socks5h://user:pass@p");
    (void)said(*open);
    feed(*open, "\x05\x00"s, 1);
    CHECK(said(*open) == by_name);
    const auto no_password = start("socks5h://u@p");
    (void)said(*no_password);
    feed(*no_password, "\x05\x02"s, 2);
    CHECK(said(*no_password) == "\x01\x01u\x00"s);
}

TEST_CASE("refused credentials are told without them") {
    struct Row {
        const char* url;
        std::string answer;
        const char* message;
    };
    const Row rows[] = {
        {"socks5://p", "\x05\xff"s, "the proxy socks5://p:1080 wants a user and a password: write them into its URL"},
        {"socks5://p", "\x05\x02"s, "the proxy socks5://p:1080 wants a user and a password: write them into its URL"},
        {"socks5h://joe:s3cret@p:1", "\x05\xff"s,
         "the proxy socks5h://p:1 does not accept the user and password of its URL"},
        {"socks5h://joe:s3cret@p:1", "\x05\x02\x01\x01"s,
         "the proxy socks5h://p:1 does not accept the user and password of its URL"},
    };
    for (const Row& row : rows) {
        const auto handshake = start(row.url);
        CHECK(feed(*handshake, row.answer, 1) == row.answer.size());
        CHECK(handshake->error().code() == errc::invalid_option);
        CHECK(handshake->error().code() == condition::permanent);
        CHECK(handshake->error().message() == row.message);
        CHECK(handshake->wanted() == 0);
    }
}

TEST_CASE("each reply code has its error") {
    struct Row {
        char reply;
        std::error_code code;
        bool other;
        const char* text;
    };
    const Row rows[] = {{1, errc::unavailable, true, "general failure"},
                        {2, errc::refused, false, "not allowed by its rules"},
                        {3, asio::error::network_unreachable, true, "network unreachable"},
                        {4, asio::error::host_unreachable, true, "host unreachable"},
                        {5, asio::error::connection_refused, true, "connection refused"},
                        {6, asio::error::timed_out, true, "TTL expired"},
                        {7, errc::refused, false, "it has no CONNECT"},
                        {8, asio::error::address_family_not_supported, true, "address type not supported"},
                        {9, errc::refused, false, "no reason of RFC 1928"},
                        {'\xff', errc::refused, false, "no reason of RFC 1928"}};
    for (const Row& row : rows) {
        const auto handshake = start();
        CHECK(feed(*handshake, "\x05\x00\x05"s + row.reply, 1) == 4); // not all proxies send the rest
        CHECK(handshake->error().code() == row.code);
        CHECK(handshake->other_address_may_work() == row.other);
        CHECK(handshake->error().message() == "the proxy socks5h://p:1080 could not connect: " + std::string(row.text) +
                                                  " (SOCKS5 reply " +
                                                  std::to_string(static_cast<unsigned char>(row.reply)) + ")");
    }
}

TEST_CASE("what is no SOCKS5 is found out at once") {
    for (const std::string& answer : {"\x04"s, "H"s, "\x05\x00H"s, "\x05\x00\x05\x00\x00\x02"s}) {
        const auto handshake = start();
        CHECK(feed(*handshake, answer + "more", 1) == answer.size());
        CHECK(handshake->error().code() == errc::unavailable);
        CHECK(handshake->error().message().find("is it a SOCKS5 proxy?") != std::string::npos);
    }
}

TEST_CASE("a target that cannot be asked for is refused before a word is said (SOCKS5)") {
    for (const std::string& host :
         {std::string(), std::string(256, 'h'), std::string("a b"), std::string("a\r\nX: y")}) {
        const auto handshake = start("socks5h://p", host);
        CHECK(handshake->error().code() == errc::invalid_option);
        CHECK(said(*handshake).empty());
        CHECK(handshake->wanted() == 0);
    }
    CHECK_FALSE(start("socks5h://p", std::string(255, 'h'))->error());
}
