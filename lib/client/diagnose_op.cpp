#include "client/diagnose_op.hpp"

#include "client/link_op.hpp"
#include "client/own_thread.hpp"
#include "client/reach.hpp"
#include "client/thrown.hpp"
#include "net/deadline.hpp"
#include "net/dial.hpp"
#include "net/rpc.hpp"
#include "proto/codec.hpp"

#include <utility>

namespace adit::inline v0::detail {

/// Sees the first heartbeat come back.
class DiagnoseOp::Watch final : public net::MuxObserver {
public:
    explicit Watch(const asio::any_io_executor& executor) : changed(executor) {}

    void on_stream(std::shared_ptr<net::MuxStream> stream, std::uint32_t) override { stream->close(); }
    void on_closed(const ErrorInfo& reason) override {
        ended = reason;
        changed.cancel();
    }
    void on_heartbeat(std::chrono::steady_clock::duration) override {
        beaten = true;
        changed.cancel();
    }

    asio::steady_timer changed;
    ErrorInfo ended;
    bool beaten = false;
};

void DiagnoseOp::start(const asio::any_io_executor& executor, Background::Lease lease, const SessionOptions& options,
                       Handler handler) {
    auto slot = handler.slot();
    const auto op = std::make_shared<DiagnoseOp>(one_at_a_time(executor), std::move(lease), options, std::move(handler));
    if (slot.is_connected()) {
        slot.assign([weak = std::weak_ptr<DiagnoseOp>(op)](asio::cancellation_type) {
            const auto self = weak.lock();
            if (!self) return;
            self->finish(asio::error::operation_aborted, Diagnosis());
            asio::post(self->strand_, [self] { self->stop_.emit(asio::cancellation_type::terminal); });
        });
    }
    Result<ServerTarget> target = check(options.data());
    if (!target) {
        op->diagnosis_.add(DiagnosisStep(Kind::name, std::chrono::microseconds(0), target.error(), {}));
        op->finish(target.error().code(), op->diagnosis_);
        return;
    }
    op->target_ = std::move(*target);
    asio::post(op->strand_, [op] {
        const auto ended = [op](const std::exception_ptr& thrown) {
            if (thrown) op->finish(describe(thrown).code(), op->diagnosis_);
        };
        asio::co_spawn(op->strand_, run(op), asio::bind_cancellation_slot(op->stop_.slot(), ended));
    });
}

asio::awaitable<void> DiagnoseOp::run(std::shared_ptr<DiagnoseOp> op) {
    const SessionOptions::Data& options = op->options_.data();
    const auto proxy = proxy_for(options, op->target_.host);
    const bool straight = !options.dialer && !(proxy && *proxy);
    bool good = true;
    if (straight) good = co_await op->step(Kind::name, op->look_up());
    if (good) good = co_await op->step(Kind::tcp, op->connect());
    if (good) good = co_await op->step(Kind::tls, op->handshake());
    if (good) good = co_await op->step(Kind::mux, op->beat());
    if (good) good = co_await op->step(Kind::srv_info, op->ask());
    if (op->mux_) op->mux_->close();
    op->finish(op->diagnosis_.error().code(), op->diagnosis_);
}

asio::awaitable<bool> DiagnoseOp::step(Kind kind, asio::awaitable<Result<std::string>> work) {
    const auto began = std::chrono::steady_clock::now();
    const Result<std::string> done = co_await std::move(work);
    const auto time = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
    diagnosis_.add(DiagnosisStep(kind, time, done.error(), done ? *done : std::string()));
    co_return done.has_value();
}

asio::awaitable<Result<std::string>> DiagnoseOp::look_up() {
    const auto time = options_.data().connect_timeout;
    const auto addresses = co_await net::resolve(strand_, target_.host, std::to_string(target_.port), time);
    if (!addresses) co_return addresses.error();
    std::string found;
    for (const net::Tcp::endpoint& address : *addresses) found += (found.empty() ? "" : ", ") + address.address().to_string();
    co_return found;
}

asio::awaitable<Result<std::string>> DiagnoseOp::connect() {
    Result<net::Tcp::socket> socket = co_await reach(strand_, options_.data(), target_);
    if (!socket) co_return socket.error();
    std::error_code ec;
    const net::Tcp::endpoint peer = socket->remote_endpoint(ec);
    socket_.emplace(std::move(*socket));
    if (ec) co_return std::string();
    co_return peer.address().to_string();
}

asio::awaitable<Result<std::string>> DiagnoseOp::handshake() {
    const auto context = client_tls_context(options_.data());
    if (!context) co_return context.error();
    Result<tls::Engine> engine = tls::Engine::client(*context, target_.verify_name);
    if (!engine) co_return engine.error();
    stream_ = std::make_shared<net::TlsStream>(std::move(*socket_), std::move(*engine));
    const net::Deadline bound(strand_, options_.data().connect_timeout, [weak = std::weak_ptr<net::TlsStream>(stream_)] {
        if (const auto late = weak.lock()) late->abort();
    });
    const Result<void> shaken = co_await stream_->handshake();
    if (!shaken && bound.expired()) co_return ErrorInfo(errc::timed_out, "the edge did not finish the TLS handshake in time");
    if (!shaken) co_return shaken.error();
    co_return std::string(stream_->engine().version());
}

asio::awaitable<Result<std::string>> DiagnoseOp::beat() {
    auto parts = stream_->release();
    watch_ = std::make_shared<Watch>(strand_);
    const net::MuxOptions mux = link_options(options_.data(), false);
    mux_ = net::MuxSession::create(std::move(parts.first), std::move(parts.second), mux, watch_);
    watch_->changed.expires_after(options_.data().connect_timeout);
    mux_->start();
    std::error_code ec;
    if (!watch_->beaten && !watch_->ended) co_await watch_->changed.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    if (watch_->beaten) co_return std::string("heartbeat echoed");
    if (watch_->ended) co_return watch_->ended;
    co_return ErrorInfo(errc::timed_out, "the edge did not echo a heartbeat in time: is it one?");
}

asio::awaitable<Result<std::string>> DiagnoseOp::ask() {
    const auto type = static_cast<std::uint32_t>(RequestType::srv_info);
    std::string request = encode(SrvInfoRequest());
    const auto time = options_.data().connect_timeout;
    const Result<std::string> answer = co_await net::call(mux_, type, std::move(request), time);
    if (!answer) co_return answer.error();
    const Result<SrvInfoResponse> info = decode_srv_info_response(*answer);
    if (!info) co_return info.error();
    co_return "region \"" + info->region + "\"";
}

void DiagnoseOp::finish(std::error_code code, Diagnosis diagnosis) {
    Handler handler;
    {
        const std::lock_guard lock(mutex_);
        handler = std::move(handler_);
    }
    if (handler) handler.complete(code, std::move(diagnosis));
}

} // namespace adit
