#include "muxado/remote_ids.hpp"
#include "muxado/stream_table.hpp"

#include "support/doctest.hpp"

#include <map>
#include <random>
#include <set>

using namespace adit::muxado;

TEST_CASE("a stream table agrees with a map over many inserts and erasures") {
    std::mt19937 random(11);
    for (const std::uint32_t seed : {0u, 1u, 0x9E37'79B9u, 0xFFFF'FFFFu}) {
        StreamTable table(seed);
        std::set<StreamId> model;
        for (int step = 0; step < 20'000; ++step) {
            // Few ids, so that erasing meets clusters; the high ones share low bits.
            auto id = static_cast<StreamId>(random() % 200 + 1);
            if (step % 3 == 0) id <<= 20;
            if (model.contains(id)) {
                table.erase(id);
                model.erase(id);
            } else {
                table.insert(std::make_unique<Stream>(id, false));
                model.insert(id);
            }
            REQUIRE(table.size() == model.size());
            const auto probe = static_cast<StreamId>(random() % 200 + 1);
            Stream* found = table.find(probe);
            REQUIRE((found != nullptr) == model.contains(probe));
            if (found != nullptr) REQUIRE(found->id == probe);
        }
        std::set<StreamId> walked;
        table.for_each([&](Stream& stream) { walked.insert(stream.id); });
        CHECK(walked == model);
        for (const StreamId id : model) CHECK(table.find(id) != nullptr);
        table.erase(999); // not there: nothing happens
        CHECK(table.size() == model.size());
    }
}

TEST_CASE("a list of streams keeps their order and takes each once") {
    StreamList<&Stream::send_link> list;
    Stream a(1, true), b(3, true), c(5, true);
    list.push_back(a);
    list.push_back(b);
    list.push_back(c);
    list.push_back(a);
    CHECK(list.front() == &a);
    list.remove(b);
    list.remove(b);
    CHECK(list.next(a) == &c);
    CHECK(list.previous(c) == &a);
    list.remove(a);
    list.push_back(a);
    CHECK(list.front() == &c);
    CHECK(list.back() == &a);
    list.remove(c);
    list.remove(a);
    CHECK(list.empty());
    CHECK(list.back() == nullptr);
}

TEST_CASE("remote ids may come out of order but never twice") {
    RemoteIds ids(true);
    CHECK(ids.highest() == 0);
    CHECK(ids.use(3));
    CHECK_FALSE(ids.use(3));
    CHECK(ids.use(9)); // a Go peer: 5 and 7 were taken first and are sent later
    CHECK(ids.use(5));
    CHECK_FALSE(ids.use(5));
    CHECK(ids.use(7));
    CHECK_FALSE(ids.use(9));
    CHECK(ids.highest() == 9);
    CHECK(ids.use(stream_id_max));
    CHECK(ids.use(stream_id_max - 2 * 256)); // as far back as is remembered
    CHECK_FALSE(ids.use(stream_id_max - 2 * 257));
    CHECK_FALSE(ids.use(11));

    RemoteIds even(false);
    CHECK(even.use(2));
    CHECK_FALSE(even.use(2));
    CHECK(even.use(4));
    CHECK(even.highest() == 4);
}
