// An edge behind load balancers that say by the PROXY protocol who the visitor is (threat T12).
#include "edge_visitor_support.hpp"

#include "proto/proxy_protocol.hpp"
#include "tls/engine.hpp"

#include <adit/limits.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <thread>

using adit::edge::ServerOptions;
using adit_test::AppStream;
using adit_test::HttpAnswer;
using adit_test::NetVisitor;
using adit_test::TestEdge;
using adit_test::TlsOptions;
using namespace std::chrono_literals;

extern char** environ;

namespace {

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);
const std::string v4_ends("\xcb\x00\x71\x09\xc0\x00\x02\x01\xc8\x22\x01\xbb", 12); // 203.0.113.9:51234, 192.0.2.1:443

std::string v2(char command, char family, const std::string& body) {
    std::string out = signature + command + family;
    out += static_cast<char>(body.size() >> 8);
    out += static_cast<char>(body.size());
    return out + body;
}

/// All listeners but the agents' take a PROXY header from this machine.
TestEdge::Change behind_balancer() {
    return [](ServerOptions& options) {
        for (const char* listener : {"https", "http", "tcp"}) options.proxy_protocol(listener, "127.0.0.0/8");
    };
}

std::string field(const std::string& head, const std::string& name) {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const std::size_t start = at + name.size() + 4;
    return head.substr(start, head.find("\r\n", start) - start);
}

std::uint16_t port_of(const std::string& url) { return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))); }

std::string client_hello(std::string_view name, const std::string& roots_pem) {
    const auto roots = adit::tls::TrustRoots::from_pem(roots_pem);
    REQUIRE(roots);
    adit::tls::ClientOptions options;
    options.roots = *roots;
    const auto context = adit::tls::ClientContext::create(std::move(options));
    REQUIRE(context);
    auto engine = adit::tls::Engine::client(*context, name);
    REQUIRE(engine);
    (void)engine->handshake();
    return std::string(adit::as_text(engine->output()));
}

constexpr const char* request = "GET / HTTP/1.1\r\nHost: a.edge.test\r\nX-Forwarded-For: 198.51.100.1\r\nConnection: close\r\n\r\n";

} // namespace

TEST_CASE("T12: what a balancer says is the visitor, in headers, logs and for the application") {
    TestEdge edge(behind_balancer());
    auto listener = edge.listen("http://a.edge.test");
    struct Row {
        const char* what;
        std::string header;
        std::string client; ///< "": the connection's own
    };
    const std::string v6_ends = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x09" +
                                std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01" + std::string("\xc8\x22\x01\xbb", 4);
    const std::string large(4'096 - 16 - 12 - 3, 'x');
    for (const Row& row :
         {Row{"v1", "PROXY TCP4 203.0.113.9 192.0.2.1 51234 443\r\n", "203.0.113.9"},
          Row{"v1, IPv6", "PROXY TCP6 2001:db8::9 2001:db8::1 51234 443\r\n", "2001:db8::9"},
          Row{"v1, IPv4 in IPv6", "PROXY TCP6 ::ffff:203.0.113.9 ::ffff:192.0.2.1 51234 443\r\n", "203.0.113.9"},
          Row{"v1, unknown", "PROXY UNKNOWN\r\n", ""},
          Row{"v1, unknown with more", "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", ""},
          Row{"v2", v2('\x21', '\x11', v4_ends), "203.0.113.9"},
          Row{"v2, IPv6", v2('\x21', '\x21', v6_ends), "2001:db8::9"},
          Row{"v2, TLVs", v2('\x21', '\x11', v4_ends + std::string("\x04\x00\x02xy\xe0\x00\x00", 8)), "203.0.113.9"},
          Row{"v2, the largest", v2('\x21', '\x11', v4_ends + std::string("\xe0\x0f\xe1", 3) + large), "203.0.113.9"},
          Row{"v2, local", v2('\x20', '\0', ""), ""}, Row{"v2, local with addresses", v2('\x20', '\x11', v4_ends), ""},
          Row{"v2, unspecified", v2('\x21', '\0', ""), ""}}) {
        CAPTURE(row.what);
        for (const bool split : {false, true}) {
            if (split && row.header.size() > 500) continue;
            NetVisitor visitor = edge.http();
            const std::string own = visitor.address();
            if (split) {
                for (const char c : row.header) visitor.send(std::string_view(&c, 1));
                visitor.send(request);
            } else {
                visitor.send(row.header + request);
            }
            AppStream app = edge.accept(listener);
            const std::string head = app.read_head();
            CHECK(head.starts_with("GET / HTTP/1.1\r\n"));
            const std::string client = row.client.empty() ? "127.0.0.1" : row.client;
            CHECK(field(head, "X-Forwarded-For") == client); // what the visitor says of himself is still worth nothing
            const std::string text = client.find(':') == std::string::npos ? client + ":51234" : "[" + client + "]:51234";
            CHECK(app.connection().remote_address() == (row.client.empty() ? own : text));
            app.answer("ok", "Connection: close\r\n");
            CHECK(visitor.answer().body == "ok");
        }
    }
    CHECK(edge.records(1)[0].remote_address == "203.0.113.9:51234");
}

TEST_CASE("T12: without a valid header a balancer's connection is closed unanswered, and nothing of it reaches anybody") {
    TestEdge edge(behind_balancer());
    auto listener = edge.listen("http://a.edge.test");
    auto raw = edge.listen("tcp://");
    const std::string crc("\x03\x00\x04\x00\x00\x00\x00", 7);
    for (const std::string& start :
         {std::string(request), std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10),
          std::string("PROXY TCP4 203.0.113.9 192.0.2.1 51234\r\n"), std::string("PROXY TCP4 203.0.113.9 192.0.2.1 51234 443\n"),
          std::string("PROXY TCP4 203.0.113.009 192.0.2.1 51234 443\r\n"), std::string("proxy TCP4 203.0.113.9 192.0.2.1 1 2\r\n"),
          "PROXY UNKNOWN " + std::string(100, 'x') + "\r\n", std::string("PROXY TCP4 ::1 ::1 1 2\r\n"),
          v2('\x21', '\x12', v4_ends), v2('\x11', '\x11', v4_ends), v2('\x22', '\x11', v4_ends), v2('\x21', '\x41', v4_ends),
          v2('\x21', '\x11', v4_ends.substr(1)), v2('\x21', '\x11', v4_ends + std::string("\x04\x00\x09x", 4)),
          v2('\x21', '\x11', v4_ends + crc), v2('\x21', '\x11', v4_ends + std::string("\xe0\x0f\xe2", 3) + std::string(4'066, 'x'))}) {
        CAPTURE(start);
        for (const std::uint16_t port : {edge.server.http_port(), edge.server.https_port(), port_of(raw.url())}) {
            NetVisitor visitor = NetVisitor::plain(port);
            visitor.send(start + request);
            CHECK(visitor.ended());
        }
    }
    NetVisitor gone = edge.http(); // one that leaves inside of its header
    gone.send("PROXY TCP4 203.");
    gone.shutdown_write();
    CHECK(gone.ended());
    NetVisitor slow = edge.http();
    slow.send("PROXY TCP4 203.");
    const auto start = std::chrono::steady_clock::now();
    CHECK(slow.ended());
    CHECK(std::chrono::steady_clock::now() - start < adit::limits::client_hello_time * 3);
    CHECK(edge.nothing_comes(listener));
    CHECK(edge.nothing_comes(raw));
}

TEST_CASE("T12: a header from elsewhere is no header: nobody becomes another one by it") {
    TestEdge edge([](ServerOptions& options) {
        for (const char* listener : {"agent", "https", "http", "tcp"}) options.proxy_protocol(listener, "10.0.0.0/8");
    });
    auto listener = edge.listen("http://a.edge.test");
    auto raw = edge.listen("tcp://");
    const std::string header = "PROXY TCP4 203.0.113.9 192.0.2.1 51234 443\r\n";
    for (const std::string& start : {header, v2('\x21', '\x11', v4_ends)}) {
        NetVisitor plain = edge.http();
        plain.send(start + request);
        CHECK(plain.answer().status == 400);
        NetVisitor secure = NetVisitor::plain(edge.server.https_port());
        secure.send(start);
        (void)secure.read_all();
        // A tcp endpoint gets the bytes, for they are the visitor's; its address is the connection's.
        NetVisitor visitor = NetVisitor::plain(port_of(raw.url()));
        visitor.send(start);
        AppStream app = edge.accept(raw);
        CHECK(app.connection().remote_address() == visitor.address());
        CHECK(app.read(start.size()) == start);
    }
    NetVisitor honest = edge.http();
    honest.send(request);
    CHECK(field(edge.accept(listener).read_head(), "X-Forwarded-For") == "127.0.0.1");
}

TEST_CASE("T12: behind a balancer all schemes work, and PROXY headers to the application name the visitor") {
    TestEdge edge(behind_balancer());
    const std::string header = v2('\x21', '\x11', v4_ends);
    auto https = edge.session.listen(adit::Endpoint("https://a.edge.test").proxy_protocol(1));
    NetVisitor secure = NetVisitor::plain(edge.server.https_port());
    secure.send(header);
    secure.start_tls(TlsOptions("a.edge.test", edge.server.ca_pem()));
    secure.send(request);
    AppStream app = edge.accept(https);
    CHECK(app.read_until("\r\n") == "PROXY TCP4 203.0.113.9 192.0.2.1 51234 443\r\n");
    CHECK(field(app.read_head(), "X-Forwarded-For") == "203.0.113.9");

    auto tls = edge.session.listen(adit::Endpoint("tls://t.edge.test").proxy_protocol(2));
    const std::string hello = client_hello("t.edge.test", edge.server.ca_pem());
    NetVisitor through = NetVisitor::plain(edge.server.https_port());
    through.send(header + hello);
    AppStream second = edge.accept(tls);
    CHECK(second.connection().remote_address() == "203.0.113.9:51234");
    CHECK(second.read(header.size() + hello.size()) == header + hello);

    auto tcp = edge.session.listen(adit::Endpoint("tcp://").proxy_protocol(2));
    NetVisitor raw = NetVisitor::plain(port_of(tcp.url()));
    raw.send(header + "bytes");
    AppStream third = edge.accept(tcp);
    CHECK(third.connection().remote_address() == "203.0.113.9:51234");
    CHECK(third.read(33) == header + "bytes");
}

TEST_CASE("T12: it is the visitor whom a balancer names who is a trusted proxy or not") {
    TestEdge edge([](ServerOptions& options) {
        options.proxy_protocol("http", "127.0.0.0/8").trusted_proxy("203.0.113.0/24");
    });
    auto listener = edge.listen("http://a.edge.test");
    for (const auto& [client, chain] : {std::pair("203.0.113.9", "198.51.100.1, 203.0.113.9"), std::pair("192.0.2.9", "192.0.2.9")}) {
        NetVisitor visitor = edge.http();
        visitor.send("PROXY TCP4 " + std::string(client) + " 192.0.2.1 1 2\r\n" + request);
        CHECK(field(edge.accept(listener).read_head(), "X-Forwarded-For") == chain);
    }
}

namespace {

/// A socket that is connected to this port and has sent `first`.
int connected(std::uint16_t port, std::string_view first) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::send(fd, first.data(), first.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(first.size()));
    return fd;
}

} // namespace

TEST_CASE("T12: agents behind a balancer have their own addresses, and their own limit each") {
    ServerOptions options;
    options.base_domain("edge.test").authtoken("visitor-token").proxy_protocol("agent", "127.0.0.0/8");
    auto server = adit::edge::Server::start(options);
    adit::SessionOptions agent;
    agent.server(server.agent_address()).roots_pem(server.ca_pem()).authtoken("visitor-token");
    adit::SessionOptions proxied = agent;
    proxied.dialer([](const asio::any_io_executor&, const std::string&, std::uint16_t port, adit::DialHandler done) {
        done({}, connected(port, "PROXY TCP6 2001:db8::9 2001:db8::1 51234 443\r\n"));
    });
    auto session = adit::Session::connect(proxied);
    REQUIRE(server.sessions().size() == 1);
    CHECK(server.sessions()[0].remote_address == "[2001:db8::9]:51234");

    std::error_code ec;
    adit::ErrorInfo error;
    agent.reconnect(false).connect_timeout(2s);
    (void)adit::Session::connect(agent, error);
    CHECK(error); // no header

    // One address has its limit of agents that say nothing; another one is served meanwhile.
    std::vector<int> silent;
    for (std::size_t i = 0; i < adit::limits::preauth_per_address + 1; ++i)
        silent.push_back(connected(server.agent_port(), "PROXY TCP4 203.0.113.9 192.0.2.1 1 2\r\n"));
    char byte = 0;
    bool refused = false; // one of them
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (!refused && std::chrono::steady_clock::now() < deadline) {
        for (const int fd : silent) refused = refused || ::recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
    }
    CHECK(refused);
    auto second = adit::Session::connect(proxied);
    CHECK(server.sessions().size() == 2);
    for (const int fd : silent) ::close(fd);
}

namespace {

/// haproxy in front of an edge's ports, each by a listening socket of ours.
class Haproxy {
public:
    explicit Haproxy(const std::vector<std::pair<std::uint16_t, std::string>>& backends) {
        std::string config = "defaults\n mode tcp\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n";
        for (const auto& [port, options] : backends) {
            const int fd = ::socket(AF_INET, SOCK_STREAM, 0); // inherited
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            socklen_t size = sizeof address;
            REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0);
            REQUIRE(::listen(fd, 16) == 0);
            REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
            ports.push_back(ntohs(address.sin_port));
            fds_.push_back(fd);
            const std::string name = std::to_string(fds_.size());
            config += "listen l" + name + "\n bind fd@" + std::to_string(fd) + "\n server s 127.0.0.1:" + std::to_string(port) +
                      " " + options + "\n";
        }
        std::string path = std::filesystem::temp_directory_path() / "adit-haproxy-XXXXXX";
        const int file = ::mkstemp(path.data());
        REQUIRE(file >= 0);
        REQUIRE(::write(file, config.data(), config.size()) == static_cast<ssize_t>(config.size()));
        ::close(file);
        path_ = path;
        const char* arguments[] = {"haproxy", "-q", "-db", "-f", path_.c_str(), nullptr};
        REQUIRE(::posix_spawnp(&pid_, "haproxy", nullptr, nullptr, const_cast<char**>(arguments), environ) == 0);
        for (const int fd : fds_) ::close(fd);
    }
    ~Haproxy() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        ::unlink(path_.c_str());
    }
    Haproxy(const Haproxy&) = delete;
    Haproxy& operator=(const Haproxy&) = delete;

    std::vector<std::uint16_t> ports;

private:
    std::vector<int> fds_;
    std::string path_;
    pid_t pid_ = 0;
};

} // namespace

TEST_CASE("T12: haproxy in front, with version 1, version 2, and version 2 with checksum and unique id" *
          doctest::skip(std::system("haproxy -v > /dev/null 2>&1") != 0)) {
    TestEdge edge(behind_balancer());
    auto https = edge.listen("https://a.edge.test");
    auto tcp = edge.listen("tcp://");
    const std::uint16_t secure = edge.server.https_port();
    const std::uint16_t raw = port_of(tcp.url());
    const Haproxy haproxy({{secure, "send-proxy"},
                           {secure, "send-proxy-v2"},
                           {secure, "send-proxy-v2 proxy-v2-options crc32c"},
                           {raw, "send-proxy"},
                           {raw, "send-proxy-v2 proxy-v2-options crc32c"}});
    for (int i = 0; i < 3; ++i) {
        NetVisitor visitor = NetVisitor::tls(haproxy.ports[static_cast<std::size_t>(i)], TlsOptions("a.edge.test", edge.server.ca_pem()));
        visitor.send(request);
        AppStream app = edge.accept(https);
        CHECK(app.connection().remote_address() == visitor.address()); // not haproxy's
        CHECK(field(app.read_head(), "X-Forwarded-For") == "127.0.0.1");
        app.answer("ok", "Connection: close\r\n");
        CHECK(visitor.answer().body == "ok");
    }
    for (int i = 3; i < 5; ++i) {
        NetVisitor visitor = NetVisitor::plain(haproxy.ports[static_cast<std::size_t>(i)]);
        visitor.send("bytes");
        AppStream app = edge.accept(tcp);
        CHECK(app.connection().remote_address() == visitor.address());
        CHECK(app.read(5) == "bytes");
    }
}
