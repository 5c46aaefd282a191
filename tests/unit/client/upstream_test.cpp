// How the text of an upstream is read, its options, and the pool of connections to it.
#include "client/upstream_dialer.hpp"

#include "support/doctest.hpp"

#include <array>
#include <sys/socket.h>
#include <unistd.h>

using namespace adit;

namespace {

Result<UpstreamTarget> read(std::string_view address, UrlScheme endpoint) {
    return check(Upstream(address).data(), endpoint);
}

/// One end of a pair as a connection; the other end is the test's.
class Peer {
public:
    explicit Peer(asio::io_context& context) {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        net::Tcp::socket socket(context);
        socket.assign(net::Tcp::v4(), ends[0]);
        connection = std::make_shared<UpstreamConnection>(std::make_shared<net::TcpStream>(std::move(socket)));
        fd = ends[1];
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() { (void)::close(fd); }
    bool sees_end() const {
        char byte = 0;
        return ::recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
    }

    UpstreamConnectionPtr connection;
    int fd = -1;
};

} // namespace

TEST_CASE("an upstream is a URL, or a port or host and port that mean what the endpoint speaks") { // X2, S1.3a
    struct Row {
        std::string_view text;
        UrlScheme endpoint;
        std::string_view url;
        std::string_view authority;
    };
    const Row rows[] = {
        {"http://localhost:8080", UrlScheme::https, "http://localhost:8080", "localhost:8080"},
        {"http://localhost:8080/", UrlScheme::https, "http://localhost:8080", "localhost:8080"},
        {"http://h", UrlScheme::http, "http://h", "h"},
        {"http://h:443", UrlScheme::http, "http://h:443", "h:443"},
        {"https://app.lan", UrlScheme::http, "https://app.lan", "app.lan"},
        {"https://app.lan:8443", UrlScheme::tcp, "https://app.lan:8443", "app.lan:8443"},
        {"https://:8443", UrlScheme::https, "https://localhost:8443", "localhost:8443"},
        {"http://[::1]:80", UrlScheme::http, "http://[::1]", "[::1]"},
        {"tcp://db:5432", UrlScheme::tcp, "tcp://db:5432", "db:5432"},
        {"tcp://[2001:db8::1]:1", UrlScheme::tcp, "tcp://[2001:db8::1]:1", "[2001:db8::1]:1"},
        {"tls://db", UrlScheme::tcp, "tls://db", "db"},
        {"tls://db:5433", UrlScheme::http, "tls://db:5433", "db:5433"},
        {"unix:/run/app.sock", UrlScheme::http, "unix:/run/app.sock", "localhost"},
        {"unix:///run/app.sock", UrlScheme::tcp, "unix:/run/app.sock", "localhost"},
        {"8080", UrlScheme::https, "http://localhost:8080", "localhost:8080"},
        {"80", UrlScheme::http, "http://localhost", "localhost"},
        {"443", UrlScheme::https, "https://localhost", "localhost"},
        {"app.lan:443", UrlScheme::http, "https://app.lan", "app.lan"},
        {"app.lan", UrlScheme::http, "http://app.lan", "app.lan"},
        {"my_service:8080", UrlScheme::http, "http://my_service:8080", "my_service:8080"},
        {"127.0.0.1:80", UrlScheme::http, "http://127.0.0.1", "127.0.0.1"},
        {"22", UrlScheme::tcp, "tcp://localhost:22", "localhost:22"},
        {"443", UrlScheme::tls, "tcp://localhost:443", "localhost:443"},
        {"h:443", UrlScheme::tcp, "tcp://h:443", "h:443"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const auto target = read(row.text, row.endpoint);
        REQUIRE_MESSAGE(target.has_value(), target.error().to_string());
        CHECK(target->url() == row.url);
        CHECK(target->authority() == row.authority);
    }
    CHECK(check(Upstream("8080").data(), std::nullopt)->url() == "http://localhost:8080"); // labels
    CHECK(read("http://h:8", UrlScheme::http)->forwards_to() == "http://h:8/");
    CHECK(read("tcp://h:8", UrlScheme::http)->forwards_to() == "tcp://h:8");
    CHECK(read("unix:/a", UrlScheme::http)->forwards_to() == "unix:/a");
}

TEST_CASE("a text that is no upstream is refused, and the message says why") {
    struct Row {
        std::string_view text;
        UrlScheme endpoint;
        std::string_view why;
    };
    const std::string long_path = "unix:/" + std::string(200, 'x');
    const Row rows[] = {
        {"", UrlScheme::http, "no address"},
        {"ftp://h", UrlScheme::http, "scheme"},
        {"HTTP//h", UrlScheme::http, "path"},
        {"http://", UrlScheme::http, "neither a host nor a port"},
        {"tcp://h", UrlScheme::tcp, "needs a port"},
        {"h", UrlScheme::tcp, "needs a port"},
        {"http://h:0", UrlScheme::http, "port 0"},
        {"0", UrlScheme::http, "port 0"},
        {"http://h:65536", UrlScheme::http, "port"},
        {"99999", UrlScheme::http, "port"},
        {"http://h:80/base", UrlScheme::http, "path"},
        {"http://h?q", UrlScheme::http, "path or query"},
        {"http://user:pass@h", UrlScheme::http, "user"},
        {"http://h h", UrlScheme::http, "space"},
        {"http://h\n", UrlScheme::http, "control"},
        {"http://<h>", UrlScheme::http, "valid host"},
        {"unix:app.sock", UrlScheme::http, "absolute path"},
        {"unix:", UrlScheme::http, "absolute path"},
        {long_path, UrlScheme::http, "longer"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const auto target = read(row.text, row.endpoint);
        REQUIRE_FALSE(target.has_value());
        CHECK(target.error().code() == errc::unsupported_url);
        CHECK_MESSAGE(target.error().message().find(row.why) != std::string::npos, target.error().message());
    }
}

TEST_CASE("options that cannot work are refused, and the message names the option") {
    using std::chrono::milliseconds;
    struct Row {
        Upstream upstream;
        std::string_view option;
    };
    const Row rows[] = {
        {Upstream("80").dial_timeout(milliseconds(0)), "dial_timeout"},
        {Upstream("80").dial_timeout(std::chrono::hours(25)), "dial_timeout"},
        {Upstream("80").idle_time(milliseconds(0)), "idle_time"},
        {Upstream("80").response_timeout(milliseconds(-1)), "response_timeout"},
        {Upstream("80").max_idle_connections(limits::upstream_idle_max + 1), "max_idle_connections"},
        {Upstream("80").app_protocol("http3"), "app_protocol"},
        {Upstream("80").host_header("a\r\nb"), "host_header"},
        {Upstream("https://h").client_certificate("x", ""), "client_certificate"},
        {Upstream("http://h").client_certificate("x", "y"), "client_certificate"},
        {Upstream("http://h").roots_pem("x"), "roots"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.option);
        const auto target = check(row.upstream.data(), UrlScheme::http);
        REQUIRE_FALSE(target.has_value());
        CHECK(target.error().code() == errc::invalid_option);
        CHECK(target.error().message().find(row.option) != std::string::npos);
    }
    for (const Upstream& wrong : {Upstream("https://h").roots_pem("x"), Upstream("https://h").roots_file("/no/such"),
                                  Upstream("https://h").verify(false).client_certificate("x", "y"),
                                  Upstream("https://h").verify(false).server_name("a b")}) {
        const auto target = check(wrong.data(), UrlScheme::http);
        REQUIRE(target.has_value());
        CHECK(UpstreamDialer::create(wrong.data(), *target, false).error().code() == errc::invalid_option);
    }
}

TEST_CASE("an upstream is copied and moved like a value") {
    Upstream first("http://a");
    Upstream copy(first);
    copy.rewrite_host();
    CHECK_FALSE(first.data().rewrite_host);
    Upstream moved(std::move(copy));
    CHECK(moved.data().rewrite_host);
    copy = first;
    CHECK(copy.data().address == "http://a");
}

TEST_CASE("the pool gives the connection used last, keeps so many, and none that ended") {
    asio::io_context context;
    const auto pool = std::make_shared<UpstreamPool>(context.get_executor(), 2, std::chrono::hours(1));
    CHECK(pool->take(std::chrono::hours(1)) == nullptr);
    Peer a(context), b(context), c(context);
    const auto any_age = std::chrono::hours(1);
    pool->put(a.connection);
    pool->put(b.connection);
    CHECK(a.connection->used);
    CHECK(pool->take(any_age) == b.connection);
    pool->put(b.connection);
    pool->put(c.connection); // a, the oldest, goes
    CHECK(pool->size() == 2);
    CHECK(a.sees_end());
    SUBCASE("ended or talking unasked") {
        (void)::shutdown(c.fd, SHUT_WR);
        REQUIRE(::send(b.fd, "x", 1, MSG_NOSIGNAL) == 1);
        CHECK(pool->take(any_age) == nullptr);
        CHECK(pool->size() == 0);
        CHECK(c.sees_end());
    }
    SUBCASE("too old for who asks") {
        c.connection->idle_since -= std::chrono::seconds(2);
        b.connection->idle_since -= std::chrono::seconds(3);
        CHECK(pool->take(std::chrono::seconds(1)) == nullptr);
        CHECK(pool->size() == 2);
        CHECK(pool->take(any_age) == c.connection);
    }
    SUBCASE("closed") {
        pool->close();
        CHECK(b.sees_end());
        CHECK(pool->size() == 0);
        Peer late(context);
        pool->put(late.connection);
        CHECK(pool->size() == 0);
        CHECK(late.sees_end());
    }
}

TEST_CASE("a connection that nobody wants ends when its time is up") {
    asio::io_context context;
    const auto pool = std::make_shared<UpstreamPool>(context.get_executor(), 8, std::chrono::milliseconds(10));
    Peer a(context);
    pool->put(a.connection);
    context.run_for(std::chrono::seconds(20)); // until nothing is left to do
    CHECK(pool->size() == 0);
    CHECK(a.sees_end());
}
