#include "policy/cel/library.hpp"

namespace adit::inline v0::cel {

void add_library(Environment&) {}

} // namespace adit::inline v0::cel
