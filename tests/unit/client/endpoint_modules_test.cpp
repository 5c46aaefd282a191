// What the edge shall do with visitors: how each option is written, where it goes, and what of it is refused.
#include "client/bind_plan.hpp"
#include "client/options_data.hpp"

#include "base/base64.hpp"
#include "proto/codec.hpp"
#include "tls/certificate_authority.hpp"

#include "support/doctest.hpp"

#include <cmath>
#include <functional>

using namespace adit;

namespace {

/// Certificates for the tests; made once.
class Pems {
public:
    Pems() {
        const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
        const auto authority = tls::CertificateAuthority::create("modules test", now);
        REQUIRE(authority.has_value());
        ca = authority->certificate_pem();
        ca_key = authority->key_pem();
        const auto first = authority->issue_server({"a.example.com"}, now);
        const auto second = authority->issue_server({"b.example.com"}, now);
        REQUIRE((first.has_value() && second.has_value()));
        cert = first->certificate_pem;
        key = first->key_pem;
        other_key = second->key_pem;
    }
    std::string ca, ca_key, cert, key, other_key;
};

const Pems& pems() {
    static const Pems made;
    return made;
}

BindRequest bind(const Endpoint& endpoint) {
    const auto plan = plan_bind(endpoint.data());
    CAPTURE(plan ? std::string() : plan.error().to_string());
    REQUIRE(plan.has_value());
    return *decode_bind_request(plan->request);
}

using Change = std::function<void(Endpoint&)>;

/// One way to call each option, the name that a refusal starts with, and the kinds of endpoints that have it.
struct Option {
    const char* name;
    const char* kinds; // letters: h http, s https, t tls, c tcp
    Change set;
};

const std::vector<Option>& options() {
    static const std::vector<Option> all = {
        {"allow_cidr", "hstc", [](Endpoint& e) { e.allow_cidr("10.0.0.0/8"); }},
        {"basic_auth", "hs", [](Endpoint& e) { e.basic_auth("user", "password"); }},
        {"oauth", "hs", [](Endpoint& e) { e.oauth(OAuthOptions("google")); }},
        {"oidc", "hs", [](Endpoint& e) { e.oidc(OidcOptions("https://id.example.com", "id", "secret")); }},
        {"webhook_verification", "hs", [](Endpoint& e) { e.webhook_verification("github", "secret"); }},
        {"allow_user_agent", "hs", [](Endpoint& e) { e.allow_user_agent("^good"); }},
        {"deny_user_agent", "hs", [](Endpoint& e) { e.deny_user_agent("^bad"); }},
        {"request_header", "hs", [](Endpoint& e) { e.request_header("a", "b"); }},
        {"response_header", "hs", [](Endpoint& e) { e.response_header("a", "b"); }},
        {"remove_request_header", "hs", [](Endpoint& e) { e.remove_request_header("a"); }},
        {"remove_response_header", "hs", [](Endpoint& e) { e.remove_response_header("a"); }},
        {"compression", "hs", [](Endpoint& e) { e.compression(); }},
        {"circuit_breaker", "hs", [](Endpoint& e) { e.circuit_breaker(0.5); }},
        {"websocket_tcp_conversion", "hs", [](Endpoint& e) { e.websocket_tcp_conversion(); }},
        {"mutual_tls_ca", "st", [](Endpoint& e) { e.mutual_tls_ca(pems().ca); }},
        {"tls_termination", "t", [](Endpoint& e) { e.tls_termination(); }},
        {"tls_termination", "t", [](Endpoint& e) { e.tls_termination(pems().cert, pems().key); }},
    };
    return all;
}

} // namespace

TEST_CASE("each option is taken by the endpoints that have it, and refused by name by all others") {
    const std::pair<char, const char*> schemes[] = {
        {'h', "http://"}, {'s', "https://"}, {'t', "tls://"}, {'c', "tcp://"}};
    for (const Option& option : options()) {
        CAPTURE(option.name);
        for (const auto& [letter, url] : schemes) {
            CAPTURE(url);
            Endpoint endpoint(url);
            option.set(endpoint);
            const bool has = std::string_view(option.kinds).find(letter) != std::string_view::npos;
            // The edge sees client certificates only where TLS ends.
            if (letter == 't' && std::string_view(option.name) == "mutual_tls_ca") {
                CHECK(check(endpoint.data()).error().message().starts_with("mutual_tls_ca: "));
                endpoint.tls_termination();
            }
            const auto checked = check(endpoint.data());
            CHECK(checked.has_value() == has);
            if (has) continue;
            CHECK(checked.error().code() == errc::invalid_option);
            CHECK(checked.error().message().starts_with(std::string(option.name) + ": only "));
        }
        Endpoint labeled = Endpoint::labeled("k", "v");
        option.set(labeled);
        const auto checked = check(labeled.data());
        REQUIRE_FALSE(checked.has_value());
        CHECK(checked.error().code() == errc::invalid_option);
        CHECK(checked.error().message() == std::string(option.name) + ": a labelled endpoint has none");
    }
}

TEST_CASE("a denied range on a labelled endpoint is refused by its own name") {
    const Endpoint endpoint = Endpoint::labeled("k", "v").deny_cidr("10.0.0.0/8");
    CHECK(check(endpoint.data()).error().message().starts_with("deny_cidr: "));
}

TEST_CASE("a value that an edge would refuse for its shape is refused here, naming its option") {
    struct Row {
        const char* start;
        Change set;
    };
    const std::string long_text(limits::module_text_max + 1, 'x');
    const std::string long_ca(limits::mutual_tls_ca_max + 1, '\n');
    const std::string long_pem = std::string(limits::tls_termination_pem_max + 1, '\n');
    const auto oauth = [](auto set) {
        return [set](Endpoint& e) {
            OAuthOptions options("google");
            set(options);
            e.oauth(options);
        };
    };
    const auto oidc = [](std::string issuer, std::string id = "id", std::string secret = "secret") {
        return [=](Endpoint& e) { e.oidc(OidcOptions(issuer, id, secret)); };
    };
    const Row web[] = {
        {"allow_cidr: \"10.0.0.0/33\"", [](Endpoint& e) { e.allow_cidr("10.0.0.0/33"); }},
        {"allow_cidr: \"10.0.0\"", [](Endpoint& e) { e.allow_cidr("10.0.0"); }},
        {"allow_cidr: \"example.com\"", [](Endpoint& e) { e.allow_cidr("example.com"); }},
        {"allow_cidr: is empty", [](Endpoint& e) { e.allow_cidr(""); }},
        {"deny_cidr: \"2001:db8::/129\"", [](Endpoint& e) { e.allow_cidr("::/0").deny_cidr("2001:db8::/129"); }},
        {"deny_cidr: without allow_cidr", [](Endpoint& e) { e.deny_cidr("10.0.0.0/8"); }},
        {"basic_auth user: is empty", [](Endpoint& e) { e.basic_auth("", "password"); }},
        {"basic_auth user: has a colon", [](Endpoint& e) { e.basic_auth("a:b", "password"); }},
        {"basic_auth user: has a line end", [](Endpoint& e) { e.basic_auth("a\nb", "password"); }},
        {"basic_auth user: longer", [](Endpoint& e) { e.basic_auth(std::string(129, 'u'), "password"); }},
        {"basic_auth password: shorter", [](Endpoint& e) { e.basic_auth("user", "hunter2"); }},
        {"basic_auth password: shorter", [](Endpoint& e) { e.basic_auth("ok", "password").basic_auth("user", ""); }},
        {"basic_auth password: longer", [](Endpoint& e) { e.basic_auth("user", std::string(120, 'p') + "hunter222"); }},
        {"basic_auth password: has a line end", [](Endpoint& e) { e.basic_auth("user", "hunter22\n"); }},
        {"basic_auth password: is no UTF-8", [](Endpoint& e) { e.basic_auth("user", "hunter2\xf6"); }},
        {"oauth.provider: is empty", [](Endpoint& e) { e.oauth(OAuthOptions("")); }},
        {"oauth.provider: \"goo gle\"", [](Endpoint& e) { e.oauth(OAuthOptions("goo gle")); }},
        {"oauth.client: has an id and a secret", oauth([](OAuthOptions& o) { o.client("id", ""); })},
        {"oauth.client: has an id and a secret", oauth([](OAuthOptions& o) { o.client("", "hunter2"); })},
        {"oauth.client id: longer", oauth([&](OAuthOptions& o) { o.client(long_text, "secret"); })},
        {"oauth.client secret: longer", oauth([&](OAuthOptions& o) { o.client("id", long_text); })},
        {"oauth.allow_email: is empty", oauth([](OAuthOptions& o) { o.allow_email(""); })},
        {"oauth.allow_domain: \"a b\"", oauth([](OAuthOptions& o) { o.allow_domain("a b"); })},
        {"oauth.scope: \"a b\" has a space", oauth([](OAuthOptions& o) { o.scope("a b"); })},
        {"oauth.scope: longer", oauth([&](OAuthOptions& o) { o.scope(long_text); })},
        {"oidc.issuer: is empty", oidc("")},
        {"oidc.issuer: \"http://id.example.com\" is no https:// URL", oidc("http://id.example.com")},
        {"oidc.issuer: \"id.example.com\" is no https:// URL", oidc("id.example.com")},
        {"oidc.issuer: \"https:///x\" has no host", oidc("https:///x")},
        {"oidc.issuer: has a user", oidc("https://u:p@id.example.com")},
        {"oidc.issuer: has a query", oidc("https://id.example.com/?a")},
        {"oidc.issuer: has a query", oidc("https://id.example.com#a")},
        {"oidc.issuer: ", oidc("https://id.example.com:99999")},
        {"oidc.issuer: ", oidc("https://id..example.com")},
        {"oidc.issuer: ", oidc("https://id.example.com/a b")},
        {"oidc.client: needs", oidc("https://id.example.com", "")},
        {"oidc.client: needs", oidc("https://id.example.com", "id", "")},
        {"oidc.scope: is empty", [](Endpoint& e) { e.oidc(OidcOptions("https://a.b", "i", "s").scope("")); }},
        {"webhook_verification provider: is empty", [](Endpoint& e) { e.webhook_verification("", "hunter2"); }},
        {"webhook_verification secret: is empty", [](Endpoint& e) { e.webhook_verification("github", ""); }},
        {"webhook_verification secret: longer", [&](Endpoint& e) { e.webhook_verification("sns", long_text); }},
        {"allow_user_agent: is empty", [](Endpoint& e) { e.allow_user_agent(""); }},
        {"deny_user_agent: longer", [&](Endpoint& e) { e.deny_user_agent(long_text); }},
        {"deny_user_agent: has a line end", [](Endpoint& e) { e.deny_user_agent("a\r"); }},
        {"request_header: \"\" is no header name", [](Endpoint& e) { e.request_header("", "v"); }},
        {"request_header: \"a b\" is no header name", [](Endpoint& e) { e.request_header("a b", "v"); }},
        {"request_header: \"a:\" is no header name", [](Endpoint& e) { e.request_header("a:", "v"); }},
        {"request_header: longer", [&](Endpoint& e) { e.request_header(long_text, "v"); }},
        {"request_header: the value of a has a line end", [](Endpoint& e) { e.request_header("A", "v\r\nb: c"); }},
        {"request_header: the value of a has a line end",
         [](Endpoint& e) { e.request_header("a", std::string_view("\0", 1)); }},
        {"request_header: the value of a is no UTF-8", [](Endpoint& e) { e.request_header("a", "\xff"); }},
        {"response_header: the value of a starts or ends", [](Endpoint& e) { e.response_header("a", " v"); }},
        {"response_header: the value of a starts or ends", [](Endpoint& e) { e.response_header("a", "v\t"); }},
        {"response_header: the value of a is longer", [&](Endpoint& e) { e.response_header("a", long_text); }},
        {"remove_request_header: \"\"", [](Endpoint& e) { e.remove_request_header(""); }},
        {"remove_response_header: \"a\nb\"", [](Endpoint& e) { e.remove_response_header("a\nb"); }},
        {"circuit_breaker: ", [](Endpoint& e) { e.circuit_breaker(1.01); }},
        {"circuit_breaker: ", [](Endpoint& e) { e.circuit_breaker(-0.01); }},
        {"circuit_breaker: ", [](Endpoint& e) { e.circuit_breaker(std::nan("")); }},
        {"mutual_tls_ca: ", [](Endpoint& e) { e.mutual_tls_ca(""); }},
        {"mutual_tls_ca: ", [](Endpoint& e) { e.mutual_tls_ca(pems().ca).mutual_tls_ca("no PEM"); }},
        {"mutual_tls_ca: ", [](Endpoint& e) { e.mutual_tls_ca(std::string(pems().ca).replace(28, 4, "AAAA")); }},
        {"mutual_tls_ca: has a private key", [](Endpoint& e) { e.mutual_tls_ca(pems().ca + pems().ca_key); }},
        {"mutual_tls_ca: longer", [&](Endpoint& e) { e.mutual_tls_ca(pems().ca + long_ca); }},
        {"mutual_tls_ca: longer",
         [&](Endpoint& e) {
             const std::string half(limits::mutual_tls_ca_max / 2, '\n');
             e.mutual_tls_ca(pems().ca + half).mutual_tls_ca(pems().ca + half);
         }},
        {"binding: ", [](Endpoint& e) { e.binding(""); }},
        {"binding: ", [](Endpoint& e) { e.binding("public").binding("private"); }},
        {"binding: \"public\" is there twice", [](Endpoint& e) { e.binding("public").binding("public"); }},
    };
    const Row at_tls[] = {
        {"tls_termination: ", [](Endpoint& e) { e.tls_termination("", ""); }},
        {"tls_termination: ", [](Endpoint& e) { e.tls_termination(pems().cert, ""); }},
        {"tls_termination: ", [](Endpoint& e) { e.tls_termination("", pems().key); }},
        {"tls_termination: ", [](Endpoint& e) { e.tls_termination(pems().key, pems().cert); }},
        {"tls_termination: the private key does not belong",
         [](Endpoint& e) { e.tls_termination(pems().cert, pems().other_key); }},
        {"tls_termination: longer", [&](Endpoint& e) { e.tls_termination(pems().cert + long_pem, pems().key); }},
        {"tls_termination: longer", [&](Endpoint& e) { e.tls_termination(pems().cert, pems().key + long_pem); }},
    };
    const auto refused = [](const Row& row, const char* url) {
        Endpoint endpoint(url);
        row.set(endpoint);
        const auto checked = check(endpoint.data());
        CAPTURE(std::string(row.start));
        REQUIRE_FALSE(checked.has_value());
        CAPTURE(checked.error().to_string());
        CHECK(checked.error().code() == errc::invalid_option);
        CHECK(checked.error().message().starts_with(row.start));
        CHECK(checked.error().to_string().find("hunter2") == std::string::npos); // secrets are not told
        CHECK_FALSE(plan_bind(endpoint.data()).has_value());
    };
    for (const Row& row : web) refused(row, "https://");
    for (const Row& row : at_tls) refused(row, "tls://");
}

TEST_CASE("the bounds are inclusive") {
    const auto fine = [](const Endpoint& endpoint) {
        const auto checked = check(endpoint.data());
        CAPTURE(checked ? std::string() : checked.error().to_string());
        CHECK(checked.has_value());
    };
    fine(Endpoint("https://").basic_auth(std::string(limits::basic_auth_user_max, 'u'), "12345678"));
    fine(Endpoint("https://").basic_auth("u", std::string(limits::basic_auth_password_max, 'p')));
    fine(Endpoint("https://")
             .basic_auth("\xc3\xbc", "a: \xc3\xbc"
                                     "12345"));
    fine(Endpoint("https://").circuit_breaker(0));
    fine(Endpoint("https://").circuit_breaker(1));
    fine(Endpoint("https://").webhook_verification("sns", ""));
    fine(Endpoint("https://").webhook_verification("provider-of-tomorrow", "s"));
    fine(Endpoint("https://").request_header("a", "").response_header("x", "a\tb c"));
    fine(Endpoint("https://").request_header("a", std::string(limits::module_text_max, 'v')));
    fine(Endpoint("https://").oidc(OidcOptions("https://[2001:db8::1]:8443/realms/a/", "i", "s")));
    fine(Endpoint("tcp://").allow_cidr("10.1.2.3").allow_cidr("2001:db8::/32").deny_cidr("10.1.0.0/16"));
    fine(Endpoint("https://")
             .mutual_tls_ca(pems().ca + std::string(limits::mutual_tls_ca_max - pems().ca.size(), '\n')));
    fine(Endpoint("tls://").tls_termination(
        pems().cert + std::string(limits::tls_termination_pem_max - pems().cert.size(), '\n'), pems().key));
    fine(Endpoint("https://").binding("public").binding("internal").binding("kubernetes"));

    struct Row {
        const char* name;
        std::size_t most;
        std::function<void(Endpoint&, const std::string&)> add;
    };
    const auto with_oauth = [](auto add) {
        // Each call adds to what is there: the whole list is built again.
        return [add, options = std::make_shared<OAuthOptions>("google")](Endpoint& e, const std::string& text) {
            add(*options, text);
            e.oauth(*options);
        };
    };
    const Row lists[] = {
        {"allow_cidr", limits::module_entries_max, [](Endpoint& e, const std::string&) { e.allow_cidr("10.0.0.0/8"); }},
        {"deny_cidr", limits::module_entries_max,
         [](Endpoint& e, const std::string& n) {
             if (n == "n1") e.allow_cidr("::/0");
             e.deny_cidr("10.0.0.0/8");
         }},
        {"basic_auth", limits::basic_auth_users_max,
         [](Endpoint& e, const std::string& n) { e.basic_auth(n, "password"); }},
        {"allow_user_agent", limits::module_entries_max,
         [](Endpoint& e, const std::string& n) { e.allow_user_agent(n); }},
        {"deny_user_agent", limits::module_entries_max,
         [](Endpoint& e, const std::string& n) { e.deny_user_agent(n); }},
        {"request_header", limits::module_entries_max,
         [](Endpoint& e, const std::string& n) { e.request_header(n, "v"); }},
        {"response_header", limits::module_entries_max,
         [](Endpoint& e, const std::string& n) { e.response_header(n, "v"); }},
        {"remove_request_header", limits::module_entries_max,
         [](Endpoint& e, const std::string& n) { e.remove_request_header(n); }},
        {"remove_response_header", limits::module_entries_max,
         [](Endpoint& e, const std::string& n) { e.remove_response_header(n); }},
        {"oauth.allow_email", limits::module_entries_max,
         with_oauth([](OAuthOptions& o, const std::string& n) { o.allow_email(n); })},
        {"oauth.allow_domain", limits::module_entries_max,
         with_oauth([](OAuthOptions& o, const std::string& n) { o.allow_domain(n); })},
        {"oauth.scope", limits::module_entries_max,
         with_oauth([](OAuthOptions& o, const std::string& n) { o.scope(n); })},
    };
    for (const Row& row : lists) {
        CAPTURE(row.name);
        Endpoint endpoint("https://");
        for (std::size_t i = 1; i <= row.most; ++i) row.add(endpoint, "n" + std::to_string(i));
        fine(endpoint);
        row.add(endpoint, "one-more");
        const auto checked = check(endpoint.data());
        REQUIRE_FALSE(checked.has_value());
        CHECK(checked.error().message() ==
              std::string(row.name) + ": more than " + std::to_string(row.most) + " of them");
    }
}

TEST_CASE("each option is written as the official client writes it") {
    struct Row {
        const char* url;
        std::string expected; // the members of Opts that differ from those without the option
        Change set;
    };
    const std::string ca64 = base64_encode(pems().ca);
    const Row rows[] = {
        {"https://", R"("Compression":{})", [](Endpoint& e) { e.compression(); }},
        {"https://", R"("CircuitBreaker":{"error_threshold":0.5})", [](Endpoint& e) { e.circuit_breaker(0.5); }},
        {"https://", R"("CircuitBreaker":{})", [](Endpoint& e) { e.circuit_breaker(0); }},
        {"https://", R"("IPRestriction":{"allow_cidrs":["1.2.3.0/24","::/0"],"deny_cidrs":["4.5.6.7"]})",
         [](Endpoint& e) { e.allow_cidr("1.2.3.0/24").deny_cidr("4.5.6.7").allow_cidr("::/0"); }},
        {"http://", R"("IPRestriction":{"allow_cidrs":["10.0.0.0/8"]})",
         [](Endpoint& e) { e.allow_cidr("10.0.0.0/8"); }},
        {"tls://", R"("IPRestriction":{"allow_cidrs":["10.0.0.0/8"]})",
         [](Endpoint& e) { e.allow_cidr("10.0.0.0/8"); }},
        {"tcp://", R"("IPRestriction":{"allow_cidrs":["10.0.0.0/8"]})",
         [](Endpoint& e) { e.allow_cidr("10.0.0.0/8"); }},
        {"https://",
         R"("BasicAuth":{"credentials":[{"username":"u1","cleartext_password":"password1"},)"
         R"({"username":"u2","cleartext_password":"password2"}]})",
         [](Endpoint& e) { e.basic_auth("u1", "password1").basic_auth("u2", "password2"); }},
        {"https://", R"("OAuth":{"provider":"google"})", [](Endpoint& e) { e.oauth(OAuthOptions("google")); }},
        {"https://",
         R"("OAuth":{"provider":"google","client_id":"cid","client_secret":"csec","allow_emails":["a@x.com","b@x.com"],)"
         R"("allow_domains":["x.com"],"scopes":["profile"]})",
         [](Endpoint& e) {
             auto options = OAuthOptions("google").client("cid", "csec").allow_email("a@x.com").allow_email("b@x.com");
             e.oauth(OAuthOptions("github")).oauth(options.allow_domain("x.com").scope("profile"));
         }},
        {"https://", R"("OIDC":{"issuer_url":"https://idp.example","client_id":"cid2","client_secret":"csec2"})",
         [](Endpoint& e) { e.oidc(OidcOptions("https://idp.example", "cid2", "csec2")); }},
        {"https://",
         R"("OIDC":{"issuer_url":"https://idp.example","client_id":"cid2","client_secret":"csec2",)"
         R"("allow_emails":["b@x.com"],"allow_domains":["y.com"],"scopes":["email","groups"]})",
         [](Endpoint& e) {
             auto options = OidcOptions("https://idp.example", "cid2", "csec2").allow_email("b@x.com");
             e.oidc(options.allow_domain("y.com").scope("email").scope("groups"));
         }},
        {"https://", R"("WebhookVerification":{"provider":"github","secret":"s3cret"})",
         [](Endpoint& e) { e.webhook_verification("slack", "x").webhook_verification("github", "s3cret"); }},
        {"https://", R"("UserAgentFilter":{"allow":["^good.*"],"deny":["^bad.*"]})",
         [](Endpoint& e) { e.allow_user_agent("^good.*").deny_user_agent("^bad.*"); }},
        {"https://", R"("RequestHeaders":{"add":["x-req:2","x-b:a:b"],"remove":["x-rem"]})",
         [](Endpoint& e) {
             e.request_header("X-Req", "1").request_header("x-b", "a:b").request_header("x-REQ", "2");
             e.remove_request_header("X-Rem");
         }},
        {"https://", R"("ResponseHeaders":{"add":["x-resp:3"]})",
         [](Endpoint& e) { e.response_header("x-resp", "3"); }},
        {"https://", R"("ResponseHeaders":{"remove":["x-rem2"]})",
         [](Endpoint& e) { e.remove_response_header("x-rem2"); }},
        {"https://", R"("WebsocketTCPConverter":{})", [](Endpoint& e) { e.websocket_tcp_conversion(); }},
        {"https://", R"("MutualTLSCA":{"mutual_tls_ca":")" + ca64 + "\"}",
         [](Endpoint& e) { e.mutual_tls_ca(pems().ca); }},
        {"https://", R"("MutualTLSCA":{"mutual_tls_ca":")" + base64_encode(pems().ca + pems().ca) + "\"}",
         [](Endpoint& e) { // the line end between them comes back
             e.mutual_tls_ca(std::string_view(pems().ca).substr(0, pems().ca.size() - 1)).mutual_tls_ca(pems().ca);
         }},
        {"tls://", R"("TLSTermination":{})", [](Endpoint& e) { e.tls_termination(); }},
        {"tls://", R"("TLSTermination":{})",
         [](Endpoint& e) { e.tls_termination(pems().cert, pems().key).tls_termination(); }},
        {"tls://",
         R"("TLSTermination":{"cert":")" + base64_encode(pems().cert) + R"(","key":")" + base64_encode(pems().key) +
             "\"}",
         [](Endpoint& e) { e.tls_termination().tls_termination(pems().cert, pems().key); }},
        {"tls://", R"("MutualTLSAtEdge":{"mutual_tls_ca":")" + ca64 + R"("},"TLSTermination":{})",
         [](Endpoint& e) { e.mutual_tls_ca(pems().ca).tls_termination(); }},
    };
    for (const Row& row : rows) {
        CAPTURE(row.expected);
        const std::string plain = plan_bind(Endpoint(row.url).data())->request;
        Endpoint endpoint(row.url);
        row.set(endpoint);
        const auto plan = plan_bind(endpoint.data());
        REQUIRE(plan.has_value());
        CHECK(plan->request.find(row.expected) != std::string::npos);
        // and nothing else: with `null` in its place again it is the request without the option
        std::string back = plan->request;
        const std::size_t at = back.find(row.expected);
        REQUIRE(at != std::string::npos);
        const std::string name = row.expected.substr(0, row.expected.find(':') + 1);
        const bool two = row.expected.find("},\"TLSTermination\"") != std::string::npos;
        back.replace(at, row.expected.size(), name + "null" + (two ? R"(,"TLSTermination":null)" : ""));
        CHECK(back == plain);
    }
}

TEST_CASE("bindings are sent in the order of the calls") {
    CHECK(bind(Endpoint("https://")).extra.bindings.empty());
    CHECK(bind(Endpoint("https://").binding("internal").binding("public")).extra.bindings ==
          std::vector<std::string>{"internal", "public"});
}

TEST_CASE("a request that is too large names the option that makes it so") {
    const auto names = [](const Endpoint& endpoint) {
        const auto plan = plan_bind(endpoint.data());
        REQUIRE_FALSE(plan.has_value());
        CHECK(plan.error().code() == errc::invalid_option);
        return plan.error().message().substr(0, plan.error().message().find(':'));
    };
    const std::string text(limits::module_text_max, 'x');
    Endpoint headers("https://"), responses("https://"), agents("https://"), policy("https://");
    OAuthOptions oauth("google");
    OidcOptions oidc("https://id.example.com", "i", "s");
    for (int i = 0; i < 70; ++i) {
        headers.request_header("n" + std::to_string(i), text);
        responses.response_header("n" + std::to_string(i), text);
        agents.deny_user_agent(text);
        oauth.scope(text);
        oidc.allow_email(text);
    }
    CHECK(names(headers) == "request_header");
    CHECK(names(responses) == "response_header");
    CHECK(names(agents) == "allow_user_agent, deny_user_agent");
    CHECK(names(Endpoint("https://").oauth(oauth)) == "oauth");
    CHECK(names(Endpoint("https://").oidc(oidc)) == "oidc");
    CHECK(names(policy.request_header("a", text).traffic_policy(std::string(limits::bind_request_max, 'p'))) ==
          "traffic_policy");
}

TEST_CASE("the largest certificates and lists of a tls endpoint fit one request") {
    const auto filled = [](const std::string& pem, std::size_t most) {
        return pem + std::string(most - pem.size(), '\n');
    };
    Endpoint endpoint = Endpoint("tls://").metadata(std::string(limits::metadata_max, '"'));
    endpoint.mutual_tls_ca(filled(pems().ca, limits::mutual_tls_ca_max));
    endpoint.tls_termination(filled(pems().cert, limits::tls_termination_pem_max),
                             filled(pems().key, limits::tls_termination_pem_max));
    for (std::size_t i = 0; i < limits::module_entries_max; ++i)
        endpoint.allow_cidr("2001:db8:1111:2222:3333:4444::/128").deny_cidr("2001:db8:1111:2222:3333:4444::/128");
    CHECK(plan_bind(endpoint.data()).has_value());
}

TEST_CASE("sign-in options: copies are their own, moved-from ones are as new ones") {
    OAuthOptions oauth = OAuthOptions("google").scope("a");
    const OAuthOptions copy = oauth;
    oauth.scope("b");
    CHECK(copy.data().opts.scopes == std::vector<std::string>{"a"});
    const OAuthOptions taken = std::move(oauth);
    CHECK(taken.data().opts.scopes == std::vector<std::string>{"a", "b"});
    CHECK(oauth.data().opts.provider.empty()); // NOLINT: used after the move on purpose
    oauth.scope("c");
    CHECK(oauth.data().opts.scopes == std::vector<std::string>{"c"});
    oauth = copy;
    CHECK(oauth.data().opts.provider == "google");

    OidcOptions oidc = OidcOptions("https://a.b", "i", "s").scope("a");
    const OidcOptions same = oidc;
    oidc.allow_domain("x.com");
    CHECK(same.data().opts.allow_domains.empty());
    const OidcOptions moved = std::move(oidc);
    CHECK(moved.data().opts.allow_domains == std::vector<std::string>{"x.com"});
    CHECK(oidc.data().opts.issuer_url.empty()); // NOLINT: likewise
    oidc.scope("c");
    CHECK(oidc.data().opts.scopes == std::vector<std::string>{"c"});
    oidc = same;
    CHECK(oidc.data().opts.issuer_url == "https://a.b");

    OAuthOptions changing("google");
    const Endpoint endpoint = Endpoint("https://").oauth(changing);
    changing.scope("later");
    CHECK(endpoint.data().oauth->scopes.empty());
}
