#include "net/stream.hpp"

#include <array>

namespace adit::inline v0::net {
namespace {

constexpr std::size_t pump_buffer_size = 64 * 1024;
constexpr int half_close_looks = 12; // in half_close_time: whether anything moved, and whether anybody still reads

/// What the two directions of pump_both share.
struct Both {
    Both(std::shared_ptr<Stream> first, std::shared_ptr<Stream> second, std::chrono::milliseconds time)
        : half_close_time(time), a(std::move(first)), b(std::move(second)), other_done(a->executor()) {}

    const std::chrono::milliseconds half_close_time;
    std::shared_ptr<Stream> a, b;
    asio::steady_timer other_done; // cancelled when a direction has ended
    IoResult down;
    std::uint64_t up_bytes = 0, down_bytes = 0;
    bool up_done = false, down_done = false;
};

asio::awaitable<void> pump_down(std::shared_ptr<Both> both) {
    both->down = co_await pump(both->b, both->a, both->down_bytes);
    // Whoever got the last byte and neither sends nor leaves must not hold the connection for ever.
    std::uint64_t seen = both->up_bytes;
    for (int quiet = 0; !both->up_done;) {
        std::error_code cancelled;
        both->other_done.expires_after(both->half_close_time / half_close_looks);
        auto token = asio::redirect_error(asio::use_awaitable, cancelled);
        co_await both->other_done.async_wait(token);
        if (cancelled || both->up_done) continue;
        quiet = both->up_bytes == seen ? quiet + 1 : 0;
        seen = both->up_bytes;
        if (quiet < half_close_looks && both->b->is_write_open()) continue;
        both->a->close(); // what a has not taken yet stays with the kernel; a reset would discard it
        both->b->abort();
        break;
    }
    both->down_done = true;
    both->other_done.cancel();
}

} // namespace

Stream::~Stream() = default;

asio::awaitable<IoResult> pump(std::shared_ptr<Stream> from, std::shared_ptr<Stream> to, std::uint64_t& bytes) {
    std::unique_ptr<std::uint8_t[]> buffer;
    IoResult result;
    for (;;) {
        if (!buffer) {
            result = co_await from->wait_readable();
            if (!result.ok()) break;
            buffer = std::make_unique_for_overwrite<std::uint8_t[]>(pump_buffer_size);
        }
        const MutableBytes space(buffer.get(), pump_buffer_size);
        result = co_await from->read_some(space);
        if (!result.ok()) break;
        const std::size_t n = result.size();
        result = co_await to->write(Bytes(buffer.get(), n));
        if (!result.ok()) break;
        bytes += n;
        // A stream that goes quiet gives its buffer back; one that runs keeps it.
        if (n < pump_buffer_size / 4) buffer.reset();
    }
    if (result.eof()) {
        result = co_await to->shutdown_write();
        co_return result;
    }
    from->abort();
    to->abort();
    co_return result;
}

asio::awaitable<IoResult> pump_both(std::shared_ptr<Stream> a, std::shared_ptr<Stream> b, std::uint64_t& up,
                                    std::uint64_t& down, std::chrono::milliseconds half_close_time) {
    auto both = std::make_shared<Both>(a, b, half_close_time);
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, pump_down(both), asio::detached);
    IoResult result = co_await pump(both->a, both->b, both->up_bytes);
    both->up_done = true;
    both->other_done.cancel();
    while (!both->down_done) {
        std::error_code ignored;
        both->other_done.expires_at(asio::steady_timer::time_point::max());
        auto token = asio::redirect_error(asio::use_awaitable, ignored);
        co_await both->other_done.async_wait(token);
    }
    up += both->up_bytes;
    down += both->down_bytes;
    a->close();
    b->close();
    if (result.ok()) result = both->down;
    co_return result;
}

} // namespace adit
