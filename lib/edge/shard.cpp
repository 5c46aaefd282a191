#include "edge/shard.hpp"

#include <csignal>
#include <exception>
#include <string>

namespace adit::inline v0::edge {

Shard::Shard(std::function<void(std::string_view)> log) : work_(context_.get_executor()), log_(std::move(log)) {}

Shard::~Shard() { stop(); }

void Shard::start() {
    // Signals are the application's: its threads get them, not ours.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        thread_ = std::thread([this] { run(); });
    } catch (...) {
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        throw;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Shard::run() noexcept {
    for (;;) {
        try {
            context_.run();
            return;
        } catch (const std::exception& e) {
            log_(std::string("an event loop caught an exception: ") + e.what());
        } catch (...) {
            log_("an event loop caught an exception");
        }
    }
}

void Shard::stop() noexcept {
    context_.stop();
    if (thread_.joinable()) thread_.join();
}

} // namespace adit
