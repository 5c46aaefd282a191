// What the visitors of one ingress share on their shard: the list of them, their time limits and their buffers.
#pragma once

#include <adit/asio.hpp>
#include <adit/edge/options.hpp>
#include <adit/limits.hpp>

#include "base/bytes.hpp"
#include "edge/visitor_timeouts.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::edge {

class EdgeContext;
class Gateway;
class VisitorSet;

/// A connected visitor, for who wants to end it. It is in the set from its construction to its destruction, and holds one
/// place of EdgeContext::visitors, which its maker took.
class VisitorHandle {
public:
    explicit VisitorHandle(std::shared_ptr<VisitorSet> set);
    VisitorHandle(const VisitorHandle&) = delete;
    VisitorHandle& operator=(const VisitorHandle&) = delete;
    virtual ~VisitorHandle();

    /// End after the request in progress.
    virtual void drain() = 0;
    /// End now.
    virtual void abort() noexcept = 0;

protected:
    VisitorSet& set() const noexcept { return *set_; }
    const std::shared_ptr<VisitorSet>& shared_set() const noexcept { return set_; }

private:
    friend class VisitorSet;
    const std::shared_ptr<VisitorSet> set_;
    std::size_t index_ = 0; // in the set's list
};

/// A buffer of limits::visitor_buffer bytes while it is needed; goes back to the set's stock.
class VisitorBuffer {
public:
    explicit VisitorBuffer(VisitorSet& set) noexcept : set_(set) {}
    VisitorBuffer(const VisitorBuffer&) = delete;
    VisitorBuffer& operator=(const VisitorBuffer&) = delete;
    ~VisitorBuffer() { release(); }

    bool held() const noexcept { return bytes_ != nullptr; }
    /// Takes one if none is held.
    MutableBytes space();
    void release() noexcept;

private:
    VisitorSet& set_;
    std::unique_ptr<std::uint8_t[]> bytes_;
};

/// Confined to `executor`.
class VisitorSet final {
public:
    VisitorSet(EdgeContext& owner, const asio::any_io_executor& shard);
    ~VisitorSet();

    EdgeContext& context;
    const asio::any_io_executor executor;
    const std::shared_ptr<Timeouts> timeouts;
    std::shared_ptr<Gateway> agents; ///< for those that come to this port (Settings::agent_server_name); null: none do

    /// From any thread.
    std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
    /// Runs a visitor's coroutine; what it throws (no memory, for instance) ends that visitor alone.
    void spawn(asio::awaitable<void> coroutine);
    void drain_all();
    void abort_all();

private:
    friend class VisitorHandle;
    friend class VisitorBuffer;
    static constexpr std::size_t stock_max = 64;

    std::vector<VisitorHandle*> visitors_;
    std::vector<std::unique_ptr<std::uint8_t[]>> stock_;
    std::atomic<std::size_t> size_{0};
};

} // namespace adit
