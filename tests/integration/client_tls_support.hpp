// What the tests of TLS that ends in the application share.
#pragma once

#include "integration/client_support.hpp"
#include "support/tls_visitor.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace adit_test {

/// Connections that ended, as events tell it.
class Closed {
public:
    adit::EventHandler handler() {
        return [log = log_](const adit::Event& event) {
            const std::lock_guard lock(log->mutex);
            if (event.kind() == adit::Event::Kind::connection_opened) ++log->opened;
            if (event.kind() == adit::Event::Kind::connection_closed) log->closed.push_back(event);
            log->changed.notify_all();
        };
    }
    /// The next.
    adit::Event wait() {
        std::unique_lock lock(log_->mutex);
        const bool came = log_->changed.wait_for(lock, std::chrono::seconds(20), [this] { return !log_->closed.empty(); });
        REQUIRE_MESSAGE(came, "no connection ended");
        const adit::Event event = log_->closed.front();
        log_->closed.pop_front();
        return event;
    }
    void wait_opened(std::size_t count) {
        std::unique_lock lock(log_->mutex);
        const bool came = log_->changed.wait_for(lock, std::chrono::seconds(20), [&] { return log_->opened >= count; });
        REQUIRE_MESSAGE(came, "only " << log_->opened << " of " << count << " connections");
    }

private:
    class Log {
    public:
        std::mutex mutex;
        std::condition_variable changed;
        std::size_t opened = 0;
        std::deque<adit::Event> closed;
    };
    std::shared_ptr<Log> log_ = std::make_shared<Log>();
};

inline adit::TlsServer make_server(const TestAuthority& authority, const std::string& name = "app.example.com") {
    const adit::tls::IssuedCertificate leaf = authority.server(name);
    return adit::TlsServer(leaf.certificate_pem, leaf.key_pem);
}

/// With less time for a visitor's handshake than programs give.
inline adit::SessionOptions with_handshake_time(adit::SessionOptions options, std::chrono::milliseconds time) {
    const_cast<adit::SessionOptions::Data&>(options.data()).tls_handshake_time = time; // it has no setter
    return options;
}

/// That gives up sooner a visitor who does not take the rest of a closed connection.
inline adit::SessionOptions with_close_time(adit::SessionOptions options, std::chrono::milliseconds time) {
    const_cast<adit::SessionOptions::Data&>(options.data()).tls_close_time = time; // it has no setter
    return options;
}

class World {
public:
    explicit World(int proxy_protocol = 0, std::chrono::milliseconds time = adit::limits::tls_handshake_time,
                   std::chrono::milliseconds close_time = adit::limits::half_close_time)
        : tls(make_server(authority)),
          session(adit::Session::connect(with_close_time(with_handshake_time(edge.options().on_event(closed.handler()), time), close_time))),
          listener(session.listen(adit::Endpoint("tls://app.example.com")
                                      .agent_tls_termination(tls)
                                      .proxy_protocol(proxy_protocol)
                                      .backlog(256))) {}

    TlsVisitorOptions good() const { return TlsVisitorOptions(authority.pem()); }
    TlsVisitor visit(const TlsVisitorOptions& options) {
        return TlsVisitor(edge.visit(listener.id(), "tls", true), options);
    }
    adit::Connection accept() {
        std::error_code ec;
        adit::Connection connection = listener.accept_for(std::chrono::seconds(20), ec);
        REQUIRE_MESSAGE(!ec, ec.message());
        connection.read_timeout(std::chrono::seconds(20));
        connection.write_timeout(std::chrono::seconds(20));
        return connection;
    }
    bool nothing_waits() {
        std::error_code ec;
        (void)listener.accept_for(std::chrono::milliseconds(0), ec);
        return ec == adit::errc::timed_out;
    }

    TestAuthority authority;
    adit::TlsServer tls;
    MockEdge edge;
    Closed closed;
    adit::Session session;
    adit::Listener listener;
};

/// A visitor whose handshake is done, and the application's end.
class TlsPair {
public:
    explicit TlsPair(World& world) : TlsPair(world, world.good()) {}
    TlsPair(World& world, const TlsVisitorOptions& options) : visitor(world.visit(options)) {
        const std::string failed = visitor.handshake();
        REQUIRE_MESSAGE(failed.empty(), failed);
        connection = world.accept();
    }
    TlsVisitor visitor;
    adit::Connection connection;
};

inline bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

} // namespace adit_test
