// Listener: putting endpoints online, accepting, the backlog, and every way in which a listener ends.
#include "integration/client_support.hpp"

#include "proto/codec.hpp"

#include <asio/use_future.hpp>

#include <thread>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

namespace {

asio::awaitable<void> echo_once(Connection connection) {
    std::array<char, 64> data;
    const auto buffer = asio::buffer(data);
    const std::size_t n = co_await connection.async_read_some(buffer);
    const auto answer = asio::buffer(data.data(), n);
    (void)co_await connection.async_write_some(answer);
}

asio::awaitable<void> listen_and_echo(SessionOptions options, std::promise<std::string>& online) {
    const auto executor = co_await asio::this_coro::executor;
    auto session = co_await Session::async_connect(executor, options);
    const auto endpoint = Endpoint("tcp://");
    auto listener = co_await session.async_listen(endpoint);
    online.set_value(listener.id());
    auto connection = co_await listener.async_accept();
    co_await echo_once(std::move(connection));
    auto [ec, none] = co_await listener.async_accept(as_tuple);
    CHECK(ec == errc::listener_closed);
    CHECK_FALSE(none.is_open());
}

asio::awaitable<void> listen_refused(SessionOptions options) {
    const auto executor = co_await asio::this_coro::executor;
    auto session = co_await Session::async_connect(executor, options);
    const auto endpoint = Endpoint("https://taken.example.com");
    ErrorInfo error;
    auto [ec, listener] = co_await session.async_listen(endpoint, error, as_tuple);
    CHECK(ec == ngrok_error(334));
    CHECK(error.code() == ec);
    CHECK(error.detail() == "The endpoint is already online");
    CHECK_FALSE(listener.is_open());
}

} // namespace

TEST_CASE("listen, accept and echo, blocking") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    CHECK(listener.is_open());
    CHECK(listener.url() == "tcp://0.tcp.tunnel.test:20002");
    CHECK(listener.protocol() == "tcp");
    CHECK(listener.id() == "tn_2");
    Visitor visitor = edge.visit(listener.id());
    visitor.write("ping");
    std::error_code ec;
    Connection connection = listener.accept(ec);
    CHECK_FALSE(ec);
    CHECK(connection.remote_address() == "203.0.113.7:54321");
    CHECK(connection.remote_endpoint().address().to_string() == "203.0.113.7");
    CHECK(connection.remote_endpoint().port() == 54321);
    CHECK(connection.protocol() == "tcp");
    CHECK_FALSE(connection.passthrough_tls());
    CHECK(read_exactly(connection, 4) == "ping");
    write_all(connection, "pong");
    CHECK(visitor.read(4) == "pong");
    connection.close();
    CHECK(visitor.read_all().empty());
}

TEST_CASE("listen, accept and echo in a coroutine") {
    MockEdge edge;
    asio::io_context context;
    std::promise<std::string> online;
    auto id = online.get_future();
    std::thread test([&] {
        Visitor visitor = edge.visit(get(id));
        visitor.write("ping");
        CHECK(visitor.read(4) == "ping");
        edge.open(stop_tunnel_type, stop_tunnel_request("tn_2", "ERR_NGROK_9999"));
    });
    run(context, listen_and_echo(edge.options(), online));
    test.join();
    finish(context);
}

TEST_CASE("accept with callbacks and futures on a session of the background thread") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    auto listening = session.async_listen(Endpoint("https://"), asio::use_future);
    Listener listener = get(listening);
    auto accepting = listener.async_accept(asio::use_future);
    Visitor visitor = edge.visit(listener.id(), "https");
    Connection connection = get(accepting);
    CHECK(connection.protocol() == "https");
    std::promise<std::size_t> promise;
    auto read = promise.get_future();
    std::array<char, 16> data;
    connection.async_read_some(asio::buffer(data), [&](std::error_code ec, std::size_t n) {
        CHECK_FALSE(ec);
        promise.set_value(n);
    });
    visitor.write("hello");
    CHECK(get(read) == 5);
}

TEST_CASE("the URL's scheme picks the protocol, and the options reach the edge") {
    struct Row {
        Endpoint endpoint;
        const char* protocol;
        const char* url;
    };
    MockEdge edge;
    Session session = Session::connect(edge.options());
    const Row rows[] = {
        {Endpoint("app.example.com"), "https", "https://app.example.com"},
        {Endpoint("https://App.Example.com"), "https", "https://app.example.com"},
        {Endpoint("http://app.example.com"), "http", "http://app.example.com"},
        {Endpoint("tls://app.example.com"), "tls", "tls://app.example.com"},
        {Endpoint("tcp://edge.example.com:22000"), "tcp", "tcp://edge.example.com:22000"},
        {Endpoint("*.example.com"), "https", "https://*.example.com"},
        {Endpoint(""), "https", ""}, // any name
    };
    for (const Row& row : rows) {
        ErrorInfo error;
        const Listener listener = session.listen(row.endpoint, error);
        CAPTURE(error.to_string());
        CHECK(listener.protocol() == row.protocol);
        if (*row.url == '\0') {
            CHECK(listener.url().starts_with("https://t"));
        } else {
            CHECK(listener.url() == row.url);
        }
    }
    const Listener full = session.listen(Endpoint("https://x.example.com")
                                             .name("n")
                                             .description("d")
                                             .metadata("m")
                                             .forwards_to("f")
                                             .app_protocol("http2")
                                             .proxy_protocol(2)
                                             .binding("internal")
                                             .pooling(true)
                                             .traffic_policy("on_http_request: []"));
    const auto bind = decode_bind_request(edge.requests(RequestType::bind).back().json);
    REQUIRE(bind.has_value());
    CHECK(bind->extra.name == "n");
    CHECK(bind->extra.description == "d");
    CHECK(bind->extra.metadata == "m");
    CHECK(bind->forwards_to == "f");
    CHECK(bind->forwards_proto == "http2");
    CHECK(bind->extra.bindings == std::vector<std::string>{"internal"});
    CHECK(bind->extra.pooling_enabled);
    const auto& opts = std::get<HttpOpts>(bind->opts);
    CHECK(opts.proxy_proto == ProxyProtocolVersion::v2);
    CHECK(opts.traffic_policy == "on_http_request: []");
}

TEST_CASE("a labelled endpoint has an id and no URL") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint::labeled("k", "v").label("edge", "e1"));
    CHECK(listener.url().empty());
    CHECK(listener.protocol().empty());
    CHECK(listener.id() == "lbl_2");
    Visitor visitor = edge.visit("lbl_2", "https", true);
    const Connection connection = listener.accept_for(20s);
    CHECK(connection.protocol() == "https");
    CHECK(connection.passthrough_tls()); // as the edge says: only its operator knows
}

TEST_CASE("a tls endpoint without termination is pass-through whatever the head says") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tls://"));
    Visitor visitor = edge.visit(listener.id(), "tls", false);
    CHECK(listener.accept_for(20s).passthrough_tls());
    Listener https = session.listen(Endpoint("https://"));
    Visitor other = edge.visit(https.id(), "https", false);
    CHECK_FALSE(https.accept_for(20s).passthrough_tls());
}

TEST_CASE("a refused bind gives the edge's number and text") {
    MockEdge edge;
    edge.answer_with([&edge](const SeenRequest& request) -> std::optional<std::string> {
        if (request.type == 0) return edge.default_answer(request);
        return R"({"Error":"The endpoint is already online\n\nERR_NGROK_334"})";
    });
    Session session = Session::connect(edge.options());
    ErrorInfo error;
    CHECK_FALSE(session.listen(Endpoint("https://taken.example.com"), error).is_open());
    CHECK(error.code() == ngrok_error(334));
    CHECK(error.detail() == "The endpoint is already online");
    CHECK(error.message().find("https://taken.example.com") != std::string::npos);
    CHECK(session.last_error().code() == ngrok_error(334));
    CHECK(session.is_open());
    asio::io_context context;
    run(context, listen_refused(edge.options()));
    finish(context);
}

TEST_CASE("endpoints that cannot work are refused before anything is sent") {
    struct Row {
        const char* what;
        errc code;
        Endpoint endpoint;
    };
    MockEdge edge;
    Session session = Session::connect(edge.options());
    const std::string long_text(5'000, 'x');
    const Row rows[] = {
        {"ftp://", errc::unsupported_url, Endpoint("ftp://a.example.com")},
        {"path", errc::unsupported_url, Endpoint("https://a.example.com/path")},
        {"slash", errc::unsupported_url, Endpoint("https://a.example.com/")},
        {"port", errc::unsupported_url, Endpoint("https://a.example.com:8443")},
        {"port", errc::unsupported_url, Endpoint("tcp://a.example.com")},
        {"host", errc::unsupported_url, Endpoint("https://a b.example.com")},
        {"label:", errc::invalid_option, Endpoint("https://").label("k", "v")},
        {"label:", errc::invalid_option, Endpoint::labeled("", "v")},
        {"label:", errc::invalid_option, Endpoint::labeled("k", long_text)},
        {"pooling:", errc::invalid_option, Endpoint::labeled("k", "v").pooling(true)},
        {"traffic_policy:", errc::invalid_option, Endpoint::labeled("k", "v").traffic_policy("x")},
        {"metadata:", errc::invalid_option, Endpoint("https://").metadata(long_text)},
        {"description:", errc::invalid_option, Endpoint("https://").description(long_text)},
        {"name:", errc::invalid_option, Endpoint("https://").name(long_text)},
        {"forwards_to:", errc::invalid_option, Endpoint("https://").forwards_to(long_text)},
        {"app_protocol:", errc::invalid_option, Endpoint("https://").app_protocol("http3")},
        {"app_protocol:", errc::invalid_option, Endpoint("tcp://").app_protocol("http2")},
        {"proxy_protocol:", errc::invalid_option, Endpoint("https://").proxy_protocol(3)},
        {"binding:", errc::invalid_option, Endpoint("https://").binding("private")},
        {"backlog:", errc::invalid_option, Endpoint("https://").backlog(0)},
        {"backlog:", errc::invalid_option, Endpoint("https://").backlog(100'000)},
        {"traffic_policy:", errc::invalid_option, Endpoint("https://").traffic_policy(std::string(300'000, 'x'))},
    };
    for (const Row& row : rows) {
        ErrorInfo error;
        CHECK_FALSE(session.listen(row.endpoint, error).is_open());
        CAPTURE(row.what);
        CAPTURE(error.to_string());
        CHECK(error.code() == row.code);
        CHECK(error.message().find(row.what) != std::string::npos);
    }
    CHECK(edge.requests(RequestType::bind).empty());
}

TEST_CASE("an answer that does not fit the request is undone") {
    struct Row {
        const char* why;
        const char* answer;
    };
    const Row rows[] = {
        {"protocol", R"({"Id":"x1","URL":"http://a.example.com","Proto":"http","Opts":{},"Extra":{"Token":"t"}})"},
        {"URL", R"({"Id":"x2","URL":"nonsense://a","Proto":"https","Opts":{},"Extra":{"Token":"t"}})"},
        {"URL", R"({"Id":"x3","URL":"http://a.example.com","Proto":"https","Opts":{},"Extra":{"Token":"t"}})"},
    };
    MockEdge edge;
    std::string text;
    edge.answer_with([&](const SeenRequest& request) -> std::optional<std::string> {
        if (request.type != 1) return edge.default_answer(request);
        return text;
    });
    Session session = Session::connect(edge.options());
    std::size_t undone = 0;
    for (const Row& row : rows) {
        text = row.answer;
        ErrorInfo error;
        CHECK_FALSE(session.listen(Endpoint("https://"), error).is_open());
        CHECK(error.code() == errc::protocol_error);
        CHECK(error.message().find(row.why) != std::string::npos);
        edge.wait_request(RequestType::unbind, ++undone);
    }
    text = R"({"Id":"same","URL":"https://a.example.com","Proto":"https","Opts":{},"Extra":{"Token":"t"}})";
    const Listener first = session.listen(Endpoint("https://"));
    ErrorInfo error;
    CHECK_FALSE(session.listen(Endpoint("https://"), error).is_open());
    CHECK(error.code() == errc::protocol_error);
    CHECK(first.is_open());
}

TEST_CASE("accept_for ends in time and loses no connection") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    std::error_code ec;
    CHECK_FALSE(listener.accept_for(1ms, ec).is_open());
    CHECK(ec == errc::timed_out);
    CHECK_FALSE(listener.accept_for(0ms, ec).is_open());
    CHECK(ec == errc::timed_out);
    CHECK_THROWS_AS(listener.accept_for(1ms), SystemError);
    Visitor visitor = edge.visit(listener.id());
    visitor.write("x");
    Connection connection = listener.accept_for(std::chrono::milliseconds::max());
    CHECK(read_exactly(connection, 1) == "x");
}

TEST_CASE("a cancelled accept lost no connection, and the others keep their order") {
    MockEdge edge;
    asio::io_context context;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    std::vector<std::string> order;
    asio::cancellation_signal cancel;
    std::promise<void> first, third;
    auto first_done = first.get_future();
    auto third_done = third.get_future();
    listener.async_accept([&](std::error_code ec, const Connection& c) {
        order.push_back(ec ? "error" : c.remote_address());
        first.set_value();
    });
    std::promise<std::error_code> cancelled;
    auto was_cancelled = cancelled.get_future();
    listener.async_accept(asio::bind_cancellation_slot(
        cancel.slot(), [&](std::error_code ec, const Connection&) { cancelled.set_value(ec); }));
    listener.async_accept([&](std::error_code ec, const Connection& c) {
        order.push_back(ec ? "error" : c.remote_address());
        third.set_value();
    });
    asio::post(session.get_executor(), [&] { cancel.emit(asio::cancellation_type::total); });
    CHECK(get(was_cancelled) == asio::error::operation_aborted);
    Visitor one = edge.visit(listener.id(), "tcp", false, "192.0.2.1:1");
    get(first_done);
    Visitor two = edge.visit(listener.id(), "tcp", false, "192.0.2.2:2");
    get(third_done);
    CHECK(order == std::vector<std::string>{"192.0.2.1:1", "192.0.2.2:2"});
}

TEST_CASE("a full backlog refuses that connection alone") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://").backlog(2));
    Visitor one = edge.visit(listener.id());
    Visitor two = edge.visit(listener.id());
    one.write("1");
    two.write("2");
    Visitor three = edge.visit(listener.id());
    CHECK(three.read_end() == errc::connection_reset);
    Connection first = listener.accept_for(20s);
    CHECK(read_exactly(first, 1) == "1");
    Visitor four = edge.visit(listener.id());
    four.write("4");
    Connection second = listener.accept_for(20s);
    CHECK(read_exactly(second, 1) == "2");
    Connection fourth = listener.accept_for(20s);
    CHECK(read_exactly(fourth, 1) == "4");
    write_all(first, "still here");
    CHECK(one.read(10) == "still here");
}

TEST_CASE("close while another thread accepts") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    std::promise<void> started;
    auto running = started.get_future();
    std::error_code ec;
    std::thread acceptor([listener, &started, &ec]() mutable {
        started.set_value();
        (void)listener.accept(ec);
    });
    get(running);
    listener.close();
    listener.close(); // idempotent
    acceptor.join();
    CHECK(ec == errc::listener_closed);
    CHECK(ec == condition::closed);
    CHECK_FALSE(listener.is_open());
    CHECK(listener.last_error().code() == errc::listener_closed);
    CHECK(edge.wait_request(RequestType::unbind).json == R"({"Id":"tn_2"})");
    CHECK_THROWS_AS(listener.accept(), SystemError);
}

TEST_CASE("connections that were accepted outlive their listener, those that waited are refused") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    Pair pair(edge, listener);
    Visitor waiting = edge.visit(listener.id());
    Visitor probe = edge.visit("unknown"); // answered after the one before it was queued
    CHECK(probe.read_end() == asio::error::eof);
    auto closing = listener.async_close(asio::use_future);
    get(closing);
    CHECK(waiting.read_end() == errc::connection_reset);
    write_all(pair.connection, "on");
    CHECK(pair.visitor.read(2) == "on");
    auto again = listener.async_close(asio::use_future);
    get(again);
    CHECK(edge.requests(RequestType::unbind).size() == 1);
}

TEST_CASE("the last handle takes the endpoint offline") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    {
        Listener listener = session.listen(Endpoint("tcp://"));
        const Listener copy = listener;
        listener = Listener();
        CHECK(copy.is_open());
        CHECK(edge.requests(RequestType::unbind).empty());
    }
    edge.wait_request(RequestType::unbind);
    CHECK(session.is_open());
}

TEST_CASE("async_close gives what the edge answers") {
    MockEdge edge;
    edge.answer_with([&edge](const SeenRequest& request) -> std::optional<std::string> {
        if (request.type != 2) return edge.default_answer(request);
        return R"({"Error":"no such thing\n\nERR_NGROK_300"})";
    });
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    auto closing = listener.async_close(asio::use_future);
    try {
        get(closing);
        FAIL("the refusal is not told");
    } catch (const std::system_error& error) {
        CHECK(error.code() == ngrok_error(300));
    }
    CHECK_FALSE(listener.is_open());
}

TEST_CASE("StopTunnel closes that listener with the edge's message and code") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    Listener other = session.listen(Endpoint("tcp://"));
    auto accepting = listener.async_accept(asio::use_future);
    Visitor command = edge.open(stop_tunnel_type, stop_tunnel_request(listener.id(), "ERR_NGROK_9999"));
    CHECK(command.read_all().empty()); // nobody answers it
    try {
        (void)get(accepting);
        FAIL("the accept did not fail");
    } catch (const std::system_error& error) {
        CHECK(error.code() == errc::listener_closed);
    }
    CHECK(listener.last_error().code() == ngrok_error(9999));
    CHECK(listener.last_error().detail() == "stopped by operator");
    std::error_code ec;
    (void)listener.accept(ec);
    CHECK(ec == errc::listener_closed);
    try {
        (void)listener.accept();
    } catch (const SystemError& error) {
        CHECK(error.info().detail() == "stopped by operator");
    }
    CHECK(other.is_open());
    edge.open(stop_tunnel_type, stop_tunnel_request("unknown", "")).read_all();
    edge.open(stop_tunnel_type, stop_tunnel_request(other.id(), "")).read_all();
    CHECK_FALSE(other.is_open());
    CHECK(other.last_error().code() == errc::listener_closed);
    CHECK(other.last_error().detail() == "stopped by operator");
    CHECK(edge.requests(RequestType::unbind).empty());
}

TEST_CASE("a connection that comes with the answer to its bind finds its listener") {
    MockEdge edge;
    std::vector<Visitor> visitors;
    std::mutex mutex;
    const auto visit = [&](const char* id) {
        const std::lock_guard lock(mutex);
        visitors.push_back(edge.visit(id));
    };
    const auto for_bind = [&](const SeenRequest& request, const char* id) {
        if (request.type == 1) visit(id);
    };
    edge.around_answers([&](const SeenRequest& request) { for_bind(request, "tn_2"); },
                        [&](const SeenRequest& request) { for_bind(request, "tn_2"); });
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    REQUIRE(listener.id() == "tn_2");
    Connection one = listener.accept_for(20s);
    Connection two = listener.accept_for(20s);
    CHECK(one.is_open());
    CHECK(two.is_open());
    // One for nobody waits only as long as a bind is outstanding.
    edge.around_answers([&](const SeenRequest& request) { for_bind(request, "nobody"); }, {});
    const Listener other = session.listen(Endpoint("tcp://"));
    CHECK(visitors.back().read_end() == asio::error::eof);
}

TEST_CASE("a cancelled listen completes at once, and what the edge answers later is undone") {
    MockEdge edge;
    asio::io_context context;
    Session session = Session::connect(edge.options());
    asio::cancellation_signal cancel;
    std::promise<std::error_code> promise;
    auto done = promise.get_future();
    edge.around_answers(
        [&](const SeenRequest& request) {
            if (request.type != 1) return;
            asio::post(session.get_executor(), [&] { cancel.emit(asio::cancellation_type::partial); });
            CHECK(get(done) == asio::error::operation_aborted);
        },
        {});
    session.async_listen(Endpoint("tcp://"),
                         asio::bind_cancellation_slot(cancel.slot(), [&](std::error_code ec, const Listener& listener) {
                             CHECK_FALSE(listener.is_open());
                             promise.set_value(ec);
                         }));
    CHECK(edge.wait_request(RequestType::unbind).json == R"({"Id":"tn_2"})");
    CHECK(session.is_open());
}

TEST_CASE("a listen that the edge answers too late is undone") {
    MockEdge edge;
    std::promise<void> timed_out;
    auto over = timed_out.get_future();
    edge.around_answers([&](const SeenRequest& request) { if (request.type == 1) get(over); }, {});
    Session session = Session::connect(with_rpc_time(edge.options(), 2s));
    ErrorInfo error;
    CHECK_FALSE(session.listen(Endpoint("tcp://"), error).is_open());
    CHECK(error.code() == errc::timed_out);
    CHECK(error.message().find("tcp://") != std::string::npos);
    timed_out.set_value(); // now the edge puts it online
    CHECK(edge.wait_request(RequestType::unbind).json == R"({"Id":"tn_2"})");
    edge.around_answers({}, {});
    CHECK(session.listen(Endpoint("tcp://")).is_open());
}

TEST_CASE("listens without an answer are waited for in a bounded number") {
    MockEdge edge;
    edge.answer_with([&edge](const SeenRequest& request) -> std::optional<std::string> {
        if (request.type != 1) return edge.default_answer(request);
        return std::nullopt;
    });
    Session session = Session::connect(with_rpc_time(edge.options(), 100ms));
    std::vector<std::future<Listener>> listens;
    for (std::size_t i = 0; i < limits::late_binds + 3; ++i)
        listens.push_back(session.async_listen(Endpoint("tcp://"), asio::use_future));
    for (auto& listen : listens) CHECK_THROWS_AS((void)get(listen), std::system_error);
    edge.wait_given_up(3);
    CHECK(session.is_open());
    session.close(); // the others go with the session
    edge.wait_given_up(limits::late_binds + 3);
}

TEST_CASE("operations of closed handles complete with the documented codes") {
    Session session;
    CHECK_FALSE(session.is_open());
    std::error_code ec;
    (void)session.listen(Endpoint("tcp://"), ec);
    CHECK(ec == errc::session_closed);
    Listener listener;
    (void)listener.accept(ec);
    CHECK(ec == errc::listener_closed);
    Connection connection;
    char byte = 0;
    (void)connection.read_some(asio::buffer(&byte, 1), ec);
    CHECK(ec == errc::connection_closed);
    (void)connection.release_socket(ec);
    CHECK(ec == errc::connection_closed);
    connection.close();
    listener.close();
    session.close();
    asio::io_context context;
    int called = 0;
    const auto executor = context.get_executor();
    session.async_listen(Endpoint("tcp://"), asio::bind_executor(executor, [&](std::error_code code, const Listener&) {
                             CHECK(code == errc::session_closed);
                             ++called;
                         }));
    listener.async_accept(asio::bind_executor(executor, [&](std::error_code code, const Connection&) {
        CHECK(code == errc::listener_closed);
        ++called;
    }));
    connection.async_read_some(asio::buffer(&byte, 1),
                               asio::bind_executor(executor, [&](std::error_code code, std::size_t) {
                                   CHECK(code == errc::connection_closed);
                                   ++called;
                               }));
    CHECK(called == 0);
    finish(context);
    CHECK(called == 3);
}
