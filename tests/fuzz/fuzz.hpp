// What the fuzz targets share: a check that stays in every build, bytes in allocations of their exact size, and the
// same input in different pieces.
#pragma once

#include "base/bytes.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// libFuzzer's entry, which replay.cpp calls too.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace adit::fuzz {

[[noreturn]] inline void fail(const char* what, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    std::abort();
}

/// A property of the target. Not assert(): it must hold in optimised builds too.
#define FUZZ_CHECK(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) ::adit::fuzz::fail(#condition, __FILE__, __LINE__);                                          \
    } while (false)

/// The same for two values with operator==, which are said when they differ.
inline void check_same(std::string_view a, std::string_view b, const char* what) {
    if (a == b) return;
    std::fprintf(stderr, "%s differs:\n%.*s\n!=\n%.*s\n", what, static_cast<int>(a.size()), a.data(),
                 static_cast<int>(b.size()), b.data());
    std::abort();
}

/// A copy in an allocation of its own, so that AddressSanitizer sees one byte too many, and one too late.
class Exact {
public:
    explicit Exact(Bytes bytes) : size_(bytes.size()), data_(new std::uint8_t[bytes.size()]) {
        std::copy(bytes.begin(), bytes.end(), data_.get());
    }
    explicit Exact(std::string_view text) : Exact(as_bytes(text)) {}
    Bytes bytes() const { return {data_.get(), size_}; }
    std::string_view text() const { return as_text(bytes()); }

private:
    std::size_t size_;
    std::unique_ptr<std::uint8_t[]> data_;
};

/// Decisions that only depend on the input.
class Dice {
public:
    explicit Dice(std::string_view input) {
        for (const char c : input) state_ = (state_ ^ static_cast<std::uint8_t>(c)) * 0x100000001b3; // FNV-1a
    }
    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15; // splitmix64
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    /// 0 to bound - 1.
    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

private:
    std::uint64_t state_ = 0xcbf29ce484222325;
};

using Pieces = std::vector<std::string_view>;

/// Pieces of at most `longest` bytes.
inline Pieces cut(std::string_view bytes, Dice& dice, std::size_t longest) {
    Pieces pieces;
    while (!bytes.empty()) {
        const std::size_t size = std::min(bytes.size(), 1 + dice.below(longest));
        pieces.push_back(bytes.substr(0, size));
        bytes.remove_prefix(size);
    }
    return pieces;
}

/// Runs `run(Pieces)`, which returns a string, on the input whole, in small and large pieces, and byte by byte: the
/// result must be the same. Returns it.
template <class Run>
std::string same_at_every_cut(std::string_view bytes, Run&& run) {
    const std::string whole = run(Pieces{bytes});
    Dice dice(bytes);
    check_same(run(cut(bytes, dice, 7)), whole, "the result of small pieces and that of the whole");
    check_same(run(cut(bytes, dice, 1 + bytes.size() / 2)), whole, "the result of large pieces and that of the whole");
    if (bytes.size() <= 1'024) check_same(run(cut(bytes, dice, 1)), whole, "the result of single bytes and that of the whole");
    return whole;
}

/// A first line of words that say how the target is used, so that a corpus stays readable text: "trusted close\n...".
class Words {
public:
    explicit Words(std::string_view& input) {
        const std::size_t end = std::min(input.find('\n'), input.size());
        line_ = " " + std::string(input.substr(0, end)) + " ";
        input.remove_prefix(std::min(end + 1, input.size()));
    }
    bool has(std::string_view word) const { return line_.find(" " + std::string(word) + " ") != std::string::npos; }
    /// The first of these words that is there, else the last of the list.
    std::string_view one_of(std::initializer_list<std::string_view> words) const {
        for (const std::string_view word : words) {
            if (has(word)) return word;
        }
        return *(words.end() - 1);
    }

private:
    std::string line_;
};

} // namespace adit::fuzz
