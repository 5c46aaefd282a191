#include "client/link_op.hpp"

#include "client/leg.hpp"
#include "client/reach.hpp"
#include "client/roots.hpp"
#include "client/self_description.hpp"
#include "client/session_impl.hpp"
#include "client/thrown.hpp"
#include "net/deadline.hpp"
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

/// In the words of our options.
ErrorInfo with_option(const ErrorInfo& error) {
    if (error.code() != errc::client_certificate_refused) return error;
    return {error.code(), error.message() + ": SessionOptions::client_certificate() must give one that it accepts",
            error.detail()};
}

// Official agents say "" when they have a handler (agent-protocol 3.4).
std::string unsupported(const CommandHandler& handler) { return handler ? std::string() : std::string(command_unsupported); }

} // namespace

net::MuxOptions link_options(const SessionOptions::Data& options, bool window_growth) {
    muxado::Config core(muxado::Role::client);
    core.grow = window_growth;
    net::MuxOptions mux{core};
    mux.heartbeat_interval = options.heartbeat_interval;
    mux.heartbeat_tolerance = options.heartbeat_tolerance;
    return mux;
}

// --- Link

void Link::on_stream(std::shared_ptr<net::MuxStream> stream, std::uint32_t type) {
    if (const auto session = session_.lock()) session->on_stream(std::move(stream), type);
}

void Link::on_closed(const ErrorInfo& reason) {
    const auto self = shared_from_this();
    std::string story = "the link to the edge broke";
    if (!reason.message().empty()) story += ": " + reason.message();
    ended_ = ErrorInfo(errc::session_lost, std::move(story), reason.detail());
    // In TLS 1.3 our handshake is done before the edge has judged our certificate.
    if (reason.code() == errc::client_certificate_refused) ended_ = with_option(reason);
    if (const auto leg = leg_.lock()) leg->on_link_ended(*this);
    // Last: what the session held for its links may go now.
    if (const auto session = session_.lock()) session->detach(self);
}

void Link::on_heartbeat(std::chrono::steady_clock::duration latency) {
    const auto session = session_.lock();
    const auto leg = leg_.lock();
    if (session && leg) session->on_heartbeat(leg->number(), latency);
}

// --- LinkOp

LinkOp::LinkOp(std::shared_ptr<SessionImpl> session, std::shared_ptr<Leg> leg, ServerTarget target, Handler handler)
    : session_(std::move(session)), leg_(std::move(leg)), target_(std::move(target)), handler_(std::move(handler)),
      deadline_(session_->strand()) {}

void LinkOp::start() {
    deadline_.expires_after(session_->options().connect_timeout);
    deadline_.async_wait([weak = weak_from_this()](const std::error_code& ec) {
        const auto self = weak.lock();
        if (!ec && self) self->stop(self->took_too_long());
    });
    const auto self = shared_from_this();
    const auto ended = [self](const std::exception_ptr& thrown) {
        if (thrown) self->finish(describe(thrown));
    };
    asio::co_spawn(session_->strand(), run(self), asio::bind_cancellation_slot(stop_.slot(), ended));
}

asio::awaitable<void> LinkOp::run(std::shared_ptr<LinkOp> op) {
    Result<void> done = co_await op->connect();
    if (done) done = co_await op->authenticate();
    op->finish(done.error());
}

asio::awaitable<Result<void>> LinkOp::connect() {
    const asio::any_io_executor strand = session_->strand();
    const std::string server = target_.text();
    const std::string tls_step = "TLS with " + server;
    const auto context = client_tls_context(session_->options());
    if (!context) co_return context.error();
    Result<tls::Engine> engine = tls::Engine::client(*context, target_.verify_name);
    if (!engine) co_return engine.error();

    const auto time = session_->options().connect_timeout;
    Result<net::Tcp::socket> socket = co_await reach(strand, session_->options(), target_);
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
    if (!shaken) co_return in_step(tls_step, with_option(shaken.error()));

    step_ = Step::authentication;
    auto parts = stream->release();
    const net::MuxOptions mux = link_options(session_->options(), target_.window_growth);
    link_ = std::make_shared<Link>(session_, leg_);
    link_->own(net::MuxSession::create(std::move(parts.first), std::move(parts.second), mux, link_));
    const Result<void> attached = session_->attach(link_);
    if (!attached) co_return attached.error();
    link_->mux()->start();
    // Its first turn opens the heartbeat stream, which must have the lowest number, as with the official agents.
    co_await asio::post(strand, asio::use_awaitable);
    co_return Result<void>();
}

asio::awaitable<Result<void>> LinkOp::authenticate() {
    const auto time = session_->options().connect_timeout;
    std::string step = "authentication at " + target_.text();
    std::string request = auth_request();
    const Result<std::string> answer = co_await net::call(link_->mux(), auth_type, std::move(request), time);
    if (!answer && link_->ended().code() == errc::client_certificate_refused) step = "TLS with " + target_.text();
    if (!answer && link_->ended()) co_return in_step(step, link_->ended()); // if the link broke, it knows more
    if (!answer) co_return in_step(step, answer.error());
    // What the edge said holds, also if it hung up right behind it.
    Result<AuthResponse> response = decode_auth_response(*answer);
    if (!response) co_return in_step(step, response.error());
    answer_ = std::move(*response);
    const auto& adit = answer_.extra.adit;
    if (adit && target_.window_growth) link_->mux()->raise_window(std::min(limits::peer_window, adit->window));
    co_return Result<void>();
}

std::string LinkOp::auth_request() const {
    const SessionOptions::Data& options = session_->options();
    AuthRequest request;
    request.client_id = session_->id();
    request.extra.cookie = session_->cookie();
    request.extra.os = system_name();
    request.extra.arch = machine_name();
    request.extra.auth_token = options.authtoken;
    request.extra.version = client_version(options.client_infos);
    request.extra.client_type = client_type(options.client_infos);
    request.extra.user_agent = user_agent(options.client_infos);
    request.extra.metadata = options.metadata;
    request.extra.heartbeat_interval = options.heartbeat_interval;
    request.extra.heartbeat_tolerance = options.heartbeat_tolerance;
    request.extra.stop_unsupported_error = unsupported(options.on_stop);
    request.extra.restart_unsupported_error = unsupported(options.on_restart);
    request.extra.update_unsupported_error = unsupported(options.on_update);
    if (leg_->number() != 0) request.extra.leg_number = leg_->number();
    if (target_.window_growth) {
        AditExtension extension;
        extension.window = limits::peer_window;
        request.extra.adit = std::move(extension);
    }
    return encode(request);
}

ErrorInfo LinkOp::took_too_long() const {
    const char* step = step_ == Step::tls ? "TLS of " : "authentication of ";
    const std::string what = step_ == Step::dial ? describe_reach(session_->options(), target_) : step + target_.text();
    return {errc::timed_out, what + " took longer than connect_timeout (" +
                                 std::to_string(session_->options().connect_timeout.count()) + " ms)"};
}

void LinkOp::stop(const ErrorInfo& why) {
    finish(why);
    stop_.emit(asio::cancellation_type::terminal);
}

void LinkOp::finish(const ErrorInfo& error) {
    const Handler handler = std::exchange(handler_, nullptr);
    if (!handler) return;
    deadline_.cancel();
    if (error && link_) link_->mux()->close();
    handler(error, error ? nullptr : link_, answer_);
}

} // namespace adit
