// Connection: reading, writing, ending, time limits and cancellation.
#include "integration/client_support.hpp"

#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/use_future.hpp>
#include <asio/write.hpp>

#include <thread>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t more_than_fits = 8u << 20; // into a window and all buffers

class World {
public:
    World() : session(Session::connect(edge.options())), listener(session.listen(Endpoint("tcp://"))) {}
    Pair pair() { return Pair(edge, listener); }
    MockEdge edge;
    Session session;
    Listener listener;
};

std::string pattern(std::size_t n, std::size_t from = 0) {
    std::string out(n, '\0');
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<char>((from + i) * 31 >> 3);
    return out;
}

asio::awaitable<void> serve(Listener listener, std::string& request) {
    auto connection = co_await listener.async_accept();
    auto buffer = asio::dynamic_buffer(request, 1024);
    co_await asio::async_read_until(connection, buffer, "\r\n\r\n", asio::use_awaitable);
    const std::string answer = pattern(more_than_fits);
    const auto bytes = asio::buffer(answer);
    co_await asio::async_write(connection, bytes, asio::use_awaitable);
}

asio::awaitable<void> connect_and_serve(SessionOptions options, std::promise<std::string>& online, std::string& request) {
    const auto executor = co_await asio::this_coro::executor;
    auto session = co_await Session::async_connect(executor, options);
    const auto endpoint = Endpoint("tcp://");
    auto listener = co_await session.async_listen(endpoint);
    online.set_value(listener.id());
    co_await serve(listener, request);
    // The connection is gone, what was written still leaves: the visitor tells when it has everything.
    auto last = co_await listener.async_accept();
    last.close();
}

} // namespace

TEST_CASE("Asio's composed operations work on a connection, blocking") {
    World world;
    Pair pair = world.pair();
    pair.visitor.write("GET / HTTP/1.1\r\n\r\nrest");
    std::string request;
    const std::size_t head = asio::read_until(pair.connection, asio::dynamic_buffer(request, 1024), "\r\n\r\n");
    CHECK(request.substr(0, head) == "GET / HTTP/1.1\r\n\r\n");
    std::array<char, 4> rest;
    const std::size_t have = request.size() - head;
    asio::read(pair.connection, asio::buffer(rest.data() + have, rest.size() - have));
    CHECK(asio::write(pair.connection, std::array<asio::const_buffer, 3>{asio::buffer("ab", 2), asio::const_buffer(),
                                                                         asio::buffer("cd", 2)}) == 4);
    CHECK(pair.visitor.read(4) == "abcd");
}

TEST_CASE("what a coroutine wrote arrives although its connection is destroyed at once") {
    MockEdge edge;
    asio::io_context context;
    std::promise<std::string> online;
    auto id = online.get_future();
    std::string request;
    std::thread test([&] {
        const std::string bind = get(id);
        Visitor visitor = edge.visit(bind);
        visitor.write("hello\r\n\r\n");
        CHECK(visitor.read_all() == pattern(more_than_fits));
        CHECK(edge.visit(bind).read_all().empty());
    });
    run(context, connect_and_serve(edge.options(), online, request));
    finish(context);
    test.join();
    CHECK(request == "hello\r\n\r\n");
}

TEST_CASE("the peer's end of stream is eof, its abort connection_reset, and only after the data") {
    World world;
    std::error_code ec;
    char byte = 0;
    Pair ended = world.pair();
    ended.visitor.write("x");
    ended.visitor.finish();
    CHECK(read_exactly(ended.connection, 1) == "x");
    CHECK(ended.connection.read_some(asio::buffer(&byte, 1), ec) == 0);
    CHECK(ec == asio::error::eof);
    write_all(ended.connection, "half closed"); // the other direction stays open
    CHECK(ended.visitor.read(11) == "half closed");

    Pair aborted = world.pair();
    aborted.visitor.reset();
    CHECK(aborted.connection.read_some(asio::buffer(&byte, 1), ec) == 0);
    CHECK(ec == errc::connection_reset);
    (void)aborted.connection.write_some(asio::buffer(&byte, 1), ec);
    CHECK(ec == errc::connection_reset);
    CHECK(world.session.is_open());
}

TEST_CASE("shutdown ends one direction") {
    World world;
    Pair pair = world.pair();
    std::error_code ec;
    write_all(pair.connection, "last words");
    pair.connection.shutdown(asio::ip::tcp::socket::shutdown_send);
    CHECK(pair.visitor.read_all() == "last words");
    (void)pair.connection.write_some(asio::buffer("x", 1), ec);
    CHECK(ec == asio::error::broken_pipe);
    pair.visitor.write("still heard");
    CHECK(read_exactly(pair.connection, 11) == "still heard");
    pair.connection.shutdown(asio::ip::tcp::socket::shutdown_both, ec);
    CHECK_FALSE(ec);
    pair.connection.close();
    pair.connection.shutdown(asio::ip::tcp::socket::shutdown_send, ec);
    CHECK(ec == errc::connection_closed);
    CHECK_THROWS_AS(pair.connection.shutdown(asio::ip::tcp::socket::shutdown_send), SystemError);
}

TEST_CASE("shutdown_receive drops what still comes, so that the peer does not wait") {
    World world;
    Pair pair = world.pair();
    auto reading = std::async(std::launch::async, [&] {
        char byte = 0;
        std::error_code ec;
        (void)pair.connection.read_some(asio::buffer(&byte, 1), ec);
        return ec;
    });
    pair.connection.shutdown(asio::ip::tcp::socket::shutdown_receive);
    CHECK(get(reading) == asio::error::eof);
    pair.visitor.write(pattern(more_than_fits)); // many times its window
    char byte = 0;
    std::error_code ec;
    (void)pair.connection.read_some(asio::buffer(&byte, 1), ec);
    CHECK(ec == asio::error::eof);
    write_all(pair.connection, "answer");
    CHECK(pair.visitor.read(6) == "answer");
}

TEST_CASE("close and reset complete what is outstanding with connection_closed") {
    for (const bool abort : {false, true}) {
        CAPTURE(abort);
        World world;
        Pair pair = world.pair();
        std::array<char, 8> data;
        auto read = pair.connection.async_read_some(asio::buffer(data), asio::use_future);
        if (abort) {
            pair.connection.reset();
        } else {
            pair.connection.close();
        }
        CHECK_FALSE(pair.connection.is_open());
        try {
            (void)get(read);
            FAIL("the read did not fail");
        } catch (const std::system_error& error) {
            CHECK(error.code() == errc::connection_closed);
        }
        const std::error_code seen = pair.visitor.read_end();
        CHECK(seen == (abort ? make_error_code(errc::connection_reset) : asio::error::make_error_code(asio::error::eof)));
        std::error_code ec;
        (void)pair.connection.write_some(asio::buffer("x", 1), ec);
        CHECK(ec == errc::connection_closed);
    }
}

TEST_CASE("a connection that is moved over ends") {
    World world;
    Pair first = world.pair();
    Pair second = world.pair();
    write_all(first.connection, "bye");
    first.connection = std::move(second.connection);
    CHECK(first.visitor.read_all() == "bye");
    write_all(first.connection, "second");
    CHECK(second.visitor.read(6) == "second");
}

TEST_CASE("a read that times out took nothing") {
    World world;
    Pair pair = world.pair();
    pair.connection.read_timeout(1ms);
    std::array<char, 4> data;
    std::error_code ec;
    CHECK(pair.connection.read_some(asio::buffer(data), ec) == 0);
    CHECK(ec == errc::timed_out);
    CHECK(ec == condition::timeout);
    CHECK_THROWS_AS(pair.connection.read_some(asio::buffer(data)), SystemError);
    pair.connection.read_timeout(0ms);
    pair.visitor.write("data");
    CHECK(read_exactly(pair.connection, 4) == "data");
}

TEST_CASE("a write to a peer that takes nothing times out, and nothing of it was sent") {
    World world;
    Pair pair = world.pair();
    pair.connection.write_timeout(20ms);
    const std::string block(64 * 1024, 'x');
    std::error_code ec;
    std::size_t sent = 0;
    while (!ec) sent += pair.connection.write_some(asio::buffer(block), ec);
    CHECK(ec == errc::timed_out);
    pair.connection.write_timeout(0ms);
    pair.connection.shutdown(asio::ip::tcp::socket::shutdown_send);
    CHECK(pair.visitor.read_all().size() == sent);
}

TEST_CASE("cancelled reads and writes took nothing and complete with operation_aborted") {
    World world;
    Pair pair = world.pair();
    asio::cancellation_signal cancel;
    const auto cancelled = [&](auto start) {
        std::promise<std::pair<std::error_code, std::size_t>> promise;
        auto future = promise.get_future();
        start(asio::bind_cancellation_slot(
            cancel.slot(), [&](std::error_code ec, std::size_t n) { promise.set_value(std::pair(ec, n)); }));
        asio::post(world.session.get_executor(), [&] { cancel.emit(asio::cancellation_type::total); });
        return get(future);
    };
    std::array<char, 8> data;
    auto result = cancelled([&](auto handler) { pair.connection.async_read_some(asio::buffer(data), std::move(handler)); });
    CHECK(result.first == asio::error::operation_aborted);
    CHECK(result.second == 0);
    pair.visitor.write("abc");
    CHECK(read_exactly(pair.connection, 3) == "abc");

    pair.connection.write_timeout(20ms);
    const std::string block(64 * 1024, 'x');
    std::error_code ec;
    std::size_t sent = 0;
    while (!ec) sent += pair.connection.write_some(asio::buffer(block), ec);
    result = cancelled([&](auto handler) { pair.connection.async_write_some(asio::buffer(block), std::move(handler)); });
    CHECK(result.first == asio::error::operation_aborted);
    CHECK(result.second == 0);
    pair.connection.shutdown(asio::ip::tcp::socket::shutdown_send);
    CHECK(pair.visitor.read_all().size() == sent);
}

TEST_CASE("two reads at once are refused, the first one lives on") {
    World world;
    Pair pair = world.pair();
    std::array<char, 8> data, other;
    auto first = pair.connection.async_read_some(asio::buffer(data), asio::use_future);
    std::error_code ec;
    (void)pair.connection.read_some(asio::buffer(other), ec);
    CHECK(ec == errc::invalid_option);
    pair.visitor.write("abc");
    CHECK(get(first) == 3);
}

TEST_CASE("empty buffers complete at once") {
    World world;
    Pair pair = world.pair();
    std::error_code ec = errc::refused;
    CHECK(pair.connection.read_some(asio::mutable_buffer(), ec) == 0);
    CHECK_FALSE(ec);
    CHECK(pair.connection.write_some(asio::const_buffer(), ec) == 0);
    CHECK_FALSE(ec);
}

TEST_CASE("64 MiB each way at once, byte for byte") {
    World world;
    Pair pair = world.pair();
    constexpr std::size_t total = 64u << 20, piece = 1u << 20;
    std::thread app_writes([&] {
        for (std::size_t at = 0; at < total; at += piece) write_all(pair.connection, pattern(piece, at));
        pair.connection.shutdown(asio::ip::tcp::socket::shutdown_send);
    });
    std::thread visitor_writes([&] {
        for (std::size_t at = 0; at < total; at += piece) pair.visitor.write(pattern(piece, at));
        pair.visitor.finish();
    });
    std::thread visitor_reads([&] {
        bool equal = true;
        for (std::size_t at = 0; at < total; at += piece) equal = equal && pair.visitor.read(piece) == pattern(piece, at);
        CHECK(equal);
        CHECK(pair.visitor.read_all().empty());
    });
    bool equal = true;
    for (std::size_t at = 0; at < total; at += piece)
        equal = equal && read_exactly(pair.connection, piece) == pattern(piece, at);
    CHECK(equal);
    app_writes.join();
    visitor_writes.join();
    visitor_reads.join();
}

TEST_CASE("an address that is none") {
    World world;
    Visitor visitor = world.edge.visit(world.listener.id(), "tcp", false, "somewhere");
    const Connection connection = world.listener.accept_for(20s);
    CHECK(connection.remote_address() == "somewhere");
    CHECK(connection.remote_endpoint() == asio::ip::tcp::endpoint());
    Visitor six = world.edge.visit(world.listener.id(), "tcp", false, "[2001:db8::1]:443");
    const Connection v6 = world.listener.accept_for(20s);
    CHECK(v6.remote_endpoint().address().to_string() == "2001:db8::1");
    CHECK(v6.remote_endpoint().port() == 443);
}
