// How sessions end, what their operations complete with, and which threads are left.
#include "integration/client_support.hpp"

#include "client/background.hpp"

#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>

#include <filesystem>
#include <thread>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

namespace {

/// The codes with which everything that can be outstanding on a session completed.
class Outstanding {
public:
    Outstanding(MockEdge& edge, Session& session) : listener_(session.listen(Endpoint("tcp://"))), pair_(edge, listener_) {
        accept_ = listener_.async_accept(asio::use_future);
        read_ = pair_.connection.async_read_some(asio::buffer(data_), asio::use_future);
        const std::string block(1u << 20, 'x');
        pair_.connection.write_timeout(20ms);
        std::error_code full;
        while (!full) (void)pair_.connection.write_some(asio::buffer(block), full);
        write_ = pair_.connection.async_write_some(asio::buffer(data_), asio::use_future);
        edge.answer_with([](const SeenRequest&) { return std::nullopt; });
        listen_ = session.async_listen(Endpoint("tcp://"), asio::use_future);
        edge.wait_request(RequestType::bind, 2);
    }

    void check(errc expected) {
        CHECK(code_of(accept_) == expected);
        CHECK(code_of(read_) == expected);
        CHECK(code_of(write_) == expected);
        CHECK(code_of(listen_) == expected);
        // And so does everything that is started later.
        std::error_code ec;
        (void)listener_.accept(ec);
        CHECK(ec == expected);
        (void)pair_.connection.read_some(asio::buffer(data_), ec);
        CHECK(ec == expected);
        (void)pair_.connection.write_some(asio::buffer(data_), ec);
        CHECK(ec == expected);
        auto late = listener_.async_accept(asio::use_future);
        CHECK(code_of(late) == expected);
        auto late_read = pair_.connection.async_read_some(asio::buffer(data_), asio::use_future);
        CHECK(code_of(late_read) == expected);
        CHECK_FALSE(listener_.is_open());
        CHECK(listener_.last_error().code() == expected);
    }

private:
    template <class T>
    static std::error_code code_of(std::future<T>& future) {
        try {
            (void)get(future);
        } catch (const std::system_error& error) {
            return error.code();
        }
        return {};
    }

    Listener listener_;
    Pair pair_;
    std::array<char, 8> data_{};
    std::future<Connection> accept_;
    std::future<std::size_t> read_, write_;
    std::future<Listener> listen_;
};

std::size_t threads() {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task")) ++n;
    return n;
}

asio::awaitable<void> blocking_calls(SessionOptions options, MockEdge& edge) {
    const auto executor = co_await asio::this_coro::executor;
    auto session = co_await Session::async_connect(executor, options);
    const auto endpoint = Endpoint("tcp://");
    auto listener = co_await session.async_listen(endpoint);
    const Visitor visitor = edge.visit(listener.id());
    auto connection = co_await listener.async_accept();
    std::error_code ec;
    (void)session.listen(endpoint, ec);
    CHECK(ec == errc::would_deadlock);
    (void)listener.accept(ec);
    CHECK(ec == errc::would_deadlock);
    (void)listener.accept_for(1s, ec);
    CHECK(ec == errc::would_deadlock);
    char byte = 0;
    (void)connection.read_some(asio::buffer(&byte, 1), ec);
    CHECK(ec == errc::would_deadlock);
    (void)connection.write_some(asio::buffer(&byte, 1), ec);
    CHECK(ec == errc::would_deadlock);
}

using Sentinel = std::shared_ptr<int>;

asio::awaitable<void> wait_accept(Sentinel, Listener listener) {
    co_await listener.async_accept();
}

asio::awaitable<void> wait_close(Sentinel, Listener listener) {
    co_await listener.async_close();
}

asio::awaitable<void> wait_listen(Sentinel, Session session) {
    const auto endpoint = Endpoint("tcp://");
    co_await session.async_listen(endpoint);
}

asio::awaitable<void> wait_read(Sentinel, Connection connection) {
    char byte = 0;
    const auto bytes = asio::buffer(&byte, 1);
    co_await connection.async_read_some(bytes);
}

asio::awaitable<void> wait_write(Sentinel, Connection connection) {
    const std::string block(1u << 20, 'x');
    const auto bytes = asio::buffer(block);
    for (;;) co_await connection.async_write_some(bytes);
}

/// Leaves a coroutine in every kind of operation, and says so.
asio::awaitable<void> wait_for_everything(Sentinel sentinel, SessionOptions options, MockEdge& edge, bool& reached) {
    const auto executor = co_await asio::this_coro::executor;
    auto session = co_await Session::async_connect(executor, options);
    const auto endpoint = Endpoint("tcp://");
    auto listener = co_await session.async_listen(endpoint);
    auto closing = co_await session.async_listen(endpoint);
    const Visitor reading = edge.visit(listener.id());
    auto read = co_await listener.async_accept();
    const Visitor writing = edge.visit(listener.id());
    auto write = co_await listener.async_accept();
    edge.answer_with([](const SeenRequest&) { return std::nullopt; });
    asio::co_spawn(executor, wait_accept(sentinel, listener), asio::detached);
    asio::co_spawn(executor, wait_close(sentinel, closing), asio::detached);
    asio::co_spawn(executor, wait_listen(sentinel, session), asio::detached);
    asio::co_spawn(executor, wait_read(sentinel, std::move(read)), asio::detached);
    asio::co_spawn(executor, wait_write(sentinel, std::move(write)), asio::detached);
    asio::steady_timer timer(executor);
    while (edge.requests().size() < 5) { // auth, three binds, an unbind
        timer.expires_after(1ms);
        co_await timer.async_wait(asio::use_awaitable);
    }
    reached = true;
    co_await session.async_listen(endpoint);
}

template <class Executor>
void check_would_deadlock(MockEdge& edge, Executor executor) {
    std::promise<void> done;
    auto ended = done.get_future();
    asio::co_spawn(executor, blocking_calls(edge.options(), edge), [&done](const std::exception_ptr& error) {
        if (error) {
            done.set_exception(error);
        } else {
            done.set_value();
        }
    });
    get(ended);
}

} // namespace

TEST_CASE("closing a session completes everything with session_closed") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Outstanding outstanding(edge, session);
    session.close();
    session.close();
    CHECK_FALSE(session.is_open());
    outstanding.check(errc::session_closed);
    std::error_code ec;
    (void)session.listen(Endpoint("tcp://"), ec);
    CHECK(ec == errc::session_closed);
    edge.wait_ended();
}

TEST_CASE("without reconnect a lost session completes everything with session_lost") {
    MockEdge edge;
    Session session = Session::connect(edge.options().reconnect(false));
    Outstanding outstanding(edge, session);
    SUBCASE("the connection broke") { edge.drop(); }
    SUBCASE("GOAWAY") { edge.goaway(); }
    outstanding.check(errc::session_lost);
    CHECK_FALSE(session.is_open());
    CHECK(session.last_error().code() == errc::session_lost);
    CHECK(session.last_error().message().find("the link to the edge broke") != std::string::npos);
    std::error_code ec;
    (void)session.listen(Endpoint("tcp://"), ec);
    CHECK(ec == errc::session_lost);
    CHECK(ec == condition::retryable);
}

TEST_CASE("an edge that no longer answers heartbeats is a lost session") {
    MockEdge edge;
    Session session = Session::connect(edge.options().heartbeat_interval(100ms).heartbeat_tolerance(100ms).reconnect(false));
    Listener listener = session.listen(Endpoint("tcp://"));
    std::promise<void> freeze;
    const std::shared_future<void> thaw(freeze.get_future());
    edge.answer_with([thaw](const SeenRequest&) -> std::optional<std::string> {
        thaw.wait();
        return std::nullopt;
    });
    listener.close(); // its Unbind freezes the edge
    auto accepted = session.async_listen(Endpoint("tcp://"), asio::use_future);
    try {
        (void)get(accepted);
        FAIL("the listen did not fail");
    } catch (const std::system_error& error) {
        CHECK(error.code() == errc::session_lost);
    }
    CHECK(session.last_error().message().find("heartbeat") != std::string::npos);
    freeze.set_value();
}

TEST_CASE("the last session handle closes listeners and connections, although these have handles") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    Pair pair(edge, listener);
    {
        const Session copy = session;
        session = Session();
        CHECK(copy.is_open());
    }
    std::error_code ec;
    (void)listener.accept(ec);
    CHECK(ec == errc::session_closed);
    char byte = 0;
    (void)pair.connection.read_some(asio::buffer(&byte, 1), ec);
    CHECK(ec == errc::session_closed);
    edge.wait_ended();
}

TEST_CASE("no thread is left once the last session of the background thread is closed") {
    MockEdge edge;
    REQUIRE(Background::wait_stopped(20s));
    const std::size_t before = threads();
    {
        Session one = Session::connect(edge.options());
        const Session two = Session::connect(edge.options());
        one.close();
        CHECK(two.is_open());
        CHECK(threads() > before);
    }
    REQUIRE(Background::wait_stopped(20s));
    CHECK(threads() == before);
    // And it comes back.
    Session again = Session::connect(edge.options());
    CHECK(again.listen(Endpoint("tcp://")).is_open());
    again.close(); // the handle stays
    REQUIRE(Background::wait_stopped(20s));
    CHECK(threads() == before);
    auto late = again.async_listen(Endpoint("tcp://"), asio::use_future);
    try {
        (void)get(late);
        FAIL("the listen did not fail");
    } catch (const std::system_error& error) {
        CHECK(error.code() == errc::session_closed);
    }
    REQUIRE(Background::wait_stopped(20s));
    CHECK(threads() == before);
}

TEST_CASE("a failed connect leaves no thread") {
    MockEdge edge;
    REQUIRE(Background::wait_stopped(20s));
    const std::size_t before = threads();
    std::error_code ec;
    edge.answer_with([](const SeenRequest&) { return std::optional<std::string>(R"({"Error":"no"})"); });
    const Session refused = Session::connect(edge.options(), ec);
    CHECK(ec == errc::refused);
    const Session invalid = Session::connect(SessionOptions(), ec);
    CHECK(ec == errc::no_server);
    REQUIRE(Background::wait_stopped(20s));
    CHECK(threads() == before);
}

TEST_CASE("the last handles may die on the background thread itself") {
    MockEdge edge;
    REQUIRE(Background::wait_stopped(20s));
    {
        Session session = Session::connect(edge.options());
        Listener listener = session.listen(Endpoint("tcp://"));
        asio::post(session.get_executor(), [session, listener] {});
        listener.async_accept([session, listener](std::error_code ec, const Connection& connection) {
            CHECK_FALSE(ec);
            CHECK(connection.is_open());
        });
        session = Session();
        edge.visit(listener.id());
        listener = Listener(); // the handler's copies are the last ones
    }
    edge.wait_ended();
    REQUIRE(Background::wait_stopped(20s));
}

TEST_CASE("a session may be closed by a handler, and blocking calls there are refused") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    std::promise<void> done;
    auto ended = done.get_future();
    listener.async_accept([&](std::error_code, Connection connection) {
        std::error_code ec;
        char byte = 0;
        (void)connection.read_some(asio::buffer(&byte, 1), ec);
        CHECK(ec == errc::would_deadlock);
        (void)listener.accept(ec);
        CHECK(ec == errc::would_deadlock);
        ErrorInfo error;
        (void)Session::connect(edge.options(), error);
        CHECK(error.code() == errc::would_deadlock);
        CHECK(error.message().find("asynchronous") != std::string::npos);
        session.close();
        done.set_value();
    });
    edge.visit(listener.id());
    get(ended);
    edge.wait_ended();
}

TEST_CASE("blocking calls on a thread of the session's executor fail with would_deadlock") {
    MockEdge edge;
    SUBCASE("io_context") {
        asio::io_context context;
        run(context, blocking_calls(edge.options(), edge));
        finish(context);
    }
    SUBCASE("a strand over an io_context") {
        asio::io_context context;
        auto strand = asio::make_strand(context);
        std::thread runner;
        auto guard = asio::make_work_guard(context);
        runner = std::thread([&context] { context.run(); });
        check_would_deadlock(edge, strand);
        check_would_deadlock(edge, asio::any_io_executor(asio::make_strand(asio::any_io_executor(context.get_executor()))));
        guard.reset();
        runner.join();
    }
    SUBCASE("thread_pool, and a strand over it") {
        asio::thread_pool pool(2);
        check_would_deadlock(edge, pool.get_executor());
        check_would_deadlock(edge, asio::make_strand(pool));
        pool.join();
    }
}

TEST_CASE("blocking calls from another thread work on a session of an io_context") {
    MockEdge edge;
    asio::io_context context;
    auto connecting = Session::async_connect(context.get_executor(), edge.options(), asio::use_future);
    std::thread runner([&context] { context.run(); });
    Session session = get(connecting);
    Listener listener = session.listen(Endpoint("tcp://"));
    Pair pair(edge, listener);
    pair.visitor.write("abc");
    CHECK(read_exactly(pair.connection, 3) == "abc");
    session.close();
    runner.join(); // nothing holds the context up
}

TEST_CASE("handles that are dropped while their io_context is stopped go with it, and so does their accept") {
    MockEdge edge;
    Session session;
    Listener listener;
    {
        asio::io_context context;
        auto connecting = Session::async_connect(context.get_executor(), edge.options(), asio::use_future);
        std::thread runner([&context] { context.run(); });
        session = get(connecting);
        listener = session.listen(Endpoint("tcp://"));
        context.stop();
        runner.join();
        listener.async_accept([](std::error_code, const Connection&) { FAIL("the context does not run"); });
        listener = Listener();
        session = Session();
    }
    edge.wait_ended();
}

TEST_CASE("a context that is destroyed takes the coroutines along that wait for a session") {
    MockEdge edge;
    std::weak_ptr<int> alive;
    {
        asio::io_context context;
        const Sentinel sentinel = std::make_shared<int>();
        alive = sentinel;
        bool reached = false;
        asio::co_spawn(context, wait_for_everything(sentinel, edge.options(), edge, reached), asio::detached);
        while (!reached) REQUIRE(context.run_one_for(20s) == 1);
        context.poll();
        CHECK(sentinel.use_count() > 6);
    }
    CHECK(alive.expired());
    edge.wait_ended();
}

TEST_CASE("handlers run on their own executor, never inside the call that started them") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://").backlog(8));
    Visitor visitor = edge.visit(listener.id());
    edge.visit("unknown").read_end(); // so the one before it waits in the backlog
    asio::io_context context;
    bool inside = true;
    bool called = false;
    listener.async_accept(asio::bind_executor(context.get_executor(), [&](std::error_code ec, const Connection&) {
        CHECK_FALSE(inside);
        CHECK_FALSE(ec);
        called = true;
    }));
    inside = false;
    CHECK_FALSE(called);
    CHECK(context.run() >= 1); // the handler counted as work of the context
    CHECK(called);
}
