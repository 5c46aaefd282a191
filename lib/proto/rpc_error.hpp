// The text of a refusal (agent-protocol 3.3): "message\n\nERR_NGROK_n".
#pragma once

#include <adit/error.hpp>

#include <string>
#include <string_view>

namespace adit::inline v0 {

/// The code of category ngrok and, as detail, the peer's text without the line of the code. Takes CR LF and
/// any place of the code in the text. A text without a number gives errc::refused.
ADIT_INTERNAL ErrorInfo parse_rpc_error(std::string_view text);

/// What an "Error" member holds. `number` 0: the message alone. An empty message is replaced by the table's
/// text. Another code within the message, "ERR_NGROK_n", becomes "error n": clients would take it for the
/// code.
ADIT_INTERNAL std::string format_rpc_error(int number, std::string_view message);

} // namespace adit::inline v0
