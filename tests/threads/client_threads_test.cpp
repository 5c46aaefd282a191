// Many threads on one session: made for ThreadSanitizer, and true without it.
#include "integration/client_support.hpp"

#include "client/background.hpp"

#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>

#include <atomic>
#include <thread>

#include <sys/socket.h>
#include <unistd.h>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t message_size = 20'000; // several frames

asio::awaitable<void> echo(Connection connection) {
    std::vector<char> data(8'192);
    for (;;) {
        const auto space = asio::buffer(data);
        auto [read_error, n] = co_await connection.async_read_some(space, as_tuple);
        if (read_error) co_return;
        std::size_t sent = 0;
        while (sent < n) {
            const auto rest = asio::buffer(data.data() + sent, n - sent);
            auto [write_error, m] = co_await connection.async_write_some(rest, as_tuple);
            if (write_error) co_return;
            sent += m;
        }
    }
}

asio::awaitable<void> serve(Listener listener) {
    const auto executor = co_await asio::this_coro::executor;
    for (;;) {
        auto [ec, connection] = co_await listener.async_accept(as_tuple);
        if (ec) co_return;
        asio::co_spawn(executor, echo(std::move(connection)), asio::detached);
    }
}

void visit(MockEdge& edge, const std::string& id, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        Visitor visitor = edge.visit(id);
        const std::string message(message_size, static_cast<char>('a' + i % 26));
        visitor.write(message);
        CHECK(visitor.read(message_size) == message);
        visitor.finish();
        CHECK(visitor.read_all().empty());
    }
}

} // namespace

TEST_CASE("four threads share a session on a thread pool") {
    MockEdge edge;
    asio::thread_pool pool(4);
    auto connecting = Session::async_connect(pool.get_executor(), edge.options(), asio::use_future);
    Session session = get(connecting);
    Listener listener = session.listen(Endpoint("tcp://"));
    for (int i = 0; i < 4; ++i) asio::co_spawn(pool, serve(listener), asio::detached);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back([&] { visit(edge, listener.id(), 25); });
    for (auto& thread : threads) thread.join();
    session.close();
    pool.join();
}

TEST_CASE("four threads listen, accept, close and ask at the same time") {
    MockEdge edge;
    asio::thread_pool pool(4);
    auto connecting = Session::async_connect(pool.get_executor(), edge.options(), asio::use_future);
    Session session = get(connecting);
    std::vector<std::thread> threads;
    std::atomic<int> served = 0;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&edge, &served, session]() mutable { // a handle for each thread
            for (int i = 0; i < 10; ++i) {
                Listener listener = session.listen(Endpoint("tcp://"));
                std::thread acceptor([listener, &served]() mutable {
                    std::error_code ec;
                    Connection connection = listener.accept(ec);
                    CHECK_FALSE(ec);
                    write_all(connection, "hello");
                    connection.close();
                    ++served;
                    (void)listener.accept(ec);
                    CHECK(ec == errc::listener_closed);
                });
                Visitor visitor = edge.visit(listener.id());
                CHECK(visitor.read_all() == "hello");
                CHECK(session.is_open());
                CHECK_FALSE(session.id().empty());
                CHECK_FALSE(listener.url().empty());
                listener.close();
                acceptor.join();
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(served == 40);
    Session last = session;
    last.close();
    pool.join();
}

TEST_CASE("one thread reads while another writes and a third closes") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    for (int i = 0; i < 20; ++i) {
        Pair pair(edge, listener);
        std::thread reader([&] {
            std::array<char, 512> data;
            std::error_code ec;
            while (!ec) (void)pair.connection.read_some(asio::buffer(data), ec);
            CHECK(ec == errc::connection_closed);
        });
        std::promise<void> promise;
        auto wrote = promise.get_future();
        std::thread writer([&] {
            const std::string block(64 * 1024, 'x');
            std::error_code ec;
            (void)pair.connection.write_some(asio::buffer(block), ec);
            promise.set_value();
            while (!ec) (void)pair.connection.write_some(asio::buffer(block), ec);
            CHECK(ec == errc::connection_closed);
        });
        get(wrote);
        pair.connection.close();
        reader.join();
        writer.join();
    }
}

TEST_CASE("a session is lost under the hands of its threads") {
    MockEdge edge;
    asio::thread_pool pool(4);
    for (int i = 0; i < 5; ++i) {
        auto connecting =
            Session::async_connect(pool.get_executor(), edge.options().reconnect(false), asio::use_future);
        Session session = get(connecting);
        Listener listener = session.listen(Endpoint("tcp://"));
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([listener]() mutable {
                std::error_code ec;
                while (!ec) {
                    Connection connection = listener.accept(ec);
                    std::error_code ignored;
                    (void)connection.write_some(asio::buffer("x", 1), ignored);
                }
                CHECK(ec == errc::session_lost);
            });
        }
        for (int v = 0; v < 20; ++v) (void)edge.visit(listener.id());
        edge.drop();
        for (auto& thread : threads) thread.join();
    }
    pool.join();
}

TEST_CASE("a session comes back under the hands of its threads") {
    MockEdge edge;
    asio::thread_pool pool(4);
    auto connecting = Session::async_connect(pool.get_executor(), with_reconnect_delay(edge.options(), 5ms), asio::use_future);
    Session session = get(connecting);
    Listener listener = session.listen(Endpoint("tcp://"));
    std::atomic<int> accepted = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([listener, &accepted]() mutable {
            std::error_code ec;
            while (!ec) {
                Connection connection = listener.accept(ec);
                std::error_code ignored;
                (void)connection.write_some(asio::buffer("x", 1), ignored);
                if (!ec) ++accepted;
            }
            CHECK(ec == errc::session_closed);
        });
    }
    threads.emplace_back([session]() mutable {
        std::error_code ec;
        for (int i = 0; i < 20 && !ec; ++i) session.listen(Endpoint("tcp://"), ec).close();
        CHECK_FALSE(ec);
    });
    for (std::size_t i = 1; i <= 5; ++i) {
        (void)edge.visit(listener.id());
        edge.drop();
        edge.wait_request(RequestType::auth, i + 1);
    }
    threads.back().join();
    threads.pop_back();
    session.close();
    for (auto& thread : threads) thread.join();
    pool.join();
}

TEST_CASE("released sockets of a session on a thread pool") {
    MockEdge edge;
    asio::thread_pool pool(2);
    auto connecting = Session::async_connect(pool.get_executor(), edge.options(), asio::use_future);
    Session session = get(connecting);
    Listener listener = session.listen(Endpoint("tcp://"));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&edge, listener]() mutable {
            for (int i = 0; i < 10; ++i) {
                Visitor visitor = edge.visit(listener.id());
                const int fd = listener.accept_for(20s).release_socket();
                CHECK(::write(fd, "ping", 4) == 4);
                ::close(fd);
                // Another thread's visitor may have been accepted here: all of them are told the same.
                CHECK(visitor.read_all() == "ping");
            }
        });
    }
    for (auto& thread : threads) thread.join();
    session.close();
    pool.join();
    CHECK(Background::wait_stopped(20s));
}

TEST_CASE("a session is closed under the hands of threads that accept, listen, read and write") {
    MockEdge edge;
    asio::thread_pool pool(4);
    for (int i = 0; i < 10; ++i) {
        auto connecting = Session::async_connect(pool.get_executor(), edge.options(), asio::use_future);
        Session session = get(connecting);
        Listener listener = session.listen(Endpoint("tcp://"));
        Pair pair(edge, listener);
        std::promise<void> listened, wrote;
        auto one_listened = listened.get_future(), one_wrote = wrote.get_future();
        std::vector<std::thread> threads;
        threads.emplace_back([listener]() mutable {
            std::error_code ec;
            while (!ec) (void)listener.accept(ec);
            CHECK(ec == errc::session_closed);
        });
        threads.emplace_back([session, &listened]() mutable {
            std::error_code ec;
            for (int round = 0; !ec; ++round) {
                const Listener other = session.listen(Endpoint("tcp://"), ec);
                if (round == 0) listened.set_value();
            }
            CHECK(ec == errc::session_closed);
        });
        threads.emplace_back([&pair] {
            std::array<char, 512> data;
            std::error_code ec;
            while (!ec) (void)pair.connection.read_some(asio::buffer(data), ec);
            CHECK(ec == errc::session_closed);
        });
        threads.emplace_back([&pair, &wrote] {
            const std::string block(16 * 1024, 'x');
            std::error_code ec;
            for (int round = 0; !ec; ++round) {
                (void)pair.connection.write_some(asio::buffer(block), ec);
                if (round == 0) wrote.set_value();
            }
            CHECK(ec == errc::session_closed);
        });
        get(one_listened);
        get(one_wrote);
        std::thread second([session]() mutable { session.close(); });
        session.close();
        second.join();
        for (auto& thread : threads) thread.join();
    }
    pool.join();
}

TEST_CASE("a listener is closed by two threads while others accept and connections come") {
    MockEdge edge;
    asio::thread_pool pool(4);
    auto connecting = Session::async_connect(pool.get_executor(), edge.options(), asio::use_future);
    Session session = get(connecting);
    for (int i = 0; i < 20; ++i) {
        Listener listener = session.listen(Endpoint("tcp://").backlog(4));
        std::vector<std::thread> threads;
        for (int t = 0; t < 3; ++t) {
            threads.emplace_back([listener]() mutable {
                std::error_code ec;
                while (!ec) {
                    Connection connection = listener.accept(ec);
                    std::error_code ignored;
                    (void)connection.write_some(asio::buffer("x", 1), ignored);
                }
                CHECK(ec == errc::listener_closed);
            });
        }
        std::promise<void> promise;
        auto visited = promise.get_future();
        threads.emplace_back([&edge, &promise, id = listener.id()] {
            for (int v = 0; v < 20; ++v) {
                (void)edge.visit(id).read_end(); // served, refused or unknown: never stuck
                if (v == 2) promise.set_value();
            }
        });
        get(visited);
        threads.emplace_back([listener]() mutable { listener.close(); });
        listener.close();
        for (auto& thread : threads) thread.join();
    }
    session.close();
    pool.join();
}

TEST_CASE("connects whose time is over when they have hardly begun") {
    MockEdge edge;
    edge.mute_tls(true);
    asio::thread_pool pool(4);
    // Codes and no exceptions: libstdc++ counts the references to those where ThreadSanitizer does not see it.
    std::atomic<int> timed_out = 0, otherwise = 0;
    for (int i = 0; i < 100; ++i) {
        const auto options = edge.options().connect_timeout(std::chrono::milliseconds(1 + i % 3));
        Session::async_connect(pool.get_executor(), options, [&](std::error_code ec, const Session&) {
            ++(ec == errc::timed_out ? timed_out : otherwise);
        });
    }
    pool.join(); // nothing of them is left
    CHECK(timed_out == 100);
    CHECK(otherwise == 0);
}
