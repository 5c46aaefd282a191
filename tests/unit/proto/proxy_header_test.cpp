#include "proto/proxy_header.hpp"

#include "support/doctest.hpp"

using namespace adit;

namespace {

std::string with_length(std::uint64_t length, std::string_view rest) {
    std::string out;
    for (unsigned i = 0; i < 8; ++i) out += static_cast<char>(length >> (8 * i));
    return out + std::string(rest);
}

std::string framed(std::string_view json) { return with_length(json.size(), json); }

ProxyHeader sample() {
    ProxyHeader header;
    header.id = "tn_1";
    header.client_addr = "[2001:db8::1]:5555";
    header.protocol = "https";
    header.edge_type = EdgeType::https;
    return header;
}

} // namespace

TEST_CASE("a proxy header is a little-endian length and JSON with all five members") {
    const std::string_view json =
        R"({"Id":"tn_1","ClientAddr":"[2001:db8::1]:5555","Proto":"https","EdgeType":"3","PassthroughTLS":false})";
    CHECK(encode(sample()) == framed(json));
    CHECK(encode(ProxyHeader()) ==
          framed(R"({"Id":"","ClientAddr":"","Proto":"","EdgeType":"0","PassthroughTLS":false})"));
}

TEST_CASE("a proxy header is read however it is split, and nothing behind it") {
    const std::string head = encode(sample());
    const std::string stream = head + "GET / HTTP/1.1\r\n";
    for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
        CAPTURE(piece);
        ProxyHeaderReader reader;
        std::size_t total = 0;
        while (!reader.done()) {
            const Result<std::size_t> used =
                reader.feed(as_bytes(std::string_view(stream).substr(total, piece)));
            REQUIRE(used.has_value());
            total += *used;
            REQUIRE(total <= head.size());
        }
        CHECK(total == head.size());
        CHECK(reader.header().id == "tn_1");
        CHECK(reader.header().client_addr == "[2001:db8::1]:5555");
        CHECK(reader.header().protocol == "https");
        CHECK(reader.header().edge_type == EdgeType::https);
        CHECK_FALSE(reader.header().passthrough_tls);
    }
}

TEST_CASE("missing members are empty, unknown ones are kept, padding inside the length is fine") {
    ProxyHeaderReader reader;
    REQUIRE(reader
                .feed(as_bytes(
                    framed("{\"id\":\"x\",\"PASSTHROUGHTLS\":true,\"EdgeType\":\"9\",\"New\":[1]}  \n")))
                .has_value());
    REQUIRE(reader.done());
    CHECK(reader.header().id == "x");
    CHECK(reader.header().passthrough_tls);
    CHECK(reader.header().edge_type == EdgeType::undefined);
    CHECK(reader.header().unknown.json() == R"({"New":[1]})");
}

TEST_CASE("a bad length or header is refused before anything is taken in") {
    const std::pair<std::string, errc> table[] = {
        {with_length(0, ""), errc::protocol_error},
        {with_length(~std::uint64_t{0}, ""), errc::protocol_error},
        {with_length(std::uint64_t{1} << 63, ""), errc::protocol_error},
        {with_length((std::uint64_t{1} << 63) - 1, ""), errc::limit_exceeded},
        {with_length(limits::proxy_header_max + 1, ""), errc::limit_exceeded},
        {framed("x"), errc::protocol_error},
        {framed("[]"), errc::protocol_error},
        {framed("{}"), errc::protocol_error},
        {framed(R"({"Id":7})"), errc::protocol_error},
        {framed(R"({"Id":"x","EdgeType":1})"), errc::protocol_error},
        {framed(R"({"Id":"x"} x)"), errc::protocol_error},
        {framed(R"({"Id":"x")"), errc::protocol_error},
    };
    for (const auto& [bytes, code] : table) {
        CAPTURE(bytes);
        ProxyHeaderReader reader;
        CHECK(reader.feed(as_bytes(bytes)).error().code() == code);
        CHECK_FALSE(reader.done());
    }
}

TEST_CASE("the longest proxy header is accepted") {
    std::string json = "{\"Id\":\"x\"}";
    json.resize(limits::proxy_header_max, ' ');
    ProxyHeaderReader reader;
    CHECK(*reader.feed(as_bytes(framed(json))) == limits::proxy_header_max + 8);
    CHECK(reader.done());
}

TEST_CASE("however a header is written, it is read the same") {
    const std::string usual = encode(sample()).substr(8);
    const auto read = [](const std::string& json) {
        ProxyHeaderReader reader;
        const Result<std::size_t> used = reader.feed(as_bytes(framed(json)));
        return used && reader.done() ? encode(reader.header()) : "refused: " + used.error().to_string();
    };
    CHECK(read(usual) == encode(sample()));
    CHECK(read(" " + usual) == encode(sample())); // by the decoder for everything
    std::size_t good = 0;
    for (std::size_t i = 0; i < usual.size(); ++i) {
        for (const char c : {'"', '\\', ',', '}', '{', ' ', '0', '3', '4', 'x', '\x01', '\x7f', '\xff', ':'}) {
            std::string other = usual;
            other[i] = c;
            CAPTURE(other);
            const std::string result = read(other);
            REQUIRE(result.starts_with("refused") == read(" " + other).starts_with("refused"));
            if (result.starts_with("refused")) continue;
            REQUIRE(result == read(" " + other));
            ++good;
        }
        REQUIRE(read(usual.substr(0, i)).starts_with("refused"));
    }
    CHECK(good > 100);
}
