// One event loop with its thread.
#pragma once

#include <adit/asio.hpp>

#include <functional>
#include <string_view>
#include <thread>

namespace adit::inline v0::edge {

class Shard {
public:
    /// `log` is told of exceptions that leave a handler; the loop goes on.
    explicit Shard(std::function<void(std::string_view)> log);
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;
    /// stop().
    ~Shard();

    asio::any_io_executor executor() { return context_.get_executor(); }
    void start();
    /// Ends the loop between two handlers and joins the thread. What still waits is destroyed with the shard.
    void stop() noexcept;
    bool is_this_thread() const noexcept { return thread_.get_id() == std::this_thread::get_id(); }

private:
    void run() noexcept;

    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::function<void(std::string_view)> log_;
    std::thread thread_;
};

} // namespace adit
