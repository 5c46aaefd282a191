#include "muxado/chunk_queue.hpp"

#include "support/doctest.hpp"

#include <algorithm>
#include <random>
#include <vector>

using namespace adit;
using namespace adit::muxado;

TEST_CASE("a chunk queue gives back what went in, whatever the sizes") {
    std::mt19937 random(7);
    ChunkQueue queue;
    std::vector<std::uint8_t> in, out;
    std::uint8_t next = 0;
    for (int round = 0; round < 2'000; ++round) {
        std::vector<std::uint8_t> bytes(random() % (round % 50 == 0 ? 70'000 : 900));
        for (auto& b : bytes) b = next++;
        queue.append(bytes);
        in.insert(in.end(), bytes.begin(), bytes.end());
        const std::size_t wanted = random() % (round % 40 == 0 ? 90'000 : 1'200);
        if (round % 2 == 0) {
            std::vector<std::uint8_t> got(wanted);
            got.resize(queue.read(got));
            out.insert(out.end(), got.begin(), got.end());
        } else {
            const Bytes front = queue.front();
            const std::size_t n = std::min(wanted, front.size());
            out.insert(out.end(), front.begin(), front.begin() + static_cast<std::ptrdiff_t>(n));
            queue.consume(n);
        }
        REQUIRE(queue.size() == in.size() - out.size());
        REQUIRE(queue.empty() == queue.front().empty());
    }
    Bytes pieces[64];
    const std::size_t n = queue.pieces(pieces);
    for (std::size_t i = 0; i < n; ++i) out.insert(out.end(), pieces[i].begin(), pieces[i].end());
    CHECK(out == in);
}

TEST_CASE("pieces are filled as far as there is place for them") {
    ChunkQueue queue;
    const std::vector<std::uint8_t> bytes(3 * ChunkQueue::large_chunk + 5, 'x');
    queue.append(bytes);
    Bytes two[2];
    REQUIRE(queue.pieces(two) == 2);
    CHECK(two[0].size() == ChunkQueue::large_chunk);
    CHECK(two[1].size() == ChunkQueue::large_chunk);
    Bytes many[10];
    REQUIRE(queue.pieces(many) == 4);
    CHECK(many[3].size() == 5);
    queue.consume(1'000'000);
    CHECK(queue.empty());
    CHECK(queue.pieces(many) == 0);
}

TEST_CASE("a short answer waits in a chunk of its size") {
    const std::vector<std::uint8_t> bytes(3'000, 'x');
    for (int round = 0; round < 3; ++round) { // from malloc, then what the thread kept
        ChunkQueue queue;
        queue.append(bytes);
        queue.append(bytes);
        Bytes pieces[3];
        REQUIRE(queue.pieces(pieces) == 2);
        CHECK(pieces[0].size() == ChunkQueue::medium_chunk);
        CHECK(pieces[1].size() == 2 * bytes.size() - ChunkQueue::medium_chunk);
        queue.consume(ChunkQueue::medium_chunk);
        queue.append(bytes);
        CHECK(queue.pieces(pieces) == 1); // the last chunk is a large one
    }
}

TEST_CASE("a moved-from or cleared queue is empty and usable") {
    ChunkQueue a;
    a.append(as_bytes("hello"));
    ChunkQueue b(std::move(a));
    CHECK(as_text(b.front()) == "hello");
    ChunkQueue c;
    c.append(as_bytes("other"));
    c = std::move(b);
    CHECK(as_text(c.front()) == "hello");
    c.clear();
    CHECK(c.empty());
    CHECK(c.front().empty());
    c.append(as_bytes("again"));
    CHECK(as_text(c.front()) == "again");
}
