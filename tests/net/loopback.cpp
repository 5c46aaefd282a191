#include "loopback.hpp"

namespace adit::test {
namespace {

std::chrono::sys_seconds now() {
    return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
}

asio::awaitable<void> handshake(std::shared_ptr<net::TlsStream> stream, bool& done) {
    const Result<void> result = co_await stream->handshake();
    CHECK_MESSAGE(result.has_value(), result.error().to_string());
    done = true;
}

} // namespace

std::pair<Tcp::socket, Tcp::socket> socket_pair(asio::io_context& context) {
    Tcp::acceptor acceptor(context, Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    Tcp::socket a(context), b(context);
    a.connect(acceptor.local_endpoint());
    acceptor.accept(b);
    return {std::move(a), std::move(b)};
}

TlsWorld::TlsWorld() : authority(*tls::CertificateAuthority::create("test", now())) {
    const auto leaf = authority.issue_server({"localhost", "127.0.0.1"}, now());
    const auto identity = tls::Identity::from_pem(leaf->certificate_pem, leaf->key_pem);
    REQUIRE(identity.has_value());
    tls::ServerOptions options;
    options.select = [identity = *identity](std::string_view) { return identity; };
    server = *tls::ServerContext::create(options);
    client = client_trusting(authority.certificate_pem());
}

std::shared_ptr<const tls::ClientContext> TlsWorld::client_trusting(const std::string& ca_pem) const {
    tls::ClientOptions options;
    options.roots = *tls::TrustRoots::from_pem(ca_pem);
    return *tls::ClientContext::create(options);
}

void run_until(asio::io_context& context, const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        context.restart();
        context.run_one_for(std::chrono::milliseconds(100));
        REQUIRE_MESSAGE(std::chrono::steady_clock::now() < end, "the condition never came true");
    }
}

void run(asio::io_context& context, asio::awaitable<void> coroutine) {
    bool done = false;
    asio::co_spawn(context, std::move(coroutine), [&done](const std::exception_ptr& error) {
        done = true;
        if (error) std::rethrow_exception(error);
    });
    run_until(context, [&done] { return done; });
}

MuxPair::MuxPair(const net::MuxOptions& client_options, const net::MuxOptions& server_options, int socket_buffer) {
    auto [a, b] = socket_pair(context);
    for (Tcp::socket* socket : {&a, &b}) {
        if (socket_buffer == 0) break;
        socket->set_option(asio::socket_base::send_buffer_size(socket_buffer));
        socket->set_option(asio::socket_base::receive_buffer_size(socket_buffer));
    }
    auto client_tls = std::make_shared<net::TlsStream>(std::move(a), *tls::Engine::client(world.client, "localhost"));
    auto server_tls = std::make_shared<net::TlsStream>(std::move(b), tls::Engine::server(world.server));
    bool client_done = false, server_done = false;
    asio::co_spawn(context, handshake(client_tls, client_done), asio::detached);
    asio::co_spawn(context, handshake(server_tls, server_done), asio::detached);
    test::run_until(context, [&] { return client_done && server_done; });
    auto [client_socket, client_engine] = client_tls->release();
    auto [server_socket, server_engine] = server_tls->release();
    client = net::MuxSession::create(std::move(client_socket), std::move(client_engine), client_options, client_seen);
    server = net::MuxSession::create(std::move(server_socket), std::move(server_engine), server_options, server_seen);
    server->set_authenticated();
    client->start();
    server->start();
}

MuxPair::~MuxPair() {
    // Sessions end before the context does, so that nothing is left waiting in it.
    client_seen->streams.clear();
    server_seen->streams.clear();
    client->abort(ErrorInfo(errc::session_closed));
    server->abort(ErrorInfo(errc::session_closed));
    context.restart();
    context.run_for(std::chrono::seconds(20));
}

void MuxPair::run_until(const std::function<bool()>& condition) { test::run_until(context, condition); }
void MuxPair::run(asio::awaitable<void> coroutine) { test::run(context, std::move(coroutine)); }

std::pair<std::shared_ptr<net::MuxStream>, std::shared_ptr<net::MuxStream>> MuxPair::stream_pair() {
    auto opened = client->open(7);
    REQUIRE(opened.has_value());
    run_until([this] { return !server_seen->streams.empty(); });
    auto accepted = std::move(server_seen->streams.back());
    server_seen->streams.pop_back();
    return {*opened, accepted};
}

} // namespace adit::test
