// Gives names their meaning and trees their types, and works constants up.
#pragma once

#include "base/result.hpp"
#include "policy/cel/ast.hpp"
#include "policy/cel/program.hpp"

#include <string_view>
#include <vector>

namespace adit::inline v0::cel {

/// `reads` gets a flag a variable. Errors as of Program::compile(); `text` is what `root` was parsed from.
Result<void> check(Node& root, std::string_view text, const Environment& environment, Checking checking,
                   std::vector<bool>& reads);

} // namespace adit::inline v0::cel
