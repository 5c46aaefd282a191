// Visitors who are slow on purpose (threat T8). The times are those of <adit/limits.hpp>, so all wait at the same time.
#include "edge_visitor_support.hpp"

#include <adit/limits.hpp>

#include <future>

using adit_test::AppStream;
using adit_test::NetVisitor;
using adit_test::TestEdge;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

/// Seconds until the edge ended the connection of a visitor who does no more than he did.
double seconds_to_end(NetVisitor visitor) {
    const auto start = Clock::now();
    while (!visitor.readable_within(std::chrono::seconds(1)) && Clock::now() - start < std::chrono::seconds(60)) {}
    (void)visitor.read_all();
    return std::chrono::duration<double>(Clock::now() - start).count();
}

void check_about(double seconds, std::chrono::duration<double> limit) {
    CHECK(seconds > limit.count() * 0.9);
    CHECK(seconds < limit.count() + 5);
}

} // namespace

TEST_CASE("every kind of slowness has its end, and a slow but steady reader is served to the last byte") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    const std::uint16_t tls_port = edge.server.https_port();
    const auto wait_for_end = [](NetVisitor visitor) {
        return std::async(std::launch::async, seconds_to_end, std::move(visitor));
    };

    NetVisitor half_hello = NetVisitor::plain(tls_port);
    half_hello.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
    auto hello = wait_for_end(std::move(half_hello));

    NetVisitor half_body = edge.http();
    half_body.send("POST / HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: 100\r\n\r\nhalf");
    AppStream body_app = edge.accept(listener);
    body_app.read_head();
    auto body = wait_for_end(std::move(half_body));

    NetVisitor drips = edge.http();
    drips.send("POST / HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: 1000\r\n\r\n");
    AppStream drips_app = edge.accept(listener);
    drips_app.read_head();
    auto dripping = std::async(std::launch::async, [visitor = std::move(drips)]() mutable {
        const auto begin = Clock::now();
        while (!visitor.readable_within(1s) && Clock::now() - begin < 60s) visitor.send("x"); // a byte a second
        CHECK(visitor.answer().status == 408);
        return std::chrono::duration<double>(Clock::now() - begin).count();
    });

    const std::size_t size = 30'000'000;
    NetVisitor not_reading = edge.http();
    not_reading.set_receive_buffer(65'536);
    not_reading.send("GET / HTTP/1.1\r\nHost: a.edge.test\r\n\r\n");
    AppStream stalled_app = edge.accept(listener);
    stalled_app.read_head();
    const auto start = Clock::now();
    auto stalled = std::async(std::launch::async, [&] {
        std::error_code ec;
        const std::string piece(65'536, 'x');
        stalled_app.connection().write_timeout(std::chrono::seconds(60));
        stalled_app.write("HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n");
        while (!ec) stalled_app.connection().write_some(asio::buffer(piece), ec);
        CHECK(ec == adit::errc::connection_reset);
        return std::chrono::duration<double>(Clock::now() - start).count();
    });

    NetVisitor steady = edge.http();
    steady.set_receive_buffer(65'536);
    steady.send("GET / HTTP/1.1\r\nHost: a.edge.test\r\n\r\n");
    AppStream steady_app = edge.accept(listener);
    steady_app.read_head();
    auto answering = std::async(std::launch::async, [&] {
        steady_app.connection().write_timeout(std::chrono::seconds(60));
        steady_app.answer(std::string(size, 'y'));
    });
    auto reading = std::async(std::launch::async, [&] {
        std::size_t got = 0;
        asio::io_context context;
        asio::steady_timer metronome(context, Clock::now());
        for (const auto fast_from = Clock::now() + adit::limits::visitor_stall_time + 5s; Clock::now() < fast_from;) {
            metronome.expires_at(metronome.expiry() + 500ms);
            metronome.wait();
            got += steady.read_some().size(); // at most the 64 KiB of the receive buffer
        }
        CHECK(got < size / 2);
        while (got < size) got += steady.read_some().size();
        return got;
    });
    check_about(hello.get(), adit::limits::client_hello_time);
    check_about(body.get(), adit::limits::visitor_stall_time);
    CHECK(body_app.read_end() == adit::errc::connection_reset);
    check_about(dripping.get(), adit::limits::visitor_stall_time);
    CHECK(drips_app.read_end() == adit::errc::connection_reset);
    check_about(stalled.get(), adit::limits::visitor_stall_time);
    CHECK(reading.get() >= size);
    answering.get();
}

TEST_CASE("a visitor who stays in a WebSocket that the application closed does not hold its stream") {
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    NetVisitor visitor = edge.http();
    visitor.send("GET /chat HTTP/1.1\r\nHost: a.edge.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    AppStream app = edge.accept(listener);
    app.read_head();
    app.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nbye");
    CHECK(visitor.read_until("bye").starts_with("HTTP/1.1 101 "));
    const auto start = Clock::now();
    app.close();
    CHECK(edge.records(1)[0].status == 101); // over at the edge as well, though he is silent
    const auto took = Clock::now() - start;
    CHECK(took > adit::limits::fin_wait_time * 0.9);
    CHECK(took < adit::limits::fin_wait_time + adit::limits::half_close_time / 6);
}

TEST_CASE("a visitor of a tcp endpoint who stays although the application closed does not hold its stream") {
    TestEdge edge;
    auto listener = edge.listen("tcp://");
    const std::string url = listener.url();
    NetVisitor visitor = NetVisitor::plain(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    visitor.send("hello");
    AppStream app = edge.accept(listener);
    CHECK(app.read(5) == "hello");
    const auto start = Clock::now();
    app.write("bye");
    app.close();
    CHECK(visitor.read_all() == "bye");
    CHECK(edge.records(1)[0].bytes_out == 3); // the connection is over at the edge as well
    const auto took = Clock::now() - start;
    CHECK(took > adit::limits::fin_wait_time * 0.9);
    CHECK(took < adit::limits::fin_wait_time + adit::limits::half_close_time / 6);
}
