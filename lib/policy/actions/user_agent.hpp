// Who it says it is: the User-Agent filter of a bind (behaviour C.5; refusal 403 with 3211), and what a
// User-Agent tells (req.user_agent, C.3).
#pragma once

#include "base/result.hpp"
#include "http/fields.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace adit::inline v0::policy {

/// Regular expressions (RE2, found anywhere, with case) over the first User-Agent. Thread-safe after
/// construction.
class UserAgentFilter {
public:
    /// 2090 names the expression that RE2 refuses; 2218 is for more than limits::module_entries_max in a
    /// list.
    static Result<UserAgentFilter> create(std::span<const std::string> allow,
                                          std::span<const std::string> deny);

    /// A request passes if it matches any of `allow`, or none of `deny`. One without User-Agent passes only
    /// if `allow` matches the empty text, one with more than limits::user_agent_max bytes does not.
    bool allows(const Fields& request) const;

private:
    struct Patterns;
    explicit UserAgentFilter(std::shared_ptr<const Patterns> patterns) : patterns_(std::move(patterns)) {}
    std::shared_ptr<const Patterns> patterns_;
};

/// What a User-Agent tells, by a table of the usual browsers, tools and crawlers. Everybody can send
/// everything here.
struct UserAgent {
    std::string name;    ///< "Chrome", "curl"; the first product of an unknown one
    std::string version; ///< "120.0.6099.71"
    std::string os;      ///< "Windows", "macOS", "iOS", "Android", "Linux", "CrOS", "FreeBSD"; "" if unknown
    std::string os_version; ///< "10.0", "17.2"
    std::string device;     ///< "iPhone", "iPad", an Android model; "" if not said
    std::string url;        ///< of a crawler: "http://www.google.com/bot.html"
    bool is_mobile = false;
    bool is_tablet = false;
    bool is_desktop = false;
    bool is_bot = false;
};
UserAgent parse_user_agent(std::string_view text);

} // namespace adit::inline v0::policy
