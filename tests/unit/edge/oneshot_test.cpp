#include "edge/oneshot.hpp"

#include "support/doctest.hpp"

#include <thread>

using namespace adit;
using namespace adit::edge;

namespace {

using Shot = std::shared_ptr<OneShot<int>>;

asio::awaitable<void> await_into(Shot shot, std::chrono::milliseconds time, std::optional<int>& out, bool& done) {
    out = co_await shot->wait(time);
    done = true;
}

} // namespace

TEST_CASE("a value that is there already, or comes inside, ends the waiting") {
    asio::io_context context;
    const auto shot = std::make_shared<OneShot<int>>();
    CHECK(shot->set(7));
    CHECK_FALSE(shot->set(8));
    std::optional<int> out;
    bool done = false;
    asio::co_spawn(context, await_into(shot, std::chrono::minutes(1), out, done), asio::detached);
    context.run();
    CHECK(done);
    CHECK(out == 7);
}

TEST_CASE("a value from another thread ends the waiting") {
    asio::io_context context;
    const auto shot = std::make_shared<OneShot<int>>();
    std::optional<int> out;
    bool done = false;
    asio::co_spawn(context, await_into(shot, std::chrono::minutes(1), out, done), asio::detached);
    std::thread other([shot] { CHECK(shot->set(7)); });
    context.run();
    other.join();
    CHECK(done);
    CHECK(out == 7);
}

TEST_CASE("after the time there is no value, and one that comes later says so") {
    asio::io_context context;
    const auto shot = std::make_shared<OneShot<int>>();
    std::optional<int> out = 1;
    bool done = false;
    asio::co_spawn(context, await_into(shot, std::chrono::milliseconds(1), out, done), asio::detached);
    context.run();
    CHECK(done);
    CHECK_FALSE(out);
    CHECK_FALSE(shot->set(7));
}

TEST_CASE("giving up ends all that wait") {
    asio::io_context context;
    OneShotList list;
    const auto shot = std::make_shared<OneShot<int>>();
    list.add(shot);
    std::optional<int> out = 1;
    bool done = false;
    asio::co_spawn(context, await_into(shot, std::chrono::minutes(1), out, done), asio::detached);
    asio::post(context, [&] { list.give_up_all(); });
    context.run();
    CHECK(done);
    CHECK_FALSE(out);
}

TEST_CASE("whoever has to answer may outlive the executor") {
    const auto shot = std::make_shared<OneShot<int>>();
    {
        asio::io_context context;
        std::optional<int> out;
        bool done = false;
        asio::co_spawn(context, await_into(shot, std::chrono::minutes(1), out, done), asio::detached);
        context.poll();
        CHECK_FALSE(done);
    }
    CHECK_FALSE(shot->set(7));
}
