// TLS that ends in the application: what the program gets, and what the edge sees of it.
#include "integration/client_tls_support.hpp"

#include "proto/codec.hpp"

#include <asio/use_future.hpp>
#include <asio/write.hpp>

#include <array>
#include <thread>

#include <sys/socket.h>
#include <unistd.h>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

namespace {

std::error_code read_error(Connection& connection) {
    std::array<char, 4096> buffer;
    std::error_code ec;
    while (!ec) (void)connection.read_some(asio::buffer(buffer), ec);
    return ec;
}

std::string noise(std::size_t size) {
    std::string out(size, '\0');
    std::uint32_t state = 1;
    for (char& c : out) c = static_cast<char>((state = state * 1'664'525 + 1'013'904'223) >> 24);
    return out;
}

asio::awaitable<void> echo_in_coroutine(Connection connection) {
    std::array<char, 4> buffer;
    for (;;) {
        const std::size_t n = co_await connection.async_read_some(asio::buffer(buffer));
        const auto piece = asio::buffer(buffer.data(), n);
        co_await asio::async_write(connection, piece, asio::use_awaitable);
    }
}

} // namespace

TEST_CASE("the application reads plain text and knows what was agreed; the edge saw ciphertext only") {
    World world;
    world.tls.alpn({"h2", "http/1.1"});
    TlsVisitorOptions options = world.good();
    options.alpn = {"http/1.1"};
    options.host = "APP.example.com";
    TlsPair pair(world, options);
    const std::string question = "the question that only two may read ";
    const std::string answer = "and the answer, likewise ";
    for (int i = 0; i < 100; ++i) pair.visitor.write(question);
    CHECK(has(read_exactly(pair.connection, 100 * question.size()), question + question));
    for (int i = 0; i < 100; ++i) write_all(pair.connection, answer);
    CHECK(has(pair.visitor.read(100 * answer.size()), answer + answer));

    CHECK(pair.connection.server_name() == "app.example.com");
    CHECK(pair.connection.alpn_protocol() == "http/1.1");
    CHECK(pair.connection.tls_version() == "TLSv1.3");
    CHECK(pair.connection.tls_cipher().starts_with("TLS_"));
    CHECK_FALSE(pair.connection.peer_certificate());
    CHECK(pair.connection.protocol() == "tls");
    CHECK_FALSE(pair.connection.passthrough_tls());
    CHECK(pair.connection.remote_address() == "203.0.113.7:54321");

    const std::string& seen = pair.visitor.seen_by_edge();
    CHECK(seen.size() > 100 * (question.size() + answer.size()));
    CHECK_FALSE(has(seen, "question"));
    CHECK_FALSE(has(seen, "answer"));
    // Nor does the edge get the key or an order to end TLS itself.
    const auto bind = decode_bind_request(world.edge.requests(RequestType::bind)[0].json);
    REQUIRE(bind.has_value());
    const auto& opts = std::get<TlsOpts>(bind->opts);
    CHECK_FALSE(opts.tls_termination.has_value());
    CHECK_FALSE(opts.mutual_tls_at_edge.has_value());
    CHECK_FALSE(has(world.edge.requests(RequestType::bind)[0].json, "PRIVATE KEY"));

    pair.connection.close();
    const Event closed = world.closed.wait();
    CHECK_FALSE(closed.reason());
    CHECK(closed.bytes_in() + closed.bytes_out() >= seen.size());
}

TEST_CASE("TLS 1.2 works, unless the program wants more") {
    World world;
    TlsVisitorOptions options = world.good();
    options.max_version = tls::Version::tls12;
    {
        TlsPair pair(world, options);
        CHECK(pair.connection.tls_version() == "TLSv1.2");
        pair.visitor.write("ping");
        CHECK(read_exactly(pair.connection, 4) == "ping");
    }
    (void)world.closed.wait();
    world.tls.min_version(TlsVersion::tls13);
    TlsVisitor old = world.visit(options);
    CHECK(has(old.handshake(), "accepts none of the TLS versions"));
    const Event closed = world.closed.wait();
    CHECK(closed.reason().code() == errc::tls_handshake_failed);
    CHECK(world.nothing_waits());
}

TEST_CASE("megabytes pass in both directions at once, whole and in order") {
    World world;
    TlsPair pair(world);
    const std::string down = noise(3'000'000);
    std::string up;
    std::thread application([&] {
        std::thread writer([&] {
            write_all(pair.connection, down);
            pair.connection.shutdown(asio::ip::tcp::socket::shutdown_send);
        });
        up = read_exactly(pair.connection, down.size());
        CHECK(read_error(pair.connection) == asio::error::eof);
        writer.join();
    });
    // The visitor's TLS is on one thread: it writes what fits and reads what comes.
    for (std::size_t at = 0; at < down.size(); at += 30'000) {
        pair.visitor.write(std::string_view(down).substr(at, 30'000));
        CHECK(pair.visitor.read(std::min<std::size_t>(30'000, down.size() - at)) == down.substr(at, 30'000));
    }
    CHECK(pair.visitor.read_all().empty());
    pair.visitor.shutdown();
    application.join();
    CHECK(up == down);
}

TEST_CASE("buffers of several pieces are sealed in order, and a coroutine echoes in small ones") {
    World world;
    SUBCASE("pieces") {
        TlsPair pair(world);
        const std::string big = noise(40'000);
        const std::array<asio::const_buffer, 4> pieces = {asio::buffer("head", 4), asio::buffer(big), asio::buffer("", 0),
                                                          asio::buffer("tail", 4)};
        asio::write(pair.connection, pieces);
        CHECK(pair.visitor.read(40'008) == "head" + big + "tail");
    }
    SUBCASE("coroutine") {
        asio::io_context context;
        std::optional<Session> session;
        std::optional<Listener> listener;
        const auto ready = [&](const std::exception_ptr& e) { CHECK_FALSE(e); };
        const auto serve = [&]() -> asio::awaitable<void> {
            const auto executor = co_await asio::this_coro::executor;
            auto options = world.edge.options();
            session = co_await Session::async_connect(executor, options);
            auto endpoint = Endpoint("tls://co.example.com").agent_tls_termination(world.tls);
            listener = co_await session->async_listen(endpoint);
        };
        asio::co_spawn(context, serve(), ready);
        while (!listener) context.run_one();
        std::exception_ptr ended;
        listener->async_accept([&](std::error_code ec, Connection connection) {
            CHECK_FALSE(ec);
            asio::co_spawn(context, echo_in_coroutine(std::move(connection)),
                           [&](const std::exception_ptr& e) { ended = e; });
        });
        auto work = asio::make_work_guard(context);
        std::thread runner([&context] { context.run(); });
        TlsVisitor visitor(world.edge.visit(listener->id(), "tls", true), world.good());
        CHECK(visitor.handshake().empty());
        visitor.write("0123456789");
        CHECK(visitor.read(10) == "0123456789");
        visitor.shutdown();
        CHECK(visitor.read_all().empty()); // the coroutine's connection went with it
        session->close();
        work.reset();
        runner.join();
        CHECK(ended != nullptr); // eof
    }
}

TEST_CASE("an end of stream is close_notify; without it a read fails as truncated") {
    World world;
    SUBCASE("close_notify, and the other direction lives on") {
        TlsPair pair(world);
        pair.visitor.write("last words");
        pair.visitor.shutdown();
        CHECK(read_exactly(pair.connection, 10) == "last words");
        CHECK(read_error(pair.connection) == asio::error::eof);
        write_all(pair.connection, "answer");
        pair.connection.shutdown(asio::ip::tcp::socket::shutdown_send);
        std::error_code ec;
        pair.connection.write_some(asio::buffer("x", 1), ec);
        CHECK(ec == asio::error::broken_pipe);
        CHECK(pair.visitor.read_all() == "answer");
        CHECK(pair.visitor.raw().read_end() == asio::error::eof);
    }
    SUBCASE("a close sends what was written, and close_notify, also to a visitor that said goodbye itself") {
        TlsPair pair(world);
        pair.visitor.shutdown();
        write_all(pair.connection, "answer");
        pair.connection.close();
        CHECK(pair.visitor.read_all() == "answer");
        CHECK(pair.visitor.raw().read_end() == asio::error::eof);
    }
    SUBCASE("a goodbye of the visitor that nobody read does not turn our end into a reset") {
        TlsPair pair(world);
        TlsPair other(world); // what comes on it later is behind all that came on the first
        pair.visitor.goodbye();
        other.visitor.write("x");
        CHECK(read_exactly(other.connection, 1) == "x");
        write_all(pair.connection, "answer");
        pair.connection.close();
        CHECK(pair.visitor.read_all() == "answer");
        CHECK(pair.visitor.raw().read_end() == asio::error::eof);
        write_all(other.connection, "y");
        CHECK(other.visitor.read(1) == "y");
        CHECK(pair.visitor.raw().stream()->is_write_open());
    }
    SUBCASE("truncated") {
        TlsPair pair(world);
        pair.visitor.write("last words");
        pair.visitor.cut();
        CHECK(read_exactly(pair.connection, 10) == "last words");
        CHECK(read_error(pair.connection) == errc::stream_truncated);
        CHECK(read_error(pair.connection) == errc::stream_truncated);
    }
    SUBCASE("reset by the visitor") {
        TlsPair pair(world);
        pair.visitor.raw().reset();
        CHECK(read_error(pair.connection) == errc::connection_reset);
    }
    SUBCASE("reset by us") {
        TlsPair pair(world);
        pair.connection.reset();
        CHECK(pair.visitor.read_end() == "truncated");
    }
    SUBCASE("a record that was changed on its way") {
        TlsPair pair(world);
        pair.visitor.raw().write(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
        CHECK(read_error(pair.connection) == errc::tls_error);
        std::error_code ec;
        pair.connection.write_some(asio::buffer("x", 1), ec);
        CHECK(ec == errc::tls_error);
        CHECK(has(pair.visitor.read_end(), "could not open a record"));
    }
    SUBCASE("shut down for reading: what still comes is dropped") {
        TlsPair pair(world);
        pair.connection.shutdown(asio::ip::tcp::socket::shutdown_receive);
        for (int i = 0; i < 50; ++i) pair.visitor.write(std::string(30'000, 'x')); // beyond every window
        CHECK(read_error(pair.connection) == asio::error::eof);
        write_all(pair.connection, "still here");
        CHECK(pair.visitor.read(10) == "still here");
    }
}

TEST_CASE("timeouts, cancellation and a visitor that does not read") {
    World world;
    TlsPair pair(world);
    std::error_code ec;
    char byte = 0;
    SUBCASE("read timeout, and nothing is lost by it") {
        pair.connection.read_timeout(10ms);
        pair.connection.read_some(asio::buffer(&byte, 1), ec);
        CHECK(ec == errc::timed_out);
        pair.connection.read_timeout(20s);
        pair.visitor.write("x");
        CHECK(pair.connection.read_some(asio::buffer(&byte, 1)) == 1);
        CHECK(byte == 'x');
    }
    SUBCASE("write timeout once the window and our batch are full; the visitor then reads exactly what was taken") {
        pair.connection.write_timeout(50ms);
        const std::string block = noise(50'000);
        std::string taken;
        while (!ec) {
            const std::size_t n = pair.connection.write_some(asio::buffer(block), ec);
            taken.append(block, 0, n);
            REQUIRE(taken.size() < 16'000'000);
        }
        CHECK(ec == errc::timed_out);
        SUBCASE("and the connection goes on") {
            CHECK(pair.visitor.read(taken.size()) == taken);
            pair.connection.write_timeout(20s);
            write_all(pair.connection, "more");
            CHECK(pair.visitor.read(4) == "more");
        }
        SUBCASE("or is closed: all of it still arrives") {
            pair.connection.close();
            CHECK(pair.visitor.read_all() == taken);
        }
        SUBCASE("or the visitor leaves") {
            pair.connection.write_timeout(20s);
            pair.visitor.raw().reset();
            pair.connection.write_some(asio::buffer(block), ec);
            CHECK(ec == errc::connection_reset);
        }
    }
    SUBCASE("cancelled") {
        asio::cancellation_signal signal;
        std::promise<std::error_code> done;
        pair.connection.async_read_some(
            asio::buffer(&byte, 1),
            asio::bind_cancellation_slot(signal.slot(), [&](std::error_code code, std::size_t) { done.set_value(code); }));
        signal.emit(asio::cancellation_type::total);
        auto result = done.get_future();
        CHECK(get(result) == asio::error::operation_aborted);
        pair.visitor.write("x");
        CHECK(pair.connection.read_some(asio::buffer(&byte, 1)) == 1);
    }
    SUBCASE("two reads at once, and a close under them") {
        auto first = pair.connection.async_read_some(asio::buffer(&byte, 1), asio::use_future);
        pair.connection.read_some(asio::buffer(&byte, 1), ec);
        CHECK(ec == errc::invalid_option);
        pair.connection.close();
        try {
            (void)get(first);
            FAIL("a read on a closed connection succeeded");
        } catch (const std::system_error& error) {
            CHECK(error.code() == errc::connection_closed);
        }
    }
    SUBCASE("the link is lost") {
        auto reading = pair.connection.async_read_some(asio::buffer(&byte, 1), asio::use_future);
        world.edge.drop();
        try {
            (void)get(reading);
            FAIL("a read without a link succeeded");
        } catch (const std::system_error& error) {
            CHECK(error.code() == errc::session_lost);
        }
    }
}

TEST_CASE("what waits in TLS goes with its io_context") {
    World world;
    std::optional<TlsVisitor> visitor, half;
    {
        asio::io_context context;
        auto session = Session::async_connect(context.get_executor(), world.edge.options(), asio::use_future);
        while (session.wait_for(0s) != std::future_status::ready) context.run_one();
        Session kept = session.get();
        auto listening = kept.async_listen(Endpoint("tls://gone.example.com").agent_tls_termination(world.tls), asio::use_future);
        while (listening.wait_for(0s) != std::future_status::ready) context.run_one();
        Listener listener = listening.get();
        half.emplace(world.edge.visit(listener.id(), "tls", true), world.good());
        half->hello();
        visitor.emplace(world.edge.visit(listener.id(), "tls", true), world.good());
        bool accepted = false;
        listener.async_accept([&](std::error_code ec, Connection connection) {
            CHECK_FALSE(ec);
            accepted = true;
            asio::co_spawn(context, echo_in_coroutine(std::move(connection)), asio::detached);
        });
        std::thread other([&] { CHECK(visitor->handshake().empty()); });
        while (!accepted) context.run_one();
        other.join();
        context.poll();
        visitor->write("x");
    } // a coroutine waits in a read, a handshake for its visitor; both are freed, or LeakSanitizer says so
    CHECK(visitor->read_end() == "truncated");
}

TEST_CASE("release_socket gives a descriptor with the plain bytes") {
    World world;
    TlsPair pair(world);
    pair.visitor.write("to the socket");
    const int fd = pair.connection.release_socket();
    REQUIRE(fd >= 0);
    char buffer[64] = {};
    CHECK(::recv(fd, buffer, 13, MSG_WAITALL) == 13);
    CHECK(std::string(buffer, 13) == "to the socket");
    CHECK(::send(fd, "from it", 7, MSG_NOSIGNAL) == 7);
    CHECK(pair.visitor.read(7) == "from it");
    pair.visitor.shutdown();
    CHECK(::recv(fd, buffer, 1, 0) == 0);
    CHECK(::send(fd, "bye", 3, MSG_NOSIGNAL) == 3);
    ::shutdown(fd, SHUT_WR);
    CHECK(pair.visitor.read_all() == "bye");
    ::close(fd);
}
