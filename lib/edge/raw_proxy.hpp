// Bytes between a visitor and an agent, as they are: tcp endpoints, and tls endpoints with or without our end of TLS.
#pragma once

#include <adit/asio.hpp>

#include "base/bytes.hpp"
#include "edge/endpoint.hpp"
#include "edge/visitor_facts.hpp"
#include "net/stream.hpp"

#include <memory>

namespace adit::inline v0::edge {

class EdgeContext;

/// Opens a stream to the agent and copies until both sides ended. `first`: what the visitor sent already. The caller keeps
/// `facts` alive. An agent that cannot be reached closes the visitor; the access record has the reason.
asio::awaitable<void> raw_proxy(EdgeContext& context, std::shared_ptr<net::Stream> visitor, const VisitorFacts& facts,
                                EndpointPtr endpoint, ByteQueue first);

} // namespace adit
