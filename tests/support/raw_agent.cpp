#include "support/raw_agent.hpp"

#include "client/blocking.hpp"
#include "net/tls_stream.hpp"
#include "proto/codec.hpp"
#include "proto/json_end.hpp"

#include "support/doctest.hpp"

#include <future>

namespace adit_test {

using namespace adit;
using net::Tcp;

namespace {

constexpr auto patience = std::chrono::seconds(20);

asio::awaitable<void> shake_hands(std::shared_ptr<net::TlsStream> stream, std::shared_ptr<std::promise<ErrorInfo>> done) {
    const Result<void> result = co_await stream->handshake();
    done->set_value(result.error());
}

} // namespace

// --- AgentStream

void AgentStream::write(std::string_view bytes) {
    const std::error_code code = try_write(bytes);
    REQUIRE_MESSAGE(!code, "the agent's write: " << code.message());
}

std::error_code AgentStream::try_write(std::string_view bytes) {
    while (!bytes.empty()) {
        BlockingCall<std::size_t> call;
        const detail::ConstBuffers buffers(asio::buffer(bytes.data(), bytes.size()));
        stream_->start_write(buffers, call.handler());
        if (!call.wait_for(patience)) stream_->cancel_write();
        call.wait();
        REQUIRE_MESSAGE(call.code() != asio::error::operation_aborted, "the edge took nothing in time");
        if (call.code()) return call.code();
        bytes.remove_prefix(call.result<0>());
    }
    return {};
}

std::string AgentStream::read_some(std::error_code& end) {
    end.clear();
    if (!read_ahead_.empty()) return std::exchange(read_ahead_, {});
    std::string buffer(16 * 1024, '\0');
    BlockingCall<std::size_t> call;
    stream_->start_read(asio::buffer(buffer.data(), buffer.size()), call.handler());
    if (!call.wait_for(patience)) stream_->cancel_read();
    call.wait();
    end = call.code();
    REQUIRE_MESSAGE(end != asio::error::operation_aborted, "the agent got nothing in time");
    buffer.resize(end ? 0 : call.result<0>());
    return buffer;
}

std::string AgentStream::read(std::size_t n) {
    std::string out = std::exchange(read_ahead_, {});
    while (out.size() < n) {
        std::error_code end;
        out += read_some(end);
        REQUIRE_MESSAGE(!end, "the stream ended after " << out.size() << " of " << n << " bytes: " << end.message());
    }
    read_ahead_ = out.substr(n);
    out.resize(n);
    return out;
}

std::string AgentStream::read_all() {
    std::string out;
    std::error_code end;
    while (!end) out += read_some(end);
    CHECK_MESSAGE(end == asio::error::eof, "the stream ended by " << end.message());
    return out;
}

std::error_code AgentStream::read_end() {
    std::error_code end;
    while (!end) (void)read_some(end);
    return end;
}

std::string AgentStream::read_json() {
    JsonReader reader;
    while (!reader.done()) {
        const std::string byte = read(1);
        REQUIRE(reader.feed(as_bytes(byte)));
    }
    return reader.text();
}

ProxyHeader AgentStream::read_proxy_header() {
    ProxyHeaderReader reader;
    while (!reader.done()) {
        const std::string byte = read(1);
        REQUIRE(reader.feed(as_bytes(byte)));
    }
    return reader.header();
}

// --- RawAgent

class RawAgent::Observer final : public net::MuxObserver {
public:
    void on_stream(std::shared_ptr<net::MuxStream> stream, std::uint32_t type) override {
        const std::lock_guard lock(mutex);
        streams.emplace_back(std::move(stream), type);
        changed.notify_all();
    }
    void on_closed(const ErrorInfo& why) override {
        const std::lock_guard lock(mutex);
        closed = why ? why : ErrorInfo(errc::session_lost);
        changed.notify_all();
    }

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<AgentStream> streams;
    std::optional<ErrorInfo> closed;
};

RawAgent::RawAgent(std::uint16_t port, const std::string& ca_pem)
    : work_(context_.get_executor()), observer_(std::make_shared<Observer>()) {
    tls::ClientOptions options;
    const auto roots = tls::TrustRoots::from_pem(ca_pem);
    REQUIRE(roots);
    options.roots = *roots;
    const auto trust = tls::ClientContext::create(std::move(options));
    REQUIRE(trust);
    auto engine = tls::Engine::client(*trust, "127.0.0.1");
    REQUIRE(engine);
    Tcp::socket socket(context_);
    socket.connect(Tcp::endpoint(asio::ip::address_v4::loopback(), port));

    const auto stream = std::make_shared<net::TlsStream>(std::move(socket), std::move(*engine));
    const auto done = std::make_shared<std::promise<ErrorInfo>>();
    auto result = done->get_future();
    asio::co_spawn(context_, shake_hands(stream, done), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
    const bool in_time = result.wait_for(patience) == std::future_status::ready;
    const ErrorInfo error = in_time ? result.get() : ErrorInfo(errc::timed_out);
    if (error) {
        work_.reset();
        context_.stop();
        thread_.join();
        FAIL("no TLS with the edge: " << error.to_string());
    }
    auto [plain_socket, plain_engine] = stream->release();
    net::MuxOptions mux{muxado::Config(muxado::Role::client)};
    mux.heartbeat_interval = std::chrono::milliseconds(0); // a test that wants heartbeats sends them
    session_ = net::MuxSession::create(std::move(plain_socket), std::move(plain_engine), mux, observer_);
    session_->start();
}

RawAgent::~RawAgent() {
    thaw();
    session_->abort(ErrorInfo(errc::session_closed));
    {
        std::unique_lock lock(observer_->mutex);
        observer_->changed.wait_for(lock, patience, [this] { return observer_->closed.has_value(); });
        observer_->streams.clear();
    }
    work_.reset();
    context_.stop();
    thread_.join();
}

AgentStream RawAgent::open(RequestType type, std::string_view first) {
    const auto stream = session_->open(static_cast<std::uint32_t>(type), as_bytes(first));
    REQUIRE_MESSAGE(stream, "no stream: " << stream.error().to_string());
    return AgentStream(*stream, static_cast<std::uint32_t>(type));
}

std::string RawAgent::call(RequestType type, std::string_view json) {
    AgentStream stream = open(type);
    std::string response;
    std::error_code end;
    (void)stream.try_write(json); // what was refused half way has its answer all the same
    while (!end) response += stream.read_some(end);
    return end == asio::error::eof ? response : std::string();
}

Result<AuthResponse> RawAgent::auth(const AuthRequest& request) {
    return decode_auth_response(call(RequestType::auth, encode(request)));
}

Result<BindResponse> RawAgent::bind(const BindRequest& request) {
    return decode_bind_response(call(RequestType::bind, encode(request)));
}

AuthResponse RawAgent::login(std::string_view token) {
    const auto response = auth(auth_request(token));
    REQUIRE_MESSAGE(response, "refused: " << response.error().to_string());
    return *response;
}

AuthResponse RawAgent::login_again(std::string_view token, const AuthResponse& former) {
    AuthRequest request = auth_request(token);
    request.client_id = former.client_id;
    request.extra.cookie = former.extra.cookie;
    const auto response = auth(request);
    REQUIRE_MESSAGE(response, "refused: " << response.error().to_string());
    return *response;
}

int RawAgent::bind_refusal(std::string_view url) {
    const auto response = bind(bind_request(url));
    return response ? 0 : response.error().code().value();
}

BindResponse RawAgent::bind_url(std::string_view url) {
    const auto response = bind(bind_request(url));
    REQUIRE_MESSAGE(response, "refused: " << response.error().to_string());
    return *response;
}

AgentStream RawAgent::accept() {
    std::unique_lock lock(observer_->mutex);
    const bool came = observer_->changed.wait_for(lock, patience, [this] { return !observer_->streams.empty(); });
    REQUIRE_MESSAGE(came, "the edge opened no stream");
    AgentStream stream = std::move(observer_->streams.front());
    observer_->streams.pop_front();
    return stream;
}

bool RawAgent::accepts_within(std::chrono::milliseconds time) {
    std::unique_lock lock(observer_->mutex);
    return observer_->changed.wait_for(lock, time, [this] { return !observer_->streams.empty(); });
}

ErrorInfo RawAgent::wait_closed() {
    std::unique_lock lock(observer_->mutex);
    const bool closed = observer_->changed.wait_for(lock, patience, [this] { return observer_->closed.has_value(); });
    REQUIRE_MESSAGE(closed, "the edge did not end the session");
    return *observer_->closed;
}

bool RawAgent::is_closed() {
    const std::lock_guard lock(observer_->mutex);
    return observer_->closed.has_value();
}

void RawAgent::freeze() {
    frozen_.emplace();
    const auto stopped = std::make_shared<std::promise<void>>();
    asio::post(context_, [stopped, thawed = frozen_->get_future().share()] {
        stopped->set_value();
        thawed.wait();
    });
    stopped->get_future().wait();
}

void RawAgent::thaw() {
    if (frozen_) frozen_->set_value();
    frozen_.reset();
}

void RawAgent::cut() { session_->abort(ErrorInfo(errc::session_lost, "cut by the test")); }

ErrorInfo error_of(std::string_view response) {
    const auto decoded = decode_empty_response(response);
    return decoded ? ErrorInfo() : decoded.error();
}

AuthRequest auth_request(std::string_view token) {
    AuthRequest request;
    request.extra.auth_token = token;
    request.extra.client_type = "raw";
    request.extra.user_agent = "raw/1.0";
    return request;
}

BindRequest bind_request(std::string_view url) {
    BindRequest request;
    request.protocol = url.substr(0, url.find("://"));
    request.forwards_to = "app://test";
    if (request.protocol == "tcp") {
        TcpOpts opts;
        opts.url = url;
        request.opts = opts;
    } else if (request.protocol == "tls") {
        TlsOpts opts;
        opts.url = url;
        request.opts = opts;
    } else {
        HttpOpts opts;
        opts.url = url;
        request.opts = opts;
    }
    return request;
}

} // namespace adit_test
