#include "net/dial.hpp"

#include "net/deadline.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <list>
#include <memory>
#include <string_view>
#include <utility>

#include <cerrno>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace adit::inline v0::net {
namespace {

using Clock = std::chrono::steady_clock;

/// Attempts that overlap; the first success ends it. Everything on the executor.
class Race : public std::enable_shared_from_this<Race> {
public:
    Race(const asio::any_io_executor& executor, std::vector<Tcp::endpoint> addresses)
        : executor_(executor), addresses_(std::move(addresses)), head_start_(executor), over_timer_(executor) {}

    void start() {
        over_timer_.expires_at(Clock::time_point::max());
        try_next();
    }
    /// Cancelled once the race is over.
    asio::steady_timer& over() noexcept { return over_timer_; }
    void finish(std::error_code error) {
        if (std::exchange(finished_, true)) return;
        error_ = error;
        head_start_.cancel();
        for (Tcp::socket& socket : attempts_) {
            std::error_code ignored;
            if (&socket != winner_) socket.close(ignored);
        }
        over_timer_.cancel();
    }
    const std::error_code& error() const noexcept { return error_; }
    Tcp::socket take() { return std::move(*winner_); }

private:
    void try_next() {
        if (finished_ || next_ == addresses_.size()) return;
        const Tcp::endpoint& address = addresses_[next_++];
        Tcp::socket& socket = attempts_.emplace_back(executor_);
        ++running_;
        socket.async_connect(address, [self = shared_from_this(), &socket](const std::error_code& ec) {
            self->tried(socket, ec);
        });
        if (next_ == addresses_.size()) return;
        head_start_.expires_after(limits::connect_head_start);
        head_start_.async_wait([self = shared_from_this()](const std::error_code& ec) {
            if (!ec) self->try_next();
        });
    }

    void tried(Tcp::socket& socket, const std::error_code& ec) {
        --running_;
        if (finished_) return;
        if (!ec) {
            winner_ = &socket;
            finish({});
            return;
        }
        std::error_code ignored;
        socket.close(ignored);
        if (next_ != addresses_.size()) {
            try_next();
        } else if (running_ == 0) {
            finish(ec);
        }
    }

    const asio::any_io_executor executor_;
    const std::vector<Tcp::endpoint> addresses_;
    std::size_t next_ = 0;
    std::size_t running_ = 0;
    std::list<Tcp::socket> attempts_; // their places stay
    Tcp::socket* winner_ = nullptr;
    asio::steady_timer head_start_;
    asio::steady_timer over_timer_;
    bool finished_ = false;
    std::error_code error_;
};

/// However the scope is left: what still runs is closed.
class Finish {
public:
    explicit Finish(std::shared_ptr<Race> race) : race_(std::move(race)) {}
    Finish(const Finish&) = delete;
    Finish& operator=(const Finish&) = delete;
    ~Finish() { race_->finish(asio::error::operation_aborted); }

private:
    std::shared_ptr<Race> race_;
};

/// "localhost" and names below it are this machine whatever a resolver says (RFC 6761 6.3), and also where there is none.
bool is_localhost(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    constexpr std::string_view name = "localhost";
    if (host.size() < name.size()) return false;
    const std::string_view end = host.substr(host.size() - name.size());
    const bool same = std::ranges::equal(end, name, {}, [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
    return same && (end.size() == host.size() || host[host.size() - end.size() - 1] == '.');
}

asio::awaitable<std::vector<Tcp::endpoint>> look_up(asio::any_io_executor executor, std::string host, std::string port,
                                                    Clock::duration time, std::error_code& ec) {
    Tcp::resolver resolver(executor);
    const Deadline deadline(executor, time, [&resolver] { resolver.cancel(); });
    const bool local = is_localhost(host);
    const std::string asked = local ? "127.0.0.1" : host;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    const auto found = co_await resolver.async_resolve(asked, port, Tcp::resolver::numeric_service, token);
    if (deadline.expired()) ec = errc::timed_out;
    std::vector<Tcp::endpoint> addresses;
    for (const auto& each : found) {
        if (addresses.size() == limits::connect_addresses) break;
        addresses.push_back(each.endpoint());
        if (local) addresses.emplace_back(asio::ip::address_v6::loopback(), each.endpoint().port());
    }
    co_return addresses;
}

} // namespace

asio::awaitable<Result<Tcp::socket>> connect_any(asio::any_io_executor executor, std::vector<Tcp::endpoint> addresses,
                                                 Clock::duration time) {
    if (addresses.empty()) co_return Result<Tcp::socket>(asio::error::make_error_code(asio::error::host_not_found));
    const auto race = std::make_shared<Race>(executor, std::move(addresses));
    const Finish finish(race);
    const Deadline deadline(executor, time, [race] { race->finish(make_error_code(errc::timed_out)); });
    race->start();
    std::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    co_await race->over().async_wait(token);
    race->finish(ec); // nothing, unless this coroutine was cancelled
    if (race->error()) co_return Result<Tcp::socket>(race->error());
    Tcp::socket socket = race->take();
    tune(socket);
    co_return Result<Tcp::socket>(std::move(socket));
}

asio::awaitable<Result<Tcp::socket>> dial(asio::any_io_executor executor, std::string host, std::string port,
                                          Clock::duration time) {
    const std::string target = host + ":" + port;
    const Clock::time_point end = Clock::now() + time;
    const auto failed = [&target](const char* step, const std::error_code& ec) {
        const bool late = ec == errc::timed_out;
        return ErrorInfo(ec, std::string(step) + " of " + target + (late ? " took too long" : " failed"));
    };
    std::error_code ec;
    std::vector<Tcp::endpoint> addresses = co_await look_up(executor, host, port, time, ec);
    if (ec) co_return failed("name lookup", ec);
    const Clock::duration left = std::max(end - Clock::now(), Clock::duration::zero());
    Result<Tcp::socket> socket = co_await connect_any(executor, std::move(addresses), left);
    if (!socket) co_return failed("TCP connect", socket.error().code());
    co_return Result<Tcp::socket>(std::move(*socket));
}

asio::awaitable<Result<Tcp::socket>> dial_local(asio::any_io_executor executor, std::string path,
                                                Clock::duration time) {
    constexpr auto pause = std::chrono::milliseconds(10);
    const Clock::time_point end = Clock::now() + time;
    std::error_code ec;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) ec = std::make_error_code(std::errc::filename_too_long);
    if (!ec) std::ranges::copy(path, address.sun_path);
    Tcp::socket socket(executor);
    if (!ec) {
        const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            ec.assign(errno, std::system_category());
        } else {
            socket.assign(Tcp::v4(), fd, ec);
            if (ec) (void)::close(fd);
        }
    }
    while (!ec) {
        const int done = ::connect(socket.native_handle(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
        if (done == 0) co_return Result<Tcp::socket>(std::move(socket));
        if (errno == EINTR) continue;
        // A full backlog is no state to wait for in the kernel.
        if (errno != EAGAIN) ec.assign(errno, std::system_category());
        if (!ec && Clock::now() >= end) ec = errc::timed_out;
        if (ec) break;
        asio::steady_timer timer(executor, pause);
        auto token = asio::redirect_error(asio::use_awaitable, ec);
        co_await timer.async_wait(token);
    }
    const bool late = ec == errc::timed_out;
    co_return ErrorInfo(ec, "connect to unix:" + path + (late ? " took too long" : " failed"));
}

} // namespace adit
