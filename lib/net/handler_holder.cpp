#include "net/handler_holder.hpp"

#include <mutex>
#include <utility>
#include <vector>

namespace adit::inline v0::net {
namespace {

/// One a context. Asio shuts services down before it destroys any, so sockets and timers of the handlers can still go.
class HolderService final : public asio::execution_context::service {
public:
    static asio::execution_context::id id;

    explicit HolderService(asio::execution_context& context) : asio::execution_context::service(context) {}

    void add(std::weak_ptr<HandlerHolder> holder) {
        const std::lock_guard lock(mutex_);
        if (holders_.size() == holders_.capacity()) {
            std::erase_if(holders_, [](const auto& each) { return each.expired(); });
            if (holders_.size() > holders_.capacity() / 2) holders_.reserve(2 * holders_.capacity()); // seldom looked through
        }
        holders_.push_back(std::move(holder));
    }

    void abandon() noexcept {
        for (;;) {
            std::vector<std::weak_ptr<HandlerHolder>> holders;
            {
                const std::lock_guard lock(mutex_);
                holders.swap(holders_);
            }
            if (holders.empty()) return;
            for (const auto& weak : holders) {
                if (const auto holder = weak.lock()) holder->abandon();
            }
        }
    }

private:
    void shutdown() override { abandon(); }

    std::mutex mutex_;
    std::vector<std::weak_ptr<HandlerHolder>> holders_;
};

asio::execution_context::id HolderService::id;

} // namespace

HandlerHolder::~HandlerHolder() = default;

void abandon_handlers(const asio::any_io_executor& executor) noexcept {
    asio::execution_context& context = asio::query(executor, asio::execution::context);
    if (asio::has_service<HolderService>(context)) asio::use_service<HolderService>(context).abandon();
}

void abandon_with_context(const asio::any_io_executor& executor, std::weak_ptr<HandlerHolder> holder) {
    asio::execution_context& context = asio::query(executor, asio::execution::context);
    asio::use_service<HolderService>(context).add(std::move(holder));
}

} // namespace adit
