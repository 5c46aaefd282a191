// What the fields of a head say together: exactly one framing, one host, and what follows on the connection.
// Whatever could be read in two ways is an error here, before anybody acts on it (RFC 9112 6, threats T1, T4,
// T5).
#pragma once

#include "http/http_error.hpp"
#include "http/message.hpp"
#include "http/target.hpp"

namespace adit::inline v0 {

/// Checks the fields and sets framing, length, keep_alive, upgrade and expect_continue. The version is set
/// already.
HttpError understand_request(Head& request, const Target& target);
/// The same for a response as if it answered a GET; what HEAD, CONNECT and the status change is for the
/// caller.
HttpError understand_response(Head& response);
/// May this field stand behind a body? Nothing that frames, routes, authenticates or is read before the body
/// may.
ADIT_INTERNAL bool may_trail(const Field& field) noexcept;

} // namespace adit
