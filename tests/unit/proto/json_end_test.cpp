#include "proto/json_end.hpp"

#include "support/doctest.hpp"

#include <random>

using namespace adit;

namespace {

// How many bytes belong to the object when the text comes in pieces of `piece`; the size of the text if it
// has no end.
std::size_t end_of(std::string_view text, std::size_t piece) {
    JsonEnd end;
    std::size_t total = 0;
    while (total < text.size() && !end.done()) {
        const Result<std::size_t> used = end.feed(as_bytes(text.substr(total, piece)));
        REQUIRE(used.has_value());
        total += *used;
    }
    REQUIRE(end.done());
    return total;
}

} // namespace

TEST_CASE("the end of an object is found however it is split") {
    constexpr std::pair<std::string_view, std::string_view> table[] = {
        {"{}", ""},
        {" \r\n\t{}", ""},
        {"{}", "{}"},
        {R"({"a":1})", "raw bytes"},
        {R"({"a":{"b":[{},[]]}})", "}"},
        {R"({"a":"}"})", "}"},
        {R"({"a":"\"}"})", "}"},
        {R"({"a":"\\"})", "\"}"},
        {R"({"a":"\\\"}","b":"{["})", "]"},
        {"{\"a\":\"\x7f\xff\"}", "\n"},
    };
    for (const auto& [object, rest] : table) {
        const std::string text = std::string(object) + std::string(rest);
        CAPTURE(text);
        for (std::size_t piece = 1; piece <= text.size(); ++piece)
            CHECK(end_of(text, piece) == object.size());
    }
}

TEST_CASE("an object that is not whole is waited for") {
    for (const std::string_view text : {"", " ", "{", R"({"a)", R"({"a\)", R"({"a":[})", R"({"a":{})"}) {
        CAPTURE(text);
        JsonEnd end;
        const Result<std::size_t> used = end.feed(as_bytes(text));
        if (text == R"({"a":[})") {
            CHECK(used.error().code() == errc::protocol_error);
        } else {
            REQUIRE(used.has_value());
            CHECK(*used == text.size());
            CHECK_FALSE(end.done());
        }
    }
}

TEST_CASE("white space may follow the object, anything else not") {
    JsonEnd end;
    CHECK(*end.feed(as_bytes("{}\n")) == 2);
    CHECK(*end.feed(as_bytes("\n \r\t")) == 4);
    CHECK(end.done());
    CHECK(end.feed(as_bytes(" x")).error().code() == errc::protocol_error);
}

TEST_CASE("what is no object is refused at its first byte") {
    using namespace std::string_view_literals;
    for (const std::string_view text :
         {"["sv, "\""sv, "null"sv, "1"sv, "}"sv, "\xef\xbb\xbf{}"sv, "\0{}"sv}) {
        CAPTURE(text);
        JsonEnd end;
        CHECK(end.feed(as_bytes(text)).error().code() == errc::protocol_error);
    }
    JsonEnd end;
    CHECK(end.feed(as_bytes("{\"a\":[1}")).error().code() == errc::protocol_error);
}

TEST_CASE("size and depth are bounded, white space in front counts") {
    JsonEnd exact(10, 3);
    CHECK(*exact.feed(as_bytes("  {\"a\":1 }")) == 10);
    CHECK(exact.done());
    JsonEnd small(9, 3);
    CHECK(small.feed(as_bytes("  {\"a\":1 }")).error().code() == errc::limit_exceeded);
    JsonEnd blank(100, 3);
    CHECK(blank.feed(as_bytes(std::string(101, ' '))).error().code() == errc::limit_exceeded);
    JsonEnd flat(100, 3);
    CHECK(flat.feed(as_bytes("{\"a\":[[]]}")).has_value());
    JsonEnd deep(100, 3);
    CHECK(deep.feed(as_bytes("{\"a\":[[[]]]}")).error().code() == errc::limit_exceeded);
    JsonEnd deepest(1000, 1000); // no more than its 64 bits
    CHECK(deepest.feed(as_bytes("{\"a\":" + std::string(65, '['))).error().code() == errc::limit_exceeded);
}

TEST_CASE("a reader keeps exactly the object") {
    JsonReader reader;
    std::string rest = "{\"Id\":\"x\"}\nmore";
    for (int i = 0; i < 4; ++i) {
        const Result<std::size_t> used = reader.feed(as_bytes(std::string_view(rest).substr(0, 3)));
        REQUIRE(used.has_value());
        rest.erase(0, *used);
    }
    CHECK(reader.done());
    CHECK(reader.text() == "{\"Id\":\"x\"}");
    CHECK(rest == "\nmore");
}

TEST_CASE("a megabyte byte by byte takes one look at each byte") {
    std::string text = "{\"a\":\"";
    text.resize(limits::rpc_message_max - 2, 'x');
    text += "\"}";
    CHECK(end_of(text, 1) == text.size());
    JsonEnd end;
    CHECK(end.feed(as_bytes(" " + text)).error().code() == errc::limit_exceeded);
}
