#include "policy/cel/regex.hpp"

#include <adit/limits.hpp>

#include <re2/re2.h>

namespace adit::inline v0::cel {

Regex::Regex(std::unique_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
Regex::~Regex() = default;

Result<std::shared_ptr<const Regex>> Regex::compile(std::string_view pattern) {
    if (pattern.size() > limits::cel_regex_max) {
        return ErrorInfo(make_error_code(errc::limit_exceeded), "the regular expression is longer than " +
                                                                    std::to_string(limits::cel_regex_max) +
                                                                    " bytes");
    }
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(limits::cel_regex_memory);
    auto compiled =
        std::make_unique<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
    if (!compiled->ok()) {
        return ErrorInfo(make_error_code(errc::invalid_option),
                         "the regular expression is wrong (RE2 syntax): " + compiled->error());
    }
    return std::make_shared<const Regex>(std::move(compiled));
}

bool Regex::matches(std::string_view text) const {
    return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *compiled_);
}

Result<std::shared_ptr<const Regex>> RegexCache::get(std::string_view pattern) {
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [known, regex] : entries_) {
            if (known == pattern) return regex;
        }
    }
    Result<std::shared_ptr<const Regex>> made = Regex::compile(pattern);
    if (!made) return made;
    const std::lock_guard lock(mutex_);
    if (entries_.size() < limits::cel_regexes_max) {
        entries_.emplace_back(std::string(pattern), *made);
    } else {
        entries_[next_] = {std::string(pattern), *made};
        next_ = (next_ + 1) % limits::cel_regexes_max;
    }
    return made;
}

} // namespace adit::inline v0::cel
