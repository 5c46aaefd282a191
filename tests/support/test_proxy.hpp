// An outgoing proxy for tests: HTTP CONNECT or SOCKS5 on loopback, on its own thread, that writes down what it was
// told.
#pragma once

#include "net/socket.hpp"
#include "net/stream.hpp"
#include "tls/context.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace adit_test {

class TestProxy {
public:
    enum class Kind { http, socks5 };

    /// `tls`: it speaks inside of TLS, as https://.
    explicit TestProxy(Kind kind, std::shared_ptr<const adit::tls::ServerContext> tls = nullptr);
    TestProxy(const TestProxy&) = delete;
    TestProxy& operator=(const TestProxy&) = delete;
    ~TestProxy();

    /// "http://127.0.0.1:PORT", "socks5://joe:secret@127.0.0.1:PORT"
    std::string url(std::string_view scheme, std::string_view userinfo = {}) const;
    /// Without them a client is refused.
    void want(std::string user, std::string password);
    /// Sent instead of a real answer once the client has spoken; then the connection closes.
    void answer_with(std::string bytes);
    /// Every tunnel leads to this port of loopback, whatever was asked for.
    void lead_to(std::uint16_t port);
    /// Reads, and never says anything.
    void stall();

    /// The targets that were asked for: "host:port".
    std::vector<std::string> targets() const;
    /// All that clients said before a tunnel stood, one text a connection.
    std::vector<std::string> heard() const;
    /// The first byte that went through each tunnel.
    std::string first_bytes() const;
    /// Waits until so many clients have spoken.
    void wait_heard(std::size_t count = 1);

private:
    class Client;

    asio::awaitable<void> accept_loop();
    asio::awaitable<void> serve(adit::net::Tcp::socket socket);
    asio::awaitable<bool> agree(Client& client, std::string& host, std::uint16_t& port);
    asio::awaitable<bool> agree_http(Client& client, std::string& host, std::uint16_t& port);
    asio::awaitable<bool> agree_socks5(Client& client, std::string& host, std::uint16_t& port);

    const Kind kind_;
    const std::shared_ptr<const adit::tls::ServerContext> tls_;
    asio::io_context context_;
    adit::net::Tcp::acceptor acceptor_;
    std::uint16_t port_ = 0;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool wants_ = false, stalls_ = false;
    std::uint16_t led_to_ = 0;
    std::string user_, password_, answer_;
    std::vector<std::string> targets_, heard_;
    std::string first_bytes_;

    std::thread thread_;
};

} // namespace adit_test
