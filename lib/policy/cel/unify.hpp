// What the checker knows of types: which go together, and what comes of two.
#pragma once

#include "policy/cel/type.hpp"

#include <map>
#include <span>
#include <vector>

namespace adit::inline v0::cel {

/// What the letters of one signature stand for.
using Bindings = std::map<char, Type>;

/// Whether a value of type `given` may be one of type `wanted`; dyn may be everything. Binds parameters of
/// `wanted`.
bool assignable(const Type& given, const Type& wanted, Bindings& bindings);
bool assignable(const Type& given, const Type& wanted);
/// The type that holds values of both; dyn if there is no closer one.
Type join(const Type& a, const Type& b);
/// Whether == of both is not a mistake: it could be true.
bool comparable(const Type& a, const Type& b);
/// With the parameters replaced; dyn for unbound ones.
Type substitute(const Type& type, const Bindings& bindings);

} // namespace adit::inline v0::cel
