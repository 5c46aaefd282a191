#include "tls/cert_store.hpp"
#include "tls_pair.hpp"

#include <atomic>
#include <thread>

using namespace tls_test;

TEST_CASE("an exact name wins over a wildcard, a wildcard over the default") {
    const auto exact = server_identity({"app.example.com"});
    const auto wild = server_identity({"*.example.com"});
    const auto deep = server_identity({"*.eu.example.com"});
    const auto fallback = server_identity({"edge.example.net"});
    CertStore store;
    CHECK(store.select("app.example.com") == nullptr);
    store.set_default(fallback);
    store.add(wild);
    store.add(exact);
    store.add(deep);
    CHECK(store.size() == 3);

    struct Row {
        std::string_view name;
        const Identity* expected;
    };
    const Row rows[] = {
        {"app.example.com", exact.get()},
        {"APP.Example.COM", exact.get()},
        {"app.example.com.", exact.get()},
        {"api.example.com", wild.get()},
        {"eu.example.com", wild.get()},
        {"a.eu.example.com", deep.get()},
        {"a.b.example.com", fallback.get()}, // a wildcard is one label deep
        {"example.com", fallback.get()},
        {".example.com", fallback.get()},
        {"*.example.com", wild.get()},
        {"localhost", fallback.get()},
        {"", fallback.get()},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        CHECK(store.select(row.name).get() == row.expected);
        CHECK(store.find(row.name).get() == (row.expected == fallback.get() ? nullptr : row.expected));
    }
}

TEST_CASE("names can be set, replaced, removed and reloaded all at once") {
    const auto one = server_identity({"a.example.com", "b.example.com"});
    const auto two = server_identity({"b.example.com"});
    CertStore store;
    store.add(nullptr);
    store.add(one);
    store.add(two);
    CHECK(store.find("a.example.com") == one);
    CHECK(store.find("b.example.com") == two);
    store.set("B.example.com.", one);
    CHECK(store.find("b.example.com") == one);
    store.set("b.example.com", nullptr);
    CHECK(store.find("b.example.com") == nullptr);
    store.replace({{"c.example.com", two}, {"*.d.example.com", two}, {"e.example.com", nullptr}}, one);
    CHECK(store.size() == 2);
    CHECK(store.find("a.example.com") == nullptr);
    CHECK(store.select("x.d.example.com") == two);
    CHECK(store.select("nobody") == one);
}

TEST_CASE("a store can be reloaded while handshakes select from it") {
    const auto store = std::make_shared<CertStore>();
    const auto old_one = server_identity({"app.example.com"}), new_one = server_identity({"app.example.com"});
    store->replace({{"app.example.com", old_one}}, old_one);
    const IdentitySelector select = selector_of(store);
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> odd{0}, reads{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i) {
        readers.emplace_back([&] {
            while (!stop) {
                const auto got = select("app.example.com");
                if (got != old_one && got != new_one) ++odd;
                ++reads;
            }
        });
    }
    for (int i = 0; i < 1'000 || reads < 1'000; ++i) {
        const auto& next = i % 2 == 0 ? new_one : old_one;
        store->replace({{"app.example.com", next}}, next);
    }
    stop = true;
    for (std::thread& reader : readers) reader.join();
    CHECK(odd == 0);
    CHECK(reads >= 1'000);
}

TEST_CASE("connections after a change get the new certificate, open ones stay") {
    const auto store = std::make_shared<CertStore>();
    store->add(server_identity({"app.example.com"}));
    ServerOptions server = server_options();
    server.select = selector_of(store);
    const auto context = must(ServerContext::create(server));
    const auto client_context = must(ClientContext::create(client_options()));
    const auto connect = [&] {
        Pair pair(must(Engine::client(client_context, "app.example.com")), Engine::server(context));
        REQUIRE(pair.shake().connected());
        return pair;
    };
    Pair before = connect();
    store->add(server_identity({"app.example.com"}));
    Pair after = connect();
    CHECK(before.client.peer_certificate()->info.serial != after.client.peer_certificate()->info.serial);
    REQUIRE(before.client.write(as_bytes("old and well")) == Status::ok);
    CHECK(deliver(before.client, before.server).first == "old and well");
}
