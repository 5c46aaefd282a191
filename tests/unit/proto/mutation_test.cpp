// Damaged recordings: the decoders answer with a value or an error, never otherwise, and a value survives its
// own encoding.
#include "proto/codec.hpp"
#include "proto/json_end.hpp"
#include "proto/proxy_header.hpp"

#include "support/doctest.hpp"
#include "support/transcript.hpp"

#include <random>

using namespace adit;

namespace {

std::string damage(std::string text, std::mt19937& random) {
    constexpr std::string_view tokens[] = {"{",   "}",         "[",
                                           "]",   "\"",        ":",
                                           ",",   "null",      "true",
                                           "-1",  "1e9",       "\\u0000",
                                           "\\",  "\xff",      "18446744073709551615",
                                           "0.5", "\"Extra\"", "\"Error\":\"x\",",
                                           "{}",  "[{}]",      "\n"};
    const std::size_t changes = 1 + random() % 4;
    for (std::size_t i = 0; i < changes && !text.empty(); ++i) {
        const std::size_t at = random() % text.size();
        switch (random() % 5) {
        case 0: text[at] = static_cast<char>(random()); break;
        case 1: text.erase(at, 1 + random() % 20); break;
        case 2: text.insert(at, tokens[random() % std::size(tokens)]); break;
        case 3: text.insert(at, text.substr(random() % text.size(), random() % 40)); break;
        default: text.replace(at, 1 + random() % 8, tokens[random() % std::size(tokens)]); break;
        }
    }
    return text;
}

class Tally {
public:
    int good = 0;
    int bad = 0;
};

template <class T>
void check(const Result<T>& message, Result<T> (*decode)(std::string_view), Tally& tally) {
    if (!message) {
        CHECK(message.error().code());
        ++tally.bad;
        return;
    }
    const std::string text = encode(*message);
    const Result<T> second = decode(text);
    CAPTURE(text);
    REQUIRE(second.has_value());
    CHECK(encode(*second) == text);
    ++tally.good;
}

template <class T>
void try_one(std::string_view text, Result<T> (*decode)(std::string_view), Tally& tally) {
    check(decode(text), decode, tally);
}

void try_all(const std::string& text, Tally& tally) {
    try_one(text, &decode_auth_request, tally);
    try_one(text, &decode_bind_request, tally);
    try_one(text, &decode_start_tunnel_with_label_request, tally);
    try_one(text, &decode_patch_tunnel_state_request, tally);
    try_one(text, &decode_update_request, tally);
    try_one(text, &decode_stop_tunnel_request, tally);
    try_one(text, &decode_auth_response, tally);
    try_one(text, &decode_bind_response, tally);
    try_one(text, &decode_start_tunnel_with_label_response, tally);
    try_one(text, &decode_srv_info_response, tally);
    try_one(text, &decode_empty_response, tally);
}

// Both ways through the scanner agree on where the object ends.
void try_scanner(const std::string& text, std::mt19937& random) {
    JsonReader whole;
    const Result<std::size_t> at_once = whole.feed(as_bytes(text));
    JsonReader split;
    Result<std::size_t> last = std::size_t{0};
    std::size_t total = 0;
    while (last && total < text.size() && !split.done()) {
        last = split.feed(as_bytes(std::string_view(text).substr(total, 1 + random() % 9)));
        if (last) total += *last;
    }
    CHECK(at_once.has_value() == last.has_value());
    if (at_once && last) {
        CHECK(*at_once == total);
        CHECK(whole.text() == split.text());
    }
}

} // namespace

TEST_CASE("damaged messages are read or refused, never anything else") {
    std::vector<std::string> corpus;
    for (const std::string& scenario : adit_test::recorded_scenarios())
        for (const auto& message : adit_test::recorded_messages(scenario)) corpus.push_back(message.json);
    REQUIRE(corpus.size() > 100);
    Tally tally;
    for (unsigned seed = 1; seed <= 3000; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        const std::string text = damage(corpus[random() % corpus.size()], random);
        CAPTURE(text);
        try_all(text, tally);
        try_scanner(text, random);
    }
    CHECK(tally.good > 1000);
    CHECK(tally.bad > 1000);
}

TEST_CASE("damaged proxy headers are read or refused") {
    ProxyHeader header;
    header.id = "tn_1";
    header.client_addr = "1.2.3.4:5";
    int done = 0;
    int bad = 0;
    for (unsigned seed = 1; seed <= 5000; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        const std::string bytes = damage(encode(header), random);
        ProxyHeaderReader reader;
        std::size_t total = 0;
        bool error = false;
        while (total < bytes.size() && !reader.done() && !error) {
            const Result<std::size_t> used =
                reader.feed(as_bytes(std::string_view(bytes).substr(total, 1 + random() % 50)));
            error = !used;
            if (used) total += *used;
        }
        CHECK(total <= bytes.size());
        done += reader.done() ? 1 : 0;
        bad += error ? 1 : 0;
    }
    CHECK(done > 50);
    CHECK(bad > 100);
}
