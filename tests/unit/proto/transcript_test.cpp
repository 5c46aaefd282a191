// Every message that an official client or its edge sent in the recordings is read, and loses nothing when it
// is written.
#include "proto/codec.hpp"
#include "proto/proxy_header.hpp"

#include "support/doctest.hpp"
#include "support/json_compare.hpp"
#include "support/transcript.hpp"

#include <map>
#include <sstream>

using namespace adit;
using adit_test::json_difference;
using adit_test::recorded_messages;
using adit_test::RecordedMessage;

namespace {

Result<ProxyHeader> read_proxy_header(std::string_view json) {
    ProxyHeaderReader reader;
    std::string framed(8, '\0');
    framed[0] = static_cast<char>(json.size());
    const Result<std::size_t> used = reader.feed(as_bytes(framed + std::string(json)));
    if (!used) return used.error();
    return reader.header();
}

template <class T>
Result<std::string> again(const Result<T>& message) {
    if (!message) return message.error();
    return encode(*message);
}

Result<std::string> answer_again(const RecordedMessage& message) {
    switch (static_cast<RequestType>(message.type)) {
    case RequestType::auth: return again(decode_auth_response(message.json));
    case RequestType::bind: return again(decode_bind_response(message.json));
    case RequestType::start_tunnel_with_label:
        return again(decode_start_tunnel_with_label_response(message.json));
    default: return again(decode_empty_response(message.json));
    }
}

Result<std::string> request_again(const RecordedMessage& message) {
    switch (static_cast<RequestType>(message.type)) {
    case RequestType::auth: return again(decode_auth_request(message.json));
    case RequestType::bind: return again(decode_bind_request(message.json));
    case RequestType::unbind: return again(decode_unbind_request(message.json));
    case RequestType::start_tunnel_with_label:
        return again(decode_start_tunnel_with_label_request(message.json));
    case RequestType::stop: return again(decode_stop_request(message.json));
    case RequestType::restart: return again(decode_restart_request(message.json));
    case RequestType::update: return again(decode_update_request(message.json));
    case RequestType::stop_tunnel: return again(decode_stop_tunnel_request(message.json));
    case RequestType::proxy: {
        Result<std::string> framed = again(read_proxy_header(message.json));
        if (framed) *framed = framed->substr(8);
        return framed;
    }
    default: return ErrorInfo(errc::protocol_error, "no such type in the recordings");
    }
}

// Client-opened streams are odd.
bool is_request(const RecordedMessage& message) { return message.from_client == (message.stream % 2 == 1); }

const std::map<std::string, std::string> go_spellings = {
    {"Extra.Authtoken", "Extra.AuthToken"},
    {"Opts.LocalURLScheme", "Opts.LocalUrlScheme"},
};

// What was lost: members that are new do not count, nor Go's spelling of a key.
std::string losses(const std::string& before, const std::string& after) {
    std::istringstream lines(json_difference(before, after));
    std::string lost;
    for (std::string line; std::getline(lines, line);) {
        if (line.find(": not expected, got ") != std::string::npos) continue;
        const auto spelling = go_spellings.find(line.substr(0, line.find(": missing")));
        const bool respelled = spelling != go_spellings.end() &&
                               after.find("\"" + spelling->second.substr(spelling->second.find('.') + 1) +
                                          "\":\"") != std::string::npos;
        if (!respelled) lost += line + "\n";
    }
    return lost;
}

const RecordedMessage& request_of(const std::vector<RecordedMessage>& messages, RequestType type) {
    for (const RecordedMessage& message : messages)
        if (message.from_client && message.type == static_cast<std::uint32_t>(type)) return message;
    FAIL("no such request in the recording");
    return messages.front();
}

const std::vector<std::string> names_the_client = {"Extra.OS", "Extra.Arch", "Extra.Version",
                                                   "Extra.UserAgent", "Extra.ClientType"};

} // namespace

TEST_CASE("what the Rust client sends is written back with exactly its fields") {
    int count = 0;
    for (const std::string& scenario : adit_test::recorded_scenarios()) {
        if (scenario >= "60") continue;
        for (const RecordedMessage& message : recorded_messages(scenario)) {
            if (!message.from_client) continue;
            CAPTURE(scenario);
            CAPTURE(message.json);
            if (!is_request(message)) continue;
            const Result<std::string> text = request_again(message);
            REQUIRE(text.has_value());
            CHECK(json_difference(message.json, *text) == "");
            ++count;
        }
    }
    CHECK(count >= 70);
}

TEST_CASE("no message of any recording loses a field") {
    std::map<std::uint32_t, int> types;
    int refusals = 0;
    for (const std::string& scenario : adit_test::recorded_scenarios()) {
        for (const RecordedMessage& message : recorded_messages(scenario)) {
            CAPTURE(scenario);
            CAPTURE(message.json);
            const Result<std::string> text =
                is_request(message) ? request_again(message) : answer_again(message);
            if (!text) {
                CHECK(message.json.find("\"Error\":\"") != std::string::npos);
                ++refusals;
                continue;
            }
            CHECK(losses(message.json, *text) == "");
            ++types[message.type];
        }
    }
    CHECK(refusals == 5); // Auth, Bind, and the three commands without a handler
    for (const RequestType type :
         {RequestType::auth, RequestType::bind, RequestType::unbind, RequestType::proxy, RequestType::restart,
          RequestType::stop, RequestType::update, RequestType::start_tunnel_with_label,
          RequestType::stop_tunnel}) {
        CAPTURE(static_cast<std::uint32_t>(type));
        CHECK(types[static_cast<std::uint32_t>(type)] > 0);
    }
}

TEST_CASE("the fields of a full http bind mean what they say") {
    const auto messages = recorded_messages("06_http_full");
    const auto request = decode_bind_request(request_of(messages, RequestType::bind).json);
    REQUIRE(request.has_value());
    const auto& opts = std::get<HttpOpts>(request->opts);
    CHECK(opts.domain == "full.tunnel.test");
    CHECK(opts.proxy_proto == ProxyProtocolVersion::v2);
    CHECK(opts.compression.has_value());
    CHECK(opts.circuit_breaker->error_threshold == 0.5);
    CHECK(opts.ip_restriction->allow_cidrs == std::vector<std::string>{"1.2.3.0/24"});
    CHECK(opts.ip_restriction->deny_cidrs == std::vector<std::string>{"4.5.6.0/24"});
    CHECK(opts.basic_auth->credentials.at(1).cleartext_password == "password2");
    CHECK(opts.oauth->provider == "google");
    CHECK(opts.oidc->issuer_url == "https://idp.example");
    CHECK(opts.webhook_verification->secret == "s3cret");
    CHECK(opts.mutual_tls_ca->mutual_tls_ca.starts_with("-----BEGIN CERTIFICATE-----"));
    CHECK(opts.request_headers->add == std::vector<std::string>{"x-req:1", "x-req2:2"});
    CHECK(opts.response_headers->remove == std::vector<std::string>{"x-rem2"});
    CHECK(opts.websocket_tcp_converter.has_value());
    CHECK(opts.user_agent_filter->deny == std::vector<std::string>{"^bad.*"});
    CHECK_FALSE(opts.traffic_policy.has_value());
    CHECK(request->extra.bindings == std::vector<std::string>{"internal"});
    CHECK(request->extra.pooling_enabled);
    CHECK(request->extra.metadata == "md");
}

TEST_CASE("a Go agent's spellings are understood") {
    const auto messages = recorded_messages("60_ngrok_v2_agent");
    const auto auth = decode_auth_request(request_of(messages, RequestType::auth).json);
    REQUIRE(auth.has_value());
    CHECK(auth->extra.auth_token == "tok_abc");
    CHECK(auth->extra.unknown.json().find("Fingerprint") != std::string::npos);
    const auto bind = decode_bind_request(request_of(messages, RequestType::bind).json);
    REQUIRE(bind.has_value());
    CHECK(std::get<HttpOpts>(bind->opts).local_url_scheme == "http");
    CHECK(std::get<HttpOpts>(bind->opts).auth == "u:p");
}

TEST_CASE("our messages for the same options equal the recorded ones but for the client's own name") {
    AuthRequest auth;
    auth.extra.auth_token = "tok123";
    CHECK(json_difference(request_of(recorded_messages("00_session_minimal"), RequestType::auth).json,
                          encode(auth), names_the_client) == "");

    BindRequest bind;
    const auto check_bind = [&bind](std::string_view scenario) {
        CAPTURE(scenario);
        CHECK(json_difference(request_of(recorded_messages(scenario), RequestType::bind).json, encode(bind),
                              {"ForwardsTo"}) == "");
    };
    bind.protocol = "tcp";
    bind.opts = TcpOpts();
    check_bind("02_tcp_minimal");
    bind.protocol = "https";
    bind.opts = HttpOpts();
    check_bind("04_http_minimal");
    HttpOpts http;
    http.domain = "fixed.tunnel.test";
    bind.protocol = "http";
    bind.forwards_proto = "http2";
    bind.opts = http;
    check_bind("05_http_scheme_http");
    bind.protocol = "tls";
    bind.forwards_proto = "";
    bind.opts = TlsOpts();
    check_bind("11_tls_minimal");
    TcpOpts tcp;
    tcp.proxy_proto = ProxyProtocolVersion::v1;
    bind.protocol = "tcp";
    bind.opts = tcp;
    check_bind("16_proxy_proto_v1");

    StartTunnelWithLabelRequest labeled;
    labeled.labels = {{"edge", "edghts_123"}, {"k", "v"}};
    labeled.forwards_proto = "http1";
    labeled.metadata = "lm";
    const auto recorded = recorded_messages("13_labeled");
    CHECK(json_difference(request_of(recorded, RequestType::start_tunnel_with_label).json, encode(labeled),
                          {"ForwardsTo"}) == "");
    UnbindRequest unbind;
    unbind.id = "lbl_33";
    CHECK(json_difference(request_of(recorded, RequestType::unbind).json, encode(unbind)) == "");
}

TEST_CASE("a rebind with the last answer's options is the recorded rebind") {
    const auto messages = recorded_messages("32_reconnect");
    BindResponse first;
    std::string rebind_text;
    for (const RecordedMessage& message : messages) {
        if (message.type != static_cast<std::uint32_t>(RequestType::bind)) continue;
        if (message.json.find("tn_7") == std::string::npos) continue;
        if (message.session == 0 && !message.from_client) first = *decode_bind_response(message.json);
        if (message.session == 1 && message.from_client) rebind_text = message.json;
    }
    REQUIRE_FALSE(rebind_text.empty());
    BindRequest rebind;
    rebind.id = first.id;
    rebind.protocol = first.protocol;
    rebind.opts = first.opts;
    rebind.extra.token = first.extra.token;
    rebind.extra.metadata = "md";
    CHECK(json_difference(rebind_text, encode(rebind), {"ForwardsTo"}) == "");
}

TEST_CASE("the comparison names what differs and honours its exceptions") {
    CHECK(json_difference(R"({"a":{"b":1,"c":2}})", R"({"a":{"c":2,"b":1}})") == "");
    CHECK(json_difference(R"({"a":{"b":1}})", R"({"a":{"b":2}})") == "a.b: expected 1, got 2\n");
    CHECK(json_difference(R"({"a":{"b":1}})", R"({"a":{}})") == "a.b: missing\n");
    CHECK(json_difference(R"({"a":{}})", R"({"a":{"b":1}})") == "a.b: not expected, got 1\n");
    CHECK(json_difference(R"({"a":{"b":1},"c":[1]})", R"({"c":[1],"d":2})", {"a", "d"}) == "");
    CHECK(json_difference(R"({"a":null})", R"({"a":""})") == "a: expected null, got \"\"\n");
    CHECK(json_difference("{", "{}") != "");
}
