// Links that go dark, and edges that say no: noticed in time, told once, and no storm of new tries.
#include "integration/session_support.hpp"

#include <asio/read.hpp>
#include <asio/write.hpp>

#include <mutex>
#include <set>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;
using Kind = Event::Kind;

namespace {

constexpr auto interval = 300ms, tolerance = 400ms;
constexpr auto noticed_within = interval + tolerance + 500ms; // the rest is for a busy machine

/// Knows one token, and refuses agents with the error it was told.
class Gatekeeper final : public edge::Directory {
public:
    void authenticate(const edge::AuthQuery& query, std::function<void(edge::AuthAnswer)> answer) override {
        edge::AuthAnswer given;
        {
            const std::lock_guard lock(mutex_);
            ++asked_;
            given.error = refusal_;
        }
        if (!given.error && query.authtoken != "token") given.error = ErrorInfo(ngrok_error(107));
        given.credential = "cr_1";
        answer(std::move(given));
    }
    void refuse(ErrorInfo error) {
        const std::lock_guard lock(mutex_);
        refusal_ = std::move(error);
    }
    std::size_t asked() {
        const std::lock_guard lock(mutex_);
        return asked_;
    }

private:
    std::mutex mutex_;
    ErrorInfo refusal_;
    std::size_t asked_ = 0;
};

class Way {
public:
    explicit Way(bool edge_beats = true) {
        edge::ServerOptions options;
        options.directory(gate);
        if (edge_beats) options.heartbeat(interval, tolerance);
        server = edge::Server::start(options);
        proxy.with([this](CutProxy& p) { p.target(server.agent_port()); });
    }
    SessionOptions options() {
        return quick(SessionOptions().server("127.0.0.1:" + std::to_string(proxy.port())).authtoken("token"))
            .roots_pem(server.ca_pem())
            .heartbeat_interval(interval)
            .heartbeat_tolerance(tolerance)
            .on_event(events.handler());
    }

    std::shared_ptr<Gatekeeper> gate = std::make_shared<Gatekeeper>();
    EventLog events;
    edge::Server server;
    CutProxyThread proxy{0};
};

void check_served(Listener& listener) {
    asio::io_context context;
    tcp::socket visitor(context);
    visitor.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port_of(listener.url())));
    asio::write(visitor, asio::buffer("x", 1));
    Connection connection = listener.accept_for(20s);
    char byte = 0;
    CHECK(connection.read_some(asio::buffer(&byte, 1)) == 1);
}

} // namespace

TEST_CASE("a black hole is noticed within interval and tolerance, by the session and by the edge") {
    Way way;
    Session session = Session::connect(way.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    const std::string url = listener.url();
    way.events.wait(Kind::heartbeat);
    const std::string ghost = way.server.sessions().at(0).id;
    const auto dark = Clock::now();
    way.proxy.cut_all(CutKind::black_hole);
    const auto [lost, when] = way.events.wait(Kind::disconnected);
    CHECK(lost.reason().message().find("heartbeat") != std::string::npos);
    CHECK(when - dark <= noticed_within);
    CHECK(when - dark >= tolerance - 50ms); // and not before: a slow answer is no loss
    way.events.wait(Kind::connected, 2);
    CHECK(listener.url() == url);
    check_served(listener);
    CHECK(way.proxy.accepted() == 2);
}

TEST_CASE("an edge whose agent vanished without a word drops it within interval and tolerance") {
    Way way;
    Session session = Session::connect(way.options().reconnect(false));
    const Listener listener = session.listen(Endpoint("http://mine.localhost"));
    way.events.wait(Kind::heartbeat);
    const auto dark = Clock::now();
    way.proxy.cut_all(CutKind::ghost_up);
    way.events.wait(Kind::disconnected);
    CHECK(way.server.sessions().size() == 1); // it cannot know
    eventually([&] { return way.server.sessions().empty(); });
    CHECK(Clock::now() - dark <= noticed_within);
    CHECK(way.server.endpoints().empty());
}

TEST_CASE("an agent that comes back does not wait for the edge to notice its ghost") {
    Way way(false); // the edge's heartbeat takes 25 s
    Session session = Session::connect(way.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    const std::string url = listener.url();
    const auto dark = Clock::now();
    way.proxy.cut_all(CutKind::ghost_up);
    way.events.wait(Kind::connected, 2);
    CHECK(Clock::now() - dark < 10s);
    CHECK(way.server.sessions().size() == 1);
    CHECK(way.server.endpoints().size() == 1);
    CHECK(listener.url() == url);
    check_served(listener);
}

TEST_CASE("a wrong token or a denied address is one clear error after one try") {
    Way way;
    int number = 107;
    SUBCASE("wrong token") {}
    SUBCASE("denied IP") {
        number = 115;
        way.gate->refuse(ErrorInfo(ngrok_error(115), "the address 127.0.0.1 is not allowed to agents of this account"));
    }
    ErrorInfo error;
    Session session = Session::connect(way.options().authtoken(number == 107 ? "wrong" : "token"), error);
    CHECK(error.code() == ngrok_error(number));
    CHECK(error.to_string().find("ERR_NGROK_" + std::to_string(number)) != std::string::npos);
    if (number == 115) CHECK(error.detail().find("127.0.0.1") != std::string::npos);
    CHECK_FALSE(session.is_open());
    CHECK(session.last_error().code() == error.code());
    const auto last = way.events.wait(Kind::disconnected).first;
    CHECK(last.next_try().count() < 0);
    // A second session, so that a try of the first would have been counted before its own.
    way.gate->refuse({});
    const Session good = Session::connect(way.options());
    CHECK(way.gate->asked() == 2);
    CHECK(way.proxy.accepted() == 2);
}

TEST_CASE("a token that is revoked while the link is down ends the session after one more try") {
    Way way;
    Session session = Session::connect(way.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    way.gate->refuse(ErrorInfo(ngrok_error(107)));
    way.proxy.cut_all(CutKind::reset);
    std::error_code ec;
    (void)listener.accept(ec);
    CHECK(ec == ngrok_error(107));
    CHECK_FALSE(session.is_open());
    CHECK(way.events.wait(Kind::disconnected, 2).first.next_try().count() < 0);
    way.gate->refuse({});
    const Session good = Session::connect(way.options());
    CHECK(way.gate->asked() == 3);
    CHECK(way.proxy.accepted() == 3);
}

TEST_CASE("an address that is denied while the link is down is tried again slowly, and the reason is told") {
    Way way;
    Session session = Session::connect(way.options());
    const Listener listener = session.listen(Endpoint("tcp://"));
    way.gate->refuse(ErrorInfo(ngrok_error(115)));
    way.proxy.cut_all(CutKind::reset);
    const auto second = way.events.wait(Kind::disconnected, 2).first;
    CHECK(second.reason().code() == ngrok_error(115));
    CHECK(second.next_try() >= 14s); // behaviour D.5: slow
    CHECK(session.is_open());
    CHECK(session.last_error().code() == ngrok_error(115));
    CHECK(way.gate->asked() == 2);
    const auto closing = Clock::now();
    session.close(); // and the wait holds up nobody
    CHECK(Clock::now() - closing < 5s);
}

TEST_CASE("an edge that hangs up on everybody is tried ever less often") {
    Way way;
    Session session = Session::connect(way.options());
    way.proxy.with([](CutProxy& proxy) { proxy.refuse(true); });
    way.proxy.cut_all(CutKind::reset);
    way.events.wait(Kind::disconnected, 6); // 5, 10, 20, 40, 80, 160 ms at most
    for (std::size_t i = 1; i <= 6; ++i) {
        const auto next = way.events.wait(Kind::disconnected, i).first.next_try();
        CHECK(next >= 0ms);
        CHECK(next <= std::chrono::milliseconds(5 << (i - 1)));
    }
    CHECK(way.proxy.accepted() <= way.events.count(Kind::connecting));
    way.proxy.with([](CutProxy& proxy) { proxy.refuse(false); });
    way.events.wait(Kind::connected, 2);
}
