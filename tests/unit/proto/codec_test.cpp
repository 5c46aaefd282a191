#include "proto/codec.hpp"

#include "support/doctest.hpp"
#include "support/json_compare.hpp"

using namespace adit;
using namespace std::chrono_literals;
using adit_test::json_difference;

TEST_CASE("keys are read in any case and null is unset (agent-protocol 3.1)") {
    const auto request =
        decode_auth_request(R"({"VERSION":["3"],"clientid":"c","eXTRA":{"Authtoken":"t","os":null,
        "heartbeatinterval":5000000000,"LegNumber":2,"CustomCAs":true,"Fingerprint":null}})");
    REQUIRE(request.has_value());
    CHECK(request->versions == std::vector<std::string>{"3"});
    CHECK(request->client_id == "c");
    CHECK(request->extra.auth_token == "t");
    CHECK(request->extra.os.empty());
    CHECK(request->extra.heartbeat_interval == 5s);
    CHECK(request->extra.heartbeat_tolerance == 0s);
    CHECK(request->extra.leg_number == 2);
    CHECK(request->extra.custom_cas);
    CHECK_FALSE(request->extra.stop_unsupported_error.has_value());
    CHECK(request->extra.unknown.json() == R"({"Fingerprint":null})");
}

TEST_CASE("nothing at all is a message of zeros for a request") {
    const auto request = decode_auth_request(" {}\n");
    REQUIRE(request.has_value());
    CHECK(request->versions.empty());
    CHECK(request->unknown.empty());
    CHECK(decode_unbind_request("{}")->id.empty());
    CHECK(decode_stop_request("{}").has_value());
    CHECK(decode_restart_request(R"({"x":[1,{"y":null}]})")->unknown.json() == R"({"x":[1,{"y":null}]})");
    CHECK(decode_srv_info_request("{}").has_value());
    CHECK_FALSE(decode_update_request("{}")->permit_major_version);
}

TEST_CASE("unknown members are kept at every level and written back out") {
    const std::string text =
        R"({"Id":"i","Proto":"https","ForwardsTo":"f","ForwardsProto":"","New":{"a":[1,2.5,"x"]},
        "Opts":{"URL":"u","Domain":"","Hostname":"","Auth":"","Subdomain":"","HostHeaderRewrite":false,
        "LocalUrlScheme":null,"ProxyProto":0,"Compression":{"level":9},"CircuitBreaker":{"error_threshold":0.25,"n":1},
        "IPRestriction":{"x":{}},"BasicAuth":{"credentials":[{"username":"u","y":true}],"z":"\u00e9"},"OAuth":{"provider":"p","q":0},
        "OIDC":{"issuer_url":"i","q":1},"WebhookVerification":{"provider":"w","q":2},"MutualTLSCA":{"q":3},
        "RequestHeaders":{"add":["a:b"],"addParsed":{"c":"d"},"q":4},"ResponseHeaders":{"q":5},
        "WebsocketTCPConverter":{"q":6},"UserAgentFilter":{"allow":["."],"q":7},"Policy":{"Inbound":[]},
        "TrafficPolicy":"{}","Later":[[]]},
        "Extra":{"Token":"","IPPolicyRef":"","Metadata":"","Bindings":["public"],"PoolingEnabled":true,"Name":"n",
        "Description":"d","Odd":-1}})";
    const auto request = decode_bind_request(text);
    REQUIRE(request.has_value());
    CHECK(json_difference(text, encode(*request)) == "");
}

TEST_CASE("an edge's answer echoes the options, with the URL and a token") {
    const auto request = decode_bind_request(
        R"({"Proto":"tls","Opts":{"URL":"tls://","TLSTermination":{},"new":7},"Extra":null,"Other":1})");
    REQUIRE(request.has_value());
    const BindResponse answer(*request, "ep_1", "tls://a.example.com", "tok");
    CHECK(json_difference(
              R"({"Id":"ep_1","URL":"tls://a.example.com","Proto":"tls","Opts":{"URL":"tls://a.example.com",
        "Domain":"","Hostname":"","Subdomain":"","ProxyProto":0,"MutualTLSAtAgent":false,
        "MutualTLSAtEdge":null,"TLSTermination":{},"IPRestriction":null,"TrafficPolicy":null,"new":7},"Extra":{"Token":"tok"}})",
              encode(answer)) == "");
    const auto back = decode_bind_response(encode(answer));
    REQUIRE(back.has_value());
    CHECK(std::get<TlsOpts>(back->opts).tls_termination.has_value());
    CHECK(std::get<TlsOpts>(back->opts).url == "tls://a.example.com");
    CHECK(back->extra.token == "tok");
}

TEST_CASE("the protocol decides which options there are") {
    CHECK(std::holds_alternative<HttpOpts>(decode_bind_request(R"({"Proto":"http"})")->opts));
    CHECK(std::holds_alternative<HttpOpts>(decode_bind_request(R"({"Opts":null,"Proto":"https"})")->opts));
    CHECK(std::holds_alternative<TcpOpts>(
        decode_bind_request(R"({"Opts":{"Addr":"a:1"},"proto":"tcp"})")->opts));
    CHECK(std::holds_alternative<TlsOpts>(decode_bind_request(R"({"Proto":"tls"})")->opts));
    for (const std::string_view text :
         {R"({"Proto":"ssh"})", R"({"Proto":""})", R"({})", R"({"Proto":"HTTP","Opts":{}})"}) {
        CAPTURE(text);
        CHECK(decode_bind_request(text).error().code() == ngrok_error(332));
    }
    CHECK(decode_bind_response(R"({"Id":"i","URL":"u","Proto":"ssh"})").error().code() ==
          errc::protocol_error);
}

TEST_CASE("answers that lack what is needed are refused") {
    CHECK(decode_auth_response("{}").error().message() == "the answer lacks ClientId");
    CHECK(decode_auth_response(R"({"ClientId":"c","Extra":null})").has_value());
    CHECK(decode_bind_response(R"({"URL":"u","Proto":"tcp"})").error().message() == "the answer lacks Id");
    CHECK(decode_bind_response(R"({"Id":"i","Proto":"tcp"})").error().message() == "the answer lacks URL");
    CHECK(decode_bind_response(R"({"Id":"i","URL":"u","Proto":"tcp"})").has_value());
    CHECK(decode_start_tunnel_with_label_response("{}").error().message() == "the answer lacks Id");
    CHECK(decode_srv_info_response(R"({"Region":"eu"})")->region == "eu");
}

TEST_CASE("a value of the wrong type is refused by the name of its field") {
    constexpr std::pair<std::string_view, std::string_view> auth[] = {
        {R"({"Version":"3"})", "Version must be an array"},
        {R"({"Version":[3]})", "Version[0] must be a string"},
        {R"({"ClientId":1})", "ClientId must be a string"},
        {R"({"Extra":[]})", "Extra must be an object"},
        {R"({"Extra":{"authtoken":{}}})", "Extra.AuthToken must be a string"},
        {R"({"Extra":{"MutualTLS":"no"}})", "Extra.MutualTLS must be true or false"},
        {R"({"Extra":{"HeartbeatInterval":"10"}})", "Extra.HeartbeatInterval must be an integer of 64 bits"},
        {R"({"Extra":{"HeartbeatInterval":1.5}})", "Extra.HeartbeatInterval must be an integer of 64 bits"},
        {R"({"Extra":{"HeartbeatInterval":9223372036854775808}})",
         "Extra.HeartbeatInterval must be an integer of 64 bits"},
        {R"({"Extra":{"LegNumber":-1}})", "Extra.LegNumber must be an integer of 32 bits, not negative"},
        {R"({"Extra":{"LegNumber":4294967296}})",
         "Extra.LegNumber must be an integer of 32 bits, not negative"},
        {R"({"Extra":{"Adit":{"Features":[null]}}})", "Extra.Adit.Features[0] must be a string"},
        {R"({"Extra":{"AuthToken":"a","Authtoken":"b"}})",
         "Extra.AuthToken must be given once, not in two spellings"},
    };
    for (const auto& [text, message] : auth) {
        CAPTURE(text);
        const auto request = decode_auth_request(text);
        REQUIRE_FALSE(request.has_value());
        CHECK(request.error().code() == errc::protocol_error);
        CHECK(request.error().message() == message);
    }
    constexpr std::pair<std::string_view, std::string_view> bind[] = {
        {R"({"Proto":"https","Opts":[]})", "Opts must be an object"},
        {R"({"Proto":"https","Opts":{"ProxyProto":"1"}})", "Opts.ProxyProto must be 0, 1 or 2"},
        {R"({"Proto":"tcp","Opts":{"ProxyProto":3}})", "Opts.ProxyProto must be 0, 1 or 2"},
        {R"({"Proto":"tcp","Opts":{"ProxyProto":-1}})", "Opts.ProxyProto must be 0, 1 or 2"},
        {R"({"Proto":"tcp","Opts":{"ProxyProto":18446744073709551615}})",
         "Opts.ProxyProto must be 0, 1 or 2"},
        {R"({"Proto":"https","Opts":{"TrafficPolicy":{}}})", "Opts.TrafficPolicy must be a string"},
        {R"({"Proto":"https","Opts":{"CircuitBreaker":{"error_threshold":"x"}}})",
         "Opts.CircuitBreaker.error_threshold must be a number"},
        {R"({"Proto":"https","Opts":{"BasicAuth":{"credentials":[{},{"hashed_password":"?"}]}}})",
         "Opts.BasicAuth.credentials[1].hashed_password must be base64"},
        {R"({"Proto":"https","Opts":{"RequestHeaders":{"addParsed":{"a":1}}}})",
         "Opts.RequestHeaders.addParsed[] must be a string"},
        {R"({"Proto":"tls","Opts":{"TLSTermination":true}})", "Opts.TLSTermination must be an object"},
        {R"({"Proto":"tls","Extra":{"Bindings":"public"}})", "Extra.Bindings must be an array"},
    };
    for (const auto& [text, message] : bind) {
        CAPTURE(text);
        const auto request = decode_bind_request(text);
        REQUIRE_FALSE(request.has_value());
        CHECK(request.error().code() == errc::protocol_error);
        CHECK(request.error().message() == message);
    }
    CHECK(decode_start_tunnel_with_label_request(R"({"Labels":{"a":1}})").error().message() ==
          "Labels[] must be a string");
    CHECK(decode_auth_response(R"({"ClientId":"c","Extra":{"SessionDuration":"12"}})").error().message() ==
          "Extra.SessionDuration must be an integer of 64 bits");
}

TEST_CASE("a key given twice in one spelling counts as its last, as in Go; labels of two spellings are two") {
    CHECK(decode_unbind_request(R"({"Id":"a","Id":"b"})")->id == "b");
    CHECK(decode_start_tunnel_with_label_request(R"({"Labels":{"a":"1","A":"2"}})")->labels.size() == 2);
}

TEST_CASE("text, size and depth have bounds") {
    using namespace std::string_view_literals;
    for (const std::string_view text :
         {"", "x", "null", "[]", "1", "{", "{}x", "{}{}", "{\"a\"}", "{'a':1}", "{\"a\":1,}", "{\"a\":NaN}",
          "{\"a\":1e999}", "{\"a\":\"\n\"}", "{\"a\":\"\xff\"}", "{\"a\":\"\\ud800\"}", "{/**/}",
          "\xef\xbb\xbf{}"}) {
        CAPTURE(text);
        CHECK(decode_auth_request(text).error().code() == errc::protocol_error);
    }
    CHECK(decode_auth_request("{\"a\":1\0}"sv).error().code() == errc::protocol_error);
    const auto deep = [](std::size_t levels) {
        return "{\"a\":" + std::string(levels, '[') + std::string(levels, ']') + "}";
    };
    CHECK(decode_auth_request(deep(limits::json_depth_max - 1)).has_value());
    CHECK(decode_auth_request(deep(limits::json_depth_max)).error().code() == errc::limit_exceeded);
    CHECK(decode_auth_request(deep(400'000)).error().code() == errc::limit_exceeded);

    std::string large = "{\"a\":\"\"}";
    large.insert(6, limits::rpc_message_max - large.size(), 'x');
    CHECK(decode_auth_request(large).has_value());
    CHECK(decode_auth_request(large + " ").error().code() == errc::limit_exceeded);
    const auto wide = [](std::size_t members) {
        std::string text = "{";
        for (std::size_t i = 0; i < members; ++i) text += "\"k" + std::to_string(i) + "\":\"\",";
        text.back() = '}';
        return text;
    };
    CHECK(decode_auth_request(wide(limits::json_members_max)).has_value());
    CHECK(decode_auth_request(wide(limits::json_members_max + 1)).error().code() == errc::limit_exceeded);
    const auto labeled = [&wide](std::size_t labels) { return "{\"Labels\":" + wide(labels) + "}"; };
    CHECK(decode_start_tunnel_with_label_request(labeled(limits::json_members_max))->labels.size() ==
          limits::json_members_max);
    CHECK(decode_start_tunnel_with_label_request(labeled(limits::json_members_max + 1)).error().code() ==
          errc::limit_exceeded);
    CHECK(decode_auth_request("{}" + std::string(limits::rpc_message_max, ' ')).error().code() ==
          errc::limit_exceeded);
}

TEST_CASE("strings of any bytes become JSON that every decoder takes") {
    UnbindRequest request;
    using namespace std::string_view_literals;
    request.id = "\0\x01\x1f\x7f\"\\/\n\r\t\b<>&\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"sv;
    const std::string text = encode(request);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(decode_unbind_request(text)->id == request.id);

    const std::pair<std::string, std::string> broken[] = {
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"\xc3", "\xef\xbf\xbd"},
        {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe0\x9f\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf0\x8f\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (const auto& [bytes, id] : broken) {
        CAPTURE(bytes);
        request.id = bytes;
        CHECK(decode_unbind_request(encode(request))->id == id);
    }
}

TEST_CASE("bytes travel as base64") {
    HttpOpts opts;
    opts.mutual_tls_ca.emplace().mutual_tls_ca = std::string("\0\xff"
                                                             "PEM",
                                                             5);
    BindRequest request;
    request.protocol = "https";
    request.opts = opts;
    const std::string text = encode(request);
    CHECK(text.find(R"("MutualTLSCA":{"mutual_tls_ca":"AP9QRU0="})") != std::string::npos);
    CHECK(std::get<HttpOpts>(decode_bind_request(text)->opts).mutual_tls_ca->mutual_tls_ca ==
          std::string("\0\xff"
                      "PEM",
                      5));
}

TEST_CASE("numbers are written so that they come back the same") {
    BindRequest request;
    request.protocol = "https";
    for (const double value : {0.5, 0.1, 1.0, 1e-9, 123456789.25}) {
        CAPTURE(value);
        HttpOpts opts;
        opts.circuit_breaker.emplace().error_threshold = value;
        request.opts = opts;
        CHECK(
            std::get<HttpOpts>(decode_bind_request(encode(request))->opts).circuit_breaker->error_threshold ==
            value);
    }
}

TEST_CASE("the extension between adit peers is one member that others ignore") {
    AuthRequest request;
    CHECK(encode(request).find("Adit") == std::string::npos);
    request.extra.adit.emplace().window = 1 << 20;
    request.extra.adit->features = {"x", "y"};
    const std::string text = encode(request);
    CHECK(text.find(R"("Adit":{"Window":1048576,"Features":["x","y"]})") != std::string::npos);
    CHECK(decode_auth_request(text)->extra.adit->window == 1 << 20);
    CHECK(decode_auth_request(text)->extra.adit->features == std::vector<std::string>{"x", "y"});
    CHECK(decode_auth_request(R"({"Extra":{"Adit":{"Window":5}}})")->extra.adit->window ==
          limits::initial_window);
    CHECK(decode_auth_response(R"({"ClientId":"c","Extra":{"Adit":{}}})")->extra.adit->window ==
          limits::initial_window);
    CHECK_FALSE(decode_auth_response(R"({"ClientId":"c","Extra":{"Adit":null}})")->extra.adit.has_value());
}

TEST_CASE("an Auth answer for Go leaves out what Go could not read") {
    AuthResponse answer;
    answer.client_id = "sess_1";
    CHECK(encode(answer).find("DeprecationWarning") == std::string::npos);
    answer.extra.deprecation_warning.emplace().message = "old";
    CHECK(encode(answer).find("NextDate") == std::string::npos);
    answer.extra.deprecation_warning->next_date = "2030-01-01T00:00:00Z";
    answer.extra.connect_addresses.emplace_back().server_addr = "a.example.com:443";
    answer.extra.agent_session_id = "as_1";
    const auto back = decode_auth_response(encode(answer));
    REQUIRE(back.has_value());
    CHECK(back->extra.deprecation_warning->next_date == "2030-01-01T00:00:00Z");
    CHECK(back->extra.connect_addresses.at(0).server_addr == "a.example.com:443");
    CHECK(back->extra.agent_session_id == "as_1");
}

TEST_CASE("a patch changes only what it names") {
    PatchTunnelStateRequest patch;
    patch.tunnel_id = "tn_1";
    CHECK(encode(patch) == R"({"TunnelId":"tn_1"})");
    patch.name = "";
    patch.pooling_enabled = false;
    CHECK(encode(patch) == R"({"TunnelId":"tn_1","Name":"","PoolingEnabled":false})");
    const auto back = decode_patch_tunnel_state_request(encode(patch));
    CHECK(back->name == "");
    CHECK(back->pooling_enabled == false);
    CHECK_FALSE(back->metadata.has_value());
}

TEST_CASE("commands have the members that Rust agents need") {
    UpdateRequest update;
    CHECK(encode(update) == R"({"Version":"","PermitMajorVersion":false})");
    CHECK(encode(StopRequest()) == "{}");
    CHECK(encode(RestartRequest()) == "{}");
    CHECK(encode(EmptyResponse()) == "{}");
    CHECK(encode(SrvInfoRequest()) == "{}");
    StopTunnelRequest stop;
    stop.id = "tn_1";
    stop.message = "m";
    stop.error_code = "ERR_NGROK_300";
    CHECK(encode(stop) == R"({"Id":"tn_1","Message":"m","ErrorCode":"ERR_NGROK_300"})");
    CHECK(decode_stop_tunnel_request(R"({"Id":"x","Message":"m","ErrorCode":null})")->error_code.empty());
}

TEST_CASE("text is UTF-8 exactly if it is written as it is") {
    struct Row {
        std::string_view text;
        bool utf8;
    };
    const Row rows[] = {
        {"", true},
        {"plain", true},
        {"\xc3\xbc", true},
        {"\xe2\x82\xac", true},
        {"\xf0\x9f\x98\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\xff", false},
        {"a\xfc" "b", false},          // Latin-1
        {"\xc3", false},               // cut
        {"\xe2\x82", false},           // cut
        {"\xc0\xaf", false},           // overlong
        {"\xe0\x80\xaf", false},       // overlong
        {"\xed\xa0\x80", false},       // surrogate
        {"\xf4\x90\x80\x80", false},   // beyond U+10FFFF
        {"\x80", false},               // a tail alone
    };
    for (const Row& row : rows) {
        CAPTURE(std::string(row.text));
        CHECK(is_utf8(row.text) == row.utf8);
        UnbindRequest request;
        request.id = row.text;
        CHECK((decode_unbind_request(encode(request))->id == row.text) == row.utf8);
    }
}
