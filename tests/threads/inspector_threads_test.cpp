// An inspector on an executor of several threads, used from others while it is started and ended under load.
#include "../integration/inspector_support.hpp"

#include <asio/use_future.hpp>

#include <atomic>
#include <future>
#include <optional>
#include <thread>
#include <vector>

using adit_test::inspect;
using adit_test::InspectorClient;
using adit_test::Json;
using adit_test::NetVisitor;
using adit_test::response;
using adit_test::TestEdge;
using adit_test::TestUpstream;

namespace {

/// An upstream that answers on each connection until its end.
class EchoUpstream {
public:
    EchoUpstream() : thread_([this] {
        for (;;) {
            auto socket = std::make_shared<NetVisitor>(upstream.accept());
            if (stop_) return;
            served_.push_back(std::async(std::launch::async, [socket] {
                std::string in;
                for (std::string piece = socket->read_some(); !piece.empty(); piece = socket->read_some()) {
                    in += piece;
                    if (!in.ends_with("\r\n\r\n")) continue;
                    in.clear();
                    socket->send(response(std::string(2'000, 'x')));
                }
            }));
        }
    }) {}
    ~EchoUpstream() {
        stop_ = true;
        NetVisitor::plain(upstream.port()).close();
        thread_.join();
    }
    TestUpstream upstream;

private:
    std::atomic<bool> stop_ = false;
    std::vector<std::future<void>> served_;
    std::thread thread_;
};

} // namespace

TEST_CASE("started, read, replayed and ended while visitors come, on several threads") {
    TestEdge edge;
    EchoUpstream echo;
    asio::io_context context;
    auto work = asio::make_work_guard(context);
    std::vector<std::thread> runners;
    for (int i = 0; i < 3; ++i) runners.emplace_back([&context] { context.run(); });
    adit::SessionOptions options;
    options.server(edge.server.agent_address()).roots_pem(edge.server.ca_pem()).authtoken("visitor-token");
    adit::Session session = adit::Session::async_connect(context.get_executor(), options, asio::use_future).get();
    adit::Forwarder forwarder =
        session.async_forward(adit::Endpoint("http://b.edge.test"), adit::Upstream(echo.upstream.at()), asio::use_future).get();

    std::atomic<bool> stop = false;
    std::vector<std::thread> visitors;
    for (int i = 0; i < 3; ++i) {
        visitors.emplace_back([&] {
            while (!stop) {
                NetVisitor visitor = edge.http();
                for (int n = 0; n < 10; ++n) CHECK(visitor.get("/" + std::to_string(n), "b.edge.test").status == 200);
            }
        });
    }
    for (int round = 0; round < 10; ++round) {
        adit::Inspector inspector = inspect(session, adit::InspectorOptions().max_exchanges(10));
        InspectorClient live(inspector), script(inspector);
        live.socket().send("GET /api/events HTTP/1.1\r\nHost: " + live.host() + "\r\n\r\n");
        for (int n = 0; n < 5; ++n) {
            live.socket().read_until("\"complete\"");
            const Json list = script.list("limit=3");
            if (!list.empty()) CHECK(script.send("GET", list[0]["uri"].get<std::string>()).status != 0);
            if (!list.empty() && list[0]["state"] == "complete") {
                const int status = script.replay({{"id", list[0]["id"]}}).status;
                CHECK((status == 204 || status == 404)); // 404: ten newer ones came meanwhile
            }
        }
        const adit::Inspector copy = inspector;
        std::thread other([&copy] {
            adit::Inspector third = copy;
            third.close();
        });
        inspector.close();
        other.join();
        CHECK_FALSE(copy.is_open());
        live.socket().read_all();
    }
    stop = true;
    for (std::thread& each : visitors) each.join();
    std::optional<adit::Inspector> last = inspect(session); // ends with its session, or its handle, whichever is first
    std::thread closer([&session] { session.close(); });
    last.reset();
    closer.join();
    work.reset();
    for (std::thread& each : runners) each.join();
}

TEST_CASE("an inspector that is open goes with its context") {
    TestEdge edge;
    TestUpstream upstream;
    adit::SessionOptions options;
    options.server(edge.server.agent_address()).roots_pem(edge.server.ca_pem()).authtoken("visitor-token");
    std::weak_ptr<int> alive;
    std::optional<NetVisitor> page, visitor, app;
    {
        asio::io_context context;
        std::promise<std::string> ready;
        const auto token = std::make_shared<int>(1);
        alive = token;
        asio::co_spawn(
            context,
            [](adit::SessionOptions agent, std::string address, std::promise<std::string>& url,
               std::shared_ptr<int> /*goes with the coroutine*/) -> asio::awaitable<void> {
                auto executor = co_await asio::this_coro::executor;
                auto session = co_await adit::Session::async_connect(executor, agent);
                adit::Endpoint endpoint("http://b.edge.test");
                adit::Upstream to(address);
                auto forwarder = co_await session.async_forward(endpoint, to);
                auto inspector = adit::Inspector::start(session, adit::InspectorOptions().address("127.0.0.1:0"));
                url.set_value(inspector.url());
                (void)co_await forwarder.async_wait();
            }(options, upstream.at(), ready, token),
            asio::detached);
        std::thread runner([&context] { context.run(); });
        const std::string url = ready.get_future().get();
        const std::string host = url.substr(7);
        page = NetVisitor::plain(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
        page->send("GET /api/events HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
        page->read_until("event: exchanges");
        visitor = edge.http();
        visitor->send("GET / HTTP/1.1\r\nHost: b.edge.test\r\n\r\n");
        app = upstream.accept();
        app->read_until("\r\n\r\n"); // an exchange, a page and its updates are under way
        page->read_until("\"pending\"");
        context.stop();
        runner.join();
    }
    CHECK(alive.expired());
    page->read_all();
    app->read_all();
}
