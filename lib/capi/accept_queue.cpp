#include "capi/accept_queue.hpp"

#include "capi/guard.hpp"
#include "client/background.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace adit::inline v0::capi {
namespace {

constexpr std::chrono::hours longest{24 * 365}; // now() plus milliseconds::max() overflows

void describe(const Connection& connection, adit_peer& out) {
    out = adit_peer();
    copy_text(connection.remote_address(), out.remote_address, sizeof out.remote_address);
    copy_text(connection.protocol(), out.protocol, sizeof out.protocol);
    out.passthrough_tls = connection.passthrough_tls() ? 1 : 0;
}

} // namespace

/// A thread inside of accept(): what it takes can always be put back.
class AcceptQueue::Caller {
public:
    explicit Caller(AcceptQueue& queue) : queue_(queue) {
        const std::lock_guard lock(queue_.mutex_);
        queue_.ready_.reserve(queue_.ready_.size() + queue_.callers_ + 2);
        ++queue_.callers_;
    }
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;
    ~Caller() {
        const std::lock_guard lock(queue_.mutex_);
        --queue_.callers_;
    }

private:
    AcceptQueue& queue_;
};

AcceptQueue::~AcceptQueue() {
    if (event_ >= 0) ::close(event_);
}

void AcceptQueue::signal() const noexcept {
    const std::uint64_t one = 1;
    if (event_ >= 0) [[maybe_unused]]
        const ssize_t n = ::write(event_, &one, sizeof one); // fails at 2^64 - 1 only
}

Result<int> AcceptQueue::accept(std::optional<std::chrono::milliseconds> time, adit_peer& peer) {
    if (Background::runs_on_this_thread())
        return ErrorInfo(errc::would_deadlock, "accept blocks, and a callback must not");
    const Caller caller(*this);
    Connection taken;
    std::error_code ec = take(time, taken);
    if (ec) {
        const ErrorInfo why = listener_.last_error();
        if (ec == errc::listener_closed || ec == why.code()) return ErrorInfo(ec, why.message(), why.detail());
        return ec;
    }
    try {
        describe(taken, peer);
        const int socket = taken.release_socket(ec);
        if (!ec) return socket;
    } catch (...) {
        put_back(std::move(taken));
        throw;
    }
    put_back(std::move(taken));
    return ErrorInfo(ec, "no socket for the connection; it waits for the next accept");
}

std::error_code AcceptQueue::take(std::optional<std::chrono::milliseconds> time, Connection& out) {
    std::error_code ec;
    std::unique_lock lock(mutex_);
    const auto deadline =
        std::chrono::steady_clock::now() + std::min<std::chrono::milliseconds>(time.value_or(longest), longest);
    for (;;) {
        const bool polled = event_ >= 0;
        if (polled && ready_.size() <= 1 && !accepting_ && !ended_) start_accept();
        if (!ready_.empty()) {
            out = std::move(ready_.front());
            ready_.erase(ready_.begin());
            std::uint64_t ignored = 0;
            if (polled && ready_.empty() && !ended_) [[maybe_unused]]
                const ssize_t n = ::read(event_, &ignored, sizeof ignored);
            return {};
        }
        if (ended_) return ended_;
        if (!polled) break;
        if (!time) {
            changed_.wait(lock);
        } else if (changed_.wait_until(lock, deadline) == std::cv_status::timeout && ready_.empty() && !ended_) {
            return errc::timed_out;
        }
    }
    lock.unlock();
    out = time ? listener_.accept_for(*time, ec) : listener_.accept(ec);
    return ec;
}

Result<int> AcceptQueue::descriptor() {
    const std::lock_guard lock(mutex_);
    if (event_ >= 0) return event_;
    const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0) return ErrorInfo(std::error_code(errno, std::system_category()), "no descriptor to wait on");
    try {
        if (!ended_) start_accept();
    } catch (...) {
        ::close(event);
        throw;
    }
    event_ = event;
    if (ended_ || !ready_.empty()) signal();
    return event_;
}

/// With the mutex held: the handler never runs inside of it.
void AcceptQueue::start_accept() {
    ready_.reserve(ready_.size() + callers_ + 1);
    listener_.async_accept([self = shared_from_this()](std::error_code code, Connection connection) {
        self->accepted(code, std::move(connection));
    });
    accepting_ = true;
}

void AcceptQueue::accepted(std::error_code code, Connection connection) noexcept {
    std::vector<Connection> unwanted; // ended without the mutex
    {
        const std::lock_guard lock(mutex_);
        accepting_ = false;
        if (code && !ended_) ended_ = code;
        if (ended_) {
            unwanted.swap(ready_);
        } else {
            ready_.push_back(std::move(connection));
        }
        signal();
        changed_.notify_all();
    }
    connection.reset();
    for (Connection& one : unwanted) one.reset();
}

void AcceptQueue::put_back(Connection connection) noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (!ended_ && connection.is_open()) {
            ready_.insert(ready_.begin(), std::move(connection));
            signal();
            changed_.notify_all();
        }
    }
    connection.reset();
}

void AcceptQueue::close() noexcept {
    listener_.close();
    std::vector<Connection> unwanted;
    {
        const std::lock_guard lock(mutex_);
        if (!ended_) ended_ = errc::listener_closed;
        unwanted.swap(ready_);
        signal();
        changed_.notify_all();
    }
    for (Connection& one : unwanted) one.reset();
}

} // namespace adit
