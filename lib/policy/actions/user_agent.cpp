#include "policy/actions/user_agent.hpp"

#include <adit/limits.hpp>

#include <re2/re2.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace adit::inline v0::policy {
namespace {

using Regexes = std::vector<std::unique_ptr<const re2::RE2>>;

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

std::optional<ErrorInfo> compile(std::span<const std::string> texts, std::string_view list, Regexes& out) {
    if (texts.size() > limits::module_entries_max) {
        return ErrorInfo(ngrok_error(2218), std::string(list) + " has more than " +
                                                std::to_string(limits::module_entries_max) +
                                                " regular expressions");
    }
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(limits::policy_regex_memory);
    options.set_never_capture(true);
    options.set_encoding(
        re2::RE2::Options::EncodingLatin1); // a byte that is no UTF-8 would be matched by nothing, not by "."
    for (const std::string& text : texts) {
        if (text.size() > limits::policy_regex_max)
            return ErrorInfo(ngrok_error(2090), std::string(list) + ": a regular expression is too long");
        auto regex = std::make_unique<const re2::RE2>(text, options);
        if (!regex->ok())
            return ErrorInfo(ngrok_error(2090),
                             std::string(list) + ": this is no regular expression: " + regex->error(), text);
        out.push_back(std::move(regex));
    }
    return std::nullopt;
}

bool any_matches(const Regexes& regexes, std::string_view text) {
    return std::any_of(regexes.begin(), regexes.end(),
                       [&](const auto& regex) { return re2::RE2::PartialMatch(piece(text), *regex); });
}

} // namespace

struct UserAgentFilter::Patterns {
    Regexes allow;
    Regexes deny;
};

Result<UserAgentFilter> UserAgentFilter::create(std::span<const std::string> allow,
                                                std::span<const std::string> deny) {
    auto patterns = std::make_shared<Patterns>();
    if (auto error = compile(allow, "allow", patterns->allow)) return *error;
    if (auto error = compile(deny, "deny", patterns->deny)) return *error;
    return UserAgentFilter(std::move(patterns));
}

bool UserAgentFilter::allows(const Fields& request) const {
    const auto sent = request.find("user-agent");
    const std::string_view text = sent.value_or(std::string_view());
    if (text.size() > limits::user_agent_max) return false;
    if (any_matches(patterns_->allow, text)) return true;
    return sent.has_value() && !any_matches(patterns_->deny, text);
}

} // namespace adit::inline v0::policy
