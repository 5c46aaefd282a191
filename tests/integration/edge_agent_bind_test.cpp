// What comes online, under which URL, and what is refused.
#include "edge_agent_support.hpp"

#include "proto/codec.hpp"
#include "tls/certificate_authority.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <set>

using namespace adit;
using namespace adit_test;

namespace {

BindRequest rebind(const BindResponse& former) {
    BindRequest request;
    request.protocol = former.protocol;
    request.id = former.id;
    request.extra.token = former.extra.token;
    request.opts = former.opts;
    return request;
}

std::string host_of(const std::string& url) {
    const std::size_t start = url.find("://") + 3;
    return url.substr(start, url.rfind(':') - start);
}

/// Two legs of one agent.
class Legs {
public:
    explicit Legs(AgentEdge& edge) : first(edge.connect()), known(first->login("token-a")), second(edge.connect()) {
        REQUIRE(second->auth(as_second()));
    }
    AuthRequest as_second() const {
        AuthRequest request = auth_request("token-a");
        request.client_id = known.client_id;
        request.extra.cookie = known.extra.cookie;
        request.extra.leg_number = 1;
        return request;
    }
    /// On both, which must succeed.
    BindResponse bind(std::string_view url) const {
        BindResponse bound = first->bind_url(url);
        const auto shared = second->bind(rebind(bound));
        REQUIRE_MESSAGE(shared, shared.error().to_string());
        CHECK(shared->url == bound.url);
        CHECK(shared->extra.tunnel_id == bound.extra.tunnel_id);
        return bound;
    }

    std::unique_ptr<RawAgent> first;
    AuthResponse known;
    std::unique_ptr<RawAgent> second;
};

std::string labeled(std::string_view labels) { return R"({"Labels":)" + std::string(labels) + R"(,"ForwardsTo":"x"})"; }

} // namespace

TEST_CASE("chosen and random names of all protocols, with the port that visitors type") {
    AgentEdge edge;
    const auto agent = edge.login();
    CHECK(agent->bind_url("https://one.localhost").url == edge.https_url("one"));
    CHECK(agent->bind_url("http://one.localhost").url ==
          "http://one.localhost:" + std::to_string(edge.server.http_port()));
    CHECK(agent->bind_url("tls://two.localhost").url == "tls://two.localhost:" + std::to_string(edge.server.https_port()));
    std::set<std::string> random;
    for (const char* url : {"https://", "http://", "tls://", "tcp://", "tcp://"}) {
        const std::string got = agent->bind_url(url).url;
        CHECK(got.starts_with(url));
        CHECK(random.insert(got).second);
    }
    CHECK(edge.server.endpoints().size() == 8);
}

TEST_CASE("public ports that are the schemes' own do not show") {
    AgentEdge edge([](edge::ServerOptions& options) { options.public_ports(443, 80); });
    const auto agent = edge.login();
    CHECK(agent->bind_url("https://one.localhost").url == "https://one.localhost");
    CHECK(agent->bind_url("http://one.localhost:80").url == "http://one.localhost");
}

TEST_CASE("the answer to a bind has every member that a Rust agent requires") {
    AgentEdge edge;
    const auto agent = edge.login();
    const auto has = [&](std::string_view url, std::initializer_list<const char*> members) {
        const std::string text = agent->call(RequestType::bind, encode(bind_request(url)));
        for (const char* member : members) {
            CAPTURE(text);
            CHECK(text.find("\"" + std::string(member) + "\":") != std::string::npos);
        }
    };
    has("https://", {"Id", "URL", "Proto", "Opts", "Extra", "Token", "TunnelID", "Hostname", "Auth", "Subdomain",
                     "HostHeaderRewrite", "ProxyProto"});
    has("tcp://", {"Id", "URL", "Proto", "Opts", "Extra", "Token", "Addr", "ProxyProto"});
    has("tls://", {"Id", "URL", "Proto", "Opts", "Extra", "Token", "Hostname", "Subdomain", "ProxyProto",
                   "MutualTLSAtAgent"});
}

TEST_CASE("a URL that is online is refused by 334, whoever asks, and is free once it is unbound") {
    AgentEdge edge;
    const auto one = edge.login();
    const auto two = edge.login("token-b");
    const BindResponse bound = one->bind_url("https://mine.localhost");
    const auto refused = two->bind(bind_request("https://mine.localhost"));
    CHECK(refused.error().code() == ngrok_error(334));
    CHECK(refused.error().detail().find("https://mine.localhost") != std::string::npos);
    CHECK(one->bind_refusal("https://mine.localhost") == 334);
    CHECK(two->bind_refusal("tls://mine.localhost") == 334); // the same port
    CHECK(two->bind_refusal("http://mine.localhost") == 0);

    CHECK_FALSE(error_of(one->call(RequestType::unbind, R"({"Id":")" + bound.id + "\"}")));
    CHECK(two->bind_url("https://mine.localhost").url == bound.url);
}

TEST_CASE("a tcp port that is online is refused by 334") {
    std::uint16_t free = 0; // most likely also a moment later, when it is the whole range
    {
        AgentEdge edge;
        free = port_of(edge.login()->bind_url("tcp://").url);
    }
    AgentEdge edge([free](edge::ServerOptions& options) { options.tcp_ports(free, free); });
    const auto one = edge.login();
    CHECK(port_of(one->bind_url("tcp://").url) == free);
    const auto two = edge.login("token-b");
    CHECK(two->bind_refusal("tcp://localhost:" + std::to_string(free)) == 334);
    CHECK(two->bind_refusal("tcp://") == 334);
}

TEST_CASE("names of others are refused: 319, 307, and the syntax by its own numbers") {
    AgentEdge edge([](edge::ServerOptions& options) {
        options.allow_domain("app.example.org").tcp_ports(40'000, 40'001);
    });
    const auto agent = edge.login();
    CHECK(agent->bind_refusal("https://app.example.net") == 319);
    CHECK(agent->bind_refusal("https://app.example.org") == 0);
    CHECK(agent->bind_refusal("https://-x.localhost") == 330);
    CHECK(agent->bind_refusal("https://x.localhost/path") == 9037);
    CHECK(agent->bind_refusal("https://x.localhost:1") == 9035);
    CHECK(agent->bind_refusal("tcp://localhost:39999") == 307);
    CHECK(error_of(agent->call(RequestType::bind, R"({"Proto":"ssh","Opts":{}})")).code() == ngrok_error(332));
}

TEST_CASE("unbinding is idempotent") {
    AgentEdge edge;
    const auto agent = edge.login();
    const BindResponse bound = agent->bind_url("https://");
    for (const std::string& id : {bound.id, bound.id, std::string("unknown"), std::string()}) {
        CHECK(agent->call(RequestType::unbind, R"({"Id":")" + id + R"(","Extra":null})") == "{}");
    }
    CHECK(edge.server.endpoints().empty());
}

TEST_CASE("an id that the agent chose is honoured, for one endpoint at a time") {
    AgentEdge edge;
    const auto agent = edge.login();
    BindRequest request = bind_request("https://one.localhost");
    request.id = "my-own-id";
    const auto bound = agent->bind(request);
    REQUIRE(bound);
    CHECK(bound->id == "my-own-id");
    request = bind_request("https://two.localhost");
    request.id = "my-own-id";
    CHECK(agent->bind(request).error());
    CHECK(edge.urls() == std::vector{edge.https_url("one")});
    CHECK(agent->bind_refusal("https://two.localhost") == 0); // a refused bind left no claim
}

TEST_CASE("a restarted edge with the same key gives URL, id and endpoint back by the token alone") {
    std::vector<BindResponse> before;
    {
        AgentEdge edge;
        const auto agent = edge.login();
        for (const char* url : {"https://", "tls://", "https://chosen.localhost"}) before.push_back(agent->bind_url(url));
    }
    AgentEdge edge;
    const auto agent = edge.login();
    for (const BindResponse& former : before) {
        BindRequest request = bind_request(former.protocol + "://"); // the options do not say it
        request.id = former.id;
        request.extra.token = former.extra.token;
        const auto again = agent->bind(request);
        REQUIRE_MESSAGE(again, again.error().to_string());
        CHECK(host_of(again->url) == host_of(former.url));
        CHECK(again->id == former.id);
        CHECK(again->extra.tunnel_id == former.extra.tunnel_id);
    }
}

TEST_CASE("a token is worth nothing to a foreign credential") {
    AgentEdge edge;
    BindResponse https;
    BindResponse tcp;
    {
        const auto owner = edge.login();
        https = owner->bind_url("https://");
        tcp = owner->bind_url("tcp://");
    }
    edge.log->wait_for("is gone");
    const auto thief = edge.login("token-b");
    CHECK(thief->bind(rebind(https)).error().code() == ngrok_error(320));
    CHECK(thief->bind(rebind(tcp)).error().code() == ngrok_error(309));
    CHECK(edge.server.endpoints().empty());
    const auto owner = edge.login();
    CHECK(owner->bind(rebind(https))->url == https.url);
}

TEST_CASE("a token of another key is ignored: what the agent sends back of our answer still names the URL") {
    BindResponse former;
    {
        AgentEdge edge;
        former = edge.login()->bind_url("https://");
    }
    AgentEdge other([](edge::ServerOptions& options) { options.seal_key("another key with its 32 bytes..."); });
    const auto agent = other.login();
    const auto go = agent->bind(rebind(former)); // with Opts.URL, whose port is that of the former edge
    REQUIRE_MESSAGE(go, go.error().to_string());
    CHECK(host_of(go->url) == host_of(former.url));
    CHECK(agent->call(RequestType::unbind, R"({"Id":")" + go->id + "\"}") == "{}");
    BindRequest rust = rebind(former);
    std::get<HttpOpts>(rust.opts).url.clear(); // Rust agents have no such member
    CHECK(host_of(agent->bind(rust)->url) == host_of(former.url));
}

TEST_CASE("the same credential with the same token takes the endpoint over from a client that is still there") {
    AgentEdge edge;
    const auto wedged = edge.login();
    const std::string before = edge.server.sessions()[0].id;
    const BindResponse former = wedged->bind_url("https://mine.localhost");
    const auto fresh = edge.login(); // another client id: it lost everything but its token
    const auto again = fresh->bind(rebind(former));
    REQUIRE_MESSAGE(again, again.error().to_string());
    CHECK(again->url == former.url);
    REQUIRE(edge.server.endpoints().size() == 1);
    std::vector<std::string> sessions;
    for (const auto& session : edge.server.sessions()) sessions.push_back(session.id);
    REQUIRE(sessions.size() == 2);
    CHECK(edge.server.endpoints()[0].session_id == (sessions[0] == before ? sessions[1] : sessions[0]));
    CHECK(wedged->call(RequestType::unbind, R"({"Id":")" + former.id + "\"}") == "{}"); // takes nothing from the other
    CHECK(edge.server.endpoints().size() == 1);
}

TEST_CASE("without a range of ports agents get what the system chooses, and only that again") {
    BindResponse former;
    {
        AgentEdge edge;
        const auto agent = edge.login();
        former = agent->bind_url("tcp://");
        CHECK(port_of(former.url) >= 1024);
        CHECK(agent->bind_refusal("tcp://localhost:22") == 307);
        CHECK(agent->bind_refusal("tcp://localhost:20022") == 307);
    }
    AgentEdge same; // by its token
    const auto again = same.login()->bind(rebind(former));
    REQUIRE_MESSAGE(again, again.error().to_string());
    CHECK(again->url == former.url);
    AgentEdge other([](edge::ServerOptions& options) { options.seal_key("another key with its 32 bytes..."); });
    const auto moved = other.login()->bind(rebind(former)); // its token is worth nothing here
    REQUIRE_MESSAGE(moved, moved.error().to_string());
    CHECK(moved->url != former.url);
}

TEST_CASE("the legs of one agent share their endpoints") {
    AgentEdge edge;
    const Legs legs(edge);
    const BindResponse bound = legs.bind("tcp://");
    CHECK(edge.server.endpoints().size() == 2);

    NetVisitor one = NetVisitor::plain(port_of(bound.url));
    NetVisitor two = NetVisitor::plain(port_of(bound.url));
    one.send("1");
    two.send("2");
    CHECK(legs.first->accept().read_proxy_header().id == bound.id);
    CHECK(legs.second->accept().read_proxy_header().id == bound.id);

    legs.first->cut();
    edge.log->wait_for("is gone");
    CHECK(edge.server.endpoints().size() == 1);
    NetVisitor three = NetVisitor::plain(port_of(bound.url));
    CHECK(legs.second->accept().read_proxy_header().id == bound.id);
}

TEST_CASE("visitors go to the leg with fewer streams") {
    AgentEdge edge;
    const Legs legs(edge);
    const std::uint16_t port = port_of(legs.bind("tcp://").url);
    std::vector<NetVisitor> visitors;
    std::vector<AgentStream> at_first, at_second;
    for (int i = 0; i < 4; ++i) {
        visitors.push_back(NetVisitor::plain(port));
        (i % 2 == 0 ? at_first : at_second).push_back((i % 2 == 0 ? legs.first : legs.second)->accept());
    }
    // The first leg ends none of its streams, as one that is half-open; the second one ends both.
    for (const std::size_t i : {1u, 3u}) visitors[i].close();
    for (AgentStream& stream : at_second) {
        stream.read_end();
        stream.finish();
    }
    const auto streams = [&](std::uint32_t leg) {
        for (const auto& session : edge.server.sessions())
            if (session.leg == leg) return session.streams;
        return std::size_t{0};
    };
    eventually([&] { return streams(0) == streams(1) + 2; });
    for (int i = 0; i < 2; ++i) {
        visitors.push_back(NetVisitor::plain(port));
        at_second.push_back(legs.second->accept());
    }
    CHECK_FALSE(legs.first->accepts_within(std::chrono::milliseconds(0)));
}

TEST_CASE("what one leg says of an endpoint holds for all legs: Unbind and PatchTunnelState") {
    AgentEdge edge;
    const Legs legs(edge);
    const BindResponse bound = legs.bind("https://mine.localhost");
    const std::string patch = R"({"TunnelId":")" + bound.extra.tunnel_id + R"(","Metadata":"new"})";
    CHECK_FALSE(error_of(legs.second->call(RequestType::patch_tunnel_state, patch)));
    REQUIRE(edge.server.endpoints().size() == 2);
    for (const auto& endpoint : edge.server.endpoints()) CHECK(endpoint.metadata == "new");
    CHECK(legs.first->call(RequestType::unbind, R"({"Id":")" + bound.id + "\"}") == "{}");
    CHECK(edge.server.endpoints().empty());
    CHECK(legs.second->call(RequestType::unbind, R"({"Id":")" + bound.id + "\"}") == "{}");
    CHECK(edge.login("token-b")->bind_refusal("https://mine.localhost") == 0);
}

TEST_CASE("a leg that comes back takes the place of its ghost, the other one stays") {
    AgentEdge edge;
    const Legs legs(edge);
    const BindResponse bound = legs.bind("tcp://");
    const auto again = edge.connect(); // and `second` is still connected
    REQUIRE(again->auth(legs.as_second()));
    legs.second->wait_closed();
    CHECK_FALSE(legs.first->is_closed());
    CHECK(edge.server.endpoints().size() == 1);
    REQUIRE(again->bind(rebind(bound)));
    CHECK(edge.server.endpoints().size() == 2);
    CHECK(edge.server.sessions().size() == 2);
    NetVisitor one = NetVisitor::plain(port_of(bound.url));
    NetVisitor two = NetVisitor::plain(port_of(bound.url));
    CHECK(legs.first->accept().read_proxy_header().id == bound.id);
    CHECK(again->accept().read_proxy_header().id == bound.id);
}

TEST_CASE("a stopped endpoint is offline on every leg, and each is told") {
    AgentEdge edge;
    const Legs legs(edge);
    const BindResponse bound = legs.bind("https://mine.localhost");
    CHECK_FALSE(edge.server.stop_endpoint(bound.extra.tunnel_id, "enough", 8014));
    CHECK(edge.server.endpoints().empty());
    for (const auto* leg : {legs.first.get(), legs.second.get()}) {
        AgentStream stream = const_cast<RawAgent*>(leg)->accept();
        CHECK(stream.type() == static_cast<std::uint32_t>(RequestType::stop_tunnel));
        stream.read_json();
        stream.reset();
    }
}

TEST_CASE("pooled endpoints of one credential take turns; others are refused") {
    AgentEdge edge;
    const auto one = edge.login();
    const auto two = edge.login();
    BindRequest request = bind_request("https://pool.localhost");
    request.extra.pooling_enabled = true;
    CHECK(one->bind(request));
    CHECK(two->bind(request));
    CHECK(two->bind_refusal("https://pool.localhost") == 334);
    CHECK(edge.login("token-b")->bind(request).error().code() == ngrok_error(334));
    CHECK(edge.server.endpoints().size() == 2);
}

TEST_CASE("labels: routed by what the operator said, refused with the routes there are") {
    AgentEdge edge([](edge::ServerOptions& options) {
        options.route_labels("https://shop.localhost", {{"app", "shop"}});
    });
    const auto agent = edge.login();
    const auto bound =
        decode_start_tunnel_with_label_response(agent->call(RequestType::start_tunnel_with_label,
                                                            labeled(R"({"app":"shop","zone":"x"})")));
    REQUIRE(bound);
    REQUIRE(edge.server.endpoints().size() == 1);
    CHECK(edge.server.endpoints()[0].url == edge.https_url("shop"));
    CHECK(edge.server.endpoints()[0].bind_id == bound->id);
    const ErrorInfo refused = error_of(agent->call(RequestType::start_tunnel_with_label, labeled(R"({"app":"x"})")));
    CHECK(refused.code() == ngrok_error(302));
    CHECK(refused.detail().find("{app=shop}") != std::string::npos);
    // A second agent with the same labels shares the work.
    const auto other = edge.login();
    CHECK(decode_start_tunnel_with_label_response(
        other->call(RequestType::start_tunnel_with_label, labeled(R"({"app":"shop"})"))));
    CHECK(edge.server.endpoints().size() == 2);
    CHECK(agent->call(RequestType::unbind, R"({"Id":")" + bound->id + "\"}") == "{}");
    CHECK(edge.server.endpoints().size() == 1);
    CHECK(error_of(AgentEdge().login()->call(RequestType::start_tunnel_with_label, labeled(R"({"a":"b"})"))).code() ==
          ngrok_error(302));
}

TEST_CASE("labels that match several routes serve all of them, or none") {
    AgentEdge edge([](edge::ServerOptions& options) {
        options.route_labels("https://one.localhost", {{"app", "shop"}});
        options.route_labels("https://two.localhost", {{"app", "shop"}});
    });
    const auto agent = edge.login();
    const auto bound = decode_start_tunnel_with_label_response(
        agent->call(RequestType::start_tunnel_with_label, labeled(R"({"app":"shop"})")));
    REQUIRE(bound);
    CHECK(edge.urls() == std::vector{edge.https_url("one"), edge.https_url("two")});
    CHECK(agent->call(RequestType::unbind, R"({"Id":")" + bound->id + "\"}") == "{}");
    CHECK(edge.urls().empty());
    const auto squatter = edge.login("token-b");
    squatter->bind_url("https://two.localhost");
    CHECK(error_of(agent->call(RequestType::start_tunnel_with_label, labeled(R"({"app":"shop"})"))).code() ==
          ngrok_error(334));
    CHECK(edge.urls() == std::vector{edge.https_url("two")});
}

TEST_CASE("an endpoint never comes online without a module that was asked for") {
    AgentEdge edge;
    const auto agent = edge.login();
    for (const auto& [module, opts] :
         {std::pair("OAuth", R"({"OAuth":{"provider":"x"}})"), std::pair("BasicAuth", R"({"BasicAuth":{"credentials":[]}})"),
          std::pair("HostHeaderRewrite", R"({"HostHeaderRewrite":true})"),
          std::pair("WebsocketTCPConverter", R"({"WebsocketTCPConverter":{}})"),
          std::pair("oauth", R"({"TrafficPolicy":"on_http_request: [{actions: [{type: oauth}]}]"})")}) {
        const ErrorInfo refused =
            error_of(agent->call(RequestType::bind, R"({"Proto":"https","Opts":)" + std::string(opts) + "}"));
        CAPTURE(module);
        CHECK(refused.code() == ngrok_error(9026));
        CHECK(refused.detail().find(module) != std::string::npos);
    }
    // One that is there, with something that cannot work in it: no authority to verify by.
    CHECK(error_of(agent->call(RequestType::bind, R"({"Proto":"https","Opts":{"MutualTLSCA":{}}})")));
    CHECK(edge.server.endpoints().empty());
    // null and absent are no module
    CHECK_FALSE(error_of(agent->call(RequestType::bind, R"({"Proto":"https","Opts":{"OAuth":null,"TrafficPolicy":""}})")));
}

TEST_CASE("damaged, oversized and deep requests get an error and leave the session alone") {
    AgentEdge edge;
    const auto agent = edge.login();
    CHECK(error_of(agent->call(RequestType::bind, "[1]")).code() == errc::refused);
    CHECK(error_of(agent->call(RequestType::bind, R"({"Proto":7})")).code() == errc::refused);
    CHECK(error_of(agent->call(RequestType::bind, "{\"Proto\":\"https\",\"Opts\":" + std::string(40, '[')))
              .code() == errc::refused);
    const std::string large = R"({"Proto":"https","Extra":{"Metadata":")" + std::string(limits::rpc_message_max, 'x');
    CHECK(error_of(agent->call(RequestType::bind, large)).code() == errc::refused);
    CHECK(agent->call(static_cast<RequestType>(77), "{}").empty());
    CHECK(agent->bind_url("https://").url.starts_with("https://"));
}

TEST_CASE("endpoints of a session have a bound") {
    AgentEdge edge;
    const auto agent = edge.login();
    for (std::size_t i = 0; i < limits::endpoints_per_session; ++i) {
        REQUIRE(agent->bind_refusal("https://n" + std::to_string(i) + ".localhost") == 0);
    }
    CHECK(agent->bind_refusal("https://one-more.localhost") == 324);
    CHECK(edge.login()->bind_refusal("https://one-more.localhost") == 0);
}

TEST_CASE("name, description and metadata are changed while the endpoint is online; the rest is refused") {
    AgentEdge edge;
    const auto agent = edge.login();
    const BindResponse bound = agent->bind_url("https://mine.localhost");
    const auto patch = [&](const std::string& members) {
        return error_of(agent->call(RequestType::patch_tunnel_state,
                                    R"({"TunnelId":")" + bound.extra.tunnel_id + "\"," + members + "}"));
    };
    CHECK_FALSE(patch(R"("Metadata":"new")"));
    REQUIRE(edge.server.endpoints().size() == 1);
    CHECK(edge.server.endpoints()[0].metadata == "new");
    CHECK_FALSE(patch(R"("Name":"n","Description":"d")"));
    CHECK(edge.server.endpoints()[0].metadata == "new");
    CHECK(edge.server.endpoints()[0].name == "n");
    CHECK(edge.server.endpoints()[0].description == "d");
    CHECK_FALSE(patch(R"("Name":"")"));
    CHECK(edge.server.endpoints()[0].name.empty());
    CHECK(edge.server.endpoints()[0].description == "d");
    CHECK(patch(R"("Description":")" + std::string(limits::description_max + 1, 'd') + '"'));
    CHECK(patch(R"("TrafficPolicy":"x")").code() == ngrok_error(9026));
    CHECK_FALSE(patch(R"("PoolingEnabled":true)"));
    CHECK(error_of(agent->call(RequestType::patch_tunnel_state, R"({"TunnelId":"ep_x"})")).code() == ngrok_error(333));
    CHECK(agent->call(RequestType::unbind, R"({"Id":")" + bound.id + "\"}") == "{}");
    CHECK(edge.server.endpoints().empty());
}

TEST_CASE("TLS that ends at the edge: with the edge's certificate, or with the endpoint's own") {
    AgentEdge edge;
    const auto agent = edge.login();
    BindRequest request = bind_request("tls://ours.localhost");
    std::get<TlsOpts>(request.opts).tls_termination.emplace();
    const auto bound = agent->bind(request);
    REQUIRE(bound);
    TlsOptions options("ours.localhost", edge.server.ca_pem());
    options.alpn = {"imap"}; // not HTTP: it must not matter
    NetVisitor visitor = NetVisitor::tls(edge.server.https_port(), options);
    visitor.send("hello");
    AgentStream stream = agent->accept();
    const ProxyHeader header = stream.read_proxy_header();
    CHECK(header.protocol == "tls");
    CHECK_FALSE(header.passthrough_tls);
    CHECK(stream.read(5) == "hello");

    const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto authority = tls::CertificateAuthority::create("of the application", now);
    const auto leaf = authority->issue_server({"own.localhost"}, now);
    request = bind_request("tls://own.localhost");
    std::get<TlsOpts>(request.opts).tls_termination.emplace();
    std::get<TlsOpts>(request.opts).tls_termination->cert = leaf->certificate_pem;
    std::get<TlsOpts>(request.opts).tls_termination->key = leaf->key_pem;
    REQUIRE(agent->bind(request));
    NetVisitor own = NetVisitor::tls(edge.server.https_port(), TlsOptions("own.localhost", authority->certificate_pem()));
    own.send("hello");
    AgentStream second = agent->accept();
    second.read_proxy_header();
    CHECK(second.read(5) == "hello");

    request = bind_request("tls://bad.localhost");
    std::get<TlsOpts>(request.opts).tls_termination.emplace();
    std::get<TlsOpts>(request.opts).tls_termination->cert = leaf->certificate_pem;
    std::get<TlsOpts>(request.opts).tls_termination->key = "no key";
    CHECK(agent->bind(request).error());
    CHECK(agent->bind_refusal("tls://bad.localhost") == 0);
}
