#include "net/custom_dial.hpp"

#include "base/url.hpp"
#include "net/deadline.hpp"

#include <cerrno>
#include <exception>
#include <mutex>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace adit::inline v0 {
namespace detail {

/// Between the coroutine that waits and the handler, which may outlive it and its executor.
class DialAnswer : public std::enable_shared_from_this<DialAnswer> {
public:
    DialAnswer(asio::any_io_executor executor, asio::steady_timer& waiting)
        : executor_(std::move(executor)), waiting_(&waiting) {}
    DialAnswer(const DialAnswer&) = delete;
    DialAnswer& operator=(const DialAnswer&) = delete;
    ~DialAnswer() { close(descriptor_); }

    void complete(std::error_code error, int descriptor, bool dropped) noexcept {
        const std::lock_guard lock(mutex_);
        if (!executor_ || done_) {
            close(descriptor);
            return;
        }
        done_ = true;
        dropped_ = dropped;
        error_ = error;
        descriptor_ = descriptor;
        try {
            // Under the lock: the executor's context cannot go meanwhile, for the coroutine in it calls abandon()
            // first.
            asio::post(*executor_, [self = shared_from_this()] {
                if (self->waiting_ != nullptr) self->waiting_->cancel();
            });
        } catch (...) { // no memory: the time of the dial runs out
        }
    }

    /// The coroutine is gone, on its executor: nothing here may touch that any more.
    void abandon() noexcept {
        const std::lock_guard lock(mutex_);
        waiting_ = nullptr;
        executor_.reset();
    }

    bool is_wanted() const noexcept {
        const std::lock_guard lock(mutex_);
        return executor_.has_value() && !done_;
    }
    bool done() const noexcept {
        const std::lock_guard lock(mutex_);
        return done_;
    }

    // Once it is done:
    bool dropped() const noexcept { return dropped_; }
    const std::error_code& error() const noexcept { return error_; }
    int take() noexcept { return std::exchange(descriptor_, -1); }

private:
    static void close(int descriptor) noexcept {
        if (descriptor >= 0) (void)::close(descriptor);
    }

    mutable std::mutex mutex_;
    std::optional<asio::any_io_executor> executor_; // unset: abandoned
    asio::steady_timer* waiting_;                   // of the coroutine; touched on the executor only
    bool done_ = false;
    bool dropped_ = false;
    std::error_code error_;
    int descriptor_ = -1;
};

} // namespace detail

DialHandler::DialHandler(std::shared_ptr<detail::DialAnswer> answer) noexcept : answer_(std::move(answer)) {}
DialHandler::DialHandler(DialHandler&&) noexcept = default;

DialHandler& DialHandler::operator=(DialHandler&& other) noexcept {
    DialHandler old(std::move(*this)); // is dropped
    answer_ = std::move(other.answer_);
    return *this;
}

DialHandler::~DialHandler() {
    if (answer_) answer_->complete({}, -1, true);
}

void DialHandler::operator()(std::error_code error, int descriptor) noexcept {
    if (const auto answer = std::exchange(answer_, nullptr)) {
        answer->complete(error, descriptor, false);
    } else if (descriptor >= 0) {
        (void)::close(descriptor);
    }
}

bool DialHandler::is_wanted() const noexcept { return answer_ != nullptr && answer_->is_wanted(); }

namespace net {
namespace {

/// However the scope is left: the handler must not touch what was in it.
class Abandon {
public:
    explicit Abandon(std::shared_ptr<detail::DialAnswer> answer) : answer_(std::move(answer)) {}
    Abandon(const Abandon&) = delete;
    Abandon& operator=(const Abandon&) = delete;
    ~Abandon() { answer_->abandon(); }

private:
    std::shared_ptr<detail::DialAnswer> answer_;
};

std::optional<std::string> call(const Dialer& dialer, const asio::any_io_executor& executor, const std::string& host,
                                std::uint16_t port, std::shared_ptr<detail::DialAnswer> answer) {
    try {
        dialer(executor, host, port, DialHandler(std::move(answer)));
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "an unknown exception";
    }
    return std::nullopt;
}

/// Why a descriptor cannot carry a session; success if it can.
std::error_code unfit(int descriptor) noexcept {
    int type = 0;
    socklen_t size = sizeof type;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return {errno, std::system_category()};
    if (type != SOCK_STREAM) return {EPROTOTYPE, std::system_category()};
    sockaddr_storage peer{};
    size = sizeof peer;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0)
        return {errno, std::system_category()};
    return {};
}

} // namespace

asio::awaitable<Result<Tcp::socket>> custom_dial(asio::any_io_executor executor, Dialer dialer, std::string host,
                                                 std::uint16_t port, std::chrono::steady_clock::duration time) {
    const std::string target = join_host_port(host, port);
    asio::steady_timer waiting(executor);
    waiting.expires_after(time);
    const auto answer = std::make_shared<detail::DialAnswer>(executor, waiting);
    const Abandon abandon(answer);
    const std::optional<std::string> thrown = call(dialer, executor, host, port, answer);
    if (thrown) co_return ErrorInfo(errc::unavailable, "the dialer threw for " + target + ": " + *thrown);

    // Its answer is posted, so it comes after this wait has begun.
    std::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    co_await waiting.async_wait(token);
    if (!answer->done()) {
        if (ec) co_return ErrorInfo(ec, "the dial of " + target + " was cancelled");
        co_return ErrorInfo(errc::timed_out, "the dialer took too long for " + target);
    }
    if (answer->dropped()) {
        co_return ErrorInfo(errc::unavailable, "the dialer dropped its handler without an answer for " + target);
    }
    Tcp::socket socket(executor);
    const int descriptor = answer->take();
    ec = answer->error();
    if (ec) {
        if (descriptor >= 0) (void)::close(descriptor);
        co_return ErrorInfo(ec, "the dialer failed for " + target);
    }
    ec = unfit(descriptor);
    if (!ec) socket.assign(Tcp::v4(), descriptor, ec); // the family is a name here: only stream calls follow
    if (ec) {
        if (descriptor >= 0) (void)::close(descriptor);
        co_return ErrorInfo(errc::invalid_option,
                            "dialer: what it gave for " + target + " is no connected stream socket: " + ec.message());
    }
    tune(socket);
    co_return Result<Tcp::socket>(std::move(socket));
}

} // namespace net
} // namespace adit::inline v0
