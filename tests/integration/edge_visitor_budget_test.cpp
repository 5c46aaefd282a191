// What policies may hold for visitors, and what they tell of them.
#include "edge_visitor_support.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <deque>
#include <mutex>

using adit_test::AppStream;
using adit_test::HttpAnswer;
using adit_test::NetVisitor;
using adit_test::TestEdge;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view webhooks =
    "on_http_request:\n  - actions: [{type: verify-webhook, config: {provider: github, secret: a-secret}}]";

adit::Listener listen(TestEdge& edge, std::string_view policy, std::string_view url = "http://a.edge.test") {
    return edge.session.listen(adit::Endpoint(url).traffic_policy(policy));
}

std::string post(std::string_view host, std::size_t length) {
    return "POST / HTTP/1.1\r\nHost: " + std::string(host) + "\r\nX-Hub-Signature-256: sha256=00\r\nContent-Length: " +
           std::to_string(length) + "\r\n\r\n";
}

std::string get(std::string_view path, std::string_view more = {}) {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a.edge.test\r\n" + std::string(more) + "\r\n";
}

} // namespace

TEST_CASE("bodies that a policy looks at have a bound together: who does not fit gets 503, and other endpoints have theirs") {
    TestEdge edge([](auto& options) { options.policy_body_memory(1u << 20); });
    auto one = listen(edge, webhooks);
    auto other = listen(edge, webhooks, "http://b.edge.test");
    const std::string part(100'000, 'x');
    const auto whole = [&](std::string_view host, std::size_t length) {
        NetVisitor visitor = edge.http();
        visitor.send(post(host, length));
        visitor.send(std::string(length, 'x'));
        return visitor.answer();
    };
    const HttpAnswer too_much = whole("a.edge.test", 300'000); // more than a quarter
    CHECK(too_much.status == 503);
    CHECK(too_much.field("ngrok-error-code") == "ERR_NGROK_720");

    std::deque<NetVisitor> held, refused;
    for (int i = 0; i < 5; ++i) { // there is room for one or two, by how their memory grew
        held.push_back(edge.http());
        held.back().send(post("a.edge.test", part.size() + 1));
        held.back().send(part);
    }
    for (const auto deadline = Clock::now() + 20s; refused.size() < 3;) {
        REQUIRE(Clock::now() < deadline);
        NetVisitor visitor = std::move(held.front());
        held.pop_front();
        (visitor.readable_within(1ms) ? refused : held).push_back(std::move(visitor));
    }
    for (NetVisitor& visitor : refused) CHECK(visitor.answer().status == 503);
    CHECK(whole("b.edge.test", 100'000).status == 403); // checked: the signature is wrong
    int checked = 0;
    for (NetVisitor& visitor : held) {
        if (!visitor.readable_within(1ms)) visitor.send("x");
        const int status = visitor.answer().status;
        CHECK((status == 403 || status == 503));
        checked += status == 403 ? 1 : 0;
    }
    CHECK(checked >= 1);
    held.clear();
    refused.clear();
    for (int i = 0; i < 20; ++i) CHECK(whole("a.edge.test", 100'000).status == 403); // all of it was given back
}

TEST_CASE("a body that was checked is given back to the bound when the application took it") {
    TestEdge edge([](auto& options) { options.policy_body_memory(1u << 20); });
    auto listener = listen(edge, "on_http_request:\n  - actions: [{type: verify-webhook, config: {provider: github, secret: "
                                 "a-secret, enforce: false}}]");
    NetVisitor visitor = edge.http();
    const std::string body = adit_test::noise(120'000, 7);
    for (int i = 0; i < 8; ++i) {
        visitor.send(post("a.edge.test", body.size()));
        visitor.send(body);
        AppStream app = edge.accept(listener);
        app.read_head();
        CHECK(app.read(body.size()) == body);
        app.answer("taken", "Connection: close\r\n");
        app.close();
        CHECK(visitor.answer().body == "taken");
    }
}

TEST_CASE("beyond the memory for compression answers are as they came") { // T28's neighbour: encoders are large
    TestEdge edge;
    auto listener = listen(edge, "on_http_response:\n  - actions: [{type: compress-response, config: {algorithms: [br]}}]");
    std::deque<std::pair<NetVisitor, AppStream>> open;
    const auto ask = [&] {
        NetVisitor visitor = edge.http();
        visitor.send(get("/", "Accept-Encoding: br\r\n"));
        AppStream app = edge.accept(listener);
        app.read_head();
        app.write("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        const std::string head = visitor.read_until("\r\n\r\n");
        open.emplace_back(std::move(visitor), std::move(app));
        CHECK(head.find("Vary: Accept-Encoding\r\n") != head.npos);
        return head.find("Content-Encoding: br\r\n") != head.npos;
    };
    const std::size_t fit = adit::limits::compression_memory >> 21; // 2 MiB each
    for (std::size_t i = 0; i < fit; ++i) CHECK(ask());
    CHECK_FALSE(ask());
    CHECK(open.back().first.read_until("first\r\n").ends_with("5\r\nfirst\r\n"));
    open.front().first.reset();
    CHECK(open.front().second.read_end() == adit::errc::connection_reset);
    open.pop_front();
    CHECK(ask());
}

TEST_CASE("access records say what policies logged, and why one failed") {
    std::mutex mutex;
    std::vector<std::string> lines;
    TestEdge edge([&](auto& options) {
        options.on_log([&](std::string_view, std::string_view line) {
            const std::lock_guard lock(mutex);
            lines.emplace_back(line);
        });
    });
    auto listener = listen(edge, R"yaml(
on_tcp_connect:
  - actions: [{type: log, config: {metadata: {ip: "${conn.client_ip}"}}}]
on_http_request:
  - actions: [{type: log, config: {metadata: {path: "${req.url.path}"}}}]
  - expressions: ["req.url.path == '/fails' && int(req.url.path) == 1"]
    actions: [{type: deny}]
on_http_response:
  - actions: [{type: log, config: {metadata: {status: "${res.status_code}"}}}]
)yaml");
    NetVisitor visitor = edge.http();
    visitor.send(get("/first"));
    AppStream app = edge.accept(listener);
    app.read_head();
    app.answer("ok");
    CHECK(visitor.answer().body == "ok");
    const auto first = edge.records(1)[0];
    REQUIRE(first.policy_logs.size() == 3);
    CHECK(first.policy_logs[0].phase == "on_tcp_connect");
    CHECK(first.policy_logs[0].metadata == R"({"ip":"127.0.0.1"})");
    CHECK(first.policy_logs[1].phase == "on_http_request");
    CHECK(first.policy_logs[1].metadata == R"({"path":"/first"})");
    CHECK(first.policy_logs[2].phase == "on_http_response");
    CHECK(first.policy_logs[2].metadata == R"({"status":200})");
    CHECK(first.policy_error.empty());

    visitor.send(get("/fails"));
    const HttpAnswer failed = visitor.answer();
    CHECK(failed.status == 500);
    CHECK(failed.field("ngrok-error-code") == "ERR_NGROK_2253");
    const auto second = edge.records(2)[1];
    REQUIRE(second.policy_logs.size() == 1); // the connection's phase was told before
    CHECK(second.policy_logs[0].metadata == R"({"path":"/fails"})");
    CHECK(second.policy_error.find("int(req.url.path)") != std::string::npos);
    CHECK(second.ngrok_error == 2253);
    const std::lock_guard lock(mutex);
    CHECK(std::ranges::any_of(lines, [&](const std::string& line) { return line.find(second.policy_error) != line.npos; }));
}

TEST_CASE("records of raw connections have the logs of their policy") {
    TestEdge edge;
    auto listener = listen(edge, R"yaml(
on_tcp_connect:
  - actions: [{type: log, config: {metadata: {from: "${conn.client_ip}"}}}, {type: deny}]
)yaml", "tcp://");
    const std::string url = listener.url();
    NetVisitor visitor = NetVisitor::plain(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    CHECK(visitor.ended());
    const auto record = edge.records(1)[0];
    REQUIRE(record.policy_logs.size() == 1);
    CHECK(record.policy_logs[0].metadata == R"({"from":"127.0.0.1"})");
}
