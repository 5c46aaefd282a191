// A process that was restarted gets its URL from its former self (behaviour E.2, F-11, U13).
#include "edge_agent_support.hpp"

#include "proto/codec.hpp"

#include <adit/limits.hpp>

#include <chrono>

using namespace adit;
using namespace adit_test;

namespace {

using Clock = std::chrono::steady_clock;

BindRequest named(std::string_view url, std::string_view name) {
    BindRequest request = bind_request(url);
    request.extra.name = name;
    return request;
}

/// The agent is told that its bind ended, by a StopTunnel.
void check_told(RawAgent& agent, const BindResponse& bound) {
    AgentStream stream = agent.accept();
    CHECK(stream.type() == static_cast<std::uint32_t>(RequestType::stop_tunnel));
    const std::string text = stream.read_json();
    CAPTURE(text);
    CHECK(text.find("\"" + bound.id + "\"") != std::string::npos);
    CHECK(text.find("ERR_NGROK_334") != std::string::npos);
    CHECK(text.find("took") != std::string::npos);
    stream.reset();
}

} // namespace

TEST_CASE("U13: a restarted process has its URL at once while its former self is half-dead") {
    for (const char* url : {"https://mine.localhost", "http://mine.localhost", "tls://mine.localhost", "https://mine.internal"}) {
        CAPTURE(url);
        AgentEdge edge;
        const auto former = edge.login();
        const BindResponse before = former->bind_url(url);
        former->freeze();
        const auto start = Clock::now();
        const auto fresh = edge.login(); // a new client id and no token
        const BindResponse after = fresh->bind_url(url);
        const auto time = Clock::now() - start;
        CHECK(after.url == before.url);
        CHECK(after.extra.tunnel_id != before.extra.tunnel_id);
        CHECK(time < limits::heartbeat_tolerance / 2);
        REQUIRE(edge.server.endpoints().size() == 1);
        CHECK(edge.server.endpoints()[0].id == after.extra.tunnel_id);
        former->thaw(); // it was there after all: it learns what happened and can take nothing back by that
        check_told(*former, before);
        CHECK(former->call(RequestType::unbind, R"({"Id":")" + before.id + "\"}") == "{}");
        CHECK(edge.server.endpoints().size() == 1);
    }
}

TEST_CASE("U13: the port of a tcp endpoint goes over in the same way, with its listening socket") {
    AgentEdge edge([](edge::ServerOptions& options) { options.tcp_ports(40'000, 44'000); });
    const auto former = edge.login();
    const std::uint16_t port = port_of(former->bind_url("tcp://").url);
    former->freeze();
    const auto fresh = edge.login();
    fresh->bind_url("tcp://localhost:" + std::to_string(port));
    NetVisitor visitor = NetVisitor::plain(port);
    visitor.send("x");
    CHECK(fresh->accept().read_proxy_header().protocol == "tcp");
    CHECK(edge.server.endpoints().size() == 1);
}

TEST_CASE("U13: of two healthy processes the first keeps the URL, and nobody else's is looked at") {
    AgentEdge edge;
    const auto first = edge.login();
    first->bind_url("https://mine.localhost");
    const auto second = edge.login();
    const auto start = Clock::now();
    CHECK(second->bind_refusal("https://mine.localhost") == 334);
    CHECK(Clock::now() - start < limits::takeover_probe_time); // it answered, nobody had to wait
    CHECK_FALSE(first->accepts_within(std::chrono::milliseconds(0)));
    const auto stranger = edge.login("token-b");
    first->freeze();
    CHECK(stranger->bind_refusal("https://mine.localhost") == 334);
    CHECK(stranger->bind(named("https://mine.localhost", "x")).error().code() == ngrok_error(334));
    CHECK(edge.server.endpoints().size() == 1);
}

TEST_CASE("U13: with the same name the newest process wins at once, and the loser is told") {
    AgentEdge edge;
    const auto first = edge.login();
    const auto before = first->bind(named("https://mine.localhost", "web"));
    REQUIRE(before);
    const auto second = edge.login();
    CHECK(second->bind(named("https://mine.localhost", "other")).error().code() == ngrok_error(334));
    const auto after = second->bind(named("https://mine.localhost", "web"));
    REQUIRE_MESSAGE(after, after.error().to_string());
    check_told(*first, *before);
    REQUIRE(edge.server.endpoints().size() == 1);
    CHECK(edge.server.endpoints()[0].id == after->extra.tunnel_id);
    // It does not fight back: what it had is no reason to take it from a process that is there.
    BindRequest again = named("https://mine.localhost", "web");
    again.id = before->id;
    again.extra.token = before->extra.token;
    CHECK(first->bind(again).error().code() == ngrok_error(334));
    CHECK(edge.server.endpoints()[0].id == after->extra.tunnel_id);
    // One process cannot take a URL from itself.
    CHECK(second->bind(named("https://mine.localhost", "web")).error().code() == ngrok_error(334));
}

TEST_CASE("U13: a token takes its endpoint over from another client at once, which is told; legs of one client share it") {
    AgentEdge edge;
    const auto wedged = edge.login();
    const BindResponse before = wedged->bind_url("https://mine.localhost");
    const auto fresh = edge.login();
    BindRequest request = bind_request("https://");
    request.id = before.id;
    request.extra.token = before.extra.token;
    REQUIRE(fresh->bind(request));
    check_told(*wedged, before);
    CHECK(edge.server.endpoints().size() == 1);
}

TEST_CASE("U13: a pool of which all members are dead gives way to one that does not share") {
    AgentEdge edge;
    BindRequest pooled = bind_request("https://mine.localhost");
    pooled.extra.pooling_enabled = true;
    const auto one = edge.login();
    const auto two = edge.login();
    REQUIRE(one->bind(pooled));
    REQUIRE(two->bind(pooled));
    one->freeze();
    const auto fresh = edge.login();
    CHECK(fresh->bind_refusal("https://mine.localhost") == 334); // one of them answers
    CHECK(edge.server.endpoints().size() == 2);
    two->freeze();
    CHECK(fresh->bind_refusal("https://mine.localhost") == 0);
    CHECK(edge.server.endpoints().size() == 1);
}
