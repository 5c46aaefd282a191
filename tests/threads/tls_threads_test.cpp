// Many threads on TLS that ends in the application: made for ThreadSanitizer, and true without it.
#include "integration/client_tls_support.hpp"

#include <asio/use_future.hpp>

#include <array>
#include <atomic>
#include <future>
#include <optional>
#include <thread>
#include <vector>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

namespace {

/// An io_context that four threads run, with a session on it.
class Shared {
public:
    Shared() : tls(make_server(authority)) {
        for (int i = 0; i < 4; ++i) threads.emplace_back([this] { context.run(); });
        auto connecting = Session::async_connect(context.get_executor(), edge.options(), asio::use_future);
        session.emplace(get(connecting));
    }
    ~Shared() {
        session->close();
        work.reset();
        for (auto& thread : threads) thread.join();
    }
    Listener listen() {
        return session->listen(Endpoint("tls://app.example.com").agent_tls_termination(tls).backlog(64));
    }
    TlsVisitor visit(const std::string& id) {
        return TlsVisitor(edge.visit(id, "tls", true), TlsVisitorOptions(authority.pem()));
    }

    TestAuthority authority;
    TlsServer tls;
    MockEdge edge;
    asio::io_context context;
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
    std::vector<std::thread> threads;
    std::optional<Session> session;
};

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

} // namespace

TEST_CASE("four visitors are answered while the certificate is swapped") {
    Shared shared;
    Listener listener = shared.listen();
    for (int i = 0; i < 4; ++i) asio::co_spawn(shared.context, serve(listener), asio::detached);
    const tls::IssuedCertificate other = shared.authority.server();
    std::atomic<bool> over = false;
    std::thread swapping([&] {
        while (!over) shared.tls.certificate(other.certificate_pem, other.key_pem);
    });
    std::vector<std::thread> visitors;
    for (int t = 0; t < 4; ++t) {
        visitors.emplace_back([&] {
            for (int i = 0; i < 10; ++i) {
                TlsVisitor visitor = shared.visit(listener.id());
                CHECK(visitor.handshake().empty());
                const std::string message(20'000, static_cast<char>('a' + i));
                visitor.write(message);
                CHECK(bool(visitor.read(message.size()) == message));
                visitor.shutdown();
                CHECK(visitor.read_all().empty());
            }
        });
    }
    for (auto& visitor : visitors) visitor.join();
    over = true;
    swapping.join();
}

TEST_CASE("read, write, shutdown, close, a new certificate and the listener's end at once") {
    Shared shared;
    const tls::IssuedCertificate other = shared.authority.server();
    for (int i = 0; i < 20; ++i) {
        Listener listener = shared.listen();
        TlsVisitor visitor = shared.visit(listener.id());
        TlsVisitor late = shared.visit(listener.id());
        late.hello(); // its handshake meets the listener's end
        CHECK(visitor.handshake().empty());
        Connection connection = listener.accept_for(20s);
        std::promise<void> promise;
        auto wrote = promise.get_future();
        std::vector<std::thread> threads;
        threads.emplace_back([&] {
            std::array<char, 512> data;
            std::error_code ec;
            while (!ec) (void)connection.read_some(asio::buffer(data), ec);
            const bool ended = ec == errc::connection_closed || ec == errc::stream_truncated;
            CHECK_MESSAGE(ended, ec.message());
        });
        threads.emplace_back([&] {
            const std::string block(64 * 1024, 'x');
            std::error_code ec;
            (void)connection.write_some(asio::buffer(block), ec);
            promise.set_value();
            while (!ec) (void)connection.write_some(asio::buffer(block), ec);
            const bool ended = ec == errc::connection_closed || ec == asio::error::broken_pipe;
            CHECK_MESSAGE(ended, ec.message());
        });
        get(wrote);
        threads.emplace_back([&] { (void)visitor.read_end(); });
        threads.emplace_back([&] { shared.tls.certificate(other.certificate_pem, other.key_pem); });
        threads.emplace_back([&] { listener.close(); });
        threads.emplace_back([&] {
            std::error_code ec;
            connection.shutdown(asio::ip::tcp::socket::shutdown_send, ec);
            const bool said = !ec || ec == errc::connection_closed; // the close may be first
            CHECK_MESSAGE(said, ec.message());
        });
        threads.emplace_back([&] { connection.close(); });
        for (auto& thread : threads) thread.join();
    }
}
