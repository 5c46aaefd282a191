// The terms of TLS as a traffic policy sets them (terminate-tls, behaviour S8), with openssl as visitor of a whole edge; and
// what its expressions know of a handshake.
#include "edge_visitor_support.hpp"
#include "tls_terms_support.hpp"

#include "tls/identity.hpp"

#include <future>
#include <vector>

using namespace adit_test;
using namespace std::chrono_literals;

namespace {

/// As a JSON string.
std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '\n') {
            out += "\\n";
        } else {
            if (c == '"' || c == '\\') out += '\\';
            out += c;
        }
    }
    return out + "\"";
}

/// terminate-tls with this configuration (JSON members), then the rules `more`, then the page `body` on a request.
std::string policy(const std::string& config, const std::string& body = {}, const std::string& more = {}) {
    std::string text = R"({"on_tcp_connect":[{"actions":[{"type":"terminate-tls","config":{)" + config + "}}]}" + more + "]";
    if (!body.empty()) {
        text += R"(,"on_http_request":[{"actions":[{"type":"custom-response","config":{"body":)" + json_text(body) + "}}]}]";
    }
    return text + "}";
}

std::string mutual(const Authority& authority, std::string_view strategy = {}) {
    std::string config = R"("mutual_tls_certificate_authorities":[)" + json_text(authority.pem()) + "]";
    if (!strategy.empty()) config += R"(,"mutual_tls_verification_strategy":)" + json_text(strategy);
    return config;
}

std::string get(const std::string& host) { return "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"; }

/// `more`: how the handshake is to be.
std::string visit(const ToolVisitor& tool, TestEdge& edge, const std::string& host, const std::string& more = {}) {
    return tool.s_client(edge.server.https_port(), "-servername " + host + more, get(host));
}

std::string keep(const ToolVisitor& tool, const std::string& name, const adit::tls::IssuedCertificate& issued) {
    return " -cert " + tool.file(name + ".pem", issued.certificate_pem + issued.key_pem);
}

std::uint16_t port_of(const adit::Listener& listener) {
    const std::string url = listener.url();
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

/// Answers one visitor of a tls or tcp endpoint, in the clear.
std::future<void> answer_plain(TestEdge& edge, adit::Listener& listener) {
    return std::async(std::launch::async, [&] {
        AppStream app = edge.accept(listener);
        app.write("plain: " + app.read_until("\n"));
        app.finish();
    });
}

adit::Listener listen(TestEdge& edge, const std::string& url, const std::string& document) {
    return edge.session.listen(adit::Endpoint(url).traffic_policy(document));
}

} // namespace

TEST_CASE("S8.1a: a policy's versions hold for its endpoint, and who has no other gets alert 70") {
    TestEdge edge;
    const ToolVisitor tool;
    const std::string body = "speaks ${conn.tls.version} by ${conn.tls.cipher_suite} to ${conn.tls.sni}.";
    auto newer = listen(edge, "https://new.edge.test", policy(R"("min_version":"1.3")", body));
    auto older = listen(edge, "https://old.edge.test", policy(R"("max_version":"1.2")", body));
    auto any = listen(edge, "https://any.edge.test", policy("", body));
    struct Row {
        std::string name, version;
        const char* agreed; // null: refused
    };
    for (const Row& row : {Row{"new", " -tls1_2", nullptr}, Row{"new", " -tls1_3", "1.3"}, Row{"new", "", "1.3"},
                           Row{"old", " -tls1_3", nullptr}, Row{"old", " -tls1_2", "1.2"}, Row{"old", "", "1.2"},
                           Row{"any", " -tls1_2", "1.2"}, Row{"any", "", "1.3"}}) {
        const std::string host = row.name + ".edge.test", output = visit(tool, edge, host, row.version);
        CAPTURE(host);
        CAPTURE(output);
        CHECK(said(output, "SSL alert number 70") == (row.agreed == nullptr));
        if (row.agreed != nullptr) {
            CHECK(said(output, "speaks " + std::string(row.agreed) + " by "));
            CHECK(said(output, " to " + host + "."));
        }
    }
    for (const std::string url : {"tls://raw.edge.test", "tcp://"}) {
        auto raw = listen(edge, url, policy(R"("min_version":"1.3")"));
        const std::uint16_t port = url == "tcp://" ? port_of(raw) : edge.server.https_port();
        CHECK(said(tool.s_client(port, "-servername raw.edge.test -tls1_2", "hello\n"), "SSL alert number 70"));
        CHECK(edge.nothing_comes(raw));
        auto served = answer_plain(edge, raw);
        CHECK(said(tool.s_client(port, "-servername raw.edge.test -tls1_3", "hello\n"), "plain: hello"));
        served.get();
    }
}

TEST_CASE("S8.1b: a policy's certificate is the one that is shown, in one handshake, and expressions know it") {
    TestEdge edge;
    const Authority application("application");
    const auto issued = application.server({"own.edge.test"});
    const ToolVisitor tool;
    const std::string config = R"("server_certificate":)" + json_text(issued.certificate_pem) + R"(,"server_private_key":)" +
                               json_text(issued.key_pem);
    const std::string ca = " -msg -verify_return_error -CAfile " + tool.file("ca.pem", application.pem());
    for (const std::string url : {"https://own.edge.test", "tls://own.edge.test", "tcp://"}) {
        CAPTURE(url);
        const bool https = url.starts_with("https");
        auto listener = listen(edge, url,
                               policy(config, https ? "by ${conn.tls.server.san.dns_names[0]} of "
                                                      "${conn.tls.server.issuer.common_name}, ${has(conn.tls.server.pem)}"
                                                    : ""));
        std::future<void> served;
        if (!https) served = answer_plain(edge, listener);
        const std::uint16_t port = url == "tcp://" ? port_of(listener) : edge.server.https_port();
        const std::string output = tool.s_client(port, "-servername own.edge.test" + ca, get("own.edge.test"));
        CAPTURE(output);
        CHECK(said(output, "Verify return code: 0 (ok)"));
        CHECK(output.find("ServerHello") == output.rfind("ServerHello"));
        CHECK(said(output, https ? "by own.edge.test of application, false" : "plain: GET /"));
        if (!https) served.get();
        listener.close();
    }
}

TEST_CASE("S8.1c: who gets in by a policy's strategy or the module, and what expressions know of him") {
    TestEdge edge;
    const Authority ours("ours"), theirs("theirs");
    const ToolVisitor tool;
    const std::string none, good = keep(tool, "good", ours.client("robot 7")),
                            foreign = keep(tool, "foreign", theirs.client("robot 8"));
    const std::string body = "shown: ${has(conn.tls.client)}, <${conn.tls.client.subject.common_name}> of "
                             "<${conn.tls.client.issuer.common_name}> and <${actions.ngrok.terminate_tls.client.subject}>.";
    const std::string of_good = "shown: true, <robot 7> of <ours> and <CN=robot 7>.",
                      of_foreign = "shown: true, <robot 8> of <theirs> and <CN=robot 8>.",
                      of_none = "shown: false, <> of <> and <>.";
    auto by_default = listen(edge, "https://default.edge.test", policy(mutual(ours), body));
    auto verify = listen(edge, "https://verify.edge.test", policy(mutual(ours, "require-and-verify"), body));
    auto any = listen(edge, "https://any.edge.test", policy(mutual(ours, "require-any"), body));
    auto ask = listen(edge, "https://ask.edge.test", policy(mutual(ours, "request"), body));
    auto blind = listen(edge, "https://blind.edge.test", policy(R"("mutual_tls_verification_strategy":"request")", body));
    auto module = edge.session.listen(adit::Endpoint("https://module.edge.test")
                                          .mutual_tls_ca(ours.pem())
                                          .traffic_policy(R"({"on_http_request":[{"actions":[{"type":"custom-response",)"
                                                          R"("config":{"body":)" + json_text(body) + "}}]}]}"));
    struct Row {
        std::string_view name;
        const std::string& shown;
        const std::string* answer; // null: refused
        int alert_13 = 0, alert_12 = 0;
    };
    for (const Row& row :
         {Row{"default", none, nullptr, 116, 40}, Row{"default", good, &of_good}, Row{"default", foreign, nullptr, 48, 48},
          Row{"verify", none, nullptr, 116, 40}, Row{"verify", good, &of_good}, Row{"verify", foreign, nullptr, 48, 48},
          Row{"module", none, nullptr, 116, 40}, Row{"module", good, &of_good}, Row{"module", foreign, nullptr, 48, 48},
          Row{"any", none, nullptr, 116, 40}, Row{"any", good, &of_good}, Row{"any", foreign, &of_foreign},
          Row{"ask", none, &of_none}, Row{"ask", good, &of_good}, Row{"ask", foreign, &of_foreign},
          Row{"blind", none, &of_none}, Row{"blind", foreign, &of_foreign}}) {
        for (const bool old : {false, true}) {
            const std::string host = std::string(row.name) + ".edge.test";
            const std::string output = visit(tool, edge, host, (old ? " -tls1_2" : " -tls1_3") + row.shown);
            CAPTURE(host);
            CAPTURE(row.shown);
            CAPTURE(old);
            CAPTURE(output);
            if (row.answer != nullptr) {
                CHECK(said(output, *row.answer));
            } else {
                CHECK(said(output, "SSL alert number " + std::to_string(old ? row.alert_12 : row.alert_13)));
                CHECK_FALSE(said(output, "HTTP/1.1"));
            }
        }
    }
}

TEST_CASE("S8.1c: expressions decide by a client's certificate, for requests and for connections") {
    TestEdge edge;
    const Authority ours("ours");
    const ToolVisitor tool;
    const std::string none, robot = keep(tool, "robot", ours.client("robot 7")), other = keep(tool, "other", ours.client("cat"));
    const std::string not_him = R"("expressions":["conn.tls.client.subject.common_name != 'robot 7'"])";
    auto requests = listen(edge, "https://web.edge.test",
                           R"({"on_tcp_connect":[{"actions":[{"type":"terminate-tls","config":{)" + mutual(ours, "request") +
                               R"(}}]}],"on_http_request":[{)" + not_him +
                               R"(,"actions":[{"type":"deny"}]},{"actions":[{"type":"custom-response","config":{"body":"in"}}]}]})");
    for (const auto* shown : {&none, &robot, &other}) {
        const std::string output = visit(tool, edge, "web.edge.test", *shown);
        CAPTURE(output);
        CHECK(said(output, shown == &robot ? "HTTP/1.1 200" : "HTTP/1.1 403"));
    }
    const std::string close = ",{" + not_him + R"(,"actions":[{"type":"close-connection"}]})";
    for (const std::string url : {"tls://raw.edge.test", "tcp://"}) {
        CAPTURE(url);
        auto raw = listen(edge, url, policy(mutual(ours, "request"), {}, close));
        const std::uint16_t port = url == "tcp://" ? port_of(raw) : edge.server.https_port();
        for (const auto* shown : {&none, &other})
            CHECK_FALSE(said(tool.s_client(port, "-servername raw.edge.test" + *shown, "hello\n"), "plain"));
        CHECK(edge.nothing_comes(raw));
        auto served = answer_plain(edge, raw);
        CHECK(said(tool.s_client(port, "-servername raw.edge.test" + robot, "hello\n"), "plain: hello"));
        served.get();
        raw.close();
    }
}

TEST_CASE("S8.1c: a tls and a tcp endpoint let in by a policy's strategy whom an https endpoint would") {
    TestEdge edge;
    const Authority ours("ours"), theirs("theirs");
    const ToolVisitor tool;
    const std::string good = keep(tool, "good", ours.client("robot 7")), foreign = keep(tool, "foreign", theirs.client("robot 8"));
    for (const std::string url : {"tls://raw.edge.test", "tcp://"}) {
        for (const std::string strategy : {"require-and-verify", "require-any", "request"}) {
            CAPTURE(url);
            CAPTURE(strategy);
            auto raw = listen(edge, url, policy(mutual(ours, strategy)));
            const std::uint16_t port = url == "tcp://" ? port_of(raw) : edge.server.https_port();
            const auto try_with = [&](const std::string& shown, int alert) {
                std::future<void> served;
                if (alert == 0) served = answer_plain(edge, raw);
                const std::string output = tool.s_client(port, "-servername raw.edge.test" + shown, "hello\n");
                CAPTURE(output);
                CHECK(said(output, alert == 0 ? "plain: hello" : "SSL alert number " + std::to_string(alert)));
                if (alert == 0) served.get();
            };
            try_with("", strategy == "request" ? 0 : 116);
            try_with(good, 0);
            try_with(foreign, strategy == "require-and-verify" ? 48 : 0);
            CHECK(edge.nothing_comes(raw)); // nobody who was refused
            raw.close();
        }
    }
}
