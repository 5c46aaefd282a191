// What visitors and applications of the session simulation say to each other.
#pragma once

#include "sim/session_run.hpp"

namespace adit::sim {

using CallPtr = std::shared_ptr<Calls::Call>;

/// Sends back what comes, to the end.
asio::awaitable<void> mirror(Connection connection, CallPtr call);
/// Answers each request with 200.
asio::awaitable<void> answer_http(Connection connection, CallPtr call);

/// `outcome` becomes 1 if the visitor was served and -1 if not.
asio::awaitable<void> visit_http(std::uint16_t port, std::string host, std::shared_ptr<int> outcome, CallPtr call);
/// Sends `size` bytes, which come back unless the link is cut; another byte than was sent breaks the law.
asio::awaitable<void> visit_tcp(std::uint16_t port, std::size_t size, std::uint64_t number, std::shared_ptr<int> outcome,
                                Calls& calls);

} // namespace adit::sim
