#include "proto/proxy_protocol.hpp"

#include "support/doctest.hpp"

#include <optional>
#include <random>

using namespace adit;

namespace {

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

ProxiedEnds ends(const char* source, const char* destination) {
    return {*IpEndpoint::parse(source), *IpEndpoint::parse(destination)};
}

// A v2 header from its command, family and the bytes behind the length.
std::string v2(char command, char family, const std::string& body) {
    std::string out = signature + command + family;
    out += static_cast<char>(body.size() >> 8);
    out += static_cast<char>(body.size());
    return out + body;
}

struct Outcome {
    std::error_code error;
    std::size_t used = 0;
    bool done = false;
    std::optional<ProxiedEnds> ends;
    ProxyProtocolVersion version = ProxyProtocolVersion::none;
};

Outcome read(std::string_view stream, std::size_t piece, std::size_t limit = ProxyProtocolReader::v2_max) {
    ProxyProtocolReader reader(limit);
    Outcome outcome;
    while (outcome.used < stream.size() && !reader.done()) {
        const Result<std::size_t> used = reader.feed(as_bytes(stream.substr(outcome.used, piece)));
        if (!used) {
            outcome.error = used.error().code();
            return outcome;
        }
        outcome.used += *used;
    }
    outcome.done = reader.done();
    outcome.ends = reader.ends();
    outcome.version = reader.version();
    return outcome;
}

} // namespace

TEST_CASE("version 1 has the specification's spelling") {
    const auto v1 = [](const std::optional<ProxiedEnds>& both) {
        return encode_proxy_protocol(ProxyProtocolVersion::v1, both);
    };
    CHECK(v1(ends("192.168.0.1:56324", "192.168.0.11:443")) ==
          "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
    CHECK(v1(ends("[2001:db8::1]:1", "[::1]:65535")) == "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n");
    CHECK(v1(ends("1.2.3.4:1", "[::1]:2")) == "PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n");
    CHECK(v1(std::nullopt) == "PROXY UNKNOWN\r\n");
    CHECK(encode_proxy_protocol(ProxyProtocolVersion::none, std::nullopt).empty());
}

TEST_CASE("version 2 has the specification's bytes") {
    const auto head = encode_proxy_protocol(ProxyProtocolVersion::v2, ends("1.2.3.4:258", "5.6.7.8:772"));
    CHECK(head == v2('\x21', '\x11', std::string("\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04", 12)));
    CHECK(encode_proxy_protocol(ProxyProtocolVersion::v2, std::nullopt) == v2('\x20', '\0', ""));
    CHECK(encode_proxy_protocol(ProxyProtocolVersion::v2, ends("[::1]:1", "[::2]:2")).size() == 16 + 36);
}

TEST_CASE("what is written is read back, however it is split, and nothing behind it") {
    const std::optional<ProxiedEnds> table[] = {
        ends("192.168.0.1:56324", "192.168.0.11:443"),
        ends("[2001:db8::1]:1", "[::1]:65535"),
        ends("1.2.3.4:0", "[::1]:2"),
        ends("255.255.255.255:65535", "255.255.255.255:65535"),
        ends("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
             "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe]:65535"),
        std::nullopt,
    };
    for (const ProxyProtocolVersion version : {ProxyProtocolVersion::v1, ProxyProtocolVersion::v2}) {
        for (const auto& both : table) {
            const std::string head = encode_proxy_protocol(version, both);
            CAPTURE(head);
            for (std::size_t piece = 1; piece < head.size() + 4; ++piece) {
                const Outcome outcome = read(head + "\r\nGET", piece);
                CHECK_FALSE(outcome.error);
                CHECK(outcome.done);
                CHECK(outcome.used == head.size());
                CHECK(outcome.version == version);
                CHECK(outcome.ends == both);
            }
        }
    }
}

TEST_CASE("version 1 is read strictly") {
    const std::string longest_ok = "PROXY UNKNOWN " + std::string(107 - 16, 'x') + "\r\n";
    CHECK(read(longest_ok, 1).done);
    const std::string too_long = "PROXY UNKNOWN " + std::string(107 - 15, 'x') + "\r\n";
    const std::string table[] = {
        too_long,
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rx",
        "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 x\r\n",
        "PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n",
        "PROXY TCP4 ::1 ::2 1 2\r\n",
        "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP6 [::1] ::2 1 2\r\n",
        "PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY \r\n",
        "proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        "GET / HTTP/1.1\r\n",
        "PROXX",
        "\r\n\r\nx",
    };
    for (const std::string& head : table) {
        CAPTURE(head);
        for (const std::size_t piece : {std::size_t{1}, head.size()}) {
            const Outcome outcome = read(head, piece);
            CHECK(outcome.error == errc::protocol_error);
            CHECK_FALSE(outcome.ends.has_value());
        }
    }
}

TEST_CASE("version 2 is read strictly") {
    const std::string four("\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04", 12);
    const std::string tlv("\x04\x00\x02xy", 5);
    CHECK(read(v2('\x21', '\x11', four + tlv + tlv), 1).ends == ends("1.2.3.4:258", "5.6.7.8:772"));
    CHECK(read(v2('\x20', '\x11', four), 1).done);
    CHECK_FALSE(read(v2('\x20', '\x11', four), 1).ends.has_value());
    CHECK(read(v2('\x21', '\0', "anything"), 1).done);
    CHECK(read(v2('\x21', '\x31', std::string(216, '\0')), 1).done);
    CHECK(read(v2('\x21', '\x11', four + std::string("\x04\x01\xf9", 3) + std::string(505, 'x')), 7)
              .done); // 536 bytes

    const std::string bad[] = {
        v2('\x11', '\x11', four),           v2('\x22', '\x11', four),
        v2('\x21', '\x12', four),           v2('\x21', '\x41', four),
        v2('\x21', '\x13', four),           v2('\x21', '\x21', four),
        v2('\x21', '\x11', four.substr(1)), v2('\x21', '\x31', four),
        v2('\x21', '\x11', four + "x"),     v2('\x21', '\x11', four + std::string("\x04\x00\x03xy", 5)),
    };
    for (const std::string& head : bad) {
        CAPTURE(head);
        CHECK(read(head, 1).error == errc::protocol_error);
        CHECK(read(head, head.size()).error == errc::protocol_error);
    }
    CHECK(read(v2('\x21', '\x11', four + std::string(509, 'x')), 1).error == errc::limit_exceeded);
    CHECK(read(v2('\x21', '\x11', four), 1, 27).error == errc::limit_exceeded);
    CHECK(read(v2('\x21', '\x11', four), 1, 28).done);
}

TEST_CASE("a checksum of version 2 is right or the header is refused (the specification's PP2_TYPE_CRC32C)") {
    const std::string four("\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04", 12);
    const std::string tlv("\x04\x00\x02xy", 5);
    // 0x4d17cc72 is the CRC-32C of the header with zeros in its place, computed by another program.
    const std::string good = v2('\x21', '\x11', four + std::string("\x03\x00\x04\x4d\x17\xcc\x72", 7) + tlv);
    CHECK(read(good, 1).ends == ends("1.2.3.4:258", "5.6.7.8:772"));
    const std::string bad[] = {
        v2('\x21', '\x11', four + std::string("\x03\x00\x04\x00\x00\x00\x00", 7) + tlv),
        v2('\x21', '\x11', four + std::string("\x03\x00\x03\x01\x02\x03", 6)),
        v2('\x21', '\x11', four + std::string("\x03\x00\x00", 3)),
        v2('\x21', '\x11', four + std::string("\x03\x00\x04\x4d\x17\xcc\x72", 7) + tlv + std::string("\x03\x00\x04\x4d\x17\xcc\x72", 7)),
    };
    for (const std::string& head : bad) CHECK(read(head, 3).error == errc::protocol_error);
    for (std::size_t i = 12; i < good.size(); ++i) { // every change of a byte is seen, but for the one that says it is there
        if (i == 16 + 12) continue;
        std::string changed = good;
        changed[i] = static_cast<char>(changed[i] ^ 0x01);
        CAPTURE(i);
        const Outcome outcome = read(changed, 5);
        CHECK_FALSE(outcome.ends == ends("1.2.3.4:258", "5.6.7.8:772"));
        CHECK_FALSE((outcome.done && outcome.ends));
    }
}

TEST_CASE("random changes to a header never crash and never take more than the header's bound") {
    std::mt19937 random(20240117);
    const std::string heads[] = {
        encode_proxy_protocol(ProxyProtocolVersion::v1, ends("192.168.0.1:56324", "[::1]:443")),
        encode_proxy_protocol(ProxyProtocolVersion::v2, ends("192.168.0.1:56324", "[::1]:443")),
    };
    for (int round = 0; round < 20'000; ++round) {
        CAPTURE(round);
        std::string head = heads[random() % 2] + std::string(700, 'x');
        const std::size_t changes = random() % 4;
        for (std::size_t i = 0; i < changes; ++i) head[random() % 60] = static_cast<char>(random());
        const Outcome outcome = read(head, 1 + random() % 40);
        CHECK((outcome.error || outcome.done));
        CHECK(outcome.used <= ProxyProtocolReader::v2_max);
    }
}
