#include <adit/edge/registry.hpp>

#include "support/doctest.hpp"

#include <optional>

using namespace adit;
using namespace adit::edge;

namespace {

Claim claim_for(std::string owner, std::string credential = "cr_a", std::string endpoint = "ep_1", bool pooled = false) {
    Claim claim;
    claim.url = claim.key = "https://app.example.com";
    claim.owner = std::move(owner);
    claim.credential = claim.account = std::move(credential);
    claim.endpoint_id = std::move(endpoint);
    claim.pooled = pooled;
    return claim;
}

/// The epoch, or nothing if refused.
std::optional<std::uint64_t> take(Registry& registry, const Claim& claim) {
    std::optional<std::uint64_t> epoch;
    int calls = 0;
    registry.claim(claim, [&](const ErrorInfo& error, Lease lease) {
        ++calls;
        if (!error) epoch = lease.epoch;
        if (error) CHECK(error.code() == ngrok_error(334));
    });
    CHECK(calls == 1);
    return epoch;
}

bool renews(Registry& registry, const Claim& claim, std::uint64_t epoch) {
    bool ok = false;
    registry.renew(claim, epoch, [&](const ErrorInfo& error, Lease) { ok = !error; });
    return ok;
}

} // namespace

TEST_CASE("a URL has one owner until it is released") {
    const auto registry = Registry::in_memory();
    const auto first = take(*registry, claim_for("one"));
    REQUIRE(first);
    CHECK_FALSE(take(*registry, claim_for("two", "cr_b", "ep_2")));
    CHECK_FALSE(take(*registry, claim_for("two", "cr_a", "ep_2")));
    CHECK(renews(*registry, claim_for("one"), *first));
    registry->release(claim_for("one"), *first);
    CHECK_FALSE(renews(*registry, claim_for("one"), *first));
    const auto second = take(*registry, claim_for("two", "cr_b", "ep_2"));
    REQUIRE(second);
    CHECK(*second > *first);
}

TEST_CASE("an endpoint that comes back gets a new epoch, and its former owner cannot release it") {
    const auto registry = Registry::in_memory();
    const auto before = take(*registry, claim_for("session 1"));
    const auto after = take(*registry, claim_for("session 2"));
    REQUIRE(before);
    REQUIRE(after);
    CHECK(*after > *before);
    registry->release(claim_for("session 1"), *before);
    CHECK(renews(*registry, claim_for("session 2"), *after));
    CHECK_FALSE(take(*registry, claim_for("other", "cr_b", "ep_9")));
    registry->release(claim_for("session 2"), *before); // an old epoch
    CHECK_FALSE(take(*registry, claim_for("other", "cr_b", "ep_9")));
    registry->release(claim_for("session 2"), *after);
    CHECK(take(*registry, claim_for("other", "cr_b", "ep_9")));
}

TEST_CASE("the endpoint of another credential is not handed over, whatever id is given") {
    const auto registry = Registry::in_memory();
    CHECK(take(*registry, claim_for("one")));
    CHECK_FALSE(take(*registry, claim_for("two", "cr_b", "ep_1")));
}

TEST_CASE("pooled claims of one credential share a URL") {
    const auto registry = Registry::in_memory();
    CHECK(take(*registry, claim_for("one", "cr_a", "ep_1", true)));
    CHECK(take(*registry, claim_for("two", "cr_a", "ep_2", true)));
    CHECK_FALSE(take(*registry, claim_for("three", "cr_a", "ep_3", false)));
    CHECK_FALSE(take(*registry, claim_for("four", "cr_b", "ep_4", true)));
}

TEST_CASE("one key has one URL, pooled or not, and two keys do not know each other") {
    const auto registry = Registry::in_memory();
    CHECK(take(*registry, claim_for("one", "cr_a", "ep_1", true)));
    Claim tls = claim_for("two", "cr_a", "ep_1", true);
    tls.url = "tls://app.example.com";
    CHECK_FALSE(take(*registry, tls));
    Claim http = claim_for("two", "cr_b", "ep_2");
    http.url = http.key = "http://app.example.com";
    CHECK(take(*registry, http));
}

TEST_CASE("releasing what is unknown changes nothing") {
    const auto registry = Registry::in_memory();
    registry->release(claim_for("one"), 7);
    const auto epoch = take(*registry, claim_for("one"));
    REQUIRE(epoch);
    registry->release(claim_for("two"), *epoch);
    CHECK(renews(*registry, claim_for("one"), *epoch));
}

TEST_CASE("a renewal may switch pooling on, and off while nobody shares") {
    const auto registry = Registry::in_memory();
    const auto first = take(*registry, claim_for("one"));
    REQUIRE(first);
    const Claim second = claim_for("two", "cr_a", "ep_2", true);
    CHECK_FALSE(take(*registry, second));
    CHECK(renews(*registry, claim_for("one", "cr_a", "ep_1", true), *first));
    const auto shared = take(*registry, second);
    REQUIRE(shared);
    CHECK_FALSE(renews(*registry, claim_for("one"), *first)); // off, while it is shared
    CHECK(renews(*registry, claim_for("one", "cr_a", "ep_1", true), *first)); // and nothing is lost
    registry->release(second, *shared);
    CHECK(renews(*registry, claim_for("one"), *first));
    CHECK_FALSE(take(*registry, second));
    CHECK_FALSE(renews(*registry, second, *first)); // a stranger changes nothing
}

TEST_CASE("the credentials of an account share a pool, and take nothing over from each other") {
    const auto registry = Registry::in_memory();
    const auto claim = [](const char* credential, const char* endpoint, bool pooled) {
        Claim made = claim_for(std::string("owner ") + endpoint, credential, endpoint, pooled);
        made.account = "ac_1";
        return made;
    };
    CHECK(take(*registry, claim("cr_a", "ep_1", true)));
    CHECK(take(*registry, claim("cr_b", "ep_2", true)));
    CHECK_FALSE(take(*registry, claim("cr_b", "ep_1", false)));
    CHECK_FALSE(take(*registry, claim_for("other", "cr_c", "ep_3", true)));
}
