// An edge with two shards and the SDK in one process: made for ThreadSanitizer, and true without it.
#include "integration/edge_visitor_support.hpp"

#include <atomic>
#include <thread>

using namespace adit_test;

namespace {

/// Answers each request with its own target.
void answer(adit::Connection connection) {
    AppStream app(std::move(connection));
    for (;;) {
        std::error_code end;
        std::string head;
        while (head.find("\r\n\r\n") == std::string::npos && !end) head += app.read_some(end);
        if (end) return;
        app.answer(head.substr(0, head.find(" HTTP/")));
    }
}

} // namespace

TEST_CASE("hundreds of requests through two shards, from several threads to several threads") {
    constexpr int visitors = 6, connections = 10, requests = 6;
    TestEdge edge([](adit::edge::ServerOptions& options) { options.threads(2); });
    adit::Listener listener = edge.listen("https://many.edge.test");
    std::vector<std::thread> threads;
    std::thread acceptor([listener]() mutable {
        std::vector<std::thread> serving;
        for (std::error_code ec; !ec;) {
            adit::Connection connection = listener.accept(ec);
            if (!ec) serving.emplace_back(answer, std::move(connection));
        }
        for (std::thread& each : serving) each.join();
    });
    std::atomic<int> right = 0;
    for (int t = 0; t < visitors; ++t) {
        threads.emplace_back([&edge, &right, t] {
            for (int c = 0; c < connections; ++c) {
                NetVisitor visitor = edge.https("many.edge.test");
                for (int r = 0; r < requests; ++r) {
                    const std::string path = "/" + std::to_string(t) + "/" + std::to_string(c) + "/" + std::to_string(r);
                    const HttpAnswer got = visitor.get(path, "many.edge.test");
                    if (got.status == 200 && got.body == "GET " + path) ++right;
                }
            }
        });
    }
    // Endpoints come and go meanwhile.
    threads.emplace_back([&edge] {
        for (int i = 0; i < 20; ++i) {
            adit::Listener other = edge.session.listen(adit::Endpoint("https://other" + std::to_string(i) + ".edge.test"));
            CHECK(other.is_open());
            other.close();
        }
    });
    for (std::thread& each : threads) each.join();
    CHECK(right == visitors * connections * requests);
    CHECK(edge.records(visitors * connections * requests).size() == visitors * connections * requests);
    listener.close();
    acceptor.join();
}
