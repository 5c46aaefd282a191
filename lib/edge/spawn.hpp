// Starts a coroutine that nobody waits for.
#pragma once

#include <adit/asio.hpp>

namespace adit::inline v0::edge {

class EdgeContext;

/// An exception that leaves it (out of memory, a bug) is logged and ends this coroutine alone. Counted in
/// EdgeContext::tasks, for stop() waits for them.
void spawn(EdgeContext& context, const asio::any_io_executor& executor, asio::awaitable<void> coroutine);

} // namespace adit
