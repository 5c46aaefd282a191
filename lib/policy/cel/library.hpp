// The functions that every environment has, a group a file.
#pragma once

#include "policy/cel/environment.hpp"

namespace adit::inline v0::cel {

void add_library(Environment& environment);

} // namespace adit::inline v0::cel
