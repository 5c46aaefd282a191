// What keeps the handlers of operations outside of Asio.
#pragma once

#include <adit/asio.hpp>

#include <memory>

namespace adit::inline v0::net {

/// When an execution context is destroyed, Asio destroys the handlers it keeps without calling them, and so must we: a
/// coroutine that owns what it waits for would otherwise never be freed.
class ADIT_INTERNAL HandlerHolder {
public:
    virtual ~HandlerHolder();
    /// Destroys all handlers uncalled. On the thread that destroys the context; nothing can be posted any more.
    virtual void abandon() noexcept = 0;
};

/// Tells all holders of a context now: where several contexts wait for each other, before the first is destroyed. None of
/// their threads may run any more.
ADIT_INTERNAL void abandon_handlers(const asio::any_io_executor& executor) noexcept;

/// From now until it is gone, `holder` is told when the context of `executor` is destroyed. Thread-safe.
ADIT_INTERNAL void abandon_with_context(const asio::any_io_executor& executor, std::weak_ptr<HandlerHolder> holder);

} // namespace adit
