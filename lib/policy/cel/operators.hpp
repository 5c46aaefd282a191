// The operators on values, and what the checker knows of them.
#pragma once

#include "policy/cel/ast.hpp"
#include "policy/cel/environment.hpp"
#include "policy/cel/type.hpp"
#include "policy/cel/value.hpp"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::cel {

std::string_view operator_mark(Op op) noexcept;
/// The result of negate; nullopt if there is none for that type.
std::optional<Type> operator_type(Op op, const Type& operand);
/// Of < to >= and + to %.
std::optional<Type> operator_type(Op op, const Type& left, const Type& right);

Value negate(const Value& operand);
/// + - * / %
Value arithmetic(Op op, const Value& left, const Value& right, Budget& budget);
/// < <= > >=
Value ordering(Op op, const Value& left, const Value& right, Budget& budget);
Value contained(const Value& what, const Value& in, Budget& budget);
Value element_of(const Value& of, const Value& index);
/// A map of keys that a map can have, each once; an error otherwise.
Value make_map(std::vector<std::pair<Value, Value>> entries);

Value no_overload(Op op, const Value& left, const Value& right);

} // namespace adit::inline v0::cel
