// What walks values to their depth, charged to a cost limit.
#pragma once

#include "policy/cel/environment.hpp"
#include "policy/cel/value.hpp"

namespace adit::inline v0::cel {

/// equal(); what it says once the budget is spent means nothing.
bool equal(const Value& a, const Value& b, Budget& budget);

} // namespace adit::inline v0::cel
