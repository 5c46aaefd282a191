#include "edge/endpoint_tls.hpp"

#include "support/doctest.hpp"
#include "tls/certificate_authority.hpp"
#include "tls/engine.hpp"
#include "tls/identity.hpp"
#include "tls/ticket_keys.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <array>
#include <functional>

using namespace adit;
using namespace adit::edge;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::sys_seconds now{std::chrono::sys_days{std::chrono::year{2025} / 6 / 15}};

const tls::CertificateAuthority& authority() {
    static const auto made = tls::CertificateAuthority::create("endpoints", now);
    return *made;
}

tls::IssuedCertificate leaf(std::string name, std::chrono::sys_seconds from = now) {
    return *authority().issue_server({std::move(name)}, from);
}

Settings settings(const std::function<void(ServerOptions&)>& change = {}) {
    ServerOptions options;
    options.base_domain("example.com");
    if (change) change(options);
    auto parsed = Settings::parse(options.data());
    REQUIRE(parsed);
    return std::move(*parsed);
}

class World {
public:
    explicit World(const Settings& of = settings())
        : endpoints(
              of, [](std::string_view) { return edge_identity(); }, std::make_shared<tls::TicketKeys>(),
              [] { return now; }) {}

    static std::shared_ptr<const tls::Identity> edge_identity() {
        static const auto issued = leaf("*.example.com");
        static const auto identity = tls::Identity::from_pem(issued.certificate_pem, issued.key_pem);
        return *identity;
    }
    auto get(const TlsSettings& wanted, UrlScheme scheme = UrlScheme::https, std::string_view credential = "cr_1") {
        return endpoints.get(wanted, scheme, credential);
    }
    EndpointTls endpoints;
};

TlsSettings own_certificate(const tls::IssuedCertificate& issued) {
    TlsSettings wanted;
    wanted.certificate_pem = issued.certificate_pem;
    wanted.key_pem = issued.key_pem;
    return wanted;
}

TlsSettings mutual(ClientCertificates strategy = ClientCertificates::require_and_verify) {
    TlsSettings wanted;
    wanted.client_certificates = strategy;
    wanted.client_cas = {authority().certificate_pem()};
    return wanted;
}

/// What a client is told: its error, which has the alert's name in it, or "" if it got in.
class Visit {
public:
    explicit Visit(const std::shared_ptr<const tls::ServerContext>& context,
                   const std::function<void(tls::ClientOptions&)>& change = {}) {
        tls::ClientOptions options;
        options.roots = *tls::TrustRoots::from_pem(authority().certificate_pem());
        options.clock = [] { return now; };
        if (change) change(options);
        auto client = tls::Engine::client(*tls::ClientContext::create(options), "app.example.com");
        REQUIRE(client);
        tls::Engine server = tls::Engine::server(context);
        const auto carry = [](tls::Engine& from, tls::Engine& to) {
            const Bytes bytes = from.output();
            std::ranges::copy(bytes, to.input_space(bytes.size()).begin());
            to.commit_input(bytes.size());
            from.consume_output(bytes.size());
        };
        (void)client->handshake();
        for (int turn = 0; turn < 4; ++turn) { // three flights at most
            carry(*client, server);
            (void)server.handshake();
            carry(server, *client);
            (void)client->handshake();
        }
        std::array<std::uint8_t, 64> room;
        if (client->handshake_done()) (void)client->read(room);
        alert = client->error().detail();
        version = client->version();
        alpn = client->alpn();
        if (const auto peer = client->peer_certificate()) fingerprint = peer->info.fingerprint;
    }
    std::string alert, version, alpn, fingerprint;
};

void only_12(tls::ClientOptions& options) { options.max_version = tls::Version::tls12; }

std::string problem(World& world, const TlsSettings& wanted) {
    const auto made = world.get(wanted);
    REQUIRE_FALSE(made);
    CHECK(made.error().code() == errc::invalid_option);
    return made.error().detail() + ": " + made.error().message();
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

} // namespace

TEST_CASE("equal wishes of one credential share a context while anybody holds it") {
    World world;
    TlsSettings wanted;
    CHECK(wanted.plain());
    wanted.min_version = tls::Version::tls13;
    CHECK_FALSE(wanted.plain());
    auto one = *world.get(wanted);
    CHECK(*world.get(wanted) == one);
    CHECK(*world.get(wanted, UrlScheme::https, "cr_2") != one);
    CHECK(*world.get(wanted, UrlScheme::tls) != one);
    CHECK(world.endpoints.size() == 1);
    one.reset();
    CHECK(world.endpoints.size() == 0);
}

TEST_CASE("each difference in what is asked for makes another context") {
    World world;
    std::vector<TlsSettings> all(1);
    all.emplace_back().min_version = tls::Version::tls12;
    all.emplace_back().min_version = tls::Version::tls13;
    all.emplace_back().max_version = tls::Version::tls12;
    all.emplace_back().max_version = tls::Version::tls13;
    all.push_back(own_certificate(leaf("app.example.com")));
    all.push_back(own_certificate(leaf("app.example.com"))); // another key
    for (const auto strategy :
         {ClientCertificates::require_and_verify, ClientCertificates::require_any, ClientCertificates::request})
        all.push_back(mutual(strategy));
    all.push_back(mutual());
    all.back().client_cas.push_back(tls::CertificateAuthority::create("other", now)->certificate_pem());
    all.emplace_back().alpn = std::vector<std::string>();
    all.emplace_back().alpn = std::vector<std::string>{"a", "b"};
    all.emplace_back().alpn = std::vector<std::string>{"a1:b"};
    std::vector<std::shared_ptr<const tls::ServerContext>> made;
    for (const TlsSettings& wanted : all) {
        const auto context = world.get(wanted);
        REQUIRE_MESSAGE(context, context.error().to_string());
        CHECK(std::ranges::find(made, *context) == made.end());
        made.push_back(*context);
    }
    CHECK(world.endpoints.size() == all.size());
}

TEST_CASE("the edge's versions hold where the endpoint names none, and give way to the one that it names") {
    struct Row {
        const char *edge_min, *edge_max;
        std::optional<tls::Version> min, max;
        std::string_view visitor_12, visitor_13; // "" or the alert
    };
    constexpr auto tls12 = tls::Version::tls12, tls13 = tls::Version::tls13;
    constexpr std::string_view refused = "alert protocol_version (70)"; // S8.1a
    const Row rows[] = {
        {"1.2", "1.3", {}, {}, "", ""},       {"1.2", "1.3", tls13, {}, refused, ""},
        {"1.3", "1.3", {}, {}, refused, ""},  {"1.3", "1.3", tls12, {}, "", ""},
        {"1.3", "1.3", {}, tls12, "", "1.2"}, {"1.2", "1.2", tls13, {}, refused, ""},
        {"1.2", "1.2", {}, {}, "", "1.2"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.edge_min);
        CAPTURE(row.edge_max);
        World world(settings([&](ServerOptions& o) { o.min_tls_version(row.edge_min).max_tls_version(row.edge_max); }));
        TlsSettings wanted;
        wanted.min_version = row.min;
        wanted.max_version = row.max;
        const auto context = *world.get(wanted);
        CHECK(Visit(context, only_12).alert == row.visitor_12);
        const Visit newest(context);
        CHECK(newest.alert == "");
        CHECK(newest.version == (row.visitor_13 == "1.2" ? "TLSv1.2" : "TLSv1.3"));
    }
    World world;
    TlsSettings crossed;
    crossed.min_version = tls13;
    crossed.max_version = tls12;
    CHECK(has(problem(world, crossed), "min_version: the minimum TLS version is above the maximum"));
}

TEST_CASE("an endpoint's own certificate answers for it, the edge's otherwise") {
    World world;
    const auto issued = leaf("app.example.com");
    CHECK(Visit(*world.get(own_certificate(issued))).fingerprint ==
          tls::read_certificate(issued.certificate_pem)->fingerprint);
    CHECK(Visit(*world.get(TlsSettings())).fingerprint == World::edge_identity()->info().fingerprint);
}

TEST_CASE("what is wrong with an endpoint's own certificate is refused by its name") {
    World world;
    const auto good = leaf("app.example.com");
    TlsSettings keyless = own_certificate(good);
    keyless.key_pem.clear();
    CHECK(has(problem(world, keyless),
              "server_certificate: the endpoint's certificate and its private key belong together"));
    TlsSettings foreign = own_certificate(good);
    foreign.key_pem = leaf("app.example.com").key_pem;
    CHECK(has(problem(world, foreign), "the private key does not belong to certificate 1 (CN=app.example.com)"));
    TlsSettings disordered = own_certificate(good);
    disordered.certificate_pem += leaf("other.example.com").certificate_pem;
    CHECK(has(problem(world, disordered), "did not issue certificate 1"));
    CHECK(has(problem(world, own_certificate(leaf("app.example.com", now - 400 * 24h))),
              "certificate 1 (CN=app.example.com) expired at"));
    CHECK(has(problem(world, own_certificate(leaf("app.example.com", now + 48h))),
              "certificate 1 (CN=app.example.com) is not valid before"));
    TlsSettings garbage = own_certificate(good);
    garbage.certificate_pem = "nonsense";
    CHECK(has(problem(world, garbage), "no \"-----BEGIN CERTIFICATE-----\" block"));
    TlsSettings large = own_certificate(good);
    large.certificate_pem.append(limits::tls_termination_pem_max, '\n');
    CHECK(has(problem(world, large), "larger than"));
}

TEST_CASE("client authorities: missing, damaged, too many or without a strategy are refused") {
    World world;
    TlsSettings none = mutual();
    none.client_cas.clear();
    CHECK(has(problem(world, none), "mutual_tls_certificate_authorities: client certificates are to be verified"));
    TlsSettings damaged = mutual();
    damaged.client_cas.emplace_back("nonsense");
    CHECK(has(problem(world, damaged), "certificate authority 2: "));
    TlsSettings large = mutual();
    large.client_cas[0].append(limits::mutual_tls_ca_max, '\n');
    CHECK(has(problem(world, large), "more than"));
    CHECK(has(problem(world, mutual(ClientCertificates::none)), "no client is asked")); // never served without it
    none.client_certificates = ClientCertificates::require_any;
    CHECK(world.get(none));
}

TEST_CASE("the strategies have ngrok's names, and the strictest is the default") { // S8.1c
    CHECK(parse_client_certificates("") == ClientCertificates::require_and_verify);
    CHECK(parse_client_certificates("require-and-verify") == ClientCertificates::require_and_verify);
    CHECK(parse_client_certificates("require-any") == ClientCertificates::require_any);
    CHECK(parse_client_certificates("request") == ClientCertificates::request);
    CHECK_FALSE(parse_client_certificates("none").has_value());
    CHECK_FALSE(parse_client_certificates("Request").has_value());
}

TEST_CASE("https endpoints agree on HTTP by ALPN, tls endpoints on nothing unless asked to") { // S6.1f
    const auto offering = [](std::vector<std::string> names) {
        return [names](tls::ClientOptions& o) { o.alpn = names; };
    };
    for (const bool h2 : {false, true}) {
        Settings of = settings();
        of.http2 = h2;
        World world(of);
        TlsSettings wanted;
        wanted.min_version = tls::Version::tls12;
        const auto https = *world.get(wanted, UrlScheme::https);
        CHECK(Visit(https, offering({"http/1.1", "h2"})).alpn == (h2 ? "h2" : "http/1.1"));
        CHECK(Visit(https, offering({"http/1.1"})).alpn == "http/1.1");
        CHECK(Visit(https).alert == "");
        CHECK(Visit(https, offering({"spdy/3", "smtp"})).alert ==
              "alert no_application_protocol (120)"); // RFC 7301 3.2
        const auto tls = *world.get(wanted, UrlScheme::tls);
        const Visit raw(tls, offering({"h2"}));
        CHECK(raw.alert == "");
        CHECK(raw.alpn == "");
        wanted.alpn = std::vector<std::string>{"mqtt"};
        CHECK(Visit(*world.get(wanted, UrlScheme::tls), offering({"h2", "mqtt"})).alpn == "mqtt");
    }
}
