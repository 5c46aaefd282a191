// Compares what we send with what was recorded, field by field.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace adit_test {

/// "" if both JSON texts hold the same members in any order, else one line per difference, as in
///     Opts.Domain: expected "a", got "b"
/// A path in `except` ("Extra.UserAgent", "Extra") may differ or be missing, with everything below it.
std::string json_difference(std::string_view expected, std::string_view actual,
                            const std::vector<std::string>& except = {});

} // namespace adit_test
