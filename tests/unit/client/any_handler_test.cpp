// The type-erased completion handler: where its memory comes from and goes to.
#include <adit/detail/any_handler.hpp>

#include "support/doctest.hpp"

#include <memory>
#include <new>

using namespace adit;

namespace {

/// What allocators of one arena have handed out and got back.
class Arena {
public:
    int taken = 0;
    int returned = 0;
};

/// Useless without its arena, as an allocator over a pool is.
template <class T>
class ArenaAllocator {
public:
    using value_type = T;
    explicit ArenaAllocator(std::shared_ptr<Arena> arena) : arena_(std::move(arena)) {}
    template <class U>
    ArenaAllocator(const ArenaAllocator<U>& other) : arena_(other.arena()) {} // NOLINT: as every allocator

    T* allocate(std::size_t n) {
        ++arena_->taken;
        return static_cast<T*>(::operator new(n * sizeof(T)));
    }
    void deallocate(T* memory, std::size_t) {
        REQUIRE(arena_ != nullptr); // that of a moved-from handler is gone
        ++arena_->returned;
        ::operator delete(memory);
    }
    const std::shared_ptr<Arena>& arena() const { return arena_; }
    template <class U>
    bool operator==(const ArenaAllocator<U>& other) const {
        return arena_ == other.arena();
    }

private:
    std::shared_ptr<Arena> arena_;
};

/// Owns its arena alone.
class Handler {
public:
    using allocator_type = ArenaAllocator<void>;
    Handler(std::shared_ptr<Arena> arena, int& called) : arena_(std::move(arena)), called_(&called) {}
    allocator_type get_allocator() const noexcept { return allocator_type(arena_); }
    void operator()(std::error_code ec, int value) {
        CHECK_FALSE(ec);
        CHECK(arena_->taken == arena_->returned);
        *called_ += value;
    }

private:
    std::shared_ptr<Arena> arena_;
    int* called_;
};

} // namespace

TEST_CASE("a handler's memory goes back to the allocator it came from") {
    asio::io_context context;
    auto arena = std::make_shared<Arena>();
    const std::weak_ptr<Arena> alive = arena;
    int called = 0;
    const asio::any_io_executor executor = context.get_executor();
    detail::AnyHandler<void(std::error_code, int)> handler(Handler(std::move(arena), called), executor);
    CHECK(alive.lock()->taken == 1);
    SUBCASE("completed") {
        handler.complete({}, 3);
        context.run();
        CHECK(called == 3);
    }
    SUBCASE("dropped") {
        handler = {};
        CHECK(called == 0);
    }
    CHECK(alive.expired());
}
