// Options by key and value: each documented key reaches the setter of C++, and nothing that a caller passes does harm.
#include "capi/handles.hpp"
#include "client/bind_plan.hpp"
#include "client/upstream_data.hpp"

#include "support/alloc_fault.hpp"
#include "support/doctest.hpp"

#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

using namespace adit;

namespace {

struct Free {
    void operator()(adit_options* options) const { adit_options_free(options); }
    void operator()(adit_endpoint* endpoint) const { adit_endpoint_free(endpoint); }
    void operator()(adit_upstream* upstream) const { adit_upstream_free(upstream); }
};
template <class Handle>
using Held = std::unique_ptr<Handle, Free>;

Held<adit_options> options() { return Held<adit_options>(adit_options_new()); }
Held<adit_endpoint> endpoint(const char* url = "https://app.example.com") {
    return Held<adit_endpoint>(adit_endpoint_new(url, nullptr));
}
Held<adit_upstream> upstream() { return Held<adit_upstream>(adit_upstream_new("8080", nullptr)); }

int set(const Held<adit_options>& handle, const char* key, const char* value, adit_error* error) {
    return adit_options_set(handle.get(), key, value, error);
}
int set(const Held<adit_endpoint>& handle, const char* key, const char* value, adit_error* error) {
    return adit_endpoint_set(handle.get(), key, value, error);
}
int set(const Held<adit_upstream>& handle, const char* key, const char* value, adit_error* error) {
    return adit_upstream_set(handle.get(), key, value, error);
}

template <class Handle>
void must_set(const Held<Handle>& handle, const char* key, const char* value) {
    adit_error error;
    CHECK_MESSAGE(set(handle, key, value, &error) == ADIT_OK, error.message);
}

/// What a refusal says; "" if it was none.
template <class Handle>
std::string refusal(const Held<Handle>& handle, const char* key, const char* value) {
    adit_error error;
    if (set(handle, key, value, &error) == ADIT_OK) return {};
    CHECK(error.code == ADIT_E_INVALID_OPTION);
    return error.message;
}

/// The keys of the table in the comment of this function, a name or several behind "* " and five columns.
std::set<std::string> documented(const std::string& function) {
    std::ifstream file(ADIT_C_HEADER);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::size_t end = text.find("ADIT_C_API int " + function + "(");
    REQUIRE(end != std::string::npos);
    const std::string comment = text.substr(text.rfind("/*", end), end - text.rfind("/*", end));
    const std::regex line(R"(\n \*     ([a-z_.]+(?:, [a-z_.]+)*)(?=  | \(\+\)|\n))");
    std::set<std::string> keys;
    for (std::sregex_iterator it(comment.begin(), comment.end(), line), last; it != last; ++it) {
        std::string names = (*it)[1].str();
        const std::regex name("[a-z_.]+");
        for (std::sregex_iterator one(names.begin(), names.end(), name), none; one != none; ++one)
            keys.insert(one->str());
    }
    return keys;
}

std::string request(const Endpoint& value) {
    const auto plan = plan_bind(value.data());
    CHECK_MESSAGE(plan.has_value(), plan.error().to_string());
    return plan ? plan->request : std::string();
}

const std::string pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

} // namespace

TEST_CASE("every key of a session arrives in its option") {
    const auto handle = options();
    const std::array<std::pair<const char*, const char*>, 18> all = {{
        {"server", "edge.example.com:4443"},
        {"authtoken", "secret"},
        {"roots_file", "roots.pem"},
        {"roots_pem", "roots"},
        {"server_name", "name.example"},
        {"client_certificate", "chain"},
        {"client_key", "key"},
        {"proxy", "socks5://p:1"},
        {"proxy_roots_pem", "proxy roots"},
        {"bind_interface", "eth0"},
        {"metadata", "meta"},
        {"client_info", "app/1.2 a comment"},
        {"heartbeat_interval_ms", "1000"},
        {"heartbeat_tolerance_ms", "2000"},
        {"connect_timeout_ms", "3000"},
        {"window_growth", "false"},
        {"reconnect", "false"},
        {"proxy_from_env", "true"},
    }};
    std::set<std::string> keys;
    for (const auto& [key, value] : all) {
        if (key != std::string("proxy_from_env")) must_set(handle, key, value);
        keys.insert(key);
    }
    const SessionOptions::Data& data = handle->value.data();
    CHECK(data.server == "edge.example.com:4443");
    CHECK(data.authtoken == "secret");
    CHECK(data.roots == SessionOptions::Data::Roots::pem);
    CHECK(data.roots_value == "roots");
    CHECK(data.server_name == "name.example");
    CHECK(data.client_certificate_pem == "chain");
    CHECK(data.client_key_pem == "key");
    CHECK(data.proxy == "socks5://p:1");
    CHECK(data.proxy_roots == "proxy roots");
    CHECK(data.interface_or_address == "eth0");
    CHECK(data.metadata == "meta");
    REQUIRE(data.client_infos.size() == 1);
    CHECK(data.client_infos[0].name == "app");
    CHECK(data.client_infos[0].version == "1.2");
    CHECK(data.client_infos[0].comment == "a comment");
    CHECK(data.heartbeat_interval.count() == 1000);
    CHECK(data.heartbeat_tolerance.count() == 2000);
    CHECK(data.connect_timeout.count() == 3000);
    CHECK(data.window_growth == false);
    CHECK_FALSE(data.reconnect);
    must_set(handle, "roots_file", "roots.pem");
    CHECK(data.roots == SessionOptions::Data::Roots::file);
    must_set(handle, "roots_file", "\xff.pem"); // paths are bytes
    must_set(handle, "proxy_from_env", "true");
    CHECK(data.proxy_from_environment);
    CHECK(documented("adit_options_set") == keys);
}

TEST_CASE("every key of an endpoint makes the same request as its setter") {
    using Change = void (*)(Endpoint&);
    struct One {
        const char* key;
        const char* value;
        Change change;
        const char* url = "https://app.example.com";
    };
    const One all[] = {
        {"name", "n", [](Endpoint& e) { e.name("n"); }},
        {"description", "d", [](Endpoint& e) { e.description("d"); }},
        {"metadata", "m", [](Endpoint& e) { e.metadata("m"); }},
        {"forwards_to", "f", [](Endpoint& e) { e.forwards_to("f"); }},
        {"label", "k=v=w", [](Endpoint& e) { e.label("k", "v=w"); }, ""},
        {"binding", "internal", [](Endpoint& e) { e.binding("internal"); }},
        {"pooling", "true", [](Endpoint& e) { e.pooling(true); }},
        {"traffic_policy", "{}", [](Endpoint& e) { e.traffic_policy("{}"); }},
        {"app_protocol", "http2", [](Endpoint& e) { e.app_protocol("http2"); }},
        {"proxy_protocol", "2", [](Endpoint& e) { e.proxy_protocol(2); }},
        {"allow_cidr", "10.0.0.0/8", [](Endpoint& e) { e.allow_cidr("10.0.0.0/8"); }},
        {"basic_auth", "user:pass:word", [](Endpoint& e) { e.basic_auth("user", "pass:word"); }},
        {"oauth", "google", [](Endpoint& e) { e.oauth(OAuthOptions("google")); }},
        {"webhook_verification", "github:s:t", [](Endpoint& e) { e.webhook_verification("github", "s:t"); }},
        {"allow_user_agent", "a", [](Endpoint& e) { e.allow_user_agent("a"); }},
        {"deny_user_agent", "d", [](Endpoint& e) { e.deny_user_agent("d"); }},
        {"request_header", "X-A:  b: c", [](Endpoint& e) { e.request_header("X-A", "b: c"); }},
        {"response_header", "X-B:", [](Endpoint& e) { e.response_header("X-B", ""); }},
        {"remove_request_header", "X-C", [](Endpoint& e) { e.remove_request_header("X-C"); }},
        {"remove_response_header", "X-D", [](Endpoint& e) { e.remove_response_header("X-D"); }},
        {"compression", "true", [](Endpoint& e) { e.compression(); }},
        {"websocket_tcp_conversion", "true", [](Endpoint& e) { e.websocket_tcp_conversion(); }},
        {"circuit_breaker", "0.25", [](Endpoint& e) { e.circuit_breaker(0.25); }},
        {"tls_termination", "true", [](Endpoint& e) { e.tls_termination(); }, "tls://app.example.com"},
    };
    std::set<std::string> keys = {"deny_cidr",           "backlog", "mutual_tls_ca", "tls_termination.certificate",
                                  "tls_termination.key", "oidc",    "agent_tls_termination",
                                  "agent_tls_termination.client_ca"};
    for (const One& one : all) {
        CAPTURE(one.key);
        keys.insert(one.key);
        const auto handle = endpoint(one.url);
        must_set(handle, one.key, one.value);
        Endpoint expected(one.url);
        one.change(expected);
        CHECK(request(handle->built()) == request(expected));
        Endpoint plain(one.url);
        if (*one.url != '\0') CHECK(request(plain) != request(expected)); // the option is in the request
    }
    CHECK(documented("adit_endpoint_set") == keys);
}

TEST_CASE("modules of several parts are put together whatever their order") {
    const auto handle = endpoint();
    must_set(handle, "oauth.scope", "profile");
    must_set(handle, "oauth.client_secret", "secret");
    must_set(handle, "oauth.client_id", "id");
    must_set(handle, "oauth", "google");
    must_set(handle, "oauth.allow_email", "a@example.com");
    must_set(handle, "oauth.allow_domain", "example.com");
    auto login = OAuthOptions("google")
                     .client("id", "secret")
                     .scope("profile")
                     .allow_email("a@example.com")
                     .allow_domain("example.com");
    CHECK(request(handle->built()) == request(Endpoint("https://app.example.com").oauth(login)));

    const auto second = endpoint();
    must_set(second, "oidc.client_secret", "secret");
    must_set(second, "oidc.client_id", "id");
    must_set(second, "oidc", "https://id.example.com");
    must_set(second, "oidc.scope", "profile");
    must_set(second, "oidc.allow_email", "a@example.com");
    must_set(second, "oidc.allow_domain", "example.com");
    auto oidc = OidcOptions("https://id.example.com", "id", "secret")
                    .scope("profile")
                    .allow_email("a@example.com")
                    .allow_domain("example.com");
    CHECK(request(second->built()) == request(Endpoint("https://app.example.com").oidc(oidc)));

    const auto third = endpoint("tls://app.example.com");
    must_set(third, "tls_termination.key", "key");
    must_set(third, "tls_termination.certificate", pem.c_str());
    must_set(third, "mutual_tls_ca", pem.c_str());
    const Endpoint built = third->built();
    CHECK(built.data().own_certificate);
    CHECK(built.data().tls_termination->cert == pem);
    CHECK(built.data().tls_termination->key == "key");
    CHECK(built.data().mutual_tls_ca == std::vector<std::string>{pem});

    const auto fourth = endpoint();
    must_set(fourth, "backlog", "7");
    must_set(fourth, "deny_cidr", "10.0.0.0/8");
    must_set(fourth, "compression", "false");
    CHECK(fourth->built().data().backlog == 7);
    CHECK(fourth->built().data().ip_restriction->deny_cidrs == std::vector<std::string>{"10.0.0.0/8"});
    CHECK_FALSE(fourth->built().data().compression.has_value());
}

TEST_CASE("every key of an upstream arrives in its option") {
    const auto handle = upstream();
    const std::pair<const char*, const char*> all[] = {
        {"roots_file", "f"},           {"roots_pem", "p"},    {"client_certificate", "chain"},
        {"client_key", "key"},         {"server_name", "n"},  {"verify", "false"},
        {"rewrite_host", "true"},      {"host_header", "h"},  {"app_protocol", "http2"},
        {"max_idle_connections", "3"}, {"idle_time_ms", "4"}, {"response_timeout_ms", "5"},
        {"dial_timeout_ms", "6"},
    };
    std::set<std::string> keys;
    for (const auto& [key, value] : all) {
        must_set(handle, key, value);
        keys.insert(key);
    }
    const Upstream::Data& data = handle->value.data();
    CHECK(data.address == "8080");
    CHECK(data.roots == Upstream::Data::Roots::pem);
    CHECK(data.roots_value == "p");
    CHECK(data.certificate_pem == "chain");
    CHECK(data.key_pem == "key");
    CHECK(data.server_name == "n");
    CHECK_FALSE(data.verify);
    CHECK(data.host_header == "h");
    CHECK(data.app_protocol == "http2");
    CHECK(data.max_idle_connections == 3);
    CHECK(data.idle_time.count() == 4);
    CHECK(data.response_timeout.count() == 5);
    CHECK(data.dial_timeout.count() == 6);
    CHECK(documented("adit_upstream_set") == keys);
}

TEST_CASE("a value of the wrong shape is refused with the name of its key") {
    const auto session = options();
    const auto end = endpoint();
    const auto up = upstream();
    CHECK(refusal(session, "reconnect", "yes").starts_with("reconnect: "));
    CHECK(refusal(session, "connect_timeout_ms", "3s").starts_with("connect_timeout_ms: "));
    CHECK(refusal(session, "connect_timeout_ms", "").starts_with("connect_timeout_ms: "));
    CHECK(refusal(session, "connect_timeout_ms", "99999999999999999999").starts_with("connect_timeout_ms: "));
    CHECK(refusal(session, "client_info", "name").starts_with("client_info: "));
    CHECK(refusal(session, "proxy_from_env", "false").starts_with("proxy_from_env: "));
    CHECK(refusal(session, "metadata", "\xc3(").starts_with("metadata: is not UTF-8"));
    CHECK(refusal(session, "metadata", nullptr).starts_with("metadata: is NULL"));
    CHECK(refusal(session, nullptr, "value").starts_with("key: is NULL"));
    CHECK(refusal(session, "no_such_key", "value").starts_with("no_such_key: there is no such option"));
    CHECK(refusal(session, "", "value").starts_with("key: "));
    CHECK(refusal(session, "a\x1b[31m", "value").starts_with("key: "));
    CHECK(refusal(session, std::string(1 << 20, 'k').c_str(), "value").starts_with("key: "));
    CHECK(refusal(session, "metadata", std::string((16u << 20) + 1, 'x').c_str()).starts_with("metadata: longer than"));
    CHECK(refusal(end, "basic_auth", "user").starts_with("basic_auth: "));
    CHECK(refusal(end, "label", "key").starts_with("label: "));
    CHECK(refusal(end, "request_header", "name").starts_with("request_header: "));
    CHECK(refusal(end, "request_header", "name: \xff").starts_with("request_header: "));
    CHECK(refusal(end, "circuit_breaker", "half").starts_with("circuit_breaker: "));
    CHECK(refusal(end, "circuit_breaker", "nan").starts_with("circuit_breaker: "));
    CHECK(refusal(end, "backlog", "-1").starts_with("backlog: "));
    CHECK(refusal(end, "compression", "1").starts_with("compression: "));
    CHECK(refusal(up, "verify", "").starts_with("verify: "));
    CHECK(refusal(Held<adit_options>(), "server", "x").starts_with("options: is NULL"));
    CHECK(refusal(Held<adit_endpoint>(), "name", "x").starts_with("endpoint: is NULL"));
    CHECK(refusal(Held<adit_upstream>(), "verify", "true").starts_with("upstream: is NULL"));
    adit_error error;
    CHECK(adit_endpoint_new(std::string((16u << 20) + 1, 'x').c_str(), &error) == nullptr);
    CHECK(error.code == ADIT_E_INVALID_OPTION);
    CHECK(adit_upstream_new(nullptr, &error) == nullptr);
    CHECK(error.code == ADIT_E_INVALID_OPTION);
    CHECK(Held<adit_endpoint>(adit_endpoint_new(nullptr, &error)) != nullptr);
    CHECK(error.code == ADIT_OK);
}

TEST_CASE("the data of a callback is released once, also when it is not taken") {
    int released = 0;
    const auto release = [](void* data) { ++*static_cast<int*>(data); };
    const auto event = [](const adit_event*, void*) {};
    const auto command = [](int, const char*, int, void*) -> const char* { return nullptr; };
    adit_error error;
    CHECK(adit_options_on_event(nullptr, event, &released, release, &error) == ADIT_E_INVALID_OPTION);
    CHECK(released == 1);
    auto handle = options();
    CHECK(adit_options_on_command(handle.get(), 9, command, &released, release, &error) == ADIT_E_INVALID_OPTION);
    CHECK(released == 2);
    CHECK(adit_options_on_event(handle.get(), event, &released, release, &error) == ADIT_OK);
    CHECK(adit_options_on_command(handle.get(), ADIT_COMMAND_UPDATE, command, &released, release, &error) == ADIT_OK);
    CHECK(released == 2);
    CHECK(adit_options_on_event(handle.get(), nullptr, nullptr, nullptr, &error) == ADIT_OK); // replaces
    CHECK(released == 3);
    handle.reset();
    CHECK(released == 4);
    CHECK(adit_options_on_event(options().get(), nullptr, &released, release, nullptr) == ADIT_OK);
    CHECK(released == 5);
}

TEST_CASE("the callbacks of commands get what the edge said") {
    const auto handle = options();
    const auto command = [](int which, const char* version, int major, void* data) -> const char* {
        *static_cast<std::string*>(data) += std::to_string(which) + version + std::to_string(major) + ";";
        return which == ADIT_COMMAND_STOP ? nullptr : "not now";
    };
    std::string said;
    for (const int which : {ADIT_COMMAND_STOP, ADIT_COMMAND_RESTART, ADIT_COMMAND_UPDATE})
        CHECK(adit_options_on_command(handle.get(), which, command, &said, nullptr, nullptr) == ADIT_OK);
    CHECK(handle->value.data().on_stop(Command(Command::Kind::stop)).empty());
    CHECK(handle->value.data().on_restart(Command(Command::Kind::restart)) == "not now");
    CHECK(handle->value.data().on_update(Command(Command::Kind::update, "1.2", true)) == "not now");
    CHECK(said == "00;10;21.21;");
    CHECK(adit_options_on_command(handle.get(), ADIT_COMMAND_STOP, nullptr, nullptr, nullptr, nullptr) == ADIT_OK);
    CHECK_FALSE(handle->value.data().on_stop);
}

TEST_CASE("memory that runs out anywhere gives a code, leaks nothing and breaks nothing") {
    int released = 0;
    const auto release = [](void* data) { ++*static_cast<int*>(data); };
    const auto event = [](const adit_event*, void*) {};
    std::size_t after = 0;
    for (int expected = 0;; ++expected, ++after) {
        adit_error error;
        int code = ADIT_OK;
        {
            const adit_test::AllocFault fault(after);
            Held<adit_endpoint> handle(
                adit_endpoint_new("https://a.name.that.is.too.long.to.be.kept.inside.example.com", &error));
            code = error.code;
            for (const char* key : {"name", "metadata", "oauth.scope", "tls_termination.key", "no such key"})
                if (code == ADIT_OK || code == ADIT_E_INVALID_OPTION)
                    code = set(handle, key, "a value that is too long to be kept inside", &error);
            if (code == ADIT_OK || code == ADIT_E_INVALID_OPTION)
                code = set(handle, "basic_auth", "somebody_with_a_name:somebody's password", &error);
            const Held<adit_options> session(adit_options_new());
            adit_options_on_event(session.get(), event, &released, release, nullptr);
        }
        CHECK(released == expected + 1);
        if (!adit_test::AllocFault::hit()) break;
        const bool out_of_memory =
            code == ADIT_OK || code == ADIT_E_INVALID_OPTION || (code == ADIT_E_SYSTEM && error.number == ENOMEM);
        CHECK_MESSAGE(out_of_memory, code << " " << error.message);
    }
    CHECK(after > 10);
}
