#include "support/test_proxy.hpp"

#include "base/base64.hpp"
#include "base/ip_address.hpp"
#include "base/url.hpp"
#include "net/dial.hpp"
#include "net/tls_stream.hpp"

#include "support/doctest.hpp"

#include <array>

namespace adit_test {

using namespace adit;
using net::Tcp;
using namespace std::string_literals;

namespace {

constexpr auto patience = std::chrono::seconds(20);

} // namespace

/// One connection, read byte by byte.
class TestProxy::Client {
public:
    Client(TestProxy& p, std::shared_ptr<net::Stream> s) : proxy(p), stream(std::move(s)) {
        const std::lock_guard lock(proxy.mutex_);
        number = proxy.heard_.size();
        proxy.heard_.emplace_back();
    }

    /// False at the end.
    asio::awaitable<bool> read(std::size_t n, std::string& out) {
        out.clear();
        while (out.size() < n) {
            std::uint8_t byte = 0;
            const MutableBytes space(&byte, 1);
            const net::IoResult got = co_await stream->read_some(space);
            if (!got.ok()) co_return false;
            out += static_cast<char>(byte);
            const std::lock_guard lock(proxy.mutex_);
            proxy.heard_[number] += static_cast<char>(byte);
        }
        co_return true;
    }
    asio::awaitable<void> write(std::string text) { (void)co_await stream->write(as_bytes(text)); }

    TestProxy& proxy;
    std::shared_ptr<net::Stream> stream;
    std::size_t number = 0;
};

TestProxy::TestProxy(Kind kind, std::shared_ptr<const tls::ServerContext> tls)
    : kind_(kind), tls_(std::move(tls)), acceptor_(context_, Tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
      port_(acceptor_.local_endpoint().port()) {
    asio::co_spawn(context_, accept_loop(), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
}

TestProxy::~TestProxy() {
    context_.stop();
    thread_.join();
}

std::string TestProxy::url(std::string_view scheme, std::string_view userinfo) const {
    std::string out = std::string(scheme) + "://";
    if (!userinfo.empty()) out += std::string(userinfo) + "@";
    return out + "127.0.0.1:" + std::to_string(port_);
}

void TestProxy::want(std::string user, std::string password) {
    const std::lock_guard lock(mutex_);
    wants_ = true;
    user_ = std::move(user);
    password_ = std::move(password);
}

void TestProxy::answer_with(std::string bytes) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(bytes);
}

void TestProxy::lead_to(std::uint16_t port) {
    const std::lock_guard lock(mutex_);
    led_to_ = port;
}

void TestProxy::stall() {
    const std::lock_guard lock(mutex_);
    stalls_ = true;
}

std::vector<std::string> TestProxy::targets() const {
    const std::lock_guard lock(mutex_);
    return targets_;
}

std::vector<std::string> TestProxy::heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
}

std::string TestProxy::first_bytes() const {
    const std::lock_guard lock(mutex_);
    return first_bytes_;
}

void TestProxy::wait_heard(std::size_t count) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, patience, [&] { return heard_.size() >= count; });
    REQUIRE_MESSAGE(came, "only " << heard_.size() << " of " << count << " clients came to the proxy");
}

asio::awaitable<void> TestProxy::accept_loop() {
    std::error_code ec;
    for (;;) {
        auto token = asio::redirect_error(asio::use_awaitable, ec);
        Tcp::socket socket = co_await acceptor_.async_accept(token);
        if (ec) co_return;
        asio::co_spawn(context_, serve(std::move(socket)), asio::detached);
    }
}

asio::awaitable<void> TestProxy::serve(Tcp::socket socket) {
    std::shared_ptr<net::Stream> stream;
    if (tls_) {
        auto secured = std::make_shared<net::TlsStream>(std::move(socket), tls::Engine::server(tls_));
        const Result<void> shaken = co_await secured->handshake();
        if (!shaken) co_return;
        stream = secured;
    } else {
        stream = std::make_shared<net::TcpStream>(std::move(socket));
    }
    Client client(*this, stream);
    std::string host;
    std::uint16_t port = 0;
    const bool agreed = co_await agree(client, host, port);
    if (!agreed) {
        stream->close();
        co_return;
    }
    // Every name leads here: the test's edge is on loopback.
    const auto literal = IpAddress::parse(host);
    const std::string address = literal ? host : "127.0.0.1"s;
    {
        const std::lock_guard lock(mutex_);
        if (led_to_ != 0) port = led_to_;
    }
    Result<Tcp::socket> up = co_await net::dial(context_.get_executor(), address, std::to_string(port), patience);
    std::string failed = kind_ == Kind::http ? "HTTP/1.1 502 Bad Gateway\r\n\r\n"s : "\x05\x05\x00\x01\0\0\0\0\0\0"s;
    std::string connected = "HTTP/1.1 200 Yes\r\nVia: test\r\n\r\n";
    if (kind_ == Kind::socks5) connected = "\x05\x00\x00\x01\0\0\0\0\0\0"s;
    if (!up) {
        co_await client.write(std::move(failed));
        stream->close();
        co_return;
    }
    co_await client.write(std::move(connected));
    const auto upstream = std::make_shared<net::TcpStream>(std::move(*up));
    std::uint8_t byte = 0;
    const MutableBytes space(&byte, 1);
    const net::IoResult got = co_await stream->read_some(space);
    if (!got.ok()) co_return;
    {
        const std::lock_guard lock(mutex_);
        first_bytes_ += static_cast<char>(byte);
    }
    (void)co_await upstream->write(Bytes(&byte, 1));
    std::uint64_t up_bytes = 0, down_bytes = 0;
    (void)co_await net::pump_both(stream, upstream, up_bytes, down_bytes);
}

asio::awaitable<bool> TestProxy::agree(Client& client, std::string& host, std::uint16_t& port) {
    bool stalls = false;
    std::string answer;
    {
        const std::lock_guard lock(mutex_);
        stalls = stalls_;
        answer = answer_;
    }
    std::string byte;
    if (stalls || !answer.empty()) {
        bool more = co_await client.read(1, byte);
        {
            const std::lock_guard lock(mutex_);
            changed_.notify_all();
        }
        if (!stalls) co_await client.write(answer);
        while (more) more = co_await client.read(1, byte);
        co_return false;
    }
    const bool http = kind_ == Kind::http;
    bool agreed = false;
    if (http) {
        agreed = co_await agree_http(client, host, port);
    } else {
        agreed = co_await agree_socks5(client, host, port);
    }
    if (!agreed) co_return false;
    const std::lock_guard lock(mutex_);
    targets_.push_back(join_host_port(host, port));
    co_return true;
}

asio::awaitable<bool> TestProxy::agree_http(Client& client, std::string& host, std::uint16_t& port) {
    std::string head, byte;
    while (!head.ends_with("\r\n\r\n")) {
        const bool got = co_await client.read(1, byte);
        if (!got) co_return false;
        head += byte;
    }
    const auto target = split_host_port(std::string_view(head).substr(8, head.find(" HTTP/1.1\r\n") - 8));
    const bool named = head.starts_with("CONNECT ") && target && target->port;
    if (!named) co_return false;
    host = target->host;
    port = *target->port;
    std::string wanted;
    {
        const std::lock_guard lock(mutex_);
        if (wants_) wanted = "\r\nProxy-Authorization: Basic " + base64_encode(user_ + ":" + password_) + "\r\n";
    }
    if (head.find(wanted) != std::string::npos) co_return true;
    co_await client.write("HTTP/1.1 407 Who are you?\r\nProxy-Authenticate: Basic realm=x\r\n\r\n"s);
    co_return false;
}

asio::awaitable<bool> TestProxy::agree_socks5(Client& client, std::string& host, std::uint16_t& port) {
    std::string text, user, password;
    bool got = co_await client.read(2, text);
    if (!got) co_return false;
    got = co_await client.read(static_cast<std::size_t>(text[1]), text);
    if (!got) co_return false;
    bool wants = false;
    {
        const std::lock_guard lock(mutex_);
        wants = wants_;
    }
    const char method = wants ? '\x02' : '\x00';
    const bool offered = text.find(method) != std::string::npos;
    std::string chosen = "\x05"s + (offered ? method : '\xff');
    co_await client.write(std::move(chosen));
    if (!offered) co_return false;
    if (wants) {
        got = co_await client.read(2, text);
        if (got) got = co_await client.read(static_cast<unsigned char>(text[1]), user);
        if (got) got = co_await client.read(1, text);
        if (got) got = co_await client.read(static_cast<unsigned char>(text[0]), password);
        const bool known = got && user == user_ && password == password_;
        std::string verdict = known ? "\x01\x00"s : "\x01\x01"s;
        co_await client.write(std::move(verdict));
        if (!known) co_return false;
    }
    got = co_await client.read(4, text);
    if (!got) co_return false;
    const char type = text[3];
    if (type == 3) {
        got = co_await client.read(1, text);
        if (got) got = co_await client.read(static_cast<unsigned char>(text[0]), host);
    } else {
        const std::size_t size = type == 1 ? 4 : 16;
        got = co_await client.read(size, text);
        const auto at = [&text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
        if (got && type == 1) host = IpAddress(std::array<std::uint8_t, 4>{at(0), at(1), at(2), at(3)}).to_string();
        if (type != 1) host = "::1"; // the only one in these tests
    }
    if (got) got = co_await client.read(2, text);
    if (!got) co_return false;
    port = static_cast<std::uint16_t>(static_cast<unsigned char>(text[0]) << 8 | static_cast<unsigned char>(text[1]));
    co_return true;
}

} // namespace adit_test
