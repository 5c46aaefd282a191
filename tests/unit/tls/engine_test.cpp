#include "tls_pair.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>

using namespace tls_test;
using namespace std::string_view_literals;

namespace {

struct VersionRow {
    Version version;
    std::string_view name;
};
constexpr VersionRow versions[] = {{Version::tls12, "TLSv1.2"}, {Version::tls13, "TLSv1.3"}};

Pair pair_of(Version version) {
    ClientOptions client = client_options();
    client.min_version = client.max_version = version;
    return Pair(client, server_options());
}

} // namespace

TEST_CASE("a handshake and an exchange work in every version and every split") {
    for (const VersionRow& row : versions) {
        for (const std::size_t piece :
             {std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{100}, std::size_t{1} << 20}) {
            INFO(row.name << " in pieces of " << piece);
            Pair pair = pair_of(row.version);
            CHECK_FALSE(pair.client.handshake_done());
            REQUIRE(pair.shake(piece).connected());
            CHECK(pair.client.handshake_done());
            CHECK(pair.client.version() == row.name);
            CHECK(pair.server.version() == row.name);
            CHECK(pair.client.cipher() == pair.server.cipher());
            CHECK(pair.client.cipher().find("_GCM_") != std::string_view::npos);
            CHECK(pair.server.server_name() == "app.example.com");
            CHECK_FALSE(pair.server.resumed());

            REQUIRE(pair.client.write(as_bytes("ping")) == Status::ok);
            std::string got;
            Pair::carry(pair.client, pair.server, piece, [&] { got += read_all(pair.server).first; });
            CHECK(got == "ping");
            REQUIRE(pair.server.write(as_bytes("pong")) == Status::ok);
            CHECK(deliver(pair.server, pair.client) == std::pair(std::string("pong"), Status::want_input));
        }
    }
}

TEST_CASE("a handshake that is complete says ok again, and a moved engine goes on") {
    Pair pair = pair_of(Version::tls13);
    Engine server = std::move(pair.server);
    pair.server = std::move(server);
    REQUIRE(pair.shake().connected());
    CHECK(pair.client.handshake() == Status::ok);
    Engine moved = std::move(pair.client);
    REQUIRE(moved.write(as_bytes("from the new place")) == Status::ok);
    CHECK(deliver(moved, pair.server).first == "from the new place");
    CHECK(moved.server_name() == "app.example.com");
}

TEST_CASE("nothing can be read or written before the handshake, nor written after shutdown") {
    Pair pair = pair_of(Version::tls13);
    std::uint8_t byte = 0;
    CHECK(pair.client.write(as_bytes("early")) == Status::want_input);
    CHECK(pair.client.read({&byte, 1}).status == Status::want_input);
    pair.client.shutdown();
    CHECK(pair.client.output().empty());
    REQUIRE(pair.shake().connected());
    pair.client.shutdown();
    CHECK(pair.client.write(as_bytes("late")) == Status::failed);
    CHECK(pair.client.error().code() == errc::tls_error);
    CHECK_HAS(pair.client.error().message(), "shut down");
}

TEST_CASE("a megabyte goes through exactly, in full records") {
    const std::string megabyte = pattern(1 << 20);
    for (const VersionRow& row : versions) {
        INFO(row.name);
        Pair pair = pair_of(row.version);
        REQUIRE(pair.shake().connected());
        REQUIRE(pair.client.write(as_bytes(megabyte)) == Status::ok);
        const std::vector<std::size_t> sizes = record_sizes(pair.client.output());
        CHECK(sizes.size() == 64);
        CHECK(*std::min_element(sizes.begin(), sizes.end()) >= 16'384);
        CHECK(deliver(pair.client, pair.server) == std::pair(megabyte, Status::want_input));

        REQUIRE(pair.client.write(as_bytes(megabyte).first((1 << 20) - 16'383)) == Status::ok);
        CHECK(record_sizes(pair.client.output()).size() == 64); // 63 full ones and one byte
    }
}

TEST_CASE("a write of two parts fills records across the seam") {
    struct Row {
        std::size_t first, second, records;
    };
    constexpr Row rows[] = {{0, 0, 0},        {10, 0, 1},          {0, 10, 1},          {8, 16'376, 1},
                            {8, 16'377, 2},   {16'384, 1, 2},      {16'385, 16'383, 2}, {40'000, 100, 3},
                            {100, 40'000, 3}, {49'152, 16'384, 4}, {1, 1 << 20, 65}};
    const std::string text = pattern(2 << 20);
    Pair pair = pair_of(Version::tls13);
    REQUIRE(pair.shake().connected());
    read_all(pair.server);
    for (const Row& row : rows) {
        INFO(row.first << " + " << row.second);
        const Bytes all = as_bytes(text).first(row.first + row.second);
        REQUIRE(pair.client.write(all.first(row.first), all.subspan(row.first)) == Status::ok);
        CHECK(record_sizes(pair.client.output()).size() == row.records);
        CHECK(deliver(pair.client, pair.server).first == as_text(all));
    }
}

TEST_CASE("a small read buffer loses nothing, and what is left counts as pending") {
    Pair pair = pair_of(Version::tls13);
    REQUIRE(pair.shake().connected());
    REQUIRE(pair.client.write(as_bytes("0123456789")) == Status::ok);
    feed(pair.server, take_output(pair.client));
    std::vector<std::uint8_t> four(4);
    ReadResult got = pair.server.read(four);
    CHECK(got.status == Status::ok);
    CHECK(as_text(four) == "0123");
    CHECK(pair.server.input_pending() == 6);
    got = pair.server.read(four);
    CHECK(as_text(four) == "4567");
    got = pair.server.read(four);
    CHECK(got.status == Status::want_input);
    CHECK(got.size == 2);
    CHECK(pair.server.input_pending() == 0);
    CHECK(pair.server.read({}).size == 0);
}

TEST_CASE("close_notify is a clean end, each way for itself; an end without it never looks like one") {
    for (const VersionRow& row : versions) {
        INFO(row.name);
        Pair pair = pair_of(row.version);
        REQUIRE(pair.shake().connected());
        REQUIRE(pair.client.write(as_bytes("last words")) == Status::ok);
        const std::vector<std::uint8_t> data = take_output(pair.client);
        pair.client.shutdown();
        const std::vector<std::uint8_t> notify = take_output(pair.client);
        CHECK(record_sizes(notify).size() == 1);
        pair.client.shutdown();
        CHECK(pair.client.output().empty()); // once

        feed(pair.server, Bytes(data).first(data.size() - 1));
        CHECK(read_all(pair.server) ==
              std::pair(std::string(), Status::want_input)); // cut here: a truncation
        feed(pair.server, Bytes(data).last(1));
        CHECK(read_all(pair.server) == std::pair(std::string("last words"), Status::want_input)); // and here
        feed(pair.server, notify);
        CHECK(read_all(pair.server).second == Status::closed);
        CHECK(read_all(pair.server).second == Status::closed);

        REQUIRE(pair.server.write(as_bytes("still here")) == Status::ok); // the other direction is open
        CHECK(deliver(pair.server, pair.client) == std::pair(std::string("still here"), Status::want_input));
        pair.server.shutdown();
        CHECK(deliver(pair.server, pair.client).second == Status::closed);
    }
}

TEST_CASE("data and close_notify in one input come out together") {
    Pair pair = pair_of(Version::tls13);
    REQUIRE(pair.shake().connected());
    REQUIRE(pair.client.write(as_bytes("all of it")) == Status::ok);
    pair.client.shutdown();
    CHECK(deliver(pair.client, pair.server) == std::pair(std::string("all of it"), Status::closed));
}

TEST_CASE("an idle engine holds no buffers once released") {
    Pair pair = pair_of(Version::tls13);
    REQUIRE(pair.shake().connected());
    REQUIRE(pair.client.write(as_bytes(pattern(100'000))) == Status::ok);
    CHECK(deliver(pair.client, pair.server).first.size() == 100'000);
    CHECK(pair.server.input_space(0).size() > 100'000);
    pair.server.release_buffers();
    CHECK(pair.server.input_space(0).empty());
    REQUIRE(pair.server.write(as_bytes("awake")) == Status::ok);
    pair.server.release_buffers(); // does not touch what is not sent yet
    CHECK(deliver(pair.server, pair.client).first == "awake");
}

TEST_CASE("ALPN: the server's order decides, no overlap fails, and no offer is fine") {
    struct Row {
        std::vector<std::string> offered, supported;
        const char* agreed; // null: fails
    };
    const std::vector<Row> rows = {
        {{"h2", "http/1.1"}, {"http/1.1", "h2"}, "http/1.1"},
        {{"http/1.1", "h2"}, {"h2", "http/1.1"}, "h2"},
        {{"h2"}, {}, ""},
        {{}, {"h2"}, ""},
        {{"acme-tls/1"}, {"h2", "http/1.1"}, nullptr},
    };
    for (const Row& row : rows) {
        ClientOptions client = client_options();
        ServerOptions server = server_options();
        client.alpn = row.offered;
        server.alpn = row.supported;
        Pair pair(client, server);
        pair.shake();
        INFO(pair.server.error().to_string());
        REQUIRE(pair.connected() == (row.agreed != nullptr));
        if (row.agreed != nullptr) {
            CHECK(pair.client.alpn() == row.agreed);
            CHECK(pair.server.alpn() == row.agreed);
        } else {
            CHECK(pair.server.error().code() == errc::tls_handshake_failed);
            CHECK_HAS(pair.server.error().message(), "ALPN");
            CHECK(pair.client.error().detail() == "alert no_application_protocol (120)");
        }
    }
}

TEST_CASE("the server picks its certificate by the name, and refuses a name it has none for") {
    const auto a = server_identity({"a.example.com"}), b = server_identity({"b.example.com"});
    std::vector<std::string> asked;
    ServerOptions server = server_options();
    server.select = [&](std::string_view name) {
        asked.emplace_back(name);
        return name == "a.example.com" ? a : name == "b.example.com" ? b : nullptr;
    };
    for (const std::string_view host : {"a.example.com", "B.Example.com."}) {
        INFO(host);
        Pair pair(client_options(), server, host);
        CHECK(pair.server.identity() == nullptr);
        REQUIRE(pair.shake().connected());
        CHECK(pair.server.identity() == (host == "a.example.com" ? a : b));
        CHECK(pair.client.identity() == nullptr);
    }
    Pair unknown(client_options(), server, "c.example.com");
    CHECK(unknown.shake().server_status == Status::failed);
    CHECK(unknown.server.error().code() == errc::tls_handshake_failed);
    CHECK(unknown.server.error().detail() == "c.example.com");
    CHECK(unknown.client.error().detail() == "alert unrecognized_name (112)");
    CHECK(unknown.client.error().message() == "the server has no certificate for this host name");
    Pair nameless(client_options(), server, "127.0.0.1");
    CHECK(nameless.shake().server_status == Status::failed);
    CHECK(nameless.server.server_name().empty());
    CHECK(asked == std::vector<std::string>{"a.example.com", "b.example.com", "c.example.com", ""});
}

TEST_CASE("an exception of the selector fails the handshake with its text, and the client is told") {
    ServerOptions server = server_options();
    server.select = [](std::string_view) -> std::shared_ptr<const Identity> {
        throw std::runtime_error("store down");
    };
    Pair pair(client_options(), server);
    CHECK(pair.shake().server_status == Status::failed);
    CHECK_HAS(pair.server.error().message(), "store down");
    CHECK(pair.server.error().code() == errc::tls_handshake_failed);
    CHECK(pair.client.error().detail() == "alert internal_error (80)");
}

TEST_CASE("contexts are shared by threads") {
    ServerOptions options = server_options();
    options.tickets = std::make_shared<TicketKeys>();
    const auto server = must(ServerContext::create(options));
    const auto client = must(ClientContext::create(client_options()));
    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 20; ++i) {
                Pair pair(Engine::client(client, "app.example.com").value(), Engine::server(server));
                if (pair.shake().connected() && pair.client.peer_certificate()->verified) ++good;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(good == 60);
}

TEST_CASE("versions that do not meet end with an alert that says so") {
    ClientOptions client = client_options();
    ServerOptions server = server_options();
    client.max_version = Version::tls12;
    server.min_version = Version::tls13;
    Pair pair(client, server);
    pair.shake();
    CHECK(pair.server_status == Status::failed);
    CHECK(pair.server.error().code() == errc::tls_handshake_failed);
    CHECK_HAS(pair.server.error().message(), "no TLS version in common");
    CHECK(pair.client_status == Status::failed);
    CHECK(pair.client.error().code() == errc::tls_handshake_failed);
    CHECK(pair.client.error().detail() == "alert protocol_version (70)");
    CHECK(pair.client.error().message() == "the server accepts none of the TLS versions offered");
    CHECK(pair.client.handshake() == Status::failed); // and stays so
    CHECK(pair.client.read({}).status == Status::failed);
    CHECK(pair.client.write(as_bytes("x")) == Status::failed);
}

TEST_CASE("bytes that are not TLS get an error that names what they look like") {
    struct Row {
        std::string_view sent;
        const char* message;
    };
    constexpr Row to_server[] = {
        {"GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n", "plain HTTP"},
        {"CONNECT app.example.com:443 HTTP/1.1\r\n\r\n", "proxy request"},
        {"\x16\x03\x01\x00\x1a"
         "\x63hello, is this a handshake?"sv,
         "cannot go on"},
        {"SSH-2.0-OpenSSH_9.2\r\n", "does not speak TLS"},
    };
    for (const Row& row : to_server) {
        INFO(row.sent);
        Engine server = Engine::server(must(ServerContext::create(server_options())));
        feed(server, as_bytes(row.sent));
        CHECK(server.handshake() == Status::failed);
        CHECK(server.error().code() == errc::tls_handshake_failed);
        INFO(server.error().to_string());
        CHECK_HAS(server.error().message(), row.message);
    }
    Engine client = must(Engine::client(must(ClientContext::create(client_options())), "app.example.com"));
    client.handshake();
    feed(client, as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
    CHECK(client.handshake() == Status::failed);
    CHECK(client.error().message() == "the peer does not speak TLS: is this a TLS port?");
}

TEST_CASE("a record changed on its way ends the connection with an error on both sides") {
    for (const VersionRow& row : versions) {
        INFO(row.name);
        Pair pair = pair_of(row.version);
        REQUIRE(pair.shake().connected());
        REQUIRE(pair.client.write(as_bytes("first")) == Status::ok);
        std::vector<std::uint8_t> bytes = take_output(pair.client);
        REQUIRE(pair.client.write(as_bytes("second")) == Status::ok);
        std::vector<std::uint8_t> damaged = take_output(pair.client);
        damaged.back() ^= 1;
        bytes.insert(bytes.end(), damaged.begin(), damaged.end());
        feed(pair.server, bytes);
        CHECK(read_all(pair.server) == std::pair(std::string("first"), Status::failed));
        CHECK(pair.server.error().code() == errc::tls_error);
        CHECK_HAS(pair.server.error().message(), "changed");
        CHECK(deliver(pair.server, pair.client).second == Status::failed);
        CHECK(pair.client.error().code() == errc::tls_error);
        CHECK(pair.client.error().detail() == "alert bad_record_mac (20)");
    }
}

TEST_CASE("no single changed byte of the server's first flight lets the handshake pass") {
    Pair probe = pair_of(Version::tls13);
    probe.client.handshake();
    feed(probe.server, take_output(probe.client));
    probe.server.handshake();
    const std::size_t size = probe.server.output().size();
    REQUIRE(size > 300);
    std::size_t failed = 0, waiting = 0;
    for (std::size_t i = 0; i < size; i += 7) {
        Pair pair = pair_of(Version::tls13);
        pair.client.handshake();
        feed(pair.server, take_output(pair.client));
        pair.server.handshake();
        std::vector<std::uint8_t> flight = take_output(pair.server);
        if (i >= flight.size()) break; // signatures differ in size by a byte or two
        flight[i] ^= 0x20;
        feed(pair.client, flight);
        const Status status = pair.client.handshake();
        CHECK(status != Status::ok);
        (status == Status::failed ? failed : waiting) += 1;
    }
    CHECK(failed > waiting); // a longer record length leaves it waiting
}

TEST_CASE("options that cannot work are refused with their name") {
    ClientOptions client = client_options();
    client.roots = TrustRoots();
    CHECK_HAS(ClientContext::create(client).error().message(), "roots");
    client.verify = false;
    CHECK(ClientContext::create(client).has_value());
    client.min_version = Version::tls13;
    client.max_version = Version::tls12;
    CHECK_HAS(ClientContext::create(client).error().message(), "min_version");
    client = client_options();
    client.alpn = {""};
    CHECK_HAS(ClientContext::create(client).error().message(), "alpn");
    client.alpn = {std::string(256, 'x')};
    CHECK(ClientContext::create(client).error().code() == errc::invalid_option);

    CHECK_HAS(ServerContext::create(ServerOptions()).error().message(), "select");
    ServerOptions server = server_options();
    server.client_auth = ClientAuth::require;
    CHECK_HAS(ServerContext::create(server).error().message(), "client_roots");
}

TEST_CASE("a host that is no name and no address is refused") {
    const auto context = must(ClientContext::create(client_options()));
    for (const std::string_view host : {"", "a b", "http://x", "a..b", ".a", "-a", "a\nb", "[1.2.3.4]",
                                        "1.2.3.4:443", "[::1]:443", "::1%lo"}) {
        INFO(host);
        CHECK(Engine::client(context, host).error().code() == errc::invalid_option);
    }
    CHECK(Engine::client(context, std::string(300, 'a')).error().code() == errc::invalid_option);
    for (const std::string_view host :
         {"localhost", "a_b.example.com", "1.2.3.4", "::1", "[::1]", "a.example.com."}) {
        INFO(host);
        CHECK(Engine::client(context, host).has_value());
    }
}
