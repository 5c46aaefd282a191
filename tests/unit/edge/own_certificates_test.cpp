#include "edge/own_certificates.hpp"

#include "support/doctest.hpp"

#include <adit/limits.hpp>

using namespace adit;
using namespace adit::edge;

namespace {

const std::chrono::sys_seconds start = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23);

class Made {
public:
    explicit Made(std::chrono::days valid = std::chrono::days(3650)) {
        auto authority = tls::CertificateAuthority::create("test CA", now, valid);
        REQUIRE(authority);
        auto made = OwnCertificates::create(std::move(*authority), {"edge.example.com", "*.edge.example.com", "*.localhost"},
                                            {"edge.example.com", "localhost"}, [this] { return now; });
        REQUIRE(made);
        certificates = *made;
    }
    std::chrono::sys_seconds now = start;
    std::shared_ptr<OwnCertificates> certificates;
};

} // namespace

TEST_CASE("one certificate serves the names and wildcards that verifiers accept") {
    Made made;
    const auto common = made.certificates->get("app.edge.example.com");
    CHECK(common->covers("app.edge.example.com"));
    CHECK(made.certificates->get("edge.example.com") == common);
    CHECK(made.certificates->get("other.edge.example.com") == common);
    CHECK(made.certificates->get("") == common);
    CHECK(made.certificates->get("somebody.else.example") == common);
    CHECK(made.certificates->get("edge.example.com.evil.example") == common);
}

TEST_CASE("a name that no wildcard serves gets a certificate of its own, once") {
    Made made;
    for (const char* name : {"app.localhost", "deep.er.edge.example.com"}) {
        const auto own = made.certificates->get(name);
        CHECK(own->info().dns_names == std::vector<std::string>{name});
        CHECK(made.certificates->get(name) == own);
    }
    const auto common = made.certificates->get("");
    CHECK(made.certificates->get(std::string(300, 'x') + ".localhost") == common);
}

TEST_CASE("certificates are made anew before they expire") {
    Made made;
    const auto common = made.certificates->get("app.edge.example.com");
    const auto single = made.certificates->get("app.localhost");
    made.now = common->not_after() - limits::own_certificate_renewal - std::chrono::seconds(1);
    CHECK(made.certificates->get("app.edge.example.com") == common);
    CHECK(made.certificates->get("app.localhost") == single);
    made.now += std::chrono::seconds(2);
    for (const auto& [name, former] : {std::pair("app.edge.example.com", common), std::pair("app.localhost", single)}) {
        const auto renewed = made.certificates->get(name);
        CHECK(renewed != former);
        CHECK(renewed->covers(name));
        CHECK(renewed->not_after() > former->not_after());
        CHECK(made.certificates->get(name) == renewed);
    }
}

TEST_CASE("a certificate that ends with its authority is not made again and again") {
    Made made(std::chrono::days(20));
    const auto common = made.certificates->get("app.edge.example.com");
    const auto single = made.certificates->get("app.localhost");
    CHECK(made.certificates->get("app.edge.example.com") == common);
    CHECK(made.certificates->get("app.localhost") == single);
}

TEST_CASE("names that visitors make up are not kept without end") {
    Made made;
    const auto first = made.certificates->get("first.localhost");
    for (std::size_t i = 1; i <= limits::own_certificates_max; ++i)
        made.certificates->get(std::to_string(i) + ".localhost");
    CHECK(made.certificates->get("first.localhost") != first);
}
