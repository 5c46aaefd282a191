// Values as text.
#pragma once

#include "base/result.hpp"
#include "policy/cel/environment.hpp"
#include "policy/cel/value.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace adit::inline v0::cel {

/// "an int", "a string".
std::string with_article(std::string_view noun);
/// The shortest decimal that reads back as the same, with an exponent below 1e-4 and from 1e21.
std::string format_number(double number);
/// Decimal only, all of the text; infinite if it is too large.
std::optional<double> parse_number(std::string_view text);
/// What string() makes of a scalar; nullopt for null, lists and maps, and for bytes that are not UTF-8.
std::optional<std::string> scalar_text(const Value& value);

} // namespace adit::inline v0::cel
