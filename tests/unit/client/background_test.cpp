// The background thread, would_deadlock detection, blocking calls and counting handles.
#include "client/background.hpp"
#include "client/blocking.hpp"
#include "client/handle.hpp"
#include "client/own_thread.hpp"

#include <asio/thread_pool.hpp>

#include "support/doctest.hpp"

#include <atomic>
#include <csignal>
#include <future>
#include <thread>

using namespace adit;
using namespace std::chrono_literals;

namespace {

template <class Executor>
bool seen_from_inside(Executor executor, const asio::any_io_executor& asked) {
    std::promise<bool> promise;
    auto future = promise.get_future();
    asio::post(executor, [&] { promise.set_value(OwnThread(asked).is_this_thread()); });
    REQUIRE(future.wait_for(20s) == std::future_status::ready);
    return future.get();
}

class Closable : public std::enable_shared_from_this<Closable> {
public:
    explicit Closable(int& closed) : closed_(closed) {}
    void close() { ++closed_; }

private:
    int& closed_;
};

} // namespace

TEST_CASE("the background thread lives as long as somebody holds a lease") {
    REQUIRE(Background::wait_stopped(20s));
    auto first = Background::acquire();
    REQUIRE(first.has_value());
    CHECK_FALSE(Background::runs_on_this_thread());
    CHECK_FALSE(Background::wait_stopped(1ms));
    {
        auto second = Background::acquire();
        Background::Lease moved = std::move(*second);
        CHECK(moved);
        CHECK_FALSE(*second);
    }
    std::promise<bool> promise;
    auto inside = promise.get_future();
    asio::post(Background::executor(), [&] { promise.set_value(Background::runs_on_this_thread()); });
    CHECK(inside.get());
    CHECK_FALSE(Background::wait_stopped(1ms));
    first->release();
    CHECK(Background::wait_stopped(20s));
}

TEST_CASE("the last lease may go on the background thread, and the thread comes back") {
    for (int i = 0; i < 50; ++i) {
        auto lease = Background::acquire();
        REQUIRE(lease.has_value());
        asio::post(Background::executor(), [held = std::move(*lease)] {});
        if (i % 2 == 0) REQUIRE(Background::wait_stopped(20s));
    }
    CHECK(Background::wait_stopped(20s));
}

TEST_CASE("what was posted without a thread runs when it is asked for") {
    REQUIRE(Background::wait_stopped(20s));
    std::promise<void> promise;
    auto ran = promise.get_future();
    asio::post(Background::executor(), [&] { promise.set_value(); });
    Background::run_posted();
    CHECK(ran.wait_for(20s) == std::future_status::ready);
    CHECK(Background::wait_stopped(20s));
}

TEST_CASE("the background thread takes no signals") {
    auto lease = Background::acquire();
    REQUIRE(lease.has_value());
    std::promise<bool> promise;
    auto blocked = promise.get_future();
    asio::post(Background::executor(), [&] {
        sigset_t mask;
        pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        promise.set_value(sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGTERM) == 1);
    });
    CHECK(blocked.get());
    sigset_t own;
    pthread_sigmask(SIG_SETMASK, nullptr, &own);
    CHECK(sigismember(&own, SIGINT) == 0);
}

TEST_CASE("a thread of an executor is recognised, whatever stands around it") {
    asio::io_context context;
    auto guard = asio::make_work_guard(context);
    std::thread runner([&context] { context.run(); });
    asio::thread_pool pool(1);
    const auto plain = context.get_executor();
    asio::any_io_executor tracked = asio::prefer(asio::any_io_executor(plain), asio::execution::outstanding_work.tracked);
    const auto strand = asio::make_strand(plain);
    const asio::any_io_executor any_strand = asio::make_strand(asio::any_io_executor(plain));
    for (const asio::any_io_executor& asked : {asio::any_io_executor(plain), tracked, asio::any_io_executor(strand), any_strand}) {
        CHECK(seen_from_inside(plain, asked));
        CHECK_FALSE(seen_from_inside(pool.get_executor(), asked));
        CHECK_FALSE(OwnThread(asked).is_this_thread());
    }
    CHECK(seen_from_inside(pool.get_executor(), pool.get_executor()));
    CHECK(seen_from_inside(pool.get_executor(), asio::make_strand(pool)));
    CHECK_FALSE(seen_from_inside(plain, pool.get_executor()));
    CHECK_FALSE(OwnThread(asio::any_io_executor()).is_this_thread());
    CHECK_FALSE(OwnThread(asio::system_executor()).is_this_thread());
    CHECK(one_at_a_time(strand) == asio::any_io_executor(strand));
    CHECK(one_at_a_time(Background::executor()) == Background::executor());
    CHECK(one_at_a_time(plain) != asio::any_io_executor(plain));
    guard.reset();
    tracked = asio::any_io_executor(); // it counts as work
    runner.join();
    pool.join();
}

TEST_CASE("a blocking call gets what the handler is given, from any thread") {
    for (int i = 0; i < 200; ++i) {
        BlockingCall<int> call;
        std::thread other([handler = call.handler(), i]() mutable { handler.complete({}, i); });
        call.wait();
        CHECK(call.result<0>() == i);
        other.join();
    }
    BlockingCall<int> late;
    auto handler = late.handler();
    CHECK_FALSE(late.wait_for(1ms));
    handler.complete(errc::refused, 3);
    CHECK(late.wait_for(std::chrono::milliseconds::max()));
    CHECK(late.code() == errc::refused);
}

TEST_CASE("the last handle closes, pointers of the library do not count") {
    int closed = 0;
    auto object = std::make_shared<Closable>(closed);
    auto handle = make_handle(object);
    auto copy = handle;
    auto inner = handle->shared_from_this();
    handle.reset();
    CHECK(closed == 0);
    copy.reset();
    CHECK(closed == 1);
    inner.reset();
    object.reset();
    CHECK(closed == 1);
}
