// The few lines that turn a compiled `start(handler)` into an operation for any completion token.
#pragma once

#include <adit/detail/any_handler.hpp>

#include <type_traits>
#include <utility>

namespace adit::inline v0::detail {

/// Keeps the executor visible, so that adaptors which ask for it (cancel_after of newer Asio) work.
template <class Signature, class Start>
class Initiation {
public:
    using executor_type = asio::any_io_executor;
    Initiation(asio::any_io_executor executor, Start start)
        : executor_(std::move(executor)), start_(std::move(start)) {}
    executor_type get_executor() const noexcept { return executor_; }

    template <class Handler>
    void operator()(Handler&& handler) {
        // A copy: another thread may complete the operation and destroy this object with its coroutine before start returns.
        const Start start(start_);
        start(AnyHandler<Signature>(std::decay_t<Handler>(std::forward<Handler>(handler)), executor_));
    }

private:
    asio::any_io_executor executor_;
    Start start_;
};

/// A token that is an lvalue is copied, an rvalue moved, as Asio's own operations do.
template <class Signature, class Start, class Token>
auto initiate(const asio::any_io_executor& executor, Start start, Token&& token) {
    return asio::async_initiate<Token, Signature>(Initiation<Signature, Start>(executor, std::move(start)), token);
}

} // namespace adit
