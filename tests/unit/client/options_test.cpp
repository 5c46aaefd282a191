// Checking options, the request made of an endpoint, and reading its answer.
#include "client/bind_plan.hpp"
#include "client/options_data.hpp"

#include "proto/codec.hpp"

#include "support/doctest.hpp"

using namespace adit;

namespace {

Result<ServerTarget> target(std::string_view server) { return check(SessionOptions().server(server).data()); }

} // namespace

TEST_CASE("a server is a host with a port, 443 by default") {
    struct Row {
        const char* text;
        const char* host;
        int port;
    };
    const Row rows[] = {
        {"edge.example.com", "edge.example.com", 443}, {"edge.example.com:80", "edge.example.com", 80},
        {"10.0.0.1:8443", "10.0.0.1", 8443},           {"[2001:db8::1]:8443", "2001:db8::1", 8443},
        {"[::1]", "::1", 443},                         {"::1", "::1", 443},
        {"my_edge:1", "my_edge", 1},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const auto result = target(row.text);
        REQUIRE(result.has_value());
        CHECK(result->host == row.host);
        CHECK(result->port == row.port);
        CHECK(result->verify_name == row.host);
    }
    CHECK(check(SessionOptions().server("a:1").server_name("b").data())->verify_name == "b");
    CHECK(target("[::1]:5")->text() == "[::1]:5");
}

TEST_CASE("windows do not grow towards ngrok's own service, whatever way it is named") {
    struct Row {
        const char* server;
        const char* name;
        bool grows;
    };
    const Row rows[] = {
        {"edge.example.com:443", "", true},
        {"connect.ngrok-agent.com:443", "", false},
        {"connect.eu.Ngrok-Agent.COM", "", false},
        {"ngrok-agent.com.", "", false},
        {"tunnel.us.ngrok.com:443", "", false},
        {"192.0.2.1:443", "tunnel.ngrok.com", false},
        {"my-ngrok.com:443", "", true},
        {"ngrok.com.example.com", "", true},
    };
    for (const Row& row : rows) {
        CAPTURE(row.server);
        auto options = SessionOptions().server(row.server).server_name(row.name);
        CHECK(check(options.data())->window_growth == row.grows);
        CHECK(check(options.window_growth(true).data())->window_growth);
        CHECK_FALSE(check(options.window_growth(false).data())->window_growth);
    }
    const auto preset = check(SessionOptions::ngrok("pem").data());
    REQUIRE(preset.has_value());
    CHECK(preset->text() == "connect.ngrok-agent.com:443");
    CHECK(preset->verify_name == "connect.ngrok-agent.com");
    CHECK_FALSE(preset->window_growth);
}

TEST_CASE("moved-from options and endpoints are as new ones") {
    auto options = SessionOptions().server("a:1").authtoken("t");
    const SessionOptions taken = std::move(options);
    CHECK(taken.data().server == "a:1");
    const SessionOptions copy = options; // NOLINT: used after the move on purpose
    CHECK(copy.data().server.empty());
    CHECK(check(options.data()).error().code() == errc::no_server);
    options.server("b:2");
    CHECK(options.data().server == "b:2");
    CHECK(options.data().authtoken.empty());
    SessionOptions moved = std::move(options);
    options = copy;
    CHECK(options.data().server.empty());
    moved = std::move(options);
    CHECK(moved.data().server.empty());

    Endpoint endpoint = Endpoint("tcp://").name("n");
    const Endpoint other = std::move(endpoint);
    CHECK(other.data().name == "n");
    const Endpoint same = endpoint; // NOLINT: likewise
    CHECK(same.data().url.empty());
    endpoint.label("k", "v");
    CHECK(endpoint.data().labeled);
    CHECK(endpoint.data().name.empty());
}

TEST_CASE("setters return the options, copies are their own") {
    auto options = SessionOptions().server("a:1").authtoken("t");
    const SessionOptions copy = options;
    options.server("b:2");
    CHECK(copy.data().server == "a:1");
    CHECK(options.data().server == "b:2");
    options = copy;
    CHECK(options.data().server == "a:1");
    const Endpoint endpoint = Endpoint("tcp://").name("n");
    Endpoint other = endpoint;
    other.name("m");
    CHECK(endpoint.data().name == "n");
    CHECK(other.data().name == "m");
}

TEST_CASE("the last call for roots wins") {
    using Roots = SessionOptions::Data::Roots;
    CHECK(SessionOptions().data().roots == Roots::system);
    CHECK(SessionOptions().roots_pem("p").roots_file("f").data().roots == Roots::file);
    CHECK(SessionOptions().roots_pem("p").roots_file("f").data().roots_value == "f");
    CHECK(SessionOptions().roots_file("f").roots_system().data().roots == Roots::system);
}

TEST_CASE("limits are inclusive") {
    const auto at = [](std::size_t metadata) {
        return check(SessionOptions().server("a:1").metadata(std::string(metadata, 'x')).data()).has_value();
    };
    CHECK(at(limits::metadata_max));
    CHECK_FALSE(at(limits::metadata_max + 1));
    const auto infos = [](std::size_t count) {
        SessionOptions options = SessionOptions().server("a:1");
        for (std::size_t i = 0; i < count; ++i) options.client_info("n", "1");
        return check(options.data()).has_value();
    };
    CHECK(infos(limits::client_infos_max));
    CHECK_FALSE(infos(limits::client_infos_max + 1));
    const auto labels = [](std::size_t count) {
        Endpoint endpoint = Endpoint::labeled("k", "v");
        for (std::size_t i = 1; i < count; ++i) endpoint.label("k" + std::to_string(i), "v");
        return check(endpoint.data()).has_value();
    };
    CHECK(labels(limits::labels_max));
    CHECK_FALSE(labels(limits::labels_max + 1));
    CHECK(check(Endpoint("https://").backlog(limits::accept_backlog_max).data()).has_value());
    CHECK_FALSE(check(Endpoint("https://").backlog(limits::accept_backlog_max + 1).data()).has_value());
}

TEST_CASE("the URL goes to the field where the recorded client puts it") {
    const auto bind = [](const char* url) { return *decode_bind_request(plan_bind(Endpoint(url).data())->request); };
    CHECK(std::get<HttpOpts>(bind("https://a.example.com").opts).domain == "a.example.com");
    CHECK(std::get<HttpOpts>(bind("https://a.example.com").opts).url.empty());
    CHECK(std::get<HttpOpts>(bind("http://").opts).domain.empty());
    CHECK(std::get<TlsOpts>(bind("tls://a.example.com").opts).domain == "a.example.com");
    CHECK(std::get<TcpOpts>(bind("tcp://e.example.com:22000").opts).addr == "e.example.com:22000");
    CHECK(std::get<TcpOpts>(bind("tcp://").opts).addr.empty());
    CHECK(bind("tcp://").extra.bindings.empty());
    CHECK(bind("tcp://").forwards_to.starts_with("app://"));
    CHECK(plan_bind(Endpoint("https://a.example.com").forwards_to("").data())->request.find(R"("ForwardsTo":"")") !=
          std::string::npos);
}

TEST_CASE("answers to a bind") {
    const auto plan = plan_bind(Endpoint("tls://").data());
    REQUIRE(plan.has_value());
    std::string id;
    const auto pass =
        read_bind_answer(*plan, R"({"Id":"i","URL":"tls://a.example.com","Proto":"tls","Opts":{},"Extra":{"Token":""}})", id);
    REQUIRE(pass.has_value());
    CHECK(pass->passthrough_tls == true);
    CHECK(id == "i");
    const auto ended = read_bind_answer(
        *plan, R"({"Id":"i","URL":"tls://a.example.com","Proto":"tls","Opts":{"TLSTermination":{}},"Extra":{}})", id);
    REQUIRE(ended.has_value());
    CHECK(ended->passthrough_tls == false);
    id.clear();
    const auto refused = read_bind_answer(*plan, R"({"Error":"gone\n\nERR_NGROK_334"})", id);
    CHECK(refused.error().code() == ngrok_error(334));
    CHECK(refused.error().message() == "the edge refused tls://");
    CHECK(id.empty());
    const auto https = plan_bind(Endpoint("https://").data());
    const auto web = read_bind_answer(
        *https, R"({"Id":"i","URL":"https://a.example.com","Proto":"https","Opts":{},"Extra":{}})", id);
    REQUIRE(web.has_value());
    CHECK_FALSE(web->passthrough_tls.has_value());
}
