#include "tls/ticket_keys.hpp"
#include "tls_pair.hpp"

#include "raw_client.hpp"

using namespace tls_test;

TEST_CASE("a ticket opens as long as its key is kept, and not when changed") {
    TicketKeys keys(1h, 3);
    CHECK(keys.lifetime() == 2h);
    const auto ticket = keys.seal(as_bytes("session"), now);
    CHECK(ticket.size() == 7 + TicketKeys::overhead);
    CHECK(keys.seal(as_bytes("session"), now) != ticket);
    for (const auto later : {0s, 59min + 59s, std::chrono::seconds(1h), std::chrono::seconds(2h),
                             std::chrono::seconds(2h) + 59min}) {
        INFO(later.count());
        const auto opened = keys.open(ticket, now + later);
        REQUIRE(opened.has_value());
        CHECK(as_text(*opened) == "session");
    }
    CHECK_FALSE(keys.open(ticket, now + 3h).has_value());
    CHECK_FALSE(TicketKeys(1h, 3).open(ticket, now).has_value());
}

TEST_CASE("a changed or cut ticket does not open") {
    TicketKeys keys;
    const auto ticket = keys.seal(as_bytes("session"), now);
    for (std::size_t i = 0; i < ticket.size(); ++i) {
        auto changed = ticket;
        changed[i] ^= 0x10;
        CHECK_FALSE(keys.open(changed, now).has_value());
        CHECK_FALSE(keys.open(Bytes(ticket).first(i), now).has_value());
    }
    CHECK(keys.open(ticket, now).has_value());
}

TEST_CASE("a ticket does not open in another scope") {
    TicketKeys keys;
    const auto ticket = keys.seal(as_bytes("session"), now, as_bytes("endpoint 1"));
    CHECK(keys.open(ticket, now, as_bytes("endpoint 1")).has_value());
    CHECK_FALSE(keys.open(ticket, now, as_bytes("endpoint 2")).has_value());
    CHECK_FALSE(keys.open(ticket, now).has_value());
    CHECK_FALSE(keys.open(keys.seal(as_bytes("session"), now), now, as_bytes("endpoint 1")).has_value());
}

TEST_CASE("keys die with time even when nobody asked for a new one, and by turning") {
    TicketKeys keys(1h, 2);
    const auto ticket = keys.seal(as_bytes("a"), now);
    CHECK_FALSE(keys.open(ticket, now + 24h).has_value());
    const auto second = keys.seal(as_bytes("b"), now + 24h);
    keys.turn(now + 24h);
    CHECK(keys.open(second, now + 24h).has_value());
    keys.turn(now + 24h);
    CHECK_FALSE(keys.open(second, now + 24h).has_value());
    CHECK(TicketKeys(48h, 30).lifetime() == std::chrono::days(7)); // RFC 8446 4.6.1
}

namespace {

struct Resumption {
    std::shared_ptr<std::chrono::sys_seconds> time = std::make_shared<std::chrono::sys_seconds>(now);
    std::shared_ptr<TicketKeys> keys = std::make_shared<TicketKeys>(1h, 2);

    ServerOptions options(std::string scope = "endpoint 1") const {
        ServerOptions server = server_options(server_identity({"a.example.com", "b.example.com"}));
        server.tickets = keys;
        server.session_context = std::move(scope);
        server.clock = [time = time] { return *time; };
        return server;
    }
};

} // namespace

TEST_CASE("a returning client resumes, in both versions") {
    for (const Version version : {Version::tls12, Version::tls13}) {
        INFO((version == Version::tls12 ? "1.2" : "1.3"));
        Resumption row;
        ServerOptions options = row.options();
        options.max_version = version;
        const auto context = must(ServerContext::create(options));
        RawClient client("a.example.com");
        CHECK(client.connect(context) == RawClient::Outcome::full);
        REQUIRE(client.has_ticket());
        CHECK(client.connect(context) == RawClient::Outcome::resumed);
        // Another context with the same ring and scope: another shard, or after a reload.
        CHECK(client.connect(must(ServerContext::create(options))) == RawClient::Outcome::resumed);
    }
}

TEST_CASE("a ticket is good for its server name, its scope and its time only") {
    Resumption row;
    const auto context = must(ServerContext::create(row.options()));
    RawClient client("a.example.com");
    REQUIRE(client.connect(context) == RawClient::Outcome::full);
    REQUIRE(client.connect(context) == RawClient::Outcome::resumed);

    client.set_host("b.example.com");
    client.freeze();
    CHECK(client.connect(context) == RawClient::Outcome::full);
    client.set_host("a.example.com");
    CHECK(client.connect(context) == RawClient::Outcome::resumed);
    CHECK(client.connect(must(ServerContext::create(row.options("endpoint 2")))) == RawClient::Outcome::full);
    *row.time += 1h + 59min; // the keys have turned, and its own is kept for the overlap
    CHECK(client.connect(context) == RawClient::Outcome::resumed);
    *row.time += 1min; // its key has fallen out of the ring
    CHECK(client.connect(context) == RawClient::Outcome::full);
}

TEST_CASE("a ticket does not lead around a client certificate") {
    for (const Version version : {Version::tls12, Version::tls13}) {
        Resumption row;
        ServerOptions open = row.options(), closed = row.options();
        open.max_version = closed.max_version = version;
        closed.client_auth = ClientAuth::require;
        closed.client_roots = trusted();
        RawClient client("a.example.com");
        REQUIRE(client.connect(must(ServerContext::create(open))) == RawClient::Outcome::full);
        client.freeze();
        CHECK(client.connect(must(ServerContext::create(open))) == RawClient::Outcome::resumed);
        CHECK(client.connect(must(ServerContext::create(closed))) == RawClient::Outcome::failed);
    }
}

TEST_CASE("without a ring no ticket is sent") {
    for (const Version version : {Version::tls12, Version::tls13}) {
        ServerOptions options = server_options(server_identity({"a.example.com"}));
        options.max_version = version;
        RawClient client("a.example.com");
        CHECK(client.connect(must(ServerContext::create(options))) == RawClient::Outcome::full);
        CHECK_FALSE(client.has_ticket());
    }
}
