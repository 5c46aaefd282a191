// Lets one coroutine of a shard wait until another one changed something.
#pragma once

#include <adit/asio.hpp>
#include <adit/detail/initiate.hpp>

namespace adit::inline v0::edge {

/// One waiter, all on one executor. A notify() without a waiter is remembered for the next one, so the waiter looks at
/// its condition in a loop.
class VisitorSignal {
public:
    void notify() {
        if (waiter_) {
            std::exchange(waiter_, {}).complete({});
        } else {
            notified_ = true;
        }
    }

    asio::awaitable<void> wait() {
        const asio::any_io_executor executor = co_await asio::this_coro::executor;
        if (std::exchange(notified_, false)) co_return;
        auto start = [this](Handler handler) { waiter_ = std::move(handler); };
        auto operation = detail::initiate<void(std::error_code)>(executor, start, as_tuple);
        co_await std::move(operation);
    }

private:
    using Handler = detail::AnyHandler<void(std::error_code)>;
    Handler waiter_;
    bool notified_ = false;
};

} // namespace adit
