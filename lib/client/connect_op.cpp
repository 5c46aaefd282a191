#include "client/connect_op.hpp"

#include "client/handle.hpp"
#include "client/roots.hpp"
#include "client/self_description.hpp"
#include "client/thrown.hpp"
#include "net/deadline.hpp"
#include "net/dial.hpp"
#include "net/rpc.hpp"
#include "net/tls_stream.hpp"
#include "proto/codec.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::detail {
namespace {

constexpr auto auth_type = static_cast<std::uint32_t>(RequestType::auth);

ErrorInfo in_step(const std::string& step, const ErrorInfo& error) {
    return {error.code(), error.message().empty() ? step + " failed" : step + ": " + error.message(), error.detail()};
}

net::MuxOptions mux_options(const SessionOptions::Data& options, bool window_growth) {
    muxado::Config core(muxado::Role::client);
    core.grow = window_growth;
    net::MuxOptions mux{core};
    mux.heartbeat_interval = options.heartbeat_interval;
    mux.heartbeat_tolerance = options.heartbeat_tolerance;
    return mux;
}

} // namespace

void ConnectOp::start(const asio::any_io_executor& executor, Background::Lease lease, const SessionOptions& options,
                      ErrorInfo* error, Handler handler) {
    auto slot = handler.slot();
    auto session = std::make_shared<SessionImpl>(executor, std::move(lease), options.data().rpc_time);
    auto op = std::make_shared<ConnectOp>(std::move(session), options, error, std::move(handler));
    if (slot.is_connected()) {
        slot.assign([weak = std::weak_ptr<ConnectOp>(op)](asio::cancellation_type type) {
            const bool total_only = type == asio::cancellation_type::total;
            if (const auto self = weak.lock(); self && !total_only)
                self->abandon(ErrorInfo(asio::error::operation_aborted, "the connect was cancelled"));
        });
    }
    Result<ServerTarget> target = check(options.data());
    if (!target) {
        op->finish(target.error());
        return;
    }
    op->target_ = std::move(*target);
    // On the strand, as everything that stops it: neither the time nor a cancellation comes between.
    asio::post(op->session_->strand(), [op] { op->begin(); });
}

void ConnectOp::begin() {
    if (abandoned_) return;
    deadline_.expires_after(options_.data().connect_timeout);
    deadline_.async_wait([weak = weak_from_this()](const std::error_code& ec) {
        const auto self = weak.lock();
        if (!ec && self) self->abandon(self->took_too_long());
    });
    const auto self = shared_from_this();
    const auto ended = [self](const std::exception_ptr& thrown) {
        if (thrown) self->finish(describe(thrown));
    };
    asio::co_spawn(session_->strand(), run(self), asio::bind_cancellation_slot(stop_.slot(), ended));
}

asio::awaitable<void> ConnectOp::run(std::shared_ptr<ConnectOp> op) {
    Result<void> done = co_await op->link();
    if (done) done = co_await op->authenticate();
    op->deadline_.cancel();
    op->finish(done.error());
}

asio::awaitable<Result<void>> ConnectOp::link() {
    const asio::any_io_executor strand = session_->strand();
    const std::string server = target_.text();
    const std::string tls_step = "TLS with " + server;
    const auto context = tls_context();
    if (!context) co_return context.error();
    Result<tls::Engine> engine = tls::Engine::client(*context, target_.verify_name);
    if (!engine) co_return engine.error();

    const std::string port = std::to_string(target_.port);
    const auto time = options_.data().connect_timeout;
    Result<net::Tcp::socket> socket = co_await net::dial(strand, target_.host, port, time);
    if (!socket) co_return socket.error();

    step_ = Step::tls;
    const auto stream = std::make_shared<net::TlsStream>(std::move(*socket), std::move(*engine));
    Result<void> shaken;
    {
        const net::Deadline bound(strand, time, [weak = std::weak_ptr<net::TlsStream>(stream)] {
            if (const auto late = weak.lock()) late->abort();
        });
        shaken = co_await stream->handshake();
    }
    if (!shaken) co_return in_step(tls_step, shaken.error());

    step_ = Step::authentication;
    auto parts = stream->release();
    const net::MuxOptions mux = mux_options(options_.data(), target_.window_growth);
    mux_ = net::MuxSession::create(std::move(parts.first), std::move(parts.second), mux, session_);
    const Result<void> attached = session_->attach(mux_);
    if (!attached) co_return attached.error();
    mux_->start();
    // Its first turn opens the heartbeat stream, which must have the lowest number, as with the official agents.
    co_await asio::post(strand, asio::use_awaitable);
    co_return Result<void>();
}

asio::awaitable<Result<void>> ConnectOp::authenticate() {
    const auto time = options_.data().connect_timeout;
    const std::string step = "authentication at " + target_.text();
    std::string request = auth_request();
    const Result<std::string> answer = co_await net::call(mux_, auth_type, std::move(request), time);
    const ErrorInfo ended = session_->ended();
    if (!answer && ended) co_return in_step(step, ended); // if the link broke, it knows more
    if (!answer) co_return in_step(step, answer.error());
    // What the edge said holds, also if it hung up right behind it.
    Result<AuthResponse> response = decode_auth_response(*answer);
    if (!response) co_return in_step(step, response.error());
    const auto& adit = response->extra.adit;
    if (adit && target_.window_growth) mux_->raise_window(std::min(limits::peer_window, adit->window));
    session_->go_online(std::move(response->client_id), std::move(response->extra.region),
                        std::move(response->extra.banner));
    co_return Result<void>();
}

Result<std::shared_ptr<const tls::ClientContext>> ConnectOp::tls_context() const {
    Result<tls::TrustRoots> roots = load_roots(options_.data());
    if (!roots) return roots.error();
    tls::ClientOptions client;
    client.roots = std::move(*roots);
    return tls::ClientContext::create(std::move(client));
}

std::string ConnectOp::auth_request() const {
    const SessionOptions::Data& options = options_.data();
    AuthRequest request;
    request.extra.os = system_name();
    request.extra.arch = machine_name();
    request.extra.auth_token = options.authtoken;
    request.extra.version = client_version(options.client_infos);
    request.extra.client_type = client_type(options.client_infos);
    request.extra.user_agent = user_agent(options.client_infos);
    request.extra.metadata = options.metadata;
    request.extra.heartbeat_interval = options.heartbeat_interval;
    request.extra.heartbeat_tolerance = options.heartbeat_tolerance;
    if (target_.window_growth) {
        AditExtension extension;
        extension.window = limits::peer_window;
        request.extra.adit = std::move(extension);
    }
    return encode(request);
}

ErrorInfo ConnectOp::took_too_long() const {
    const char* step = step_ == Step::dial ? "name lookup or TCP connect" : step_ == Step::tls ? "TLS" : "authentication";
    return {errc::timed_out, std::string(step) + " of " + target_.text() + " took longer than connect_timeout (" +
                                 std::to_string(options_.data().connect_timeout.count()) + " ms)"};
}

void ConnectOp::abandon(const ErrorInfo& why) {
    if (!finish(why)) return;
    asio::post(session_->strand(), [self = shared_from_this()] {
        self->abandoned_ = true;
        self->deadline_.cancel();
        self->stop_.emit(asio::cancellation_type::terminal);
    });
}

/// False if it was finished before.
bool ConnectOp::finish(const ErrorInfo& error) {
    Handler handler;
    ErrorInfo* out = nullptr;
    {
        const std::lock_guard lock(mutex_);
        handler = std::move(handler_);
        out = std::exchange(error_, nullptr);
    }
    if (!handler) {
        if (!error) session_->close(); // nobody waits for it any more
        return false;
    }
    if (error) session_->fail(error);
    if (out != nullptr) *out = error;
    handler.complete(error.code(), Session(make_handle(session_)));
    session_->ensure_completion();
    return true;
}

} // namespace adit
