// The listeners of a session: added, found, bound again, taken offline.
#include "client/listen_op.hpp"
#include "client/listener_impl.hpp"
#include "client/rebind.hpp"
#include "client/session_impl.hpp"
#include "net/rpc.hpp"
#include "proto/codec.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::detail {
namespace {

constexpr auto unbind_type = static_cast<std::uint32_t>(RequestType::unbind);

} // namespace

void SessionImpl::start_listen(const Endpoint::Data& endpoint, ErrorInfo* error, ListenHandler handler) {
    ListenOp::start(shared_from_this(), endpoint, error, std::move(handler));
    ensure_completion();
}

Result<void> SessionImpl::begin_listen() {
    const std::lock_guard lock(mutex_);
    if (ended_) return ended_;
    if (draining_.load()) return ErrorInfo(errc::session_closed, "this program is closing the session");
    if (listener_count_ + listens_pending_ >= limits::listeners_per_session) {
        return ErrorInfo(errc::limit_exceeded, "a session has at most " +
                                                   std::to_string(limits::listeners_per_session) + " listeners");
    }
    ++listens_pending_;
    return {};
}

asio::awaitable<Result<std::shared_ptr<Link>>> SessionImpl::wait_link(std::chrono::steady_clock::time_point deadline) {
    const auto self = shared_from_this();
    for (;;) {
        if (const ErrorInfo why = ended()) co_return why;
        if (auto up = link()) co_return up;
        if (std::chrono::steady_clock::now() >= deadline) co_return ErrorInfo(errc::timed_out, "the session had no link to the edge meanwhile");
        const auto place = waiters_.emplace(waiters_.end(), strand_, deadline);
        std::error_code ec;
        co_await place->async_wait(asio::redirect_error(asio::use_awaitable, ec));
        waiters_.erase(place);
    }
}

void SessionImpl::wake_waiters() {
    for (asio::steady_timer& waiter : waiters_) waiter.cancel();
}

Result<std::shared_ptr<ListenerImpl>> SessionImpl::add_listener(const BindPlan& plan, const Bound& bound,
                                                                const Link& link) {
    std::shared_ptr<ListenerImpl> listener;
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return ended_;
        listener = ListenerImpl::create(shared_from_this(), plan, bound, next_order_++);
        if (!listeners_.emplace(bound.id, listener).second)
            return ErrorInfo(errc::protocol_error, "the edge gave the id of another listener", bound.id);
        ++listener_count_;
    }
    for (const auto& leg : legs_) {
        if (leg->link().get() == &link) {
            (void)listener->came_to(leg->number(), bound);
        } else if (leg->link()) {
            rebind(*leg, {listener}, false);
        }
    }
    deliver_parked();
    return listener;
}

void SessionImpl::end_listen() {
    {
        const std::lock_guard lock(mutex_);
        --listens_pending_;
    }
    deliver_parked();
}

void SessionImpl::deliver_parked() {
    auto parked = std::exchange(parked_, {});
    for (auto& [stream, header] : parked) deliver(std::move(stream), header);
    const auto stops = std::exchange(parked_stops_, {});
    for (const auto& [id, why] : stops) stop_listener(id, why);
}

/// As a visitor, it may be there before we have looked at the answer to the bind.
void SessionImpl::stop_listener(const std::string& id, const ErrorInfo& why) {
    if (const auto listener = take_listener(id)) {
        listener->end(why);
    } else if (may_come() && parked_stops_.size() < limits::commands_pending) {
        parked_stops_.emplace_back(id, why);
    }
}

/// A listener whose id we do not know yet.
bool SessionImpl::may_come() const {
    const std::lock_guard lock(mutex_);
    return (listens_pending_ != 0 || rebinds_ != 0) && !ended_;
}

std::shared_ptr<ListenerImpl> SessionImpl::take_listener(const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto found = listeners_.find(id);
    if (found == listeners_.end()) return nullptr;
    auto listener = found->second;
    forget(listener);
    return listener;
}

/// With the mutex held, and while the caller keeps it: its end is not for here.
bool SessionImpl::forget(const std::shared_ptr<ListenerImpl>& listener) {
    std::size_t erased = 0;
    for (const std::string& id : listener->ids()) {
        const auto found = listeners_.find(id);
        if (found == listeners_.end() || found->second != listener) continue;
        listeners_.erase(found);
        ++erased;
    }
    if (erased != 0) --listener_count_;
    return erased != 0;
}

/// In the order in which they were bound.
std::vector<std::shared_ptr<ListenerImpl>> SessionImpl::listeners() const {
    std::vector<std::shared_ptr<ListenerImpl>> all;
    {
        const std::lock_guard lock(mutex_);
        all.reserve(listeners_.size());
        for (const auto& [id, listener] : listeners_) all.push_back(listener);
    }
    std::ranges::sort(all, {}, &ListenerImpl::order);
    const auto twice = std::ranges::unique(all);
    all.erase(twice.begin(), twice.end());
    return all;
}

void SessionImpl::deliver(std::shared_ptr<net::MuxStream> stream, const ProxyHeader& header) {
    std::shared_ptr<ListenerImpl> listener;
    {
        const std::lock_guard lock(mutex_);
        const auto found = listeners_.find(header.id);
        if (found != listeners_.end()) listener = found->second;
    }
    if (listener) {
        listener->push(std::move(stream), header);
    } else if (may_come() && parked_.size() < limits::parked_connections) {
        // The edge may send a visitor right behind its answer to the bind, which we have not looked at yet.
        parked_.emplace_back(std::move(stream), header);
    } else {
        stream->close();
    }
}

// --- bound again

void SessionImpl::rebind(Leg& leg, std::vector<std::shared_ptr<ListenerImpl>> listeners, bool all) {
    const std::shared_ptr<Link> link = leg.link();
    if (!link) return;
    ++rebinds_;
    const auto done = [weak = weak_from_this(), weak_leg = leg.weak_from_this(), link, all](bool whole) {
        const auto self = weak.lock();
        const auto its_leg = weak_leg.lock();
        if (!self) return;
        --self->rebinds_;
        if (its_leg && all && whole) its_leg->bound(*link);
        self->deliver_parked();
    };
    Rebind::start(shared_from_this(), leg.shared_from_this(), link, std::move(listeners), done);
}

void SessionImpl::rebound(const Leg& leg, const std::shared_ptr<ListenerImpl>& listener, const Bound& bound) {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    const std::string former = listener->came_to(leg.number(), bound);
    // A labelled endpoint gets a new id (agent-protocol 5.3).
    if (const auto found = listeners_.find(former); found != listeners_.end() && found->second == listener)
        listeners_.erase(found);
    listeners_.emplace(listener->id_on(leg.number()), listener);
}

/// One that is online on another leg stays so.
void SessionImpl::rebind_refused(const Leg& leg, const std::shared_ptr<ListenerImpl>& listener, const ErrorInfo& why) {
    if (listener->is_online_besides(leg.number())) return;
    remember_error(why);
    if (take_listener(listener->id())) listener->end(why);
}

// --- taken offline

void SessionImpl::start_unbind(std::shared_ptr<ListenerImpl> listener) noexcept {
    std::error_code code;
    {
        const std::lock_guard lock(mutex_);
        forget(listener);
        code = ended_.code();
    }
    if (code) {
        listener->unbound(code);
        return;
    }
    try {
        asio::co_spawn(strand_, unbind(shared_from_this(), listener), [listener](const std::exception_ptr& failed) {
            if (failed) listener->unbound(asio::error::operation_aborted);
        });
    } catch (...) {
        listener->unbound(asio::error::no_memory);
    }
}

/// On every leg; a leg without a link has nothing to undo, for it will not be bound again there.
asio::awaitable<void> SessionImpl::unbind(std::shared_ptr<SessionImpl> self, std::shared_ptr<ListenerImpl> listener) {
    std::vector<std::pair<std::shared_ptr<Link>, std::string>> links;
    for (const auto& leg : self->legs_)
        if (leg->link()) links.emplace_back(leg->link(), listener->id_on(leg->number()));
    std::error_code code;
    for (const auto& [link, id] : links) {
        UnbindRequest request;
        request.id = id;
        std::string text = encode(request);
        const Result<std::string> answer = co_await net::call(link->mux(), unbind_type, std::move(text), self->rpc_time());
        std::error_code failed = answer.error().code();
        if (answer) failed = decode_empty_response(*answer).error().code();
        if (failed && !code) code = failed;
    }
    listener->unbound(code);
}

} // namespace adit
