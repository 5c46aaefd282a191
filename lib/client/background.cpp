#include "client/background.hpp"

#include <adit/limits.hpp>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

namespace adit::inline v0 {
namespace {

using WorkGuard = asio::executor_work_guard<asio::io_context::executor_type>;

thread_local bool is_background_thread = false;

/// Never destroyed: handles in static objects of the program may outlive any order of destruction.
class Thread {
public:
    static Thread& instance() {
        static Thread* const thread = new Thread;
        return *thread;
    }

    std::error_code start_user();
    void mark_closing() noexcept;
    void end_user(bool closing) noexcept;
    bool wait_stopped(std::chrono::milliseconds time);
    void at_exit();
    asio::io_context& context() noexcept { return context_; }

private:
    Thread() = default;
    void run();

    asio::io_context context_{1};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::thread thread_;
    std::optional<WorkGuard> work_;
    std::size_t users_ = 0;
    std::size_t closing_ = 0;
    bool running_ = false; // the thread will still look at users_
    bool exiting_ = false;
};

/// Gives closing sessions a moment to say goodbye when the program ends (or the library is unloaded).
class AtExit {
public:
    ~AtExit() { Thread::instance().at_exit(); }
};

std::error_code Thread::start_user() {
    static AtExit at_exit;
    const std::lock_guard lock(mutex_);
    if (!running_) {
        if (thread_.joinable()) thread_.join(); // it is past its last instruction of ours
        context_.restart();
        // The program's signals are for the program's threads.
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        std::error_code failed;
        try {
            work_.emplace(context_.get_executor());
            thread_ = std::thread([this] { run(); });
        } catch (const std::system_error& error) {
            failed = error.code();
        }
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        if (failed) {
            work_.reset();
            return failed;
        }
        running_ = true;
    } else if (!work_) {
        work_.emplace(context_.get_executor());
    }
    ++users_;
    return {};
}

void Thread::run() {
    is_background_thread = true;
    for (;;) {
        context_.run();
        const std::unique_lock lock(mutex_);
        if (users_ != 0) { // a user came while the last work ran out
            context_.restart();
            continue;
        }
        // run() came back, so nothing is in flight and the thread of Asio's resolver is idle: this ends it.
        if (!exiting_) {
            context_.notify_fork(asio::io_context::fork_prepare);
            context_.notify_fork(asio::io_context::fork_parent);
        }
        running_ = false;
        changed_.notify_all();
        return;
    }
}

void Thread::mark_closing() noexcept {
    const std::lock_guard lock(mutex_);
    ++closing_;
}

void Thread::end_user(bool closing) noexcept {
    const std::lock_guard lock(mutex_);
    if (closing) --closing_;
    if (--users_ == 0) work_.reset();
    changed_.notify_all();
}

bool Thread::wait_stopped(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, time, [this] { return !running_; })) return false;
    if (thread_.joinable()) thread_.join();
    return true;
}

void Thread::at_exit() {
    std::unique_lock lock(mutex_);
    if (is_background_thread) return; // exit() was called by a handler
    changed_.wait_for(lock, limits::exit_time, [this] { return !running_ || users_ > closing_; });
    // Users that stay are handles the program never gave up; their thread ends with the process.
    if (users_ != 0) return;
    if (running_) {
        exiting_ = true;
        context_.stop();
        changed_.wait(lock, [this] { return !running_; });
        exiting_ = false;
    }
    if (thread_.joinable()) thread_.join();
}

} // namespace

void Background::Lease::closing() noexcept {
    if (!held_ || closing_) return;
    closing_ = true;
    Thread::instance().mark_closing();
}

void Background::Lease::release() noexcept {
    if (std::exchange(held_, false)) Thread::instance().end_user(std::exchange(closing_, false));
}

Result<Background::Lease> Background::acquire() {
    if (const std::error_code error = Thread::instance().start_user())
        return ErrorInfo(error, "the library's background thread could not be started");
    return Lease(true);
}

asio::any_io_executor Background::executor() { return Thread::instance().context().get_executor(); }

bool Background::runs_on_this_thread() noexcept { return is_background_thread; }

void Background::run_posted() noexcept {
    Result<Lease> lease = acquire();
    // The lease goes with the last of what was posted before it.
    if (lease) asio::post(executor(), [lease = std::move(lease).value()] {});
}

bool Background::wait_stopped(std::chrono::milliseconds time) { return Thread::instance().wait_stopped(time); }

} // namespace adit
