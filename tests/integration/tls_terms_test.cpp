// Endpoints that want TLS in their own way: versions, client certificates, tickets (behaviour S8, threat T10).
#include "tls_terms_support.hpp"

#include "support/visitor.hpp"

#include <optional>

using namespace adit;
using namespace adit::edge;
using namespace adit_test;

namespace {

const std::string request = "GET / HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n";

std::string get(std::string_view host) {
    std::string text = request;
    return text.replace(text.find("HOST"), 4, host);
}

/// No agent is there: this page comes when everything before was all right.
bool got_through(std::string_view output) { return said(output, "HTTP/1.1 5"); }

TlsSettings at_least(tls::Version version) {
    TlsSettings wanted;
    wanted.min_version = version;
    return wanted;
}

TlsSettings mutual(const Authority& authority, ClientCertificates strategy = ClientCertificates::require_and_verify) {
    TlsSettings wanted;
    wanted.client_cas = {authority.pem()};
    wanted.client_certificates = strategy;
    return wanted;
}

} // namespace

TEST_CASE("S8.1a: the minimum is that of the endpoint which the server name calls, and who cannot gets alert 70") {
    TermsEdge edge;
    edge.serve("https://new.edge.test", at_least(tls::Version::tls13));
    edge.serve("https://old.edge.test");
    edge.serve("tls://new-raw.edge.test", at_least(tls::Version::tls13));
    const auto tcp = edge.serve("tcp://", at_least(tls::Version::tls13));
    const ToolVisitor tool;
    struct Row {
        std::string name, version;
        std::uint16_t port;
        bool served;
    };
    for (const Row& row :
         {Row{"new.edge.test", "-tls1_2", edge.port(), false}, Row{"new.edge.test", "-tls1_3", edge.port(), true},
          Row{"new.edge.test", "", edge.port(), true}, Row{"old.edge.test", "-tls1_2", edge.port(), true},
          Row{"old.edge.test", "-tls1_3", edge.port(), true}, Row{"nobody.edge.test", "-tls1_2", edge.port(), true},
          Row{"new-raw.edge.test", "-tls1_2", edge.port(), false},
          Row{"new-raw.edge.test", "-tls1_3", edge.port(), true}, Row{"edge.test", "-tls1_2", *tcp->url.port(), false},
          Row{"edge.test", "-tls1_3", *tcp->url.port(), true}}) {
        CAPTURE(row.name);
        CAPTURE(row.version);
        const std::string output = tool.s_client(row.port, row.version + " -servername " + row.name, get(row.name));
        CAPTURE(output);
        CHECK(said(output, "SSL alert number 70") == !row.served);
        CHECK(said(output, "alert protocol version") == !row.served);
        CHECK(said(output, "BEGIN CERTIFICATE") == row.served);
        if (row.served) CHECK(said(output, row.version == "-tls1_2" ? "New, TLSv1.2" : "New, TLSv1.3"));
    }
}

TEST_CASE("S8.1a: the maximum of an endpoint, and both as the edge's default") {
    TermsEdge edge([](ServerOptions& options) { options.min_tls_version("1.3"); });
    TlsSettings at_most;
    at_most.max_version = tls::Version::tls12;
    edge.serve("https://old.edge.test", at_most);
    edge.serve("https://new.edge.test");
    const ToolVisitor tool;
    CHECK(said(tool.s_client(edge.port(), "-servername old.edge.test", get("old.edge.test")), "New, TLSv1.2"));
    CHECK(said(tool.s_client(edge.port(), "-tls1_3 -servername old.edge.test"), "SSL alert number 70"));
    CHECK(said(tool.s_client(edge.port(), "-tls1_2 -servername new.edge.test"), "SSL alert number 70"));
    TermsEdge old([](ServerOptions& options) { options.max_tls_version("1.2"); });
    old.serve("https://any.edge.test");
    CHECK(said(tool.s_client(old.port(), "-servername any.edge.test", get("any.edge.test")), "New, TLSv1.2"));
}

TEST_CASE("S8.1b: an endpoint's terms replace the edge's own: one handshake, with the endpoint's certificate") {
    TermsEdge edge;
    const Authority authority("application");
    const auto issued = authority.server({"own.edge.test"});
    TlsSettings own = at_least(tls::Version::tls13);
    own.certificate_pem = issued.certificate_pem;
    own.key_pem = issued.key_pem;
    for (const std::string scheme : {"https", "tls"}) {
        const auto endpoint = edge.serve(scheme + "://own.edge.test", own);
        const ToolVisitor tool;
        const std::string ca = tool.file("ca.pem", authority.pem());
        const std::string output = tool.s_client(
            edge.port(), "-msg -servername own.edge.test -verify_return_error -CAfile " + ca, get("own.edge.test"));
        CAPTURE(output);
        CHECK(said(output, "Verify return code: 0 (ok)"));
        CHECK(said(output, "ServerHello"));
        CHECK(output.find("ServerHello") == output.rfind("ServerHello"));
        if (scheme == "https") CHECK(got_through(output)); // in plain text behind that one handshake
        edge.stop_serving(endpoint);
    }
}

TEST_CASE("S8.1c: who gets in by which strategy, with which alert otherwise") {
    TermsEdge edge;
    const Authority ours("ours"), theirs("theirs");
    const ToolVisitor tool;
    const auto keep = [&](const char* name, const tls::IssuedCertificate& issued) {
        return " -cert " + tool.file(std::string(name) + ".pem", issued.certificate_pem + issued.key_pem);
    };
    const std::string none, good = keep("good", ours.client("robot 7")),
                            foreign = keep("foreign", theirs.client("robot 8"));
    edge.serve("https://verify.edge.test", mutual(ours));
    edge.serve("https://any.edge.test", mutual(ours, ClientCertificates::require_any));
    edge.serve("https://ask.edge.test", mutual(ours, ClientCertificates::request));
    TlsSettings blind = mutual(ours, ClientCertificates::require_any);
    blind.client_cas.clear();
    edge.serve("https://blind.edge.test", blind);
    edge.serve("https://open.edge.test");
    struct Row {
        std::string_view name;
        const std::string& shown;
        int alert_13, alert_12; // 0: gets in
    };
    for (const Row& row :
         {Row{"verify", none, 116, 40}, Row{"verify", good, 0, 0}, Row{"verify", foreign, 48, 48},
          Row{"any", none, 116, 40}, Row{"any", good, 0, 0}, Row{"any", foreign, 0, 0}, Row{"ask", none, 0, 0},
          Row{"ask", good, 0, 0}, Row{"ask", foreign, 0, 0}, Row{"blind", none, 116, 40}, Row{"blind", foreign, 0, 0},
          Row{"open", none, 0, 0}, Row{"open", foreign, 0, 0}}) {
        for (const bool old : {false, true}) {
            const std::string name = std::string(row.name) + ".edge.test";
            const std::string output = tool.s_client(
                edge.port(), (old ? "-tls1_2 -servername " : "-tls1_3 -servername ") + name + row.shown, get(name));
            CAPTURE(name);
            CAPTURE(row.shown);
            CAPTURE(output);
            const int alert = old ? row.alert_12 : row.alert_13;
            CHECK(got_through(output) == (alert == 0));
            if (alert != 0) CHECK(said(output, "SSL alert number " + std::to_string(alert)));
            // Who is to show a certificate is told whose would do.
            const bool asked = row.name != "open", names = asked && row.name != "blind";
            if (alert != 40) CHECK(said(output, "Acceptable client certificate CA names") == names);
        }
    }
}

TEST_CASE("S8.1c: a tls and a tcp endpoint ask for client certificates as well") {
    TermsEdge edge;
    const Authority ours("ours");
    const ToolVisitor tool;
    const auto issued = ours.client("robot 7");
    const std::string good = " -cert " + tool.file("good.pem", issued.certificate_pem + issued.key_pem);
    edge.serve("tls://raw.edge.test", mutual(ours));
    const auto tcp = edge.serve("tcp://", mutual(ours));
    for (const std::uint16_t port : {edge.port(), *tcp->url.port()}) {
        CHECK(said(tool.s_client(port, "-servername raw.edge.test"), "SSL alert number 116"));
        const std::string output = tool.s_client(port, "-servername raw.edge.test" + good);
        CAPTURE(output);
        CHECK_FALSE(said(output, "alert number"));
        CHECK(said(output, "New, TLSv1.3"));
    }
}

TEST_CASE("T10: a ticket of one endpoint gives no access at another, in both versions") {
    TermsEdge edge;
    const Authority ours("ours");
    edge.serve("https://a.edge.test");
    edge.serve("https://b.edge.test");
    edge.serve("https://closed.edge.test", mutual(ours));
    edge.serve("https://new.edge.test", at_least(tls::Version::tls12));
    const ToolVisitor tool;
    for (const std::string version : {"-tls1_2", "-tls1_3"}) {
        const std::string ticket = " -sess_out " + tool.path("ticket"), back = " -sess_in " + tool.path("ticket");
        const auto visit = [&](const std::string& name, const std::string& more) {
            return tool.s_client(edge.port(), version + " -servername " + name + more, get(name));
        };
        CAPTURE(version);
        CHECK(said(visit("a.edge.test", ticket), "New, TLSv"));
        CHECK(said(visit("a.edge.test", back), "Reused, TLSv")); // so the ticket is good
        for (const std::string other : {"b.edge.test", "new.edge.test"}) {
            const std::string output = visit(other, back);
            CAPTURE(output);
            CHECK(said(output, "New, TLSv"));
            CHECK_FALSE(said(output, "Reused"));
            CHECK(got_through(output));
        }
        const std::string output = visit("closed.edge.test", back);
        CAPTURE(output);
        CHECK_FALSE(said(output, "Reused"));
        CHECK_FALSE(got_through(output));
        CHECK(said(output, version == "-tls1_2" ? "SSL alert number 40" : "SSL alert number 116"));
    }
}

TEST_CASE("T10: a ticket is worth nothing once the same name has other terms or another owner") {
    TermsEdge edge;
    const Authority ours("ours");
    const ToolVisitor tool;
    const auto visit = [&](const std::string& more) {
        return tool.s_client(edge.port(), "-servername a.edge.test" + more, get("a.edge.test"));
    };
    const std::string ticket = " -sess_out " + tool.path("ticket"), back = " -sess_in " + tool.path("ticket");
    auto endpoint = edge.serve("https://a.edge.test", at_least(tls::Version::tls12), "cr_1");
    REQUIRE(said(visit(ticket), "New, TLSv1.3"));
    CHECK(said(visit(back), "Reused, TLSv1.3"));
    const auto bind_again = [&](const TlsSettings& wanted, std::string_view credential) {
        edge.stop_serving(endpoint);
        endpoint = edge.serve("https://a.edge.test", wanted, credential);
    };
    bind_again(at_least(tls::Version::tls12), "cr_1"); // the same again: an agent that came back
    CHECK(said(visit(back), "Reused, TLSv1.3"));
    bind_again(at_least(tls::Version::tls12), "cr_2");
    CHECK(said(visit(back), "New, TLSv1.3"));
    bind_again(at_least(tls::Version::tls13), "cr_1");
    CHECK(said(visit(back), "New, TLSv1.3"));
    bind_again(mutual(ours), "cr_1");
    CHECK(said(visit(back), "SSL alert number 116"));
}

TEST_CASE("T10: who shows a certificate shows it on each connection: such endpoints give no tickets") {
    TermsEdge edge;
    const Authority ours("ours");
    const ToolVisitor tool;
    const auto issued = ours.client("robot 7");
    edge.serve("https://closed.edge.test", mutual(ours));
    for (const std::string version : {"-tls1_2", "-tls1_3"}) {
        const std::string common = version + " -servername closed.edge.test -cert " +
                                   tool.file("good.pem", issued.certificate_pem + issued.key_pem);
        const std::string output =
            tool.s_client(edge.port(), common + " -sess_out " + tool.path("ticket" + version), get("closed.edge.test"));
        CAPTURE(output);
        CHECK(got_through(output));
        CHECK_FALSE(said(output, "TLS session ticket:"));
    }
}

TEST_CASE("T9, T10: a connection reaches only endpoints on the terms that it was made on") {
    TermsEdge edge;
    const Authority ours("ours"), theirs("theirs");
    edge.serve("https://open.edge.test");
    edge.serve("https://closed.edge.test", mutual(ours));
    edge.serve("https://*.wild.edge.test");
    edge.serve("https://deep.wild.edge.test", mutual(ours));
    edge.serve("https://*.members.edge.test", mutual(ours));
    edge.serve("https://guest.members.edge.test");
    const ToolVisitor tool;
    const auto issued = ours.client("robot 7");
    const std::string good = " -cert " + tool.file("good.pem", issued.certificate_pem + issued.key_pem);
    struct Row {
        std::string_view sni, host; // "": no SNI
        int status;                 // 5: it is let through
    };
    for (const Row& row :
         {Row{"open", "open", 5}, Row{"open", "closed", 421}, Row{"closed", "open", 421}, Row{"closed", "closed", 5},
          Row{"", "open", 5}, Row{"", "closed", 421}, Row{"", "nobody", 404}, Row{"nobody", "closed", 421},
          Row{"a.wild", "b.wild", 5}, Row{"a.wild", "deep.wild", 421}, Row{"deep.wild", "a.wild", 421},
          Row{"", "deep.wild", 421}, Row{"a.members", "b.members", 5}, Row{"guest.members", "a.members", 421},
          Row{"a.members", "guest.members", 421}, Row{"closed", "a.members", 421}, Row{"open", "CLOSED", 421},
          Row{"open", "closed.", 421}}) {
        CAPTURE(row.sni);
        CAPTURE(row.host);
        const std::string name =
            row.sni.empty() ? "-noservername" : "-servername " + std::string(row.sni) + ".edge.test";
        // A trailing dot is the same name.
        const bool dotted = row.host.ends_with('.');
        const std::string host = std::string(row.host.substr(0, row.host.size() - (dotted ? 1 : 0))) +
                                 (dotted ? ".edge.test." : ".edge.test");
        const std::string output = tool.s_client(edge.port(), name + good, get(host));
        CAPTURE(output);
        CHECK(said(output, row.status == 5 ? "HTTP/1.1 5" : "HTTP/1.1 " + std::to_string(row.status)));
    }
}

TEST_CASE("T10: an endpoint that is bound anew on stricter terms is not reached by connections from before") {
    TermsEdge edge;
    const Authority ours("ours");
    const auto open = edge.serve("https://a.edge.test");
    NetVisitor visitor = NetVisitor::tls(edge.port(), TlsOptions("a.edge.test", edge.ca_pem()));
    NetVisitor bare = NetVisitor::tls(edge.port(), TlsOptions("127.0.0.1", edge.ca_pem()));
    CHECK(visitor.get("/", "a.edge.test").status / 100 == 5);
    CHECK(bare.get("/", "a.edge.test").status / 100 == 5);
    edge.stop_serving(open);
    const auto closed = edge.serve("https://a.edge.test", mutual(ours));
    CHECK(visitor.get("/", "a.edge.test").status == 421);
    CHECK(bare.get("/", "a.edge.test").status == 421);
    // Whoever comes back on the old terms is welcome again.
    edge.stop_serving(closed);
    edge.serve("https://a.edge.test");
    CHECK(visitor.get("/", "a.edge.test").status / 100 == 5);
}
