#include "exchanges.hpp"

#include "inspector/store.hpp"
#include "support/doctest.hpp"

#include <thread>

using adit::inspector::Changes;
using adit::inspector::EntryPtr;
using adit::inspector::Exchange;
using adit::inspector::Store;
using adit_test::exchange;

namespace {

constexpr std::size_t much = 64u << 20;

std::string target(const EntryPtr& entry) {
    return entry->with([](const Exchange& e) { return std::string(e.request.head.target()); });
}

} // namespace

TEST_CASE("the store keeps so many exchanges and drops the oldest") {
    int told = 0;
    Store store("ab", 3, much, [&told] { ++told; });
    const EntryPtr first = store.add(exchange("GET", "/1"));
    for (const char* each : {"/2", "/3", "/4"}) store.add(exchange("GET", each));
    CHECK(told == 4);
    CHECK(store.size() == 3);
    const auto list = store.list();
    REQUIRE(list.size() == 3);
    CHECK(target(list[0]) == "/4");
    CHECK(target(list[2]) == "/2");
    CHECK(store.find("ab00000001") == nullptr);
    CHECK(store.find("ab00000004") == list[0]);
    CHECK(store.find("ab00000005") == nullptr);
    CHECK_FALSE(store.changed(*first, true)); // whoever still writes it need not go on
    CHECK(told == 4);
    CHECK(store.list(3).size() == 1);
}

TEST_CASE("the store keeps so much memory, also of an exchange that grows later") {
    Store store("", 100, 10'500, [] {});
    const EntryPtr a = store.add(exchange("GET", "/a"));
    const EntryPtr b = store.add(exchange("GET", "/b"));
    const std::size_t small = store.memory();
    CHECK(small > 0);
    b->with([](Exchange& e) { e.response.body.assign(9'000, 'x'); });
    CHECK(store.changed(*b, false));
    CHECK(store.memory() <= 10'500);
    CHECK(store.memory() >= 9'000);
    CHECK(store.size() == 1);
    CHECK(store.list().front() == b);
    CHECK_FALSE(store.changed(*a, true));
    b->with([](Exchange& e) { e.request.body.assign(9'000, 'x'); });
    CHECK_FALSE(store.changed(*b, true)); // alone too much
    CHECK(store.size() == 0);
    CHECK(store.memory() == 0);
}

TEST_CASE("an id is the store's prefix and a number; nothing else is one") {
    Store store("0badcafe", 3, much, [] {});
    CHECK(store.id(1) == "0badcafe00000001");
    CHECK(store.id(0x123456789) == "0badcafe123456789");
    CHECK(store.number("0badcafe000000ff") == 255u);
    for (const char* each : {"", "0badcafe", "0badcafe1", "0badcafe000000FF", "0badcafe0000000g", "1badcafe00000001",
                             "0badcafe000000001", "0badcafe-0000001", "0badcafeffffffffffffffff1"}) {
        CAPTURE(each);
        CHECK_FALSE(store.number(each).has_value());
    }
}

TEST_CASE("changes are told in their order, in batches, and from where somebody was") {
    Store store("", 100, much, [] {});
    const EntryPtr a = store.add(exchange("GET", "/a", 0));
    store.add(exchange("GET", "/b"));
    store.add(exchange("GET", "/c"));
    Changes seen = store.changes(0, 2);
    REQUIRE(seen.entries.size() == 2);
    CHECK(target(seen.entries[0].entry) == "/a");
    CHECK(seen.more);
    CHECK(seen.oldest == 1);
    CHECK_FALSE(seen.forgotten);
    seen = store.changes(seen.version, 2);
    REQUIRE(seen.entries.size() == 1);
    CHECK(target(seen.entries[0].entry) == "/c");
    CHECK_FALSE(seen.more);
    CHECK(store.changes(seen.version, 2).entries.empty());
    CHECK(store.changed(*a, false)); // grew, which nobody has to know
    CHECK(store.changes(seen.version, 2).entries.empty());
    CHECK(store.changed(*a, true));
    const Changes again = store.changes(seen.version, 2);
    REQUIRE(again.entries.size() == 1);
    CHECK(again.entries[0].entry == a);
    store.forget_all();
    const Changes none = store.changes(again.version, 2);
    CHECK(none.forgotten);
    CHECK(none.entries.empty());
    CHECK(none.oldest == 0);
    CHECK_FALSE(store.changes(none.version, 2).forgotten);
    CHECK(store.memory() == 0);
    CHECK(store.add(exchange("GET", "/d"))->number == 4); // an id is never given again
}

TEST_CASE("threads may write, read and forget at the same time") {
    Store store("", 20, 100'000, [] {});
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&store] {
            for (int n = 0; n < 300; ++n) {
                const EntryPtr entry = store.add(exchange("GET", "/x", 0));
                for (int piece = 0; piece < 5; ++piece) {
                    entry->with([](Exchange& e) { e.response.body.append(3'000, 'x'); });
                    if (!store.changed(*entry, piece == 4)) break;
                }
            }
        });
    }
    std::uint64_t since = 0;
    for (int n = 0; n < 300; ++n) {
        const Changes changes = store.changes(since, 7);
        CHECK(changes.version >= since);
        since = changes.version;
        for (const EntryPtr& entry : store.list()) CHECK(target(entry) == "/x");
        if (n % 100 == 50) store.forget_all();
    }
    for (std::thread& each : threads) each.join();
    CHECK(store.size() <= 20);
    CHECK(store.memory() <= 100'000);
    store.forget_all();
    CHECK(store.memory() == 0);
}
