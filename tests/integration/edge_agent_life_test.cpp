// Connections down to the agent, commands, loss, draining and stopping.
#include "edge_agent_support.hpp"

#include "muxado/frame.hpp"
#include "proto/codec.hpp"
#include "proto/proxy_protocol.hpp"
#include "tls/certificate_authority.hpp"

#include <adit/limits.hpp>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <mutex>

using namespace adit;
using namespace adit_test;

namespace {

AuthRequest with_commands() {
    AuthRequest request = auth_request("token-a");
    request.extra.stop_unsupported_error = "";
    request.extra.restart_unsupported_error = "";
    request.extra.update_unsupported_error = "";
    return request;
}

std::string session_of(const AgentEdge& edge) {
    const auto sessions = edge.server.sessions();
    REQUIRE(sessions.size() == 1);
    return sessions[0].id;
}

void allow_many_files() {
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/// A frame as an agent of its own making would write it.
std::string data_frame(std::uint32_t stream, int flags, std::string_view body) {
    std::string frame(8, '\0');
    frame[0] = static_cast<char>(body.size() >> 16);
    frame[1] = static_cast<char>(body.size() >> 8);
    frame[2] = static_cast<char>(body.size());
    frame[3] = static_cast<char>(0x10 | flags);
    put_u32_be(reinterpret_cast<std::uint8_t*>(frame.data()) + 4, stream);
    return frame.append(body);
}

} // namespace

TEST_CASE("a visitor's bytes arrive behind type, header and PROXY header, and go back") {
    AgentEdge edge;
    const auto agent = edge.login();
    for (const int version : {0, 1, 2}) {
        CAPTURE(version);
        BindRequest request = bind_request("tcp://");
        std::get<TcpOpts>(request.opts).proxy_proto = static_cast<ProxyProtocolVersion>(version);
        const auto bound = agent->bind(request);
        REQUIRE(bound);
        NetVisitor visitor = NetVisitor::plain(port_of(bound->url));
        visitor.send("hello");
        AgentStream stream = agent->accept();
        CHECK(stream.type() == 3);
        const ProxyHeader header = stream.read_proxy_header();
        CHECK(header.id == bound->id);
        CHECK(header.client_addr == visitor.address());
        CHECK(header.protocol == "tcp");
        CHECK(header.edge_type == EdgeType::undefined);
        CHECK_FALSE(header.passthrough_tls);
        ProxiedEnds ends;
        ends.source = *IpEndpoint::parse(visitor.address());
        ends.destination = *IpEndpoint::parse("127.0.0.1:" + std::to_string(port_of(bound->url)));
        const std::string proxy = encode_proxy_protocol(static_cast<ProxyProtocolVersion>(version), ends);
        CHECK(stream.read(proxy.size()) == proxy);
        CHECK(stream.read(5) == "hello");
        stream.write("world");
        stream.finish();
        CHECK(visitor.read_all() == "world");
    }
}

TEST_CASE("labelled binds are told what kind of edge the visitor used") {
    AgentEdge edge([](edge::ServerOptions& options) {
        options.route_labels("tls://raw.localhost", {{"kind", "tls"}});
    });
    const auto agent = edge.login();
    const auto bound = decode_start_tunnel_with_label_response(
        agent->call(RequestType::start_tunnel_with_label, R"({"Labels":{"kind":"tls"}})"));
    REQUIRE(bound);
    // Nothing ends TLS here: the handshake stays open, the agent has its first bytes.
    const auto failure = std::async(std::launch::async, [&] {
        return NetVisitor::tls_failure(edge.server.https_port(), TlsOptions("raw.localhost", edge.server.ca_pem()));
    });
    {
        AgentStream stream = agent->accept();
        const ProxyHeader header = stream.read_proxy_header();
        CHECK(header.id == bound->id);
        CHECK(header.edge_type == EdgeType::tls);
        CHECK(header.passthrough_tls);
        CHECK(header.protocol == "tls");
        CHECK(stream.read(1) == "\x16");
        stream.reset();
    }
    failure.wait();
}

TEST_CASE("at the cap of streams a visitor waits, gets the next free one, or is refused after 2 s") {
    allow_many_files();
    AgentEdge edge;
    const auto agent = edge.login();
    const std::uint16_t port = port_of(agent->bind_url("tcp://").url);
    constexpr std::size_t room = limits::streams_per_session - 5; // heartbeat, and what is kept for calls
    std::vector<NetVisitor> visitors;
    std::vector<AgentStream> streams;
    for (std::size_t i = 0; i < room; ++i) {
        visitors.push_back(NetVisitor::plain(port));
        streams.push_back(agent->accept());
    }
    CHECK(edge.server.sessions()[0].streams <= limits::streams_per_session);
    CHECK_FALSE(agent->accepts_within(std::chrono::milliseconds(0)));

    NetVisitor waiting = NetVisitor::plain(port);
    waiting.send("x");
    NetVisitor behind = NetVisitor::plain(port);
    CHECK_FALSE(agent->accepts_within(std::chrono::milliseconds(200)));
    visitors[0].close();
    streams[0].read_end();
    streams[0].finish();
    AgentStream next = agent->accept();
    next.read_proxy_header();
    CHECK(next.read(1) == "x");
    CHECK(behind.read_all().empty()); // nothing became free in time
    CHECK_FALSE(agent->accepts_within(std::chrono::milliseconds(0)));
    // Calls of the agent still get through.
    CHECK(agent->call(RequestType::unbind, R"({"Id":"x"})") == "{}");
}

TEST_CASE("an agent that is gone takes its endpoints and its visitors' streams with it") {
    AgentEdge edge;
    const auto agent = edge.login();
    agent->bind_url("https://mine.localhost");
    const std::uint16_t port = port_of(agent->bind_url("tcp://").url);
    NetVisitor visitor = NetVisitor::plain(port);
    visitor.send("hello");
    AgentStream stream = agent->accept();
    stream.read_proxy_header();
    CHECK(stream.read(5) == "hello");
    agent->cut();
    visitor.read_all();
    edge.log->wait_for("is gone");
    CHECK(edge.server.endpoints().empty());
    CHECK(edge.server.sessions().empty());
    CHECK(edge.login("token-b")->bind_refusal("https://mine.localhost") == 0);
}

TEST_CASE("an agent that says goodbye is gone as well") {
    AgentEdge edge;
    const auto agent = edge.login();
    agent->bind_url("https://mine.localhost");
    agent->close();
    edge.log->wait_for("is gone");
    CHECK(edge.server.endpoints().empty());
}

TEST_CASE("the edge measures the latency of its agents, and drops one that is wedged") {
    AgentEdge edge([](edge::ServerOptions& options) {
        options.heartbeat(std::chrono::milliseconds(50), std::chrono::milliseconds(150));
    });
    const auto agent = edge.login();
    eventually([&] { return edge.server.sessions()[0].latency.count() > 0; });

    NetVisitor wedged = edge.tls_to_agents(); // authenticates and answers nothing from then on
    const std::string json = encode(auth_request("token-b"));
    wedged.send(data_frame(3, 2, std::string(4, '\0')) + data_frame(3, 0, json));
    wedged.read_until("cl_");
    wedged.read_all();
    edge.log->wait_for("is gone");
    CHECK_FALSE(agent->is_closed());
    CHECK(edge.server.sessions().size() == 1);
}

// --- commands

TEST_CASE("commands reach an agent that supports them, and its answer comes back") {
    AgentEdge edge;
    const auto agent = edge.connect();
    REQUIRE(agent->auth(with_commands()));
    const std::string id = session_of(edge);
    struct Row {
        RequestType type;
        std::function<ErrorInfo()> call;
        const char* request;
    };
    const Row rows[] = {
        {RequestType::stop, [&] { return edge.server.stop_agent(id); }, "{}"},
        {RequestType::restart, [&] { return edge.server.restart_agent(id); }, "{}"},
        {RequestType::update, [&] { return edge.server.update_agent(id, "3.1", true); },
         R"({"Version":"3.1","PermitMajorVersion":true})"},
    };
    for (const Row& row : rows) {
        for (const bool refuse : {false, true}) {
            auto answer = std::async(std::launch::async, row.call);
            AgentStream stream = agent->accept();
            CHECK(stream.type() == static_cast<std::uint32_t>(row.type));
            CHECK(stream.read_json() == row.request);
            stream.write(refuse ? R"({"Error":"not now"})" : R"({"Error":""})");
            // As a Go agent: no FIN. The edge ends the stream itself.
            stream.read_end();
            const ErrorInfo error = answer.get();
            CHECK(error.code() == (refuse ? make_error_code(errc::unavailable) : std::error_code()));
            if (refuse) CHECK(error.detail() == "not now");
        }
    }
}

TEST_CASE("an agent without a handler is not asked") {
    AgentEdge edge;
    const auto agent = edge.login(); // says "unsupported" as official SDKs do
    const ErrorInfo error = edge.server.stop_agent(session_of(edge));
    CHECK(error.code() == errc::unavailable);
    CHECK(error.detail() == command_unsupported);
    CHECK_FALSE(agent->accepts_within(std::chrono::milliseconds(0)));
    for (const ErrorInfo& unknown : {edge.server.restart_agent("ts_x"), edge.server.disconnect("ts_x"),
                                     edge.server.stop_endpoint("ep_x", "", 0)}) {
        CHECK(unknown.code() == ngrok_error(333));
    }
}

TEST_CASE("an agent that goes while a command waits ends the waiting") {
    AgentEdge edge;
    const auto agent = edge.connect();
    REQUIRE(agent->auth(with_commands()));
    auto answer = std::async(std::launch::async, [&, id = session_of(edge)] { return edge.server.stop_agent(id); });
    agent->accept().read_json();
    agent->cut();
    CHECK(answer.get());
}

TEST_CASE("a stopped endpoint is offline at once, and its agent is told why") {
    AgentEdge edge;
    const auto agent = edge.login();
    const BindResponse bound = agent->bind_url("https://mine.localhost");
    CHECK_FALSE(edge.server.stop_endpoint(bound.extra.tunnel_id, "enough", 8014));
    CHECK(edge.server.endpoints().empty());
    AgentStream stream = agent->accept();
    CHECK(stream.type() == 9);
    const auto request = decode_stop_tunnel_request(stream.read_json());
    REQUIRE(request);
    CHECK(request->id == bound.id);
    CHECK(request->message == "enough");
    CHECK(request->error_code == "ERR_NGROK_8014");
    CHECK(stream.read_end() == asio::error::eof);
    CHECK(agent->bind_url("https://mine.localhost").url == bound.url); // it may bind again
}

TEST_CASE("a stopped URL of a labelled bind takes the others with it, for the agent is told of the bind") {
    AgentEdge edge([](edge::ServerOptions& options) {
        options.route_labels("https://one.localhost", {{"app", "shop"}});
        options.route_labels("https://two.localhost", {{"app", "shop"}});
    });
    const auto agent = edge.login();
    const auto bound = decode_start_tunnel_with_label_response(
        agent->call(RequestType::start_tunnel_with_label, R"({"Labels":{"app":"shop"}})"));
    REQUIRE(bound);
    agent->bind_url("https://other.localhost");
    for (const auto& endpoint : edge.server.endpoints()) {
        if (endpoint.url == edge.https_url("one")) CHECK_FALSE(edge.server.stop_endpoint(endpoint.id, "enough", 0));
    }
    CHECK(edge.urls() == std::vector{edge.https_url("other")});
    const auto request = decode_stop_tunnel_request(agent->accept().read_json());
    REQUIRE(request);
    CHECK(request->id == bound->id);
    CHECK_FALSE(agent->accepts_within(std::chrono::milliseconds(100))); // told once
}

TEST_CASE("an operator can drop an agent, which may come back") {
    AgentEdge edge;
    const auto agent = edge.connect();
    const AuthResponse known = agent->login("token-a");
    CHECK_FALSE(edge.server.disconnect(session_of(edge)));
    agent->wait_closed();
    CHECK(edge.connect()->login_again("token-a", known).client_id == known.client_id);
}

// --- starting, draining, stopping

TEST_CASE("draining refuses the new and lets the old finish") {
    AgentEdge edge;
    const auto agent = edge.login();
    const auto late = edge.connect();
    const std::uint16_t port = port_of(agent->bind_url("tcp://").url);
    NetVisitor visitor = NetVisitor::plain(port);
    visitor.send("hello");
    AgentStream stream = agent->accept();
    stream.read_proxy_header();
    CHECK(stream.read(5) == "hello");
    auto drained = std::async(std::launch::async, [&] { edge.server.drain(std::chrono::seconds(20)); });
    int refusal = 0; // from the moment the edge drains
    eventually([&] { return (refusal = agent->bind_refusal("https://")) != 0; });
    CHECK(refusal == 742);
    CHECK(late->auth(auth_request("token-b")).error().code() == ngrok_error(742));
    stream.write("still here");
    stream.finish();
    CHECK(visitor.read_all() == "still here");
    visitor.close();
    CHECK(drained.wait_for(std::chrono::seconds(15)) == std::future_status::ready);
    CHECK_FALSE(edge.server.running());
    agent->wait_closed();
}

TEST_CASE("draining ends in time, also with a visitor that stays") {
    AgentEdge edge;
    const auto agent = edge.login();
    NetVisitor visitor = NetVisitor::plain(port_of(agent->bind_url("tcp://").url));
    agent->accept();
    edge.server.drain(std::chrono::milliseconds(50));
    CHECK_FALSE(edge.server.running());
    visitor.read_all();
    agent->wait_closed();
    edge.server.drain(std::chrono::milliseconds(50)); // nothing left to do
}

TEST_CASE("agents are told goodbye also when a drain used up its time") {
    AgentEdge edge;
    const auto agent = edge.login();
    const std::uint16_t port = port_of(agent->bind_url("tcp://").url);
    NetVisitor visitor = NetVisitor::plain(port);
    visitor.send("hello");
    AgentStream stream = agent->accept();
    stream.read_proxy_header();
    CHECK(stream.read(5) == "hello");
    // A second agent, whose bytes we see ourselves.
    NetVisitor raw = edge.tls_to_agents();
    raw.send(data_frame(3, 2, std::string(4, '\0')) + data_frame(3, 0, encode(auth_request("token-b"))));
    raw.read_until("cl_");
    edge.server.drain(std::chrono::milliseconds(50));
    const std::string rest = raw.read_all();
    CHECK_FALSE(raw.cut()); // close_notify
    REQUIRE(rest.size() >= 16);
    const std::string goaway = rest.substr(rest.size() - 16); // last stream and code; no debug text
    CHECK(goaway.substr(0, 4) == std::string("\0\0\x08\x30", 4));
    CHECK(goaway.substr(12) == std::string(4, '\0'));
    CHECK(stream.read_end() != std::error_code());
    agent->wait_closed();
}

TEST_CASE("a stopped edge answers every call by an error") {
    AgentEdge edge;
    const auto agent = edge.login();
    const std::string id = session_of(edge);
    edge.server.stop();
    edge.server.stop();
    agent->wait_closed();
    CHECK_FALSE(edge.server.running());
    CHECK(edge.server.sessions().empty());
    CHECK(edge.server.endpoints().empty());
    CHECK(edge.server.stop_agent(id).code() == errc::unavailable);
    CHECK(edge.server.disconnect(id).code() == errc::unavailable);
    CHECK(edge.server.reload_authtokens({}).code() == errc::unavailable);
    const edge::Server none;
    CHECK_FALSE(none.running());
    CHECK(none.agent_port() == 0);
    CHECK(none.sessions().empty());
}

TEST_CASE("several threads serve the same ports, and agents reach visitors of any of them") {
    AgentEdge edge([](edge::ServerOptions& options) { options.threads(4); });
    std::vector<std::unique_ptr<RawAgent>> agents;
    for (int i = 0; i < 8; ++i) agents.push_back(edge.login());
    CHECK(edge.server.sessions().size() == 8);
    for (const auto& agent : agents) {
        NetVisitor visitor = NetVisitor::plain(port_of(agent->bind_url("tcp://").url));
        visitor.send("hello");
        AgentStream stream = agent->accept();
        stream.read_proxy_header();
        CHECK(stream.read(5) == "hello");
        const std::string name = "n" + std::to_string(&agent - agents.data());
        agent->bind_url("https://" + name + ".localhost");
        for (int i = 0; i < 4; ++i) {
            NetVisitor web = NetVisitor::tls(edge.server.https_port(), TlsOptions(name + ".localhost", edge.server.ca_pem()));
            web.send("GET / HTTP/1.1\r\nHost: " + name + ".localhost\r\n\r\n");
            AgentStream request = agent->accept();
            CHECK(request.read_proxy_header().protocol == "https");
            CHECK(request.read(5) == "GET /");
            request.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            CHECK(web.answer().body == "ok");
        }
    }
}

TEST_CASE("what cannot be started says why") {
    AgentEdge taken;
    ErrorInfo error;
    edge::ServerOptions options;
    const std::string address = "127.0.0.1:" + std::to_string(taken.server.agent_port());
    CHECK_FALSE(edge::Server::start(edge::ServerOptions().http_address(address), error).running());
    CHECK(error.code() == std::errc::address_in_use);
    CHECK(error.message().find(address) != std::string::npos);
    CHECK_THROWS_AS(edge::Server::start(edge::ServerOptions().tcp_host("x")), SystemError);
    CHECK_FALSE(edge::Server::start(edge::ServerOptions().certificate("no PEM", "no PEM"), error).running());
    CHECK(error.code() == errc::invalid_option);
    CHECK(error.detail() == "certificate");
    CHECK_FALSE(edge::Server::start(edge::ServerOptions().authtoken("bad token"), error).running());
    CHECK(error.detail() == "authtoken");
    CHECK_FALSE(edge::Server::start(edge::ServerOptions().listen_fd("agent", 0), error).running());
    CHECK(error.detail() == "listen_fd");
}

TEST_CASE("a socket that somebody else made is used for agents") {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(fd, 16) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    AgentEdge edge([&](edge::ServerOptions& options) { options.listen_fd("agent", fd).threads(2); });
    CHECK(edge.server.agent_port() == ntohs(address.sin_port));
    for (int i = 0; i < 8; ++i) CHECK(edge.login()->bind_url("https://").url.starts_with("https://"));
}

TEST_CASE("the CA that was given signs, so that it survives a restart; a certificate is replaced while running") {
    const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto authority = tls::CertificateAuthority::create("kept", now);
    AgentEdge edge([&](edge::ServerOptions& options) {
        options.certificate_authority(authority->certificate_pem(), authority->key_pem());
    });
    CHECK(edge.server.ca_pem() == authority->certificate_pem());
    const auto agent = edge.login();
    const TlsOptions localhost("x.localhost", authority->certificate_pem());
    const std::string before = NetVisitor::tls(edge.server.https_port(), localhost).peer_fingerprint();
    const auto leaf = authority->issue_server({"x.localhost", "127.0.0.1"}, now);
    CHECK(edge.server.reload_certificate("no", "PEM").detail() == "certificate");
    CHECK_FALSE(edge.server.reload_certificate(leaf->certificate_pem, leaf->key_pem));
    const std::string after = NetVisitor::tls(edge.server.https_port(), localhost).peer_fingerprint();
    CHECK(after != before);
    CHECK(after == tls::read_certificate(leaf->certificate_pem)->fingerprint);
    CHECK(edge.login()->bind_url("https://").url.starts_with("https://"));
    CHECK(agent->bind_url("https://").url.starts_with("https://"));

    // Certificate and tokens together, or neither of them.
    const auto next = authority->issue_server({"x.localhost", "127.0.0.1"}, now);
    CHECK(edge.server.reload("no", "PEM", {{"token-new", "cr_new"}}).detail() == "certificate");
    CHECK(edge.server.reload(next->certificate_pem, next->key_pem, {{"bad token", ""}}).detail() == "authtoken");
    CHECK(NetVisitor::tls(edge.server.https_port(), localhost).peer_fingerprint() == after);
    CHECK(edge.connect()->auth(auth_request("token-new")).error().code() == ngrok_error(107));
    CHECK_FALSE(edge.server.reload(next->certificate_pem, next->key_pem, {{"token-new", "cr_new"}}));
    CHECK(NetVisitor::tls(edge.server.https_port(), localhost).peer_fingerprint() != after);
    CHECK(edge.connect()->auth(auth_request("token-new")));
    CHECK(edge.connect()->auth(auth_request("token-a")).error().code() == ngrok_error(107));
}

namespace {

/// Leases of one second. The second renewal of a URL with "lost" in it is refused, and so is every claim of "taken".
class Leases final : public edge::Registry {
public:
    void claim(const edge::Claim& claim, std::function<void(ErrorInfo, edge::Lease)> done) override {
        {
            const std::lock_guard lock(mutex);
            claims.push_back(claim);
        }
        const bool bad = claim.url.find("taken") != std::string::npos;
        done(bad ? ErrorInfo(ngrok_error(334), "elsewhere in the cluster") : ErrorInfo(), lease(1));
    }
    void renew(const edge::Claim& claim, std::uint64_t epoch, std::function<void(ErrorInfo, edge::Lease)> done) override {
        const bool lost = ++renewals > 1 && claim.url.find("lost") != std::string::npos;
        done(lost ? ErrorInfo(ngrok_error(334)) : ErrorInfo(), lease(epoch));
    }
    void release(const edge::Claim&, std::uint64_t) override { ++releases; }

    std::atomic<int> renewals{0};
    std::atomic<int> releases{0};
    std::mutex mutex;
    std::vector<edge::Claim> claims;

private:
    static edge::Lease lease(std::uint64_t epoch) {
        edge::Lease lease;
        lease.epoch = epoch;
        lease.time = std::chrono::seconds(1);
        return lease;
    }
};

} // namespace

TEST_CASE("a registry with leases is renewed, and an endpoint whose lease is lost goes offline") {
    const auto registry = std::make_shared<Leases>();
    AgentEdge edge([&](edge::ServerOptions& options) { options.registry(registry); });
    const auto agent = edge.login();
    CHECK(agent->bind_refusal("https://taken.localhost") == 334);
    CHECK(registry->releases == 0);
    agent->bind_url("https://lost.localhost");
    edge.log->wait_for("the lease of");
    edge.log->wait_for("offline");
    CHECK(registry->renewals == 2);
    CHECK(registry->releases == 1);
    CHECK(edge.server.endpoints().empty());
    CHECK_FALSE(agent->is_closed());
}

TEST_CASE("an endpoint that was changed while online keeps its lease, and goes offline when that is lost") {
    const auto registry = std::make_shared<Leases>();
    AgentEdge edge([&](edge::ServerOptions& options) { options.registry(registry); });
    const auto agent = edge.login();
    const BindResponse bound = agent->bind_url("https://lost.localhost");
    CHECK_FALSE(error_of(agent->call(RequestType::patch_tunnel_state,
                                     R"({"TunnelId":")" + bound.extra.tunnel_id + R"(","Metadata":"new"})")));
    REQUIRE(edge.server.endpoints().size() == 1);
    CHECK(edge.server.endpoints()[0].metadata == "new");
    edge.log->wait_for("the lease of");
    edge.log->wait_for("offline");
    CHECK(registry->renewals == 2);
    CHECK(registry->releases == 1);
    CHECK(edge.server.endpoints().empty());
}

TEST_CASE("claims exclude each other across nodes where one node would: https and tls of a host, one tcp port") {
    const auto registry = std::make_shared<Leases>();
    AgentEdge edge([&](edge::ServerOptions& options) { options.registry(registry); });
    const auto agent = edge.login();
    agent->bind_url("https://a.localhost");
    agent->bind_url("tls://b.localhost");
    agent->bind_url("http://c.localhost");
    const std::string port = std::to_string(port_of(agent->bind_url("tcp://").url));
    const std::lock_guard lock(registry->mutex);
    std::vector<std::pair<std::string, std::string>> seen;
    for (const auto& claim : registry->claims) seen.emplace_back(claim.url, claim.key);
    CHECK(seen == std::vector<std::pair<std::string, std::string>>{
                      {"https://a.localhost", "https://a.localhost"},
                      {"tls://b.localhost", "https://b.localhost"},
                      {"http://c.localhost", "http://c.localhost"},
                      {"tcp://localhost:" + port, "tcp://localhost:" + port}});

    // Two nodes with one registry.
    const auto shared = edge::Registry::in_memory();
    const auto with_shared = [&](edge::ServerOptions& options) { options.registry(shared); };
    AgentEdge one(with_shared);
    AgentEdge two(with_shared);
    const auto here = one.login();
    const auto there = two.login();
    here->bind_url("https://mine.localhost");
    CHECK(there->bind_refusal("tls://mine.localhost") == 334);
    CHECK(there->bind_refusal("https://mine.localhost") == 334);
    CHECK(there->bind_refusal("http://mine.localhost") == 0);
}
