// Session: connecting and authenticating, and every way in which that fails.
#include "integration/client_support.hpp"

#include "client/blocking.hpp"
#include "proto/codec.hpp"

#include <asio/use_future.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

namespace {

asio::awaitable<void> connect_in_coroutine(SessionOptions options, std::string& id) {
    const auto executor = co_await asio::this_coro::executor;
    auto session = co_await Session::async_connect(executor, options);
    id = session.id();
    CHECK(session.is_open());
    CHECK(session.get_executor() == executor);
}

asio::awaitable<void> refused_in_coroutine(SessionOptions options, std::error_code& thrown) {
    const auto executor = co_await asio::this_coro::executor;
    try {
        (void)co_await Session::async_connect(executor, options);
    } catch (const std::system_error& error) {
        thrown = error.code();
    }
}

void refuse(MockEdge& edge, std::string text) {
    edge.answer_with([text](const SeenRequest&) { return std::optional(R"({"Error":")" + text + R"("})"); });
}

} // namespace

TEST_CASE("connect succeeds in all its blocking forms") {
    MockEdge edge;
    SUBCASE("throwing") {
        const Session session = Session::connect(edge.options());
        CHECK(session.is_open());
        CHECK(session.id() == "client_1");
        CHECK(session.region() == "test");
        CHECK(session.banner() == "a mock");
        CHECK_FALSE(session.last_error());
    }
    SUBCASE("error_code") {
        std::error_code ec = errc::refused;
        const Session session = Session::connect(edge.options(), ec);
        CHECK_FALSE(ec);
        CHECK(session.is_open());
    }
    SUBCASE("ErrorInfo") {
        ErrorInfo error(errc::refused, "left over");
        const Session session = Session::connect(edge.options(), error);
        CHECK_FALSE(error);
        CHECK(session.is_open());
    }
}

TEST_CASE("async_connect takes a coroutine, a callback and a future") {
    MockEdge edge;
    asio::io_context context;
    SUBCASE("coroutine") {
        std::string id;
        run(context, connect_in_coroutine(edge.options(), id));
        CHECK(id == "client_1");
    }
    SUBCASE("callback, never inside the call") {
        bool called = false;
        Session kept;
        Session::async_connect(context.get_executor(), edge.options(), [&](std::error_code ec, Session session) {
            CHECK_FALSE(ec);
            CHECK(session.is_open());
            called = true;
        });
        CHECK_FALSE(called);
        finish(context);
        CHECK(called);
    }
    SUBCASE("a callback that is an lvalue stays usable") {
        int called = 0;
        const auto count = std::make_shared<int>(7);
        auto callback = [&called, count](std::error_code, const Session&) { called += *count; };
        Session::async_connect(context.get_executor(), edge.options(), callback);
        finish(context);
        CHECK(called == 7);
        callback({}, Session());
        CHECK(called == 14);
    }
    SUBCASE("future") {
        auto future = Session::async_connect(context.get_executor(), edge.options(), asio::use_future);
        std::thread runner([&context] { context.run(); });
        Session session = get(future);
        CHECK(session.is_open());
        session.close();
        runner.join();
    }
    finish(context);
}

TEST_CASE("the heartbeat stream comes first, authentication on stream 5") {
    MockEdge edge;
    const Session session = Session::connect(edge.options().metadata("meta").client_info("app", "1.2", "me"));
    const auto requests = edge.requests();
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].stream == 5);
    const auto auth = decode_auth_request(requests[0].json);
    REQUIRE(auth.has_value());
    CHECK(auth->extra.auth_token == "token");
    CHECK(auth->extra.metadata == "meta");
    CHECK(auth->extra.user_agent == "app/1.2 (me) adit/" ADIT_VERSION);
    CHECK(auth->extra.client_type == "app");
    CHECK(auth->extra.adit.has_value());
}

TEST_CASE("the preset for ngrok's service keeps our extension to itself") {
    MockEdge edge;
    const Session session =
        Session::connect(SessionOptions::ngrok(edge.ca_pem()).server(edge.address()).authtoken("t"));
    const auto auth = decode_auth_request(edge.requests()[0].json);
    REQUIRE(auth.has_value());
    CHECK_FALSE(auth->extra.adit.has_value());
}

TEST_CASE("a rejected token gives the edge's number and text at once") {
    struct Row {
        const char* text;
        int number;
        const char* detail;
    };
    const Row rows[] = {
        {R"(authentication failed: The authtoken you specified is bad\n\nERR_NGROK_105)", 105,
         "authentication failed: The authtoken you specified is bad"},
        {R"(This authtoken was revoked.\r\n\r\nERR_NGROK_107\r\n)", 107, "This authtoken was revoked."},
    };
    MockEdge edge;
    for (const Row& row : rows) {
        CAPTURE(row.number);
        refuse(edge, row.text);
        ErrorInfo error;
        const Session session = Session::connect(edge.options(), error);
        CHECK(error.code() == ngrok_error(row.number));
        CHECK(error.code() == condition::authentication);
        CHECK(error.code() == condition::permanent);
        CHECK(error.detail() == row.detail);
        CHECK_FALSE(session.is_open());
        CHECK(session.last_error().code() == ngrok_error(row.number));
        CHECK_THROWS_AS(Session::connect(edge.options()), SystemError);
    }
    edge.wait_ended(4);
    asio::io_context context;
    std::error_code thrown;
    run(context, refused_in_coroutine(edge.options(), thrown));
    CHECK(thrown == ngrok_error(107));
    finish(context);
}

TEST_CASE("an edge that refuses without a number, or answers nonsense") {
    MockEdge edge;
    ErrorInfo error;
    refuse(edge, "no");
    (void)Session::connect(edge.options(), error);
    CHECK(error.code() == errc::refused);
    CHECK(error.detail() == "no");
    for (const char* answer : {"{}", R"({"ClientId":7})", R"({"Version":"3"})"}) {
        CAPTURE(answer);
        edge.answer_with([answer](const SeenRequest&) { return std::optional<std::string>(answer); });
        (void)Session::connect(edge.options(), error);
        CHECK(error.code() == errc::protocol_error);
        CHECK(error.message().find("authentication") != std::string::npos);
    }
}

TEST_CASE("without a server the error says what to write") {
    ::unsetenv("ADIT_SERVER");
    ErrorInfo error;
    const Session session = Session::connect(SessionOptions::from_env(), error);
    CHECK(error.code() == errc::no_server);
    CHECK(error.message().find("SessionOptions::server") != std::string::npos);
    CHECK(error.message().find("ADIT_SERVER") != std::string::npos);
    CHECK(error.code() == condition::permanent);
    CHECK_FALSE(session.is_open());
}

TEST_CASE("the environment gives server, token and roots") {
    MockEdge edge;
    const auto roots = std::filesystem::temp_directory_path() / ("adit-connect-" + std::to_string(::getpid()) + ".pem");
    std::ofstream(roots) << edge.ca_pem();
    ::setenv("ADIT_SERVER", edge.address().c_str(), 1);
    ::setenv("NGROK_AUTHTOKEN", "second", 1);
    ::setenv("ADIT_AUTHTOKEN", "first", 1);
    ::setenv("ADIT_ROOTS", roots.c_str(), 1);
    CHECK(Session::connect(SessionOptions::from_env()).is_open());
    ::setenv("ADIT_AUTHTOKEN", "", 1); // empty is unset
    CHECK(Session::connect(SessionOptions::from_env()).is_open());
    for (const char* name : {"ADIT_SERVER", "ADIT_AUTHTOKEN", "NGROK_AUTHTOKEN", "ADIT_ROOTS"}) ::unsetenv(name);
    std::filesystem::remove(roots);
    const auto auths = edge.requests(RequestType::auth);
    REQUIRE(auths.size() == 2);
    CHECK(decode_auth_request(auths[0].json)->extra.auth_token == "first");
    CHECK(decode_auth_request(auths[1].json)->extra.auth_token == "second");
}

TEST_CASE("certificates that do not fit") {
    MockEdge edge;
    MockEdge other;
    ErrorInfo error;
    SUBCASE("unknown root") {
        (void)Session::connect(edge.options().roots_pem(other.ca_pem()), error);
        CHECK(error.code() == errc::certificate_untrusted);
    }
    SUBCASE("another name") {
        (void)Session::connect(edge.options().server_name("edge.example.com"), error);
        CHECK(error.code() == errc::certificate_name);
    }
    SUBCASE("the right name for another host text") {
        (void)Session::connect(
            edge.options().server("127.0.0.1:" + std::to_string(edge.port())).server_name("localhost"), error);
        CHECK_FALSE(error);
        return;
    }
    CHECK(error.message().find("TLS with " + edge.address()) != std::string::npos);
    CHECK(edge.requests().empty());
}

TEST_CASE("roots that cannot be used are named before anything is sent") {
    MockEdge edge;
    ErrorInfo error;
    (void)Session::connect(edge.options().roots_file("/nonexistent/ca.pem"), error);
    CHECK(error.code() == errc::invalid_option);
    CHECK(error.message().find("roots_file") != std::string::npos);
    CHECK(error.message().find("/nonexistent/ca.pem") != std::string::npos);
    (void)Session::connect(edge.options().roots_pem("no certificate"), error);
    CHECK(error.code() == errc::invalid_option);
    CHECK(error.message().find("roots_pem") != std::string::npos);
    CHECK(edge.sessions() == 0);
}

TEST_CASE("a port nobody listens on") {
    std::string address, roots;
    {
        MockEdge gone; // and no other one is made, which might get its port
        address = "127.0.0.1:" + std::to_string(gone.port());
        roots = gone.ca_pem();
    }
    ErrorInfo error;
    (void)Session::connect(SessionOptions().server(address).roots_pem(roots), error);
    CHECK(error.code() == asio::error::connection_refused);
    CHECK(error.message().find("TCP") != std::string::npos);
    CHECK(error.message().find(address) != std::string::npos);
}

TEST_CASE("a name that does not exist") {
    ErrorInfo error;
    (void)Session::connect(
        SessionOptions().server("does-not-exist.invalid:1").roots_pem(MockEdge().ca_pem()).connect_timeout(15s), error);
    CHECK(error);
    CHECK(error.message().find("name lookup") != std::string::npos);
    CHECK(error.message().find("does-not-exist.invalid:1") != std::string::npos);
}

TEST_CASE("connect_timeout covers every step, and the error names it") {
    MockEdge edge;
    ErrorInfo error;
    SUBCASE("TLS") {
        edge.mute_tls(true);
        (void)Session::connect(edge.options().connect_timeout(50ms), error);
        CHECK(error.message().find("TLS") != std::string::npos);
    }
    SUBCASE("authentication") {
        edge.answer_with([](const SeenRequest&) { return std::nullopt; });
        (void)Session::connect(edge.options().connect_timeout(300ms), error);
        CHECK(error.message().find("authentication") != std::string::npos);
        edge.wait_ended();
    }
    CHECK(error.code() == errc::timed_out);
    CHECK(error.code() == condition::timeout);
    CHECK(error.message().find("connect_timeout") != std::string::npos);
}

TEST_CASE("an edge that closes instead of answering") {
    MockEdge edge;
    edge.answer_with([&edge](const SeenRequest&) -> std::optional<std::string> {
        edge.drop();
        return std::nullopt;
    });
    ErrorInfo error;
    (void)Session::connect(edge.options(), error);
    CHECK(error.code() == errc::session_lost);
    CHECK(error.message().find("authentication") != std::string::npos);
}

TEST_CASE("what the edge said holds, also if it hangs up right behind it") {
    MockEdge edge;
    refuse(edge, R"(authentication failed: The authtoken you specified is bad\n\nERR_NGROK_105)");
    // Its GOAWAY and its close_notify leave in the same write as the answer.
    edge.around_answers([&edge](const SeenRequest&) { edge.goaway(); }, {});
    for (int i = 0; i < 10; ++i) {
        ErrorInfo error;
        const Session session = Session::connect(edge.options(), error);
        CHECK(error.code() == ngrok_error(105));
        CHECK(error.detail() == "authentication failed: The authtoken you specified is bad");
        CHECK(session.last_error().code() == ngrok_error(105));
    }
}

TEST_CASE("a cancelled connect completes at once and leaves nothing behind") {
    MockEdge edge;
    asio::io_context context;
    asio::cancellation_signal cancel;
    std::error_code code;
    bool called = false;
    ErrorInfo error;
    std::thread canceller;
    const auto post_cancel = [&] { asio::post(context, [&] { cancel.emit(asio::cancellation_type::terminal); }); };
    std::size_t sessions = 0;
    bool before_it_runs = false;
    SUBCASE("before it began") { before_it_runs = true; }
    SUBCASE("in the TLS handshake") {
        edge.mute_tls(true);
        canceller = std::thread([&] {
            edge.wait_hello();
            post_cancel();
        });
    }
    SUBCASE("while authenticating") {
        sessions = 1;
        edge.answer_with([&](const SeenRequest&) -> std::optional<std::string> {
            post_cancel();
            return std::nullopt;
        });
    }
    Session::async_connect(context.get_executor(), edge.options(), error,
                           asio::bind_cancellation_slot(cancel.slot(), [&](std::error_code ec, const Session& session) {
                               code = ec;
                               called = true;
                               CHECK_FALSE(session.is_open());
                           }));
    if (before_it_runs) cancel.emit(asio::cancellation_type::terminal);
    finish(context);
    CHECK(context.stopped()); // nothing is left to do
    CHECK(called);
    CHECK(code == asio::error::operation_aborted);
    CHECK(error.code() == asio::error::operation_aborted);
    CHECK(edge.sessions() == sessions);
    if (canceller.joinable()) canceller.join();
    edge.wait_ended(sessions);
}

TEST_CASE("two adit peers grant each other larger windows, the smaller one that was announced") {
    std::uint32_t announced = 0;
    std::size_t granted = 0;
    SUBCASE("as ours") { granted = announced = limits::peer_window; }
    SUBCASE("smaller than ours") { granted = announced = limits::peer_window / 4 * 3; }
    SUBCASE("larger than ours") {
        announced = 4 * limits::peer_window;
        granted = limits::peer_window;
    }
    MockEdge edge;
    edge.answer_with([&](const SeenRequest& request) -> std::optional<std::string> {
        if (request.type != 0) return edge.default_answer(request);
        AuthResponse response;
        response.client_id = "client";
        response.extra.adit.emplace().window = announced;
        return encode(response);
    });
    Session session = Session::connect(edge.options());
    CHECK(decode_auth_request(edge.requests()[0].json)->extra.adit->window == limits::peer_window);
    Listener listener = session.listen(Endpoint("tcp://"));
    Pair pair(edge, listener);
    const auto goes_on = [&](BlockingCall<std::size_t>& write) {
        // What the agent answers behind it shows that all there is to come has come.
        for (int i = 0; i < 50 && !write.wait_for(0ms); ++i) CHECK(edge.visit("unknown").read_end() == asio::error::eof);
        return write.wait_for(0ms);
    };
    const std::string block(16 * 1024, 'x');
    const detail::ConstBuffers bytes(asio::buffer(block));
    std::size_t taken = 0;
    for (bool full = false; !full;) { // the program reads nothing
        BlockingCall<std::size_t> write;
        pair.visitor.stream()->start_write(bytes, write.handler());
        full = taken > 2 * granted || !goes_on(write);
        if (full) {
            if (taken >= granted) {
                (void)read_exactly(pair.connection, granted / 2);
                (void)read_exactly(pair.connection, 1); // which says that the program is done with the first half
            }
            if (taken < granted || !write.wait_for(20s)) pair.visitor.stream()->cancel_write();
            write.wait();
            CHECK_FALSE(write.code());
        }
        if (!full) taken += write.result<0>();
    }
    CHECK(taken >= granted);
    CHECK(taken <= granted + limits::stream_write_buffer); // which the edge's own side may hold
}

TEST_CASE("options that cannot work are refused by name, with nothing sent") {
    struct Row {
        const char* option;
        SessionOptions options;
    };
    MockEdge edge;
    const std::string long_text(5'000, 'x');
    const Row rows[] = {
        {"server", edge.options().server("https://edge.example.com:443")},
        {"server", edge.options().server("edge.example.com:99999")},
        {"server", edge.options().server("edge.example.com:0")},
        {"server", edge.options().server("edge.example.com:")},
        {"server", edge.options().server(":443")},
        {"server", edge.options().server("two words:443")},
        {"server", edge.options().server("::1:443:")},
        {"authtoken", edge.options().authtoken("token\n")},
        {"authtoken", edge.options().authtoken(long_text)},
        {"metadata", edge.options().metadata(long_text)},
        {"heartbeat_interval", edge.options().heartbeat_interval(99ms)},
        {"heartbeat_interval", edge.options().heartbeat_interval(25h)},
        {"heartbeat_tolerance", edge.options().heartbeat_tolerance(0ms)},
        {"connect_timeout", edge.options().connect_timeout(0ms)},
        {"connect_timeout", edge.options().connect_timeout(-1s)},
        {"client_info", edge.options().client_info("", "1")},
        {"client_info", edge.options().client_info("a", "")},
        {"client_info", edge.options().client_info(long_text, "1")},
        {"roots_file", edge.options().roots_file("")},
        {"roots_pem", edge.options().roots_pem("")},
        {"server_name", edge.options().server_name("two words")},
    };
    for (const Row& row : rows) {
        ErrorInfo error;
        (void)Session::connect(row.options, error);
        CAPTURE(error.to_string());
        CHECK(error.code() == errc::invalid_option);
        CHECK(error.message().starts_with(std::string(row.option) + ":"));
    }
    CHECK(edge.sessions() == 0);
}
