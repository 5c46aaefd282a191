// A type-erased completion handler: the operations are compiled once, the handler keeps what Asio associates with it.
//
// Asio 1.22 has no any_completion_handler. This one keeps the associated executor (with outstanding work on it and on the
// executor that does the I/O), the associated allocator for its own memory, and the cancellation slot.
#pragma once

#include <adit/asio.hpp>

#include <memory>
#include <tuple>
#include <utility>

namespace adit::inline v0::detail {

template <class Signature>
class AnyHandler;

/// Move-only; called at most once by `complete`, which never runs the handler inside the caller: it posts.
/// Dropping it without completing destroys the handler (an abandoned coroutine is destroyed with it).
template <class... Args>
class AnyHandler<void(Args...)> {
public:
    AnyHandler() = default;

    template <class Handler>
    AnyHandler(Handler handler, const asio::any_io_executor& io_executor) {
        using Allocator = typename std::allocator_traits<
            asio::associated_allocator_t<Handler>>::template rebind_alloc<Impl<Handler>>;
        Allocator allocator(asio::get_associated_allocator(handler));
        Impl<Handler>* memory = std::allocator_traits<Allocator>::allocate(allocator, 1);
        impl_.reset(::new (static_cast<void*>(memory)) Impl<Handler>(std::move(handler), io_executor));
    }

    /// A handler that runs inside complete(): for a thread that waits for it, see lib/client/blocking.hpp.
    template <class Function>
    static AnyHandler inline_function(Function function) {
        AnyHandler handler;
        handler.impl_.reset(new InlineImpl<Function>(std::move(function)));
        return handler;
    }

    explicit operator bool() const noexcept { return impl_ != nullptr; }

    /// The slot to install a cancellation callback in, before the operation can complete.
    asio::cancellation_slot slot() const noexcept { return impl_->slot(); }

    /// Posts the handler to its associated executor and forgets it. The slot is cleared there, right before the call.
    void complete(Args... args) { impl_.release()->complete(std::move(args)...); }

private:
    struct Base {
        virtual void complete(Args... args) = 0;
        virtual void destroy() noexcept = 0;
        virtual asio::cancellation_slot slot() const noexcept = 0;

    protected:
        ~Base() = default;
    };

    struct Destroy {
        void operator()(Base* base) const noexcept { base->destroy(); }
    };

    template <class Handler>
    struct Impl final : Base {
        using Executor = asio::associated_executor_t<Handler, asio::any_io_executor>;
        using Allocator =
            typename std::allocator_traits<asio::associated_allocator_t<Handler>>::template rebind_alloc<Impl>;

        Impl(Handler&& h, const asio::any_io_executor& io_executor)
            : handler(std::move(h)), work(asio::get_associated_executor(handler, io_executor)), io_work(io_executor) {}

        void complete(Args... args) override {
            Handler moved(std::move(handler));
            asio::executor_work_guard<Executor> guard(std::move(work));
            asio::executor_work_guard<asio::any_io_executor> io_guard(std::move(io_work));
            // A moved-from handler may have no allocator any more.
            free(Allocator(asio::get_associated_allocator(moved)));
            asio::post(guard.get_executor(), Call<Handler>(std::move(moved), std::move(args)...));
        }
        void destroy() noexcept override { free(Allocator(asio::get_associated_allocator(handler))); }
        void free(Allocator allocator) noexcept {
            this->~Impl();
            std::allocator_traits<Allocator>::deallocate(allocator, this, 1);
        }
        asio::cancellation_slot slot() const noexcept override {
            return asio::get_associated_cancellation_slot(handler);
        }

        Handler handler;
        asio::executor_work_guard<Executor> work;
        asio::executor_work_guard<asio::any_io_executor> io_work;
    };

    template <class Function>
    struct InlineImpl final : Base {
        explicit InlineImpl(Function&& f) : function(std::move(f)) {}
        void complete(Args... args) override {
            Function moved(std::move(function));
            delete this;
            moved(std::move(args)...);
        }
        void destroy() noexcept override { delete this; }
        asio::cancellation_slot slot() const noexcept override { return {}; }
        Function function;
    };

    template <class Handler>
    struct Call {
        using allocator_type = asio::associated_allocator_t<Handler>;

        template <class... Values>
        explicit Call(Handler&& h, Values&&... values)
            : handler(std::move(h)), arguments(std::forward<Values>(values)...) {}

        allocator_type get_allocator() const noexcept { return asio::get_associated_allocator(handler); }
        void operator()() {
            auto slot = asio::get_associated_cancellation_slot(handler);
            if (slot.is_connected()) slot.clear();
            std::apply([this](Args&... args) { std::move(handler)(std::move(args)...); }, arguments);
        }

        Handler handler;
        std::tuple<Args...> arguments;
    };

    std::unique_ptr<Base, Destroy> impl_;
};

} // namespace adit
