#include <adit/listener.hpp>

#include "client/blocking.hpp"
#include "client/listener_impl.hpp"
#include "client/session_impl.hpp"
#include "client/update_op.hpp"

#include <utility>

namespace adit::inline v0 {

Listener::Listener() noexcept = default;
Listener::Listener(const Listener&) noexcept = default;
Listener::Listener(Listener&&) noexcept = default;
Listener& Listener::operator=(const Listener&) noexcept = default;
Listener& Listener::operator=(Listener&&) noexcept = default;
Listener::~Listener() = default;
Listener::Listener(std::shared_ptr<detail::ListenerImpl> impl) noexcept : impl_(std::move(impl)) {}

Listener::executor_type Listener::get_executor() const {
    if (!impl_) return asio::system_executor();
    return impl_->session().executor();
}

bool Listener::is_open() const noexcept { return impl_ && impl_->is_open(); }
std::string Listener::url() const { return impl_ ? impl_->url() : std::string(); }
std::string Listener::id() const { return impl_ ? impl_->id() : std::string(); }
std::string Listener::protocol() const { return impl_ ? impl_->protocol() : std::string(); }
ErrorInfo Listener::last_error() const { return impl_ ? impl_->last_error() : ErrorInfo(); }

Connection Listener::accept() {
    std::error_code ec;
    Connection connection = accept(ec);
    if (ec) throw_error(ec);
    return connection;
}

Connection Listener::accept_for(std::chrono::milliseconds time) {
    std::error_code ec;
    Connection connection = accept_for(time, ec);
    if (ec) throw_error(ec);
    return connection;
}

Connection Listener::accept(std::error_code& ec) { return accept_blocking(std::nullopt, ec); }

Connection Listener::accept_for(std::chrono::milliseconds time, std::error_code& ec) {
    return accept_blocking(time, ec);
}

Connection Listener::accept_blocking(std::optional<std::chrono::milliseconds> time, std::error_code& ec) {
    if (!impl_) {
        ec = errc::listener_closed;
        return {};
    }
    if (impl_->session().is_own_thread()) {
        ec = errc::would_deadlock;
        return {};
    }
    BlockingCall<Connection> call;
    const auto waiter = impl_->accept(call.handler());
    if (time && !call.wait_for(*time)) impl_->cancel(waiter, errc::timed_out); // or a connection comes just now
    call.wait();
    ec = call.code();
    return std::move(call.result<0>());
}

void Listener::throw_error(const std::error_code& ec) const {
    const ErrorInfo why = last_error();
    const bool tells_why = ec == errc::listener_closed || ec == why.code();
    throw SystemError(tells_why ? ErrorInfo(ec, why.message(), why.detail()) : ErrorInfo(ec));
}

void Listener::start_accept(const Impl& impl, AcceptHandler handler) {
    if (impl) {
        impl->accept(std::move(handler));
    } else {
        handler.complete(errc::listener_closed, Connection());
    }
}

void Listener::start_close(const Impl& impl, CloseHandler handler) {
    if (impl) {
        impl->close(std::move(handler));
    } else {
        handler.complete({});
    }
}

void Listener::update(const EndpointUpdate& update) {
    ErrorInfo error;
    this->update(update, error);
    if (error) throw SystemError(error);
}

void Listener::update(const EndpointUpdate& update, std::error_code& ec) {
    ErrorInfo error;
    this->update(update, error);
    ec = error.code();
}

void Listener::update(const EndpointUpdate& update, ErrorInfo& error) {
    if (impl_ && impl_->session().is_own_thread()) {
        error = ErrorInfo(errc::would_deadlock,
                          "update blocks, and this thread would have to complete it: use the asynchronous form");
        return;
    }
    error = {};
    BlockingCall<> call;
    start_update(impl_, update, &error, call.handler());
    call.wait();
}

void Listener::start_update(const Impl& impl, const EndpointUpdate& update, ErrorInfo* error, UpdateHandler handler) {
    if (impl) {
        detail::UpdateOp::start(impl->shared_from_this(), update, error, std::move(handler));
        return;
    }
    if (error != nullptr) *error = ErrorInfo(errc::listener_closed, "this handle has no listener");
    handler.complete(errc::listener_closed);
}

void Listener::close() noexcept {
    if (impl_) impl_->close();
}

} // namespace adit
