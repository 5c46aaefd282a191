#include "edge/settings.hpp"

#include "support/doctest.hpp"

#include <functional>

using namespace adit;
using namespace adit::edge;

TEST_CASE("the defaults work") {
    const auto settings = Settings::parse(ServerOptions().data());
    REQUIRE(settings);
    CHECK(settings->base_domain == "localhost");
    CHECK(settings->agent_address == asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
    CHECK(settings->threads == 1);
    CHECK(settings->region == "local");
    CHECK(settings->heartbeat_interval == limits::heartbeat_interval);
}

TEST_CASE("limits and times are those of the behaviour map, and can be set") { // behaviour D.4
    using namespace std::chrono_literals;
    auto settings = Settings::parse(ServerOptions().data());
    REQUIRE(settings);
    CHECK(settings->http_idle_time == 5min);
    CHECK(settings->http_response_time == 5min);
    CHECK(settings->http_head_time == 10s);
    CHECK(settings->http_stall_time == 30s);
    CHECK(settings->policy_body_memory == 256u << 20);
    CHECK(settings->http_head.bytes == 1'048'576);
    CHECK(settings->http_head.fields == 1'000);
    ServerOptions options;
    options.http_idle_time(1min).http_response_time(2min).http_head_time(3s).http_stall_time(4s).http_head_max(65'536).http_fields_max(100);
    options.policy_body_memory(1'000);
    settings = Settings::parse(options.data());
    REQUIRE(settings);
    CHECK(settings->http_idle_time == 1min);
    CHECK(settings->http_response_time == 2min);
    CHECK(settings->http_head_time == 3s);
    CHECK(settings->http_stall_time == 4s);
    CHECK(settings->policy_body_memory == 1'000);
    CHECK(settings->http_head.bytes == 65'536);
    CHECK(settings->http_head.fields == 100);
}

TEST_CASE("values that cannot work are refused, and the detail names the option") {
    struct Row {
        const char* option;
        std::function<void(ServerOptions&)> set;
    };
    const Row rows[] = {
        {"base_domain", [](ServerOptions& o) { o.base_domain("no good"); }},
        {"base_domain", [](ServerOptions& o) { o.base_domain(""); }},
        {"base_domain", [](ServerOptions& o) { o.base_domain("*.example.com"); }},
        {"base_domain", [](ServerOptions& o) { o.base_domain("192.0.2.1"); }},
        {"allow_domain", [](ServerOptions& o) { o.allow_domain("a..b"); }},
        {"agent_address", [](ServerOptions& o) { o.agent_address("localhost:1"); }},
        {"agent_address", [](ServerOptions& o) { o.agent_address("127.0.0.1"); }},
        {"advertise_agent_address", [](ServerOptions& o) { o.advertise_agent_address("edge.example.com"); }},
        {"advertise_agent_address", [](ServerOptions& o) { o.advertise_agent_address("a..b:443"); }},
        {"advertise_agent_address", [](ServerOptions& o) { o.advertise_agent_address("edge.example.com:0"); }},
        {"advertise_agent_address",
         [](ServerOptions& o) { o.advertise_agent_address("a.example.com:1").advertise_agent_address("A.example.com:1"); }},
        {"advertise_agent_address",
         [](ServerOptions& o) {
             for (int i = 1; i < 18; ++i) o.advertise_agent_address("192.0.2.1:" + std::to_string(i));
         }},
        {"https_address", [](ServerOptions& o) { o.https_address("127.0.0.1:65536"); }},
        {"http_address", [](ServerOptions& o) { o.http_address(""); }},
        {"tcp_host", [](ServerOptions& o) { o.tcp_host("example.com"); }},
        {"tcp_ports", [](ServerOptions& o) { o.tcp_ports(2, 1); }},
        {"tcp_ports", [](ServerOptions& o) { o.tcp_ports(0, 1); }},
        {"tcp_ports", [](ServerOptions& o) { o.tcp_ports(1'023, 2'000); }}, // T30: privileged
        {"base_domain", [](ServerOptions& o) { o.base_domain("corp.internal"); }},
        {"base_domain", [](ServerOptions& o) { o.base_domain("internal"); }},
        {"allow_domain", [](ServerOptions& o) { o.allow_domain("*.internal"); }},
        {"route_labels", [](ServerOptions& o) { o.route_labels("https://a.internal", {{"a", "b"}}); }},
        {"proxy_protocol", [](ServerOptions& o) { o.proxy_protocol("https", "everyone"); }},
        {"proxy_protocol", [](ServerOptions& o) { o.proxy_protocol("ftp", "10.0.0.0/8"); }},
        {"listen_fd", [](ServerOptions& o) { o.listen_fd("ftp", 3); }},
        {"listen_fd", [](ServerOptions& o) { o.listen_fd("agent", -1); }},
        {"listen_fd", [](ServerOptions& o) { o.listen_fd("agent", 3).listen_fd("agent", 4); }},
        {"certificate", [](ServerOptions& o) { o.certificate("PEM", ""); }},
        {"certificate_authority", [](ServerOptions& o) { o.certificate_authority("", "PEM"); }},
        {"min_tls_version", [](ServerOptions& o) { o.min_tls_version("1.1"); }},
        {"max_tls_version", [](ServerOptions& o) { o.max_tls_version("1.4"); }},
        {"min_tls_version", [](ServerOptions& o) { o.min_tls_version("1.3").max_tls_version("1.2"); }},
        {"add_certificate", [](ServerOptions& o) { o.add_certificate("PEM", "PEM"); }},
        {"agent_server_name", [](ServerOptions& o) { o.agent_server_name("not a name"); }},
        {"agent_server_name", [](ServerOptions& o) { o.agent_server_name("192.0.2.1"); }},
        {"agent_server_name", [](ServerOptions& o) { o.base_domain("example.com").agent_server_name("Example.com"); }},
        {"client_hello_time", [](ServerOptions& o) { o.client_hello_time(std::chrono::milliseconds(0)); }},
        {"tls_handshake_time", [](ServerOptions& o) { o.tls_handshake_time(std::chrono::milliseconds(-1)); }},
        {"seal_key", [](ServerOptions& o) { o.seal_key("short"); }},
        {"seal_key", [](ServerOptions& o) { o.seal_key(""); }},
        {"trusted_proxy", [](ServerOptions& o) { o.trusted_proxy("everyone"); }},
        {"threads", [](ServerOptions& o) { o.threads(1000); }},
        {"auth_time", [](ServerOptions& o) { o.auth_time(std::chrono::milliseconds(0)); }},
        {"heartbeat", [](ServerOptions& o) { o.heartbeat(std::chrono::milliseconds(1), std::chrono::seconds(1)); }},
        {"http_head_time", [](ServerOptions& o) { o.http_head_time(std::chrono::milliseconds(-1)); }},
        {"http_idle_time", [](ServerOptions& o) { o.http_idle_time(std::chrono::milliseconds(0)); }},
        {"http_response_time", [](ServerOptions& o) { o.http_response_time(std::chrono::milliseconds(0)); }},
        {"http_stall_time", [](ServerOptions& o) { o.http_stall_time(std::chrono::milliseconds(0)); }},
        {"policy_body_memory", [](ServerOptions& o) { o.policy_body_memory((std::size_t{64} << 30) + 1); }},
        {"http_head_max", [](ServerOptions& o) { o.http_head_max(1'023); }},
        {"http_head_max", [](ServerOptions& o) { o.http_head_max((16u << 20) + 1); }},
        {"http_fields_max", [](ServerOptions& o) { o.http_fields_max(9); }},
        {"http_fields_max", [](ServerOptions& o) { o.http_fields_max(10'001); }},
        {"sessions_per_credential", [](ServerOptions& o) { o.sessions_per_credential(0); }},
        {"agent_stream_idle_time", [](ServerOptions& o) { o.agent_stream_idle_time(std::chrono::milliseconds(0)); }},
        {"route_labels", [](ServerOptions& o) { o.route_labels("https://", {{"a", "b"}}); }},
        {"route_labels", [](ServerOptions& o) { o.route_labels("tcp://example.com", {{"a", "b"}}); }},
        {"route_labels", [](ServerOptions& o) { o.route_labels("https://example.com:444", {{"a", "b"}}); }},
        {"route_labels", [](ServerOptions& o) { o.route_labels("https://example.com", {}); }},
    };
    for (const Row& row : rows) {
        ServerOptions options;
        row.set(options);
        const auto settings = Settings::parse(options.data());
        CAPTURE(row.option);
        REQUIRE_FALSE(settings);
        CHECK(settings.error().code() == errc::invalid_option);
        CHECK(settings.error().detail() == row.option);
        CHECK_FALSE(settings.error().message().empty());
    }
}

TEST_CASE("options are copied by value") {
    ServerOptions one;
    one.base_domain("one.example.com");
    ServerOptions two = one;
    two.base_domain("two.example.com");
    CHECK(Settings::parse(one.data())->base_domain == "one.example.com");
    one = two;
    CHECK(Settings::parse(one.data())->base_domain == "two.example.com");
}

TEST_CASE("which names this edge has") {
    ServerOptions options;
    options.base_domain("Tunnels.Example.com.").allow_domain("app.example.org").allow_domain("*.wild.example.org");
    const auto settings = Settings::parse(options.data());
    REQUIRE(settings);
    for (const char* host : {"tunnels.example.com", "a.tunnels.example.com", "b.a.tunnels.example.com",
                             "*.tunnels.example.com", "app.example.org", "x.wild.example.org", "*.wild.example.org"}) {
        CAPTURE(host);
        CHECK(settings->allows_host(host));
    }
    for (const char* host : {"example.com", "eviltunnels.example.com", "b.app.example.org", "wild.example.org", "", "com"}) {
        CAPTURE(host);
        CHECK_FALSE(settings->allows_host(host));
    }
}

TEST_CASE("which visitors are trusted proxies") {
    ServerOptions options;
    options.trusted_proxy("10.0.0.0/8").trusted_proxy("2001:db8::/32");
    const auto settings = Settings::parse(options.data());
    REQUIRE(settings);
    CHECK(settings->trusts(*IpAddress::parse("10.1.2.3")));
    CHECK(settings->trusts(*IpAddress::parse("2001:db8::1")));
    CHECK_FALSE(settings->trusts(*IpAddress::parse("192.0.2.1")));
}

TEST_CASE("which connections come from balancers, listener by listener") {
    ServerOptions options;
    options.proxy_protocol("https", "10.0.0.0/8").proxy_protocol("https", "2001:db8::/32").proxy_protocol("agent", "::1");
    const auto settings = Settings::parse(options.data());
    REQUIRE(settings);
    const auto is = [&](ListenerKind listener, const char* address) {
        return settings->is_balancer(listener, *IpAddress::parse(address));
    };
    CHECK(is(ListenerKind::https, "10.1.2.3"));
    CHECK(is(ListenerKind::https, "::ffff:10.1.2.3")); // on a dual-stack socket
    CHECK(is(ListenerKind::https, "2001:db8::1"));
    CHECK(is(ListenerKind::agent, "::1"));
    CHECK_FALSE(is(ListenerKind::https, "11.1.2.3"));
    CHECK_FALSE(is(ListenerKind::https, "::10.1.2.3"));
    CHECK_FALSE(is(ListenerKind::http, "10.1.2.3"));
    CHECK_FALSE(is(ListenerKind::tcp, "10.1.2.3"));
    CHECK_FALSE(is(ListenerKind::agent, "10.1.2.3"));
}
