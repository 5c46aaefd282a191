#include "net/stream.hpp"

#include <array>

namespace adit::inline v0::net {
namespace {

constexpr std::size_t pump_buffer_size = 64 * 1024;

/// What the two directions of pump_both share.
struct Both {
    Both(std::shared_ptr<Stream> first, std::shared_ptr<Stream> second)
        : a(std::move(first)), b(std::move(second)), other_done(a->executor()) {
        other_done.expires_at(asio::steady_timer::time_point::max());
    }
    std::shared_ptr<Stream> a, b;
    asio::steady_timer other_done; // never fires: cancelled when the direction b to a ended
    IoResult down;
    std::uint64_t up_bytes = 0, down_bytes = 0;
    bool done = false;
};

asio::awaitable<void> pump_down(std::shared_ptr<Both> both) {
    both->down = co_await pump(both->b, both->a, both->down_bytes);
    both->done = true;
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
                                    std::uint64_t& down) {
    auto both = std::make_shared<Both>(a, b);
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, pump_down(both), asio::detached);
    IoResult result = co_await pump(both->a, both->b, both->up_bytes);
    while (!both->done) {
        std::error_code ignored;
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
