// Lesson 9: events and logging. The library writes no log of its own: it tells what happens, and the program's logger, here
// spdlog, takes it from there. Half way the link is cut, to show how a session comes back.
//
//   examples/run 09_events_and_spdlog      serves until Enter, is cut off, and serves until Enter again
#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include <asio/write.hpp>

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

using Kind = adit::Event::Kind;
using Logger = std::shared_ptr<spdlog::logger>;

spdlog::level::level_enum level_of(const adit::Event& event) {
    switch (event.kind()) {
        case Kind::connecting:
        case Kind::heartbeat:
        case Kind::connection_opened: return spdlog::level::debug;
        case Kind::connected:
        case Kind::listener_up:
        case Kind::connection_closed: return spdlog::level::info;
        // A loss that the session mends by itself, or the end of something.
        case Kind::disconnected: return event.next_try().count() < 0 ? spdlog::level::err : spdlog::level::warn;
        case Kind::listener_down: break;
    }
    return event.reason().code() == adit::condition::closed ? spdlog::level::info : spdlog::level::err;
}

void serve(adit::Listener listener) {
    std::error_code ec;
    while (!ec) { // a cut link is no end: accept waits for the next one
        adit::Connection connection = listener.accept(ec);
        std::error_code failed;
        const std::string response = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nlogged\n";
        if (!ec) asio::write(connection, asio::buffer(response), failed);
    }
}

int main() {
    // Handlers run on the session's executor and must not block, so: an asynchronous logger that drops rather than waits.
    Logger log = spdlog::create_async_nb<spdlog::sinks::stdout_sink_mt>("session");
    Logger edge_log = spdlog::create_async_nb<spdlog::sinks::stdout_sink_mt>("edge");
    spdlog::set_level(spdlog::level::debug);
    spdlog::set_pattern("[%n] [%l] %v");

    auto edge_options = adit::edge::ServerOptions().authtoken("lesson");
    edge_options.on_log([edge_log](std::string_view level, std::string_view line) {
        edge_log->log(spdlog::level::from_str(std::string(level)), line);
    });
    auto edge = adit::edge::Server::start(edge_options);
    auto options = adit::SessionOptions().server(edge.agent_address()).roots_pem(edge.ca_pem()).authtoken("lesson");
    options.heartbeat_interval(std::chrono::seconds(1));
    options.on_event([log](const adit::Event& event) { log->log(level_of(event), event.to_string()); });
    auto session = adit::Session::connect(options);
    auto listener = session.listen(adit::Endpoint("http://events.localhost"));
    std::thread server(serve, listener);
    log->info("online: {}", listener.url());

    std::getchar();
    for (const auto& agent : edge.sessions()) edge.disconnect(agent.id);
    std::getchar();
    session.close(std::chrono::seconds(1));
    server.join();
    spdlog::shutdown(); // writes what waits
}
