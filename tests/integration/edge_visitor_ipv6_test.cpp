// Visitors and agents over IPv6, and over IPv4 on the same sockets.
#include "edge_visitor_support.hpp"

#include "proto/proxy_protocol.hpp"
#include "tls/engine.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using adit_test::AppStream;
using adit_test::NetVisitor;
using adit_test::TestEdge;
using adit_test::TlsOptions;

namespace {

bool have_ipv6() {
    const int fd = ::socket(AF_INET6, SOCK_STREAM, 0);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    const bool can = fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    if (fd >= 0) ::close(fd);
    return can;
}

/// A connection over ::1, and its own address as the edge writes it.
class V6Visitor {
public:
    explicit V6Visitor(std::uint16_t port) : visitor(NetVisitor::accepted(fd_ = connect(port))) {
        sockaddr_in6 address{};
        socklen_t size = sizeof address;
        REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        own = "[::1]:" + std::to_string(ntohs(address.sin6_port));
    }

private:
    static int connect(std::uint16_t port) {
        const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_addr = in6addr_loopback;
        address.sin6_port = htons(port);
        REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        return fd;
    }
    int fd_ = -1;

public:
    NetVisitor visitor;
    std::string own;
};

TestEdge::Change on(const std::string& address) {
    return [address](adit::edge::ServerOptions& options) {
        const std::string any = "[" + address + "]:0";
        options.agent_address(any).https_address(any).http_address(any).tcp_host(address);
    };
}

std::string field(const std::string& head, const std::string& name) {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const std::size_t start = at + name.size() + 4;
    return head.substr(start, head.find("\r\n", start) - start);
}

std::uint16_t port_of(const std::string& url) { return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))); }

/// Reads a PROXY header from a stream: its ends as text.
std::pair<std::string, std::string> read_ends(AppStream& app, adit::ProxyProtocolVersion version) {
    adit::ProxyProtocolReader reader;
    while (!reader.done()) {
        const std::string byte = app.read(1);
        REQUIRE(reader.feed(adit::as_bytes(byte)));
    }
    CHECK(reader.version() == version);
    REQUIRE(reader.ends());
    return {reader.ends()->source.to_string(), reader.ends()->destination.to_string()};
}

} // namespace

TEST_CASE("visitors over ::1 in headers, logs and PROXY headers of both versions, IPv4 beside them" *
          doctest::skip(!have_ipv6())) {
    TestEdge edge(on("::")); // both families on every port; the agent came by 127.0.0.1
    for (const int version : {1, 2}) {
        for (const std::string scheme : {"http", "https", "tcp"}) {
            CAPTURE(version);
            CAPTURE(scheme);
            const std::string host = scheme == "tcp" ? "" : "v" + std::to_string(version) + "-" + scheme + ".edge.test";
            auto listener = edge.session.listen(adit::Endpoint(scheme + "://" + host).proxy_protocol(version));
            const std::uint16_t port = port_of(listener.url());
            const auto visit = [&](NetVisitor& visitor, const std::string& own, const std::string& ip, const std::string& to) {
                if (scheme == "https") visitor.start_tls(TlsOptions(host, edge.server.ca_pem()));

                if (scheme == "tcp") visitor.send("bytes");
                if (scheme.starts_with("http")) visitor.send("GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");

                AppStream app = edge.accept(listener);
                CHECK(app.connection().remote_address() == own);
                const auto [from, destination] = read_ends(app, static_cast<adit::ProxyProtocolVersion>(version));
                CHECK(from == own);
                CHECK(destination == to + ":" + std::to_string(port));
                if (scheme == "tcp") {
                    CHECK(app.read(5) == "bytes");
                } else {
                    CHECK(field(app.read_head(), "X-Forwarded-For") == ip);
                    app.answer("ok", "Connection: close\r\n");
                    CHECK(visitor.answer().body == "ok");
                }
            };
            V6Visitor six(port);
            visit(six.visitor, six.own, "::1", "[::1]");
            NetVisitor four = NetVisitor::plain(port);
            visit(four, four.address(), "127.0.0.1", "127.0.0.1");
        }
    }
    CHECK(edge.records(1)[0].remote_address.starts_with("[::1]:"));
}

TEST_CASE("a tls endpoint's PROXY header is in front of the ClientHello, IPv6 and IPv4" * doctest::skip(!have_ipv6())) {
    TestEdge edge(on("::"));
    const auto roots = adit::tls::TrustRoots::from_pem(edge.server.ca_pem());
    REQUIRE(roots);
    for (const int version : {1, 2}) {
        auto listener = edge.session.listen(adit::Endpoint("tls://t" + std::to_string(version) + ".edge.test").proxy_protocol(version));
        adit::tls::ClientOptions options;
        options.roots = *roots;
        const auto context = adit::tls::ClientContext::create(std::move(options));
        REQUIRE(context);
        auto engine = adit::tls::Engine::client(*context, "t" + std::to_string(version) + ".edge.test");
        REQUIRE(engine);
        (void)engine->handshake();
        const std::string hello(adit::as_text(engine->output()));
        const auto visit = [&](NetVisitor& visitor, const std::string& own) {
            visitor.send(hello);
            AppStream app = edge.accept(listener);
            CHECK(read_ends(app, static_cast<adit::ProxyProtocolVersion>(version)).first == own);
            CHECK(app.read(hello.size()) == hello);
        };
        V6Visitor six(edge.server.https_port());
        visit(six.visitor, six.own);
        NetVisitor four = NetVisitor::plain(edge.server.https_port());
        visit(four, four.address());
    }
}

TEST_CASE("an edge on ::1 alone serves agents and visitors there, and its address says so" * doctest::skip(!have_ipv6())) {
    TestEdge edge(on("::1"));
    CHECK(edge.server.agent_address() == "[::1]:" + std::to_string(edge.server.agent_port()));
    CHECK(edge.server.sessions()[0].remote_address.starts_with("[::1]:"));
    auto listener = edge.listen("https://a.edge.test");
    V6Visitor six(edge.server.https_port());
    six.visitor.start_tls(TlsOptions("a.edge.test", edge.server.ca_pem()));
    six.visitor.send("GET / HTTP/1.1\r\nHost: a.edge.test\r\n\r\n");
    AppStream app = edge.accept(listener);
    CHECK(field(app.read_head(), "X-Forwarded-For") == "::1");
}
