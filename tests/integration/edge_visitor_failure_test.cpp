// What visitors and agents see when the other side fails, stalls, cheats or leaves.
#include "edge_visitor_support.hpp"

#include <future>

using adit_test::AppStream;
using adit_test::HttpAnswer;
using adit_test::NetVisitor;
using adit_test::TestEdge;
using namespace std::chrono_literals;

namespace {

std::string request(std::string_view more = {}, std::string_view method = "GET") {
    return std::string(method) + " / HTTP/1.1\r\nHost: a.edge.test\r\n" + std::string(more) + "\r\n";
}

int ngrok_error(const HttpAnswer& answer) {
    const std::string code = answer.field("ngrok-error-code");
    return code.starts_with("ERR_NGROK_") ? std::stoi(code.substr(10)) : 0;
}

} // namespace

TEST_CASE("what could be read as two requests is refused and never reaches the agent") { // T1, T3
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    const std::string_view smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.edge.test\r\n\r\n";
    for (const std::string_view fields :
         {"Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
          "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Content-Length: 5, 6\r\n", "Content-Length: +5\r\n",
          "Content-Length: 0x5\r\n", "Content-Length: 5 5\r\n", "Content-Length: -1\r\n", "Content-Length:\r\n",
          "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: xchunked\r\n",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding : chunked\r\n",
          "Transfer-Encoding:\x0b" "chunked\r\n", " Transfer-Encoding: chunked\r\n", "X: a\r\n Content-Length: 5\r\n",
          "Content-Length: 5\n", "X: a\rTransfer-Encoding: chunked\r\n", "Content_Length 5\r\n",
          "Host: b.edge.test\r\n"}) {
        CAPTURE(fields);
        NetVisitor visitor = edge.http();
        visitor.send("POST / HTTP/1.1\r\nHost: a.edge.test\r\n" + std::string(fields) + "\r\n0\r\n\r\n" + std::string(smuggled));
        const HttpAnswer answer = visitor.answer();
        const int expected = fields == "Transfer-Encoding: xchunked\r\n" ? 501 : 400; // RFC 9112 6.1: a coding we do not know
        CHECK(answer.status == expected);
        CHECK(answer.field("connection") == "close");
        CHECK(visitor.ended());
    }
    CHECK(edge.nothing_comes(listener));
}

TEST_CASE("a broken chunk after its request was forwarded ends both sides") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send(request("Transfer-Encoding: chunked\r\n", "POST") + "5\r\nhello\r\n");
    AppStream app = edge.accept(listener);
    app.read_until("hello\r\n");
    visitor.send("zz\r\n");
    CHECK(visitor.answer().status == 400);
    CHECK(visitor.ended());
    CHECK(app.read_end() == adit::errc::connection_reset);
}

TEST_CASE("half a request is answered with 408 after the time for a head") { // T8
    TestEdge edge([](auto& options) { options.http_head_time(150ms); });
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send("GET / HTTP/1.1\r\nHost: a.ed");
    CHECK(visitor.answer().status == 408);
    CHECK(visitor.ended());
    NetVisitor secure = edge.https("a.edge.test");
    secure.send("GET");
    CHECK(secure.answer().status == 408);
    CHECK(secure.ended());
    // A slow head does not get more time by sending on; a connection that begins nothing has the idle time.
    NetVisitor quiet = edge.http();
    NetVisitor dripping = edge.http();
    HttpAnswer answer;
    for (const char c : request("X-Slow: yes\r\n")) {
        dripping.send(std::string_view(&c, 1));
        if (dripping.readable_within(20ms)) break;
    }
    CHECK(dripping.answer().status == 408);
    quiet.send(request());
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("served");
    CHECK(quiet.answer().body == "served");
}

TEST_CASE("an idle connection is closed in order after the idle time") {
    TestEdge edge([](auto& options) { options.http_idle_time(150ms); });
    auto listener = edge.listen("https://a.edge.test");
    NetVisitor visitor = edge.https("a.edge.test");
    visitor.send(request());
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("one");
    CHECK(visitor.answer().body == "one");
    CHECK(visitor.ended());
    CHECK_FALSE(visitor.cut());
}

TEST_CASE("the time for an answer is not the visitor's idle time") {
    TestEdge edge([](auto& options) { options.http_idle_time(50ms); });
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send(request());
    AppStream app = edge.accept(listener);
    app.read_head();
    CHECK(edge.nothing_comes(listener)); // 100 ms
    app.answer("late");
    CHECK(visitor.answer().body == "late");
    CHECK(visitor.ended());
}

TEST_CASE("an application that never answers costs the visitor 504") {
    TestEdge edge([](auto& options) { options.http_response_time(150ms); });
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send(request());
    AppStream app = edge.accept(listener);
    app.read_head();
    const HttpAnswer answer = visitor.answer();
    CHECK(answer.status == 504);
    CHECK(ngrok_error(answer) == 3005);
    CHECK(app.read_end() == adit::errc::connection_reset);
}

TEST_CASE("each way an agent fails before its answer has its own page") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    struct Case {
        std::string_view name;
        std::function<void(AppStream&)> fail;
        int number;
    };
    const Case cases[] = {
        {"ends without a byte", [](AppStream& app) { app.close(); }, 8012},
        {"resets without a byte", [](AppStream& app) { app.reset(); }, 8012},
        {"no HTTP", [](AppStream& app) { app.write("SSH-2.0-OpenSSH_9.2\r\n\r\n"); }, 3004},
        {"half a head", [](AppStream& app) { app.write("HTTP/1.1 200 OK\r\nContent-"), app.close(); }, 3004},
        {"two lengths", [](AppStream& app) { app.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"); }, 3004},
        {"only 100", [](AppStream& app) { app.write("HTTP/1.1 100 Continue\r\n\r\n"), app.close(); }, 3004},
    };
    for (const Case& each : cases) {
        CAPTURE(each.name);
        NetVisitor visitor = edge.http();
        visitor.send(request());
        AppStream app = edge.accept(listener);
        app.read_head();
        each.fail(app);
        HttpAnswer answer = visitor.answer();
        if (answer.status == 100) answer = visitor.answer();
        CHECK(answer.status == 502);
        CHECK(ngrok_error(answer) == each.number);
        visitor.send(request()); // the visitor's connection is none the worse
        AppStream next = edge.accept(listener);
        next.read_head();
        next.answer("fine");
        CHECK(visitor.answer().body == "fine");
    }
}

TEST_CASE("an answer that is cut off looks cut off") {
    TestEdge edge;
    auto listener = edge.listen("https://a.edge.test");
    for (const std::string_view head : {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
                                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"}) {
        NetVisitor visitor = edge.https("a.edge.test");
        visitor.send(request());
        AppStream app = edge.accept(listener);
        app.read_head();
        app.write(head);
        CHECK(visitor.read_until("part").ends_with("part"));
        app.close();
        (void)visitor.read_all();
        CHECK(visitor.cut());
    }
    CHECK(edge.records(2)[1].status == 200);
}

TEST_CASE("the end of the agent's session ends its requests with 502 and its cut answers visibly") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor waiting = edge.http();
    waiting.send(request());
    AppStream first = edge.accept(listener);
    first.read_head();
    NetVisitor reading = edge.http();
    reading.send(request());
    AppStream second = edge.accept(listener);
    second.read_head();
    second.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    CHECK(reading.read_until("part").ends_with("part"));
    CHECK_FALSE(edge.server.disconnect(edge.server.sessions()[0].id));
    const HttpAnswer answer = waiting.answer();
    CHECK(answer.status == 502);
    CHECK(ngrok_error(answer) == 3209);
    (void)reading.read_all();
    CHECK(reading.cut());
}

TEST_CASE("a kept stream that died meanwhile costs a safe request nothing, and an unsafe one is not sent twice") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    struct Case {
        std::string_view method, body;
        bool again;
    };
    for (const Case& each : {Case{"GET", "", true}, Case{"DELETE", "", true}, Case{"POST", "", false},
                             Case{"PUT", "data", false}}) {
        CAPTURE(each.method);
        NetVisitor visitor = edge.http();
        visitor.send(request());
        AppStream app = edge.accept(listener);
        app.read_head();
        app.answer("one");
        CHECK(visitor.answer().body == "one");
        visitor.send(request("Content-Length: " + std::to_string(each.body.size()) + "\r\n", each.method) + std::string(each.body));
        CHECK(app.read_head().starts_with(each.method));
        app.close(); // the application's keep-alive time was up in the same moment
        if (each.again) {
            AppStream fresh = edge.accept(listener);
            CHECK(fresh.read_head().starts_with(each.method));
            fresh.answer("two");
            CHECK(visitor.answer().body == "two");
        } else {
            CHECK(visitor.answer().status == 502);
            CHECK(edge.nothing_comes(listener));
        }
    }
}

TEST_CASE("a request is sent again only once") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send(request());
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("one");
    visitor.answer();
    visitor.send(request());
    app.read_head();
    app.reset();
    AppStream again = edge.accept(listener);
    again.read_head();
    again.close();
    const HttpAnswer answer = visitor.answer();
    CHECK(ngrok_error(answer) == 8012);
    CHECK(edge.nothing_comes(listener));
}

TEST_CASE("a visitor who leaves is noticed at once, while he waits, sends and reads") {
    TestEdge edge;
    auto listener = edge.listen("https://a.edge.test");
    { // waits for an answer
        NetVisitor visitor = edge.https("a.edge.test");
        visitor.send(request());
        AppStream app = edge.accept(listener);
        app.read_head();
        visitor.close();
        CHECK(app.read_end() == adit::errc::connection_reset);
    }
    { // sends a body
        NetVisitor visitor = edge.https("a.edge.test");
        visitor.send(request("Content-Length: 100\r\n", "POST") + "half");
        AppStream app = edge.accept(listener);
        app.read_head();
        app.read(4);
        visitor.reset();
        CHECK(app.read_end() == adit::errc::connection_reset);
    }
    { // reads
        NetVisitor visitor = edge.https("a.edge.test");
        visitor.send(request());
        AppStream app = edge.accept(listener);
        app.read_head();
        app.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        visitor.read_until("\r\n\r\n");
        visitor.reset();
        std::error_code ec;
        const std::string piece(65'536, 'x');
        while (!ec) app.connection().write_some(asio::buffer(piece), ec);
        CHECK(ec == adit::errc::connection_reset);
    }
    { // between two requests
        NetVisitor visitor = edge.https("a.edge.test");
        visitor.send(request());
        AppStream app = edge.accept(listener);
        app.read_head();
        app.answer("one");
        visitor.answer();
        visitor.close();
        CHECK(app.read_end() == asio::error::eof);
    }
    const auto records = edge.records(4);
    CHECK(records[0].status == 499);
    CHECK(records[1].status == 499);
    CHECK(records[2].status == 200);
    CHECK(records[3].status == 200);
}

TEST_CASE("a visitor who does not read holds the agent and not the edge's memory") { // T18
    TestEdge edge([](auto& options) { options.window_growth(false); });
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.set_receive_buffer(32'768);
    visitor.send(request());
    AppStream app = edge.accept(listener);
    app.read_head();
    app.write("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
    visitor.read_until("\r\n\r\n");
    const std::size_t taken = app.write_until_full(100'000'000, 300ms);
    // Both windows of 256 KiB, the kernel's buffers and one piece of ours, and nothing that grows with the body.
    CHECK(taken < 8'000'000);
    std::size_t got = visitor.read(taken).size(); // it goes on when he reads
    app.write(std::string(1'000, 'y'));
    got += visitor.read(1'000).size();
    CHECK(got == taken + 1'000);
}

TEST_CASE("an application that does not read holds the visitor") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send(request("Content-Length: 100000000\r\n", "POST"));
    AppStream app = edge.accept(listener);
    app.read_head();
    std::size_t sent = 0;
    const std::string piece(65'536, 'x');
    auto full = std::chrono::steady_clock::now() + 300ms;
    while (std::chrono::steady_clock::now() < full && sent < 100'000'000) {
        const std::size_t n = visitor.send_some_now(piece);
        sent += n;
        if (n != 0) full = std::chrono::steady_clock::now() + 300ms;
    }
    CHECK(sent < 12'000'000);
    CHECK(app.read(sent).size() == sent);
}

TEST_CASE("draining finishes what runs and closes what waits") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor idle = edge.http();
    idle.send(request());
    AppStream first = edge.accept(listener);
    first.read_head();
    first.answer("one");
    idle.answer();
    NetVisitor running = edge.http();
    running.send(request());
    AppStream second = edge.accept(listener);
    second.read_head();
    auto drained = std::async(std::launch::async, [&] { edge.server.drain(10s); });
    CHECK(idle.ended());
    CHECK_FALSE(idle.cut());
    second.answer("finished");
    const HttpAnswer answer = running.answer();
    CHECK(answer.body == "finished");
    CHECK(answer.field("connection") == "close");
    CHECK(running.ended());
    CHECK(drained.wait_for(5s) == std::future_status::ready);
}

TEST_CASE("a drain reaches visitors in their TLS handshake") {
    TestEdge edge;
    auto listener = edge.listen("https://a.edge.test");
    NetVisitor early = NetVisitor::plain(edge.server.https_port());
    NetVisitor idle = edge.https("a.edge.test"); // accepted behind the early one
    auto drained = std::async(std::launch::async, [&] { edge.server.drain(20s); });
    CHECK(idle.ended());
    early.start_tls(adit_test::TlsOptions("a.edge.test", edge.server.ca_pem()));
    CHECK(early.ended());
    CHECK_FALSE(early.cut());
    CHECK(drained.wait_for(10s) == std::future_status::ready);
}

TEST_CASE("a large head has the time of the exchange, goes on with the application and ends with the visitor") {
    const std::string large = request("X-Large: " + std::string(900'000, 'x') + "\r\n");
    const auto no_growth = [](auto& options) { options.window_growth(false); };
    SUBCASE("read late") {
        TestEdge edge(no_growth);
        auto listener = edge.listen("http://a.edge.test");
        NetVisitor visitor = edge.http();
        for (int i = 0; i < 2; ++i) { // a new stream, and one that is used again
            visitor.send(large);
            AppStream app = edge.accept(listener);
            CHECK(edge.nothing_comes(listener)); // the head waits for the application meanwhile
            CHECK(app.read_head().size() > 900'000);
            app.answer("one");
            CHECK(visitor.answer().body == "one");
            visitor.send(large);
            CHECK(app.read_head().size() > 900'000);
            app.answer("two", "Connection: close\r\n");
            CHECK(visitor.answer().body == "two");
        }
    }
    SUBCASE("never read") {
        TestEdge edge([](auto& options) { options.window_growth(false).http_response_time(300ms); });
        auto listener = edge.listen("http://a.edge.test");
        NetVisitor visitor = edge.http();
        visitor.send(large);
        AppStream app = edge.accept(listener);
        CHECK(visitor.answer().status == 504);
        NetVisitor with_body = edge.http();
        with_body.send(request("Content-Length: 5\r\nX-Large: " + std::string(900'000, 'x') + "\r\n", "POST"));
        AppStream second = edge.accept(listener);
        CHECK(with_body.answer().status == 504);
    }
    SUBCASE("the visitor leaves") {
        TestEdge edge(no_growth);
        auto listener = edge.listen("http://a.edge.test");
        NetVisitor visitor = edge.http();
        visitor.send(large);
        AppStream app = edge.accept(listener);
        CHECK(edge.nothing_comes(listener)); // all of the head is with the edge
        visitor.close();
        CHECK(edge.records(1)[0].status == 499);
        CHECK(app.read_end() == adit::errc::connection_reset);
    }
    SUBCASE("answered before it was read") {
        TestEdge edge(no_growth);
        auto listener = edge.listen("http://a.edge.test");
        NetVisitor visitor = edge.http();
        visitor.send(large);
        AppStream app = edge.accept(listener);
        app.answer("early");
        CHECK(visitor.answer().body == "early");
        CHECK(app.read_end() == adit::errc::connection_reset); // it is not used again: half a request is on it
        visitor.send(request());
        AppStream next = edge.accept(listener);
        next.read_head();
        next.answer("next");
        CHECK(visitor.answer().body == "next");
    }
}

TEST_CASE("stopping ends everything at once") {
    TestEdge edge;
    auto listener = edge.listen("https://a.edge.test");
    NetVisitor idle = edge.https("a.edge.test");
    NetVisitor waiting = edge.https("a.edge.test");
    waiting.send(request());
    AppStream app = edge.accept(listener);
    app.read_head();
    NetVisitor half = NetVisitor::plain(edge.server.https_port());
    half.send("\x16");
    edge.server.stop();
    CHECK(idle.ended());
    CHECK(waiting.ended());
    CHECK(half.ended());
    CHECK(edge.records(1)[0].status == 499);
}
