#include "tls/client_hello.hpp"

#include "recorded_hellos.hpp"
#include "tls_pair.hpp"

#include <adit/limits.hpp>

using namespace tls_test;
using State = ClientHelloReader::State;
using Octets = std::vector<std::uint8_t>;

namespace {

Octets from_hex(std::string_view hex) {
    Octets bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    }
    return bytes;
}

void put16(Octets& out, std::size_t v) {
    out.push_back(static_cast<std::uint8_t>(v >> 8));
    out.push_back(static_cast<std::uint8_t>(v));
}
Octets operator+(Octets a, const Octets& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}
Octets octets(std::string_view text) { return {text.begin(), text.end()}; }
Octets with16(const Octets& body) {
    Octets out;
    put16(out, body.size());
    return out + body;
}
Octets extension(std::size_t type, const Octets& body) {
    Octets out;
    put16(out, type);
    return out + with16(body);
}
Octets server_name(std::string_view name) { return extension(0, with16(Octets{0} + with16(octets(name)))); }

// A hello with these extensions; parts can be replaced to make it wrong.
struct Maker {
    Octets version{3, 3}, session{0}, suites{0, 2, 0x13, 0x01}, compression{1, 0}, trailer;
    std::uint8_t type = 1;
    bool has_extensions = true;

    Octets message(const Octets& extensions) const {
        Octets body = version + Octets(32, 0xab) + session + suites + compression;
        if (has_extensions) body = body + with16(extensions);
        body = body + trailer;
        return Octets{type, static_cast<std::uint8_t>(body.size() >> 16),
                      static_cast<std::uint8_t>(body.size() >> 8), static_cast<std::uint8_t>(body.size())} +
               body;
    }
};

Octets records(const Octets& message, std::size_t size = 16'384) {
    Octets out;
    for (std::size_t i = 0; i < message.size(); i += size) {
        const std::size_t n = std::min(size, message.size() - i);
        const auto begin = message.begin() + static_cast<std::ptrdiff_t>(i);
        out = out + Octets{22, 3, 1} + with16(Octets(begin, begin + static_cast<std::ptrdiff_t>(n)));
    }
    return out;
}

State read(ClientHelloReader& reader, const Octets& bytes, std::size_t piece) {
    State state = reader.state();
    for (std::size_t i = 0; i < bytes.size(); i += piece)
        state = reader.feed(Bytes(bytes).subspan(i, std::min(piece, bytes.size() - i)));
    return state;
}

} // namespace

TEST_CASE("hellos of real clients are read, whole and byte by byte") {
    struct Row {
        std::string_view hex;
        std::string_view name;
        std::vector<std::string> alpn;
        std::vector<std::uint16_t> versions;
    };
    const Row rows[] = {
        {recorded::openssl_tls13, "app.example.com", {"h2", "http/1.1"}, {0x304, 0x303, 0x302, 0x301}},
        {recorded::openssl_tls12, "tls12.example.com", {}, {0x303}},
        {recorded::openssl_no_name, "", {}, {0x304, 0x303, 0x302, 0x301}},
        {recorded::curl, "localhost", {"h2", "http/1.1"}, {0x304, 0x303, 0x302, 0x301}},
    };
    for (const Row& row : rows) {
        const Octets bytes = from_hex(row.hex);
        for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{100}, bytes.size()}) {
            INFO(row.name << " in pieces of " << piece);
            ClientHelloReader reader;
            CHECK(reader.feed({}) == State::need_more);
            REQUIRE(read(reader, Octets(bytes.begin(), bytes.end() - 1), piece) == State::need_more);
            REQUIRE(reader.feed(Bytes(bytes).last(1)) == State::done);
            CHECK(reader.hello().server_name == row.name);
            CHECK(reader.hello().alpn == row.alpn);
            CHECK(reader.hello().versions == row.versions);
            CHECK_FALSE(reader.hello().encrypted_hello);
            CHECK(reader.consumed() == bytes.size());
            CHECK_FALSE(reader.error());
            CHECK(reader.feed(as_bytes("what follows")) == State::done);
            CHECK(reader.consumed() == bytes.size());
        }
    }
}

TEST_CASE("the hello of our own client is read, and an engine takes it afterwards") {
    ClientOptions options = client_options();
    options.alpn = {"http/1.1"};
    Pair pair(options, server_options());
    pair.client.handshake();
    ClientHelloReader reader;
    REQUIRE(reader.feed(pair.client.output()) == State::done);
    CHECK(reader.hello().server_name == "app.example.com");
    CHECK(reader.hello().alpn == std::vector<std::string>{"http/1.1"});
    CHECK(reader.hello().versions == std::vector<std::uint16_t>{0x304, 0x303});
    feed(pair.server, take_output(pair.client));
    pair.server_status = pair.server.handshake();
    CHECK(pair.shake().connected());
}

TEST_CASE("a hello over many records is read, up to 64 KiB") {
    const Octets padded = Maker().message(server_name("big.example.com") + extension(21, Octets(40'000, 0)));
    for (const std::size_t size : {std::size_t{1}, std::size_t{100}, std::size_t{16'384}}) {
        ClientHelloReader reader;
        const Octets bytes = records(padded, size);
        CHECK(read(reader, bytes, 1'000) == State::done);
        CHECK(reader.hello().server_name == "big.example.com");
        CHECK(reader.consumed() == bytes.size());
    }
    ClientHelloReader reader; // refused by its announced size, before the bytes have come
    Octets huge = Maker().message({});
    huge[1] = 1;
    CHECK(reader.feed(records(huge)) == State::bad);
    CHECK_HAS(reader.error().message(), "64 KiB");
    CHECK(reader.consumed() < 200);
}

TEST_CASE("what a hello may contain is accepted") {
    struct Row {
        std::string_view what;
        Octets message;
        std::string_view name;
    };
    Maker bare, other;
    bare.has_extensions = false;
    other.session = Octets{32} + Octets(32, 1);
    const Row rows[] = {
        {"no extensions at all", bare.message({}), ""},
        {"an empty list of extensions", Maker().message({}), ""},
        {"a session id", other.message(server_name("x")), "x"},
        {"a dot at the end", Maker().message(server_name("App.Example.com.")), "app.example.com"},
        {"an address as name", Maker().message(server_name("127.0.0.1")), "127.0.0.1"},
        {"unknown extensions",
         Maker().message(extension(0x1234, {1, 2, 3}) + server_name("x") + extension(0x0a0a, {})), "x"},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        ClientHelloReader reader;
        CHECK(reader.feed(records(row.message)) == State::done);
        CHECK(reader.hello().server_name == row.name);
        CHECK(reader.hello().versions == std::vector<std::uint16_t>{0x303});
    }
    ClientHelloReader grease;
    CHECK(grease.feed(records(Maker().message(extension(43, {6, 0x3a, 0x3a, 3, 4, 3, 3}) +
                                              extension(0xfe0d, {0})))) == State::done);
    CHECK(grease.hello().versions == std::vector<std::uint16_t>{0x304, 0x303});
    CHECK(grease.hello().encrypted_hello);
}

TEST_CASE("a hello that is not well-formed is refused, and says where") {
    struct Row {
        std::string_view what;
        Octets bytes;
        const char* message;
    };
    const auto bad = [](auto edit) {
        Maker maker;
        edit(maker);
        return records(maker.message(server_name("x")));
    };
    const auto with = [](const Octets& extensions) { return records(Maker().message(extensions)); };
    Octets short_name = server_name("example");
    short_name[8] = 9; // the name's length
    const Octets plain = Maker().message({});
    Octets alert_inside = records(plain, 20);
    alert_inside[25] = 21;
    Octets version_inside = records(plain, 20);
    version_inside[26] = 2;
    const Row rows[] = {
        {"another handshake message", bad([](Maker& m) { m.type = 2; }), "no ClientHello"},
        {"version 2", bad([](Maker& m) { m.version = {2, 0}; }), "version"},
        {"a long session id", bad([](Maker& m) { m.session = Octets{33} + Octets(33, 0); }), "session id"},
        {"no suites", bad([](Maker& m) { m.suites = {0, 0}; }), "cipher suites"},
        {"half a suite", bad([](Maker& m) { m.suites = {0, 3, 1, 2, 3}; }), "cipher suites"},
        {"no compression", bad([](Maker& m) { m.compression = {0}; }), "compression"},
        {"bytes behind the extensions", bad([](Maker& m) { m.trailer = {0}; }), "extensions"},
        {"an extension cut off", with({0, 0, 0, 9, 1}), "runs over"},
        {"a server_name cut off", with(short_name), "server_name"},
        {"an empty server_name", with(server_name("")), "server_name"},
        {"an empty server_name extension", with(extension(0, {})), "server_name"},
        {"another type of name", with(extension(0, with16(Octets{1} + with16(octets("x"))))), "server_name"},
        {"two names",
         with(extension(0, with16(Octets{0} + with16(octets("x")) + Octets{0} + with16(octets("y"))))),
         "server_name"},
        {"a name with a zero byte", with(server_name(std::string_view("a\0b", 3))), "server_name"},
        {"a name with a blank", with(server_name("a b")), "server_name"},
        {"a name beyond DNS", with(server_name(std::string(255, 'a'))), "server_name"},
        {"server_name twice", with(server_name("x") + server_name("y")), "twice"},
        {"an unknown extension twice", with(extension(99, {}) + extension(99, {})), "twice"},
        {"an empty ALPN list", with(extension(16, {0, 0})), "ALPN"},
        {"an empty ALPN name", with(extension(16, {0, 1, 0})), "ALPN"},
        {"an ALPN name cut off", with(extension(16, {0, 3, 3, 'h', '2'})), "ALPN"},
        {"half a version", with(extension(43, {3, 3, 4, 3})), "supported_versions"},
        {"no versions", with(extension(43, {0})), "supported_versions"},
        {"bytes behind the hello in its record", records(plain + Octets{1}), "follows the ClientHello"},
        {"an alert inside", alert_inside, "another record"},
        {"another version inside", version_inside, "no TLS handshake"},
        {"an empty record", {22, 3, 1, 0, 0}, "empty handshake record"},
        {"a record too large", {22, 3, 1, 0x40, 1}, "larger than TLS allows"},
        {"a handshake message type at once", {22, 3, 1, 0, 1, 9}, "no ClientHello"},
    };
    for (const Row& row : rows) {
        for (const std::size_t piece : {std::size_t{1}, row.bytes.size()}) {
            INFO(row.what << " in pieces of " << piece);
            ClientHelloReader reader;
            CHECK(read(reader, row.bytes, piece) == State::bad);
            CHECK(reader.error().code() == errc::tls_handshake_failed);
            INFO(reader.error().message());
            CHECK_HAS(reader.error().message(), row.message);
            CHECK(reader.hello().server_name.empty());
        }
    }
}

TEST_CASE("what is not TLS is known by its first bytes") {
    struct Row {
        std::string_view bytes;
        const char* message;
    };
    constexpr Row rows[] = {
        {"GET / HTTP/1.1\r\n", "plain HTTP"},       {"POST /x HTTP/1.1\r\n", "plain HTTP"},
        {"PRI * HTTP/2.0\r\n", "plain HTTP"},       {"PROXY TCP4 1.2.3.4", "PROXY protocol"},
        {"\r\n\r\n\0\r\nQUIT\n", "PROXY protocol"}, {"SSH-2.0-x", "SSH"},
        {"\x80\x2e\x01\x03\x01", "SSL 2"},          {"\x15\x03\x01\x00\x02\x01\x00", "no TLS handshake"},
        {"\x16\x02\x00", "no TLS handshake"},       {"\xff", "no TLS handshake"},
    };
    for (const Row& row : rows) {
        INFO(row.message);
        ClientHelloReader reader;
        CHECK(reader.feed(as_bytes(row.bytes)) == State::not_tls);
        CHECK_HAS(reader.error().message(), row.message);
        CHECK(reader.feed(as_bytes("more")) == State::not_tls);
        ClientHelloReader slow;
        const Octets bytes(row.bytes.begin(), row.bytes.end());
        CHECK(read(slow, bytes, 1) == State::not_tls);
    }
}

TEST_CASE("no changed byte of a real hello does harm, and none leaves a wrong length unseen") {
    const Octets original = from_hex(recorded::openssl_tls13);
    std::size_t done = 0, refused = 0;
    for (std::size_t i = 0; i < original.size(); ++i) {
        for (const std::uint8_t flip : {std::uint8_t{0x01}, std::uint8_t{0x80}, std::uint8_t{0xff}}) {
            Octets changed = original;
            changed[i] ^= flip;
            ClientHelloReader whole, slow;
            const State state = whole.feed(changed);
            CHECK(read(slow, changed, 1) == state);
            CHECK(slow.hello().server_name == whole.hello().server_name);
            (state == State::done ? done : refused) += 1;
        }
    }
    CHECK(done > 100);    // a random, a key share may hold anything
    CHECK(refused > 100); // lengths, types and names may not
}
