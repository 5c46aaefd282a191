// A link with delay, for machines without netem: relays TCP connections and holds every piece for DELAY_MS each way.
//
//   bench-link TARGET_PORT DELAY_MS     prints "ready PORT"; ends when standard input does
#include <adit/asio.hpp>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/write.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

namespace {

using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr std::size_t held_max = 64u << 20; // far above any window, so that only the delay limits

/// One direction: what was read waits in a queue until its time.
class Direction : public std::enable_shared_from_this<Direction> {
public:
    Direction(std::shared_ptr<tcp::socket> from, std::shared_ptr<tcp::socket> to, Clock::duration delay)
        : from_(std::move(from)), to_(std::move(to)), delay_(delay), changed_(from_->get_executor()) {
        changed_.expires_at(Clock::time_point::max());
    }
    void start() {
        asio::co_spawn(from_->get_executor(), read(shared_from_this()), asio::detached);
        asio::co_spawn(from_->get_executor(), write(shared_from_this()), asio::detached);
    }

private:
    struct Piece {
        Clock::time_point due;
        std::vector<char> bytes;
    };

    static asio::awaitable<void> read(std::shared_ptr<Direction> self) {
        std::error_code ec;
        auto token = asio::redirect_error(asio::use_awaitable, ec);
        while (!self->ended_) {
            std::vector<char> bytes(64 * 1024);
            const std::size_t n = co_await self->from_->async_read_some(asio::buffer(bytes), token);
            bytes.resize(ec ? 0 : n);
            self->held_ += bytes.size();
            self->ended_ = bytes.empty();
            self->queue_.push_back(Piece{Clock::now() + self->delay_, std::move(bytes)});
            self->changed_.cancel();
            while (self->held_ > held_max) co_await self->changed_.async_wait(token);
        }
    }

    static asio::awaitable<void> write(std::shared_ptr<Direction> self) {
        std::error_code ec;
        auto token = asio::redirect_error(asio::use_awaitable, ec);
        asio::steady_timer due(self->from_->get_executor());
        for (;;) {
            while (self->queue_.empty()) co_await self->changed_.async_wait(token);
            Piece piece = std::move(self->queue_.front());
            self->queue_.pop_front();
            due.expires_at(piece.due);
            co_await due.async_wait(token);
            if (piece.bytes.empty()) break;
            co_await asio::async_write(*self->to_, asio::buffer(piece.bytes), token);
            if (ec) break;
            self->held_ -= piece.bytes.size();
            self->changed_.cancel();
        }
        self->to_->shutdown(tcp::socket::shutdown_send, ec);
    }

    std::shared_ptr<tcp::socket> from_, to_;
    Clock::duration delay_;
    asio::steady_timer changed_; // never fires: cancelled to say that the queue changed
    std::deque<Piece> queue_;
    std::size_t held_ = 0;
    bool ended_ = false;
};

asio::awaitable<void> accept(tcp::acceptor& acceptor, tcp::endpoint target, Clock::duration delay) {
    auto executor = co_await asio::this_coro::executor;
    for (;;) {
        auto near = std::make_shared<tcp::socket>(executor), far = std::make_shared<tcp::socket>(executor);
        co_await acceptor.async_accept(*near, asio::use_awaitable);
        co_await far->async_connect(target, asio::use_awaitable);
        near->set_option(tcp::no_delay(true));
        far->set_option(tcp::no_delay(true));
        std::make_shared<Direction>(near, far, delay)->start();
        std::make_shared<Direction>(far, near, delay)->start();
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) return EXIT_FAILURE;
    asio::io_context context(1);
    tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    const tcp::endpoint target(asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoul(argv[1])));
    asio::co_spawn(context, accept(acceptor, target, std::chrono::milliseconds(std::stoul(argv[2]))), asio::detached);
    std::printf("ready %u\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    asio::posix::stream_descriptor input(context, ::dup(STDIN_FILENO));
    std::array<char, 16> byte{};
    input.async_read_some(asio::buffer(byte), [&context](std::error_code, std::size_t) { context.stop(); });
    context.run();
}
