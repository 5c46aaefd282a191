// Which names and ports an endpoint may have: the options', the directory's, and those that no visitor reaches.
#include "edge_agent_support.hpp"

#include "proto/codec.hpp"

#include <adit/limits.hpp>

#include <algorithm>

using namespace adit;
using namespace adit_test;

namespace {

/// Any token is a credential "cr_TOKEN" of the account in front of its "-"; the domains of each are said here.
class Domains final : public edge::Directory {
public:
    void authenticate(const edge::AuthQuery& query, std::function<void(edge::AuthAnswer)> answer) override {
        edge::AuthAnswer result;
        result.credential = "cr_" + query.authtoken;
        result.account_id = "ac_" + query.authtoken.substr(0, query.authtoken.find('-'));
        answer(result);
    }
    void authorize(const edge::BindQuery& query, std::function<void(ErrorInfo)> answer) override {
        const std::lock_guard lock(mutex);
        asked.push_back(query);
        answer(ErrorInfo());
    }
    void authorize_custom_domain(const edge::BindQuery& query, std::function<void(ErrorInfo)> answer) override {
        const std::lock_guard lock(mutex);
        const bool owned = query.credential == "cr_a-1" && query.url.find(".example.net") != std::string::npos;
        answer(owned ? ErrorInfo() : ErrorInfo(ngrok_error(320), "the name belongs to another account"));
    }
    std::mutex mutex;
    std::vector<edge::BindQuery> asked;
};

} // namespace

TEST_CASE("a directory allows names of its own; without one they are refused by 319 and 307") {
    const auto directory = std::make_shared<Domains>();
    AgentEdge edge([&](edge::ServerOptions& options) { options.directory(directory).tcp_ports(40'000, 44'000); });
    const auto owner = edge.connect();
    owner->login("a-1");
    const auto other = edge.connect();
    other->login("b-1");
    for (const char* url : {"https://shop.example.net", "https://*.example.net", "http://shop.example.net"}) {
        CAPTURE(url);
        CHECK(other->bind_refusal(url) == 320);
        CHECK(owner->bind_refusal(url) == 0);
    }
    // A port is any that is free in the range; a custom name is one more name for it.
    std::uint16_t port = 40'000;
    const auto url = [&] { return "tcp://db.example.net:" + std::to_string(port); };
    for (int result = 334; result == 334; ++port) result = owner->bind_refusal(url());
    CHECK(other->bind_refusal(url()) == 320);
    CHECK(owner->bind_refusal("tcp://db.example.net:39999") == 307);
    {
        const std::lock_guard lock(directory->mutex);
        CHECK(directory->asked.empty()); // one of the two calls answers for a bind
    }
    NetVisitor visitor = NetVisitor::plain(edge.server.http_port());
    visitor.send("GET / HTTP/1.1\r\nHost: shop.example.net\r\n\r\n");
    CHECK(owner->accept().read_proxy_header().protocol == "http");

    AgentEdge plain([](edge::ServerOptions& options) { options.tcp_ports(40'000, 44'000); });
    const auto agent = plain.login();
    const auto refused = agent->bind(bind_request("https://shop.example.net"));
    CHECK(refused.error().code() == ngrok_error(319));
    CHECK(refused.error().detail().find("shop.example.net") != std::string::npos);
    CHECK(agent->bind_refusal("tcp://db.example.net:40000") == 307);
    CHECK(plain.server.endpoints().empty());
}

TEST_CASE("T30: tcp endpoints have ports of the range only, and never one that the edge itself listens on") {
    const auto free_port = [] { return port_of(AgentEdge().login()->bind_url("tcp://").url); };
    for (const char* which : {"agent", "https", "http"}) {
        CAPTURE(which);
        const std::uint16_t port = free_port();
        // The edge listens on another address of this machine than its tcp endpoints: the system would allow both.
        AgentEdge edge([&](edge::ServerOptions& options) {
            const std::string address = "127.0.0.2:" + std::to_string(port);
            if (which == std::string("agent")) options.agent_address("0.0.0.0:" + std::to_string(port)).tcp_host("127.0.0.3");
            if (which == std::string("https")) options.https_address(address);
            if (which == std::string("http")) options.http_address(address);
            options.tcp_ports(port, port);
        });
        const auto agent = edge.login();
        CHECK(agent->bind_refusal("tcp://localhost:" + std::to_string(port)) == 307);
        CHECK(agent->bind_refusal("tcp://") == 334); // the range is used up
        CHECK(agent->bind_refusal("tcp://localhost:" + std::to_string(port + 1)) == 307);
        CHECK(agent->bind_refusal("tcp://localhost:22") == 307);
    }
}

TEST_CASE("internal endpoints come online for all four schemes, and no visitor reaches them by Host or SNI") {
    const auto directory = std::make_shared<Domains>();
    AgentEdge edge([&](edge::ServerOptions& options) { options.directory(directory); });
    const auto agent = edge.connect();
    agent->login("a-1");
    const std::vector<std::string> urls = {"https://db.internal", "http://db.internal:8080", "tls://db.internal:8443",
                                           "tcp://db.internal:5432", "https://*.all.internal:1"};
    for (const std::string& url : urls) CHECK(agent->bind_url(url).url == url);
    BindRequest said = bind_request("http://said.internal");
    said.extra.bindings = {"internal"};
    CHECK(agent->bind(said)->url == "http://said.internal");
    CHECK(edge.server.endpoints().size() == urls.size() + 1);
    CHECK(std::ranges::all_of(edge.server.endpoints(), &edge::EndpointView::internal));
    {
        const std::lock_guard lock(directory->mutex);
        CHECK(directory->asked.size() == urls.size() + 1); // an ACL sees them like any other name
        CHECK(std::ranges::all_of(directory->asked, &edge::BindQuery::internal));
    }
    CHECK(agent->bind_refusal("https://db.internal") == 334);
    CHECK(agent->bind_refusal("https://a.b.c.d.e.internal") == 9031);
    CHECK(agent->bind_refusal("https://a.internal:0") == 9030);

    for (const char* host : {"db.internal", "db.internal:8080", "DB.internal.", "x.all.internal", "said.internal"}) {
        CAPTURE(host);
        CHECK(NetVisitor::plain(edge.server.http_port()).get("/", host).status == 404);
        NetVisitor secure = NetVisitor::tls(edge.server.https_port(), TlsOptions("127.0.0.1", edge.server.ca_pem()));
        CHECK(secure.get("/", host).status == 404);
    }
    // By SNI the edge's own certificate comes, which is not for that name: no tls endpoint passes the handshake on.
    for (const char* name : {"db.internal", "x.all.internal"}) {
        CHECK_FALSE(NetVisitor::tls_failure(edge.server.https_port(), TlsOptions(name, edge.server.ca_pem())).empty());
    }
    CHECK_FALSE(agent->accepts_within(std::chrono::milliseconds(0)));

    // Another account has names of its own, another credential of this one has not.
    const auto stranger = edge.connect();
    stranger->login("b-1");
    CHECK(stranger->bind_refusal("https://db.internal") == 0);
    const auto colleague = edge.connect();
    colleague->login("a-2");
    CHECK(colleague->bind_refusal("https://db.internal") == 334);
    agent->close();
    agent->wait_closed();
    eventually([&] { return edge.server.endpoints().size() == 1; });
    CHECK(colleague->bind_refusal("tcp://db.internal:5432") == 0);
}

TEST_CASE("an internal endpoint comes back with its token: the same URL, port and id") {
    AgentEdge edge;
    BindResponse former;
    {
        const auto agent = edge.login();
        former = agent->bind_url("tcp://db.internal:5432");
    }
    edge.log->wait_for("is gone");
    const auto agent = edge.login();
    BindRequest request = bind_request("tcp://");
    request.id = former.id;
    request.extra.token = former.extra.token;
    const auto again = agent->bind(request);
    REQUIRE_MESSAGE(again, again.error().to_string());
    CHECK(again->url == "tcp://db.internal:5432");
    CHECK(again->extra.tunnel_id == former.extra.tunnel_id);
    CHECK(std::get<TcpOpts>(again->opts).addr == "db.internal:5432");
}

TEST_CASE("T30: an application that sends what it gets to the edge again is ended with 508, not by the edge's limits") {
    AgentEdge edge;
    const auto agent = edge.login();
    agent->bind_url("http://loop.localhost");
    NetVisitor visitor = NetVisitor::plain(edge.server.http_port());
    visitor.send("GET / HTTP/1.1\r\nHost: loop.localhost\r\n\r\n");
    std::vector<std::pair<AgentStream, NetVisitor>> circle;
    HttpAnswer last;
    while (last.status == 0 && circle.size() < 50) {
        AgentStream stream = agent->accept();
        stream.read_proxy_header();
        std::string head;
        while (!head.ends_with("\r\n\r\n")) head += stream.read(1);
        circle.emplace_back(std::move(stream), NetVisitor::plain(edge.server.http_port()));
        circle.back().second.send(head);
        const auto answered = [&] { return circle.back().second.readable_within(std::chrono::milliseconds(0)); };
        eventually([&] { return answered() || agent->accepts_within(std::chrono::milliseconds(0)); });
        if (answered()) last = circle.back().second.answer();
    }
    CHECK(last.status == 508);
    CHECK(circle.size() == limits::edge_hops_max);
    CHECK_FALSE(agent->accepts_within(std::chrono::milliseconds(0)));
}
