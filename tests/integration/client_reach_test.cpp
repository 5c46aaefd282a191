// Reaching the edge in other ways: the program's own dialer, a chosen local end, a client certificate.
#include "integration/client_support.hpp"

#include "net/stream.hpp"
#include "tls/certificate_authority.hpp"

#include <atomic>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

namespace {

ErrorInfo refused(const SessionOptions& options) {
    ErrorInfo error;
    const Session session = Session::connect(options, error);
    REQUIRE_FALSE(session.is_open());
    return error;
}

/// A descriptor that is connected to the edge.
int connected(const MockEdge& edge) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(edge.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return descriptor;
}

/// Two ends of a Unix socket; whether the one that was given away is closed shows at the other.
class LocalPair {
public:
    LocalPair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_) == 0); }
    LocalPair(const LocalPair&) = delete;
    LocalPair& operator=(const LocalPair&) = delete;
    ~LocalPair() {
        for (const int end : ends_)
            if (end >= 0) ::close(end);
    }
    int give() { return std::exchange(ends_[0], -1); }
    int keep() { return std::exchange(ends_[1], -1); }
    /// Waits until nobody has the end that was given away.
    bool is_closed() const {
        timeval patience{20, 0};
        ::setsockopt(ends_[1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        char byte = 0;
        ssize_t n = 0;
        while ((n = ::recv(ends_[1], &byte, 1, 0)) > 0) {
        }
        return n == 0;
    }

private:
    int ends_[2] = {-1, -1};
};

void echo(MockEdge& edge, Session session) {
    Listener listener = session.listen(Endpoint("tcp://"));
    Pair pair(edge, listener);
    pair.visitor.write("ping");
    CHECK(read_exactly(pair.connection, 4) == "ping");
    write_all(pair.connection, "pong");
    CHECK(pair.visitor.read(4) == "pong");
}

} // namespace

TEST_CASE("a dialer supplies the transport, for each connect anew; TLS is still ours") {
    MockEdge edge;
    std::vector<std::string> asked;
    auto options = edge.options().server("edge.invalid:77").server_name("localhost");
    options.dialer([&](asio::any_io_executor, std::string host, std::uint16_t port, DialHandler handler) {
        asked.push_back(host + ":" + std::to_string(port));
        CHECK(handler.is_wanted());
        handler({}, connected(edge));
        CHECK_FALSE(handler.is_wanted());
    });
    for (std::size_t i = 1; i <= 2; ++i) {
        const Session session = Session::connect(options);
        CHECK(asked == std::vector<std::string>(i, "edge.invalid:77"));
        echo(edge, session);
    }
}

TEST_CASE("a session that lost its link asks its dialer again") {
    MockEdge edge;
    std::atomic<int> asked = 0;
    auto options = edge.options();
    options.dialer([&](asio::any_io_executor, std::string, std::uint16_t, DialHandler handler) {
        ++asked;
        handler({}, connected(edge));
    });
    const Session session = Session::connect(options);
    CHECK(asked == 1);
    edge.drop();
    edge.wait_request(RequestType::auth, 2);
    CHECK(asked == 2);
}

TEST_CASE("a dialer with an Asio socket, of the session's executor or of its own, that answers later") {
    MockEdge edge;
    asio::io_context context;
    auto work = asio::make_work_guard(context);
    std::thread thread([&] { context.run(); });
    for (const bool own : {false, true}) {
        auto options = edge.options();
        options.dialer([&, own](asio::any_io_executor executor, std::string, std::uint16_t port, DialHandler handler) {
            if (own) executor = context.get_executor();
            auto socket = std::make_shared<asio::ip::tcp::socket>(executor);
            const asio::ip::tcp::endpoint target(asio::ip::address_v4::loopback(), port);
            auto answer = std::make_shared<DialHandler>(std::move(handler));
            socket->async_connect(target,
                                  [socket, answer](const std::error_code& ec) { (*answer)(ec, std::move(*socket)); });
        });
        const Session session = Session::connect(options);
        echo(edge, session);
    }
    work.reset();
    thread.join();
}

TEST_CASE("any connected stream socket will do: a Unix socket whose other end leads to the edge") {
    MockEdge edge;
    LocalPair pair;
    asio::io_context context;
    const net::Tcp protocol = net::Tcp::v4();
    auto near = std::make_shared<net::TcpStream>(net::Tcp::socket(context, protocol, pair.keep()), ByteQueue());
    auto far = std::make_shared<net::TcpStream>(net::Tcp::socket(context, protocol, connected(edge)), ByteQueue());
    std::uint64_t up = 0, down = 0;
    asio::co_spawn(context, net::pump_both(near, far, up, down),
                   [](const std::exception_ptr&, const net::IoResult&) {});
    std::thread thread([&] { context.run(); });
    {
        Session session = Session::connect(edge.options().dialer(
            [&](asio::any_io_executor, std::string, std::uint16_t, DialHandler handler) { handler({}, pair.give()); }));
        echo(edge, session);
        session.close();
    }
    edge.wait_ended();
    context.stop();
    thread.join();
}

TEST_CASE("a dialer that fails, throws, forgets its handler, or gives what is no connection") {
    MockEdge edge;
    LocalPair with_error;
    struct Row {
        const char* what;
        std::function<void(DialHandler&)> act;
        std::error_code code;
        const char* says;
    };
    const Row rows[] = {
        {"error", [](DialHandler& h) { h(asio::error::host_unreachable); }, asio::error::host_unreachable,
         "the dialer failed for "},
        {"error and socket", [&](DialHandler& h) { h(asio::error::host_unreachable, with_error.give()); },
         asio::error::host_unreachable, "the dialer failed for "},
        {"throw", [](DialHandler&) { throw std::runtime_error("no way"); }, errc::unavailable, ": no way"},
        {"throw int", [](DialHandler&) { throw 7; }, errc::unavailable, "the dialer threw for "},
        {"drop", [](DialHandler&) {}, errc::unavailable, "dropped its handler without an answer"},
        {"nothing", [](DialHandler& h) { h({}); }, errc::invalid_option, "is no connected stream socket"},
        {"closed Asio socket", [](DialHandler& h) { h({}, asio::ip::tcp::socket(asio::system_executor())); },
         errc::invalid_option, "is no connected stream socket"},
        {"not connected", [](DialHandler& h) { h({}, ::socket(AF_INET, SOCK_STREAM, 0)); }, errc::invalid_option,
         "is no connected stream socket"},
        {"datagrams", [](DialHandler& h) { h({}, ::socket(AF_INET, SOCK_DGRAM, 0)); }, errc::invalid_option,
         "is no connected stream socket"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        const ErrorInfo error = refused(edge.options().dialer(
            [&](asio::any_io_executor, std::string, std::uint16_t, DialHandler handler) { row.act(handler); }));
        CHECK(error.code() == row.code);
        CHECK(error.message().find(row.says) != std::string::npos);
        CHECK(error.message().find(edge.address()) != std::string::npos);
    }
    CHECK(with_error.is_closed());
    CHECK(edge.sessions() == 0);
}

TEST_CASE("what a dialer gives too late or twice is closed") {
    MockEdge edge;
    std::optional<DialHandler> kept;
    const auto keep = [&](asio::any_io_executor, std::string, std::uint16_t, DialHandler handler) {
        kept.emplace(std::move(handler));
    };
    const ErrorInfo error = refused(edge.options().dialer(keep).connect_timeout(200ms));
    CHECK(error.code() == errc::timed_out);
    CHECK(error.message() ==
          "the dialer's connect of " + edge.address() + " took longer than connect_timeout (200 ms)");
    LocalPair late;
    (*kept)({}, late.give());
    CHECK(late.is_closed());
    CHECK_FALSE(kept->is_wanted());
    kept.reset();

    { // a handler that outlives all it came from
        asio::io_context context;
        Session::async_connect(context.get_executor(), edge.options().dialer(keep), asio::detached);
        while (!kept) context.run_one_for(1s);
        CHECK(kept->is_wanted());
    }
    CHECK_FALSE(kept->is_wanted());
    LocalPair orphan;
    (*kept)({}, orphan.give());
    CHECK(orphan.is_closed());

    LocalPair second;
    const Session session = Session::connect(
        edge.options().dialer([&](asio::any_io_executor, std::string, std::uint16_t, DialHandler handler) {
            handler({}, connected(edge));
            handler({}, second.give());
        }));
    CHECK(session.is_open());
    CHECK(second.is_closed());
}

TEST_CASE("a dialer reaches the proxy if there is one") {
    MockEdge edge;
    std::string asked;
    const ErrorInfo error =
        refused(edge.options()
                    .proxy("http://joe:secret@proxy.invalid:8")
                    .dialer([&](asio::any_io_executor, std::string host, std::uint16_t port, DialHandler handler) {
                        asked = host + ":" + std::to_string(port);
                        handler(asio::error::connection_refused);
                    }));
    CHECK(asked == "proxy.invalid:8");
    CHECK(error.message() == "the way to the proxy: the dialer failed for proxy.invalid:8");
}

TEST_CASE("the edge sees the local address that was chosen") {
    MockEdge edge;
    const Session session = Session::connect(edge.options().bind_interface("127.0.0.2"));
    CHECK(session.is_open());
    CHECK(edge.sources() == std::vector<std::string>{"127.0.0.2"});
}

TEST_CASE("a local end that cannot be used is named") {
    MockEdge edge;
    ErrorInfo error = refused(edge.options().bind_interface("nosuch0"));
    CHECK(error.code() == std::errc::no_such_device);
    CHECK(error.message().find("bind_interface: \"nosuch0\" is no interface of this machine") != std::string::npos);
    error = refused(edge.options().bind_interface("192.0.2.77"));
    CHECK(error.code() == std::errc::address_not_available);
    CHECK(error.message().find("bind_interface: \"192.0.2.77\" is no address of this machine") != std::string::npos);
    error = refused(edge.options().server("127.0.0.1:" + std::to_string(edge.port())).bind_interface("2001:db8::1"));
    CHECK(error.code() == asio::error::address_family_not_supported);
    CHECK(error.message().find("another address family") != std::string::npos);
    CHECK(edge.sources().empty());
}

TEST_CASE("an edge that demands a client certificate gets it, and a session without one says so") {
    MockEdge edge;
    const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto issue = [now](const tls::CertificateAuthority& authority) {
        tls::LeafRequest request;
        request.client = true;
        request.common_name = "an agent";
        request.not_before = now - 1h;
        request.not_after = now + 24h;
        return *authority.issue(request);
    };
    const auto authority = tls::CertificateAuthority::create("agents", now);
    const auto others = tls::CertificateAuthority::create("others", now);
    edge.demand_client_certificate(authority->certificate_pem());
    const auto leaf = issue(*authority);
    const Session session = Session::connect(edge.options().client_certificate(leaf.certificate_pem, leaf.key_pem));
    echo(edge, session);

    ErrorInfo error = refused(edge.options());
    CHECK(error.message().find("the server requires a client certificate and got none") != std::string::npos);
    const auto wrong = issue(*others);
    error = refused(edge.options().client_certificate(wrong.certificate_pem, wrong.key_pem));
    CHECK(error.message().find("does not know the authority of our client certificate") != std::string::npos);
    CHECK(edge.requests(RequestType::auth).size() == 1);
}
