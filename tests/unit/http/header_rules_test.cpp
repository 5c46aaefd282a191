// Threats T4, T5 and T11, behaviour D.4.
#include "http/header_rules.hpp"
#include "http_log.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

using namespace adit;
using namespace http_test;

namespace {

// "name: value" of every field, one a line.
std::string lines_of(const Fields& fields) {
    std::string out;
    for (const Field& field : fields) out.append(field.name).append(": ").append(field.value) += '\n';
    return out;
}

Head request_head(const std::string& lines, std::string_view start = "GET / HTTP/1.1") {
    RequestParser parser;
    const std::string bytes = std::string(start) + "\r\nHost: app.example\r\n" + lines + "\r\n";
    const ParseResult r = parser.parse(as_bytes(bytes));
    REQUIRE(r.state == ParseState::head_complete);
    return std::move(parser.head());
}

Head response_head(const std::string& bytes, const RequestFacts& facts) {
    ResponseParser parser;
    parser.expect(facts.to_head ? "HEAD" : facts.to_connect ? "CONNECT" : "GET", facts.upgrade);
    const ParseResult r = parser.parse(as_bytes(bytes));
    REQUIRE(r.state == ParseState::head_complete);
    return std::move(parser.head());
}

const std::string ours =
    "X-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: https\nX-Forwarded-Host: app.example\n";

} // namespace

TEST_CASE("what the application sees of a visitor's fields") {
    struct Row {
        std::string sent;
        std::string seen; // between Host and our own
    };
    const Row rows[] = {
        {"", ""},
        {"Accept: */*\r\nCookie: a=b\r\n", "Accept: */*\nCookie: a=b\n"},
        // spoofing
        {"X-Forwarded-For: 1.2.3.4\r\n", ""},
        {"X-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 5.6.7.8\r\n", ""},
        {"X-FORWARDED-PROTO: http\r\nX-Forwarded-Host: evil\r\n", ""},
        {"X-Forwarded-Port: 1\r\nX-Forwarded-Server: x\r\nX-Forwarded-Prefix: /x\r\n", ""},
        {"Forwarded: for=1.2.3.4\r\n", ""},
        {"X-Real-IP: 1.2.3.4\r\n", ""},
        {"ngrok-auth-user-email: root@example.com\r\nNgrok-Error-Code: x\r\n", ""},
        {"ngrok-skip-browser-warning: 1\r\n", "ngrok-skip-browser-warning: 1\n"},
        {"Client-Cert: :AAAA:\r\nCLIENT-CERT-CHAIN: :AAAA:, :AAAA:\r\nngrok-mtls-subject-cn: root\r\n", ""},
        {"client_cert: :AAAA:\r\nClient_Cert-Chain: :AAAA:\r\nngrok_mtls_subject_cn: root\r\n", ""},
        {"Client-Certificate: mine\r\n", "Client-Certificate: mine\n"},
        {"x_forwarded_for: 1.2.3.4\r\nX_Forwarded-For: 1\r\nX-Forwarded_Host: 1\r\nx_forwarded_proto: 1\r\n",
         ""},
        {"x_real_ip: 1\r\nngrok_auth_user_id: 1\r\nX_FORWARDED_PREFIX: 1\r\n", ""},
        {"content_length: 5\r\nTransfer_Encoding: chunked\r\nproxy_authorization: x\r\n", ""},
        {"my_header: 1\r\nX-Forwarded: 1\r\n", "my_header: 1\nX-Forwarded: 1\n"},
        {"Proxy: http://evil\r\n", ""},
        // hop by hop
        {"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n", ""},
        {"TE: trailers\r\nTrailer: X-Sum\r\nProxy-Authorization: Basic x\r\n", ""},
        {"Connection: X-Drop, x-too\r\nX-Drop: 1\r\nX-Keep: 2\r\nX-TOO: 3\r\n", "X-Keep: 2\n"},
        {"X-Drop: 1\r\nConnection: a\r\nConnection: x-drop\r\n", ""},
        // what Connection may not take away
        {"Connection: x-forwarded-for\r\n", ""},
        {"Connection: host, content-length, x-forwarded-for, x-forwarded-proto, x-forwarded-host\r\n", ""},
        {"Connection: X-Forwarded-For\r\nX-Forwarded-For: 1.2.3.4\r\n", ""},
        // upgrades that are none
        {"Upgrade: websocket\r\n", ""},
        {"Connection: upgrade\r\n", ""},
        {"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAA\r\n", ""},
        {"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n", ""},
        {"Connection: Upgrade\r\nUpgrade: H2C\r\n", ""},
        // expectations
        {"Expect: 100-continue\r\n", ""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.sent);
        Head head = request_head(row.sent);
        apply_request_rules(head, VisitorInfo{"192.0.2.1", true, false});
        CHECK(lines_of(head) == "Host: app.example\n" + row.seen + ours);
        CHECK_FALSE(head.upgrade());
    }
}

TEST_CASE("an upgrade goes through with its two fields") {
    Head head =
        request_head("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n");
    apply_request_rules(head, VisitorInfo{"192.0.2.1", true, false});
    CHECK(lines_of(head) ==
          "Host: app.example\nUpgrade: websocket\nSec-WebSocket-Key: k\n" + ours + "Connection: Upgrade\n");
    CHECK(head.upgrade());
}

TEST_CASE("an upgrade with a body is a plain request") {
    Head head = request_head("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n");
    apply_request_rules(head, VisitorInfo{"192.0.2.1", true, false});
    CHECK(lines_of(head) == "Host: app.example\nContent-Length: 3\n" + ours);
    CHECK_FALSE(head.upgrade());
}

TEST_CASE("a request has one framing on its way on") {
    struct Row {
        std::string sent;
        std::string seen;
    };
    const Row rows[] = {
        {"Content-Length: 3\r\n", "Content-Length: 3\n"},
        {"content-length: 0003\r\n", "content-length: 3\n"},
        {"Content-Length: 0\r\n", "Content-Length: 0\n"},
        {"Content-Length: 3\r\nConnection: content-length\r\n", "Content-Length: 3\n"},
        {"Content-Length: 3\r\nExpect: 100-continue\r\n", "Content-Length: 3\nExpect: 100-continue\n"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.sent);
        Head head = request_head(row.sent, "POST / HTTP/1.1");
        apply_request_rules(head, VisitorInfo{"192.0.2.1", true, false});
        CHECK(lines_of(head) == "Host: app.example\n" + row.seen + ours);
    }
    Head head = request_head("Transfer-Encoding: CHUNKED\r\nTrailer: X\r\nConnection: transfer-encoding\r\n",
                             "POST / HTTP/1.1");
    apply_request_rules(head, VisitorInfo{"192.0.2.1", true, false});
    CHECK(lines_of(head) == "Host: app.example\nTrailer: X\nTransfer-Encoding: chunked\n" + ours);
}

TEST_CASE("a trusted proxy is believed, and the visitor appended") {
    const VisitorInfo proxy{"192.0.2.1", true, true};
    Head known = request_head(
        "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: public.example\r\n"
        "x-forwarded-for: 5.6.7.8\r\nForwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\n"
        "x_forwarded_for: 9.9.9.9\r\nX-Forwarded-Port: 443\r\n");
    apply_request_rules(known, proxy);
    CHECK(lines_of(known) ==
          "Host: app.example\nX-Forwarded-For: 1.2.3.4, 5.6.7.8, 192.0.2.1\nX-Forwarded-Proto: http\n"
          "X-Forwarded-Host: public.example\nForwarded: for=1.2.3.4\nX-Real-IP: 1.2.3.4\n"
          "X-Forwarded-Port: 443\n");
    Head silent = request_head("");
    apply_request_rules(silent, proxy);
    CHECK(lines_of(silent) == "Host: app.example\n" + ours);
    Head stripped = request_head("X-Forwarded-For: 1.2.3.4\r\nConnection: x-forwarded-for\r\n");
    apply_request_rules(stripped, proxy);
    CHECK(stripped.find("X-Forwarded-For") == "1.2.3.4, 192.0.2.1");
}

TEST_CASE("what the edge adds about a visitor's certificate is the only word on it") { // RFC 9440 3.1, T11
    const std::vector<std::pair<std::string, std::string>> fields = {{"Client-Cert", ":b3Vycw==:"},
                                                                     {"ngrok-mtls-subject-cn", "robot 7"}};
    for (const bool trusted : {false, true}) {
        CAPTURE(trusted);
        VisitorInfo visitor{"192.0.2.1", true, trusted};
        visitor.fields = fields;
        Head head = request_head("client-cert: :dGhlaXJz:\r\nClient-Cert: :dGhlaXJz:\r\nNGROK-MTLS-SUBJECT-CN: root\r\n"
                                 "client_cert: :dGhlaXJz:\r\nConnection: client-cert, ngrok-mtls-subject-cn\r\n");
        apply_request_rules(head, visitor);
        CHECK(lines_of(head).find("root") == std::string::npos);
        CHECK(lines_of(head).find("dGhlaXJz") == std::string::npos);
        CHECK(head.find("Client-Cert") == ":b3Vycw==:");
        CHECK(head.find("ngrok-mtls-subject-cn") == "robot 7");
        std::size_t count = 0;
        for (const Field& field : head) count += field.id == FieldId::client_cert ? 1 : 0;
        CHECK(count == 1);
    }
    // A proxy in front that ended TLS itself may say it, as it may say X-Forwarded-For.
    Head behind = request_head("Client-Cert: :dGhlaXJz:\r\n");
    apply_request_rules(behind, VisitorInfo{"192.0.2.1", true, true});
    CHECK(behind.find("Client-Cert") == ":dGhlaXJz:");
}

TEST_CASE("the scheme and the address of a plain visitor") {
    Head head = request_head("");
    apply_request_rules(head, VisitorInfo{"2001:db8::1", false, false});
    CHECK(head.find("X-Forwarded-For") == "2001:db8::1");
    CHECK(head.find("X-Forwarded-Proto") == "http");
}

TEST_CASE("the target goes on in origin form and the version is HTTP/1.1") {
    struct Row {
        std::string_view line;
        std::string_view target;
        bool close;
    };
    const Row rows[] = {
        {"GET /a?b HTTP/1.1", "/a?b", false},
        {"GET http://app.example/a?b HTTP/1.1", "/a?b", false},
        {"GET http://APP.example:80 HTTP/1.1", "/", false},
        {"GET https://app.example?b HTTP/1.1", "/?b", false},
        {"OPTIONS http://app.example HTTP/1.1", "*", false},
        {"OPTIONS http://app.example/ HTTP/1.1", "/", false},
        {"OPTIONS * HTTP/1.1", "*", false},
        {"GET //a HTTP/1.1", "//a", false},
        {"GET /a HTTP/1.0", "/a", true},
    };
    for (const Row& row : rows) {
        CAPTURE(row.line);
        Head head = request_head("", row.line);
        apply_request_rules(head, VisitorInfo{"192.0.2.1", true, false});
        CHECK(head.target() == row.target);
        CHECK(head.version() == HttpVersion::http11);
        CHECK(head.find("Connection") ==
              (row.close ? std::optional<std::string_view>("close") : std::nullopt));
        CHECK(head.host() == "app.example");
    }
}

TEST_CASE("an HTTP/1.0 request in absolute form gets its Host") {
    RequestParser parser;
    REQUIRE(parser.parse(as_bytes("GET http://app.example/x HTTP/1.0\r\n\r\n")).state ==
            ParseState::head_complete);
    apply_request_rules(parser.head(), VisitorInfo{"192.0.2.1", false, false});
    CHECK(parser.head().target() == "/x");
    CHECK(parser.head().host() == "app.example");
    CHECK(parser.head().find("X-Forwarded-Host") == "app.example");
}

TEST_CASE("an HTTP/1.0 request without a Host gets the name of its TLS handshake") {
    const auto host_of = [](const std::string& bytes, std::string_view server_name) {
        RequestParser parser;
        REQUIRE(parser.parse(as_bytes(bytes)).state == ParseState::head_complete);
        VisitorInfo visitor{"192.0.2.1", true, false};
        visitor.server_name = server_name;
        apply_request_rules(parser.head(), visitor);
        const Head& head = parser.head();
        CHECK(head.find("X-Forwarded-Host").value_or("") == head.host());
        return std::string(head.host());
    };
    CHECK(host_of("GET / HTTP/1.0\r\n\r\n", "app.example") == "app.example");
    CHECK(host_of("GET / HTTP/1.0\r\nHost: own.example\r\n\r\n", "app.example") == "own.example");
    CHECK(host_of("GET http://target.example/ HTTP/1.0\r\n\r\n", "app.example") == "target.example");
    CHECK(host_of("GET / HTTP/1.0\r\n\r\n", "").empty());
}

TEST_CASE("Connection takes away as many fields as it may list, in any case and order") {
    std::string listed, fields;
    for (std::size_t i = 0; i < limits::http_connection_options_max; ++i) {
        listed += (i == 0 ? "X-Drop-" : ", x-DROP-") + std::to_string(i);
        fields = "x-drop-" + std::to_string(i) + ": 1\r\nX-Drop-" + std::to_string(i) + "-Not: 1\r\n" + fields;
    }
    Head head = request_head("Connection: " + listed + "\r\n" + fields);
    apply_request_rules(head, VisitorInfo{"192.0.2.1", true, false});
    std::size_t kept = 0;
    for (const Field& field : head) kept += field.name.ends_with("-Not") ? 1u : 0u;
    CHECK(kept == limits::http_connection_options_max);
    CHECK(head.size() == kept + 4); // Host and ours
}

TEST_CASE("how a response goes to the visitor") {
    struct Row {
        std::string what;
        RequestFacts facts;
        std::string response;
        bool request_done;
        std::string seen;
        bool forward;
        Framing framing;
        bool keep_alive;
        bool tunnel;
    };
    RequestFacts get;
    get.keep_alive = true;
    RequestFacts last;
    RequestFacts old;
    old.version = HttpVersion::http10;
    RequestFacts head = get;
    head.to_head = true;
    RequestFacts upgrade = get;
    upgrade.upgrade = true;
    RequestFacts connect = get;
    connect.to_connect = true;
    RequestFacts second = get;
    second.version = HttpVersion::http2;
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const std::string te = "Transfer-Encoding: chunked\n";
    const std::string close = "Connection: close\n";
    using F = Framing;
    const Row rows[] = {
        {"length", get, ok + "Content-Length: 3\r\n\r\n", true, "Content-Length: 3\n", true, F::length, true,
         false},
        {"chunked", get, ok + "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n", true, "Trailer: X\n" + te,
         true, F::chunked, true, false},
        {"until close becomes chunked", get, ok + "\r\n", true, te, true, F::chunked, true, false},
        {"HTTP/1.0 application", get, "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", true,
         "Content-Length: 3\n", true, F::length, true, false},
        {"application closes, the visitor stays", get, ok + "Connection: close\r\nContent-Length: 3\r\n\r\n",
         true, "Content-Length: 3\n", true, F::length, true, false},
        {"visitor closes", last, ok + "Content-Length: 3\r\n\r\n", true, "Content-Length: 3\n" + close, true,
         F::length, false, false},
        {"early response", get, ok + "Content-Length: 3\r\n\r\n", false, "Content-Length: 3\n" + close, true,
         F::length, false, false},
        {"HTTP/1.0 visitor, length", old, ok + "Content-Length: 3\r\n\r\n", true,
         "Content-Length: 3\n" + close, true, F::length, false, false},
        {"HTTP/1.0 visitor, chunked", old, ok + "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n", true,
         close, true, F::until_close, false, false},
        {"HTTP/1.0 visitor, interim", old, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", true, "Link: x\n",
         false, F::none, false, false},
        {"interim", get,
         "HTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\n", false,
         "Link: x\n", true, F::none, true, false},
        {"100 Continue", get, "HTTP/1.1 100 Continue\r\n\r\n", false, "", true, F::none, true, false},
        {"HEAD with length", head, ok + "Content-Length: 3\r\n\r\n", true, "Content-Length: 3\n", true,
         F::none, true, false},
        {"HEAD chunked", head, ok + "Transfer-Encoding: chunked\r\n\r\n", true, "", true, F::none, true,
         false},
        {"HEAD, until close", head, ok + "\r\n", true, "", true, F::none, true, false},
        {"204 with length", get, "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", true, "", true,
         F::none, true, false},
        {"304 with length", get, "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", true,
         "Content-Length: 3\n", true, F::none, true, false},
        {"hop-by-hop", get,
         ok + "Connection: X-Drop, keep-alive\r\nX-Drop: 1\r\nKeep-Alive: x\r\nProxy-Authenticate: y\r\n"
              "Upgrade: h2\r\nContent-Length: 0\r\nX-Keep: 1\r\n\r\n",
         true, "Content-Length: 0\nX-Keep: 1\n", true, F::length, true, false},
        {"a spoofed error code", get,
         ok + "ngrok-error-code: ERR_NGROK_3200\r\nNgrok_Error_Code: x\r\nContent-Length: 0\r\n\r\n", true,
         "Content-Length: 0\n", true, F::length, true, false},
        {"Connection cannot take the length", get,
         ok + "Connection: content-length\r\nContent-Length: 3\r\n\r\n", true, "Content-Length: 3\n", true,
         F::length, true, false},
        {"a long length", get, ok + "Content-Length: 0003\r\n\r\n", true, "Content-Length: 3\n", true,
         F::length, true, false},
        {"switching", upgrade,
         "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: "
         "websocket\r\nSec-WebSocket-Accept: k\r\n\r\n",
         true, "Upgrade: websocket\nSec-WebSocket-Accept: k\nConnection: Upgrade\n", true, F::none, false,
         true},
        {"declined upgrade", upgrade, ok + "Upgrade: websocket\r\nContent-Length: 0\r\n\r\n", true,
         "Content-Length: 0\n", true, F::length, true, false},
        {"CONNECT agreed", connect, ok + "Content-Length: 3\r\n\r\n", true, "", true, F::none, false, true},
        {"HTTP/2 visitor", second, ok + "Transfer-Encoding: chunked\r\n\r\n", true, "", true, F::chunked,
         true, false},
        {"HTTP/2 visitor, an answer until close", second, ok + "\r\n", true, "", true, F::chunked, true, false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        Head response = response_head(row.response, row.facts);
        const ResponsePlan plan = apply_response_rules(response, row.facts, row.request_done);
        CHECK(lines_of(response) == row.seen);
        CHECK(plan.forward == row.forward);
        CHECK(plan.framing == row.framing);
        CHECK(plan.keep_alive == row.keep_alive);
        CHECK(plan.tunnel == row.tunnel);
        CHECK(response.framing() == row.framing);
        CHECK(response.version() == HttpVersion::http11);
    }
}

TEST_CASE("a switch nobody asked for is no tunnel") {
    Head response = Head::response(101);
    CHECK(response.add("Upgrade", "websocket"));
    RequestFacts get;
    get.keep_alive = true;
    const ResponsePlan plan = apply_response_rules(response, get, true);
    CHECK_FALSE(plan.tunnel);
    CHECK_FALSE(plan.forward);
    CHECK_FALSE(response.has(FieldId::upgrade));
}

TEST_CASE("the facts of a request outlive its head") {
    Head head = request_head("Connection: upgrade\r\nUpgrade: x\r\n", "HEAD / HTTP/1.1");
    const RequestFacts facts(head);
    head.clear();
    CHECK(facts.to_head);
    CHECK(facts.keep_alive);
    CHECK(facts.upgrade);
    CHECK_FALSE(facts.to_connect);
    CHECK(facts.version == HttpVersion::http11);
    CHECK_FALSE(RequestFacts(request_head("Connection: upgrade\r\nUpgrade: h2c\r\n")).upgrade);
}

TEST_CASE("who forwards behind an edge keeps what the edge said of the visitor, and his own connection to himself") {
    struct Row {
        std::string start;
        std::string sent;
        std::string seen; // after Host
    };
    const Row rows[] = {
        {"GET / HTTP/1.1", "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=x\r\nX-Real-IP: 1\r\nngrok-auth-user: me\r\n",
         "X-Forwarded-For: 192.0.2.1\nForwarded: for=x\nX-Real-IP: 1\nngrok-auth-user: me\n"},
        {"GET / HTTP/1.1", "Connection: close\r\nKeep-Alive: 1\r\nTE: trailers\r\nProxy-Connection: x\r\nX: 1\r\n", "X: 1\n"},
        {"GET / HTTP/1.1", "Connection: X-Drop\r\nX-Drop: 1\r\nX-Keep: 1\r\n", "X-Keep: 1\n"},
        {"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "Upgrade: websocket\nConnection: Upgrade\n"},
        {"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2c\r\n", ""},
        {"POST / HTTP/1.1", "Content-Length: 3\r\nExpect: 100-continue\r\n", "Content-Length: 3\nExpect: 100-continue\n"},
        {"POST / HTTP/1.1", "Transfer-Encoding: chunked\r\nTrailer: T\r\n", "Trailer: T\nTransfer-Encoding: chunked\n"},
        {"GET http://app.example/p?q HTTP/1.1", "", ""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.sent);
        Head request = request_head(row.sent, row.start);
        apply_forward_rules(request);
        CHECK(lines_of(request) == "Host: app.example\n" + row.seen);
        CHECK(request.target().starts_with('/'));
    }
}

TEST_CASE("an agent may say of itself what went wrong behind it, and nothing else") {
    struct Row {
        int status;
        std::string_view code;
        int number;
    };
    const Row rows[] = {
        {502, "ERR_NGROK_8012", 8012}, {502, "ERR_NGROK_3004", 3004}, {504, "ERR_NGROK_3005", 3005},
        {200, "ERR_NGROK_8012", 0},    {504, "ERR_NGROK_8012", 0},    {502, "ERR_NGROK_3005", 0},
        {502, "ERR_NGROK_3200", 0},    {502, "ERR_NGROK_80120", 0},   {502, "", 0},
    };
    for (const Row& row : rows) {
        CAPTURE(row.code);
        Head response = Head::response(row.status);
        CHECK(response.add("ngrok-error-code", row.code));
        CHECK(agent_error_number(response) == row.number);
    }
    CHECK(agent_error_number(Head::response(502)) == 0);
}

TEST_CASE("T30: a request that passed the edge too often goes in a circle, whoever else it passed") {
    const auto times = [](std::size_t count, const std::string& element) {
        std::string list = "CDN-Loop: other-cdn; a=b";
        for (std::size_t i = 0; i < count; ++i) list += ", " + element;
        return list + "\r\n";
    };
    constexpr std::size_t most = limits::edge_hops_max;
    CHECK_FALSE(is_loop(request_head(""), "tunnel.example.com"));
    for (const char* element : {"tunnel.example.com", "Tunnel.Example.COM", "tunnel.example.com ; v=1", "tunnel.example.com;v=\"x\""}) {
        CAPTURE(element);
        CHECK_FALSE(is_loop(request_head(times(most - 1, element)), "tunnel.example.com"));
        CHECK(is_loop(request_head(times(most, element)), "tunnel.example.com"));
        CHECK(is_loop(request_head(times(most - 1, element) + "cdn-loop: " + element + "\r\n"), "tunnel.example.com"));
        CHECK_FALSE(is_loop(request_head(times(most, element)), "example.com"));
        CHECK_FALSE(is_loop(request_head(times(most, element)), "a.tunnel.example.com"));
    }
}

TEST_CASE("T30: each pass is counted, and nobody on the way takes the count away") {
    VisitorInfo visitor;
    visitor.client_ip = "192.0.2.1";
    visitor.edge = "tunnel.example.com";
    // An application sends all it got to the edge again, with its own hop-by-hop fields and what it believes in.
    std::string sent = "CDN-Loop: other-cdn\r\n";
    std::size_t passes = 0;
    for (; passes < 100; ++passes) {
        Head head = request_head(sent + "Connection: close, CDN-Loop\r\nCDN_Loop: x\r\n");
        if (is_loop(head, visitor.edge)) break;
        apply_request_rules(head, visitor);
        CHECK_FALSE(head.has("CDN_Loop"));
        apply_forward_rules(head); // the agent's forwarder
        sent.clear();
        for (const Field& field : head) {
            if (field.id == FieldId::cdn_loop) sent.append("CDN-Loop: ").append(field.value).append("\r\n");
        }
    }
    CHECK(passes == limits::edge_hops_max);
    CHECK(sent.starts_with("CDN-Loop: other-cdn\r\n"));
    VisitorInfo nameless;
    Head head = request_head("");
    apply_request_rules(head, nameless);
    CHECK_FALSE(head.has("CDN-Loop"));
}
