#include "edge/tickets.hpp"

#include "support/doctest.hpp"

using namespace adit;
using namespace adit::edge;

namespace {

tls::Sealer sealer_of(std::uint8_t fill) {
    tls::Sealer::Key key;
    key.fill(fill);
    return tls::Sealer(key);
}

BindTicket ticket() {
    return BindTicket(EndpointUrl(UrlScheme::tcp, "edge.example.com", std::uint16_t{22000}), "cr_a", "ep_1", true);
}

} // namespace

TEST_CASE("a bind token gives its record back under the same key") {
    const auto opened = BindTicket::open(sealer_of(1), ticket().seal(sealer_of(1)));
    REQUIRE(opened);
    CHECK(opened->url.to_string() == "tcp://edge.example.com:22000");
    CHECK(opened->credential == "cr_a");
    CHECK(opened->endpoint_id == "ep_1");
    CHECK(opened->random);
}

TEST_CASE("a token of another key, a changed one and plain text open nothing") {
    const std::string token = ticket().seal(sealer_of(1));
    CHECK_FALSE(BindTicket::open(sealer_of(2), token));
    CHECK_FALSE(BindTicket::open(sealer_of(1), ""));
    CHECK_FALSE(BindTicket::open(sealer_of(1), "tok-7"));
    for (std::size_t i = 0; i < token.size(); ++i) {
        std::string changed = token;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        CAPTURE(i);
        CHECK_FALSE(BindTicket::open(sealer_of(1), changed));
    }
}

TEST_CASE("a cookie is no bind token, and a bind token no cookie") {
    const tls::Sealer sealer = sealer_of(1);
    const std::string cookie = ClientTicket("cl_1", "cr_a").seal(sealer);
    CHECK_FALSE(BindTicket::open(sealer, cookie));
    CHECK_FALSE(ClientTicket::open(sealer, ticket().seal(sealer)));
    const auto opened = ClientTicket::open(sealer, cookie);
    REQUIRE(opened);
    CHECK(opened->client_id == "cl_1");
    CHECK(opened->credential == "cr_a");
}

TEST_CASE("two tokens of one record differ and do not show what is in them") {
    const tls::Sealer sealer = sealer_of(1);
    const std::string one = ticket().seal(sealer);
    CHECK(one != ticket().seal(sealer));
    CHECK(one.find("example") == std::string::npos);
}
