#include "loopback.hpp"

#include "net/deadline.hpp"
#include "net/rpc.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>

using namespace adit;
using namespace adit::test;
using namespace std::chrono_literals;

namespace {

using StreamPtr = std::shared_ptr<net::MuxStream>;

std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
    return text;
}

asio::awaitable<void> send_all(StreamPtr stream, std::string text) {
    const net::IoResult sent = co_await stream->write(as_bytes(text));
    CHECK(sent.code() == std::error_code());
    stream->finish_write();
}

asio::awaitable<void> receive_all(StreamPtr stream, std::string& text, std::error_code& end) {
    std::vector<std::uint8_t> buffer(50'000);
    const MutableBytes space(buffer);
    for (;;) {
        const net::IoResult got = co_await stream->read_some(space);
        if (!got.ok()) {
            end = got.code();
            co_return;
        }
        text.append(as_text(space.first(got.size())));
    }
}

/// A read whose outcome the test looks at later.
struct Outcome {
    void start(const StreamPtr& stream) {
        stream->start_read(asio::buffer(bytes), net::MuxStream::Handler(
            [this](std::error_code ec, std::size_t n) {
                code = ec;
                size = n;
                ++calls;
            },
            stream->executor()));
    }
    std::array<char, 64> bytes{};
    std::error_code code;
    std::size_t size = 0;
    int calls = 0;
};

/// The far end of a session: what arrives, as TLS records and as the plain text in them.
class Tap {
public:
    Tap() {
        auto [a, b] = socket_pair(context);
        auto near = std::make_shared<net::TlsStream>(std::move(a), *tls::Engine::client(world.client, "localhost"));
        auto far = std::make_shared<net::TlsStream>(std::move(b), tls::Engine::server(world.server));
        int done = 0;
        for (const auto& stream : {near, far})
            asio::co_spawn(context, stream->handshake(), [&done](const std::exception_ptr&, const Result<void>&) { ++done; });
        test::run_until(context, [&] { return done == 2; });
        auto [socket, engine] = near->release();
        std::tie(socket_, engine_) = far->release();
        net::MuxOptions options{muxado::Config(muxado::Role::client)};
        options.heartbeat_interval = 0ms;
        session = net::MuxSession::create(std::move(socket), std::move(engine), options, observer_);
        session->start();
        test::run_until(context, [this] { return settled(); });
    }
    ~Tap() {
        session->abort(ErrorInfo(errc::session_closed));
        context.restart();
        context.run_for(20s);
    }

    /// Sizes of the records until nothing more comes; `plain` grows.
    std::vector<std::size_t> records(std::size_t plain_size) {
        std::string wire;
        test::run_until(context, [&] {
            std::array<std::uint8_t, 65'536> bytes;
            for (;;) {
                const net::IoResult got = net::receive_now(*socket_, bytes);
                if (!got.ok()) break;
                wire.append(as_text(Bytes(bytes).first(got.size())));
            }
            return wire.size() > plain_size && whole(wire);
        });
        return sizes(wire);
    }

    asio::io_context context;
    TlsWorld world;
    std::shared_ptr<net::MuxSession> session;

private:
    static std::size_t size_at(const std::string& wire, std::size_t at) {
        return static_cast<std::size_t>(static_cast<std::uint8_t>(wire[at + 3])) << 8 | static_cast<std::uint8_t>(wire[at + 4]);
    }
    static std::vector<std::size_t> sizes(const std::string& wire) {
        std::vector<std::size_t> all;
        for (std::size_t at = 0; at + 5 <= wire.size(); at += 5 + size_at(wire, at)) all.push_back(size_at(wire, at));
        return all;
    }
    static bool whole(const std::string& wire) {
        std::size_t at = 0;
        while (at + 5 <= wire.size()) at += 5 + size_at(wire, at);
        return at == wire.size();
    }
    bool settled() {
        context.restart();
        return context.poll() == 0;
    }

    std::shared_ptr<Recorder> observer_ = std::make_shared<Recorder>();
    std::optional<Tcp::socket> socket_;
    std::optional<tls::Engine> engine_;
};

asio::awaitable<void> open_and_send(std::shared_ptr<net::MuxSession> session, std::string text) {
    auto stream = session->open(7, as_bytes("head"));
    REQUIRE(stream);
    co_await send_all(*stream, std::move(text));
}

} // namespace

TEST_CASE("a stream carries its type and bytes both ways, each direction half closed by itself") {
    MuxPair pair;
    auto [client, server] = pair.stream_pair();
    CHECK(pair.server_seen->types.back() == 7);
    const std::string up = pattern(3'000'000), down = pattern(2'000'000);
    std::string got_up, got_down;
    std::error_code end_up, end_down;
    asio::co_spawn(pair.context, send_all(client, up), asio::detached);
    asio::co_spawn(pair.context, send_all(server, down), asio::detached);
    asio::co_spawn(pair.context, receive_all(server, got_up, end_up), asio::detached);
    asio::co_spawn(pair.context, receive_all(client, got_down, end_down), asio::detached);
    pair.run_until([&] { return end_up && end_down; });
    CHECK(end_up == asio::error::eof);
    CHECK(end_down == asio::error::eof);
    CHECK((got_up == up));
    CHECK((got_down == down));
}

TEST_CASE("a writer waits while nobody reads") {
    MuxPair pair;
    auto [client, server] = pair.stream_pair();
    bool sent = false;
    asio::co_spawn(pair.context, send_all(client, pattern(4'000'000)), [&sent](const std::exception_ptr&) { sent = true; });
    // A second stream gets through beside the stuck one.
    auto [other, other_server] = pair.stream_pair();
    asio::co_spawn(pair.context, send_all(other, "small"), asio::detached);
    std::string text;
    std::error_code end;
    asio::co_spawn(pair.context, receive_all(other_server, text, end), asio::detached);
    pair.run_until([&] { return bool(end); });
    CHECK(text == "small");
    CHECK_FALSE(sent);
    std::string rest;
    std::error_code rest_end;
    asio::co_spawn(pair.context, receive_all(server, rest, rest_end), asio::detached);
    pair.run_until([&] { return bool(rest_end); });
    CHECK(sent);
    CHECK(rest.size() == 4'000'000);
}

TEST_CASE("a cancelled read took nothing and the next one gets the bytes") {
    MuxPair pair;
    auto [client, server] = pair.stream_pair();
    Outcome first, second;
    asio::cancellation_signal signal;
    std::array<char, 16> bytes{};
    int calls = 0;
    std::error_code code;
    auto handler = asio::bind_cancellation_slot(signal.slot(), [&](std::error_code ec, std::size_t) {
        code = ec;
        ++calls;
    });
    server->start_read(asio::buffer(bytes), net::MuxStream::Handler(handler, pair.context.get_executor()));
    signal.emit(asio::cancellation_type::total);
    pair.run_until([&] { return calls == 1; });
    CHECK(code == asio::error::operation_aborted);
    second.start(server);
    asio::co_spawn(pair.context, send_all(client, "after"), asio::detached);
    pair.run_until([&] { return second.calls == 1; });
    CHECK(std::string(second.bytes.data(), second.size) == "after");
}

TEST_CASE("two reads at once are refused, the first one goes on") {
    MuxPair pair;
    auto [client, server] = pair.stream_pair();
    Outcome first, second;
    first.start(server);
    second.start(server);
    pair.run_until([&] { return second.calls == 1; });
    CHECK(second.code == errc::invalid_option);
    asio::co_spawn(pair.context, send_all(client, "x"), asio::detached);
    pair.run_until([&] { return first.calls == 1; });
    CHECK(first.size == 1);
}

TEST_CASE("an abort is seen by the peer as a reset, and completes our own operations") {
    MuxPair pair;
    auto [client, server] = pair.stream_pair();
    Outcome ours, theirs;
    ours.start(client);
    theirs.start(server);
    client->reset(muxado::ErrorCode::stream_cancelled);
    pair.run_until([&] { return ours.calls == 1 && theirs.calls == 1; });
    CHECK(ours.code == errc::connection_closed);
    // FIN comes before RST (agent-protocol 2.5), so a waiting reader may see either.
    CHECK((theirs.code == asio::error::eof || theirs.code == errc::connection_reset));
    CHECK(pair.server_seen->closed == 0);
}

TEST_CASE("a lost link completes everything with session_lost, once") {
    MuxPair pair;
    auto [client, server] = pair.stream_pair();
    Outcome reading;
    reading.start(client);
    pair.server->abort(ErrorInfo(errc::protocol_error, "for the test"));
    pair.run_until([&] { return reading.calls == 1 && pair.client_seen->closed == 1 && pair.server_seen->closed == 1; });
    CHECK(reading.code == errc::session_lost);
    CHECK(pair.server_seen->reason.code() == errc::protocol_error);
    CHECK_FALSE(pair.client->is_open());
    CHECK_FALSE(pair.client->open(1).has_value());
    Outcome later;
    later.start(client);
    pair.run_until([&] { return later.calls == 1; });
    CHECK(later.code == errc::session_lost);
}

TEST_CASE("an orderly close delivers what was written and says session_closed on our side") {
    // Far more than the kernel takes, so that most of it is still with the session when it is closed; and credit that
    // comes back meanwhile.
    MuxPair pair({muxado::Config(muxado::Role::client)}, {muxado::Config(muxado::Role::server)}, 8'192);
    auto [client, server] = pair.stream_pair();
    const std::string words = pattern(200'000);
    Outcome ours;
    ours.start(client);
    std::string got;
    std::error_code end;
    asio::co_spawn(pair.context, receive_all(server, got, end), asio::detached);
    bool written = false;
    asio::co_spawn(pair.context, send_all(client, words), [&](const std::exception_ptr&) {
        written = true;
        pair.client->close();
    });
    pair.run_until([&] { return pair.client_seen->closed == 1 && pair.server_seen->closed == 1 && end && ours.calls == 1; });
    CHECK(written);
    CHECK(pair.client_seen->reason.code() == errc::session_closed);
    CHECK((got == words));
    CHECK(end == asio::error::eof);
    CHECK(ours.code == errc::session_closed);
}

TEST_CASE("what happens in one turn leaves as one record") {
    constexpr std::size_t overhead = 17; // TLS 1.3: the tag and the inner type
    constexpr std::size_t header = 8;    // of a muxado frame
    Tap tap;
    SUBCASE("a stream's type, head and first bytes: one frame") {
        asio::co_spawn(tap.context, open_and_send(tap.session, "first bytes"), asio::detached);
        CHECK(tap.records(27) == std::vector<std::size_t>{header + 4 + 4 + 11 + header + overhead}); // and FIN behind it
    }
    SUBCASE("frames of many streams") {
        std::vector<StreamPtr> streams;
        for (int i = 0; i < 10; ++i) streams.push_back(*tap.session->open(7, as_bytes("head")));
        CHECK(tap.records(160) == std::vector<std::size_t>{10 * (header + 4 + 4) + overhead});
    }
    SUBCASE("under load records are full") {
        asio::co_spawn(tap.context, open_and_send(tap.session, pattern(150'000)), asio::detached);
        std::vector<std::size_t> sizes = tap.records(150'000);
        REQUIRE(sizes.size() == 10);
        sizes.pop_back();
        for (const std::size_t size : sizes) CHECK(size == 16'384 + overhead);
    }
}

TEST_CASE("heartbeats are answered and their latency is reported") {
    net::MuxOptions options{muxado::Config(muxado::Role::client)};
    options.heartbeat_interval = 20ms;
    MuxPair pair(options);
    pair.run_until([&] { return pair.client_seen->heartbeats >= 3 && pair.server_seen->heartbeats >= 1; });
    CHECK(pair.client_seen->closed == 0);
}

TEST_CASE("an RPC is answered without a FIN from the caller, in one piece or many") {
    MuxPair pair;
    const std::string request = R"({"Id":")" + std::string(400'000, 'x') + R"("})";
    std::string seen;
    pair.server_seen->handler = [&](StreamPtr stream, std::uint32_t) {
        asio::co_spawn(
            pair.context,
            [](StreamPtr s, std::string& out) -> asio::awaitable<void> {
                auto read = co_await net::read_request(s, 10s);
                REQUIRE(read.has_value());
                out = *read;
                co_await net::reply(s, R"({"ok":true})");
            }(std::move(stream), seen),
            asio::detached);
    };
    std::string answer;
    pair.run([](MuxPair& p, const std::string& r, std::string& out) -> asio::awaitable<void> {
        auto result = co_await net::call(p.client, 1, r, 10s);
        REQUIRE(result.has_value());
        out = *result;
    }(pair, request, answer));
    CHECK((seen == request));
    CHECK(answer == R"({"ok":true})");
    pair.run_until([&] { return pair.client->stream_count() <= 2 && pair.server->stream_count() <= 2; });
}

TEST_CASE("an RPC that nobody answers times out alone") {
    MuxPair pair;
    ErrorInfo error;
    pair.run([](MuxPair& p, ErrorInfo& out) -> asio::awaitable<void> {
        auto result = co_await net::call(p.client, 1, "{}", 30ms);
        out = result.error();
    }(pair, error));
    CHECK(error.code() == errc::timed_out);
    CHECK(pair.client_seen->closed == 0);
}

TEST_CASE("the stream limit refuses one open and the session goes on") {
    net::MuxOptions options{muxado::Config(muxado::Role::client)};
    options.core.max_local_streams = 5; // one is the heartbeat
    MuxPair pair(options);
    pair.run_until([&] { return pair.client_seen->heartbeats > 0; });
    std::vector<StreamPtr> open;
    for (int i = 0; i < 4; ++i) {
        auto stream = pair.client->open(7);
        REQUIRE(stream.has_value());
        open.push_back(*stream);
    }
    auto refused = pair.client->open(7);
    CHECK(refused.error().code() == errc::limit_exceeded);
    pair.run_until([&] { return pair.server_seen->streams.size() == 4; });
    open.clear();
    pair.server_seen->streams.clear();
    pair.run_until([&] { return pair.client->stream_count() == 2 || pair.client->open(7).has_value(); });
    CHECK(pair.client_seen->closed == 0);
}
