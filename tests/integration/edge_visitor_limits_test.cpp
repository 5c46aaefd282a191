// What happens at the bounds: streams of one agent, descriptors.
#include "edge_visitor_support.hpp"

#include <adit/limits.hpp>

#include <asio/use_future.hpp>

#include <deque>
#include <future>
#include <thread>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

using adit_test::AppStream;
using adit_test::HttpAnswer;
using adit_test::NetVisitor;
using adit_test::TestEdge;

namespace {

constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: a.edge.test\r\n\r\n";

/// A visitor with his stream, request read and not answered.
struct Served {
    NetVisitor visitor;
    AppStream app;
};

Served serve(TestEdge& edge, adit::Listener& listener) {
    NetVisitor visitor = edge.http();
    visitor.send(request);
    AppStream app = edge.accept(listener);
    app.read_head();
    return Served{std::move(visitor), std::move(app)};
}

} // namespace

TEST_CASE("at the cap of streams a request waits for one, and gets 503 when none comes free") { // T19
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    std::deque<Served> open;
    while (edge.server.sessions()[0].streams < adit::limits::streams_per_session - 10) open.push_back(serve(edge, listener));
    NetVisitor late = edge.http();
    auto sent = std::chrono::steady_clock::now();
    for (std::error_code ec;;) { // the last few one by one, for the edge keeps some back for itself
        sent = std::chrono::steady_clock::now();
        late.send(request);
        adit::Connection connection = listener.accept_for(std::chrono::milliseconds(500), ec);
        if (ec) break;
        open.push_back(Served{std::move(late), AppStream(std::move(connection))});
        open.back().app.read_head();
        late = edge.http();
        REQUIRE(open.size() < adit::limits::streams_per_session);
    }
    CHECK(edge.server.sessions()[0].streams <= adit::limits::streams_per_session);
    const HttpAnswer refused = late.answer();
    // The last one waited behind accept_for() above; nobody is refused before his time.
    CHECK(std::chrono::steady_clock::now() - sent >= adit::limits::agent_stream_wait - std::chrono::milliseconds(50));
    CHECK(refused.status == 503);
    CHECK(refused.field("ngrok-error-code") == "ERR_NGROK_724");

    NetVisitor patient = edge.http();
    patient.send(request);
    CHECK(edge.nothing_comes(listener));
    open.front().app.answer("done"); // so many streams are open that this one ends with its answer
    CHECK(open.front().visitor.answer().body == "done");
    CHECK(open.front().app.read_end() == asio::error::eof);
    open.front().app.close();
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("at last");
    CHECK(patient.answer().body == "at last");
}

TEST_CASE("when many streams are open, one that is not needed is its visitor's until another one comes") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    std::deque<Served> open;
    while (edge.server.sessions()[0].streams <= adit::limits::agent_streams_tight) open.push_back(serve(edge, listener));
    Served& last = open.back();
    for (const char* const body : {"one", "two"}) { // streams that end and are opened for each request would crowd an agent out
        last.app.answer(body);
        CHECK(last.visitor.answer().body == body);
        last.visitor.send(request);
        CHECK(last.app.read_head().starts_with("GET / "));
    }
    last.app.answer("three");
    CHECK(last.visitor.answer().body == "three");
    open.push_back(serve(edge, listener));
    CHECK(last.app.read_end() == asio::error::eof);
}

TEST_CASE("streams that wait for a request make room for new visitors, the oldest first, and nobody is refused") {
    TestEdge edge([](auto& options) { options.agent_stream_idle_time(std::chrono::minutes(5)).http_idle_time(std::chrono::minutes(5)); });
    auto listener = edge.listen("http://a.edge.test");
    const auto streams = [&] { return edge.server.sessions()[0].streams; };
    std::deque<Served> running;
    running.push_back(serve(edge, listener));
    const std::size_t others = streams() - 1; // heartbeats
    std::deque<Served> idle;
    const auto settled = [&] {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (streams() > others + idle.size() + running.size()) {
            REQUIRE(std::chrono::steady_clock::now() < deadline);
            std::this_thread::yield();
        }
    };
    while (streams() < adit::limits::agent_streams_tight) {
        idle.push_back(serve(edge, listener));
        idle.back().app.answer("kept");
        CHECK(idle.back().visitor.answer().body == "kept");
    }
    CHECK(edge.nothing_comes(listener));
    CHECK(streams() == adit::limits::agent_streams_tight); // below the mark all are kept
    std::deque<Served> given_up;
    while (running.size() < adit::limits::streams_per_session - 10) {
        running.push_back(serve(edge, listener)); // fails after 20 s if it is refused
        const bool tight = streams() > adit::limits::agent_streams_tight;
        for (int i = 0; tight && i < 2 && !idle.empty(); ++i) {
            CHECK(idle.front().app.read_end() == asio::error::eof);
            idle.front().app.close();
            given_up.push_back(std::move(idle.front()));
            idle.pop_front();
        }
        settled();
    }
    CHECK(idle.empty());
    for (Served& each : running) {
        each.app.answer("served");
        CHECK(each.visitor.answer().body == "served");
        each.app.close();
    }
    given_up.front().visitor.send(request); // his connection is none the worse
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("again");
    CHECK(given_up.front().visitor.answer().body == "again");
}

TEST_CASE("without descriptors new visitors wait, and are served when there are some again") { // T34
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    Served before = serve(edge, listener);
    NetVisitor visitor = edge.http(); // his descriptor; the edge's is still to come
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const rlimit low{128, limit.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    NetVisitor waiting = edge.http();
    std::vector<int> taken;
    for (int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC); fd >= 0; fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
        taken.push_back(fd);
    }
    ::close(taken.back()); // for one socket of a visitor
    taken.pop_back();
    NetVisitor starved = edge.http();
    starved.send(request);
    before.app.answer("meanwhile"); // what is connected goes on
    CHECK(before.visitor.answer().body == "meanwhile");
    CHECK(edge.nothing_comes(listener));
    for (const int fd : taken) ::close(fd);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("served");
    CHECK(starved.answer().body == "served");
}

TEST_CASE("all listeners of a session may be opened and closed at once") {
    TestEdge edge;
    std::vector<std::future<adit::Listener>> opening;
    for (int i = 0; i < 300; ++i)
        opening.push_back(edge.session.async_listen(adit::Endpoint("https://l" + std::to_string(i) + ".edge.test"), asio::use_future));
    std::vector<adit::Listener> listeners;
    for (auto& each : opening) listeners.push_back(each.get());
    CHECK(edge.server.endpoints().size() == 300);
    std::vector<std::future<void>> closing;
    for (adit::Listener& listener : listeners) closing.push_back(listener.async_close(asio::use_future));
    for (auto& each : closing) each.get(); // none was refused
    CHECK(edge.server.endpoints().empty());
}

TEST_CASE("heads have the bounds that the edge was given, in both directions") { // behaviour D.4
    TestEdge edge([](auto& options) { options.http_head_max(2'048).http_fields_max(12); });
    auto listener = edge.listen("http://a.edge.test");
    const std::string start = "GET / HTTP/1.1\r\nHost: a.edge.test\r\n";
    const auto refused = [&](const std::string& bytes) {
        NetVisitor visitor = edge.http();
        visitor.send(bytes);
        return visitor.answer().status;
    };
    CHECK(refused(start + "X: " + std::string(2'048, 'x') + "\r\n\r\n") == 431);
    CHECK(refused("GET /" + std::string(2'048, 'x')) == 414);
    std::string fields = start;
    for (int i = 0; i < 12; ++i) fields += "X: y\r\n";
    CHECK(refused(fields + "\r\n") == 431);
    CHECK(edge.nothing_comes(listener));
    for (const std::size_t size : {1'900u, 2'100u}) {
        CAPTURE(size);
        NetVisitor visitor = edge.http();
        visitor.send(start + "X: " + std::string(1'900, 'x') + "\r\n\r\n");
        AppStream app = edge.accept(listener);
        app.read_head();
        app.answer("body", "X: " + std::string(size, 'x') + "\r\n");
        CHECK(visitor.answer().status == (size < 2'048 ? 200 : 502));
    }
}

TEST_CASE("the time without progress of a request body is the one that the edge was given") { // T8
    TestEdge edge([](auto& options) { options.http_stall_time(std::chrono::milliseconds(150)); });
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send("POST / HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: 5\r\n\r\nab");
    AppStream app = edge.accept(listener);
    app.read_head();
    CHECK(visitor.answer().status == 408);
    CHECK(visitor.ended());
    CHECK(app.read_end() == adit::errc::connection_reset);
}
