// How a session begins, loses and finds its links, and ends. What is on it: session_listeners.cpp.
#include "client/session_impl.hpp"

#include "base/random.hpp"
#include "client/listener_impl.hpp"
#include "client/rebind.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::detail {
namespace {

std::uint64_t random_seed() {
    std::array<std::uint8_t, 8> bytes{};
    fill_random(bytes);
    std::uint64_t seed = 0;
    for (const std::uint8_t byte : bytes) seed = seed << 8 | byte;
    return seed;
}

LegMachine::Config leg_config(const SessionOptions::Data& options) {
    LegMachine::Config config;
    config.delay = options.reconnect_delay;
    config.again = options.reconnect;
    config.seed = random_seed();
    return config;
}

SessionDetails read_details(const AuthResponse& answer) {
    SessionDetails details;
    details.id(answer.client_id).region(answer.extra.region).banner(answer.extra.banner);
    details.account(answer.extra.account_name).plan(answer.extra.plan_name);
    details.agent_session_id(answer.extra.agent_session_id).edge_version(answer.extra.version);
    if (const auto& warning = answer.extra.deprecation_warning) details.warning(warning->message);
    return details;
}

} // namespace

SessionImpl::SessionImpl(const asio::any_io_executor& executor, Background::Lease lease, const SessionOptions& options)
    : executor_(executor), strand_(one_at_a_time(executor)), options_(options), own_thread_(executor_),
      on_background_(static_cast<bool>(lease)), drain_(strand_), lease_(std::move(lease)) {}

std::shared_ptr<SessionImpl> SessionImpl::create(const asio::any_io_executor& executor, Background::Lease lease,
                                                 const SessionOptions& options) {
    std::shared_ptr<SessionImpl> session(new SessionImpl(executor, std::move(lease), options));
    net::abandon_with_context(executor, session);
    return session;
}

SessionImpl::~SessionImpl() = default;

bool SessionImpl::is_open() const {
    const std::lock_guard lock(mutex_);
    return open_ && !ended_;
}

bool SessionImpl::is_online() const {
    const std::lock_guard lock(mutex_);
    return online_ && !ended_;
}

SessionDetails SessionImpl::details() const {
    const std::lock_guard lock(mutex_);
    return details_;
}

std::string SessionImpl::cookie() const {
    const std::lock_guard lock(mutex_);
    return cookie_;
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

void SessionImpl::ensure_completion() const noexcept {
    if (on_background_ && over_.load()) Background::run_posted();
}

// --- legs

void SessionImpl::begin(ServerTarget target, ConnectedHandler connected) {
    if (ended()) return;
    connected_ = std::move(connected);
    add_leg(std::move(target), leg_config(options()));
}

void SessionImpl::add_leg(ServerTarget target, LegMachine::Config config) {
    const auto number = static_cast<std::uint32_t>(legs_.size());
    legs_.push_back(std::make_shared<Leg>(shared_from_this(), number, std::move(target), config));
    legs_.back()->dial();
}

/// The second leg goes to one of the addresses that the edge offers now.
void SessionImpl::keep_second_leg(const AuthResponse& answer) {
    if (!options().reconnect) return;
    offered_ = offered_to_second_leg(answer);
    if (offered_.empty()) return;
    LegMachine::Config config = leg_config(options());
    config.persistent = true;
    if (legs_.size() == 2 && legs_.back()->machine().is_over()) legs_.pop_back(); // refused before, perhaps not now
    if (legs_.size() < limits::legs) return add_leg(offered_.front(), config);
    const std::string now = legs_.back()->target().text();
    if (std::ranges::find(offered_, now, &ServerTarget::text) == offered_.end()) legs_.back()->aim_at(offered_.front());
}

/// One that did not answer is not tried again before the others.
void SessionImpl::aim_second_leg_at_next() {
    if (offered_.empty()) return;
    const auto tried = std::ranges::find(offered_, legs_[1]->target().text(), &ServerTarget::text);
    const bool last = tried == offered_.end() || tried + 1 == offered_.end();
    legs_[1]->aim_at(last ? offered_.front() : *(tried + 1));
}

/// The first address counts as the one we came by (agent-protocol 1.1); if we know it to be another one, that is left out.
std::vector<ServerTarget> SessionImpl::offered_to_second_leg(const AuthResponse& answer) const {
    const std::string own = legs_.front()->target().text();
    std::vector<ServerTarget> others;
    bool own_offered = false;
    for (const ConnectAddress& offered : answer.extra.connect_addresses) {
        SessionOptions other = options_;
        other.server(offered.server_addr);
        const Result<ServerTarget> target = check(other.data());
        if (others.size() == limits::connect_addresses) break;
        if (!target) continue; // an address of the edge that cannot be one
        if (!own_offered && target->text() == own) {
            own_offered = true;
        } else {
            others.push_back(*target);
        }
    }
    if (!own_offered && !others.empty()) others.erase(others.begin());
    return others;
}

std::shared_ptr<Link> SessionImpl::link() const {
    for (const auto& leg : legs_)
        if (leg->is_online()) return leg->link();
    return nullptr;
}

std::shared_ptr<Link> SessionImpl::link_of(const ListenerImpl& listener) const {
    for (const auto& leg : legs_)
        if (leg->is_online() && listener.is_on(leg->number())) return leg->link();
    return link();
}

Result<void> SessionImpl::attach(std::shared_ptr<Link> link) {
    const std::lock_guard lock(mutex_);
    if (ended_) return ended_;
    links_.push_back(std::move(link));
    return {};
}

void SessionImpl::detach(const std::shared_ptr<Link>& link) {
    {
        const std::lock_guard lock(mutex_);
        std::erase(links_, link);
    }
    finish_if_detached();
}

void SessionImpl::leg_connecting(const Leg& leg) {
    if (!wants_events()) return;
    auto event = std::make_shared<Event::Data>(Event::Kind::connecting);
    event->leg = leg.number();
    tell(std::move(event));
}

void SessionImpl::leg_linked(Leg& leg, const AuthResponse& answer) {
    const bool renamed = is_open() && id() != answer.client_id;
    if (renamed && leg.number() != 0 && legs_.front()->link()) {
        const ErrorInfo why(errc::session_lost, "the edge at " + leg.target().text() + " does not know this session");
        return leg.give_up_link(*leg.link(), why);
    }
    if (renamed || leg.number() == 0) { // what the second leg hears is the same, or of another edge
        const std::lock_guard lock(mutex_);
        details_ = read_details(answer);
        cookie_ = answer.extra.cookie;
        open_ = true;
    }
    if (renamed) leave_former_legs(leg);
    if (leg.number() == 0) keep_second_leg(answer);
    rebind(leg, listeners(), true);
    if (const auto connected = std::exchange(connected_, nullptr)) connected({});
}

/// The edge does not know us any more (another key) and gave a new id: legs with the former one would be another client.
void SessionImpl::leave_former_legs(const Leg& leg) {
    for (const auto& other : legs_) {
        const auto link = other->link();
        if (other.get() != &leg && link) other->give_up_link(*link, ErrorInfo(errc::session_lost, "the edge gave this session a new id"));
    }
}

void SessionImpl::leg_online(const Leg& leg) {
    {
        const std::lock_guard lock(mutex_);
        online_ = true;
    }
    if (wants_events()) {
        auto event = std::make_shared<Event::Data>(Event::Kind::connected);
        event->leg = leg.number();
        tell(std::move(event));
    }
    wake_waiters();
}

void SessionImpl::leg_failed(const Leg& leg, std::chrono::steady_clock::time_point now) {
    const LegMachine& machine = leg.machine();
    const ErrorInfo why = machine.reason();
    const bool online = link() != nullptr;
    {
        const std::lock_guard lock(mutex_);
        online_ = online;
        if (!ended_) last_error_ = why;
    }
    if (leg.number() != 0 && !machine.is_over()) aim_second_leg_at_next();
    for (const auto& listener : listeners()) {
        listener->drop_lost();
        const std::lock_guard lock(mutex_);
        if (const std::string former = listener->left(leg.number()); !former.empty()) listeners_.erase(former);
    }
    if (wants_events()) {
        auto event = std::make_shared<Event::Data>(Event::Kind::disconnected);
        event->leg = leg.number();
        event->reason = why;
        if (!machine.is_over())
            event->next_try = std::chrono::ceil<std::chrono::milliseconds>(machine.retry_at() - now);
        tell(std::move(event));
    }
    if (!machine.is_over()) return;
    if (const auto connected = std::exchange(connected_, nullptr)) {
        connected(why);
    } else if (leg.number() == 0) {
        end(why);
    }
}

void SessionImpl::on_heartbeat(std::uint32_t leg, std::chrono::steady_clock::duration latency) {
    const auto time = std::chrono::duration_cast<std::chrono::microseconds>(latency);
    latency_.store(time);
    if (!wants_events()) return;
    auto event = std::make_shared<Event::Data>(Event::Kind::heartbeat);
    event->leg = leg;
    event->latency = time;
    tell(std::move(event));
}

// --- the end

void SessionImpl::fail(const ErrorInfo& why) noexcept {
    remember_error(why);
    end(why);
}

void SessionImpl::close() noexcept { end(ErrorInfo(errc::session_closed, "this program closed the session")); }

void SessionImpl::end(const ErrorInfo& why) noexcept {
    Listeners listeners;
    std::vector<std::shared_ptr<Link>> links;
    Background::Lease lease;
    const auto self = shared_from_this();
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return;
        ended_ = why;
        over_.store(true);
        listeners.swap(listeners_);
        links = links_;
        if (lease_ && !links.empty()) {
            lease_.closing();
            closing_self_ = self;
        } else {
            lease = std::move(lease_);
        }
    }
    for (const auto& [id, listener] : listeners) listener->end_with_session(why);
    for (const auto& link : links) link->mux()->close();
    inspection_.session_over();
    try {
        // Before the lease goes, so that its thread runs it.
        asio::post(strand_, [self, why] {
            self->stop_legs(why);
            self->finish_if_detached();
        });
    } catch (...) { // no memory: what waits ends with its own times
    }
}

void SessionImpl::stop_legs(const ErrorInfo& why) {
    connected_ = nullptr;
    drain_.cancel();
    parked_.clear();
    parked_stops_.clear();
    for (const auto& leg : std::exchange(legs_, {})) leg->stop(why);
    wake_waiters();
}

void SessionImpl::finish_if_detached() {
    // Whatever completes is posted before the lease goes, so the thread runs it before it looks at its users.
    std::list<CloseHandler> closers;
    std::shared_ptr<SessionImpl> closing_self;
    Background::Lease lease;
    {
        const std::lock_guard lock(mutex_);
        if (!ended_ || !links_.empty()) return;
        closers.swap(closers_);
        closing_self.swap(closing_self_);
        lease = std::move(lease_);
    }
    for (CloseHandler& closer : closers) closer.complete({});
}

void SessionImpl::start_close(std::chrono::milliseconds drain, CloseHandler handler) {
    bool waits = false;
    {
        const std::lock_guard lock(mutex_);
        waits = !ended_ || !links_.empty();
        if (waits) {
            closers_.push_back(std::move(handler));
            closing_self_ = shared_from_this(); // the last handle may go before the links do
        }
    }
    if (!waits) {
        handler.complete({});
        ensure_completion();
        return;
    }
    draining_.store(true);
    for (const auto& listener : listeners()) listener->close();
    asio::post(strand_, [self = shared_from_this(), drain] {
        if (self->ended()) return;
        self->drain_.expires_after(std::clamp(drain, std::chrono::milliseconds(0), std::chrono::milliseconds(limits::option_time_max)));
        self->drain_.async_wait([weak = std::weak_ptr<SessionImpl>(self)](const std::error_code& ec) {
            const auto late = weak.lock();
            if (!ec && late) late->close();
        });
        self->drained();
    });
}

void SessionImpl::connection_ended() noexcept {
    if (--connections_ != 0 || !draining_.load() || over_.load()) return;
    try {
        asio::post(strand_, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->drained();
        });
    } catch (...) { // the drain's time ends it
    }
}

void SessionImpl::drained() {
    if (connections_.load() == 0) close();
}

void SessionImpl::abandon() noexcept {
    const auto self = shared_from_this(); // a handler may own the last handle
    const ConnectedHandler connected = std::exchange(connected_, nullptr);
    std::list<CloseHandler> closers;
    const std::lock_guard lock(mutex_);
    closers.swap(closers_);
    closing_self_.reset();
}

void SessionImpl::tell(std::shared_ptr<const Event::Data> event) const noexcept {
    try {
        asio::post(strand_, [self = shared_from_this(), event = Event(std::move(event))] { self->options().on_event(event); });
        ensure_completion();
    } catch (...) { // no memory: the session matters more than its story
    }
}

} // namespace adit
