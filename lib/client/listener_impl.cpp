#include "client/listener_impl.hpp"

#include "client/session_impl.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::detail {
namespace {

// An edge's own number stays in last_error(): what an accept gives is documented.
std::error_code accept_code(const ErrorInfo& ended) {
    return ended.code().category() == adit_category() ? ended.code() : make_error_code(errc::listener_closed);
}

} // namespace

ListenerImpl::ListenerImpl(std::shared_ptr<SessionImpl> session, const Bound& bound, std::size_t backlog_max)
    : session_(std::move(session)), bound_(bound), backlog_max_(backlog_max) {}

std::shared_ptr<ListenerImpl> ListenerImpl::create(std::shared_ptr<SessionImpl> session, const Bound& bound,
                                                   std::size_t backlog_max) {
    const std::shared_ptr<ListenerImpl> listener(new ListenerImpl(std::move(session), bound, backlog_max));
    net::abandon_with_context(listener->session_->executor(), listener);
    return listener;
}

bool ListenerImpl::is_open() const {
    const std::lock_guard lock(mutex_);
    return !ended_;
}

ErrorInfo ListenerImpl::last_error() const {
    const std::lock_guard lock(mutex_);
    return ended_;
}

ListenerImpl::WaiterId ListenerImpl::accept(AcceptHandler handler) {
    const WaiterId id = ++next_waiter_;
    auto slot = handler.slot();
    if (slot.is_connected()) {
        slot.assign([weak = weak_from_this(), id](asio::cancellation_type) {
            if (const auto self = weak.lock()) self->cancel(id, asio::error::operation_aborted);
        });
    }
    std::shared_ptr<ConnectionImpl> connection;
    std::error_code code;
    {
        const std::lock_guard lock(mutex_);
        if (ended_) {
            code = accept_code(ended_);
        } else if (!backlog_.empty()) {
            connection = std::move(backlog_.front());
            backlog_.pop_front();
        } else {
            waiters_.emplace_back(id, std::move(handler));
            return id;
        }
    }
    handler.complete(code, Connection(std::move(connection)));
    session_->ensure_completion();
    return id;
}

void ListenerImpl::cancel(WaiterId id, std::error_code code) {
    AcceptHandler handler;
    {
        const std::lock_guard lock(mutex_);
        const auto found = std::ranges::find(waiters_, id, &Waiter::id);
        if (found == waiters_.end()) return;
        handler = std::move(found->handler);
        waiters_.erase(found);
    }
    handler.complete(code, Connection());
}

void ListenerImpl::push(std::shared_ptr<net::MuxStream> stream, const ProxyHeader& header) {
    const bool passthrough = bound_.passthrough_tls.value_or(header.passthrough_tls);
    auto connection = std::make_shared<ConnectionImpl>(session_, std::move(stream), header, passthrough);
    AcceptHandler handler;
    {
        const std::lock_guard lock(mutex_);
        if (!ended_ && !waiters_.empty()) {
            handler = std::move(waiters_.front().handler);
            waiters_.pop_front();
        } else if (!ended_ && backlog_.size() < backlog_max_) {
            backlog_.push_back(std::move(connection));
            return;
        }
    }
    if (handler) {
        handler.complete({}, Connection(std::move(connection)));
    } else {
        connection->refuse();
    }
}

bool ListenerImpl::end_by(const ErrorInfo& why, Unbind unbind) {
    std::list<Waiter> waiters;
    std::deque<std::shared_ptr<ConnectionImpl>> backlog;
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return false;
        ended_ = why;
        unbind_ = unbind;
        waiters.swap(waiters_);
        backlog.swap(backlog_);
    }
    for (Waiter& waiter : waiters) waiter.handler.complete(accept_code(why), Connection());
    for (const auto& connection : backlog) connection->refuse();
    return true;
}

void ListenerImpl::end(const ErrorInfo& why) {
    if (!end_by(why, Unbind::done)) return; // closed before: the Unbind comes to its own end
    const bool session_ended = why.code() == errc::session_lost || why.code() == errc::session_closed;
    unbound(session_ended ? why.code() : std::error_code());
}

void ListenerImpl::close() noexcept {
    const ErrorInfo why(errc::listener_closed, "this program closed the listener");
    if (end_by(why, Unbind::running)) session_->start_unbind(shared_from_this());
}

void ListenerImpl::close(CloseHandler handler) {
    const WaiterId id = ++next_waiter_;
    auto slot = handler.slot();
    if (slot.is_connected()) {
        slot.assign([weak = weak_from_this(), id](asio::cancellation_type) {
            if (const auto self = weak.lock()) self->cancel_close(id);
        });
    }
    std::error_code code;
    bool waits = false;
    {
        const std::lock_guard lock(mutex_);
        waits = !ended_ || unbind_ == Unbind::running;
        if (waits) {
            closers_.emplace_back(id, std::move(handler));
        } else {
            code = unbind_code_;
        }
    }
    if (waits) {
        close();
    } else {
        handler.complete(code);
        session_->ensure_completion();
    }
}

void ListenerImpl::cancel_close(WaiterId id) {
    CloseHandler handler;
    {
        const std::lock_guard lock(mutex_);
        const auto found = std::ranges::find(closers_, id, &std::pair<WaiterId, CloseHandler>::first);
        if (found == closers_.end()) return;
        handler = std::move(found->second);
        closers_.erase(found);
    }
    handler.complete(asio::error::operation_aborted);
}

void ListenerImpl::unbound(std::error_code code) {
    std::list<std::pair<WaiterId, CloseHandler>> closers;
    {
        const std::lock_guard lock(mutex_);
        unbind_ = Unbind::done;
        unbind_code_ = code;
        closers.swap(closers_);
    }
    for (auto& [id, handler] : closers) handler.complete(code);
}

void ListenerImpl::abandon() noexcept {
    const auto self = shared_from_this(); // a handler may own the last handle
    std::list<Waiter> waiters;
    std::list<std::pair<WaiterId, CloseHandler>> closers;
    const std::lock_guard lock(mutex_);
    waiters.swap(waiters_);
    closers.swap(closers_);
}

} // namespace adit
