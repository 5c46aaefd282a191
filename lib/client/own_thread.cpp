#include "client/own_thread.hpp"

#include "client/background.hpp"

#include <asio/thread_pool.hpp>

#include <typeinfo>
#include <utility>

namespace adit::inline v0 {
namespace {

using Check = bool (*)(const asio::any_io_executor&);
using AnyStrand = asio::strand<asio::any_io_executor>;
using IoStrand = asio::strand<asio::io_context::executor_type>;
using PoolStrand = asio::strand<asio::thread_pool::executor_type>;

// any_io_executor::target<T>() does not look at the type itself.
template <class Executor>
bool holds(const asio::any_io_executor& executor) {
    return executor.target_type() == typeid(Executor);
}

template <class Executor>
bool plain_runs_here(const asio::any_io_executor& executor) {
    return executor.target<Executor>()->running_in_this_thread();
}

template <class Strand>
bool strand_runs_here(const asio::any_io_executor& executor) {
    // A thread that runs another handler of the inner executor may be the only one.
    const Strand& strand = *executor.target<Strand>();
    return strand.running_in_this_thread() || OwnThread(strand.get_inner_executor()).is_this_thread();
}

template <class Executor, class... Others>
Check find_plain(const asio::any_io_executor& executor) {
    if (holds<Executor>(executor)) return plain_runs_here<Executor>;
    if constexpr (sizeof...(Others) != 0) {
        return find_plain<Others...>(executor);
    } else {
        return [](const asio::any_io_executor&) { return false; };
    }
}

// The properties of an executor are bits of its type.
template <std::size_t... Bits>
Check find_plain(const asio::any_io_executor& executor, std::index_sequence<Bits...>) {
    return find_plain<asio::io_context::basic_executor_type<std::allocator<void>, Bits>...,
                      asio::thread_pool::basic_executor_type<std::allocator<void>, Bits>...>(executor);
}

Check find_check(const asio::any_io_executor& executor) {
    if (!executor) return [](const asio::any_io_executor&) { return false; };
    if (holds<AnyStrand>(executor)) return strand_runs_here<AnyStrand>;
    if (holds<IoStrand>(executor)) return strand_runs_here<IoStrand>;
    if (holds<PoolStrand>(executor)) return strand_runs_here<PoolStrand>;
    return find_plain(executor, std::make_index_sequence<8>());
}

} // namespace

OwnThread::OwnThread(asio::any_io_executor executor) : executor_(std::move(executor)), check_(find_check(executor_)) {}

asio::any_io_executor one_at_a_time(const asio::any_io_executor& executor) {
    const bool already = executor == Background::executor() || holds<AnyStrand>(executor) ||
                         holds<IoStrand>(executor) || holds<PoolStrand>(executor);
    if (already) return executor;
    return asio::make_strand(executor);
}

} // namespace adit
