// A session that lives: it is lost, comes back, and what the program waits for goes on.
#include "integration/client_support.hpp"

#include "support/json_compare.hpp"

#include <asio/use_future.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

namespace {

/// The events of a session, in order; waits fail after 20 s.
class Events {
public:
    EventHandler handler() {
        return [log = log_](const Event& event) { // owns it: a closing session may still tell something
            const std::lock_guard lock(log->mutex);
            log->events.push_back(event);
            log->changed.notify_all();
        };
    }
    /// The `count`th of a kind.
    Event wait(Event::Kind kind, std::size_t count = 1) {
        std::unique_lock lock(log_->mutex);
        const auto seen = [&] {
            return static_cast<std::size_t>(std::ranges::count(log_->events, kind, [](const Event& e) { return e.kind(); }));
        };
        const bool came = log_->changed.wait_for(lock, 20s, [&] { return seen() >= count; });
        REQUIRE_MESSAGE(came, "only " << seen() << " of " << count << " events " << to_string(kind));
        for (const Event& event : log_->events)
            if (event.kind() == kind && --count == 0) return event;
        throw std::logic_error("not reached");
    }
    std::vector<Event::Kind> kinds() const {
        const std::lock_guard lock(log_->mutex);
        std::vector<Event::Kind> kinds;
        for (const Event& event : log_->events)
            if (event.kind() != Event::Kind::heartbeat) kinds.push_back(event.kind()); // these come by the clock
        return kinds;
    }

private:
    class Log {
    public:
        std::mutex mutex;
        std::condition_variable changed;
        std::deque<Event> events;
    };
    std::shared_ptr<Log> log_ = std::make_shared<Log>();
};

SessionOptions quick(const MockEdge& edge) { return with_reconnect_delay(edge.options(), 5ms); }

std::string refusal(int number) { return R"({"Error":"no more\n\nERR_NGROK_)" + std::to_string(number) + "\"}"; }

/// Answers as the edge does by itself, but auths from the second on like this.
void refuse_return(MockEdge& edge, std::string answer) {
    edge.answer_with([&edge, answer](const SeenRequest& request) -> std::optional<std::string> {
        const bool auth = request.type == static_cast<std::uint32_t>(RequestType::auth);
        return auth ? answer : edge.default_answer(request);
    });
}

template <class T>
std::error_code code_of(std::future<T>& future) {
    try {
        (void)get(future);
    } catch (const std::system_error& error) {
        return error.code();
    }
    return {};
}

} // namespace

TEST_CASE("a lost link comes back with the same listener, and a pending accept waits on") {
    MockEdge edge;
    Session session = Session::connect(quick(edge));
    Listener listener = session.listen(Endpoint("tcp://").metadata("mine"));
    const std::string url = listener.url();
    const std::string id = listener.id();
    const std::string client = session.id();
    const SeenRequest first = edge.wait_request(RequestType::bind);
    auto accept = listener.async_accept(asio::use_future);
    SUBCASE("the connection broke") { edge.drop(); }
    SUBCASE("GOAWAY") { edge.goaway(); }
    const SeenRequest second = edge.wait_request(RequestType::bind, 2);
    const SeenRequest auth = edge.wait_request(RequestType::auth, 2);
    // As the recorded official client (32_reconnect): the same client, id, token and options.
    CHECK(auth.json.find("\"ClientId\":\"" + client + "\"") != std::string::npos);
    CHECK(second.json.find("\"Id\":\"" + id + "\"") != std::string::npos);
    CHECK(second.json.find("\"Metadata\":\"mine\"") != std::string::npos);
    CHECK(first.json.find("\"Token\":\"\"") != std::string::npos);
    CHECK(second.json.find("\"Token\":\"\"") == std::string::npos);
    CHECK(listener.url() == url);
    CHECK(listener.id() == id);
    Visitor visitor = edge.visit(id);
    visitor.write("again");
    Connection connection = get(accept);
    CHECK(read_exactly(connection, 5) == "again");
}

TEST_CASE("live connections end with session_lost, those that nobody took yet are dropped") {
    MockEdge edge;
    Events events;
    Session session = Session::connect(quick(edge).on_event(events.handler()));
    Listener listener = session.listen(Endpoint("tcp://"));
    Pair pair(edge, listener);
    edge.visit(listener.id());
    events.wait(Event::Kind::connection_opened, 2); // it waits in the backlog
    edge.drop();
    char byte = 0;
    std::error_code ec;
    (void)pair.connection.read_some(asio::buffer(&byte, 1), ec);
    CHECK(ec == errc::session_lost);
    events.wait(Event::Kind::connected, 2);
    Visitor visitor = edge.visit(listener.id());
    visitor.write("new");
    Connection connection = listener.accept_for(20s); // not the one of the lost link
    CHECK(read_exactly(connection, 3) == "new");
}

TEST_CASE("every listener comes back, in order, also a labelled one whose id changes") {
    MockEdge edge;
    Events events;
    Session session = Session::connect(quick(edge).on_event(events.handler()));
    std::vector<Listener> listeners;
    for (int i = 0; i < 40; ++i) listeners.push_back(session.listen(Endpoint("tcp://")));
    Listener labelled = session.listen(Endpoint::labeled("k", "v"));
    const std::string former = labelled.id();
    edge.drop();
    events.wait(Event::Kind::connected, 2);
    const std::vector<SeenRequest> binds = edge.requests(RequestType::bind);
    REQUIRE(binds.size() == 80);
    for (std::size_t i = 0; i < 40; ++i)
        CHECK(binds[40 + i].json.find("\"Id\":\"" + listeners[i].id() + "\"") != std::string::npos);
    CHECK(labelled.id() != former);
    Visitor visitor = edge.visit(labelled.id());
    CHECK(labelled.accept_for(20s).is_open());
    for (Listener& listener : listeners) CHECK(listener.is_open());
}

TEST_CASE("a refused re-bind closes that listener alone") {
    MockEdge edge;
    Events events;
    Session session = Session::connect(quick(edge).on_event(events.handler()));
    Listener kept = session.listen(Endpoint("tcp://"));
    Listener refused = session.listen(Endpoint("tcp://"));
    auto accept = refused.async_accept(asio::use_future);
    const std::string id = refused.id();
    edge.answer_with([&edge, id](const SeenRequest& request) -> std::optional<std::string> {
        if (request.json.find("\"Id\":\"" + id + "\"") != std::string::npos) return refusal(334);
        return edge.default_answer(request);
    });
    edge.drop();
    CHECK(code_of(accept) == errc::listener_closed);
    CHECK_FALSE(refused.is_open());
    CHECK(refused.last_error().code() == ngrok_error(334));
    CHECK(events.wait(Event::Kind::listener_down).reason().code() == ngrok_error(334));
    events.wait(Event::Kind::connected, 2);
    CHECK(kept.is_open());
    Visitor visitor = edge.visit(kept.id());
    CHECK(kept.accept_for(20s).is_open());
    edge.drop(); // and it is not tried again
    events.wait(Event::Kind::connected, 3);
    CHECK(edge.requests(RequestType::bind).size() == 5);
}

TEST_CASE("an edge that drains or sheds load while listeners come back loses none of them") {
    MockEdge edge;
    Events events;
    Session session = Session::connect(quick(edge).on_event(events.handler()));
    Listener listener = session.listen(Endpoint("tcp://"));
    int number = 742;
    SUBCASE("it drains") {}
    SUBCASE("it sheds load") { number = 743; }
    edge.answer_with([&edge, number](const SeenRequest& request) -> std::optional<std::string> {
        const bool bind = request.type == static_cast<std::uint32_t>(RequestType::bind);
        return bind && edge.requests(RequestType::bind).size() < 4 ? refusal(number) : edge.default_answer(request);
    });
    edge.drop();
    CHECK(events.wait(Event::Kind::disconnected, 2).reason().detail() == "no more");
    events.wait(Event::Kind::connected, 2);
    CHECK(listener.is_open());
    CHECK(edge.requests(RequestType::bind).size() == 4);
    CHECK(events.wait(Event::Kind::disconnected, 3).next_try() >= 0ms);
    Visitor visitor = edge.visit(listener.id());
    CHECK(listener.accept_for(20s).is_open());
}

TEST_CASE("a refusal for good ends the session at once, and its code reaches every waiting call") {
    MockEdge edge;
    Events events;
    Session session = Session::connect(quick(edge).on_event(events.handler()));
    Listener listener = session.listen(Endpoint("tcp://"));
    auto accept = listener.async_accept(asio::use_future);
    refuse_return(edge, refusal(107));
    edge.drop();
    CHECK(code_of(accept) == ngrok_error(107));
    CHECK_FALSE(session.is_open());
    CHECK(session.last_error().code() == ngrok_error(107));
    CHECK(session.last_error().detail().find("no more") != std::string::npos);
    std::error_code ec;
    (void)listener.accept(ec);
    CHECK(ec == ngrok_error(107));
    (void)session.listen(Endpoint("tcp://"), ec);
    CHECK(ec == ngrok_error(107));
    CHECK(ec == condition::authentication);
    const Event last = events.wait(Event::Kind::disconnected, 2);
    CHECK(last.reason().code() == ngrok_error(107));
    CHECK(last.next_try().count() < 0);
    CHECK(edge.requests(RequestType::auth).size() == 2);
    edge.wait_ended(2); // the refused link was closed by us, and no third came
    CHECK(edge.sessions() == 2);
}

TEST_CASE("what may pass is tried again until it does") {
    MockEdge edge;
    Events events;
    Session session = Session::connect(quick(edge).connect_timeout(200ms).on_event(events.handler()));
    Listener listener = session.listen(Endpoint("tcp://"));
    SUBCASE("the edge sheds load") { refuse_return(edge, refusal(743)); }
    SUBCASE("it answers nonsense") { refuse_return(edge, "{}"); }
    SUBCASE("it does not answer the handshake") { edge.mute_tls(true); }
    edge.drop();
    const Event lost = events.wait(Event::Kind::disconnected);
    CHECK(lost.reason().code() == errc::session_lost);
    CHECK(lost.next_try() >= 0ms);
    CHECK(lost.next_try() <= 5ms);
    events.wait(Event::Kind::disconnected, 3);
    CHECK(session.is_open());
    CHECK_FALSE(session.is_online());
    CHECK(session.last_error());
    auto listening = session.async_listen(Endpoint("tcp://"), asio::use_future); // waits for the link
    edge.mute_tls(false);
    edge.answer_with(nullptr);
    const Listener second = get(listening);
    CHECK(session.is_online());
    Visitor visitor = edge.visit(listener.id());
    CHECK(listener.accept_for(20s).is_open());
}

TEST_CASE("a listen gives up when there is no link in its time") {
    MockEdge edge;
    Session session = Session::connect(with_rpc_time(quick(edge), 50ms));
    edge.mute_tls(true);
    edge.drop();
    edge.wait_hello();
    ErrorInfo error;
    (void)session.listen(Endpoint("tcp://"), error);
    CHECK(error.code() == errc::timed_out);
    CHECK(error.message().find("no link") != std::string::npos);
    CHECK(session.is_open());
}

TEST_CASE("a listen whose link is lost before the answer is asked again on the next") {
    MockEdge edge;
    Session session = Session::connect(quick(edge));
    edge.answer_with([&edge](const SeenRequest& request) -> std::optional<std::string> {
        if (request.type == static_cast<std::uint32_t>(RequestType::bind) && edge.sessions() == 1) return std::nullopt;
        return edge.default_answer(request);
    });
    auto listening = session.async_listen(Endpoint("tcp://"), asio::use_future);
    edge.wait_request(RequestType::bind);
    edge.drop();
    Listener listener = get(listening);
    CHECK(edge.requests(RequestType::bind).size() == 2);
    Visitor visitor = edge.visit(listener.id());
    CHECK(listener.accept_for(20s).is_open());
}

TEST_CASE("a listener that is closed while there is no link does not come back") {
    MockEdge edge;
    Events events;
    Session session = Session::connect(quick(edge).on_event(events.handler()));
    Listener kept = session.listen(Endpoint("tcp://"));
    Listener closed = session.listen(Endpoint("tcp://"));
    edge.mute_tls(true);
    edge.drop();
    edge.wait_hello();
    auto closing = closed.async_close(asio::use_future);
    CHECK_FALSE(code_of(closing));
    edge.mute_tls(false);
    edge.drop_muted();
    events.wait(Event::Kind::connected, 2);
    CHECK(edge.requests(RequestType::bind).size() == 3);
    CHECK(kept.is_open());
}

TEST_CASE("an edge that no longer answers heartbeats is left, and the session comes back") {
    MockEdge edge;
    Events events;
    Session session = Session::connect(
        quick(edge).heartbeat_interval(100ms).heartbeat_tolerance(100ms).on_event(events.handler()));
    CHECK(events.wait(Event::Kind::heartbeat).latency() > 0us);
    CHECK(session.latency() > 0us);
    Listener listener = session.listen(Endpoint("tcp://"));
    Listener other = session.listen(Endpoint("tcp://"));
    std::promise<void> freeze;
    const std::shared_future<void> thaw(freeze.get_future());
    edge.answer_with([thaw](const SeenRequest&) -> std::optional<std::string> {
        thaw.wait();
        return std::nullopt;
    });
    other.close(); // its Unbind freezes the edge
    const Event lost = events.wait(Event::Kind::disconnected);
    CHECK(lost.reason().message().find("heartbeat") != std::string::npos);
    edge.answer_with(nullptr);
    freeze.set_value();
    events.wait(Event::Kind::connected, 2);
    Visitor visitor = edge.visit(listener.id());
    CHECK(listener.accept_for(20s).is_open());
}

TEST_CASE("a session keeps a second leg where the edge offers another address, and one lost leg loses no listener") {
    MockEdge edge;
    edge.answer_with([&edge](const SeenRequest& request) -> std::optional<std::string> {
        if (request.type != static_cast<std::uint32_t>(RequestType::auth)) return edge.default_answer(request);
        const std::string address = R"({"Region":"lo","ServerAddr":")" + edge.address() + "\"}";
        return R"({"Version":"3","ClientId":"c1","Extra":{"ConnectAddresses":[)" + address + "," + address + "," + address + "]}}";
    });
    Events events;
    Session session = Session::connect(quick(edge).on_event(events.handler()));
    events.wait(Event::Kind::connected, 2);
    CHECK(edge.wait_request(RequestType::auth, 2).json.find(R"("LegNumber":1)") != std::string::npos);
    CHECK(edge.requests(RequestType::auth)[0].json.find("LegNumber") == std::string::npos);
    Listener listener = session.listen(Endpoint("tcp://"));
    const std::string second = edge.wait_request(RequestType::bind, 2).json; // the same endpoint on the other leg
    CHECK(second.find("\"Id\":\"" + listener.id() + "\"") != std::string::npos);
    CHECK(second.find("\"Token\":\"\"") == std::string::npos);
    Visitor visitor = edge.visit(listener.id()); // by the newest, which is the second
    CHECK(listener.accept_for(20s).is_open());
    edge.mute_tls(true);
    edge.drop();
    CHECK(events.wait(Event::Kind::disconnected).leg() == 1);
    CHECK(session.is_online());
    CHECK(listener.is_open());
    edge.mute_tls(false);
    edge.drop_muted();
    CHECK(events.wait(Event::Kind::connected, 3).leg() == 1);
    edge.wait_request(RequestType::bind, 3);
    CHECK(edge.sessions() == 3); // two legs, one of them twice; no third
    listener.close();
    edge.wait_request(RequestType::unbind, 2);
}

namespace {

/// Answers an auth as an edge of this client id that offers these addresses.
void offer(MockEdge& edge, const std::string& client_id, const std::vector<std::string>& addresses) {
    std::string list;
    for (const std::string& address : addresses)
        list += std::string(list.empty() ? "" : ",") + R"({"Region":"lo","ServerAddr":")" + address + "\"}";
    edge.answer_with([&edge, client_id, list](const SeenRequest& request) -> std::optional<std::string> {
        if (request.type != static_cast<std::uint32_t>(RequestType::auth)) return edge.default_answer(request);
        return R"({"Version":"3","ClientId":")" + client_id + R"(","Extra":{"ConnectAddresses":[)" + list + "]}}";
    });
}

std::string dead_address() {
    asio::io_context context;
    const asio::ip::tcp::acceptor gone(context, {asio::ip::address_v4::loopback(), 0});
    return "127.0.0.1:" + std::to_string(gone.local_endpoint().port());
}

} // namespace

TEST_CASE("the second leg goes on to the next address where one does not answer, and to what the edge offers later") {
    MockEdge first, second, third;
    offer(first, "c1", {first.address(), dead_address(), second.address()});
    offer(second, "c1", {});
    offer(third, "c1", {});
    Events events;
    const std::string roots = first.ca_pem() + second.ca_pem() + third.ca_pem();
    Session session = Session::connect(quick(first).roots_pem(roots).on_event(events.handler()));
    Listener listener = session.listen(Endpoint("tcp://"));
    CHECK(events.wait(Event::Kind::connected, 2).leg() == 1);
    second.wait_request(RequestType::bind);
    offer(first, "c1", {first.address(), third.address()});
    first.drop(); // it comes back with another list
    events.wait(Event::Kind::connected, 3);
    CHECK(third.sessions() == 0); // the leg lives where it is
    second.drop();
    CHECK(events.wait(Event::Kind::connected, 4).leg() == 1);
    third.wait_request(RequestType::bind);
    CHECK(listener.is_open());
}

TEST_CASE("an edge that does not know the session gets no second leg, and harms the first one in nothing") {
    MockEdge first, stranger;
    offer(first, "c1", {first.address(), stranger.address()});
    offer(stranger, "another", {});
    Events events;
    Session session = Session::connect(quick(first).roots_pem(first.ca_pem() + stranger.ca_pem()).on_event(events.handler()));
    Listener listener = session.listen(Endpoint("tcp://"));
    std::vector<Listener> meanwhile; // whichever comes online at that moment is not told to the stranger
    while (meanwhile.size() < 20) meanwhile.push_back(session.listen(Endpoint("tcp://")));
    const Event refused = events.wait(Event::Kind::disconnected, 2);
    CHECK(refused.leg() == 1);
    CHECK(refused.reason().to_string().find("does not know this session") != std::string::npos);
    CHECK(session.id() == "c1");
    CHECK(session.is_online());
    CHECK(first.sessions() == 1);
    CHECK(stranger.requests(RequestType::bind).empty());
    Pair pair(first, listener);
}

TEST_CASE("events tell the story of a session, in order") {
    using Kind = Event::Kind;
    MockEdge edge;
    Events events;
    Session session = Session::connect(quick(edge).on_event(events.handler()));
    Listener listener = session.listen(Endpoint("tcp://"));
    {
        Pair pair(edge, listener);
        pair.visitor.write("12345");
        CHECK(read_exactly(pair.connection, 5) == "12345");
        write_all(pair.connection, "123");
        CHECK(pair.visitor.read(3) == "123");
    }
    const Event closed = events.wait(Kind::connection_closed);
    CHECK(closed.bytes_in() == 5);
    CHECK(closed.bytes_out() == 3);
    CHECK(closed.remote_address() == "203.0.113.7:54321");
    CHECK(closed.url() == listener.url());
    CHECK(closed.listener_id() == listener.id());
    CHECK(closed.to_string().find("bytes_in=5 bytes_out=3") != std::string::npos);
    edge.drop();
    events.wait(Kind::connected, 2);
    listener.close();
    const std::vector<Kind> expected = {
        Kind::connecting, Kind::connected, Kind::listener_up, Kind::connection_opened, Kind::connection_closed,
        Kind::disconnected, Kind::connecting, Kind::listener_up, Kind::connected, Kind::listener_down};
    events.wait(Kind::listener_down);
    CHECK(events.kinds() == expected);
}

TEST_CASE("commands of the edge reach their handlers, and what these say reaches the edge") {
    MockEdge edge;
    const auto said = std::make_shared<std::vector<std::string>>();
    const auto remember = [said](const Command& command) {
        said->push_back(command.version() + (command.permit_major_version() ? "!" : ""));
        return std::string();
    };
    const auto refuse = [](const Command&) { return std::string("not now"); };
    const auto fail = [](const Command&) -> std::string { throw std::runtime_error("it broke"); };
    Session session = Session::connect(edge.options().on_update(remember).on_stop(refuse).on_restart(fail));
    const std::string auth = edge.wait_request(RequestType::auth).json;
    CHECK(auth.find(R"("StopUnsupportedError":"")") != std::string::npos);
    const auto command = [&edge](RequestType type, std::string_view json) {
        return edge.open(static_cast<std::uint32_t>(type), json).read_all();
    };
    CHECK(command(RequestType::update, R"({"Version":"3.1","PermitMajorVersion":true})").find("Error") == std::string::npos);
    REQUIRE(said->size() == 1);
    CHECK(said->at(0) == "3.1!");
    CHECK(command(RequestType::stop, "{}").find("not now") != std::string::npos);
    CHECK(command(RequestType::restart, "{}").find("it broke") != std::string::npos);
    CHECK(session.is_open());
}

TEST_CASE("an endpoint is updated while it is online, and comes back as it was updated") {
    MockEdge edge;
    Session session = Session::connect(quick(edge));
    edge.answer_with([&edge](const SeenRequest& request) -> std::optional<std::string> {
        std::string answer = edge.default_answer(request);
        const std::string token = "\"Token\":";
        const auto at = answer.find(token);
        if (request.type == static_cast<std::uint32_t>(RequestType::bind) && at != std::string::npos)
            answer.insert(at, R"("TunnelID":"tun_1",)");
        return answer;
    });
    Listener listener = session.listen(Endpoint("tcp://").metadata("old").name("n"));
    listener.update(EndpointUpdate().metadata("new").traffic_policy("{}").pooling(true));
    const std::string patch = edge.wait_request(RequestType::patch_tunnel_state).json;
    CHECK(json_difference(R"({"TunnelId":"tun_1","Metadata":"new","TrafficPolicy":"{}","PoolingEnabled":true})", patch, {}) == "");
    edge.drop();
    const std::string bind = edge.wait_request(RequestType::bind, 2).json;
    CHECK(bind.find(R"("Metadata":"new")") != std::string::npos);
    CHECK(bind.find(R"("Name":"n")") != std::string::npos);
    CHECK(bind.find(R"("PoolingEnabled":true)") != std::string::npos);
    CHECK(bind.find(R"("TrafficPolicy":"{}")") != std::string::npos);
}

TEST_CASE("an update that cannot be says why and changes nothing") {
    MockEdge edge;
    Session session = Session::connect(quick(edge));
    Listener listener = session.listen(Endpoint("tcp://").metadata("old"));
    Listener labelled = session.listen(Endpoint::labeled("k", "v"));
    ErrorInfo error;
    listener.update(EndpointUpdate().metadata(std::string(limits::metadata_max + 1, 'x')), error);
    CHECK(error.code() == errc::invalid_option);
    CHECK(error.message().find("metadata") != std::string::npos);
    labelled.update(EndpointUpdate().metadata("x"), error);
    CHECK(error.code() == errc::invalid_option);
    listener.update(EndpointUpdate().metadata("x"), error); // the edge gave no id for that
    CHECK(error.code() == errc::unavailable);
    listener.close();
    listener.update(EndpointUpdate().metadata("x"), error);
    CHECK(error.code() == errc::listener_closed);
    Listener().update(EndpointUpdate(), error);
    CHECK(error.code() == errc::listener_closed);
    CHECK(edge.requests(RequestType::patch_tunnel_state).empty());
}

TEST_CASE("closing in good order takes listeners offline and waits for the connections") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    Pair pair(edge, listener);
    auto accept = listener.async_accept(asio::use_future);
    auto closing = session.async_close(30s, asio::use_future);
    CHECK(code_of(accept) == errc::listener_closed);
    edge.wait_request(RequestType::unbind);
    std::error_code ec;
    (void)session.listen(Endpoint("tcp://"), ec);
    CHECK(ec == errc::session_closed);
    pair.visitor.write("last words");
    CHECK(read_exactly(pair.connection, 10) == "last words");
    write_all(pair.connection, "goodbye");
    SUBCASE("the connection is closed") { pair.connection.close(); }
    SUBCASE("it was released as a socket, which is closed") {
        const int descriptor = pair.connection.release_socket();
        CHECK(session.is_open());
        ::close(descriptor);
    }
    CHECK_FALSE(code_of(closing));
    CHECK_FALSE(session.is_open());
    edge.wait_ended();
    CHECK(pair.visitor.read_all() == "goodbye");
}

TEST_CASE("closing in good order has an end") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    Pair pair(edge, listener);
    SUBCASE("its time") { session.close(20ms); }
    SUBCASE("a close without time") {
        auto closing = session.async_close(1h, asio::use_future);
        session.close();
        CHECK_FALSE(code_of(closing));
    }
    char byte = 0;
    std::error_code ec;
    (void)pair.connection.read_some(asio::buffer(&byte, 1), ec);
    CHECK(ec == errc::session_closed);
    CHECK_FALSE(session.is_open());
    session.close(1h); // nothing is left to wait for
    edge.wait_ended();
}

TEST_CASE("a session that waits for its next try is closed at once") {
    MockEdge edge;
    Events events;
    Session session = Session::connect(with_reconnect_delay(edge.options(), 20s).on_event(events.handler()));
    Listener listener = session.listen(Endpoint("tcp://"));
    auto accept = listener.async_accept(asio::use_future);
    edge.drop();
    events.wait(Event::Kind::disconnected);
    session.close(10s);
    CHECK(code_of(accept) == errc::listener_closed);
    CHECK_FALSE(session.is_open());
}

TEST_CASE("the edge's word on a session is readable") {
    MockEdge edge;
    edge.answer_with([&edge](const SeenRequest& request) -> std::optional<std::string> {
        if (request.type != static_cast<std::uint32_t>(RequestType::auth)) return edge.default_answer(request);
        return R"({"Version":"3","ClientId":"c1","Extra":{"Version":"9.1","Region":"eu","Cookie":"","AccountName":"acme",)"
               R"("PlanName":"free","Banner":"hello","AgentSessionID":"ts_1","DeprecationWarning":)"
               R"({"NextMin":"4","NextDate":null,"Msg":"too old"}}})";
    });
    const Session session = Session::connect(edge.options());
    const SessionDetails details = session.details();
    CHECK(details.id() == "c1");
    CHECK(details.account() == "acme");
    CHECK(details.plan() == "free");
    CHECK(details.region() == "eu");
    CHECK(details.banner() == "hello");
    CHECK(details.warning() == "too old");
    CHECK(details.agent_session_id() == "ts_1");
    CHECK(details.edge_version() == "9.1");
}
