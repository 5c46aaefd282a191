// add-headers and remove-headers (behaviour C.2), and the header modules of a bind.
#pragma once

#include "base/result.hpp"
#include "http/message.hpp"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::policy {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// Empty if a policy may add (remove) this header, else why not: not a token, one that frames the message or
/// belongs to the connection, user-agent, ngrok-error-code; and ngrok-skip-browser-warning may not be added,
/// host not be removed.
std::string added_header_problem(std::string_view name);
std::string removed_header_problem(std::string_view name);
/// Empty if it can be a header's value, else why not: one line without control characters, at most
/// limits::policy_header_value_max bytes.
std::string header_value_problem(std::string_view value);

/// Appends each with its name in small letters; `host` takes the place of a request's. What has a problem is
/// left out, so that a value which was computed from a request cannot break it. Returns what was added.
HeaderList add_headers(Head& head, std::span<const std::pair<std::string, std::string>> headers);
/// Returns the names (in small letters) that were there.
std::vector<std::string> remove_headers(Head& head, std::span<const std::string> names);

} // namespace adit::inline v0::policy
