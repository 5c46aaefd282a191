#include "loopback.hpp"

#include "net/deadline.hpp"
#include "net/dial.hpp"

using namespace adit;
using namespace adit::test;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<net::TcpStream> tcp(Tcp::socket socket) { return std::make_shared<net::TcpStream>(std::move(socket)); }

asio::awaitable<void> read_to_end(std::shared_ptr<net::Stream> stream, std::string& text, std::error_code& end) {
    std::array<std::uint8_t, 4096> buffer;
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

struct TlsPair {
    explicit TlsPair(const TlsWorld& world, const std::string& host = "localhost") {
        auto [a, b] = socket_pair(context);
        client = std::make_shared<net::TlsStream>(std::move(a), *tls::Engine::client(world.client, host));
        server = std::make_shared<net::TlsStream>(std::move(b), tls::Engine::server(world.server));
    }
    void handshake() {
        int done = 0;
        for (const auto& side : {client, server}) {
            asio::co_spawn(context, side->handshake(), [&done, this](const std::exception_ptr&, Result<void> result) {
                if (!result && !error) error = result.error();
                ++done;
            });
        }
        run_until(context, [&done] { return done == 2; });
    }
    asio::io_context context;
    std::shared_ptr<net::TlsStream> client, server;
    ErrorInfo error;
};

} // namespace

TEST_CASE("TLS carries bytes both ways and ends cleanly with close_notify") {
    const TlsWorld world;
    TlsPair pair(world);
    pair.handshake();
    REQUIRE_FALSE(pair.error);
    const std::string text(1'000'000, 'z');
    std::string got;
    std::error_code end;
    asio::co_spawn(pair.context, read_to_end(pair.server, got, end), asio::detached);
    run(pair.context, [](std::shared_ptr<net::Stream> s, const std::string& t) -> asio::awaitable<void> {
        co_await s->write(as_bytes("head "), as_bytes(t));
        co_await s->shutdown_write();
    }(pair.client, text));
    run_until(pair.context, [&] { return bool(end); });
    CHECK(end == asio::error::eof);
    CHECK((got == "head " + text));
}

TEST_CASE("a TLS connection cut without close_notify is an error, not an end") {
    const TlsWorld world;
    TlsPair pair(world);
    pair.handshake();
    std::string got;
    std::error_code end;
    asio::co_spawn(pair.context, read_to_end(pair.server, got, end), asio::detached);
    pair.client->socket().shutdown(Tcp::socket::shutdown_send);
    run_until(pair.context, [&] { return bool(end); });
    CHECK(end == errc::tls_error);
}

TEST_CASE("a wrong name and an unknown CA fail the handshake with their own codes") {
    TlsWorld world;
    TlsPair other_name(world, "example.org");
    other_name.handshake();
    CHECK(other_name.error.code() == errc::certificate_name);
    world.client = world.client_trusting(TlsWorld().authority.certificate_pem());
    TlsPair other_ca(world);
    other_ca.handshake();
    CHECK(other_ca.error.code() == errc::certificate_untrusted);
}

TEST_CASE("a TLS stream starts from bytes that were peeked before") {
    const TlsWorld world;
    asio::io_context context;
    auto [a, b] = socket_pair(context);
    auto client = std::make_shared<net::TlsStream>(std::move(a), *tls::Engine::client(world.client, "127.0.0.1"));
    std::error_code failed;
    int done = 0;
    const auto finish = [&](const std::exception_ptr&, Result<void> result) {
        if (!result) failed = result.error().code();
        ++done;
    };
    asio::co_spawn(context, client->handshake(), finish);
    ByteQueue hello;
    run_until(context, [&, &socket = b] {
        const net::IoResult got = net::receive_now(socket, hello.prepare(100).first(100));
        if (got.ok()) hello.commit(got.size());
        return hello.size() > 150;
    });
    auto server = std::make_shared<net::TlsStream>(std::move(b), tls::Engine::server(world.server), std::move(hello));
    asio::co_spawn(context, server->handshake(), finish);
    run_until(context, [&] { return done == 2; });
    CHECK_FALSE(failed);
}

TEST_CASE("pump_both copies both directions and ends each by itself") {
    asio::io_context context;
    auto [a, a_far] = socket_pair(context);
    auto [b, b_far] = socket_pair(context);
    auto left = tcp(std::move(a_far)), right = tcp(std::move(b_far));
    std::uint64_t up = 0, down = 0;
    net::IoResult result;
    bool done = false;
    asio::co_spawn(context, net::pump_both(tcp(std::move(a)), tcp(std::move(b)), up, down),
                   [&](const std::exception_ptr&, net::IoResult r) {
                       result = r;
                       done = true;
                   });
    std::string at_right, at_left;
    std::error_code right_end, left_end;
    asio::co_spawn(context, read_to_end(right, at_right, right_end), asio::detached);
    asio::co_spawn(context, read_to_end(left, at_left, left_end), asio::detached);
    const std::string big(700'000, 'q');
    run(context, [](std::shared_ptr<net::Stream> s, const std::string& t) -> asio::awaitable<void> {
        co_await s->write(as_bytes(t));
        co_await s->shutdown_write();
    }(left, big));
    run_until(context, [&] { return bool(right_end); });
    CHECK(right_end == asio::error::eof);
    CHECK((at_right == big));
    CHECK_FALSE(done); // the other direction is still open
    run(context, [](std::shared_ptr<net::Stream> s) -> asio::awaitable<void> {
        co_await s->write(as_bytes("late answer"));
        co_await s->shutdown_write();
    }(right));
    run_until(context, [&] { return done && left_end; });
    CHECK(at_left == "late answer");
    CHECK(result.ok());
    CHECK(up == big.size());
    CHECK(down == 11);
}

TEST_CASE("who got the last byte and neither sends nor leaves does not hold a pump for ever") {
    asio::io_context context;
    auto [a, a_far] = socket_pair(context);
    auto [b, b_far] = socket_pair(context);
    auto left = tcp(std::move(a_far)), right = tcp(std::move(b_far));
    std::uint64_t up = 0, down = 0;
    bool done = false;
    asio::co_spawn(context, net::pump_both(tcp(std::move(a)), tcp(std::move(b)), up, down, 60ms),
                   [&](const std::exception_ptr&, net::IoResult) { done = true; });
    SUBCASE("b ended and a is silent") {
        run(context, [](std::shared_ptr<net::Stream> s) -> asio::awaitable<void> {
            co_await s->write(as_bytes("bye"));
            co_await s->shutdown_write();
        }(right));
        run_until(context, [&] { return done; });
        CHECK(down == 3);
    }
    SUBCASE("b ended, and a that has not taken everything yet still gets it") {
        const std::string big(150'000, 'q'); // more than left's window takes, and no more than our side may leave unsent
        run(context, [](std::shared_ptr<net::Stream> s, const std::string& t) -> asio::awaitable<void> {
            co_await s->write(as_bytes(t));
            co_await s->shutdown_write();
        }(right, big));
        run_until(context, [&] { return done; });
        std::string text;
        std::error_code end;
        asio::co_spawn(context, read_to_end(left, text, end), asio::detached);
        run_until(context, [&] { return bool(end); });
        CHECK(end == asio::error::eof);
        CHECK((text == big));
    }
    SUBCASE("but a that ended waits for b as long as that takes") {
        run(context, [](std::shared_ptr<net::Stream> s) -> asio::awaitable<void> {
            co_await s->shutdown_write();
            asio::steady_timer longer(co_await asio::this_coro::executor, 150ms);
            co_await longer.async_wait(asio::use_awaitable);
        }(left));
        CHECK_FALSE(done);
        run(context, [](std::shared_ptr<net::Stream> s) -> asio::awaitable<void> {
            co_await s->write(as_bytes("late answer"));
            co_await s->shutdown_write();
        }(right));
        run_until(context, [&] { return done; });
        CHECK(down == 11);
    }
}

TEST_CASE("an aborted side of a pump aborts the other") {
    asio::io_context context;
    auto [a, a_far] = socket_pair(context);
    auto [b, b_far] = socket_pair(context);
    auto left = tcp(std::move(a_far)), right = tcp(std::move(b_far));
    std::uint64_t up = 0, down = 0;
    bool done = false;
    asio::co_spawn(context, net::pump_both(tcp(std::move(a)), tcp(std::move(b)), up, down),
                   [&](const std::exception_ptr&, net::IoResult) { done = true; });
    std::string text;
    std::error_code end;
    asio::co_spawn(context, read_to_end(right, text, end), asio::detached);
    left->abort();
    run_until(context, [&] { return done && end; });
    CHECK(end == std::errc::connection_reset);
}

TEST_CASE("dial names the step that failed") {
    asio::io_context context;
    Tcp::acceptor closed(context, Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    const std::string port = std::to_string(closed.local_endpoint().port());
    closed.close();
    ErrorInfo refused, unknown;
    run(context, [](asio::any_io_executor ex, std::string p, ErrorInfo& e1, ErrorInfo& e2) -> asio::awaitable<void> {
        auto first = co_await net::dial(ex, "127.0.0.1", p, 5s);
        e1 = first.error();
        auto second = co_await net::dial(ex, "no-such-host.invalid", p, 15s);
        e2 = second.error();
    }(context.get_executor(), port, refused, unknown));
    CHECK(refused.code() == asio::error::connection_refused);
    CHECK(refused.message().find("TCP connect of 127.0.0.1:" + port) == 0);
    CHECK(unknown.code());
    CHECK(unknown.message().find("name lookup of no-such-host.invalid") == 0);
}

TEST_CASE("a deadline fires once, unless it was moved or destroyed") {
    asio::io_context context;
    int fired = 0, never = 0;
    {
        net::Deadline gone(context.get_executor(), 1ms, [&never] { ++never; });
    }
    net::Deadline kept(context.get_executor(), 1ms, [&fired] { ++fired; });
    kept.restart(30ms);
    const auto started = std::chrono::steady_clock::now();
    run_until(context, [&] { return fired > 0; });
    CHECK(std::chrono::steady_clock::now() - started >= 29ms);
    CHECK(kept.expired());
    context.restart();
    context.run_for(20ms);
    CHECK(fired == 1);
    CHECK(never == 0);
}

TEST_CASE("a closed stream still delivers its last bytes to a peer that was sending") {
    asio::io_context context;
    auto [a, b] = socket_pair(context);
    auto ours = tcp(std::move(a)), theirs = tcp(std::move(b));
    std::string text;
    std::error_code end;
    run(context, [](std::shared_ptr<net::Stream> us, std::shared_ptr<net::Stream> them) -> asio::awaitable<void> {
        const std::string unread(60'000, 'u');
        co_await them->write(as_bytes(unread));
        co_await us->write(as_bytes("413"));
        us->close();
    }(ours, theirs));
    asio::co_spawn(context, read_to_end(theirs, text, end), asio::detached);
    run_until(context, [&] { return bool(end); });
    CHECK(text == "413");
    CHECK(end == asio::error::eof);
    theirs->close();
    context.restart();
    context.run_for(5s);
}
