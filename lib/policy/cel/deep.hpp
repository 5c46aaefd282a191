// What walks values to their depth, charged to a cost limit.
#pragma once

#include "policy/cel/environment.hpp"
#include "policy/cel/value.hpp"

namespace adit::inline v0::cel {

/// equal(); what it says once the budget is spent means nothing.
bool equal(const Value& a, const Value& b, Budget& budget);
/// The list of the second of each pair, in the order of the first; an error if these cannot be ordered. Equal
/// ones stay as they are.
Value sorted(std::vector<std::pair<Value, Value>> keyed, Budget& budget);

} // namespace adit::inline v0::cel
