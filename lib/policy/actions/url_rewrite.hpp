// redirect and url-rewrite (behaviour C.2): a regular expression over the whole URL of a request.
#pragma once

#include "base/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace adit::inline v0::policy {

/// "https://app.example/path?query" of a request: without the port if it is the scheme's own. Of a target in
/// absolute form the path is taken; "*" is no path.
std::string whole_url(std::string_view scheme, std::string_view host, std::string_view target);

/// Where a URL goes. Thread-safe after construction.
class UrlPattern {
public:
    /// A regular expression (RE2), found anywhere in the URL. 2261 says what is wrong with it.
    static Result<UrlPattern> create(std::string_view from);

    /// `url` with each match replaced by `to`, in which $0 to $9 are what the groups matched ("" if the group
    /// does not exist) and $$ is $. nullopt: nothing matched, or the result is `url` itself: skip the action.
    /// errc::limit_exceeded beyond limits::rewritten_url_max.
    Result<std::optional<std::string>> replace(std::string_view url, std::string_view to) const;

    /// Empty if `to` uses only groups that the expression has, else which it has not.
    std::string replacement_problem(std::string_view to) const;

private:
    struct Compiled;
    explicit UrlPattern(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
    std::shared_ptr<const Compiled> compiled_;
};

/// A URL that a request can be given: http or https, a host, and an origin-form target ("/" if it has no
/// path).
struct RewrittenUrl {
    std::string scheme;    ///< in small letters
    std::string authority; ///< host, perhaps with a port
    std::string target;
};
/// errc::invalid_option says what is wrong. A fragment is dropped; what cannot stand in a request line is
/// refused.
Result<RewrittenUrl> parse_rewritten(std::string_view url);

/// Empty if it can be the value of Location, else what is wrong.
std::string location_problem(std::string_view url);

} // namespace adit::inline v0::policy
