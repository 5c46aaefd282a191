// Transcript parity: for the same options the SDK sends what a recorded official client (ngrok-rust 0.18 in
// @ngrok/ngrok 1.7.0) sent, message by message and field by field, over real TLS against the recorded answers.
#include "integration/client_support.hpp"

#include "proto/codec.hpp"
#include "support/json_compare.hpp"
#include "support/transcript.hpp"

#include <algorithm>
#include <functional>
#include <regex>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

namespace {

/// The fields that name the client itself. Everything else must be equal.
const std::vector<std::string> own_name = {
    "Extra.UserAgent",  // "adit/0.1.0"
    "Extra.ClientType", // "adit"
    "Extra.Version",    // "0.1.0"
};
/// With the default ForwardsTo: it holds the host, the program and its pid. Its form is compared.
const std::vector<std::string> own_program = {"ForwardsTo"};
const std::regex forwards_to_form(R"re("ForwardsTo":"app://[^/]*//[^"?]+\?pid=\d+")re");

/// A recorded scenario as an edge that gives the recorded answers.
class Replay {
public:
    /// `differ`: the fields of Auth that may.
    explicit Replay(const char* scenario, std::vector<std::string> differ = own_name)
        : messages_(recorded_messages(scenario)), differ_(std::move(differ)) {
        for (const RecordedMessage& message : messages_) {
            const bool asked = message.stream % 2 == 1; // the edge's own streams are even
            if (message.from_client && asked) expected_.push_back(message);
        }
        // The official client unbinds twice for one listener: in close(), and when the handle goes (agent-protocol 3.7).
        while (expected_.size() > 1 && expected_.back().type == expected_[expected_.size() - 2].type) expected_.pop_back();
        edge.answer_with([this](const SeenRequest& request) { return answer(request); });
    }

    /// What was recorded on `stream` from the edge: a proxy header, behind its length.
    Visitor visit(std::uint32_t stream) {
        for (const RecordedMessage& message : messages_) {
            if (message.from_client || message.stream != stream) continue;
            std::string head(8, '\0');
            for (std::size_t i = 0; i < 8; ++i) head[i] = static_cast<char>(message.json.size() >> (8 * i) & 0xff);
            return edge.open(message.type, head + message.json);
        }
        FAIL("nothing recorded on stream " << stream);
        return Visitor(nullptr);
    }

    void check_messages() {
        if (expected_.back().type == static_cast<std::uint32_t>(RequestType::unbind))
            edge.wait_request(RequestType::unbind);
        const std::vector<SeenRequest> sent = edge.requests();
        REQUIRE(sent.size() == expected_.size());
        for (std::size_t i = 0; i < sent.size(); ++i) {
            CHECK(sent[i].type == expected_[i].type);
            CHECK(sent[i].stream == expected_[i].stream);
            check_message(expected_[i].json, sent[i]);
        }
    }

    /// The options of the recorded Bind, for the PEM texts that the client was given.
    template <class Opts>
    Opts recorded_opts() const {
        for (const RecordedMessage& message : expected_)
            if (message.type == static_cast<std::uint32_t>(RequestType::bind))
                return std::get<Opts>(decode_bind_request(message.json)->opts);
        FAIL("no Bind was recorded");
        return {};
    }

    /// What the official client answered to a command of the edge.
    std::string recorded_answer(RequestType command) const {
        for (const RecordedMessage& message : messages_)
            if (message.from_client && message.type == static_cast<std::uint32_t>(command)) return message.json;
        FAIL("no answer was recorded");
        return {};
    }

    std::string recorded_token() const {
        const std::smatch match = find(expected_.at(0).json, R"re("AuthToken":"([^"]*)")re");
        return match[1];
    }

private:
    static std::smatch find(const std::string& text, const char* form) {
        std::smatch match;
        REQUIRE(std::regex_search(text, match, std::regex(form)));
        return match;
    }

    void check_message(const std::string& expected, const SeenRequest& sent) const {
        std::vector<std::string> except;
        if (sent.type == static_cast<std::uint32_t>(RequestType::auth)) except = differ_;
        if (std::regex_search(expected, forwards_to_form)) {
            except = own_program;
            CHECK(std::regex_search(sent.json, forwards_to_form));
        }
        CHECK(json_difference(expected, sent.json, except) == "");
    }

    std::optional<std::string> answer(const SeenRequest& request) const {
        // After a reconnect the stream's number comes again, and the next recorded answer belongs to it.
        const std::vector<SeenRequest> seen = edge.requests();
        auto before = std::ranges::count(seen, request.stream, &SeenRequest::stream) - 1;
        for (const RecordedMessage& message : messages_)
            if (!message.from_client && message.stream == request.stream && before-- == 0) return message.json;
        // Of answers that say nothing ({"Extra":null}) any will do.
        return R"({"Extra":null})";
    }

    std::vector<RecordedMessage> messages_;
    std::vector<std::string> differ_;
    std::vector<RecordedMessage> expected_;

public:
    MockEdge edge; // ends before what it answers with
};

Session connect(Replay& replay, std::string_view metadata = {}) {
    // As with ngrok's own service: without our extension, which is the subject of its own test below.
    auto options = replay.edge.options().authtoken(replay.recorded_token()).window_growth(false);
    return Session::connect(options.metadata(metadata));
}

void echo(Replay& replay, Listener& listener, const std::string& bytes) {
    Visitor visitor = replay.visit(2);
    visitor.write(bytes);
    Connection connection = listener.accept_for(20s);
    CHECK(connection.remote_address() == "203.0.113.7:54321");
    write_all(connection, read_exactly(connection, bytes.size()));
    CHECK(visitor.read(bytes.size()) == bytes);
    visitor.finish();
    char byte = 0;
    std::error_code ec;
    CHECK(connection.read_some(asio::buffer(&byte, 1), ec) == 0);
    CHECK(ec == asio::error::eof);
    connection.close();
    CHECK(visitor.read_all().empty());
}

} // namespace

TEST_CASE("00: a session without anything") {
    Replay replay("00_session_minimal");
    CHECK(replay.recorded_token() == "tok123");
    const Session session = connect(replay);
    CHECK(session.id() == "sess_1");
    CHECK(session.region() == "lo");
    replay.check_messages();
}

TEST_CASE("00: the only thing we add by ourselves is our extension, which others ignore") {
    Replay replay("00_session_minimal");
    const Session session = Session::connect(replay.edge.options().authtoken("tok123"));
    std::vector<std::string> except = own_name;
    CHECK(json_difference(recorded_messages("00_session_minimal").front().json, replay.edge.requests()[0].json, except) ==
          "Extra.Adit: not expected, got {\"Features\":[],\"Window\":1048576}\n");
}

TEST_CASE("01: a session with its options") {
    // Version and type are those of the user's entry; the user agent is that entry, then the client's own.
    Replay replay("01_session_full", {"Extra.UserAgent"});
    const CommandHandler done = [](const Command&) { return std::string(); };
    const Session session = Session::connect(replay.edge.options()
                                                 .authtoken(replay.recorded_token())
                                                 .window_growth(false)
                                                 .client_info("my-app", "1.2.3", "os comment")
                                                 .metadata(R"({"k":"v"})")
                                                 .heartbeat_interval(1000s) // the recorded client read its 1000 as seconds
                                                 .heartbeat_tolerance(2000s)
                                                 .on_stop(done)
                                                 .on_restart(done)
                                                 .on_update(done));
    replay.check_messages();
    const std::string sent = replay.edge.requests()[0].json;
    CHECK(sent.find(R"("UserAgent":"my-app/1.2.3 (os comment) adit/)") != std::string::npos);
}

TEST_CASE("02: a tcp endpoint, one connection, and its end") {
    Replay replay("02_tcp_minimal");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("tcp://"));
    CHECK(listener.url() == "tcp://0.tcp.tunnel.test:13");
    echo(replay, listener, "ping over tcp");
    listener.close();
    replay.check_messages();
}

TEST_CASE("03: a tcp endpoint with all its options") {
    Replay replay("03_tcp_full");
    Session session = connect(replay);
    auto endpoint = Endpoint("tcp://5.tcp.tunnel.test:12345").metadata("md").forwards_to("label for humans");
    endpoint.proxy_protocol(1).pooling(true).binding("public");
    endpoint.allow_cidr("10.0.0.0/8").allow_cidr("192.168.0.0/16").deny_cidr("10.1.0.0/16");
    const Listener listener =
        session.listen(endpoint.traffic_policy(R"({"on_tcp_connect":[{"actions":[{"type":"log"}]}]})"));
    CHECK(listener.url() == "tcp://5.tcp.tunnel.test:12345");
    replay.check_messages();
}

TEST_CASE("04: an http endpoint of a forwarder") {
    Replay replay("04_http_minimal");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("https://").forwards_to("http://127.0.0.1:43149/"));
    CHECK(listener.url() == "https://t9.tunnel.test");
    echo(replay, listener, "GET /x HTTP/1.1\r\nHost: a.tunnel.test\r\n\r\n");
    replay.check_messages();
}

TEST_CASE("05: an http endpoint with a domain and HTTP/2 on its connections") {
    Replay replay("05_http_scheme_http");
    Session session = connect(replay);
    const Listener listener = session.listen(Endpoint("http://fixed.tunnel.test").app_protocol("http2"));
    CHECK(listener.url() == "http://fixed.tunnel.test");
    replay.check_messages();
}

TEST_CASE("06: an http endpoint with everything that clients without traffic policies can ask for") {
    Replay replay("06_http_full");
    Session session = connect(replay);
    auto endpoint = Endpoint("https://full.tunnel.test").metadata("md").forwards_to("fw").proxy_protocol(2);
    endpoint.binding("internal").pooling(true).compression().circuit_breaker(0.5).websocket_tcp_conversion();
    endpoint.allow_cidr("1.2.3.0/24").deny_cidr("4.5.6.0/24");
    endpoint.basic_auth("user1", "password1").basic_auth("user2", "password2");
    auto oauth = OAuthOptions("google").client("cid", "csec").allow_email("a@x.com");
    endpoint.oauth(oauth.allow_domain("x.com").scope("profile"));
    auto oidc = OidcOptions("https://idp.example", "cid2", "csec2").allow_email("b@x.com");
    endpoint.oidc(oidc.allow_domain("y.com").scope("email"));
    endpoint.webhook_verification("github", "s3cret").allow_user_agent("^good.*").deny_user_agent("^bad.*");
    endpoint.mutual_tls_ca(replay.recorded_opts<HttpOpts>().mutual_tls_ca->mutual_tls_ca);
    endpoint.request_header("X-Req", "1").request_header("X-Req2", "2").remove_request_header("X-Rem");
    endpoint.response_header("X-Resp", "3").remove_response_header("X-Rem2");
    const Listener listener = session.listen(endpoint);
    CHECK(listener.url() == "https://full.tunnel.test");
    replay.check_messages();
}

TEST_CASE("07: an http endpoint with a traffic policy") {
    Replay replay("07_http_traffic_policy");
    Session session = connect(replay);
    const Listener listener = session.listen(Endpoint("https://").traffic_policy(
        R"json({"on_http_request":[{"name":"deny-bad","expressions":["req.url.path.startsWith('/bad')"],)json"
        R"json("actions":[{"type":"deny","config":{"status_code":403}}]}]})json"));
    replay.check_messages();
}

TEST_CASE("08: a policy of the older form is the text of a traffic policy") {
    Replay replay("08_http_legacy_policy");
    Session session = connect(replay);
    const Listener listener = session.listen(Endpoint("https://").traffic_policy(
        R"({"inbound":[{"name":"in","expressions":["req.Method == 'PUT'"],"actions":[{"type":"deny"}]}],)"
        R"("outbound":[{"name":"out","expressions":["res.StatusCode == '200'"],)"
        R"("actions":[{"type":"custom-response","config":{"status_code":201}}]}]})"));
    replay.check_messages();
}

TEST_CASE("09: an http endpoint with a password") {
    Replay replay("09_http_basic_auth");
    Session session = connect(replay);
    const Listener listener = session.listen(Endpoint("https://").basic_auth("u", "passw0rd1"));
    replay.check_messages();
}

TEST_CASE("10: an http endpoint with the edge's own OAuth application") {
    Replay replay("10_http_oauth");
    Session session = connect(replay);
    auto oauth = OAuthOptions("google").allow_email("a@x.com").allow_domain("x.com");
    const Listener listener = session.listen(Endpoint("https://").oauth(oauth.scope("s1").scope("s2")));
    replay.check_messages();
}

TEST_CASE("11: a tls endpoint") {
    Replay replay("11_tls_minimal");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("tls://"));
    CHECK(listener.url() == "tls://t28.tunnel.test");
    echo(replay, listener, "\x16\x03\x01raw tls bytes");
    replay.check_messages();
}

TEST_CASE("12: a tls endpoint with all its options: TLS and client certificates end at the edge") {
    Replay replay("12_tls_full");
    Session session = connect(replay);
    const auto recorded = replay.recorded_opts<TlsOpts>();
    auto endpoint = Endpoint("tls://t.tunnel.test").metadata("m").forwards_to("f").proxy_protocol(2).pooling(true);
    endpoint.mutual_tls_ca(recorded.mutual_tls_at_edge->mutual_tls_ca);
    endpoint.tls_termination(recorded.tls_termination->cert, recorded.tls_termination->key);
    endpoint.allow_cidr("0.0.0.0/0").deny_cidr("9.9.9.9/32").traffic_policy(R"({"on_tcp_connect":[]})");
    const Listener listener = session.listen(endpoint);
    CHECK(listener.url() == "tls://t.tunnel.test");
    replay.check_messages();
}

TEST_CASE("13: a labelled endpoint") {
    Replay replay("13_labeled");
    Session session = connect(replay);
    Listener listener =
        session.listen(Endpoint::labeled("edge", "edghts_123").label("k", "v").metadata("lm").app_protocol("http1"));
    CHECK(listener.id() == "lbl_33");
    echo(replay, listener, "hi labeled");
    listener.close();
    replay.check_messages();
}

TEST_CASE("14: closing a listener") {
    Replay replay("14_listener_close");
    Session session = connect(replay);
    session.listen(Endpoint("tcp://")).close();
    replay.check_messages();
}

TEST_CASE("16: PROXY protocol: the edge writes the header, the client adds nothing") {
    Replay replay("16_proxy_proto_v1");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("tcp://").proxy_protocol(1));
    echo(replay, listener, "payload");
    replay.check_messages();
}

TEST_CASE("20: heartbeats of the edge are echoed") {
    Replay replay("20_server_heartbeat");
    replay.edge.heartbeat_every(100ms);
    const Session session = connect(replay);
    replay.edge.wait_heartbeats(3); // an echo of other bytes would have ended the session
    CHECK(session.is_open());
    replay.check_messages();
}

TEST_CASE("21: a refused authentication") {
    Replay replay("21_auth_error");
    ErrorInfo error;
    (void)Session::connect(replay.edge.options().authtoken(replay.recorded_token()).window_growth(false), error);
    CHECK(error.code() == ngrok_error(105));
    CHECK(error.detail() == "authentication failed: The authtoken you specified is bad");
    replay.check_messages();
}

TEST_CASE("22: a refused bind") {
    Replay replay("22_bind_error");
    Session session = connect(replay);
    ErrorInfo error;
    (void)session.listen(Endpoint("https://"), error);
    CHECK(error.code() == ngrok_error(334));
    replay.check_messages();
}

TEST_CASE("23: nobody takes the connection: the visitor sees its end") {
    Replay replay("23_upstream_refused");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("tcp://"));
    Visitor visitor = replay.visit(2);
    visitor.write("x");
    listener.accept_for(20s).close();
    CHECK(visitor.read_all().empty());
    replay.check_messages();
}

TEST_CASE("24: an answer without an upstream") {
    Replay replay("24_http_upstream_refused");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("https://").forwards_to("http://127.0.0.1:1/"));
    Visitor visitor = replay.visit(2);
    visitor.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    Connection connection = listener.accept_for(20s);
    write_all(connection, "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
    connection.close();
    CHECK(visitor.read_all() == "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
    replay.check_messages();
}

TEST_CASE("25: an unknown type of stream ends, the session goes on") {
    Replay replay("25_unknown_stream_type");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("tcp://"));
    CHECK(replay.edge.open(77, "??").read_all().empty());
    Visitor visitor = replay.visit(4);
    visitor.write("still alive?");
    Connection connection = listener.accept_for(20s);
    write_all(connection, read_exactly(connection, 12));
    CHECK(visitor.read(12) == "still alive?");
    replay.check_messages();
}

TEST_CASE("26: a connection for an unknown listener ends, the session goes on") {
    Replay replay("26_proxy_unknown_id");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("tcp://"));
    Visitor nowhere = replay.visit(2);
    nowhere.write("x");
    CHECK(nowhere.read_end() == asio::error::eof);
    Visitor visitor = replay.visit(4);
    visitor.write("alive");
    Connection connection = listener.accept_for(20s);
    write_all(connection, read_exactly(connection, 5));
    CHECK(visitor.read(5) == "alive");
    replay.check_messages();
}

TEST_CASE("40: the options of the official client's short form") {
    Replay replay("40_http_forward_url_https_upstream");
    Session session = connect(replay, "sm");
    auto endpoint = Endpoint("https://conv.tunnel.test").metadata("m").compression().allow_cidr("10.0.0.0/8");
    endpoint.basic_auth("u", "passw0rd!").request_header("a", "b");
    const Listener listener = session.listen(endpoint.oauth(OAuthOptions("google").allow_domain("x.com")));
    CHECK(listener.url() == "https://conv.tunnel.test");
    replay.check_messages();
}

TEST_CASE("41: an edge that speaks the second version of the protocol") {
    Replay replay("41_auth_redirect_version2");
    Session session = connect(replay);
    const Listener listener = session.listen(Endpoint("tcp://"));
    CHECK(listener.is_open());
    replay.check_messages();
}

TEST_CASE("17 and 18: commands of the edge, with handlers and without") {
    for (const bool handled : {true, false}) {
        CAPTURE(handled);
        Replay replay(handled ? "17_commands" : "18_commands_unhandled");
        SessionOptions options = replay.edge.options().authtoken(replay.recorded_token()).window_growth(false);
        const CommandHandler done = [](const Command&) { return std::string(); };
        if (handled) options.on_stop(done).on_restart(done).on_update(done);
        const Session session = Session::connect(options);
        for (const RequestType type : {RequestType::stop, RequestType::restart, RequestType::update}) {
            const bool update = type == RequestType::update;
            const auto* const json = update ? R"({"Version":"4.0.0","PermitMajorVersion":false})" : "{}";
            const std::string answer = replay.edge.open(static_cast<std::uint32_t>(type), json).read_all();
            CHECK(json_difference(replay.recorded_answer(type), answer, {}) == "");
        }
        replay.check_messages();
    }
}

TEST_CASE("19: a listener that the edge stops ends with its words") {
    Replay replay("19_stop_tunnel");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("tcp://"));
    const std::string stop = R"({"Id":")" + listener.id() + R"(","Message":"stopped by operator","ErrorCode":"ERR_NGROK_9999"})";
    CHECK(replay.edge.open(static_cast<std::uint32_t>(RequestType::stop_tunnel), stop).read_all().empty());
    std::error_code ec;
    (void)listener.accept_for(20s, ec);
    CHECK(ec == errc::listener_closed);
    CHECK(listener.last_error().code() == ngrok_error(9999));
    CHECK(listener.last_error().detail() == "stopped by operator");
    replay.check_messages();
}

TEST_CASE("32: what a session sends when it comes back") {
    Replay replay("32_reconnect");
    Session session = Session::connect(
        with_reconnect_delay(replay.edge.options().authtoken(replay.recorded_token()).window_growth(false), 5ms));
    Listener tcp = session.listen(Endpoint("tcp://").metadata("md"));
    const Listener https = session.listen(Endpoint("https://"));
    Listener labelled = session.listen(Endpoint::labeled("edge", "e1"));
    replay.edge.drop();
    replay.edge.wait_request(RequestType::start_tunnel_with_label, 2);
    replay.check_messages();
    CHECK(tcp.id() == "tn_7");
    CHECK(https.id() == "tn_9");
    Visitor visitor = replay.edge.visit(tcp.id());
    CHECK(tcp.accept_for(20s).is_open());
}

TEST_CASE("33: the edge says goodbye, and the session comes back") {
    Replay replay("33_edge_goaway");
    Session session = Session::connect(
        with_reconnect_delay(replay.edge.options().authtoken(replay.recorded_token()).window_growth(false), 5ms));
    Listener listener = session.listen(Endpoint("tcp://"));
    replay.edge.goaway();
    replay.edge.wait_request(RequestType::bind, 2);
    replay.check_messages();
    CHECK(listener.id() == "tn_16");
}
