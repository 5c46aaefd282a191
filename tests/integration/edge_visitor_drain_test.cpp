// An edge that goes: what runs is finished, what is on its way is served, who is done goes elsewhere.
#include "edge_visitor_support.hpp"

#include <adit/limits.hpp>

#include <atomic>
#include <future>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using adit_test::AppStream;
using adit_test::HttpAnswer;
using adit_test::NetVisitor;
using adit_test::TestEdge;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: a.edge.test\r\n\r\n";

/// An application that answers every request on every stream until its listener ends.
class Answering {
public:
    explicit Answering(adit::Listener listener) : listener_(std::move(listener)), thread_([this] { accept(); }) {}
    ~Answering() {
        listener_.close();
        thread_.join();
        for (auto& each : streams_) each.join();
    }
    Answering(const Answering&) = delete;
    Answering& operator=(const Answering&) = delete;

private:
    void accept() {
        for (;;) {
            std::error_code ec;
            adit::Connection connection = listener_.accept(ec);
            if (ec) return;
            streams_.emplace_back([connection = std::move(connection)]() mutable { serve(connection); });
        }
    }
    static void serve(adit::Connection& connection) {
        std::string in(4'096, '\0');
        std::error_code ec;
        while (!ec) {
            const std::size_t n = connection.read_some(asio::buffer(in), ec); // small heads come in one piece
            if (ec || n == 0) return;
            const std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            connection.write_some(asio::buffer(answer.data(), answer.size()), ec);
        }
    }

    adit::Listener listener_;
    std::vector<std::thread> streams_;
    std::thread thread_;
};

/// A visitor that asks one request after the other, on as few connections as the edge wants, until it takes no more.
class Asking {
public:
    explicit Asking(std::uint16_t port) : port_(port), thread_([this] { run(); }) {}
    ~Asking() { thread_.join(); }
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;

    std::atomic<std::size_t> answered{0}, cut{0};
    void join() { thread_.join(); thread_ = std::thread([] {}); }

private:
    int connect() const {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port_);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
        ::close(fd);
        return -1;
    }
    void run() {
        for (int fd = connect(); fd >= 0; fd = connect()) {
            bool last = false;
            while (!last) {
                std::string answer;
                char bytes[1024];
                ssize_t n = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
                while (n > 0 && !answer.ends_with("\r\n\r\nok")) {
                    n = ::recv(fd, bytes, sizeof bytes, 0);
                    if (n > 0) answer.append(bytes, static_cast<std::size_t>(n));
                }
                const bool good = answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok");
                ++(good ? answered : cut);
                last = !good || answer.find("\r\nConnection: close\r\n") != std::string::npos;
            }
            ::close(fd);
        }
    }

    const std::uint16_t port_;
    std::thread thread_;
};

} // namespace

TEST_CASE("of a running load no request is cut by a drain, and every answer from then on says that it is the last") {
    for (int round = 0; round < 3; ++round) {
        TestEdge edge;
        const Answering application(edge.listen("http://a.edge.test"));
        std::vector<std::unique_ptr<Asking>> visitors;
        for (int i = 0; i < 8; ++i) visitors.push_back(std::make_unique<Asking>(edge.server.http_port()));
        for (const auto& each : visitors) {
            while (each->answered < 20 && each->cut == 0) std::this_thread::yield();
        }
        edge.server.drain(20s);
        CHECK_FALSE(edge.server.running());
        for (const auto& each : visitors) {
            each->join(); // the port is closed: it ends
            CHECK(each->answered >= 20);
            CHECK(each->cut == 0);
        }
    }
}

TEST_CASE("a kept connection still gets an answer to the request that was on its way, and then ends") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor kept = edge.http();
    kept.send(request);
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("one");
    CHECK(kept.answer().field("connection").empty());
    NetVisitor quiet = edge.http();
    quiet.send(request);
    AppStream other = edge.accept(listener);
    other.read_head();
    other.answer("one");
    quiet.answer();
    auto drained = std::async(std::launch::async, [&] { edge.server.drain(20s); });
    for (std::error_code refused; !refused;) (void)edge.session.listen(adit::Endpoint("http://"), refused); // until it drains
    kept.send(request); // the edge drains: this one it did not know of
    app.read_head();
    app.answer("two");
    const HttpAnswer answer = kept.answer();
    CHECK(answer.body == "two");
    CHECK(answer.field("connection") == "close");
    CHECK(kept.ended());
    CHECK(quiet.ended());
    CHECK_FALSE(quiet.cut());
    CHECK(drained.wait_for(10s) == std::future_status::ready);
}

TEST_CASE("agents that serve nobody are told to go while the last visitor of another one is served") {
    TestEdge edge;
    adit::SessionOptions options;
    options.server(edge.server.agent_address()).roots_pem(edge.server.ca_pem()).authtoken("visitor-token").reconnect(false);
    auto idle = adit::Session::connect(options);
    auto unused = idle.listen(adit::Endpoint("http://idle.edge.test"));
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send(request);
    AppStream app = edge.accept(listener);
    app.read_head();
    auto drained = std::async(std::launch::async, [&] { edge.server.drain(20s); });
    std::error_code ec;
    const auto start = std::chrono::steady_clock::now();
    (void)unused.accept(ec); // until the session ends
    CHECK(ec);
    CHECK(std::chrono::steady_clock::now() - start < 10s);
    CHECK(drained.wait_for(0s) == std::future_status::timeout);
    while (edge.server.sessions().size() != 1 && std::chrono::steady_clock::now() - start < 10s) std::this_thread::yield();
    CHECK(edge.server.sessions().size() == 1); // the edge hears of the end behind the agent
    app.answer("still here");
    CHECK(visitor.answer().body == "still here");
    CHECK(drained.wait_for(10s) == std::future_status::ready);
}

TEST_CASE("a request whose head comes slowly finds its agent, also when the edge drains meanwhile") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor slow = edge.http();
    slow.send("GET / HTTP/1.1\r\n");
    NetVisitor later = edge.http(); // its answer says that the one before was accepted
    later.send("GET / HTTP/1.1\r\nHost: nobody.edge.test\r\n\r\n");
    CHECK(later.answer().status == 404);
    later.close();
    auto drained = std::async(std::launch::async, [&] { edge.server.drain(20s); });
    CHECK(drained.wait_for(adit::limits::drain_idle_time * 2) == std::future_status::timeout);
    slow.send("Host: a.edge.test\r\n\r\n");
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("here");
    CHECK(slow.answer().body == "here");
    CHECK(drained.wait_for(10s) == std::future_status::ready);
}
