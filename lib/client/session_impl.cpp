#include "client/session_impl.hpp"

#include "client/listen_op.hpp"
#include "client/listener_impl.hpp"
#include "net/rpc.hpp"
#include "proto/codec.hpp"

#include <utility>

namespace adit::inline v0::detail {
namespace {

constexpr auto unbind_type = static_cast<std::uint32_t>(RequestType::unbind);

} // namespace

SessionImpl::SessionImpl(const asio::any_io_executor& executor, Background::Lease lease,
                         std::chrono::milliseconds rpc_time)
    : executor_(executor), strand_(one_at_a_time(executor)), own_thread_(executor_),
      on_background_(static_cast<bool>(lease)), rpc_time_(rpc_time), lease_(std::move(lease)) {}

SessionImpl::~SessionImpl() = default;

bool SessionImpl::is_open() const {
    const std::lock_guard lock(mutex_);
    return online_ && !ended_;
}

std::string SessionImpl::id() const {
    const std::lock_guard lock(mutex_);
    return id_;
}

std::string SessionImpl::region() const {
    const std::lock_guard lock(mutex_);
    return region_;
}

std::string SessionImpl::banner() const {
    const std::lock_guard lock(mutex_);
    return banner_;
}

ErrorInfo SessionImpl::last_error() const {
    const std::lock_guard lock(mutex_);
    return last_error_;
}

ErrorInfo SessionImpl::ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
}

void SessionImpl::remember_error(const ErrorInfo& error) {
    const std::lock_guard lock(mutex_);
    last_error_ = error;
}

void SessionImpl::ensure_completion() noexcept {
    if (on_background_ && over_.load()) Background::run_posted();
}

// --- life

Result<void> SessionImpl::attach(std::shared_ptr<net::MuxSession> mux) {
    const std::lock_guard lock(mutex_);
    if (ended_) return ended_;
    mux_ = std::move(mux);
    return {};
}

void SessionImpl::go_online(std::string id, std::string region, std::string banner) {
    const std::lock_guard lock(mutex_);
    online_ = true;
    id_ = std::move(id);
    region_ = std::move(region);
    banner_ = std::move(banner);
}

void SessionImpl::fail(const ErrorInfo& why) noexcept {
    remember_error(why);
    end(why);
}

void SessionImpl::close() noexcept { end(ErrorInfo(errc::session_closed, "this program closed the session")); }

void SessionImpl::end(const ErrorInfo& why) noexcept {
    Listeners listeners;
    std::shared_ptr<net::MuxSession> mux;
    Background::Lease lease;
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return;
        ended_ = why;
        over_.store(true);
        listeners.swap(listeners_);
        mux = mux_;
        if (lease_ && mux) {
            lease_.closing();
            closing_self_ = shared_from_this();
        } else {
            lease = std::move(lease_);
        }
    }
    for (const auto& [id, listener] : listeners) listener->end(why);
    if (mux) mux->close();
}

void SessionImpl::on_closed(const ErrorInfo& reason) {
    std::string story = "the link to the edge broke";
    if (!reason.message().empty()) story += ": " + reason.message();
    const ErrorInfo lost(errc::session_lost, std::move(story), reason.detail());
    const std::shared_ptr<SessionImpl> self = shared_from_this();
    parked_.clear();
    if (!ended()) remember_error(lost);
    end(lost);
    // Whatever completes has been posted by now, so the thread runs it before it looks at its users.
    std::shared_ptr<SessionImpl> closing_self;
    std::shared_ptr<net::MuxSession> mux;
    Background::Lease lease;
    const std::lock_guard lock(mutex_);
    closing_self.swap(closing_self_);
    mux.swap(mux_);
    lease = std::move(lease_);
}

// --- listeners

void SessionImpl::start_listen(const Endpoint::Data& endpoint, ErrorInfo* error, ListenHandler handler) {
    ListenOp::start(shared_from_this(), endpoint, error, std::move(handler));
    ensure_completion();
}

Result<std::shared_ptr<net::MuxSession>> SessionImpl::begin_listen() {
    const std::lock_guard lock(mutex_);
    if (ended_) return ended_;
    if (listeners_.size() + listens_pending_ >= limits::listeners_per_session) {
        return ErrorInfo(errc::limit_exceeded, "a session has at most " +
                                                   std::to_string(limits::listeners_per_session) + " listeners");
    }
    ++listens_pending_;
    return mux_;
}

Result<std::shared_ptr<ListenerImpl>> SessionImpl::add_listener(const Bound& bound, std::size_t backlog) {
    auto listener = ListenerImpl::create(shared_from_this(), bound, backlog);
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return ended_;
        if (!listeners_.emplace(bound.id, listener).second)
            return ErrorInfo(errc::protocol_error, "the edge gave the id of another listener", bound.id);
    }
    auto parked = std::exchange(parked_, {});
    for (auto& [stream, header] : parked) deliver(std::move(stream), header);
    return listener;
}

void SessionImpl::end_listen() {
    {
        const std::lock_guard lock(mutex_);
        --listens_pending_;
    }
    auto parked = std::exchange(parked_, {});
    for (auto& [stream, header] : parked) deliver(std::move(stream), header);
}

std::shared_ptr<ListenerImpl> SessionImpl::take_listener(const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto found = listeners_.find(id);
    if (found == listeners_.end()) return nullptr;
    auto listener = std::move(found->second);
    listeners_.erase(found);
    return listener;
}

void SessionImpl::start_unbind(std::shared_ptr<ListenerImpl> listener) noexcept {
    std::shared_ptr<net::MuxSession> mux;
    std::shared_ptr<ListenerImpl> kept; // the map's reference must not be the last while the mutex is held
    std::error_code code;
    {
        const std::lock_guard lock(mutex_);
        const auto found = listeners_.find(listener->id());
        if (found != listeners_.end() && found->second == listener) {
            kept = std::move(found->second);
            listeners_.erase(found);
        }
        code = ended_.code();
        if (!code) mux = mux_;
    }
    if (!mux) {
        listener->unbound(code);
        return;
    }
    try {
        asio::co_spawn(strand_, unbind(std::move(mux), listener), [listener](const std::exception_ptr& failed) {
            if (failed) listener->unbound(asio::error::operation_aborted);
        });
    } catch (...) {
        listener->unbound(asio::error::no_memory);
    }
}

asio::awaitable<void> SessionImpl::unbind(std::shared_ptr<net::MuxSession> mux,
                                          std::shared_ptr<ListenerImpl> listener) {
    const auto time = listener->session().rpc_time();
    UnbindRequest request;
    request.id = listener->id();
    std::string text = encode(request);
    const Result<std::string> answer = co_await net::call(std::move(mux), unbind_type, std::move(text), time);
    std::error_code code = answer.error().code();
    if (answer) code = decode_empty_response(*answer).error().code();
    listener->unbound(code);
}

} // namespace adit
