// A request as a command for a shell.
#pragma once

#include "inspector/exchange.hpp"

#include <string>
#include <string_view>

namespace adit::inline v0::inspector {

/// One word of a POSIX shell, or of bash where control characters and bytes beyond ASCII need its $'...'.
std::string shell_word(std::string_view text);

/// A curl command that makes the request again, at `base` ("https://app.example.com") instead of the upstream. What curl and
/// the edge say by themselves is left out: Host, framing, who the visitor was. A body that was cut is sent as far as it was
/// kept, which the command says in a comment.
std::string curl_command(const Message& request, std::string_view base);

} // namespace adit
