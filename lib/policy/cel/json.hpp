// Values from and to JSON.
#pragma once

#include "policy/cel/environment.hpp"
#include "policy/cel/value.hpp"

#include <string>
#include <string_view>

namespace adit::inline v0::cel {

/// Whole numbers become int (uint where only that fits), others double; of two equal keys the last counts.
/// Answers an error for what is not JSON, or nested deeper than limits::cel_depth_max.
Value decode_json(std::string_view text, Budget& budget);
/// Without spaces. Bytes become base64, times and types their text, keys strings; an error for NaN, infinity,
/// and strings that are not UTF-8.
Value encode_json(const Value& value, Budget& budget);
bool is_json(std::string_view text);

} // namespace adit::inline v0::cel
