// Connecting to one of several addresses.
#include "loopback.hpp"

#include "net/deadline.hpp"
#include "net/dial.hpp"

#include <sys/socket.h>

using namespace adit;
using namespace adit::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

/// A port whose queue of connections is full: what comes is neither answered nor refused, as behind a firewall.
class BlackHole {
public:
    explicit BlackHole(asio::io_context& context) : acceptor_(context) {
        acceptor_.open(Tcp::v4());
        acceptor_.bind(Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        acceptor_.listen(0);
        for (int i = 0; i < 4; ++i) {
            Tcp::socket& filler = fillers_.emplace_back(context, Tcp::v4());
            filler.non_blocking(true);
            const Tcp::endpoint full = endpoint();
            (void)::connect(filler.native_handle(), full.data(), static_cast<socklen_t>(full.size())); // Asio's waits
        }
    }
    Tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

private:
    Tcp::acceptor acceptor_;
    std::vector<Tcp::socket> fillers_;
};

asio::awaitable<void> connect(std::vector<Tcp::endpoint> addresses, Clock::duration time, Tcp::endpoint& peer,
                              std::error_code& error) {
    const auto executor = co_await asio::this_coro::executor;
    const auto socket = co_await net::connect_any(executor, std::move(addresses), time);
    error = socket.error().code();
    if (socket) peer = socket->remote_endpoint();
}

} // namespace

TEST_CASE("an address that swallows packets does not use up the time of the others") {
    asio::io_context context;
    const BlackHole hole(context), second_hole(context);
    Tcp::acceptor open(context, Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    Tcp::endpoint peer;
    std::error_code error;
    run(context, connect({hole.endpoint()}, 100ms, peer, error));
    REQUIRE(error == errc::timed_out); // a hole indeed
    const auto started = Clock::now();
    run(context, connect({hole.endpoint(), second_hole.endpoint(), open.local_endpoint()}, 20s, peer, error));
    CHECK_FALSE(error);
    CHECK(peer == open.local_endpoint());
    CHECK(Clock::now() - started < 10s); // two head starts
}

TEST_CASE("localhost and names below it are this machine, without a resolver") {
    asio::io_context context;
    Tcp::acceptor open(context, Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    const std::string port = std::to_string(open.local_endpoint().port());
    for (const char* host : {"localhost", "LocalHost.", "app.localhost"}) {
        bool connected = false;
        run(context, [](asio::any_io_executor ex, std::string h, std::string p, bool& out) -> asio::awaitable<void> {
            const auto socket = co_await net::dial(ex, h, p, 20s);
            out = socket.has_value();
        }(context.get_executor(), host, port, connected));
        CHECK(connected);
    }
}

TEST_CASE("a refused address gives way at once, and the last error is told") {
    asio::io_context context;
    Tcp::acceptor open(context, Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    const Tcp::socket deaf(context, Tcp::endpoint(asio::ip::address_v4::loopback(), 0)); // nobody else gets its port
    const Tcp::endpoint closed = deaf.local_endpoint();
    Tcp::endpoint peer;
    std::error_code error;
    const std::vector<Tcp::endpoint> many(20, closed);
    std::vector<Tcp::endpoint> last_is_open = many;
    last_is_open.push_back(open.local_endpoint());
    const auto started = Clock::now();
    run(context, connect(last_is_open, 20s, peer, error));
    CHECK_FALSE(error);
    CHECK(peer == open.local_endpoint());
    CHECK(Clock::now() - started < 20 * limits::connect_head_start);
    run(context, connect(many, 20s, peer, error));
    CHECK(error == asio::error::connection_refused);
    run(context, connect({}, 20s, peer, error));
    CHECK(error == asio::error::host_not_found);
    // While one is still unanswered, the refusal of another is not the end.
    const BlackHole hole(context);
    run(context, connect({hole.endpoint(), closed}, 600ms, peer, error));
    CHECK(error == errc::timed_out);
}

TEST_CASE("a socket is bound to the local end that was named before it connects") {
    asio::io_context context;
    Tcp::acceptor open(context, Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    const auto dial_from = [&](const char* local, Result<Tcp::socket>& out) -> asio::awaitable<void> {
        return [](asio::any_io_executor ex, std::string port, std::string end, Result<Tcp::socket>& to) -> asio::awaitable<void> {
            to = co_await net::dial(ex, "localhost", port, 20s, net::LocalEnd::from_text(end));
        }(context.get_executor(), std::to_string(open.local_endpoint().port()), local, out);
    };
    Result<Tcp::socket> socket = errc::unavailable;
    run(context, dial_from("127.0.0.3", socket));
    REQUIRE(socket.has_value());
    CHECK(socket->local_endpoint().address().to_string() == "127.0.0.3");
    // To an interface: with what the kernel lets us have.
    run(context, dial_from("lo", socket));
    if (socket) {
        char name[64] = {};
        socklen_t size = sizeof name;
        REQUIRE(::getsockopt(socket->native_handle(), SOL_SOCKET, SO_BINDTODEVICE, name, &size) == 0);
        CHECK(std::string(name) == "lo");
    } else {
        CHECK(socket.error().message().find("CAP_NET_RAW") != std::string::npos);
    }
    // The local end is refused for each address; the last refusal is told.
    run(context, dial_from("nosuch0", socket));
    CHECK(socket.error().code() == std::errc::no_such_device);
    CHECK(socket.error().message().find("TCP connect of localhost:") == 0);
    run(context, dial_from("192.0.2.1", socket));
    CHECK(socket.error().code() == std::errc::address_not_available);
}

TEST_CASE("a cancelled connect closes what is on its way") {
    asio::io_context context;
    const BlackHole hole(context);
    asio::cancellation_signal cancel;
    Tcp::endpoint peer;
    std::error_code error;
    bool done = false;
    const auto ended = [&done](const std::exception_ptr&) { done = true; };
    asio::co_spawn(context, connect({hole.endpoint(), hole.endpoint()}, 20s, peer, error),
                   asio::bind_cancellation_slot(cancel.slot(), ended));
    context.poll();
    CHECK_FALSE(done);
    cancel.emit(asio::cancellation_type::terminal);
    context.restart();
    context.run_for(10s); // nothing is left that holds the context up
    CHECK(context.stopped());
    CHECK(done);
}
