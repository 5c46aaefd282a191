// What the tests of the SDK share.
#pragma once

#include <adit/adit.hpp>

#include "client/options_data.hpp"
#include "proto/codec.hpp"

#include "support/doctest.hpp"
#include "support/mock_edge.hpp"

#include <chrono>
#include <exception>
#include <future>
#include <string>
#include <utility>

namespace adit_test {

/// With less time for each answer of the edge than programs have.
inline adit::SessionOptions with_rpc_time(adit::SessionOptions options, std::chrono::milliseconds time) {
    const_cast<adit::SessionOptions::Data&>(options.data()).rpc_time = time; // it has no setter
    return options;
}

/// That dials again sooner after a loss than programs do.
inline adit::SessionOptions with_reconnect_delay(adit::SessionOptions options, std::chrono::milliseconds time) {
    const_cast<adit::SessionOptions::Data&>(options.data()).reconnect_delay = time;
    return options;
}

/// Runs a coroutine to its end; an exception or 20 s fail the test.
inline void run(asio::io_context& context, asio::awaitable<void> coroutine) {
    bool done = false;
    asio::co_spawn(context, std::move(coroutine), [&done](const std::exception_ptr& error) {
        done = true;
        if (error) std::rethrow_exception(error);
    });
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done) {
        context.restart();
        context.run_one_for(std::chrono::milliseconds(100));
        REQUIRE_MESSAGE(std::chrono::steady_clock::now() < end, "the coroutine did not end");
    }
}

/// Runs what is left, as sessions that say goodbye.
inline void finish(asio::io_context& context) {
    context.restart();
    context.run_for(std::chrono::seconds(20));
}

/// The result of a future that must come.
template <class T>
T get(std::future<T>& future) {
    REQUIRE_MESSAGE(future.wait_for(std::chrono::seconds(20)) == std::future_status::ready, "nothing came");
    return future.get();
}

inline std::string read_exactly(adit::Connection& connection, std::size_t n) {
    std::string out(n, '\0');
    std::size_t have = 0;
    while (have < n) {
        std::error_code ec;
        have += connection.read_some(asio::buffer(out.data() + have, n - have), ec);
        REQUIRE_MESSAGE(!ec, "after " << have << " of " << n << " bytes: " << ec.message());
    }
    return out;
}

inline void write_all(adit::Connection& connection, std::string_view bytes) {
    while (!bytes.empty()) bytes.remove_prefix(connection.write_some(asio::buffer(bytes.data(), bytes.size())));
}

inline constexpr auto stop_tunnel_type = static_cast<std::uint32_t>(adit::RequestType::stop_tunnel);

inline std::string stop_tunnel_request(const std::string& id, const std::string& code) {
    adit::StopTunnelRequest request;
    request.id = id;
    request.message = "stopped by operator";
    request.error_code = code;
    return adit::encode(request);
}

/// One accepted connection with its visitor.
class Pair {
public:
    Pair(MockEdge& edge, adit::Listener& listener)
        : visitor(edge.visit(listener.id())), connection(listener.accept_for(std::chrono::seconds(20))) {}
    Visitor visitor;
    adit::Connection connection;
};

} // namespace adit_test
