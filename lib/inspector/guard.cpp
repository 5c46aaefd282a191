#include "inspector/guard.hpp"

#include "base/url.hpp"
#include "http/fields.hpp"

#include <algorithm>
#include <optional>

namespace adit::inline v0::inspector {
namespace {

ErrorInfo refuse(std::string message) { return {errc::refused, std::move(message)}; }

} // namespace

bool is_safe(std::string_view method) noexcept { return method == "GET" || method == "HEAD"; }

/// With the own port; a name that was allowed may come by any, for whoever allowed it knows the way.
bool Guard::is_own(std::string_view text) const {
    const Result<HostPort> split = split_host_port(text);
    if (!split || split->host.empty()) return false;
    const std::string& host = split->host;
    const auto same = [&host](std::string_view name) { return iequals(host, name); };
    if (std::ranges::any_of(allowed_, same)) return true;
    const bool local = same("localhost") || same("127.0.0.1") || same("::1") || same(address_);
    return local && split->port.value_or(80) == port_;
}

Result<void> Guard::check(const Head& request, bool api) const {
    const std::string host(request.host());
    if (!is_own(host)) {
        return refuse("the Host '" + host + "' is not a name of this inspector; to use it, name it in " +
                      "InspectorOptions::allow_host");
    }
    if (!api && is_safe(request.method())) return {};
    if (const auto site = request.find("Sec-Fetch-Site"); site && *site != "same-origin" && *site != "none")
        return refuse("the page of another site may not use this");
    if (is_safe(request.method())) return {};
    const auto origin = request.find("Origin");
    if (origin && !iequals(*origin, "http://" + host)) return refuse("the page of another site may not change anything here");
    return {};
}

} // namespace adit
