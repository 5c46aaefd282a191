#include "proto/rpc_error.hpp"

#include "base/ngrok_errors.hpp"

#include <charconv>

namespace adit::inline v0 {
namespace {

constexpr std::string_view marker = "ERR_NGROK_";
constexpr std::string_view space = " \t\r";

std::string_view trimmed(std::string_view line) {
    const std::size_t first = line.find_first_not_of(space);
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(space) - first + 1);
}

struct Code {
    int number = 0;
    bool alone = false; // nothing else is in the line
};

Code find_code(std::string_view line) {
    Code code;
    const std::size_t at = line.find(marker);
    if (at == std::string_view::npos) return code;
    const std::string_view digits = line.substr(at + marker.size());
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code.number);
    if (error != std::errc() || code.number <= 0) return {};
    code.alone = at == 0 && end == digits.data() + digits.size();
    return code;
}

// Official clients take any "ERR_NGROK_n" for the code, and drop the line that it is in: within a message it
// is "error n".
std::string without_codes(std::string_view message) {
    std::string text(message);
    for (std::size_t at = 0; (at = text.find(marker, at)) != std::string::npos;)
        text.replace(at, marker.size(), "error ");
    return text;
}

} // namespace

ErrorInfo parse_rpc_error(std::string_view text) {
    Code best;
    std::string message;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = rest.find('\n');
        const std::string_view line = trimmed(rest.substr(0, end));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        const Code code = find_code(line);
        if (code.number != 0 && (best.number == 0 || (code.alone && !best.alone))) best = code;
        if (line.empty() || code.alone) continue;
        if (!message.empty()) message += '\n';
        message += line;
    }
    if (best.number == 0) return {errc::refused, "", std::move(message)};
    return {ngrok_error(best.number), "", std::move(message)};
}

std::string format_rpc_error(int number, std::string_view message) {
    std::string text = without_codes(message);
    const NgrokErrorEntry* entry = find_ngrok_error(number);
    if (text.empty()) text = entry != nullptr ? entry->text : "the request was refused";
    if (number > 0) text += "\n\n" + std::string(marker) + std::to_string(number);
    return text;
}

} // namespace adit::inline v0
