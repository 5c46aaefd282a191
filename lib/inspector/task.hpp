// What an inspector has to end when it ends.
#pragma once

#include <adit/asio.hpp>

#include <memory>

namespace adit::inline v0::inspector {

class Task : public std::enable_shared_from_this<Task> {
public:
    explicit Task(asio::any_io_executor executor) : executor_(std::move(executor)) {}
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    virtual ~Task() = default;

    const asio::any_io_executor& executor() const noexcept { return executor_; }
    /// Returns when nothing of it runs any more.
    virtual asio::awaitable<void> run() = 0;
    /// On the executor.
    virtual void abort() noexcept = 0;

private:
    const asio::any_io_executor executor_;
};

} // namespace adit
