// Finding a host and connecting to it.
#pragma once

#include "base/result.hpp"
#include "net/socket.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::net {

/// Our end of a connection, chosen by address or by interface; by default the kernel chooses.
class ADIT_INTERNAL LocalEnd {
public:
    LocalEnd() = default;
    /// An IP address without zone, else the name of an interface. Whether it exists is seen when it is used.
    static LocalEnd from_text(std::string_view text);

    bool empty() const noexcept { return interface_.empty() && address_.is_unspecified(); }
    std::string text() const;
    /// Whether `peer` can be connected to from here: an address has a family.
    bool suits(const Tcp::endpoint& peer) const;
    /// Binds the socket, which is open.
    std::error_code apply(Tcp::socket& socket) const;
    /// What an error of apply() means.
    ErrorInfo explain(const std::error_code& ec) const;

private:
    asio::ip::address address_; // unspecified: none
    std::string interface_;
};

/// The addresses of a name or IP literal, at most limits::connect_addresses and at least one; localhost needs no resolver.
/// Errors: the system's, errc::timed_out; the message names the target.
ADIT_INTERNAL asio::awaitable<Result<std::vector<Tcp::endpoint>>> resolve(asio::any_io_executor executor,
                                                                          std::string host, std::string port,
                                                                          std::chrono::steady_clock::duration time);

/// Resolves and connects within `time`. `host` is a name or an IP literal; those and localhost need no
/// resolver. Errors: the system's, errc::timed_out; the message names the step (name lookup, TCP) and the
/// target. `executor` must run one handler at a time.
ADIT_INTERNAL asio::awaitable<Result<Tcp::socket>> dial(asio::any_io_executor executor, std::string host,
                                                        std::string port, std::chrono::steady_clock::duration time,
                                                        LocalEnd local = LocalEnd());

/// The same for a local (AF_UNIX) stream socket. The socket is one for all of lib/net: what it is asked of TCP alone fails
/// without consequence.
ADIT_INTERNAL asio::awaitable<Result<Tcp::socket>> dial_local(asio::any_io_executor executor, std::string path,
                                                              std::chrono::steady_clock::duration time);

/// Connects to whichever address answers first. They are tried in their order, each with a head start of
/// limits::connect_head_start, so that one that swallows packets costs little (RFC 8305 5). Errors: the last one's,
/// errc::timed_out; one of `local` has a message.
ADIT_INTERNAL asio::awaitable<Result<Tcp::socket>> connect_any(asio::any_io_executor executor,
                                                               std::vector<Tcp::endpoint> addresses,
                                                               std::chrono::steady_clock::duration time,
                                                               LocalEnd local = LocalEnd());

} // namespace adit
