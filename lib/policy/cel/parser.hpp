// From text to a tree, by CEL's grammar; macros are recognised here.
#pragma once

#include "base/result.hpp"
#include "policy/cel/ast.hpp"

#include <string_view>

namespace adit::inline v0::cel {

/// Errors as of Program::compile().
Result<NodePtr> parse(std::string_view text);

/// "line L, column C: " and `problem`.
ErrorInfo error_at(std::string_view text, std::size_t position, std::string_view problem);

} // namespace adit::inline v0::cel
