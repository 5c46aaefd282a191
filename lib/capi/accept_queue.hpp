// The accepts of one listener for C: by waiting, or by a descriptor that says when there is something to take.
#pragma once

#include <adit/adit.h>
#include <adit/listener.hpp>

#include "base/result.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace adit::inline v0::capi {

/// Thread-safe. Until descriptor() is called an accept is one of the listener's. From then on one asynchronous accept
/// is always under way, which puts its connection here and makes the descriptor readable.
class AcceptQueue : public std::enable_shared_from_this<AcceptQueue> {
public:
    AcceptQueue() = default;
    AcceptQueue(const AcceptQueue&) = delete;
    AcceptQueue& operator=(const AcceptQueue&) = delete;
    ~AcceptQueue();

    /// Before everything else.
    void serve(const Listener& listener) noexcept { listener_ = listener; }
    /// The socket of the next connection; `peer` tells of its visitor. Without `time` it waits for ever. A connection
    /// for which no socket or memory can be had waits for the next call.
    Result<int> accept(std::optional<std::chrono::milliseconds> time, adit_peer& peer);
    /// Readable while there is something to take, or the end.
    Result<int> descriptor();
    void close() noexcept;

private:
    class Caller;

    std::error_code take(std::optional<std::chrono::milliseconds> time, Connection& out);
    void start_accept();
    void accepted(std::error_code code, Connection connection) noexcept;
    void put_back(Connection connection) noexcept;
    void signal() const noexcept;

    Listener listener_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Connection> ready_; // has room for all callers' and for the accept under way
    std::size_t callers_ = 0;
    bool accepting_ = false; // an asynchronous accept is under way
    std::error_code ended_;
    int event_ = -1;
};

} // namespace adit
