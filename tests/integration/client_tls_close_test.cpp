// TLS that ends in the application, and its end while the visitor has not taken all of it.
#include "integration/client_tls_support.hpp"

#include <asio/use_future.hpp>

#include <future>
#include <thread>

#include <unistd.h>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

namespace {

const std::string& block() {
    static const std::string out = [] {
        std::string bytes;
        for (int i = 0; bytes.size() < 50'000; ++i) bytes += std::to_string(i) + ' ';
        return bytes;
    }();
    return out;
}

/// All that `connection` takes for a visitor that does not read.
std::string fill(Connection& connection) {
    connection.write_timeout(100ms);
    std::string taken;
    std::error_code ec;
    while (!ec) {
        const std::size_t n = connection.write_some(asio::buffer(block()), ec);
        taken.append(block(), 0, n);
        REQUIRE(taken.size() < 16'000'000);
    }
    CHECK(ec == errc::timed_out);
    return taken;
}

} // namespace

TEST_CASE("a session that drains waits until a slow visitor has all of a closed TLS connection, close_notify too") {
    World world;
    TlsPair pair(world);
    const std::string taken = fill(pair.connection);
    pair.connection.close();
    SUBCASE("async_close") {
        auto closed = world.session.async_close(10s, asio::use_future);
        CHECK(bool(pair.visitor.read_all() == taken));
        CHECK(pair.visitor.raw().read_end() == asio::error::eof);
        get(closed);
    }
    SUBCASE("close") {
        std::thread closing([session = world.session]() mutable { session.close(10s); });
        CHECK(bool(pair.visitor.read_all() == taken));
        CHECK(pair.visitor.raw().read_end() == asio::error::eof);
        closing.join();
    }
    CHECK_FALSE(world.session.is_open());
    CHECK_FALSE(world.closed.wait().reason());
}

TEST_CASE("a session that drains waits for the rest of a released socket") {
    World world;
    TlsPair pair(world);
    const std::string taken = fill(pair.connection);
    const int fd = pair.connection.release_socket();
    REQUIRE(fd >= 0);
    ::close(fd);
    auto closed = world.session.async_close(10s, asio::use_future);
    CHECK(bool(pair.visitor.read_all() == taken));
    get(closed);
}

TEST_CASE("what TLS acknowledged arrives, also when the session is closed at once") {
    World world;
    TlsPair pair(world);
    std::string written;
    for (;;) {
        auto writing = pair.connection.async_write_some(asio::buffer(block()), asio::use_future);
        if (writing.wait_for(100ms) != std::future_status::ready) {
            world.session.close();
            CHECK_THROWS_AS((void)get(writing), std::system_error);
            break;
        }
        written.append(block(), 0, writing.get());
        REQUIRE(written.size() < 16'000'000);
    }
    CHECK(written.size() > 100'000);
    CHECK(bool(pair.visitor.read(written.size()) == written));
}

TEST_CASE("a write that was sealed is not taken back when it is cancelled, nor by a shutdown") {
    World world;
    TlsPair pair(world);
    std::string taken;
    for (;;) {
        asio::cancellation_signal signal;
        std::promise<std::pair<std::error_code, std::size_t>> done;
        auto result = done.get_future();
        pair.connection.async_write_some(
            asio::buffer(block()), asio::bind_cancellation_slot(signal.slot(), [&](std::error_code ec, std::size_t n) {
                done.set_value({ec, n});
            }));
        if (result.wait_for(100ms) != std::future_status::ready) signal.emit(asio::cancellation_type::total);
        const auto [ec, n] = get(result);
        taken.append(block(), 0, n);
        if (!ec) continue;
        CHECK(ec == asio::error::operation_aborted);
        CHECK(n == 0);
        break;
    }
    pair.connection.shutdown(asio::ip::tcp::socket::shutdown_send);
    CHECK(bool(pair.visitor.read_all() == taken));
}

TEST_CASE("a visitor that says everything before it reads gets the rest of a closed TLS connection") {
    World world;
    TlsPair pair(world);
    const std::string taken = fill(pair.connection);
    pair.connection.close();
    for (int i = 0; i < 50; ++i) pair.visitor.write(std::string(30'000, 'x')); // beyond every window
    CHECK(bool(pair.visitor.read_all() == taken));
}

TEST_CASE("a visitor that takes nothing of a closed TLS connection is given up after a time") {
    World world(0, limits::tls_handshake_time, 50ms);
    TlsPair pair(world);
    (void)fill(pair.connection);
    pair.connection.close();
    const Event closed = world.closed.wait(); // and what it held is gone
    CHECK(closed.bytes_out() > 100'000);
    CHECK(pair.visitor.raw().read_end() == errc::connection_reset);
}
