#include "edge/visitor.hpp"

#include "edge/balancer.hpp"
#include "edge/context.hpp"
#include "edge/gateway.hpp"
#include "edge/http1_visitor.hpp"
#include "edge/http2_visitor.hpp"
#include "edge/raw_proxy.hpp"
#include "edge/visitor_tls.hpp"
#include "http/error_page.hpp"
#include "http/writer.hpp"

namespace adit::inline v0::edge {
namespace {

constexpr HttpError plain_on_tls_port{400, "This port speaks TLS; use https:// instead of http://."};

net::Tcp::endpoint local_end(net::TcpStream& stream) {
    std::error_code ignored;
    return stream.socket().local_endpoint(ignored);
}

} // namespace

Visitor::Visitor(std::shared_ptr<VisitorSet> set, net::Tcp::socket socket, const net::Tcp::endpoint& remote)
    : VisitorHandle(std::move(set)), tcp_(std::make_shared<net::TcpStream>(std::move(socket))), stream_(tcp_),
      facts_(this->set().context.settings, remote, local_end(*tcp_)), limit_(this->set().timeouts, [this] { stream_->abort(); }) {}

Visitor::~Visitor() = default;

void Visitor::drain() {
    if (http_) http_->drain();
}

void Visitor::abort() noexcept {
    if (http_) {
        http_->abort();
    } else {
        stream_->abort();
    }
}

asio::awaitable<void> Visitor::serve_proxied(std::shared_ptr<Visitor> self, asio::awaitable<void> serve) {
    EdgeContext& context = self->set().context;
    self->limit_.arm(TimeoutKind::hello);
    const Result<std::optional<ProxiedEnds>> ends = co_await read_proxy_protocol(self->tcp_);
    self->limit_.disarm();
    if (!ends) {
        context.counters.proxy_headers_refused.fetch_add(1, std::memory_order_relaxed);
        context.log("debug", "the balancer at " + self->facts_.remote_text + " was refused: " + ends.error().to_string());
        self->stream_->close();
        co_return;
    }
    if (*ends) {
        const ProxiedEnds& said = **ends;
        self->facts_ = VisitorFacts(context.settings, to_tcp_endpoint(said.source), to_tcp_endpoint(said.destination));
    }
    co_await std::move(serve);
}

asio::awaitable<void> Visitor::serve_http(std::shared_ptr<Visitor> self) {
    net::Tcp::socket& socket = self->tcp_->socket();
    co_await self->proxy_http(socket);
}

asio::awaitable<void> Visitor::serve_tcp(std::shared_ptr<Visitor> self, std::uint16_t port) {
    const EndpointPtr endpoint = self->set().context.endpoints.find_tcp(port);
    ByteQueue first;
    bool ready = endpoint != nullptr;
    if (ready && endpoint->terminate_tls) {
        ByteQueue seen;
        ready = co_await self->read_hello(seen);
        if (ready) ready = co_await self->end_tls(endpoint->tls_context, std::move(seen));
    }
    if (ready) {
        co_await raw_proxy(self->set().context, self->stream_, self->facts_, endpoint, std::move(first));
    } else {
        self->stream_->close();
    }
}

asio::awaitable<void> Visitor::serve_https(std::shared_ptr<Visitor> self) {
    EdgeContext& context = self->set().context;
    ByteQueue seen;
    self->facts_.https = true;
    bool ready = co_await self->read_hello(seen);
    if (!ready) {
        self->stream_->close();
        co_return;
    }
    const std::string& name = self->facts_.server_name;
    if (self->set().agents && name == context.settings.agent_server_name) {
        ByteQueue nothing;
        net::Tcp::socket socket = self->tcp_->release(nothing);
        self->set().agents->adopt(std::move(socket), self->facts_.remote, std::move(seen));
        co_return;
    }
    const EndpointPtr endpoint = context.endpoints.find_tls(name);
    const bool raw = endpoint && endpoint->protocol() == UrlScheme::tls;
    if (raw && !endpoint->terminate_tls) {
        co_await raw_proxy(context, self->stream_, self->facts_, endpoint, std::move(seen));
        co_return;
    }
    // A name nobody serves gets our certificate and then a page that says so.
    std::shared_ptr<const tls::ServerContext> terms;
    if (endpoint) terms = endpoint->tls_context;
    ready = co_await self->end_tls(terms, std::move(seen));
    if (!ready) {
        self->stream_->close();
    } else if (raw) {
        ByteQueue empty;
        co_await raw_proxy(context, self->stream_, self->facts_, endpoint, std::move(empty));
    } else {
        co_await self->proxy_http(static_cast<net::TlsStream&>(*self->stream_).socket());
    }
}

/// Reads up to the end of the ClientHello and notes the name in it. False: he left, or speaks something else.
asio::awaitable<bool> Visitor::read_hello(ByteQueue& seen) {
    tls::ClientHelloReader reader;
    limit_.arm(TimeoutKind::hello);
    const auto state = co_await read_client_hello(tcp_, seen, reader);
    limit_.disarm();
    if (state == tls::ClientHelloReader::State::not_tls && looks_like_http(seen.view())) co_await say_this_is_tls();
    // A ClientHello that is malformed goes on to the TLS library, which sends the alert for it.
    facts_.server_name = reader.hello().server_name;
    co_return state == tls::ClientHelloReader::State::done || state == tls::ClientHelloReader::State::bad;
}

/// Ends TLS with an endpoint's context, or with the edge's for https endpoints if that is null.
asio::awaitable<bool> Visitor::end_tls(std::shared_ptr<const tls::ServerContext> context, ByteQueue seen) {
    ByteQueue nothing;
    net::Tcp::socket socket = tcp_->release(nothing);
    tls::Engine engine = tls::Engine::server(context ? context : set().context.tls.visitors);
    const auto stream = std::make_shared<net::TlsStream>(std::move(socket), std::move(engine), std::move(seen));
    stream_ = stream;
    limit_.arm(TimeoutKind::handshake);
    const Result<void> done = co_await stream->handshake();
    limit_.disarm();
    if (!done) co_return false;
    facts_.tls = TlsFacts::of(stream->engine(), std::move(context));
    co_return true;
}

asio::awaitable<void> Visitor::proxy_http(net::Tcp::socket& socket) {
    const bool http2 = facts_.tls && facts_.tls->alpn == "h2";
    std::shared_ptr<HttpVisitor> http;
    if (http2) {
        http = std::make_shared<Http2Visitor>(shared_set(), stream_, socket, std::move(facts_));
    } else {
        http = std::make_shared<Http1Visitor>(shared_set(), stream_, socket, std::move(facts_));
    }
    http_ = http;
    co_await http->run();
}

asio::awaitable<void> Visitor::say_this_is_tls() {
    const Page page = make_error_page(plain_on_tls_port);
    ByteQueue head;
    if (!write_head(head, page.head)) co_return;
    limit_.arm(TimeoutKind::handshake);
    co_await stream_->write(head.view(), as_bytes(page.body));
    limit_.disarm();
}

} // namespace adit
