// Between HTTP/2 and HTTP/1.1, where a head alone does not say it. What else differs is done where it is met: Cookie
// is joined and Host made of :authority by ServerSession and ClientSession, which also leave out what belongs to a
// connection of HTTP/1.1; framing and TE are for lib/http/header_rules.hpp.
#pragma once

#include "http2/session.hpp"

#include <span>

namespace adit::inline v0::http2 {

/// Makes the GET with Upgrade that HTTP/1.1 has for an extended CONNECT (RFC 8441 5); apply_request_rules() comes
/// next. `nonce`: random, for Sec-WebSocket-Key, which HTTP/2 does not have. False, and nothing changed, if
/// `protocol` may not be upgraded to. The answer 101 to it is given to ServerSession::respond() as it is.
bool make_upgrade(Head& request, std::string_view protocol, std::span<const std::uint8_t, 16> nonce);

} // namespace adit
