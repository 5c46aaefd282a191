// Many visitors and applications at once that do random things to each other, on an edge with two shards: nothing hangs,
// nothing is mixed up, and every request leaves its record.
#include "edge_visitor_support.hpp"

#include <atomic>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

using adit_test::AppStream;
using adit_test::HttpAnswer;
using adit_test::NetVisitor;
using adit_test::noise;
using adit_test::TestEdge;

namespace {

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t n) { return random() % n; }

std::uint32_t seed_of_this_run() {
    const char* given = std::getenv("ADIT_SEED");
    return given != nullptr ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10)) : std::random_device()();
}

/// The application: answers with the body it got, or fails in one of many ways as the path says ("/size/how/...").
void serve(adit::Connection connection) {
    std::string in;
    std::error_code ec;
    std::array<char, 32'768> buffer;
    const auto need = [&](auto enough) {
        while (!enough()) {
            const std::size_t n = connection.read_some(asio::buffer(buffer), ec);
            if (ec) return false;
            in.append(buffer.data(), n);
        }
        return true;
    };
    const auto write = [&](std::string_view bytes) {
        while (!bytes.empty() && !ec) bytes.remove_prefix(connection.write_some(asio::buffer(bytes.data(), bytes.size()), ec));
    };
    connection.read_timeout(std::chrono::seconds(60));
    connection.write_timeout(std::chrono::seconds(60));
    while (need([&] { return in.find("\r\n\r\n") != std::string::npos; })) {
        const std::string head = in.substr(0, in.find("\r\n\r\n") + 4);
        in.erase(0, head.size());
        const std::string path = head.substr(head.find('/'), 40);
        const std::size_t size = std::stoul(path.substr(1));
        const std::string how = path.substr(path.find('/', 1) + 1, 4);
        if (how == "shut") return;
        if (how == "rset") return connection.reset();
        if (how == "junk") return write("no http\r\n\r\n");
        if (how == "earl") return write("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nearly");
        if (!need([&] { return in.size() >= size; })) return;
        const std::string body = in.substr(0, size);
        in.erase(0, size);
        if (how == "half") return write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size + 10) + "\r\n\r\n" + body);
        if (how == "tocl") return write("HTTP/1.1 200 OK\r\n\r\n" + body);
        if (how == "chnk") {
            char line[32];
            write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            for (std::size_t at = 0; at < size; at += 9'999) {
                const std::string part = body.substr(at, 9'999);
                std::snprintf(line, sizeof line, "%zx\r\n", part.size());
                write(line + part + "\r\n");
            }
            write("0\r\n\r\n");
        } else {
            write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + body);
        }
        if (ec) return;
    }
}

/// What a visitor may see for what the application does. 0: the answer was cut.
bool expected(std::string_view how, const HttpAnswer& answer, const std::string& body) {
    if (how == "good" || how == "chnk" || how == "tocl") return answer.status == 200 && answer.complete && answer.body == body;
    if (how == "half") return answer.status == 200 && !answer.complete;
    if (how == "earl") return answer.status == 413;
    return answer.status == 502;
}

/// Gives how many requests were answered as they should be; those that the visitor left are counted in `left`.
std::size_t visit(TestEdge& edge, std::uint32_t seed, std::size_t rounds, std::atomic<std::size_t>& asked) {
    static constexpr std::string_view ways[] = {"good", "good", "good", "chnk", "tocl", "half", "shut", "rset", "junk", "earl"};
    Random random(seed);
    std::size_t wrong = 0;
    for (std::size_t round = 0; round < rounds; ++round) {
        NetVisitor visitor = below(random, 2) == 0 ? edge.https("a.edge.test") : edge.http();
        for (std::size_t i = 0, requests = 1 + below(random, 4); i < requests; ++i) {
            const std::string_view how = ways[below(random, std::size(ways))];
            const std::size_t size = below(random, 3) == 0 ? below(random, 300'000) : below(random, 2'000);
            const std::string body = noise(size, static_cast<std::uint32_t>(random()));
            const std::string head = "POST /" + std::to_string(body.size()) + "/" + std::string(how) +
                                     " HTTP/1.1\r\nHost: a.edge.test\r\nContent-Length: " + std::to_string(body.size()) +
                                     "\r\n\r\n";
            ++asked;
            if (below(random, 8) == 0) { // leaves, sometimes in the middle of his request
                visitor.send(head + body.substr(0, below(random, body.size() + 1)));
                if (below(random, 2) == 0) visitor.reset();
                break;
            }
            visitor.send(head + body);
            const HttpAnswer answer = visitor.answer();
            if (!expected(how, answer, body)) {
                ++wrong;
                MESSAGE("seed " << seed << ", round " << round << ": " << how << " gave " << answer.status << " with "
                                << answer.body.size() << " of " << body.size() << " bytes");
            }
            if (!answer.complete || answer.field("connection") == "close") break;
        }
    }
    return wrong;
}

} // namespace

TEST_CASE("random visitors and applications do not disturb each other") {
    const std::uint32_t seed = seed_of_this_run();
    MESSAGE("ADIT_SEED=" << seed);
    TestEdge edge([](auto& options) { options.threads(2); });
    auto secure = edge.listen("https://a.edge.test");
    auto plain = edge.listen("http://a.edge.test");
    std::mutex mutex;
    std::vector<std::thread> serving;
    const auto accept_all = [&](adit::Listener listener) {
        for (;;) {
            std::error_code ec;
            adit::Connection connection = listener.accept(ec);
            if (ec) return;
            const std::lock_guard lock(mutex);
            serving.emplace_back(serve, std::move(connection));
        }
    };
    std::thread secure_acceptor(accept_all, secure);
    std::thread plain_acceptor(accept_all, plain);

    std::atomic<std::size_t> asked{0};
    std::atomic<std::size_t> wrong{0};
    std::vector<std::thread> visitors;
    for (std::uint32_t i = 0; i < 6; ++i) {
        visitors.emplace_back([&, i] { wrong += visit(edge, seed + i, 40, asked); });
    }
    for (std::thread& each : visitors) each.join();
    CHECK(wrong == 0);
    // A visitor who left before his request's head was complete left no request: some of those that were cut short.
    edge.server.drain(std::chrono::seconds(20));
    CHECK(edge.records(1).size() <= asked);
    CHECK(edge.records(1).size() > asked / 2);
    CHECK(edge.server.sessions().empty());
    edge.session.close(); // it would look for the edge again
    secure_acceptor.join();
    plain_acceptor.join();
    for (std::thread& each : serving) each.join();
}
