#include "base/bytes.hpp"

#include "support/doctest.hpp"

#include <numeric>
#include <thread>
#include <vector>

using namespace adit;

TEST_CASE("a byte queue gives back what went in, across growth and compaction") {
    ByteQueue queue;
    std::vector<std::uint8_t> expected, got;
    std::uint8_t next = 0;
    for (std::size_t round = 1; round < 400; ++round) {
        std::vector<std::uint8_t> in(round % 97);
        for (auto& b : in) b = next++;
        queue.append(in);
        expected.insert(expected.end(), in.begin(), in.end());
        std::vector<std::uint8_t> out(round % 89);
        out.resize(queue.read(out));
        got.insert(got.end(), out.begin(), out.end());
    }
    got.insert(got.end(), queue.view().begin(), queue.view().end());
    CHECK(got == expected);
}

TEST_CASE("an emptied byte queue holds no memory once released") {
    ByteQueue queue;
    queue.append(as_bytes("hello"));
    queue.release_if_empty();
    CHECK(queue.capacity() > 0);
    queue.consume(5);
    queue.release_if_empty();
    CHECK(queue.capacity() == 0);
    queue.append(as_bytes("again"));
    CHECK(as_text(queue.view()) == "again");
}

TEST_CASE("prepared bytes count only once committed") {
    ByteQueue queue;
    auto space = queue.prepare(10);
    REQUIRE(space.size() >= 10);
    std::iota(space.begin(), space.begin() + 10, std::uint8_t{1});
    CHECK(queue.empty());
    queue.commit(4);
    CHECK(queue.size() == 4);
    CHECK(queue.view()[3] == 4);
}

namespace {

/// What a fresh queue holds that was asked for so many bytes.
std::size_t capacity_for(std::size_t size) {
    ByteQueue queue;
    queue.prepare(size);
    const std::size_t capacity = queue.capacity();
    queue.release_if_empty();
    CHECK(queue.capacity() == 0);
    return capacity;
}

} // namespace

TEST_CASE("a thread keeps large blocks for the next queue that needs half of them or more") {
#if defined(__SANITIZE_ADDRESS__)
    return; // it shall see each block end
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return;
#endif
#endif
    std::thread([] {
        CHECK(capacity_for(30'000) == 30'000);
        CHECK(capacity_for(20'000) == 30'000);
        CHECK(capacity_for(14'000) == 14'000); // so small that malloc keeps it
        CHECK(capacity_for(31'000) == 31'000);
        CHECK(capacity_for(120'000) == 120'000);
        CHECK(capacity_for(60'000) == 120'000);
        CHECK(capacity_for(59'000) == 59'000);
        CHECK(capacity_for(200'000) == 200'000);
        CHECK(capacity_for(190'000) == 190'000); // so large that it goes back
    }).join();
}
