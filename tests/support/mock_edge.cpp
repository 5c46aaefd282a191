#include "support/mock_edge.hpp"

#include "client/blocking.hpp"
#include "net/rpc.hpp"
#include "net/tls_stream.hpp"
#include "proto/codec.hpp"
#include "proto/proxy_header.hpp"

#include "support/doctest.hpp"

#include <algorithm>

namespace adit_test {

using namespace adit;
using net::Tcp;

namespace {

constexpr auto patience = std::chrono::seconds(20);

std::chrono::sys_seconds now() {
    return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
}

std::shared_ptr<const tls::ServerContext> server_context(const tls::CertificateAuthority& authority,
                                                         const std::string& client_ca = {}) {
    const auto leaf = authority.issue_server({"localhost", "127.0.0.1", "::1"}, now());
    REQUIRE(leaf.has_value());
    const auto identity = tls::Identity::from_pem(leaf->certificate_pem, leaf->key_pem);
    REQUIRE(identity.has_value());
    tls::ServerOptions options;
    options.select = [identity = *identity](std::string_view) { return identity; };
    if (!client_ca.empty()) {
        options.client_auth = tls::ClientAuth::require;
        options.client_roots = *tls::TrustRoots::from_pem(client_ca);
    }
    return *tls::ServerContext::create(options);
}

std::string url_of(const BindRequest& request, int number) {
    const auto host = [number](const std::string& domain) {
        return domain.empty() ? "t" + std::to_string(number) + ".tunnel.test" : domain;
    };
    if (const auto* http = std::get_if<HttpOpts>(&request.opts)) return request.protocol + "://" + host(http->domain);
    if (const auto* tls = std::get_if<TlsOpts>(&request.opts)) return "tls://" + host(tls->domain);
    const auto& tcp = std::get<TcpOpts>(request.opts);
    return "tcp://" + (tcp.addr.empty() ? "0.tcp.tunnel.test:" + std::to_string(20'000 + number) : tcp.addr);
}

} // namespace

// --- Visitor

std::error_code Visitor::try_write(std::string_view bytes) {
    while (!bytes.empty()) {
        BlockingCall<std::size_t> call;
        const detail::ConstBuffers buffers(asio::buffer(bytes.data(), bytes.size()));
        stream_->start_write(buffers, call.handler());
        if (!call.wait_for(patience)) stream_->cancel_write();
        call.wait();
        REQUIRE_MESSAGE(call.code() != asio::error::operation_aborted, "the visitor's write neither went on nor failed");
        if (call.code()) return call.code();
        bytes.remove_prefix(call.result<0>());
    }
    return {};
}

void Visitor::write(std::string_view bytes) {
    const std::error_code ec = try_write(bytes);
    REQUIRE_MESSAGE(!ec, "the visitor's write: " << ec.message());
}

std::string Visitor::read_some(std::error_code& end) {
    std::string buffer(64 * 1024, '\0');
    BlockingCall<std::size_t> call;
    stream_->start_read(asio::buffer(buffer.data(), buffer.size()), call.handler());
    if (!call.wait_for(patience)) stream_->cancel_read();
    call.wait();
    end = call.code();
    REQUIRE_MESSAGE(end != asio::error::operation_aborted, "the visitor got nothing in time");
    buffer.resize(call.result<0>());
    return buffer;
}

std::error_code Visitor::write_end() {
    const std::string block(16 * 1024, 'x');
    for (;;) {
        const std::error_code ec = try_write(block);
        if (ec) return ec;
    }
}

std::string Visitor::read(std::size_t n) {
    std::string out;
    std::error_code end;
    while (out.size() < n && !end) {
        BlockingCall<std::size_t> call;
        std::string piece(n - out.size(), '\0');
        stream_->start_read(asio::buffer(piece.data(), piece.size()), call.handler());
        if (!call.wait_for(patience)) stream_->cancel_read();
        call.wait();
        end = call.code();
        out.append(piece, 0, call.result<0>());
    }
    REQUIRE_MESSAGE(out.size() == n, "the visitor got " << out.size() << " of " << n << " bytes: " << end.message());
    return out;
}

std::string Visitor::read_all() {
    std::string out;
    std::error_code end;
    while (!end) out += read_some(end);
    CHECK_MESSAGE(end == asio::error::eof, "the visitor's stream ended with: " << end.message());
    return out;
}

std::error_code Visitor::read_end() {
    std::error_code end;
    while (!end) (void)read_some(end);
    return end;
}

// --- MockEdge

class MockEdge::Agent final : public net::MuxObserver, public std::enable_shared_from_this<Agent> {
public:
    explicit Agent(MockEdge& e) : edge(e) {}

    void on_stream(std::shared_ptr<net::MuxStream> stream, std::uint32_t type) override {
        asio::co_spawn(edge.context_, serve(shared_from_this(), std::move(stream), type), asio::detached);
    }
    void on_closed(const ErrorInfo&) override {
        const std::lock_guard lock(edge.mutex_);
        ++edge.ended_;
        edge.changed_.notify_all();
    }

    void on_heartbeat(std::chrono::steady_clock::duration) override {
        const std::lock_guard lock(edge.mutex_);
        ++edge.heartbeats_;
        edge.changed_.notify_all();
    }

    MockEdge& edge;
    std::shared_ptr<net::MuxSession> session;
};

MockEdge::MockEdge(const asio::ip::address& listen_on)
    : authority_(*tls::CertificateAuthority::create("mock edge", now())), tls_(server_context(authority_)),
      acceptor_(context_, Tcp::endpoint(listen_on, 0)), port_(acceptor_.local_endpoint().port()) {
    asio::co_spawn(context_, accept_loop(), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
}

MockEdge::~MockEdge() {
    context_.stop();
    thread_.join();
}

SessionOptions MockEdge::options() const {
    return SessionOptions().server(address()).roots_pem(ca_pem()).authtoken("token");
}

void MockEdge::answer_with(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
}

void MockEdge::around_answers(std::function<void(const SeenRequest&)> before,
                              std::function<void(const SeenRequest&)> after) {
    const std::lock_guard lock(mutex_);
    before_ = std::move(before);
    after_ = std::move(after);
}

void MockEdge::demand_client_certificate(const std::string& ca_pem) {
    auto demanding = server_context(authority_, ca_pem);
    const std::lock_guard lock(mutex_);
    tls_ = std::move(demanding);
}

void MockEdge::serve_tls(std::shared_ptr<const tls::ServerContext> context) {
    const std::lock_guard lock(mutex_);
    tls_ = std::move(context);
}

std::vector<std::string> MockEdge::sources() const {
    const std::lock_guard lock(mutex_);
    return sources_;
}

void MockEdge::mute_tls(bool on) {
    const std::lock_guard lock(mutex_);
    mute_ = on;
}

void MockEdge::drop_muted() {
    asio::post(context_, [this] { muted_.clear(); });
}

void MockEdge::wait_hello(std::size_t count) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, patience, [&] { return hellos_ >= count; });
    REQUIRE_MESSAGE(came, "only " << hellos_ << " of " << count << " ClientHellos");
}

void MockEdge::wait_given_up(std::size_t count) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, patience, [&] { return given_up_ >= count; });
    REQUIRE_MESSAGE(came, "only " << given_up_ << " of " << count << " requests were given up");
}

void MockEdge::heartbeat_every(std::chrono::milliseconds interval) {
    const std::lock_guard lock(mutex_);
    heartbeat_interval_ = interval;
}

void MockEdge::wait_heartbeats(std::size_t count) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, patience, [&] { return heartbeats_ >= count; });
    REQUIRE_MESSAGE(came, "only " << heartbeats_ << " of " << count << " heartbeats were answered");
}

std::vector<SeenRequest> MockEdge::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

std::vector<SeenRequest> MockEdge::requests(RequestType type) const {
    std::vector<SeenRequest> out;
    for (SeenRequest& request : requests())
        if (request.type == static_cast<std::uint32_t>(type)) out.push_back(std::move(request));
    return out;
}

SeenRequest MockEdge::wait_request(RequestType type, std::size_t count) {
    std::unique_lock lock(mutex_);
    const auto wanted = static_cast<std::uint32_t>(type);
    const auto seen = [this, wanted] {
        return static_cast<std::size_t>(std::ranges::count(requests_, wanted, &SeenRequest::type));
    };
    const bool came = changed_.wait_for(lock, patience, [&] { return seen() >= count; });
    REQUIRE_MESSAGE(came, "only " << seen() << " of " << count << " requests of type " << wanted);
    return *std::ranges::find(requests_.rbegin(), requests_.rend(), wanted, &SeenRequest::type);
}

std::size_t MockEdge::sessions() const {
    const std::lock_guard lock(mutex_);
    return agents_.size();
}

void MockEdge::wait_ended(std::size_t count) {
    std::unique_lock lock(mutex_);
    const bool ended = changed_.wait_for(lock, patience, [&] { return ended_ >= count; });
    REQUIRE_MESSAGE(ended, "only " << ended_ << " of " << count << " sessions ended");
}

std::shared_ptr<net::MuxSession> MockEdge::newest() const {
    const std::lock_guard lock(mutex_);
    REQUIRE(!agents_.empty());
    return agents_.back()->session;
}

Visitor MockEdge::open(std::uint32_t type, std::string_view bytes) {
    auto stream = newest()->open(type, as_bytes(bytes));
    REQUIRE_MESSAGE(stream.has_value(), stream.error().to_string());
    return Visitor(std::move(*stream));
}

Visitor MockEdge::visit(std::string_view bind_id, std::string_view protocol, bool passthrough_tls,
                        std::string_view client) {
    ProxyHeader header;
    header.id = bind_id;
    header.client_addr = client;
    header.protocol = protocol;
    header.passthrough_tls = passthrough_tls;
    return open(static_cast<std::uint32_t>(RequestType::proxy), encode(header));
}

void MockEdge::drop() { newest()->abort(ErrorInfo(errc::session_lost)); }
void MockEdge::goaway() { newest()->close(); }

asio::awaitable<void> MockEdge::accept_loop() {
    std::error_code ec;
    for (;;) {
        auto token = asio::redirect_error(asio::use_awaitable, ec);
        Tcp::socket socket = co_await acceptor_.async_accept(token);
        if (ec) co_return;
        bool mute = false;
        {
            const std::lock_guard lock(mutex_);
            mute = mute_;
            sources_.push_back(socket.remote_endpoint(ec).address().to_string());
        }
        if (mute) {
            asio::co_spawn(context_, ignore(std::move(socket)), asio::detached);
        } else {
            asio::co_spawn(context_, greet(std::move(socket)), asio::detached);
        }
    }
}

asio::awaitable<void> MockEdge::ignore(Tcp::socket socket) {
    std::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    co_await socket.async_wait(Tcp::socket::wait_read, token);
    muted_.push_back(std::move(socket));
    const std::lock_guard lock(mutex_);
    ++hellos_;
    changed_.notify_all();
}

asio::awaitable<void> MockEdge::greet(Tcp::socket socket) {
    std::shared_ptr<const tls::ServerContext> context;
    {
        const std::lock_guard lock(mutex_);
        context = tls_;
    }
    auto stream = std::make_shared<net::TlsStream>(std::move(socket), tls::Engine::server(context));
    const Result<void> shaken = co_await stream->handshake();
    if (!shaken) co_return;
    auto parts = stream->release();
    muxado::Config core(muxado::Role::server);
    core.authenticated = true;
    core.max_local_streams = 8'192;
    net::MuxOptions options{core};
    options.quick_ack = true;
    {
        const std::lock_guard lock(mutex_);
        options.heartbeat_interval = heartbeat_interval_;
    }
    auto agent = std::make_shared<Agent>(*this);
    agent->session = net::MuxSession::create(std::move(parts.first), std::move(parts.second), options, agent);
    {
        const std::lock_guard lock(mutex_);
        agents_.push_back(agent);
    }
    agent->session->start();
}

asio::awaitable<void> MockEdge::serve(std::shared_ptr<Agent> agent, std::shared_ptr<net::MuxStream> stream,
                                      std::uint32_t type) {
    MockEdge& edge = agent->edge;
    const Result<std::string> text = co_await net::read_request(stream, patience);
    if (!text) co_return;
    const SeenRequest request(stream->id(), type, *text);
    Answer answer;
    std::function<void(const SeenRequest&)> before;
    std::function<void(const SeenRequest&)> after;
    {
        const std::lock_guard lock(edge.mutex_);
        answer = edge.answer_;
        before = edge.before_;
        after = edge.after_;
        edge.requests_.push_back(request);
        edge.changed_.notify_all();
    }
    std::optional<std::string> reply = edge.default_answer(request);
    if (answer) reply = answer(request);
    if (!reply) { // stays open until the agent gives up
        const Result<std::string> more = co_await net::read_request(stream, patience);
        if (more.error().code() == errc::timed_out) co_return;
        const std::lock_guard lock(edge.mutex_);
        ++edge.given_up_;
        edge.changed_.notify_all();
        co_return;
    }
    if (before) before(request);
    (void)co_await net::reply(stream, std::move(*reply));
    if (after) after(request);
}

std::string MockEdge::default_answer(const SeenRequest& request) {
    int number = 0;
    {
        const std::lock_guard lock(mutex_);
        number = ++next_id_;
    }
    const std::string suffix = std::to_string(number);
    switch (static_cast<RequestType>(request.type)) {
    case RequestType::auth: {
        const auto auth = decode_auth_request(request.json);
        AuthResponse response;
        response.client_id = "client_" + suffix;
        response.extra.region = "test";
        response.extra.banner = "a mock";
        if (auth && auth->extra.adit) response.extra.adit.emplace().window = auth->extra.adit->window;
        return encode(response);
    }
    case RequestType::bind: {
        const auto bind = decode_bind_request(request.json);
        if (!bind) return encode_error(bind.error());
        // The token of a former bind brings its URL and id back.
        const std::string& token = bind->extra.token;
        const bool again = token.starts_with("tok_");
        if (again) number = std::stoi(token.substr(4));
        return encode(BindResponse(*bind, again ? bind->id : "tn_" + suffix, url_of(*bind, number), "tok_" + suffix));
    }
    case RequestType::start_tunnel_with_label: {
        StartTunnelWithLabelResponse response;
        response.id = "lbl_" + suffix;
        return encode(response);
    }
    default: return encode(EmptyResponse());
    }
}

} // namespace adit_test
