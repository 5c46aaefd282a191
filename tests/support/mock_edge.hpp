// A scripted edge for tests of the SDK: TLS with a certificate authority of its own, the server's side of muxado, and
// answers that a test decides. It runs on its own thread; every wait fails the test after 20 s.
#pragma once

#include <adit/session_options.hpp>

#include "net/mux_session.hpp"
#include "net/socket.hpp"
#include "proto/messages.hpp"
#include "tls/certificate_authority.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace adit_test {

/// What an agent asked, in order of arrival.
class SeenRequest {
public:
    SeenRequest(std::uint32_t id, std::uint32_t t, std::string text) : stream(id), type(t), json(std::move(text)) {}
    std::uint32_t stream;
    std::uint32_t type;
    std::string json;
};

/// The edge's end of a stream that it opened, used from the test's thread.
class Visitor {
public:
    explicit Visitor(std::shared_ptr<adit::net::MuxStream> stream) : stream_(std::move(stream)) {}

    void write(std::string_view bytes);
    /// As write(), and gives what went wrong.
    std::error_code try_write(std::string_view bytes);
    void finish() { stream_->finish_write(); }
    void reset() { stream_->abort(); }
    /// At least one byte, "" at the end; `end` gets what ended it.
    std::string read_some(std::error_code& end);
    /// Writes on until that fails, and gives how.
    std::error_code write_end();
    const std::shared_ptr<adit::net::MuxStream>& stream() const { return stream_; }
    /// Exactly so many; fewer fail the test.
    std::string read(std::size_t n);
    /// Everything to the end of the stream, which must be an orderly one.
    std::string read_all();
    /// Reads to the end, and gives how that was: eof or connection_reset.
    std::error_code read_end();

private:
    std::shared_ptr<adit::net::MuxStream> stream_;
};

class MockEdge {
public:
    /// nullopt: no answer at all.
    using Answer = std::function<std::optional<std::string>(const SeenRequest&)>;

    explicit MockEdge(const asio::ip::address& listen_on = asio::ip::address_v4::loopback());
    MockEdge(const MockEdge&) = delete;
    MockEdge& operator=(const MockEdge&) = delete;
    ~MockEdge();

    /// "localhost:PORT"; the certificate is for localhost, 127.0.0.1 and ::1.
    std::string address() const { return "localhost:" + std::to_string(port_); }
    std::uint16_t port() const { return port_; }
    const std::string& ca_pem() const { return authority_.certificate_pem(); }
    /// Everything needed to connect.
    adit::SessionOptions options() const;

    /// Replaces the default answers; called on the edge's thread.
    void answer_with(Answer answer);
    /// What it would answer by itself: success.
    std::string default_answer(const SeenRequest& request);
    /// Runs on the edge's thread right before and right after an answer goes out.
    void around_answers(std::function<void(const SeenRequest&)> before, std::function<void(const SeenRequest&)> after);
    /// Connections from now on must show a certificate of this authority.
    void demand_client_certificate(const std::string& ca_pem);
    /// Connections from now on meet this server.
    void serve_tls(std::shared_ptr<const adit::tls::ServerContext> context);
    const adit::tls::CertificateAuthority& authority() const { return authority_; }
    /// The addresses that TCP connections came from, without ports.
    std::vector<std::string> sources() const;
    /// TCP is accepted, but nothing is said.
    void mute_tls(bool on);
    /// Ends the connections that were ignored so far.
    void drop_muted();
    /// Waits until so many ClientHellos came that nobody answers.
    void wait_hello(std::size_t count = 1);
    /// For sessions from now on; 10 s otherwise.
    void heartbeat_every(std::chrono::milliseconds interval);

    std::vector<SeenRequest> requests() const;
    std::vector<SeenRequest> requests(adit::RequestType type) const;
    /// Waits until there are `count` of them, gives the last.
    SeenRequest wait_request(adit::RequestType type, std::size_t count = 1);
    /// Sessions of agents so far.
    std::size_t sessions() const;
    /// Waits until agents have answered so many heartbeats of the edge.
    void wait_heartbeats(std::size_t count);
    /// Waits until agents gave up so many requests that are not answered.
    void wait_given_up(std::size_t count = 1);
    /// Waits until `count` sessions have ended.
    void wait_ended(std::size_t count = 1);

    /// A visitor's connection, on the newest session.
    Visitor visit(std::string_view bind_id, std::string_view protocol = "tcp", bool passthrough_tls = false,
                  std::string_view client = "203.0.113.7:54321");
    /// Any stream: its type and its first bytes.
    Visitor open(std::uint32_t type, std::string_view bytes = {});
    /// Breaks the newest session's TCP connection.
    void drop();
    /// Ends it with GOAWAY.
    void goaway();

private:
    class Agent;
    friend class Agent;

    asio::awaitable<void> accept_loop();
    asio::awaitable<void> ignore(adit::net::Tcp::socket socket);
    asio::awaitable<void> greet(adit::net::Tcp::socket socket);
    static asio::awaitable<void> serve(std::shared_ptr<Agent> agent, std::shared_ptr<adit::net::MuxStream> stream,
                                       std::uint32_t type);
    std::shared_ptr<adit::net::MuxSession> newest() const;

    adit::tls::CertificateAuthority authority_;
    std::shared_ptr<const adit::tls::ServerContext> tls_;
    asio::io_context context_;
    adit::net::Tcp::acceptor acceptor_;
    std::uint16_t port_ = 0;

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    Answer answer_;
    std::function<void(const SeenRequest&)> before_, after_;
    bool mute_ = false;
    std::vector<std::string> sources_;
    std::vector<adit::net::Tcp::socket> muted_;
    std::vector<SeenRequest> requests_;
    std::vector<std::shared_ptr<Agent>> agents_;
    std::size_t ended_ = 0;
    std::size_t heartbeats_ = 0;
    std::size_t hellos_ = 0;
    std::size_t given_up_ = 0;
    std::chrono::milliseconds heartbeat_interval_{10'000};
    int next_id_ = 0;

    std::thread thread_;
};

} // namespace adit_test
