// The one place that includes Asio and knows its versions (1.22 of Debian 12 and later, standalone).
//
// Clang with libstdc++ 12 has C++20 coroutines, but Asio 1.22 looks only for <experimental/coroutine>; it is told here.
#pragma once

#if defined(__clang__) && !defined(ASIO_HAS_CO_AWAIT)
#define ASIO_HAS_CO_AWAIT 1
#endif
#if defined(__clang__) && !defined(ASIO_HAS_STD_COROUTINE)
#define ASIO_HAS_STD_COROUTINE 1
#endif
#if !defined(ASIO_STANDALONE)
#define ASIO_STANDALONE 1
#endif

#include <adit/detail/abi.hpp>

// Before Asio: it takes std::aligned_alloc only if a standard header came first (_GLIBCXX_HAVE_ALIGNED_ALLOC), and memory
// allocated the one way and freed the other way crosses between translation units (found by AddressSanitizer).
#include <cstddef>

#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/version.hpp>

namespace adit::inline v0 {

/// The token every asynchronous operation uses when none is given.
using DefaultToken = asio::use_awaitable_t<>;

/// `auto [ec, n] = co_await conn.async_read_some(buffer, adit::as_tuple);` : the error as a value, not an exception.
inline constexpr asio::experimental::as_tuple_t<asio::use_awaitable_t<>> as_tuple{asio::use_awaitable};

} // namespace adit
