// One certificate from a web server of somebody else, over verified TLS.
#pragma once

#include <adit/asio.hpp>

#include "base/result.hpp"
#include "tls/context.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace adit::inline v0::edge {

/// The body of the answer to a GET of `url` ("https://host/path", checked by the caller), at most
/// limits::webhook_certificate_max bytes. Only a 200 counts: redirects are not followed. `address`: "host:port" that is
/// dialled instead of the URL's host, "" for none; TLS still wants the URL's name. The whole takes at most `time`; a name
/// lookup of the system that hangs may exceed it. `executor` must run one handler at a time.
asio::awaitable<Result<std::string>> fetch_certificate(asio::any_io_executor executor,
                                                       std::shared_ptr<const tls::ClientContext> tls, std::string url,
                                                       std::string address, std::chrono::steady_clock::duration time);

} // namespace adit
