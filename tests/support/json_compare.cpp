#include "support/json_compare.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace adit_test {
namespace {

using Json = nlohmann::json;

void compare(const Json& expected, const Json& actual, const std::string& path,
             const std::vector<std::string>& except, std::string& out) {
    if (std::ranges::find(except, path) != except.end()) return;
    if (!expected.is_object() || !actual.is_object()) {
        if (expected != actual)
            out += path + ": expected " + expected.dump() + ", got " + actual.dump() + "\n";
        return;
    }
    const std::string prefix = path.empty() ? "" : path + ".";
    for (const auto& [key, value] : expected.items()) {
        if (actual.contains(key))
            compare(value, actual.at(key), prefix + key, except, out);
        else if (std::ranges::find(except, prefix + key) == except.end())
            out += prefix + key + ": missing\n";
    }
    for (const auto& [key, value] : actual.items()) {
        const bool excepted = std::ranges::find(except, prefix + key) != except.end();
        if (!expected.contains(key) && !excepted)
            out += prefix + key + ": not expected, got " + value.dump() + "\n";
    }
}

} // namespace

std::string json_difference(std::string_view expected, std::string_view actual,
                            const std::vector<std::string>& except) {
    const Json left = Json::parse(expected, nullptr, false);
    const Json right = Json::parse(actual, nullptr, false);
    if (left.is_discarded()) return "the expected text is not JSON\n";
    if (right.is_discarded()) return "the actual text is not JSON\n";
    std::string out;
    compare(left, right, "", except, out);
    return out;
}

} // namespace adit_test
