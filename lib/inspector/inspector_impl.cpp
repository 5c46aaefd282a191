#include "inspector/inspector_impl.hpp"

#include "base/hex.hpp"
#include "base/random.hpp"
#include "client/own_thread.hpp"
#include "client/thrown.hpp"
#include "inspector/options.hpp"
#include "inspector/replay.hpp"

#include <fcntl.h>

#include <array>
#include <utility>

namespace adit::inline v0::detail {
namespace {

constexpr std::string_view busy = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// So that ids of a former inspector are none of this one.
std::string random_prefix() {
    std::array<std::uint8_t, 4> bytes{};
    fill_random(bytes);
    return hex_encode(bytes);
}

ErrorInfo cannot_listen(const asio::ip::tcp::endpoint& at, const std::error_code& ec) {
    const std::error_code code = ec == asio::error::address_in_use ? make_error_code(errc::address_in_use) : ec;
    return {code, "cannot listen on " + at.address().to_string() + " port " + std::to_string(at.port()) + ": " + ec.message()};
}

std::string text_of(const asio::ip::tcp::endpoint& at) {
    const std::string address = at.address().to_string();
    return (at.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(at.port());
}

} // namespace

InspectorImpl::InspectorImpl(std::shared_ptr<SessionImpl> session)
    : session_(std::move(session)), strand_(one_at_a_time(session_->executor())), acceptor_(strand_), again_(strand_) {}

Result<std::shared_ptr<InspectorImpl>> InspectorImpl::start(std::shared_ptr<SessionImpl> session,
                                                            const InspectorOptions& options) {
    const auto address = inspector::check(options);
    if (!address) return address.error();
    if (!session->is_open()) return ErrorInfo(errc::session_closed, "there is no open session to inspect");
    const std::shared_ptr<InspectorImpl> self(new InspectorImpl(std::move(session)));
    const Result<void> listening = self->listen(*address);
    if (!listening) return listening.error();
    // They are told by those who make changes, on any thread, also while this goes.
    const std::weak_ptr<InspectorImpl> weak = self;
    self->store_ = std::make_shared<inspector::Store>(random_prefix(), options.max_exchanges(), options.max_memory(), [weak] {
        if (const auto impl = weak.lock()) impl->changed();
    });
    self->recorder_ = std::make_shared<inspector::Recorder>(self->store_, options.max_body(), [weak] {
        if (const auto impl = weak.lock()) impl->close();
    });
    const auto replay = [weak](auto forwarder, const auto& original, auto number, auto request,
                               auto remote) -> Result<std::uint64_t> {
        const auto impl = weak.lock();
        if (!impl) return errc::session_closed;
        return impl->replay(std::move(forwarder), original, number, std::move(request), remote);
    };
    const asio::ip::tcp::endpoint at = self->acceptor_.local_endpoint();
    self->url_ = "http://" + text_of(at);
    self->service_ = std::make_shared<inspector::Service>(
        self->store_, inspector::Guard(at.address().to_string(), at.port(), options.allowed_hosts()),
        inspector::Api(self->store_, self->recorder_, self->session_, replay));
    if (!self->session_->inspection().attach(self->recorder_))
        return ErrorInfo(errc::limit_exceeded, "the session has an inspector already: close it first");
    {
        const std::lock_guard lock(self->mutex_);
        self->open_ = true;
    }
    if (!self->session_->is_open()) self->close(); // it ended before it could tell us
    self->accept_next();
    return self;
}

Result<void> InspectorImpl::listen(const asio::ip::tcp::endpoint& address) {
    std::error_code ec;
    (void)acceptor_.open(address.protocol(), ec);
    if (ec) return cannot_listen(address, ec);
    ::fcntl(acceptor_.native_handle(), F_SETFD, FD_CLOEXEC);
    (void)acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
    if (!ec) (void)acceptor_.bind(address, ec);
    if (!ec) (void)acceptor_.listen(static_cast<int>(limits::inspector_connections), ec);
    if (ec) return cannot_listen(address, ec);
    return {};
}

bool InspectorImpl::is_open() const {
    const std::lock_guard lock(mutex_);
    return open_;
}

void InspectorImpl::close() noexcept {
    const auto self = shared_from_this();
    Tasks tasks;
    {
        const std::lock_guard lock(mutex_);
        if (!std::exchange(open_, false)) return;
        std::error_code ignored;
        (void)acceptor_.close(ignored);
        again_.cancel();
        tasks = tasks_;
    }
    session_->inspection().detach();
    try {
        store_->forget_all();
        for (const auto& each : tasks) {
            if (const auto task = each.lock()) asio::post(task->executor(), [task] { task->abort(); });
        }
    } catch (...) { // no memory: they end with their own times
    }
}

// --- connections

void InspectorImpl::accept_next() {
    const std::lock_guard lock(mutex_);
    if (!open_) return;
    acceptor_.async_accept(strand_, [self = shared_from_this()](std::error_code ec, net::Tcp::socket socket) {
        self->accepted(ec, std::move(socket));
    });
}

void InspectorImpl::accepted(std::error_code ec, net::Tcp::socket socket) {
    if (ec) { // no descriptors, nearly always; or we were closed
        const std::lock_guard lock(mutex_);
        if (!open_) return;
        again_.expires_after(limits::accept_backoff);
        again_.async_wait([self = shared_from_this()](const std::error_code& cancelled) {
            if (!cancelled) self->accept_next();
        });
        return;
    }
    net::tune(socket);
    ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
    const asio::ip::tcp::endpoint remote = socket.remote_endpoint(ec);
    bool full = false;
    {
        const std::lock_guard lock(mutex_);
        full = connections_ >= limits::inspector_connections;
    }
    if (full) {
        (void)net::send_now(socket, as_bytes(busy));
        net::linger(std::move(socket));
    } else if (!ec) {
        const auto connection = std::make_shared<inspector::Connection>(service_, std::move(socket), text_of(remote));
        (void)begin(connection, connections_, limits::inspector_connections);
    }
    accept_next();
}

/// False: there are `max`, or we are closed.
bool InspectorImpl::begin(const std::shared_ptr<inspector::Task>& task, std::size_t& count, std::size_t max) {
    Tasks::iterator place;
    {
        const std::lock_guard lock(mutex_);
        if (!open_ || count >= max) return false;
        ++count;
        place = tasks_.insert(tasks_.end(), task);
    }
    asio::co_spawn(task->executor(), task->run(), [self = shared_from_this(), task, place, &count](const std::exception_ptr& thrown) {
        if (thrown) task->abort(); // no memory, for instance
        const std::lock_guard lock(self->mutex_);
        --count;
        self->tasks_.erase(place);
    });
    return true;
}

Result<std::uint64_t> InspectorImpl::replay(std::shared_ptr<ForwarderImpl> forwarder, const inspector::Exchange& original,
                                            std::uint64_t original_number, inspector::Message request,
                                            std::string_view remote_address) {
    const ErrorInfo too_many(errc::limit_exceeded, "too many replays are under way");
    {
        const std::lock_guard lock(mutex_);
        if (replays_ >= limits::inspector_replays) return too_many;
    }
    std::uint64_t number = 0;
    const ExchangeOrigin origin(forwarder, remote_address, original.proxy_header);
    auto record = recorder_->begin_replay(origin, request.head, original_number, number);
    const auto task = std::make_shared<inspector::Replay>(one_at_a_time(session_->executor()), std::move(forwarder),
                                                          original.proxy_header, std::move(request), std::move(record));
    if (!begin(task, replays_, limits::inspector_replays)) return too_many;
    return number;
}

// --- pages that are kept up to date

void InspectorImpl::changed() {
    // A page counts before it looks, so one that is not counted yet sees what has changed by now.
    if (service_->live_clients.load() == 0 || wake_posted_.exchange(true)) return;
    try {
        // Weak: what is posted to a context that is being destroyed must not own anything.
        asio::post(strand_, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->wake_pages();
        });
    } catch (...) { // no memory: pages learn of it with the next change
        wake_posted_.store(false);
    }
}

void InspectorImpl::wake_pages() {
    wake_posted_.store(false);
    Tasks tasks;
    {
        const std::lock_guard lock(mutex_);
        tasks = tasks_;
    }
    for (const auto& each : tasks) {
        if (const auto connection = std::dynamic_pointer_cast<inspector::Connection>(each.lock())) connection->wake();
    }
}

} // namespace adit
