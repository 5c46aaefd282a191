#include "net/deadline.hpp"

namespace adit::inline v0::net {

struct Deadline::State {
    State(const asio::any_io_executor& executor, std::function<void()> f) : timer(executor), on_expire(std::move(f)) {}
    asio::steady_timer timer;
    std::function<void()> on_expire;
    bool alive = true;
    bool expired = false;
    std::uint64_t round = 0;
};

Deadline::Deadline(const asio::any_io_executor& executor, std::chrono::steady_clock::duration time,
                   std::function<void()> on_expire)
    : state_(std::make_shared<State>(executor, std::move(on_expire))) {
    restart(time);
}

Deadline::~Deadline() {
    state_->alive = false;
    state_->timer.cancel();
}

void Deadline::restart(std::chrono::steady_clock::duration time) {
    state_->expired = false;
    state_->timer.expires_after(time);
    // A wait that was already on its way when the timer was moved carries an old round.
    state_->timer.async_wait([state = state_, round = ++state_->round](const std::error_code& ec) {
        if (ec || !state->alive || state->round != round) return;
        state->expired = true;
        state->on_expire();
    });
}

bool Deadline::expired() const noexcept { return state_->expired; }

} // namespace adit
