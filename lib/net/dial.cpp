#include "net/dial.hpp"

#include "base/ip_address.hpp"
#include "net/deadline.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <list>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace adit::inline v0::net {
namespace {

using Clock = std::chrono::steady_clock;

std::error_code last_error() noexcept { return {errno, std::system_category()}; }
/// Asio's own category for the same numbers compares with few of std::errc.
std::error_code as_errno(const std::error_code& ec) noexcept { return {ec.value(), std::system_category()}; }

/// Attempts that overlap; the first success ends it. Everything on the executor.
class Race : public std::enable_shared_from_this<Race> {
public:
    Race(const asio::any_io_executor& executor, std::vector<Tcp::endpoint> addresses, LocalEnd local)
        : executor_(executor), addresses_(std::move(addresses)), local_(std::move(local)), head_start_(executor),
          over_timer_(executor) {}

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
    /// The error is about our own end.
    bool is_local() const noexcept { return is_local_; }
    Tcp::socket take() { return std::move(*winner_); }

private:
    void try_next() {
        if (finished_ || next_ == addresses_.size()) return;
        const Tcp::endpoint& address = addresses_[next_++];
        Tcp::socket& socket = attempts_.emplace_back(executor_);
        ++running_;
        std::error_code error;
        socket.open(address.protocol(), error);
        // Before the connect: a program that starts another one meanwhile must not hand it on.
        if (!error) (void)::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
        const bool is_local = !error && !local_.empty();
        if (is_local) error = local_.apply(socket);
        if (error) {
            asio::post(executor_, [self = shared_from_this(), &socket, error = as_errno(error), is_local] {
                self->tried(socket, error, is_local);
            });
        } else {
            socket.async_connect(address, [self = shared_from_this(), &socket](const std::error_code& ec) {
                self->tried(socket, ec, false);
            });
        }
        if (next_ == addresses_.size()) return;
        head_start_.expires_after(limits::connect_head_start);
        head_start_.async_wait([self = shared_from_this()](const std::error_code& ec) {
            if (!ec) self->try_next();
        });
    }

    void tried(Tcp::socket& socket, const std::error_code& ec, bool is_local) {
        --running_;
        if (finished_) return;
        is_local_ = is_local;
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
    const LocalEnd local_;
    bool is_local_ = false; // the last error came before the connect
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

/// What is clear without a resolver, which costs a thread: addresses and localhost.
std::vector<Tcp::endpoint> known_addresses(const std::string& host, std::string_view port) {
    std::uint16_t number = 0;
    const auto [end, bad] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (bad != std::errc() || end != port.data() + port.size()) return {};
    if (is_localhost(host)) {
        return {Tcp::endpoint(asio::ip::address_v4::loopback(), number),
                Tcp::endpoint(asio::ip::address_v6::loopback(), number)};
    }
    std::error_code ec;
    const asio::ip::address address = asio::ip::make_address(host, ec);
    if (ec) return {};
    return {Tcp::endpoint(address, number)};
}

asio::awaitable<std::vector<Tcp::endpoint>> look_up(asio::any_io_executor executor, std::string host, std::string port,
                                                    Clock::duration time, std::error_code& ec) {
    std::vector<Tcp::endpoint> addresses = known_addresses(host, port);
    if (!addresses.empty()) co_return addresses;
    Tcp::resolver resolver(executor);
    const Deadline deadline(executor, time, [&resolver] { resolver.cancel(); });
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    const auto found = co_await resolver.async_resolve(host, port, Tcp::resolver::numeric_service, token);
    if (deadline.expired()) ec = errc::timed_out;
    for (const auto& each : found) {
        if (addresses.size() == limits::connect_addresses) break;
        addresses.push_back(each.endpoint());
    }
    co_return addresses;
}

} // namespace

LocalEnd LocalEnd::from_text(std::string_view text) {
    LocalEnd local;
    const auto address = IpAddress::parse(text);
    if (!address) {
        local.interface_ = text;
    } else if (address->is_v4()) {
        local.address_ = asio::ip::address_v4(address->v4());
    } else {
        local.address_ = asio::ip::address_v6(address->v6());
    }
    return local;
}

std::string LocalEnd::text() const { return interface_.empty() ? address_.to_string() : interface_; }

bool LocalEnd::suits(const Tcp::endpoint& peer) const {
    return empty() || !interface_.empty() || address_.is_v4() == peer.address().is_v4();
}

std::error_code LocalEnd::apply(Tcp::socket& socket) const {
    std::error_code ec;
    if (interface_.empty()) {
        // The port is chosen at connect, so that two connections to different peers may share one.
        const int on = 1;
        (void)::setsockopt(socket.native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        socket.bind(Tcp::endpoint(address_, 0), ec);
        return as_errno(ec);
    }
    if (::if_nametoindex(interface_.c_str()) == 0) return last_error();
    const auto size = static_cast<socklen_t>(interface_.size());
    if (::setsockopt(socket.native_handle(), SOL_SOCKET, SO_BINDTODEVICE, interface_.data(), size) != 0)
        return last_error();
    return {};
}

ErrorInfo LocalEnd::explain(const std::error_code& ec) const {
    const std::string what = "bind_interface: \"" + text() + "\" ";
    if (ec == std::errc::operation_not_permitted)
        return {ec, what + "needs CAP_NET_RAW on this kernel; name one of the interface's IP addresses instead"};
    if (!interface_.empty()) return {ec, what + "is no interface of this machine that can be used"};
    return {ec, what + "is no address of this machine that can be used"};
}

asio::awaitable<Result<std::vector<Tcp::endpoint>>> resolve(asio::any_io_executor executor, std::string host,
                                                            std::string port, Clock::duration time) {
    std::error_code ec;
    std::vector<Tcp::endpoint> addresses = co_await look_up(executor, host, port, time, ec);
    if (!ec && addresses.empty()) ec = asio::error::host_not_found;
    if (ec) {
        const char* end = ec == errc::timed_out ? " took too long" : " failed";
        co_return ErrorInfo(ec, "name lookup of " + host + ":" + port + end);
    }
    co_return Result<std::vector<Tcp::endpoint>>(std::move(addresses));
}

asio::awaitable<Result<Tcp::socket>> connect_any(asio::any_io_executor executor, std::vector<Tcp::endpoint> addresses,
                                                 Clock::duration time, LocalEnd local) {
    if (addresses.empty()) co_return Result<Tcp::socket>(asio::error::make_error_code(asio::error::host_not_found));
    std::erase_if(addresses, [&local](const Tcp::endpoint& address) { return !local.suits(address); });
    if (addresses.empty()) {
        co_return ErrorInfo(asio::error::address_family_not_supported,
                            "bind_interface: \"" + local.text() + "\" is of another address family than the target");
    }
    const auto race = std::make_shared<Race>(executor, std::move(addresses), local);
    const Finish finish(race);
    const Deadline deadline(executor, time, [race] { race->finish(make_error_code(errc::timed_out)); });
    race->start();
    std::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    co_await race->over().async_wait(token);
    race->finish(ec); // nothing, unless this coroutine was cancelled
    if (race->error() && race->is_local()) co_return local.explain(race->error());
    if (race->error()) co_return Result<Tcp::socket>(race->error());
    co_return Result<Tcp::socket>(race->take());
}

asio::awaitable<Result<Tcp::socket>> dial(asio::any_io_executor executor, std::string host, std::string port,
                                          Clock::duration time, LocalEnd local) {
    const std::string target = host + ":" + port;
    const Clock::time_point end = Clock::now() + time;
    Result<std::vector<Tcp::endpoint>> addresses = co_await resolve(executor, host, port, time);
    if (!addresses) co_return addresses.error();
    const Clock::duration left = std::max(end - Clock::now(), Clock::duration::zero());
    Result<Tcp::socket> socket = co_await connect_any(executor, std::move(*addresses), left, std::move(local));
    if (socket) co_return Result<Tcp::socket>(std::move(*socket));
    const std::error_code ec = socket.error().code();
    const std::string ended = ec == errc::timed_out ? " took too long" : " failed";
    const std::string& why = socket.error().message();
    co_return ErrorInfo(ec, "TCP connect of " + target + ended + (why.empty() ? why : ": " + why));
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
