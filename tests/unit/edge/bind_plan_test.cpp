#include "edge/bind_plan.hpp"

#include "support/doctest.hpp"
#include "tls/certificate_authority.hpp"

#include <adit/limits.hpp>

#include <functional>

using namespace adit;
using namespace adit::edge;

namespace {

Settings settings() {
    ServerOptions options;
    options.base_domain("tunnels.example.com").allow_domain("app.example.org").allow_domain("*.wild.example.org");
    options.tcp_ports(22000, 22010);
    options.route_labels("https://shop.example.org", {{"app", "shop"}});
    options.route_labels("tcp://tunnels.example.com:22005", {{"app", "shop"}, {"kind", "ssh"}});
    auto parsed = Settings::parse(options.data());
    REQUIRE(parsed);
    parsed->public_https_port = 8443;
    parsed->public_http_port = 80;
    return std::move(*parsed);
}

BindRequest http(std::string url, std::string protocol = "https") {
    BindRequest request;
    request.protocol = std::move(protocol);
    HttpOpts opts;
    opts.url = std::move(url);
    request.opts = opts;
    return request;
}

BindRequest tcp(std::string url) {
    BindRequest request;
    request.protocol = "tcp";
    TcpOpts opts;
    opts.url = std::move(url);
    request.opts = opts;
    return request;
}

Result<BindPlan> plan(const BindRequest& request, const std::optional<BindTicket>& ticket = {}) {
    return BindPlan::make(settings(), request, ticket);
}

/// A certificate and who issued it.
class Certified {
public:
    tls::CertificateAuthority authority = *tls::CertificateAuthority::create("test", now());
    tls::IssuedCertificate issued = *authority.issue_server({"a.example.com"}, now());

private:
    static std::chrono::sys_seconds now() {
        return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    }
};

} // namespace

TEST_CASE("the name an agent wants, in the fields of every SDK family") {
    struct Row {
        const char* what;
        std::function<void(HttpOpts&)> fill;
        const char* url;
    };
    const Row rows[] = {
        {"Go: the text of the user", [](HttpOpts& o) { o.url = "https://a.tunnels.example.com"; },
         "https://a.tunnels.example.com"},
        {"Go: without a scheme", [](HttpOpts& o) { o.url = "A.Tunnels.Example.com"; }, "https://a.tunnels.example.com"},
        {"Go: the scheme alone", [](HttpOpts& o) { o.url = "https://"; }, "https://"},
        {"Rust: Domain", [](HttpOpts& o) { o.domain = "b.tunnels.example.com"; }, "https://b.tunnels.example.com"},
        {"old agents: Hostname", [](HttpOpts& o) { o.hostname = "c.tunnels.example.com"; }, "https://c.tunnels.example.com"},
        {"old agents: Subdomain", [](HttpOpts& o) { o.subdomain = "d"; }, "https://d.tunnels.example.com"},
        {"nothing", [](HttpOpts&) {}, "https://"},
        {"the base domain", [](HttpOpts& o) { o.domain = "tunnels.example.com"; }, "https://tunnels.example.com"},
        {"an allowed name", [](HttpOpts& o) { o.domain = "app.example.org"; }, "https://app.example.org"},
        {"below an allowed wildcard", [](HttpOpts& o) { o.domain = "x.wild.example.org"; }, "https://x.wild.example.org"},
        {"a wildcard", [](HttpOpts& o) { o.domain = "*.a.tunnels.example.com"; }, "https://*.a.tunnels.example.com"},
        {"with the port that visitors type", [](HttpOpts& o) { o.url = "https://a.tunnels.example.com:8443"; },
         "https://a.tunnels.example.com"},
        {"with the scheme's own port", [](HttpOpts& o) { o.url = "https://a.tunnels.example.com:443"; },
         "https://a.tunnels.example.com"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        BindRequest request = http("");
        row.fill(std::get<HttpOpts>(request.opts));
        const auto made = plan(request);
        REQUIRE(made);
        CHECK(made->url.to_string() == row.url);
        CHECK(made->random == made->url.host().empty());
    }
}

TEST_CASE("names, ports and schemes that are refused, each with its number") {
    struct Row {
        BindRequest request;
        int number;
    };
    const Row rows[] = {
        {http("https://a.b.c.d.e.internal"), 9031},
        {http("https://*.b.c.d.e.internal"), 9031},
        {http("https://b.internal:0"), 9030},
        {http("https://b.internal:65536"), 9030},
        {http("https://b.internal:x"), 9034},
        {tcp("tcp://b.internal"), 9030},
        {tcp("tcp://b.internal:70000"), 9030},
        {http("https://nodots"), 331},
        {http("https://192.0.2.1"), 331},
        {http("https://a_b.tunnels.example.com"), 326},
        {http("https://-a.tunnels.example.com"), 330},
        {http("https://a..tunnels.example.com"), 328},
        {http("https://a.tunnels.example.com:444"), 9035},
        {http("http://a.tunnels.example.com"), 9036},
        {http("ftp://a.tunnels.example.com"), 9036},
        {http("https://a.tunnels.example.com/path"), 9037},
        {http("https://user@a.tunnels.example.com"), 9037},
        {http("https://a.tunnels.example.com/"), 9038},
        {tcp("tcp://tunnels.example.com"), 9035},
        {tcp("tcp://192.0.2.1:22000"), 307},
        {tcp("tcp://*.example.net:22000"), 307},
    };
    for (const Row& row : rows) {
        const auto made = plan(row.request);
        CAPTURE(row.number);
        CAPTURE(std::visit([](const auto& opts) { return opts.url; }, row.request.opts));
        REQUIRE_FALSE(made);
        CHECK(made.error().code() == ngrok_error(row.number));
        CHECK_FALSE(made.error().message().empty());
    }
}

TEST_CASE("without a range the ports of tcp endpoints are the system's choice") {
    Settings any = settings();
    any.tcp_first_port = any.tcp_last_port = 0;
    BindRequest chosen = tcp("tcp://tunnels.example.com:22001");
    CHECK(BindPlan::make(any, chosen, {}).error().code() == ngrok_error(307));
    CHECK(BindPlan::make(any, tcp("tcp://"), {})->random);
    const EndpointUrl before(UrlScheme::tcp, "tunnels.example.com", std::uint16_t{31234});
    CHECK(BindPlan::make(any, chosen, BindTicket(before, "cr_a", "ep_1", true))->url == before);
    chosen.extra.token = "of another key";
    const auto moved = BindPlan::make(any, chosen, {});
    REQUIRE(moved);
    CHECK(moved->random);
    CHECK(moved->url.host().empty());
    CHECK_FALSE(moved->url.port());
}

TEST_CASE("tcp addresses") {
    CHECK(plan(tcp("tcp://tunnels.example.com:22001"))->url.to_string() == "tcp://tunnels.example.com:22001");
    CHECK(plan(tcp("tcp://127.0.0.1:22001"))->url.to_string() == "tcp://127.0.0.1:22001");
    CHECK(plan(tcp("tcp://"))->random);
    CHECK(plan(tcp(""))->url.host().empty());
    BindRequest addr = tcp("");
    std::get<TcpOpts>(addr.opts).addr = "x.tunnels.example.com:22002";
    CHECK(plan(addr)->url.to_string() == "tcp://x.tunnels.example.com:22002");
}

TEST_CASE("a module that is not built is refused by its name") {
    struct Row {
        const char* name;
        std::function<void(HttpOpts&)> set;
    };
    const Row rows[] = {
        {"OAuth", [](HttpOpts& o) { o.oauth.emplace(); }},
        {"OIDC", [](HttpOpts& o) { o.oidc.emplace(); }},
        {"WebsocketTCPConverter", [](HttpOpts& o) { o.websocket_tcp_converter.emplace(); }},
        {"HostHeaderRewrite", [](HttpOpts& o) { o.host_header_rewrite = true; }},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        BindRequest request = http("");
        row.set(std::get<HttpOpts>(request.opts));
        const auto made = plan(request);
        REQUIRE_FALSE(made);
        CHECK(made.error().code() == ngrok_error(9026));
        CHECK(made.error().message().find("\"" + std::string(row.name) + "\"") != std::string::npos);
    }
    BindRequest nobody = http("");
    std::get<HttpOpts>(nobody.opts).basic_auth.emplace(); // whoever sends it wants a password
    CHECK(plan(nobody).error().code() == ngrok_error(9026));
    BindRequest plain = http("");
    std::get<HttpOpts>(plain.opts).traffic_policy = ""; // Go agents say "none" so
    CHECK(plan(plain));
    BindRequest http2 = http("");
    http2.forwards_proto = "http2";
    CHECK(plan(http2));
    http2.forwards_proto = "http3";
    CHECK(plan(http2).error().code() == adit::errc::invalid_option);
}

TEST_CASE("tls endpoints pass through, or end at the edge if the agent asks for it") {
    BindRequest request;
    request.protocol = "tls";
    request.opts = TlsOpts();
    CHECK_FALSE(plan(request)->terminate_tls);
    std::get<TlsOpts>(request.opts).tls_termination.emplace();
    CHECK(plan(request)->terminate_tls);
    const Certified own;
    TlsTerminationOpts& module = *std::get<TlsOpts>(request.opts).tls_termination;
    module.cert = own.issued.certificate_pem;
    CHECK(plan(request).error().code() == ngrok_error(9026)); // without its key
    module.key = "PEM";
    CHECK(plan(request).error().code() == ngrok_error(9026));
    module.key = own.issued.key_pem;
    CHECK(plan(request)->tls.certificate_pem == own.issued.certificate_pem);
    CHECK(plan(request)->tls.key_pem == own.issued.key_pem);
    module.sealed_key = "sealed";
    CHECK(plan(request).error().code() == ngrok_error(9026));
    std::get<TlsOpts>(request.opts).tls_termination.reset();
    std::get<TlsOpts>(request.opts).mutual_tls_at_edge.emplace().mutual_tls_ca = own.authority.certificate_pem();
    CHECK(plan(request).error().code() == ngrok_error(9026)); // the edge would see no certificate
    std::get<TlsOpts>(request.opts).tls_termination.emplace();
    CHECK(plan(request)->tls.client_certificates == ClientCertificates::require_and_verify);
    CHECK(plan(request)->tls.client_cas == std::vector<std::string>{own.authority.certificate_pem()});
}

TEST_CASE("an https endpoint may ask for client certificates, an http endpoint has none to look at") {
    BindRequest request = http("");
    CHECK(plan(request)->tls.plain());
    const Certified own;
    std::get<HttpOpts>(request.opts).mutual_tls_ca.emplace().mutual_tls_ca = own.authority.certificate_pem();
    CHECK(plan(request)->tls.client_certificates == ClientCertificates::require_and_verify);
    CHECK(plan(request)->tls.client_cas == std::vector<std::string>{own.authority.certificate_pem()});
    request.protocol = "http";
    CHECK(plan(request).error().code() == ngrok_error(9026));
}

TEST_CASE("names outside of the settings are the directory's to allow, others are not asked about") {
    for (const char* url : {"https://example.net", "https://wild.example.org", "https://evil-tunnels.example.com",
                            "https://*.example.net", "https://x.app.example.org"}) {
        CAPTURE(url);
        const auto made = plan(http(url));
        REQUIRE(made);
        CHECK(made->custom);
    }
    CHECK(plan(tcp("tcp://other.example.com:22000"))->custom);
    for (const char* url : {"https://", "https://a.tunnels.example.com", "https://app.example.org", "https://a.internal"}) {
        CAPTURE(url);
        CHECK_FALSE(plan(http(url))->custom);
    }
    CHECK_FALSE(plan(tcp("tcp://tunnels.example.com:22000"))->custom);
    CHECK_FALSE(plan(tcp("tcp://127.0.0.1:22000"))->custom);
}

TEST_CASE("internal endpoints: inferred from the name, with any port, as they were written") {
    struct Row {
        BindRequest request;
        const char* url;
    };
    for (const Row& row : {Row{http("https://a.internal"), "https://a.internal"},
                           Row{http("a.internal"), "https://a.internal"},
                           Row{http("http://a.internal:8080", "http"), "http://a.internal:8080"},
                           Row{http("https://A.Internal.:65535"), "https://a.internal:65535"},
                           Row{http("https://*.a.internal:1"), "https://*.a.internal:1"},
                           Row{http("https://a.b.c.d.internal"), "https://a.b.c.d.internal"},
                           Row{tcp("tcp://db.internal:22"), "tcp://db.internal:22"}}) {
        for (const bool said : {false, true}) {
            CAPTURE(row.url);
            BindRequest request = row.request;
            if (said) request.extra.bindings = {"internal"};
            const auto made = plan(request);
            REQUIRE(made);
            CHECK(made->url.to_string() == row.url);
            CHECK_FALSE(made->random);
            CHECK(public_url(settings(), made->url) == row.url);
        }
    }
    // What is restored by a token keeps its port.
    const BindTicket ticket(EndpointUrl(UrlScheme::https, "a.internal", std::uint16_t{8443}), "cr_a", "ep_1", false);
    CHECK(plan(http(""), ticket)->url.to_string() == "https://a.internal:8443");
}

TEST_CASE("bindings: one, public or internal, that fits the name") {
    const auto number = [](const BindRequest& request) {
        const auto made = plan(request);
        return made ? 0 : made.error().code().value();
    };
    struct Row {
        const char* url;
        std::vector<std::string> bindings;
        int number;
    };
    for (const Row& row : {Row{"", {"public"}, 0}, Row{"", {"public", "public"}, 15006}, Row{"", {"moon"}, 15005},
                           Row{"", {"kubernetes"}, 15005}, Row{"", {"public", "internal"}, 15005}, Row{"", {"internal"}, 9028},
                           Row{"https://a.tunnels.example.com", {"internal"}, 9029}, Row{"https://internal", {"internal"}, 9029},
                           Row{"https://a.internal", {"public"}, 331}, Row{"https://a.internal", {"internal"}, 0},
                           Row{"https://a.internal", {"internal", "internal"}, 15006},
                           Row{"https://app.ns", {"kubernetes"}, 15005}}) {
        CAPTURE(row.url);
        BindRequest request = http(row.url);
        request.extra.bindings = row.bindings;
        CHECK(number(request) == row.number);
    }
    BindRequest request = tcp("tcp://");
    request.extra.bindings = {"internal"};
    CHECK(number(request) == 9028);
}

TEST_CASE("texts have bounds") {
    BindRequest request = http("");
    request.extra.metadata = std::string(limits::metadata_max, 'x');
    CHECK(plan(request));
    request.extra.metadata += 'x';
    CHECK(plan(request).error().code() == errc::limit_exceeded);
    request = http("");
    request.extra.description = std::string(limits::description_max + 1, 'x');
    CHECK(plan(request).error().code() == errc::limit_exceeded);
    request = http("");
    request.id = std::string(200, 'x');
    CHECK(plan(request).error().code() == errc::invalid_option);
    request.id = "a\nb";
    CHECK(plan(request).error().code() == errc::invalid_option);
}

TEST_CASE("a ticket restores URL and endpoint, whatever the options say") {
    const BindTicket ticket(EndpointUrl(UrlScheme::https, "random.tunnels.example.com"), "cr_a", "ep_7", true);
    for (const char* url : {"", "https://", "https://elsewhere.tunnels.example.com", "https://random.tunnels.example.com:9999"}) {
        CAPTURE(url);
        BindRequest request = http(url);
        request.extra.token = "sealed";
        const auto made = plan(request, ticket);
        REQUIRE(made);
        CHECK(made->url.to_string() == "https://random.tunnels.example.com");
        CHECK(made->endpoint_id == "ep_7");
        CHECK(made->random);
    }
    // A token of another key is worth nothing, but the answer that came back says the name; the port may be an old one.
    BindRequest request = http("https://random.tunnels.example.com:9999");
    request.extra.token = "of another key";
    CHECK(plan(request)->url.to_string() == "https://random.tunnels.example.com");
    // A name that this edge no longer has is not restored without asking either.
    CHECK(plan(http(""), BindTicket(EndpointUrl(UrlScheme::https, "a.elsewhere.net"), "cr_a", "ep_1", true))->custom);
    CHECK(plan(tcp(""), ticket).error().code() == ngrok_error(9036));
}

TEST_CASE("labels serve the routes whose labels they carry") {
    StartTunnelWithLabelRequest request;
    request.labels = {{"app", "shop"}, {"zone", "x"}};
    const auto one = BindPlan::make_labeled(settings(), request);
    REQUIRE(one);
    REQUIRE(one->size() == 1);
    CHECK((*one)[0].url.to_string() == "https://shop.example.org");
    CHECK((*one)[0].labeled);
    request.labels = {{"app", "shop"}, {"kind", "ssh"}};
    CHECK(BindPlan::make_labeled(settings(), request)->size() == 2);
    request.labels = {{"app", "other"}};
    const auto none = BindPlan::make_labeled(settings(), request);
    REQUIRE_FALSE(none);
    CHECK(none.error().code() == ngrok_error(302));
    CHECK(none.error().message().find("{app=other}") != std::string::npos);
    CHECK(none.error().message().find("{app=shop}") != std::string::npos);
    CHECK(none.error().message().find("{app=shop, kind=ssh}") != std::string::npos);
}

TEST_CASE("URLs are shown with the port that visitors have to type") {
    const Settings made = settings();
    CHECK(public_url(made, EndpointUrl(UrlScheme::https, "a.example.com")) == "https://a.example.com:8443");
    CHECK(public_url(made, EndpointUrl(UrlScheme::tls, "a.example.com")) == "tls://a.example.com:8443");
    CHECK(public_url(made, EndpointUrl(UrlScheme::http, "a.example.com")) == "http://a.example.com");
    CHECK(public_url(made, EndpointUrl(UrlScheme::tcp, "a.example.com", std::uint16_t{22000})) == "tcp://a.example.com:22000");
}
