#include "edge/visitor_set.hpp"

#include "edge/context.hpp"
#include "edge/spawn.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::edge {
namespace {

TimeoutTimes times_of(const Settings& settings) {
    TimeoutTimes times{};
    const auto set = [&times](TimeoutKind kind, std::chrono::steady_clock::duration time) {
        times[static_cast<std::size_t>(kind)] = time;
    };
    set(TimeoutKind::hello, settings.client_hello_time);
    set(TimeoutKind::handshake, settings.tls_handshake_time);
    set(TimeoutKind::head, settings.http_head_time);
    set(TimeoutKind::idle, settings.http_idle_time);
    set(TimeoutKind::last, limits::drain_idle_time);
    set(TimeoutKind::response, settings.http_response_time);
    set(TimeoutKind::look, std::min<std::chrono::milliseconds>(limits::visitor_look, settings.http_stall_time / 3));
    set(TimeoutKind::agent_idle, settings.agent_stream_idle_time);
    set(TimeoutKind::linger, limits::early_response_linger);
    set(TimeoutKind::half_close, limits::half_close_time / half_close_looks);
    return times;
}

} // namespace

VisitorHandle::VisitorHandle(std::shared_ptr<VisitorSet> set) : set_(std::move(set)), index_(set_->visitors_.size()) {
    set_->visitors_.push_back(this);
    set_->size_.fetch_add(1, std::memory_order_relaxed);
}

VisitorHandle::~VisitorHandle() {
    auto& visitors = set_->visitors_;
    visitors[index_] = visitors.back();
    visitors[index_]->index_ = index_;
    visitors.pop_back();
    set_->size_.fetch_sub(1, std::memory_order_relaxed);
    set_->context.visitors.leave();
}

MutableBytes VisitorBuffer::space() {
    if (!bytes_) {
        if (set_.stock_.empty()) {
            bytes_ = std::make_unique_for_overwrite<std::uint8_t[]>(limits::visitor_buffer);
        } else {
            bytes_ = std::move(set_.stock_.back());
            set_.stock_.pop_back();
        }
    }
    return {bytes_.get(), limits::visitor_buffer};
}

void VisitorBuffer::release() noexcept {
    if (!bytes_) return;
    if (set_.stock_.size() < VisitorSet::stock_max) set_.stock_.push_back(std::move(bytes_)); // within its capacity
    bytes_.reset();
}

VisitorSet::VisitorSet(EdgeContext& owner, const asio::any_io_executor& shard)
    : context(owner), executor(shard), timeouts(std::make_shared<Timeouts>(shard, times_of(owner.settings))) {
    stock_.reserve(stock_max);
}

VisitorSet::~VisitorSet() = default;

void VisitorSet::spawn(asio::awaitable<void> coroutine) {
    edge::spawn(context, executor, std::move(coroutine));
}

// None of them goes before the executor's next turn: both only make a coroutine end.
void VisitorSet::drain_all() {
    for (VisitorHandle* visitor : visitors_) visitor->drain();
}

void VisitorSet::abort_all() {
    for (VisitorHandle* visitor : visitors_) visitor->abort();
}

} // namespace adit
