// RE2 behind the two ways in which expressions use it: patterns known to the compiler, and patterns made at
// run time.
#pragma once

#include "base/result.hpp"
#include "policy/cel/value.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace re2 {
class RE2;
}

namespace adit::inline v0::cel {

/// A compiled pattern. Thread-safe.
class Regex final : public Shared {
public:
    /// errc::invalid_option with what RE2 says of it.
    static Result<std::shared_ptr<const Regex>> compile(std::string_view pattern);
    explicit Regex(std::unique_ptr<const re2::RE2> compiled);
    ~Regex() override;

    /// Whether it is found anywhere in the text.
    bool matches(std::string_view text) const;

private:
    std::unique_ptr<const re2::RE2> compiled_;
};

/// The last patterns that a program met at run time. Thread-safe.
class RegexCache {
public:
    Result<std::shared_ptr<const Regex>> get(std::string_view pattern);

private:
    std::mutex mutex_;
    std::vector<std::pair<std::string, std::shared_ptr<const Regex>>> entries_;
    std::size_t next_ = 0; // the one that goes when another is needed
};

} // namespace adit::inline v0::cel
