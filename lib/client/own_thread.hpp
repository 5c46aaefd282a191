// Finds blocking calls that could never end: those on a thread that would have to complete them.
#pragma once

#include <adit/asio.hpp>

namespace adit::inline v0 {

/// Knows the threads of one executor: an io_context, a thread_pool, a strand over either, or the library's background
/// thread. Of an executor of another kind it knows none.
class OwnThread {
public:
    explicit OwnThread(asio::any_io_executor executor);

    /// Whether the calling thread is running handlers of the executor.
    bool is_this_thread() const { return check_(executor_); }

private:
    using Check = bool (*)(const asio::any_io_executor&);
    asio::any_io_executor executor_;
    Check check_; // found once: comparing types costs more than asking
};

/// The executor itself if it already runs one handler at a time, else a strand over it.
asio::any_io_executor one_at_a_time(const asio::any_io_executor& executor);

} // namespace adit
