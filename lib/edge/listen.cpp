#include "edge/listen.hpp"

#include "edge/context.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace adit::inline v0::edge {
namespace {

using Acceptor = asio::ip::tcp::acceptor;

ErrorInfo cannot_listen(const asio::ip::tcp::endpoint& address, const std::error_code& ec) {
    // Asio has a category of its own for them, which does not compare with std::errc.
    return ErrorInfo(std::error_code(ec.value(), std::system_category()),
                     "cannot listen on " + to_text(address) + ": " + ec.message());
}

void set_option(Acceptor& acceptor, int level, int name, int value, std::error_code& ec) {
    if (ec || ::setsockopt(acceptor.native_handle(), level, name, &value, sizeof value) == 0) return;
    ec = std::error_code(errno, std::system_category());
}

Result<Acceptor> open_acceptor(const asio::any_io_executor& executor, const asio::ip::tcp::endpoint& address,
                               bool shared) {
    std::error_code ec;
    Acceptor acceptor(executor);
    (void)acceptor.open(address.protocol(), ec);
    if (ec) return cannot_listen(address, ec);
    ::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC);
    set_option(acceptor, SOL_SOCKET, SO_REUSEADDR, 1, ec);
    if (shared) set_option(acceptor, SOL_SOCKET, SO_REUSEPORT, 1, ec);
    if (address.address().is_v6()) {
        set_option(acceptor, IPPROTO_IPV6, IPV6_V6ONLY, address.address().is_unspecified() ? 0 : 1, ec);
    }
    if (!ec) (void)acceptor.bind(address, ec);
    if (!ec) (void)acceptor.listen(Acceptor::max_listen_connections, ec);
    if (!ec) (void)acceptor.non_blocking(true, ec);
    if (ec) return cannot_listen(address, ec);
    return acceptor;
}

} // namespace

Result<std::vector<Acceptor>> listen_on(const std::vector<asio::any_io_executor>& executors,
                                        const asio::ip::tcp::endpoint& address) {
    std::vector<Acceptor> acceptors;
    asio::ip::tcp::endpoint actual = address;
    for (const asio::any_io_executor& executor : executors) {
        auto acceptor = open_acceptor(executor, actual, executors.size() > 1);
        if (!acceptor) return acceptor.error();
        std::error_code ec;
        actual = acceptor->local_endpoint(ec);
        if (ec) return cannot_listen(address, ec);
        acceptors.push_back(std::move(*acceptor));
    }
    return acceptors;
}

Result<std::vector<Acceptor>> listen_with(const std::vector<asio::any_io_executor>& executors, int fd) {
    const auto broken = [fd](const std::error_code& ec) {
        return ErrorInfo(errc::invalid_option, "the descriptor " + std::to_string(fd) + " is no listening TCP socket: " +
                                                   ec.message(), "listen_fd");
    };
    int listening = 0;
    socklen_t size = sizeof listening;
    if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0) {
        return broken(std::error_code(errno != 0 ? errno : EINVAL, std::system_category()));
    }
    sockaddr_storage address{};
    size = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return broken(std::error_code(errno, std::system_category()));
    if (address.ss_family != AF_INET && address.ss_family != AF_INET6)
        return broken(std::make_error_code(std::errc::address_family_not_supported));
    const auto protocol = address.ss_family == AF_INET ? asio::ip::tcp::v4() : asio::ip::tcp::v6();

    // One queue for all shards: each waits on its own copy of the descriptor.
    std::vector<Acceptor> acceptors;
    for (const asio::any_io_executor& executor : executors) {
        const bool last = acceptors.size() + 1 == executors.size();
        const int copy = last ? fd : ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0) return broken(std::error_code(errno, std::system_category()));
        if (last) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        std::error_code ec;
        Acceptor acceptor(executor);
        (void)acceptor.assign(protocol, copy, ec);
        if (!ec) (void)acceptor.non_blocking(true, ec);
        if (ec) return broken(ec);
        acceptors.push_back(std::move(acceptor));
    }
    return acceptors;
}

} // namespace adit
