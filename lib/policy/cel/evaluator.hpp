// Walks a checked tree.
#pragma once

#include "policy/cel/ast.hpp"
#include "policy/cel/environment.hpp"

namespace adit::inline v0::cel {

/// A value or an error value; one of both if budget.spent().
Value evaluate_tree(const Node& root, const Activation& activation, Budget& budget, RegexCache& regex_cache);

} // namespace adit::inline v0::cel
