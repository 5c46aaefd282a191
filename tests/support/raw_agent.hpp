// A scripted agent for the tests of the edge: TLS, the client's side of muxado, and whatever messages a test wants to
// send. It runs on its own thread; every wait fails the test after 20 s.
#pragma once

#include "net/mux_session.hpp"
#include "net/socket.hpp"
#include "proto/messages.hpp"
#include "proto/proxy_header.hpp"

#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace adit_test {

/// One stream of the agent, used from the test's thread.
class AgentStream {
public:
    AgentStream() = default;
    AgentStream(std::shared_ptr<adit::net::MuxStream> stream, std::uint32_t type)
        : stream_(std::move(stream)), type_(type) {}

    std::uint32_t type() const noexcept { return type_; }
    void write(std::string_view bytes);
    /// The same, but an end of the stream is no failure of the test.
    std::error_code try_write(std::string_view bytes);
    void finish() { stream_->finish_write(); }
    void reset() { stream_->abort(); }
    /// At least one byte; "" at the end, whose code is in `end`.
    std::string read_some(std::error_code& end);
    /// Exactly so many; fewer fail the test.
    std::string read(std::size_t n);
    /// Everything to the orderly end of the stream.
    std::string read_all();
    /// Reads to the end, and gives how that was: eof, connection_reset or session_lost.
    std::error_code read_end();
    /// One JSON object.
    std::string read_json();
    /// The head of a proxied connection; the rest stays in the stream.
    adit::ProxyHeader read_proxy_header();

private:
    std::shared_ptr<adit::net::MuxStream> stream_;
    std::uint32_t type_ = 0;
    std::string read_ahead_;
};

class RawAgent {
public:
    /// Connects to an edge on 127.0.0.1; TLS must succeed.
    RawAgent(std::uint16_t port, const std::string& ca_pem);
    RawAgent(const RawAgent&) = delete;
    RawAgent& operator=(const RawAgent&) = delete;
    ~RawAgent();

    /// The answer to one message, as text; "" if the stream was refused or the session ended.
    std::string call(adit::RequestType type, std::string_view json);
    adit::Result<adit::AuthResponse> auth(const adit::AuthRequest& request);
    adit::Result<adit::BindResponse> bind(const adit::BindRequest& request);
    /// Authenticates, which must succeed.
    adit::AuthResponse login(std::string_view token);
    /// The same as a client that the edge knows: `former` is its last answer.
    adit::AuthResponse login_again(std::string_view token, const adit::AuthResponse& former);
    /// Binds a URL, or "https://" and the like for any; must succeed.
    adit::BindResponse bind_url(std::string_view url);
    /// The number with which a bind of this URL is refused; 0 if it is not.
    int bind_refusal(std::string_view url);

    AgentStream open(adit::RequestType type, std::string_view first = {});
    /// The next stream that the edge opened.
    AgentStream accept();
    /// Whether the edge opens one within that time.
    bool accepts_within(std::chrono::milliseconds time);
    /// Waits for the end of the session.
    adit::ErrorInfo wait_closed();
    bool is_closed();
    /// Reads, answers and sends nothing more, as a machine whose network is gone, until thaw(); the connection stays.
    void freeze();
    void thaw();
    /// Ends the TCP connection without a word.
    void cut();
    /// GOAWAY and close.
    void close() { session_->close(); }

private:
    class Observer;

    asio::io_context context_;
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::shared_ptr<Observer> observer_;
    std::shared_ptr<adit::net::MuxSession> session_;
    std::optional<std::promise<void>> frozen_;
    std::thread thread_;
};

/// The code and text of a refusal.
adit::ErrorInfo error_of(std::string_view response);

/// What the members of an SDK family send; only the URL differs between tests.
adit::AuthRequest auth_request(std::string_view token);
adit::BindRequest bind_request(std::string_view url);

} // namespace adit_test
