#include <adit/session.hpp>

#include "client/blocking.hpp"
#include "client/connect_op.hpp"
#include "client/diagnose_op.hpp"
#include "client/forward_op.hpp"
#include "client/session_impl.hpp"

#include <utility>

namespace adit::inline v0 {
namespace {

ErrorInfo would_deadlock(const char* call) {
    return {errc::would_deadlock,
            std::string(call) + " blocks, and this thread would have to complete it: use the asynchronous form"};
}

ErrorInfo no_session() { return {errc::session_closed, "this handle has no session"}; }

} // namespace

Session::Session() noexcept = default;
Session::Session(const Session&) noexcept = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(const Session&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;
Session::Session(std::shared_ptr<detail::SessionImpl> impl) noexcept : impl_(std::move(impl)) {}

Session Session::connect(const SessionOptions& options) {
    ErrorInfo error;
    Session session = connect(options, error);
    if (error) throw SystemError(error);
    return session;
}

Session Session::connect(const SessionOptions& options, std::error_code& ec) {
    ErrorInfo error;
    Session session = connect(options, error);
    ec = error.code();
    return session;
}

Session Session::connect(const SessionOptions& options, ErrorInfo& error) {
    if (Background::runs_on_this_thread()) {
        error = would_deadlock("connect");
        return {};
    }
    Result<Background::Lease> lease = Background::acquire();
    if (!lease) {
        error = lease.error();
        return {};
    }
    BlockingCall<Session> call;
    detail::ConnectOp::start(Background::executor(), std::move(*lease), options, &error, call.handler());
    call.wait();
    return std::move(call.result<0>());
}

Diagnosis Session::diagnose(const SessionOptions& options) {
    Diagnosis diagnosis;
    Result<Background::Lease> lease = ErrorInfo(errc::would_deadlock);
    if (Background::runs_on_this_thread()) {
        lease = would_deadlock("diagnose");
    } else {
        lease = Background::acquire();
    }
    if (!lease) {
        diagnosis.add(DiagnosisStep(DiagnosisStep::Kind::name, std::chrono::microseconds(0), lease.error(), {}));
        return diagnosis;
    }
    BlockingCall<Diagnosis> call;
    detail::DiagnoseOp::start(Background::executor(), std::move(*lease), options, call.handler());
    call.wait();
    return std::move(call.result<0>());
}

void Session::start_diagnose(const asio::any_io_executor& executor, const SessionOptions& options,
                             DiagnoseHandler handler) {
    detail::DiagnoseOp::start(executor, {}, options, std::move(handler));
}

void Session::start_connect(const asio::any_io_executor& executor, const SessionOptions& options, ErrorInfo* error,
                            ConnectHandler handler) {
    // Another session's executor may be the background thread's, which then must stay for this one too.
    Background::Lease lease;
    if (executor == Background::executor()) {
        Result<Background::Lease> acquired = Background::acquire();
        if (acquired) lease = std::move(*acquired);
    }
    detail::ConnectOp::start(executor, std::move(lease), options, error, std::move(handler));
}

Session::executor_type Session::get_executor() const {
    if (!impl_) return asio::system_executor();
    return impl_->executor();
}

bool Session::is_open() const noexcept { return impl_ && impl_->is_open(); }
bool Session::is_online() const noexcept { return impl_ && impl_->is_online(); }
SessionDetails Session::details() const { return impl_ ? impl_->details() : SessionDetails(); }
std::chrono::microseconds Session::latency() const noexcept {
    return impl_ ? impl_->latency() : std::chrono::microseconds(0);
}
std::string Session::id() const { return impl_ ? impl_->id() : std::string(); }
std::string Session::region() const { return impl_ ? impl_->details().region() : std::string(); }
std::string Session::banner() const { return impl_ ? impl_->details().banner() : std::string(); }
ErrorInfo Session::last_error() const { return impl_ ? impl_->last_error() : ErrorInfo(); }

Listener Session::listen(const Endpoint& endpoint) {
    ErrorInfo error;
    Listener listener = listen(endpoint, error);
    if (error) throw SystemError(error);
    return listener;
}

Listener Session::listen(const Endpoint& endpoint, std::error_code& ec) {
    ErrorInfo error;
    Listener listener = listen(endpoint, error);
    ec = error.code();
    return listener;
}

Listener Session::listen(const Endpoint& endpoint, ErrorInfo& error) {
    if (!impl_) {
        error = no_session();
        return {};
    }
    if (impl_->is_own_thread()) {
        error = would_deadlock("listen");
        return {};
    }
    BlockingCall<Listener> call;
    impl_->start_listen(endpoint.data(), &error, call.handler());
    call.wait();
    return std::move(call.result<0>());
}

void Session::start_listen(const Impl& impl, const Endpoint& endpoint, ErrorInfo* error, ListenHandler handler) {
    if (impl) {
        impl->start_listen(endpoint.data(), error, std::move(handler));
        return;
    }
    if (error != nullptr) *error = no_session();
    handler.complete(errc::session_closed, Listener());
}

Forwarder Session::forward(const Endpoint& endpoint, const Upstream& upstream) {
    ErrorInfo error;
    Forwarder forwarder = forward(endpoint, upstream, error);
    if (error) throw SystemError(error);
    return forwarder;
}

Forwarder Session::forward(const Endpoint& endpoint, const Upstream& upstream, std::error_code& ec) {
    ErrorInfo error;
    Forwarder forwarder = forward(endpoint, upstream, error);
    ec = error.code();
    return forwarder;
}

Forwarder Session::forward(const Endpoint& endpoint, const Upstream& upstream, ErrorInfo& error) {
    if (!impl_) {
        error = no_session();
        return {};
    }
    if (impl_->is_own_thread()) {
        error = would_deadlock("forward");
        return {};
    }
    BlockingCall<Forwarder> call;
    start_forward(impl_, endpoint, upstream, &error, call.handler());
    call.wait();
    return std::move(call.result<0>());
}

void Session::start_forward(const Impl& impl, const Endpoint& endpoint, const Upstream& upstream, ErrorInfo* error,
                            ForwardHandler handler) {
    ErrorInfo refused = impl ? ErrorInfo() : no_session();
    Result<detail::ForwardSetup> setup = detail::prepare_forward(endpoint, upstream);
    if (!refused && !setup) refused = setup.error();
    if (refused) {
        if (impl) impl->remember_error(refused);
        if (error != nullptr) *error = refused;
        handler.complete(refused.code(), Forwarder());
        if (impl) impl->ensure_completion();
        return;
    }
    const std::shared_ptr<detail::SessionImpl> session = impl->shared_from_this(); // not a handle: it does not count
    const auto slot = handler.slot();
    detail::ForwardListening listening(session, std::move(setup->plan), std::move(handler));
    if (!slot.is_connected()) {
        session->start_listen(setup->endpoint.data(), error, ListenHandler(std::move(listening), session->executor()));
        return;
    }
    auto cancellable = asio::bind_cancellation_slot(slot, std::move(listening));
    session->start_listen(setup->endpoint.data(), error, ListenHandler(std::move(cancellable), session->executor()));
}

void Session::close() noexcept {
    if (impl_) impl_->close();
}

void Session::close(std::chrono::milliseconds drain) {
    std::error_code ec;
    close(drain, ec);
    if (ec) throw SystemError(would_deadlock("close"));
}

void Session::close(std::chrono::milliseconds drain, std::error_code& ec) {
    ec = {};
    if (!impl_) return;
    if (impl_->is_own_thread()) {
        ec = errc::would_deadlock;
        return;
    }
    BlockingCall<> call;
    impl_->start_close(drain, call.handler());
    call.wait();
}

void Session::start_close(const Impl& impl, std::chrono::milliseconds drain, CloseHandler handler) {
    if (impl) {
        impl->start_close(drain, std::move(handler));
    } else {
        handler.complete({});
    }
}

} // namespace adit
