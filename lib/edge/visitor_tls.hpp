// The first bytes of a visitor on the HTTPS port, read before it is known who ends his TLS.
#pragma once

#include <adit/asio.hpp>

#include "base/bytes.hpp"
#include "net/socket.hpp"
#include "tls/client_hello.hpp"

#include <memory>

namespace adit::inline v0::edge {

/// Reads until the ClientHello is complete or wrong. All bytes read are in `seen`. need_more: the visitor left before.
/// The caller bounds the time (abort the stream) and keeps all three alive.
asio::awaitable<tls::ClientHelloReader::State> read_client_hello(std::shared_ptr<net::TcpStream> stream, ByteQueue& seen,
                                                                 tls::ClientHelloReader& reader);

/// Bytes that are no TLS: do they begin like a request line?
bool looks_like_http(Bytes bytes) noexcept;

} // namespace adit
