// Several agents behind one URL.
#include "edge_agent_support.hpp"

#include "proto/codec.hpp"

#include <set>

using namespace adit;
using namespace adit_test;

namespace {

BindRequest pooled(std::string_view url) {
    BindRequest request = bind_request(url);
    request.extra.pooling_enabled = true;
    return request;
}

int refusal(RawAgent& agent, const BindRequest& request) {
    const auto response = agent.bind(request);
    return response ? 0 : response.error().code().value();
}

ErrorInfo set_pooling(RawAgent& agent, const BindResponse& bound, bool on) {
    return error_of(agent.call(RequestType::patch_tunnel_state, R"({"TunnelId":")" + bound.extra.tunnel_id +
                                                                    R"(","PoolingEnabled":)" + (on ? "true" : "false") + "}"));
}

/// A request on a new connection, answered by whichever of the agents gets it: its index.
std::size_t ask(AgentEdge& edge, const std::vector<RawAgent*>& agents) {
    NetVisitor visitor = NetVisitor::plain(edge.server.http_port());
    visitor.send("GET / HTTP/1.1\r\nHost: pool.localhost\r\n\r\n");
    for (;;) {
        for (std::size_t i = 0; i < agents.size(); ++i) {
            if (agents[i] == nullptr || !agents[i]->accepts_within(std::chrono::milliseconds(1))) continue;
            AgentStream stream = agents[i]->accept();
            stream.read_proxy_header();
            stream.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
            stream.finish();
            CHECK(visitor.answer().body == "ok");
            return i;
        }
    }
}

} // namespace

TEST_CASE("the members of a pool take turns, and one that is lost is skipped") {
    AgentEdge edge;
    std::vector<std::unique_ptr<RawAgent>> agents;
    std::vector<RawAgent*> members;
    for (int i = 0; i < 3; ++i) {
        agents.push_back(edge.login());
        members.push_back(agents.back().get());
        REQUIRE(members.back()->bind(pooled("http://pool.localhost")));
    }
    std::multiset<std::size_t> served;
    for (int i = 0; i < 9; ++i) served.insert(ask(edge, members));
    for (std::size_t i = 0; i < 3; ++i) CHECK(served.count(i) >= 2);

    members[1]->cut();
    edge.log->wait_for("is gone");
    members[1] = nullptr;
    served.clear();
    for (int i = 0; i < 6; ++i) served.insert(ask(edge, members));
    CHECK(served.count(0) >= 2);
    CHECK(served.count(2) >= 2);
}

TEST_CASE("a request that a member may have seen is not sent to another one") {
    AgentEdge edge;
    const auto one = edge.login();
    const auto two = edge.login();
    REQUIRE(one->bind(pooled("http://pool.localhost")));
    REQUIRE(two->bind(pooled("http://pool.localhost")));
    for (int i = 0; i < 4; ++i) {
        NetVisitor visitor = NetVisitor::plain(edge.server.http_port());
        visitor.send("GET / HTTP/1.1\r\nHost: pool.localhost\r\n\r\n");
        eventually([&] { return one->accepts_within(std::chrono::milliseconds(0)) || two->accepts_within(std::chrono::milliseconds(0)); });
        RawAgent& chosen = one->accepts_within(std::chrono::milliseconds(0)) ? *one : *two;
        RawAgent& other = &chosen == one.get() ? *two : *one;
        AgentStream stream = chosen.accept();
        stream.read_proxy_header();
        stream.reset();
        CHECK(visitor.answer().status == 502);
        CHECK_FALSE(other.accepts_within(std::chrono::milliseconds(0)));
    }
}

TEST_CASE("tcp connections are spread over a pool as well, one by one") {
    AgentEdge edge([](edge::ServerOptions& options) { options.tcp_ports(40'000, 44'000); });
    const auto one = edge.login();
    const auto two = edge.login();
    const auto first = one->bind(pooled("tcp://"));
    REQUIRE(first);
    REQUIRE(two->bind(pooled("tcp://localhost:" + std::to_string(port_of(first->url)))));
    std::vector<NetVisitor> visitors;
    for (int i = 0; i < 4; ++i) visitors.push_back(NetVisitor::plain(port_of(first->url)));
    for (int i = 0; i < 2; ++i) {
        one->accept().read_proxy_header();
        two->accept().read_proxy_header();
    }
}

TEST_CASE("X17: pooling is switched on while online, and off only while nobody shares") {
    AgentEdge edge;
    const auto one = edge.login();
    const auto two = edge.login();
    const BindResponse first = one->bind_url("https://pool.localhost");
    CHECK(refusal(*two, pooled("https://pool.localhost")) == 334);
    CHECK_FALSE(set_pooling(*one, first, true));
    CHECK_FALSE(set_pooling(*one, first, true)); // nothing to do
    REQUIRE(edge.server.endpoints().size() == 1);
    CHECK(edge.server.endpoints()[0].pooled);
    const auto second = two->bind(pooled("https://pool.localhost"));
    REQUIRE_MESSAGE(second, second.error().to_string());
    CHECK(set_pooling(*one, first, false).code() == ngrok_error(334));
    for (const auto& endpoint : edge.server.endpoints()) CHECK(endpoint.pooled);
    CHECK(edge.login("token-b")->bind(pooled("https://pool.localhost")).error().code() == ngrok_error(334));
    CHECK(two->call(RequestType::unbind, R"({"Id":")" + second->id + "\"}") == "{}");
    CHECK_FALSE(set_pooling(*one, first, false));
    REQUIRE(edge.server.endpoints().size() == 1);
    CHECK_FALSE(edge.server.endpoints()[0].pooled);
    CHECK(refusal(*two, pooled("https://pool.localhost")) == 334);
    CHECK(error_of(one->call(RequestType::patch_tunnel_state, R"({"TunnelId":"ep_x","PoolingEnabled":true})")).code() ==
          ngrok_error(333));
}

TEST_CASE("a registry that refuses a change of pooling leaves all as it was") {
    class Stubborn final : public edge::Registry {
    public:
        void claim(const edge::Claim&, std::function<void(ErrorInfo, edge::Lease)> done) override { done({}, {}); }
        void renew(const edge::Claim& claim, std::uint64_t, std::function<void(ErrorInfo, edge::Lease)> done) override {
            done(claim.pooled ? ErrorInfo(ngrok_error(743), "not now") : ErrorInfo(), {});
        }
        void release(const edge::Claim&, std::uint64_t) override {}
    };
    AgentEdge edge([](edge::ServerOptions& options) { options.registry(std::make_shared<Stubborn>()); });
    const auto agent = edge.login();
    const BindResponse bound = agent->bind_url("https://pool.localhost");
    CHECK(set_pooling(*agent, bound, true).code() == ngrok_error(743));
    REQUIRE(edge.server.endpoints().size() == 1);
    CHECK_FALSE(edge.server.endpoints()[0].pooled);
}

namespace {

/// Reads a request on this stream and answers it, so that the stream can be used again.
void answer(AgentStream& stream, std::string_view body) {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) head += stream.read(1);
    stream.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
}

} // namespace

TEST_CASE("the members of a pool take turns request by request, also on one connection of a visitor") {
    AgentEdge edge;
    const auto one = edge.login();
    const auto two = edge.login();
    REQUIRE(one->bind(pooled("http://pool.localhost")));
    REQUIRE(two->bind(pooled("http://pool.localhost")));
    NetVisitor visitor = NetVisitor::plain(edge.server.http_port());
    std::multiset<std::string> served;
    for (int i = 0; i < 6; ++i) {
        visitor.send("GET / HTTP/1.1\r\nHost: pool.localhost\r\n\r\n");
        const auto from = [](RawAgent& agent) { return agent.accepts_within(std::chrono::milliseconds(0)); };
        eventually([&] { return from(*one) || from(*two); });
        RawAgent& chosen = from(*one) ? *one : *two;
        AgentStream stream = chosen.accept();
        stream.read_proxy_header();
        answer(stream, &chosen == one.get() ? "one" : "two");
        served.insert(visitor.answer().body);
        stream.finish();
    }
    CHECK(served.count("one") >= 2);
    CHECK(served.count("two") >= 2);
}

TEST_CASE("a kept stream that dies under a request is replaced by one to the same member, never to another") {
    AgentEdge edge;
    const auto one = edge.login();
    REQUIRE(one->bind(pooled("http://pool.localhost")));
    NetVisitor visitor = NetVisitor::plain(edge.server.http_port());
    visitor.send("GET /1 HTTP/1.1\r\nHost: pool.localhost\r\n\r\n");
    AgentStream stream = one->accept();
    stream.read_proxy_header();
    answer(stream, "first");
    CHECK(visitor.answer().body == "first");
    visitor.send("GET /2 HTTP/1.1\r\nHost: pool.localhost\r\n\r\n");
    CHECK(stream.read(6) == "GET /2"); // it is seen
    const auto two = edge.login();
    REQUIRE(two->bind(pooled("http://pool.localhost")));
    SUBCASE("the agent is there") {
        stream.reset();
        AgentStream again = one->accept();
        again.read_proxy_header();
        answer(again, "second");
        CHECK(visitor.answer().body == "second");
    }
    SUBCASE("the agent is gone") {
        one->cut();
        CHECK(visitor.answer().status == 502);
    }
    CHECK_FALSE(two->accepts_within(std::chrono::milliseconds(0)));
}
