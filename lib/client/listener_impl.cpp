#include "client/listener_impl.hpp"

#include "client/session_impl.hpp"
#include "client/tls_accept.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::detail {

ListenerImpl::ListenerImpl(std::shared_ptr<SessionImpl> session, const BindPlan& plan, const Bound& bound,
                           std::uint64_t order)
    : session_(std::move(session)), order_(order), type_(plan.type), what_(plan.what), backlog_max_(plan.backlog),
      tls_(plan.tls), plan_(plan), bound_(bound) {
    plan_.request.clear(); // made again when it is needed
    if (type_ == RequestType::start_tunnel_with_label) plan_.request = plan.request;
}

std::shared_ptr<ListenerImpl> ListenerImpl::create(std::shared_ptr<SessionImpl> session, const BindPlan& plan,
                                                   const Bound& bound, std::uint64_t order) {
    const std::shared_ptr<ListenerImpl> listener(new ListenerImpl(std::move(session), plan, bound, order));
    net::abandon_with_context(listener->session_->executor(), listener);
    return listener;
}

Bound ListenerImpl::bound() const {
    const std::lock_guard lock(mutex_);
    return bound_;
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
            code = accept_code_;
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
    const Bound bound = this->bound();
    if (tls_) {
        start_handshake(std::move(stream), header, bound);
        return;
    }
    const bool passthrough = bound.passthrough_tls.value_or(header.passthrough_tls);
    offer(std::make_shared<ConnectionImpl>(session_, std::move(stream), header, bound.url, passthrough));
}

void ListenerImpl::start_handshake(std::shared_ptr<net::MuxStream> stream, const ProxyHeader& header,
                                   const Bound& bound) {
    const auto* opts = bound.opts ? std::get_if<TlsOpts>(&*bound.opts) : nullptr;
    const bool proxy_protocol = opts != nullptr && opts->proxy_proto != ProxyProtocolVersion::none;
    const auto accept = std::make_shared<TlsAccept>(shared_from_this(), std::move(stream), header, *tls_, proxy_protocol);
    bool open = false;
    {
        const std::lock_guard lock(mutex_);
        open = !ended_;
        if (handshakes_.size() == handshakes_.capacity())
            std::erase_if(handshakes_, [](const auto& each) { return each.expired(); });
        if (open) handshakes_.push_back(accept);
    }
    if (open) {
        accept->start();
    } else {
        accept->refuse();
    }
}

void ListenerImpl::offer(std::shared_ptr<ConnectionImpl> connection) {
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

bool ListenerImpl::end_by(const ErrorInfo& why, std::error_code accept_code, Unbind unbind) {
    std::list<Waiter> waiters;
    std::deque<std::shared_ptr<ConnectionImpl>> backlog;
    std::vector<std::weak_ptr<TlsAccept>> handshakes;
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return false;
        ended_ = why;
        accept_code_ = accept_code;
        unbind_ = unbind;
        waiters.swap(waiters_);
        backlog.swap(backlog_);
        handshakes.swap(handshakes_);
    }
    for (Waiter& waiter : waiters) waiter.handler.complete(accept_code, Connection());
    for (const auto& connection : backlog) connection->refuse();
    for (const auto& weak : handshakes)
        if (const auto handshake = weak.lock()) handshake->refuse();
    tell(Event::Kind::listener_down, why);
    return true;
}

// Closed before: the Unbind comes to its own end.
void ListenerImpl::end(const ErrorInfo& why) {
    if (end_by(why, errc::listener_closed, Unbind::done)) unbound({});
}

void ListenerImpl::end_with_session(const ErrorInfo& why) {
    if (end_by(why, why.code(), Unbind::done)) unbound(why.code());
}

void ListenerImpl::close() noexcept {
    const ErrorInfo why(errc::listener_closed, "this program closed the listener");
    if (end_by(why, why.code(), Unbind::running)) session_->start_unbind(shared_from_this());
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

// --- brought back

std::string ListenerImpl::rebind_request() const {
    const std::lock_guard lock(mutex_);
    return adit::rebind_request(plan_, bound_);
}

Result<void> ListenerImpl::read_rebind_answer(std::string_view json, Bound& out) const {
    BindPlan plan;
    {
        const std::lock_guard lock(mutex_);
        plan.type = plan_.type;
        plan.protocol = plan_.protocol;
        plan.what = plan_.what;
        plan.tls = plan_.tls;
    }
    std::string id;
    Result<Bound> bound = read_bind_answer(plan, json, id);
    if (!bound) return bound.error();
    out = std::move(*bound);
    return {};
}

/// What the first leg was told holds for all; and when they were all lost, the id that we chose and the first token, whatever
/// the edge answers (agent-protocol 5.3).
std::string ListenerImpl::came_to(std::uint32_t leg, const Bound& bound) {
    std::string former;
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = id_on_leg_.empty();
        if (first) {
            const Bound before = std::exchange(bound_, bound);
            if (type_ == RequestType::bind) {
                bound_.id = before.id;
                bound_.token = before.token;
            } else if (before.id != bound.id) {
                former = before.id;
            }
        }
        id_on_leg_[leg] = type_ == RequestType::bind ? bound_.id : bound.id;
    }
    if (first) tell(Event::Kind::listener_up, {});
    return former;
}

std::string ListenerImpl::left(std::uint32_t leg) {
    const std::lock_guard lock(mutex_);
    const auto found = id_on_leg_.find(leg);
    if (found == id_on_leg_.end()) return {};
    const std::string id = found->second;
    id_on_leg_.erase(found);
    const bool used = std::ranges::any_of(id_on_leg_, [&id](const auto& each) { return each.second == id; });
    if (id_on_leg_.empty() || used) return {};
    if (bound_.id == id) bound_.id = id_on_leg_.begin()->second;
    return id;
}

bool ListenerImpl::is_on(std::uint32_t leg) const {
    const std::lock_guard lock(mutex_);
    return id_on_leg_.contains(leg);
}

bool ListenerImpl::is_online_besides(std::uint32_t leg) const {
    const std::lock_guard lock(mutex_);
    return std::ranges::any_of(id_on_leg_, [leg](const auto& each) { return each.first != leg; });
}

std::string ListenerImpl::id_on(std::uint32_t leg) const {
    const std::lock_guard lock(mutex_);
    const auto found = id_on_leg_.find(leg);
    return found == id_on_leg_.end() ? bound_.id : found->second;
}

std::vector<std::string> ListenerImpl::ids() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> ids{bound_.id};
    for (const auto& [leg, id] : id_on_leg_) ids.push_back(id);
    return ids;
}

void ListenerImpl::updated(const EndpointUpdate& update) {
    const std::lock_guard lock(mutex_);
    auto& message = std::get<BindRequest>(plan_.message);
    if (update.name()) message.extra.name = *update.name();
    if (update.description()) message.extra.description = *update.description();
    if (update.metadata()) message.extra.metadata = *update.metadata();
    if (update.pooling()) message.extra.pooling_enabled = *update.pooling();
    if (!update.traffic_policy()) return;
    const auto set = [&update](auto& opts) { opts.traffic_policy = update.traffic_policy(); };
    std::visit(set, message.opts);
    if (bound_.opts) std::visit(set, *bound_.opts);
}

void ListenerImpl::drop_lost() {
    std::deque<std::shared_ptr<ConnectionImpl>> lost; // their end is not for under the mutex
    const std::lock_guard lock(mutex_);
    std::deque<std::shared_ptr<ConnectionImpl>> kept;
    for (auto& connection : backlog_) (connection->has_link() ? kept : lost).push_back(std::move(connection));
    backlog_.swap(kept);
}

void ListenerImpl::tell(Event::Kind kind, const ErrorInfo& reason) const {
    if (!session_->wants_events()) return;
    auto event = std::make_shared<Event::Data>(kind);
    event->url = url();
    event->listener_id = id();
    event->reason = reason;
    session_->tell(std::move(event));
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
