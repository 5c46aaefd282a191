// What a load balancer says of a connection before its first byte.
#pragma once

#include <adit/asio.hpp>

#include "base/result.hpp"
#include "net/socket.hpp"
#include "proto/proxy_protocol.hpp"

#include <memory>
#include <optional>

namespace adit::inline v0::edge {

/// Takes exactly the PROXY protocol header off a connection; what follows stays in the socket. The ends are those that the
/// balancer names; none for a connection of its own (health checks: UNKNOWN, LOCAL). The caller bounds the time (abort the
/// stream). Errors: those of ProxyProtocolReader, errc::protocol_error if the connection ends first.
asio::awaitable<Result<std::optional<ProxiedEnds>>> read_proxy_protocol(std::shared_ptr<net::TcpStream> stream);

} // namespace adit
