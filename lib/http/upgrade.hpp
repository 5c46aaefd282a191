// Upgrade in one place (RFC 9110 7.8): a tunnel begins only after the application itself agreed (T5).
#pragma once

#include "http/message.hpp"

namespace adit::inline v0 {

/// Does the request ask for a protocol that the edge passes on? Not h2c, not with a body, not CONNECT.
ADIT_INTERNAL bool is_upgrade(const Head& request) noexcept;
/// The WebSocket case of it.
ADIT_INTERNAL bool is_websocket(const Head& request) noexcept;
/// The response that switches: 101 with the protocol named.
ADIT_INTERNAL bool is_switching(const Head& response) noexcept;

} // namespace adit
