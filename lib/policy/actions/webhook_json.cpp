// Bodies that have to be parsed to find their signature are anybody's: what they would cost is counted first.
#include "policy/actions/webhook_scheme.hpp"

namespace adit::inline v0::policy::webhook {

// A parser stops at the first mistake, and up to there it sees the same strings, brackets and commas.
Verdict json_problem(Bytes body) {
    if (body.size() > limits::webhook_parsed_max) return "the body is too large to be checked";
    const std::string_view text = as_text(body);
    std::size_t values = 1, depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        switch (text[i]) {
        case '"': in_string = !in_string; break;
        case '\\': i += in_string ? 1 : 0; break;
        case '[':
        case '{':
            if (!in_string && ++depth > limits::json_depth_max) return "the body is nested too deeply to be checked";
            [[fallthrough]];
        case ',':
            if (!in_string && ++values > limits::webhook_values_max) return "the body has too many values to be checked";
            break;
        case ']':
        case '}':
            if (!in_string && depth > 0) --depth;
            break;
        default: break;
        }
    }
    return {};
}

} // namespace adit::inline v0::policy::webhook
