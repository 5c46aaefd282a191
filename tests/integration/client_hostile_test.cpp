// A hostile edge (performance-and-reliability T21): what it sends ends alone, is bounded, and never brings the program down.
#include "integration/client_support.hpp"

#include "proto/codec.hpp"
#include "proto/proxy_header.hpp"

#include <malloc.h>

#if defined(__SANITIZE_ADDRESS__)
#define ADIT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADIT_ASAN 1
#endif
#endif
#ifdef ADIT_ASAN
extern "C" std::size_t __sanitizer_get_current_allocated_bytes(); // g++ 12 comes without its header
#endif

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

namespace {

constexpr auto proxy_type = static_cast<std::uint32_t>(RequestType::proxy);

/// Bytes that this process has taken from the heap and not given back.
std::size_t heap_in_use() {
#ifdef ADIT_ASAN
    return __sanitizer_get_current_allocated_bytes();
#else
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#endif
}

/// JSON that is small to send and large or deep to understand.
struct Bomb {
    std::string name;
    std::string json;
    std::error_code code;
};

std::vector<Bomb> bombs() {
    const std::string depth(200'000, '[');
    std::string members = "{";
    for (int i = 0; i < 50'000; ++i) members += "\"k" + std::to_string(i) + "\":0,";
    members.back() = '}';
    const std::string text(limits::rpc_message_max, 'x');
    return {{"depth", R"({"Version":)" + depth, errc::limit_exceeded},
            {"members", members, errc::limit_exceeded},
            {"size", R"({"Version":")" + text + "\"}", errc::limit_exceeded},
            {"number", R"({"Version":)" + std::string(100'000, '9') + "}", errc::protocol_error},
            {"type", R"({"Version":{},"ClientId":[],"Extra":7})", errc::protocol_error},
            {"UTF-8", "{\"Version\":\"\xff\xfe\",\"ClientId\":\"\xc0\xaf\"}", errc::protocol_error}};
}

} // namespace

TEST_CASE("Stop, Restart and Update are answered with a refusal") {
    MockEdge edge;
    const Session session = Session::connect(edge.options());
    for (const auto type : {RequestType::stop, RequestType::restart, RequestType::update}) {
        const char* request = type == RequestType::update ? R"({"Version":"9","PermitMajorVersion":true})" : "{}";
        Visitor command = edge.open(static_cast<std::uint32_t>(type), request);
        CHECK(command.read_all() == R"({"Error":"the agent has not defined a callback for this operation"})");
    }
    CHECK(session.is_open());
}

TEST_CASE("streams that mean nothing to us end alone") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    CHECK(edge.visit("unknown").read_end() == asio::error::eof);
    CHECK(edge.open(77, "??").read_end() == asio::error::eof);
    const std::string heads[] = {
        std::string("\x05\0\0\0\0\0\0\0{}}}}", 13),             // no JSON
        std::string("\xff\xff\xff\xff\xff\xff\xff\xff", 8),     // negative
        std::string("\0\0\0\x40\0\0\0\0", 8),                   // a gigabyte
        std::string("\0\0\0\0\0\0\0\x40", 8),                   // 2^62 bytes
        std::string("\x01\0\x01\0\0\0\0\0", 8),                // one more than proxy_header_max
        std::string("\x02\0\0\0\0\0\0\0{}", 10),                // no Id
    };
    for (const std::string& head : heads) CHECK(edge.open(3, head).read_end() == asio::error::eof);
    Pair pair(edge, listener);
    write_all(pair.connection, "alive");
    CHECK(pair.visitor.read(5) == "alive");
}

TEST_CASE("a head that does not come holds up nobody") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    ProxyHeader header;
    header.id = listener.id();
    header.client_addr = "192.0.2.9:9";
    header.protocol = "tcp";
    const std::string head = encode(header);
    Visitor slow = edge.open(3, head.substr(0, 5));
    Visitor slower = edge.open(3, head.substr(0, 20));
    Pair quick(edge, listener);
    CHECK(quick.connection.remote_address() == "203.0.113.7:54321");
    slow.write(head.substr(5) + "and data");
    Connection late = listener.accept_for(20s);
    CHECK(late.remote_address() == "192.0.2.9:9");
    CHECK(read_exactly(late, 8) == "and data");
}

TEST_CASE("commands are bounded in number and size, so that an edge cannot fill our memory") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    constexpr auto stop = static_cast<std::uint32_t>(RequestType::stop);
    SUBCASE("number") {
        std::vector<Visitor> commands;
        for (std::size_t i = 0; i < limits::commands_pending; ++i) commands.push_back(edge.open(stop, "{"));
        CHECK(edge.open(stop, "{").read_end() == errc::connection_reset);
        CHECK(edge.open(stop_tunnel_type, stop_tunnel_request(listener.id(), "")).read_end() == errc::connection_reset);
        CHECK(listener.is_open());
        Pair pair(edge, listener); // visitors are not held up
        for (Visitor& command : commands) {
            command.write("}");
            CHECK(command.read_all().find("not defined a callback") != std::string::npos);
        }
        edge.open(stop_tunnel_type, stop_tunnel_request(listener.id(), "")).read_all();
        CHECK_FALSE(listener.is_open());
    }
    SUBCASE("size") {
        const std::string text = stop_tunnel_request(listener.id(), "");
        const std::string longest = std::string(limits::command_message_max - text.size(), ' ') + text;
        Visitor large = edge.open(stop_tunnel_type);
        large.write(" " + longest);
        (void)large.read_end();
        CHECK(listener.is_open());
        CHECK(edge.open(stop, " " + longest).read_all().empty()); // not answered
        Visitor fits = edge.open(stop_tunnel_type);
        fits.write(longest);
        CHECK(fits.read_all().empty());
        CHECK_FALSE(listener.is_open());
    }
}

TEST_CASE("what an edge may have open towards us is bounded") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    SUBCASE("heads that are not complete") {
        std::vector<Visitor> slow;
        for (std::size_t i = 0; i < limits::proxy_headers_pending; ++i) slow.push_back(edge.open(3, "\x20"));
        CHECK(edge.open(3, "\x20").read_end() == errc::connection_reset);
        CHECK(session.is_open());
    }
    SUBCASE("connections that nobody reads") {
        Listener listener = session.listen(Endpoint("tcp://").backlog(limits::accept_backlog_max));
        std::vector<Visitor> visitors;
        std::vector<Connection> connections;
        // The heartbeat stream of the edge is one of them.
        for (std::size_t i = 1; i < limits::streams_per_session_peer; ++i) {
            visitors.push_back(edge.visit(listener.id()));
            connections.push_back(listener.accept_for(20s));
        }
        CHECK(edge.visit(listener.id()).read_end() == errc::connection_reset);
        write_all(connections.back(), "alive");
        CHECK(visitors.back().read(5) == "alive");
    }
}

TEST_CASE("a JSON bomb for an answer is an error of that call") {
    for (const Bomb& bomb : bombs()) {
        CAPTURE(bomb.name);
        MockEdge edge;
        bool armed = true;
        edge.answer_with([&](const SeenRequest& request) -> std::optional<std::string> {
            if (armed && request.type <= static_cast<std::uint32_t>(RequestType::bind)) return bomb.json;
            return edge.default_answer(request);
        });
        ErrorInfo error;
        CHECK_FALSE(Session::connect(edge.options(), error).is_open());
        CHECK_MESSAGE(error.code() == bomb.code, error.to_string());
        CHECK(error.message().find("authentication at ") == 0);
        CHECK(edge.requests(RequestType::auth).size() == 1); // refused like a wrong token: no storm of retries
        armed = false;
        Session session = Session::connect(edge.options());
        Listener listener = session.listen(Endpoint("tcp://"));
        armed = true;
        (void)session.listen(Endpoint("tcp://"), error);
        CHECK_MESSAGE(error.code() == bomb.code, error.to_string());
        Pair pair(edge, listener); // it and the other listener live on
        write_all(pair.connection, "alive");
        CHECK(pair.visitor.read(5) == "alive");
    }
}

TEST_CASE("a JSON bomb for a command or in front of a connection ends that stream") {
    MockEdge edge;
    std::size_t asked = 0;
    const auto count = [&asked](const Command&) {
        ++asked;
        return std::string();
    };
    Session session = Session::connect(edge.options().on_update(count));
    Listener listener = session.listen(Endpoint("tcp://"));
    for (const Bomb& bomb : bombs()) {
        CAPTURE(bomb.name);
        for (const auto type : {RequestType::update, RequestType::stop_tunnel}) {
            Visitor command = edge.open(static_cast<std::uint32_t>(type));
            (void)command.try_write(bomb.json);
            (void)command.read_end();
        }
        std::string head(8, '\0');
        for (std::size_t i = 0; i < 3; ++i) head[i] = static_cast<char>(bomb.json.size() >> (8 * i));
        Visitor visitor = edge.open(proxy_type);
        (void)visitor.try_write(head + bomb.json);
        CHECK(visitor.read_end() == asio::error::eof);
    }
    CHECK(asked == 0);
    CHECK(session.is_open());
    Pair pair(edge, listener);
}

TEST_CASE("streams full of bytes for a program that accepts none of them take no more memory than the backlog") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    const Listener listener = session.listen(Endpoint("tcp://"));
    const std::string window(limits::initial_window, 'x');
    const std::size_t before = heap_in_use();
    std::vector<Visitor> visitors;
    for (std::size_t i = 0; i < 3 * limits::accept_backlog; ++i) {
        visitors.push_back(edge.visit(listener.id()));
        (void)visitors.back().try_write(window); // as much as the window takes, or until the stream is refused
    }
    std::size_t ended = 0;
    for (std::size_t i = limits::accept_backlog; i < visitors.size(); ++i)
        if (visitors[i].read_end() == errc::connection_reset) ++ended;
    CHECK(ended == visitors.size() - limits::accept_backlog);
    const std::size_t held = heap_in_use() - before;
    // Ours, and what the mock edge in the same process keeps of its own.
    CHECK_MESSAGE(held < (limits::accept_backlog * limits::initial_window) * 3 / 2, held << " bytes");
    CHECK(session.is_open());
}

TEST_CASE("a flood of streams that come and go leaves nothing behind") {
    MockEdge edge;
    Session session = Session::connect(edge.options());
    Listener listener = session.listen(Endpoint("tcp://"));
    const auto flood = [&](std::size_t rounds) {
        for (std::size_t round = 0; round < rounds; ++round) {
            std::vector<Visitor> visitors;
            for (std::size_t i = 0; i < 100; ++i) {
                visitors.push_back(edge.visit("unknown"));
                visitors.push_back(edge.open(proxy_type, "\x20"));
                visitors.push_back(edge.open(static_cast<std::uint32_t>(100 + i), "{}"));
            }
            CHECK(edge.visit("unknown").read_end() == asio::error::eof); // they are all there
            for (Visitor& visitor : visitors) visitor.reset();
        }
        Pair pair(edge, listener);
        write_all(pair.connection, "alive");
        CHECK(pair.visitor.read(5) == "alive");
    };
    flood(5);
    const std::size_t before = heap_in_use();
    flood(60);
    const std::size_t after = heap_in_use();
    CHECK_MESSAGE(after < before + (1u << 20), before << " bytes before, " << after << " after");
    CHECK(edge.sessions() == 1);
}

TEST_CASE("a flood of commands reaches the program's handler one at a time") {
    MockEdge edge;
    std::size_t asked = 0, at_once = 0, most = 0;
    const auto handler = [&](const Command&) -> std::string {
        most = std::max(most, ++at_once);
        --at_once;
        if (++asked % 2 == 0) throw std::runtime_error("not now");
        return {};
    };
    asio::io_context context;
    std::size_t answered = 0, refused = 0;
    run(context, [](MockEdge& mock, CommandHandler ask, std::size_t& ok, std::size_t& no) -> asio::awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        const auto options = mock.options().on_stop(ask).on_restart(ask).on_update(ask);
        auto session = co_await Session::async_connect(executor, options);
        constexpr auto restart = static_cast<std::uint32_t>(RequestType::restart);
        std::vector<Visitor> commands;
        for (std::size_t i = 0; i < 1'000; ++i) commands.push_back(mock.open(restart, "{}"));
        auto pool = std::async(std::launch::async, [&] {
            for (Visitor& command : commands) (command.read_end() == asio::error::eof ? ok : no)++;
        });
        asio::steady_timer timer(executor);
        while (pool.wait_for(0s) != std::future_status::ready) {
            timer.expires_after(1ms);
            co_await timer.async_wait(asio::use_awaitable);
        }
        CHECK(session.is_open());
    }(edge, handler, answered, refused));
    CHECK(most == 1);
    CHECK(asked == answered);
    CHECK(answered + refused == 1'000);
    CHECK(refused > 0);
    finish(context);
}

TEST_CASE("addresses that an edge offers for more legs are bounded, and bad ones harm nothing") {
    MockEdge edge;
    for (const char* address : {"", ":", "localhost", "localhost:0", "localhost:99999", "[::1", "http://localhost:1", "a b:1"}) {
        CAPTURE(address);
        std::string offered = R"({"Region":"lo","ServerAddr":")" + edge.address() + "\"}";
        for (int i = 0; i < 1'000; ++i) offered += R"(,{"Region":"lo","ServerAddr":")" + std::string(address) + "\"}";
        edge.answer_with([&](const SeenRequest& request) -> std::optional<std::string> {
            if (request.type != 0) return edge.default_answer(request);
            return R"({"Version":"3","ClientId":"c1","Extra":{"ConnectAddresses":[)" + offered + "]}}";
        });
        Session session = Session::connect(edge.options());
        Listener listener = session.listen(Endpoint("tcp://"));
        Pair pair(edge, listener);
        write_all(pair.connection, "alive");
        CHECK(pair.visitor.read(5) == "alive");
        CHECK(session.is_online());
    }
}
