#include <adit/forwarder.hpp>

#include "client/blocking.hpp"
#include "client/forwarder_impl.hpp"
#include "client/session_impl.hpp"

#include <utility>

namespace adit::inline v0 {

Forwarder::Forwarder() noexcept = default;
Forwarder::Forwarder(const Forwarder&) noexcept = default;
Forwarder::Forwarder(Forwarder&&) noexcept = default;
Forwarder& Forwarder::operator=(const Forwarder&) noexcept = default;
Forwarder& Forwarder::operator=(Forwarder&&) noexcept = default;
Forwarder::~Forwarder() = default;
Forwarder::Forwarder(std::shared_ptr<detail::ForwarderImpl> impl) noexcept : impl_(std::move(impl)) {}

Forwarder::executor_type Forwarder::get_executor() const {
    if (!impl_) return asio::system_executor();
    return impl_->session().executor();
}

bool Forwarder::is_open() const noexcept { return impl_ && impl_->listener().is_open(); }
std::string Forwarder::url() const { return impl_ ? impl_->listener().url() : std::string(); }
std::string Forwarder::id() const { return impl_ ? impl_->listener().id() : std::string(); }
std::string Forwarder::upstream() const { return impl_ ? impl_->plan().dialer->target().url() : std::string(); }
ForwarderCounters Forwarder::counters() const { return impl_ ? impl_->counters() : ForwarderCounters(); }
ErrorInfo Forwarder::last_error() const { return impl_ ? impl_->last_error() : ErrorInfo(); }

void Forwarder::close() noexcept {
    if (impl_) impl_->close();
}

ErrorInfo Forwarder::wait() const { return wait_blocking(std::nullopt); }
ErrorInfo Forwarder::wait_for(std::chrono::milliseconds time) const { return wait_blocking(time); }

ErrorInfo Forwarder::wait_blocking(std::optional<std::chrono::milliseconds> time) const {
    if (!impl_) return errc::listener_closed;
    if (impl_->session().is_own_thread()) {
        return {errc::would_deadlock,
                "wait blocks, and this thread would have to complete it: use the asynchronous form"};
    }
    Blocking<ErrorInfo> call;
    const auto waiter = impl_->wait(call.handler());
    if (time && !call.wait_for(*time)) impl_->cancel(waiter, errc::timed_out); // or it ends just now
    call.wait();
    return call.get<0>();
}

void Forwarder::start_wait(const Impl& impl, WaitHandler handler) {
    if (impl) {
        impl->wait(std::move(handler));
    } else {
        handler.complete(errc::listener_closed);
    }
}

} // namespace adit
