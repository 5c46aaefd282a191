// Arithmetic and comparison of CEL's three kinds of numbers.
#pragma once

#include "policy/cel/value.hpp"

#include <optional>

namespace adit::inline v0::cel {

inline bool is_numeric(Kind kind) noexcept {
    return kind == Kind::integer || kind == Kind::uint || kind == Kind::number;
}

/// Exact across kinds; nullopt if one is NaN.
std::optional<int> compare_numbers(const Value& a, const Value& b) noexcept;
/// As < and > have it: an integer meets a double as a double.
std::optional<int> order_numbers(const Value& a, const Value& b) noexcept;

} // namespace adit::inline v0::cel
