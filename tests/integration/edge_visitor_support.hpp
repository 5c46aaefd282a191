// An edge on loopback with a session of the SDK whose application is scripted by the test, stream by stream.
#pragma once

#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include "support/doctest.hpp"
#include "support/visitor.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit_test {

/// The application's end of a stream. Every wait fails the test after 20 s.
class AppStream {
public:
    explicit AppStream(adit::Connection connection);

    /// At least one byte; "" at the end, whose code is in `end`.
    std::string read_some(std::error_code& end);
    std::string read(std::size_t n);
    std::string read_until(std::string_view end);
    /// A request head, up to and with its empty line.
    std::string read_head() { return read_until("\r\n\r\n"); }
    /// To the orderly end of the stream.
    std::string read_all();
    /// Reads to the end and gives how that was: asio::error::eof or errc::connection_reset.
    std::error_code read_end();
    void write(std::string_view bytes);
    /// Writes until nothing was taken for `time`, at most `bytes`; gives how many were taken.
    std::size_t write_until_full(std::size_t bytes, std::chrono::milliseconds time);
    /// An answer with a length.
    void answer(std::string_view body, std::string_view more_fields = {}, std::string_view status = "200 OK");
    void finish() { connection_.shutdown(asio::ip::tcp::socket::shutdown_send); }
    void close() { connection_.close(); }
    void reset() { connection_.reset(); }
    adit::Connection& connection() { return connection_; }

private:
    bool fill(std::error_code& ec);

    adit::Connection connection_;
    std::string in_;
};

class TestEdge {
public:
    using Change = std::function<void(adit::edge::ServerOptions&)>;
    /// `roots_pem`: of a certificate that `change` gave the edge.
    explicit TestEdge(const Change& change = {}, std::string_view roots_pem = {});

    adit::Listener listen(std::string_view url);
    /// The next stream of that endpoint.
    AppStream accept(adit::Listener& listener);
    /// No further stream comes within a moment that a stream would take many times.
    bool nothing_comes(adit::Listener& listener);

    NetVisitor http() { return NetVisitor::plain(server.http_port()); }
    NetVisitor https(std::string_view name) { return NetVisitor::tls(server.https_port(), TlsOptions(name, server.ca_pem())); }
    /// Waits until there are so many access records and gives all.
    std::vector<adit::edge::AccessRecord> records(std::size_t count);

private: // outlives the server, whose sink uses it
    std::mutex mutex_;
    std::condition_variable recorded_;
    std::vector<adit::edge::AccessRecord> records_;

public:
    adit::edge::Server server;
    adit::Session session;
};

/// Bytes that do not repeat, the same for the same seed.
std::string noise(std::size_t size, std::uint32_t seed);

} // namespace adit_test
