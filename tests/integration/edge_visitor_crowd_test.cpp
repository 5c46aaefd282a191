// Slow visitors who fill the streams of an agent (threat T8): they make room for others, and nobody else does.
#include "edge_visitor_support.hpp"
#include "h2_visitor.hpp"

#include <adit/limits.hpp>

#include <asio/write.hpp>

#include <deque>
#include <thread>

using adit_test::H2Visitor;
using adit_test::NetVisitor;
using adit_test::TestEdge;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t waiting = 370; // of those who wait for the application, most
constexpr std::size_t crowd = 140;   // too many for what is left

/// Answers GET /large with 4 MiB, a POST when its body is there, and GET /poll, /events and /tunnel when it is told to.
class Application {
public:
    explicit Application(TestEdge& edge)
        : session_(edge.session), plain_(edge.session.listen(adit::Endpoint("http://a.edge.test").backlog(500))),
          secure_(edge.session.listen(adit::Endpoint("https://a.edge.test").backlog(500))) {
        for (adit::Listener* listener : {&plain_, &secure_}) asio::co_spawn(io_, accept_all(*listener), asio::detached);
        thread_ = std::thread([this] { io_.run(); });
    }
    ~Application() {
        session_.close(); // what waits for visitors ends, on io_
        asio::post(io_, [this] { waiting_.expires_after(0s); });
        thread_.join();
    }
    void go_on() {
        asio::post(io_, [this] { waiting_.cancel(); });
    }

private:
    class Serve {
    public:
        explicit Serve(adit::Connection c) : connection(std::move(c)) {}
        asio::awaitable<void> say(std::string_view text) {
            auto bytes = asio::buffer(text);
            auto token = asio::redirect_error(asio::use_awaitable, ec);
            co_await asio::async_write(connection, bytes, token);
        }
        adit::Connection connection;
        std::error_code ec;
        std::string in;
    };

    asio::awaitable<void> accept_all(adit::Listener& listener) {
        std::error_code ec;
        auto token = asio::redirect_error(asio::use_awaitable, ec);
        for (;;) {
            adit::Connection connection = co_await listener.async_accept(token);
            if (ec) co_return;
            asio::co_spawn(io_, serve(std::move(connection)), asio::detached);
        }
    }

    asio::awaitable<void> serve(adit::Connection connection) {
        static const std::string much(4u << 20, 'x');
        Serve visit(std::move(connection));
        std::error_code cancelled;
        auto token = asio::redirect_error(asio::use_awaitable, visit.ec);
        auto told = asio::redirect_error(asio::use_awaitable, cancelled);
        for (;;) {
            while (!complete(visit.in)) {
                const std::size_t had = visit.in.size();
                visit.in.resize(had + 4'096);
                auto room = asio::buffer(visit.in.data() + had, 4'096);
                const std::size_t n = co_await visit.connection.async_read_some(room, token);
                if (visit.ec) co_return;
                visit.in.resize(had + n);
            }
            const std::string head = std::exchange(visit.in, {});
            const std::string path = head.substr(head.find('/'), head.find(' ', head.find('/')) - head.find('/'));
            if (path == "/large") {
                co_await visit.say("HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n");
                co_await visit.say(much);
            } else if (path == "/events") {
                co_await visit.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nfirst\n");
                co_await waiting_.async_wait(told);
                co_await visit.say("second\n");
                co_return;
            } else if (path == "/tunnel") {
                co_await visit.say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: test\r\nConnection: Upgrade\r\n\r\n");
                co_await waiting_.async_wait(told);
                co_await visit.say("through the tunnel");
                co_return;
            } else {
                if (path == "/poll") co_await waiting_.async_wait(told);
                co_await visit.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
            if (visit.ec) co_return;
        }
    }

    static bool complete(std::string_view in) {
        const std::size_t end = in.find("\r\n\r\n");
        return end != in.npos && (!in.starts_with("POST") || in.find("end", end) != in.npos);
    }

    adit::Session session_;
    adit::Listener plain_, secure_;
    asio::io_context io_;
    asio::steady_timer waiting_{io_, Clock::now() + 1h};
    std::thread thread_;
};

std::string request(std::string_view method, std::string_view path, std::string_view more = {}) {
    return std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: a.edge.test\r\n" + std::string(more) + "\r\n";
}

/// Those who wait for the application, from before the crowd comes until after it went.
class Patient {
public:
    explicit Patient(TestEdge& edge) : events_(edge.http()), tunnel_(edge.http()) {
        for (std::size_t i = 0; i < waiting; ++i) {
            polls_.push_back(edge.http());
            polls_.back().send(request("GET", "/poll"));
        }
        events_.send(request("GET", "/events"));
        CHECK(events_.read_until("first\n").find("200 OK") != std::string::npos);
        tunnel_.send(request("GET", "/tunnel", "Connection: Upgrade\r\nUpgrade: test\r\n"));
        CHECK(tunnel_.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
    }
    void check_alive(Application& application) {
        application.go_on();
        for (NetVisitor& poll : polls_) CHECK(poll.answer().body == "ok");
        CHECK(events_.read_until("second\n").ends_with("second\n"));
        CHECK(tunnel_.read(18) == "through the tunnel");
    }

private:
    std::deque<NetVisitor> polls_;
    NetVisitor events_, tunnel_;
};

std::size_t streams(TestEdge& edge) { return edge.server.sessions()[0].streams; }

void until_streams(TestEdge& edge, std::size_t count) {
    CAPTURE(count);
    CAPTURE(streams(edge));
    for (const auto deadline = Clock::now() + 20s; streams(edge) < count; std::this_thread::yield()) REQUIRE(Clock::now() < deadline);
}

/// Visitors who send all of their requests and take all of their answers, one after the other.
void check_served(TestEdge& edge) {
    for (int i = 0; i < 30; ++i) {
        CAPTURE(i);
        NetVisitor visitor = edge.http();
        const auto begin = Clock::now();
        visitor.send(request("POST", "/", "Content-Length: 3\r\n") + "end");
        CHECK(visitor.answer().status == 200);
        // The first may come when nobody is known to be slow yet.
        CHECK(Clock::now() - begin < adit::limits::visitor_slow_time + (i == 0 ? 900ms : 0ms));
        visitor.close();
    }
}

} // namespace

TEST_CASE("slow visitors of HTTP/1.1 who fill the streams of an agent make room for others") {
    TestEdge edge;
    Application application(edge);
    Patient patient(edge);
    until_streams(edge, waiting + 2);
    std::deque<NetVisitor> slow;
    int status = 0;
    SUBCASE("bodies that do not come") {
        status = 408;
        for (std::size_t i = 0; i < crowd; ++i) {
            slow.push_back(edge.http());
            slow.back().send(request("POST", "/", "Content-Length: 100\r\n") + "a");
        }
    }
    SUBCASE("answers that nobody takes") {
        for (std::size_t i = 0; i < crowd; ++i) {
            slow.push_back(edge.http());
            slow.back().set_receive_buffer(4'096);
            slow.back().send(request("GET", "/large"));
        }
    }
    until_streams(edge, adit::limits::agent_streams_tight);
    check_served(edge);
    CHECK(streams(edge) >= waiting + 2);
    if (status != 0) CHECK(slow.front().answer().status == status); // who waited longest was the first to go
    patient.check_alive(application);
}

TEST_CASE("slow visitors of HTTP/2 who fill the streams of an agent make room for others") {
    TestEdge edge;
    Application application(edge);
    Patient patient(edge);
    until_streams(edge, waiting + 2);
    std::deque<H2Visitor> slow;
    std::vector<adit::http2::StreamId> first;
    bool posts = false;
    SUBCASE("bodies that do not come") { posts = true; }
    SUBCASE("answers that nobody takes") {}
    for (std::size_t i = 0; i < crowd; i += adit::limits::http2_streams / 2) {
        H2Visitor& visitor = slow.emplace_back(edge.server.https_port(), "a.edge.test", edge.server.ca_pem());
        visitor.take(false);
        for (std::size_t j = 0; j < adit::limits::http2_streams / 2; ++j) {
            const auto id = posts ? visitor.request(visitor.head("POST", "/"), false) : visitor.get("/large");
            if (j == 0) first.push_back(id);
            if (posts) visitor.send(id, "a");
        }
    }
    until_streams(edge, adit::limits::agent_streams_tight);
    check_served(edge);
    if (posts) {
        CHECK(slow.front().whole(first.front()).status == 408);
    } else {
        CHECK(slow.front().until(first.front(), [](const auto& answer) { return answer.reset; }).reset);
    }
    patient.check_alive(application);
}
